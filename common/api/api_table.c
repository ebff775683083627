/*
 * The tables of the control API: one line per field, one row per method. All other code that needs facts about the API
 * reads these. The words are those of IONOS Certificate Manager where it has them.
 */
#include "common/alloc.h"
#include "common/api/alert_kinds.h"
#include "common/api/api.h"
#include "common/api/consumer_kinds.h"
#include "common/api/dns_kinds.h"
#include "common/api/endpoint.h"
#include "common/api/outputs.h"

/* One row per line is easier to compare. */
/* clang-format off */

enum { MAX_PAGE = 1000, MAX_SPAN = 400 * 86400 };

#define END { .name = NULL }
#define NAME_FIELD(what) \
	{ .name = "name", .type = API_STRING, .flags = API_REQUIRED, .metavar = "NAME", .help = what }

#define LABELS_FIELD(what) \
	{ .name = "labels", .type = API_STRLIST, .flags = API_LABEL, .option = "label", .metavar = "LABEL", \
		.help = what }

static const char *const key_algorithms[] = { "secp256r1", "secp384r1", "rsa2048", "rsa3072", "rsa4096",
	NULL };
static const char *const challenges[] = { "auto", "http-01", "dns-01", "manual", NULL };
static const char *const rollbacks[] = { "never", "onFailure", NULL };
static const char *const activations[] = { CONSUMER_KINDS(CONSUMER_KIND_NAME) NULL };
static const char *const protocols[] = { ENDPOINT_PROTOCOLS(ENDPOINT_PROTOCOL_NAME) NULL };
static const char *const layouts[] = { OUTPUT_LAYOUTS(OUTPUT_LAYOUT_WORD) NULL };
static const char *const signals[] = { "HUP", "USR1", "USR2", "INT", "TERM", NULL };
static const char *const states[] = { "PROVISIONING", "AVAILABLE", "FAILED", NULL };
static const char *const statuses[] = { "pending", "active", "expired", "revoked", NULL };
static const char *const alert_kinds[] = { ALERT_KINDS(ALERT_KIND_NAME) NULL };
static const char *const alert_templates[] = { ALERT_TEMPLATES(ALERT_KIND_NAME) NULL };
static const char *const alert_securities[] = { "starttls", "tls", "none", NULL };
static const char *const alert_severities[] = { "warning", "critical", NULL };
static const char *const roles[] = { "viewer", "operator", "admin", NULL };

#define SERVED_HELP "result of the probes: served, incomplete chain, stale, mismatch or unreachable"

static const struct api_field error_fields[] = {
	{ .name = "code", .type = API_STRING, .help = "class of the error" },
	{ .name = "message", .type = API_STRING, .help = "what went wrong" },
	{ .name = "field", .type = API_STRING, .help = "parameter or property that caused it" },
	{ .name = "problem", .type = API_STRING, .help = "ACME problem type" },
	{ .name = "retry", .type = API_BOOL, .help = "whether the same request may succeed later" },
	{ .name = "retryAt", .type = API_TIME, .help = "earliest time of another attempt" },
	END,
};

static const struct api_field object_ref_fields[] = {
	{ .name = "type", .type = API_STRING, .help = "type of the object" },
	{ .name = "id", .type = API_STRING, .help = "id of the object" },
	{ .name = "name", .type = API_STRING, .help = "name of the object" },
	END,
};

const struct api_field api_common_metadata[] = {
	{ .name = "state", .type = API_ENUM, .values = states, .help = "whether it is ready for use" },
	{ .name = "message", .type = API_STRING, .help = "reason for this state" },
	{ .name = "createdDate", .type = API_TIME, .help = "time of creation" },
	{ .name = "createdBy", .type = API_STRING, .help = "user or token that created it" },
	{ .name = "createdByUserId", .type = API_STRING, .help = "uid of that user, or id of that token" },
	{ .name = "lastModifiedDate", .type = API_TIME, .help = "time of the last change" },
	{ .name = "lastModifiedBy", .type = API_STRING, .help = "user or token that made the last change" },
	{ .name = "lastModifiedByUserId", .type = API_STRING, .help = "uid of that user, or id of that token" },
	{ .name = "resourceURN", .type = API_STRING, .help = "collection and id in one string" },
	{ .name = "secrets", .type = API_STRLIST, .help = "names of its secrets; the secrets are never returned" },
	END,
};

static const char *const effects[] = { "nothing", "redeploy", "reissue", NULL };

const struct api_field api_effect_fields[] = {
	{ .name = "action", .type = API_ENUM, .values = effects,
		.help = "effect of the change: nothing, another deployment, or a new certificate" },
	{ .name = "changed", .type = API_STRLIST, .help = "properties that differ" },
	{ .name = "reasons", .type = API_STRLIST, .help = "effect of each of them" },
	END,
};

/* provider */

static const struct api_field eab_fields[] = {
	{ .name = "keyId", .type = API_STRING, .option = "eab-key-id", .metavar = "ID",
		.help = "key identifier from the CA" },
	{ .name = "keySecret", .type = API_SECRET, .option = "eab-key", .metavar = "FILE",
		.help = "MAC key from the CA, base64 or base64url" },
	END,
};

static const struct api_field provider_properties[] = {
	NAME_FIELD("name of the provider"),
	{ .name = "email", .type = API_STRING, .flags = API_REQUIRED, .metavar = "ADDRESS",
		.help = "contact address of the account" },
	{ .name = "server", .type = API_STRING, .flags = API_REQUIRED, .metavar = "URL",
		.help = "URL of the ACME directory, or a well-known name such as letsencrypt" },
	{ .name = "termsOfServiceAgreed", .type = API_BOOL, .option = "agree-tos",
		.help = "accept the CA's terms of service" },
	{ .name = "externalAccountBinding", .type = API_OBJECT, .fields = eab_fields,
		.help = "bind the ACME account to an existing account with the CA" },
	{ .name = "caFile", .type = API_PATH, .metavar = "FILE",
		.help = "root certificates (PEM) for TLS connections to the CA", .fallback = "the system's" },
	{ .name = "profile", .type = API_STRING, .metavar = "NAME",
		.help = "certificate profile, if the CA offers profiles" },
	{ .name = "preferredChain", .type = API_STRING, .metavar = "CN",
		.help = "prefer the chain whose topmost issuer has this common name" },
	{ .name = "accountKeyAlgorithm", .type = API_ENUM, .flags = API_IMMUTABLE, .values = key_algorithms,
		.fallback = "secp256r1", .help = "algorithm of the account key" },
	{ .name = "accountKey", .type = API_SECRET, .flags = API_IMMUTABLE | API_FILE, .option = "account-key",
		.metavar = "FILE", .fallback = "a new one",
		.help = "private key of an existing account, PEM or JWK (private_key.json of certbot)" },
	{ .name = "maxOrders", .type = API_INT, .min = 1, .max = 100, .metavar = "N",
		.help = "maximum number of concurrent orders", .fallback = "max-orders of certd.conf" },
	END,
};

static const struct api_field provider_metadata[] = {
	{ .name = "directoryUrl", .type = API_STRING, .flags = API_ALWAYS, .help = "URL of the ACME directory" },
	{ .name = "accountUrl", .type = API_STRING, .help = "URL of the account at the CA" },
	{ .name = "accountThumbprint", .type = API_STRING, .help = "thumbprint of the account key (RFC 7638)" },
	{ .name = "termsOfService", .type = API_STRING, .help = "URL of the CA's terms of service" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt" },
	END,
};

static const struct api_column provider_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "SERVER", "properties.server", 2 },
	{ "EMAIL", "properties.email", 3 },
	{ "STATE", "metadata.state", 0 },
	{ "MESSAGE", "metadata.message", 1 },
	{ .title = NULL },
};

/* autoCertificate */

static const struct api_field autocert_properties[] = {
	{ .name = "name", .type = API_STRING, .flags = API_ALWAYS, .metavar = "NAME",
		.help = "name of the auto-certificate", .fallback = "from the common name" },
	{ .name = "provider", .type = API_REF, .flags = API_REQUIRED, .resource = "provider",
		.metavar = "PROVIDER", .help = "CA account that issues the certificate" },
	{ .name = "commonName", .type = API_STRING, .flags = API_REQUIRED, .option = "cn",
		.metavar = "DOMAIN",
		.help = "first name of the certificate, such as www.example.com or *.example.com" },
	{ .name = "subjectAlternativeNames", .type = API_STRLIST, .option = "san", .metavar = "DOMAIN",
		.help = "additional name" },
	{ .name = "keyAlgorithm", .type = API_ENUM, .values = key_algorithms, .fallback = "secp256r1",
		.help = "algorithm of the certificate's key" },
	{ .name = "challenge", .type = API_ENUM, .values = challenges, .fallback = "auto",
		.help = "how the CA validates the names" },
	{ .name = "dnsProvider", .type = API_REF, .resource = "dnsProvider", .option = "dns",
		.metavar = "DNS", .help = "DNS provider for dns-01",
		.fallback = "the one that has the zone" },
	{ .name = "consumers", .type = API_REFLIST, .resource = "consumer", .option = "consumer",
		.metavar = "CONSUMER", .help = "consumer of the certificate" },
	{ .name = "reuseKey", .type = API_BOOL, .help = "keep the private key at renewal" },
	{ .name = "profile", .type = API_STRING, .metavar = "NAME", .help = "certificate profile",
		.fallback = "the provider's" },
	{ .name = "renewBefore", .type = API_SPAN, .min = 60, .max = MAX_SPAN, .metavar = "SPAN",
		.help = "renew this long before expiry, at most a third of the lifetime (half if it is below 10 days)",
		.fallback = "renew-before in certd.conf" },
	LABELS_FIELD("word or KEY=VALUE, for lists and scopes"),
	END,
};

static const struct api_field autocert_metadata[] = {
	{ .name = "commonName", .type = API_STRING, .flags = API_ALWAYS,
		.help = "common name in canonical form, as it is ordered" },
	{ .name = "subjectAlternativeNames", .type = API_STRLIST, .flags = API_ALWAYS,
		.help = "other names in canonical form, each once" },
	{ .name = "lastIssuedCertificate", .type = API_REF, .resource = "certificate",
		.help = "newest certificate" },
	{ .name = "notBefore", .type = API_TIME, .help = "start of validity of the newest certificate" },
	{ .name = "notAfter", .type = API_TIME, .help = "end of validity of the newest certificate" },
	{ .name = "paused", .type = API_BOOL, .help = "whether renewal is suspended" },
	{ .name = "nextAction", .type = API_STRING, .help = "next planned action" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of that action" },
	{ .name = "progress", .type = API_STRING, .help = "current step" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "lastAttemptDate", .type = API_TIME, .help = "time of the last order" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "directory of its files" },
	{ .name = "rolledBackDate", .type = API_TIME,
		.help = "time of a rollback, until a certificate that is not rolled back is served" },
	{ .name = "rolledBackTo", .type = API_REF, .resource = "certificate",
		.help = "earlier certificate that is deployed instead of the newest" },
	{ .name = "served", .type = API_STRING, .help = SERVED_HELP },
	END,
};

static const struct api_column autocert_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "COMMON NAME", "metadata.commonName", 4 },
	{ "PROVIDER", "properties.provider", 5 },
	{ "STATE", "metadata.state", 0 },
	{ "EXPIRES", "metadata.notAfter", 0 },
	{ "SERVED", "metadata.served", 1 },
	{ "NEXT", "metadata.nextAction", 2 },
	{ "WHEN", "metadata.nextDate", 3 },
	{ .title = NULL },
};

/*
 * certificate: as with IONOS, the PEM is among the properties; the key is never returned. Only the name of an issued
 * certificate can be set.
 */

static const struct api_field certificate_properties[] = {
	{ .name = "name", .type = API_STRING, .flags = API_ALWAYS, .metavar = "NAME", .help = "name of the certificate",
		.fallback = "common name and time of import" },
	{ .name = "certificate", .type = API_TEXT, .flags = API_IMMUTABLE | API_ALWAYS, .max = JSON_MAX_STRING,
		.help = "certificate, PEM; its issuers may follow it" },
	{ .name = "certificateChain", .type = API_TEXT, .flags = API_IMMUTABLE | API_ALWAYS, .max = JSON_MAX_STRING,
		.help = "issuers, PEM, in any order" },
	{ .name = "privateKey", .type = API_SECRET, .flags = API_IMMUTABLE, .max = JSON_MAX_STRING,
		.help = "private key, PEM" },
	{ .name = "deployAnyway", .type = API_BOOL,
		.help = "deploy it even if servers or clients would refuse it (see message)" },
	{ .name = "consumers", .type = API_REFLIST, .resource = "consumer", .option = "consumer",
		.metavar = "CONSUMER", .help = "consumers of the certificate (imported certificates only)" },
	LABELS_FIELD("word or KEY=VALUE (an issued certificate has those of its auto-certificate)"),
	END,
};

static const struct api_field certificate_metadata[] = {
	{ .name = "status", .type = API_ENUM, .values = statuses,
		.help = "pending, active, expired or revoked" },
	{ .name = "expired", .type = API_BOOL, .flags = API_ALWAYS, .help = "whether the certificate has expired" },
	{ .name = "commonName", .type = API_STRING, .flags = API_ALWAYS, .help = "common name" },
	{ .name = "subjectAlternativeNames", .type = API_STRLIST, .flags = API_ALWAYS, .help = "all names" },
	{ .name = "notBefore", .type = API_TIME, .flags = API_ALWAYS, .help = "start of validity" },
	{ .name = "notAfter", .type = API_TIME, .flags = API_ALWAYS, .help = "end of validity" },
	{ .name = "serialNumber", .type = API_STRING, .flags = API_ALWAYS,
		.help = "serial number, hexadecimal with colons" },
	{ .name = "sha256Fingerprint", .type = API_STRING, .help = "SHA-256 fingerprint of the certificate" },
	{ .name = "caName", .type = API_STRING, .help = "name of the issuing CA" },
	{ .name = "keyAlgorithm", .type = API_STRING, .help = "algorithm of its key" },
	{ .name = "type", .type = API_STRING, .help = "lets_encrypt, acme or manual" },
	{ .name = "wildcard", .type = API_BOOL, .help = "whether it has a wildcard name" },
	{ .name = "hasIntermediateCert", .type = API_BOOL, .help = "whether the chain is not empty" },
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate",
		.help = "auto-certificate that it was issued for" },
	{ .name = "lastIssuedCertificate", .type = API_REF, .resource = "certificate",
		.help = "newest certificate of the same auto-certificate" },
	{ .name = "heldBack", .type = API_BOOL,
		.help = "whether it is not deployed for the reasons in message; see deployAnyway" },
	{ .name = "deployedCertificate", .type = API_TEXT,
		.help = "PEM that is deployed, if the certificate was imported in another form" },
	{ .name = "deployedCertificateChain", .type = API_TEXT,
		.help = "PEM that is deployed, if the chain was imported in another form" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "directory of its files (imported certificates only)" },
	{ .name = "served", .type = API_STRING,
		.help = "result of the probes (imported certificates only)" },
	END,
};

static const struct api_column certificate_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "COMMON NAME", "metadata.commonName", 2 },
	{ "ISSUER", "metadata.caName", 3 },
	{ "STATUS", "metadata.status", 0 },
	{ "ISSUED", "metadata.notBefore", 4 },
	{ "EXPIRES", "metadata.notAfter", 0 },
	{ .title = NULL },
};

/* dnsProvider: its properties are in dns_kinds.c */

static const struct api_field dnsprovider_metadata[] = {
	{ .name = "zonesSeen", .type = API_STRLIST, .help = "zones that its API returned" },
	{ .name = "zonesSeenDate", .type = API_TIME, .help = "time of that answer" },
	END,
};

static const struct api_column dnsprovider_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "KIND", "properties.kind", 1 },
	{ "ZONES", "properties.zones", 2 },
	{ "SERVER", "properties.server", 3 },
	{ "COMMAND", "properties.command", 4 },
	{ "STATE", "metadata.state", 0 },
	{ .title = NULL },
};

/* consumer */

static const struct api_field probe_fields[] = {
	{ .name = "host", .type = API_STRING, .flags = API_REQUIRED, .help = "address or host name" },
	{ .name = "port", .type = API_INT, .flags = API_REQUIRED, .min = 1, .max = 65535,
		.help = "TCP port" },
	{ .name = "protocol", .type = API_ENUM, .values = protocols, .fallback = "tls",
		.help = "protocol in which TLS is requested (STARTTLS); tls: the connection begins with TLS" },
	{ .name = "sni", .type = API_STRING, .help = "server name to request",
		.fallback = "host, if the certificate is for it, else the first name of the certificate" },
	{ .name = "addresses", .type = API_STRLIST, .help = "addresses to connect to",
		.fallback = "all addresses of host" },
	{ .name = "alpn", .type = API_STRLIST, .help = "application protocols to offer (ALPN), such as h2",
		.fallback = "none" },
	END,
};

static const struct api_field consumer_properties[] = {
	NAME_FIELD("name of the consumer"),
	{ .name = "activate", .type = API_ENUM, .values = activations, .fallback = "none",
		.help = "how it is notified" CONSUMER_KINDS(CONSUMER_KIND_HELP) },
	{ .name = "socket", .type = API_STRING, .option = "notify-socket", .metavar = "PATH",
		.help = "notify: socket for the datagram; @NAME is an abstract socket" },
	{ .name = "command", .type = API_STRLIST, .flags = API_VERBATIM, .metavar = "WORD",
		.help = "exec: absolute path of the program, then its arguments, one option each" },
	{ .name = "batch", .type = API_BOOL,
		.help = "exec: run the program once for all certificates that change within a few seconds" },
	{ .name = "unit", .type = API_STRING, .metavar = "UNIT",
		.help = "unit: systemd unit to start or reload, e.g. certd-reload-app.service" },
	{ .name = "pidFile", .type = API_PATH, .metavar = "FILE",
		.help = "signal: file with the number of the process" },
	{ .name = "signal", .type = API_ENUM, .values = signals, .fallback = "HUP",
		.help = "signal: name of the signal" },
	{ .name = "sockets", .type = API_STRLIST, .flags = API_VERBATIM, .option = "stats-socket", .metavar = "PATH",
		.help = "haproxy: stats socket (level admin), one option for each process" },
	{ .name = "crtList", .type = API_STRING, .option = "crt-list", .metavar = "FILE",
		.help = "haproxy: crt-list or directory of its bind line to which new certificates are added",
		.fallback = "the directory of the file" },
	{ .name = "rollback", .type = API_ENUM, .values = rollbacks, .fallback = "never",
		.help = "onFailure: the earlier certificate is deployed if the new one fails" },
	{ .name = "probes", .type = API_LIST, .flags = API_ENDPOINT, .option = "probe", .fields = probe_fields,
		.metavar = ENDPOINT_METAVAR, .help = "endpoint that must present the certificate" },
	{ .name = "directory", .type = API_PATH, .metavar = "DIR",
		.help = "additional directory for the files; root must create it for the reader's group" },
	{ .name = "layout", .type = API_ENUM, .values = layouts,
		.help = "names of the files in that directory: those of another program", .fallback = "certd's" },
	{ .name = "outputs", .type = API_STRLIST, .flags = API_VERBATIM, .option = "file",
		.metavar = "FORMAT:PATH[:MODE[:GROUP]]",
		.help = "file in that directory; formats:" OUTPUT_FORMATS(OUTPUT_FORMAT_WORDS) },
	{ .name = "outputPassword", .type = API_SECRET, .metavar = "FILE",
		.help = "password of its files in the formats pkcs12 and jks" },
	END,
};

static const struct api_field rollout_endpoint_fields[] = {
	{ .name = "endpoint", .type = API_STRING, .help = "host and port" },
	{ .name = "served", .type = API_STRING, .help = SERVED_HELP },
	{ .name = "notAfter", .type = API_TIME, .help = "expiry of the certificate that it presented" },
	END,
};
static const struct api_field rollout_fields[] = {
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate",
		.help = "auto-certificate that is deployed; not set for an imported certificate" },
	{ .name = "certificate", .type = API_REF, .resource = "certificate",
		.help = "certificate that is deployed" },
	{ .name = "generation", .type = API_INT, .help = "as in manifest.json" },
	{ .name = "step", .type = API_STRING,
		.help = "last finished step: staged, written, tested, activated, probed, served or rolled back" },
	{ .name = "activated", .type = API_BOOL, .help = "whether the consumer was notified" },
	{ .name = "served", .type = API_STRING, .help = SERVED_HELP },
	{ .name = "endpoints", .type = API_LIST, .fields = rollout_endpoint_fields,
		.help = "what each endpoint presented at the last probe" },
	{ .name = "probedDate", .type = API_TIME, .help = "time of the last probe" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt or probe" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields, .help = "why the deployment failed" },
	END,
};

static const struct api_field consumer_metadata[] = {
	{ .name = "rollouts", .type = API_LIST, .fields = rollout_fields,
		.help = "deployments, one for each auto-certificate and imported certificate" },
	END,
};

static const struct api_column consumer_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "ACTIVATE", "properties.activate", 2 },
	{ "PROBES", "properties.probes", 3 },
	{ "STATE", "metadata.state", 0 },
	{ "MESSAGE", "metadata.message", 1 },
	{ .title = NULL },
};

/* token */

static const struct api_field token_properties[] = {
	NAME_FIELD("name of the token"),
	{ .name = "role", .type = API_ENUM, .flags = API_REQUIRED | API_IMMUTABLE, .values = roles,
		.help = "role of its bearer" },
	{ .name = "expires", .type = API_SPAN, .flags = API_IMMUTABLE, .min = 60, .max = 10 * (int64_t)MAX_SPAN,
		.metavar = "SPAN", .help = "time until the token expires", .fallback = "never" },
	{ .name = "domains", .type = API_STRLIST, .flags = API_IMMUTABLE | API_PATTERN, .option = "domain",
		.metavar = "PATTERN",
		.help = "only for certificates whose names all match: a name, or *.example.com for all names below" },
	{ .name = "providers", .type = API_REFLIST, .flags = API_IMMUTABLE, .resource = "provider",
		.option = "provider", .metavar = "PROVIDER", .help = "only for certificates of this provider" },
	{ .name = "labels", .type = API_STRLIST, .flags = API_IMMUTABLE | API_LABEL, .option = "label",
		.metavar = "LABEL", .help = "only for certificates with this label" },
	END,
};

static const struct api_field token_metadata[] = {
	{ .name = "expiresDate", .type = API_TIME, .help = "end of validity" },
	{ .name = "expired", .type = API_BOOL, .help = "whether the token has expired" },
	{ .name = "token", .type = API_STRING, .help = "the token; only in the answer of create" },
	END,
};

static const struct api_column token_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "ROLE", "properties.role", 0 },
	{ "DOMAINS", "properties.domains", 2 },
	{ "LABELS", "properties.labels", 3 },
	{ "EXPIRES", "metadata.expiresDate", 0 },
	{ "CREATED", "metadata.createdDate", 4 },
	{ "BY", "metadata.createdBy", 5 },
	{ .title = NULL },
};

/* authorization: Kontena's two steps. It is not a declaration, so only answers of the CA change it. */

static const char *const authorization_statuses[] = { "pending", "valid", NULL };

static const struct api_field authorization_properties[] = {
	NAME_FIELD("DNS name to validate; may be a wildcard"),
	{ .name = "provider", .type = API_REF, .flags = API_REQUIRED, .resource = "provider",
		.metavar = "PROVIDER", .help = "CA account that validates the name" },
	END,
};

static const struct api_field authorization_metadata[] = {
	{ .name = "status", .type = API_ENUM, .values = authorization_statuses,
		.help = "pending: publish the record; valid: the CA has validated the name" },
	{ .name = "recordName", .type = API_STRING, .help = "owner name of the record" },
	{ .name = "recordType", .type = API_STRING, .help = "record type: TXT" },
	{ .name = "recordContent", .type = API_STRING, .help = "content of the record" },
	{ .name = "expiresDate", .type = API_TIME, .help = "time when the authorization expires" },
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate",
		.help = "auto-certificate whose order needs it; not set for an order of its own" },
	{ .name = "orderUrl", .type = API_STRING, .help = "URL of its own order at the CA" },
	{ .name = "authorizationUrl", .type = API_STRING, .help = "URL of the authorization at the CA" },
	{ .name = "challengeUrl", .type = API_STRING, .help = "URL of its dns-01 challenge" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	END,
};

static const struct api_column authorization_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "PROVIDER", "properties.provider", 3 },
	{ "STATE", "metadata.state", 2 },
	{ "STATUS", "metadata.status", 0 },
	{ "CONTENT", "metadata.recordContent", 0 },
	{ "EXPIRES", "metadata.expiresDate", 1 },
	{ .title = NULL },
};

/* alert */

static const struct api_field alert_properties[] = {
	NAME_FIELD("name of the destination"),
	{ .name = "kind", .type = API_ENUM, .flags = API_REQUIRED, .values = alert_kinds,
		.help = "how it is notified" ALERT_KINDS(ALERT_KIND_HELP) },
	{ .name = "url", .type = API_SECRET, .metavar = "FILE", .max = 2048,
		.help = "webhook: URL for the requests, https, or http on this host" },
	{ .name = "template", .type = API_ENUM, .values = alert_templates, .fallback = "json",
		.help = "webhook: format of the body" },
	{ .name = "headers", .type = API_SECRET, .metavar = "FILE", .max = 8192,
		.help = "webhook: further headers, one 'Name: value' on each line" },
	{ .name = "to", .type = API_STRLIST, .metavar = "ADDRESS", .help = "mail: recipient" },
	{ .name = "from", .type = API_STRING, .metavar = "ADDRESS", .help = "mail: sender",
		.fallback = "certd at this host" },
	{ .name = "server", .type = API_STRING, .metavar = "HOST[:PORT]", .help = "mail: SMTP server; the port is "
		"587, or 465 with security tls, or 25 with security none" },
	{ .name = "security", .type = API_ENUM, .values = alert_securities, .fallback = "starttls",
		.help = "mail: TLS of the connection; none: without TLS, and without a password" },
	{ .name = "user", .type = API_STRING, .metavar = "NAME", .help = "mail: user name at the server" },
	{ .name = "password", .type = API_SECRET, .metavar = "FILE", .max = 1024,
		.help = "mail: password of that user" },
	{ .name = "command", .type = API_STRLIST, .flags = API_VERBATIM, .metavar = "WORD",
		.help = "command: absolute path of the program, then its arguments, one option each" },
	{ .name = "caFile", .type = API_PATH, .metavar = "FILE",
		.help = "webhook, mail: root certificates (PEM) for TLS", .fallback = "the system's" },
	{ .name = "minimumSeverity", .type = API_ENUM, .values = alert_severities, .fallback = "warning",
		.help = "least severity that is reported" },
	{ .name = "conditions", .type = API_STRLIST, .option = "condition", .metavar = "WORD", .fallback = "all",
		.help = "only this condition:" CONDITIONS(CONDITION_HELP) },
	LABELS_FIELD("only certificates with this label; conditions of certd itself are then not reported"),
	END,
};

static const struct api_field alert_metadata[] = {
	{ .name = "endpoint", .type = API_STRING, .help = "where it sends to: host, recipients or program" },
	{ .name = "queued", .type = API_INT, .help = "number of messages that wait" },
	{ .name = "lastSentDate", .type = API_TIME, .help = "time of the last delivery" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields, .help = "why the last attempt failed" },
	END,
};

static const struct api_column alert_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "KIND", "properties.kind", 2 },
	{ "ENDPOINT", "metadata.endpoint", 3 },
	{ "SEVERITY", "properties.minimumSeverity", 4 },
	{ "QUEUED", "metadata.queued", 2 },
	{ "STATE", "metadata.state", 0 },
	{ "MESSAGE", "metadata.message", 1 },
	{ .title = NULL },
};

const struct api_resource api_resources[] = {
	[API_PROVIDER] = { "provider", "provider", "provider", "provider", "/providers",
		"account with a certificate authority", provider_properties, provider_metadata,
		provider_columns, .is_ionos = true, .is_declared = true },
	[API_AUTOCERTIFICATE] = { "autoCertificate", "auto", "autocertificate", "auto-certificate",
		"/auto-certificates", "certificate that certd keeps valid", autocert_properties, autocert_metadata,
		autocert_columns, .is_ionos = true, .is_declared = true },
	[API_CERTIFICATE] = { "certificate", "cert", "certificate", "certificate", "/certificates",
		"certificate that was issued or imported", certificate_properties, certificate_metadata,
		certificate_columns, .is_ionos = true },
	[API_DNSPROVIDER] = { "dnsProvider", "dns", "dnsprovider", "DNS provider", "/dns-providers",
		"service that manages records of DNS zones", dns_kinds_properties, dnsprovider_metadata,
		dnsprovider_columns, .is_declared = true },
	[API_CONSUMER] = { "consumer", "consumer", "consumer", "consumer", "/consumers",
		"server that uses certificates", consumer_properties, consumer_metadata, consumer_columns,
		.is_declared = true },
	[API_TOKEN] = { "token", "token", "token", "token", "/tokens",
		"access token of a REST client", token_properties, token_metadata, token_columns, .is_ionos = false },
	[API_AUTHORIZATION] = { "authorization", "authorization", "authorization", "authorization",
		"/authorizations", "name that is validated with a manually published record", authorization_properties,
		authorization_metadata, authorization_columns, .is_ionos = false },
	[API_ALERT] = { "alert", "alert", "alert", "alert", "/alerts", "destination that is notified of trouble",
		alert_properties, alert_metadata, alert_columns, .is_declared = true },
};

/* Parameters */

#define PAGE_FIELDS \
	{ .name = "offset", .type = API_INT, .min = 0, .max = INT32_MAX, .metavar = "N", \
		.help = "skip this many", .fallback = "0" }, \
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N", \
		.help = "maximum number of results", .fallback = "100" }
#define REF_FIELD(noun) \
	{ .name = "ref", .type = API_REF, .flags = API_REQUIRED | API_POSITIONAL, .resource = noun, \
		.metavar = "NAME", .help = "name or id" }
#define DRY_RUN \
	{ .name = "dryRun", .type = API_BOOL, .help = "show the effect without making the change" }
#define TAKE_FILES \
	{ .name = "force", .type = API_BOOL, .help = "also take away files that a consumer still has" }
#define SAME_NAME \
	{ .name = "allowSameName", .type = API_BOOL, .flags = API_BY_REST, \
		.help = "accept a name that another object of this kind has; both are then found by their ids only" }
#define FILTER_NAME \
	{ .name = "commonName", .type = API_STRING, .option = "cn", .metavar = "DOMAIN", \
		.help = "only those with this common name" }
#define FILTER_OBJECT_NAME \
	{ .name = "name", .type = API_STRING, .metavar = "NAME", .help = "only those with this name" }
#define FILTER_PROVIDER \
	{ .name = "provider", .type = API_REF, .resource = "provider", .metavar = "PROVIDER", \
		.help = "only those of this provider" }
#define FILTER_EXPIRY \
	{ .name = "expiresBefore", .type = API_TIME, .metavar = "DATE", \
		.help = "only those that expire before this date, or within a span such as 30d" }
#define FILTER_LABEL \
	{ .name = "label", .type = API_STRING, .metavar = "LABEL", .help = "only those with this label" }
#define FILTER_STATE { .name = "state", .type = API_ENUM, .values = states, .help = "only those in this state" }

static const struct api_field page_params[] = { PAGE_FIELDS, FILTER_STATE, FILTER_OBJECT_NAME, END };
static const struct api_field schedule_params[] = { PAGE_FIELDS, END };
static const struct api_field autocert_list_params[] = {
	PAGE_FIELDS,
	FILTER_STATE,
	FILTER_OBJECT_NAME,
	FILTER_NAME,
	FILTER_LABEL,
	FILTER_PROVIDER,
	FILTER_EXPIRY,
	END,
};
static const struct api_field certificate_list_params[] = {
	PAGE_FIELDS,
	FILTER_STATE,
	FILTER_OBJECT_NAME,
	FILTER_NAME,
	FILTER_LABEL,
	FILTER_PROVIDER,
	FILTER_EXPIRY,
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate", .option = "auto",
		.metavar = "AUTO", .help = "only those issued for this auto-certificate" },
	END,
};
static const struct api_field provider_ref[] = { REF_FIELD("provider"), END };
static const struct api_field autocert_ref[] = { REF_FIELD("autoCertificate"), END };
static const struct api_field autocert_delete_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "withCertificates", .type = API_BOOL,
		.help = "also delete its certificates; otherwise they are kept until they are purged" },
	TAKE_FILES,
	DRY_RUN,
	END,
};
static const struct api_field certificate_change[] = { REF_FIELD("certificate"), DRY_RUN, END };
static const struct api_field certificate_create_params[] = {
	{ .name = "pkcs12", .type = API_SECRET, .max = JSON_MAX_STRING,
		.help = "PKCS#12 file in base64, instead of certificate and privateKey" },
	{ .name = "password", .type = API_SECRET, .help = "password of the key or the PKCS#12 file, if it is "
		"encrypted" },
	{ .name = "replace", .type = API_REF, .resource = "certificate", .metavar = "NAME",
		.help = "imported certificate to replace; the new one takes over its files, consumers, labels and "
			"name" },
	{ .name = "allowExpired", .type = API_BOOL, .help = "accept a certificate that is not valid now" },
	{ .name = "allowUnfit", .type = API_BOOL, .flags = API_BY_REST,
		.help = "accept a certificate that servers or clients would refuse: without names, of a CA, "
			"self-signed, with an incomplete chain, not valid now; it is deployed only with deployAnyway" },
	SAME_NAME,
	TAKE_FILES,
	DRY_RUN,
	END,
};
static const char *const certificate_views[] = { "cloud66", NULL };
static const struct api_field certificate_get_params[] = {
	REF_FIELD("certificate"),
	{ .name = "view", .type = API_ENUM, .values = certificate_views,
		.help = "cloud66: return Cloud66's certificate object" },
	END,
};
static const char *const export_formats[] = { "pem", "der", "pkcs12", "bundle", NULL };
static const struct api_field certificate_export_params[] = {
	REF_FIELD("certificate"),
	{ .name = "format", .type = API_ENUM, .values = export_formats, .fallback = "pem",
		.help = "pem: certificate and chain; der: the certificate; bundle: key, certificate and chain" },
	{ .name = "key", .type = API_BOOL,
		.help = "export the private key: instead of the certificate (pem, der), or together with it (pkcs12)" },
	{ .name = "password", .type = API_SECRET, .help = "password of the new PKCS#12 file" },
	END,
};
static const struct api_field dnsprovider_ref[] = { REF_FIELD("dnsProvider"), END };
static const struct api_field consumer_ref[] = { REF_FIELD("consumer"), END };
static const struct api_field alert_ref[] = { REF_FIELD("alert"), END };
static const struct api_field alert_change[] = { REF_FIELD("alert"), DRY_RUN, END };
static const struct api_field token_ref[] = { REF_FIELD("token"), END };
static const struct api_field token_list_params[] = { PAGE_FIELDS, END };
static const struct api_field authorization_ref[] = { REF_FIELD("authorization"), END };
static const struct api_field validate_params[] = {
	REF_FIELD("authorization"),
	{ .name = "force", .type = API_BOOL, .help = "ask the CA even if certd does not see the record" },
	END,
};
static const struct api_field create_params[] = { DRY_RUN, END };
static const struct api_field autocert_create_params[] = { SAME_NAME, TAKE_FILES, DRY_RUN, END };
static const struct api_field ionos_create_params[] = { SAME_NAME, DRY_RUN, END };
static const struct api_field provider_change[] = { REF_FIELD("provider"), DRY_RUN, END };
static const struct api_field provider_update_params[] = { REF_FIELD("provider"), SAME_NAME, DRY_RUN, END };
static const struct api_field autocert_update_params[] = { REF_FIELD("autoCertificate"), SAME_NAME, TAKE_FILES,
	DRY_RUN, END };
static const struct api_field certificate_update_params[] = { REF_FIELD("certificate"), SAME_NAME, TAKE_FILES, DRY_RUN,
	END };
static const struct api_field dnsprovider_change[] = { REF_FIELD("dnsProvider"), DRY_RUN, END };
static const struct api_field consumer_change[] = { REF_FIELD("consumer"), DRY_RUN, END };
static const struct api_field consumer_update_params[] = { REF_FIELD("consumer"), TAKE_FILES, DRY_RUN, END };
static const struct api_field renew_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "force", .type = API_BOOL,
		.help = "renew even if it is paused, or before the time that the CA allows" },
	END,
};
static const struct api_field rollback_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "consumer", .type = API_REF, .resource = "consumer", .metavar = "CONSUMER",
		.help = "only the files of this consumer, which has its own directory", .fallback = "all files" },
	{ .name = "certificate", .type = API_REF, .resource = "certificate", .option = "to", .metavar = "CERTIFICATE",
		.help = "certificate to deploy; the newest one ends a rollback",
		.fallback = "the latest earlier one that is valid" },
	END,
};
static const struct api_field rollout_params[] = {
	REF_FIELD("consumer"),
	{ .name = "autoCertificate", .type = API_REF, .flags = API_POSITIONAL, .resource = "autoCertificate",
		.metavar = "AUTO", .help = "only this auto-certificate" },
	END,
};
static const struct api_field event_subscribe_params[] = {
	{ .name = "object", .type = API_STRING, .metavar = "ID",
		.help = "only events about the object with this id" },
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "SEQ",
		.help = "start with stored events after this number", .fallback = "new events only" },
	END,
};
static const struct api_field event_list_params[] = {
	{ .name = "object", .type = API_STRING, .metavar = "ID",
		.help = "only events about the object with this id" },
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "SEQ",
		.help = "only those after this number", .fallback = "the newest" },
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N",
		.help = "maximum number of results", .fallback = "100" },
	END,
};

/* Answers */

const struct api_field api_event_fields[] = {
	{ .name = "seq", .type = API_INT, .help = "sequence number" },
	{ .name = "time", .type = API_TIME, .help = "time of the event" },
	{ .name = "level", .type = API_STRING, .help = "error, warning, notice, info or debug" },
	{ .name = "kind", .type = API_STRING, .help = "what happened, such as issue.done" },
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "object that the event is about" },
	{ .name = "message", .type = API_STRING, .help = "description for people" },
	{ .name = "data", .type = API_ANY, .help = "details, depending on the kind" },
	END,
};

static const struct api_field event_list_result[] = {
	{ .name = "items", .type = API_LIST, .fields = api_event_fields, .help = "oldest first" },
	END,
};
static const struct api_field event_subscribe_result[] = {
	{ .name = "object", .type = API_STRING, .help = "id of the object, from the request" },
	{ .name = "after", .type = API_INT, .help = "number of the newest event" },
	{ .name = "items", .type = API_LIST, .fields = api_event_fields, .help = "stored events after the requested "
		"number" },
	END,
};

const struct api_field api_audit_fields[] = {
	{ .name = "number", .type = API_INT, .help = "sequence number, from 1 without gaps" },
	{ .name = "time", .type = API_TIME, .help = "time of the call" },
	{ .name = "who", .type = API_STRING, .help = "user or token that made the call" },
	{ .name = "userId", .type = API_STRING, .help = "uid of the user, or id of the token" },
	{ .name = "method", .type = API_STRING, .help = "method that was called" },
	{ .name = "outcome", .type = API_STRING, .help = "done or refused" },
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "object of the call" },
	{ .name = "changes", .type = API_ANY, .help = "field, old value and new value of each change" },
	{ .name = "reason", .type = API_STRING, .help = "reason for the refusal" },
	{ .name = "times", .type = API_INT, .help = "number of calls, if more than one" },
	{ .name = "hash", .type = API_STRING, .help = "hash of this record, which covers all records before it" },
	{ .name = "damaged", .type = API_BOOL, .help = "whether the record was altered" },
	{ .name = "missing", .type = API_BOOL, .help = "whether the record is missing" },
	END,
};
static const struct api_field audit_list_result[] = {
	{ .name = "items", .type = API_LIST, .fields = api_audit_fields, .help = "oldest first" },
	END,
};
static const struct api_field audit_list_params[] = {
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "NUMBER",
		.help = "only those after this number", .fallback = "the newest" },
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N",
		.help = "maximum number of results", .fallback = "100" },
	END,
};
static const struct api_field audit_verify_params[] = {
	{ .name = "known", .type = API_STRING, .metavar = "NUMBER:HASH",
		.help = "also check that this record has this hash, as logged by certd" },
	END,
};
static const struct api_field audit_verify_result[] = {
	{ .name = "intact", .type = API_BOOL, .help = "whether the log is complete and unaltered" },
	{ .name = "first", .type = API_INT, .help = "number of the oldest record" },
	{ .name = "last", .type = API_INT, .help = "number of the newest record" },
	{ .name = "hash", .type = API_STRING, .help = "hash of the newest record" },
	{ .name = "bad", .type = API_INT, .help = "number of the first bad record; 0: the sealed head" },
	{ .name = "reason", .type = API_STRING, .help = "what is wrong with that record" },
	END,
};

static const struct api_field schedule_row_fields[] = {
	{ .name = "date", .type = API_TIME, .help = "time when the work is due" },
	{ .name = "kind", .type = API_STRING,
		.help = "issue, deploy, probe, cleanup, account, purge, authorize, expiry, remove, send or check" },
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "object that the work is for" },
	END,
};
static const struct api_field schedule_result[] = {
	{ .name = "items", .type = API_LIST, .fields = schedule_row_fields, .help = "earliest first" },
	{ .name = "offset", .type = API_INT, .help = "number of skipped rows, from the request" },
	{ .name = "limit", .type = API_INT, .help = "maximum number of rows, from the request" },
	{ .name = "total", .type = API_INT, .help = "total number of rows" },
	END,
};

static const struct api_field alert_test_result[] = {
	{ .name = "endpoint", .type = API_STRING, .help = "where it was sent to" },
	{ .name = "answer", .type = API_STRING, .help = "answer of the server or program, in its own words" },
	END,
};

static const struct api_field export_result[] = {
	{ .name = "certificate", .type = API_REF, .resource = "certificate", .help = "certificate that was exported" },
	{ .name = "format", .type = API_STRING, .help = "format, from the request" },
	{ .name = "key", .type = API_BOOL, .help = "whether a private key was written" },
	{ .name = "octets", .type = API_INT, .help = "number of octets written" },
	END,
};

static const struct api_field explain_result[] = {
	{ .name = "summary", .type = API_STRING, .help = "summary in one sentence" },
	{ .name = "nextAction", .type = API_STRING, .help = "next planned action" },
	{ .name = "nextDate", .type = API_TIME, .help = "and when" },
	{ .name = "reasons", .type = API_STRLIST, .help = "reasons for the action and its time" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	{ .name = "refusedCertificate", .type = API_STRING,
		.help = "PEM of the certificate that the CA issued and certd refused" },
	{ .name = "advice", .type = API_STRLIST, .help = "suggested actions" },
	END,
};

static const struct api_field rollout_result[] = {
	{ .name = "autoCertificates", .type = API_LIST, .fields = object_ref_fields,
		.help = "affected auto-certificates and imported certificates" },
	{ .name = "endpoints", .type = API_INT, .help = "number of probes; each emits a probe.* event" },
	END,
};

static const char *const metrics_formats[] = { "text", "openmetrics", NULL };
static const struct api_field metrics_params[] = {
	{ .name = "format", .type = API_ENUM, .values = metrics_formats,
		.help = "Prometheus's text format, or OpenMetrics" },
	END,
};
static const struct api_field metrics_result[] = {
	{ .name = "contentType", .type = API_STRING, .help = "media type of the text" },
	{ .name = "text", .type = API_STRING, .help = "all metrics" },
	END,
};

static const struct api_field autocert_counts[] = {
	{ .name = "total", .type = API_INT, .help = "number of declared objects" },
	{ .name = "available", .type = API_INT, .help = "with a valid certificate" },
	{ .name = "provisioning", .type = API_INT, .help = "waiting for the first certificate" },
	{ .name = "failed", .type = API_INT,
		.help = "without a valid certificate: none could be issued, or it has expired" },
	{ .name = "failing", .type = API_INT, .help = "last attempt failed, with or without a certificate" },
	{ .name = "unserved", .type = API_INT,
		.help = "deployed, but an endpoint is stale or unreachable; also of imported certificates" },
	{ .name = "stale", .type = API_INT, .help = "those of them for which retries did not help" },
	END,
};

static const struct api_field status_store_fields[] = {
	{ .name = "commits", .type = API_INT, .help = "number of commits since the start" },
	{ .name = "longestCommitMicroseconds", .type = API_INT, .help = "duration of the longest commit" },
	{ .name = "turnP99Microseconds", .type = API_INT, .help = "99 of 100 turns of the loop are shorter" },
	{ .name = "usedBytes", .type = API_INT, .help = "size of the data in the store" },
	{ .name = "full", .type = API_BOOL, .help = "whether the store has no space left" },
	END,
};

static const struct api_field failing_fields[] = {
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "object that is affected" },
	{ .name = "action", .type = API_STRING, .help = "failed action: issue, deploy, account or send" },
	{ .name = "message", .type = API_STRING, .help = "reason of the failure" },
	{ .name = "date", .type = API_TIME, .help = "time of the next attempt" },
	END,
};

static const struct api_field condition_fields[] = {
	{ .name = "condition", .type = API_STRING, .help = "word of the condition, as in alerts" },
	{ .name = "severity", .type = API_STRING, .help = "warning or critical" },
	{ .name = "title", .type = API_STRING, .help = "what is wrong" },
	{ .name = "message", .type = API_STRING, .help = "reason" },
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields,
		.help = "object that is affected; not set for certd itself" },
	{ .name = "since", .type = API_TIME, .help = "time of its begin" },
	END,
};

static const struct api_field status_result[] = {
	{ .name = "version", .type = API_STRING, .help = "version of certd" },
	{ .name = "pid", .type = API_INT, .help = "process id" },
	{ .name = "startedDate", .type = API_TIME, .help = "time of the start" },
	{ .name = "state", .type = API_STRING, .help = "running or degraded" },
	{ .name = "message", .type = API_STRING, .help = "problem, if there is one" },
	{ .name = "role", .type = API_STRING, .help = "role of the caller" },
	{ .name = "scoped", .type = API_BOOL,
		.help = "whether the caller's scope hides certificates and totals" },
	{ .name = "stateDirectory", .type = API_STRING, .help = "directory of the store" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "directory of the deployed files" },
	{ .name = "providers", .type = API_INT, .help = "number of declared objects" },
	{ .name = "dnsProviders", .type = API_INT, .help = "number of declared objects" },
	{ .name = "consumers", .type = API_INT, .help = "number of declared objects" },
	{ .name = "certificates", .type = API_INT, .help = "number of stored certificates" },
	{ .name = "autoCertificates", .type = API_OBJECT, .fields = autocert_counts,
		.help = "number of auto-certificates by state" },
	{ .name = "inFlight", .type = API_INT, .help = "number of orders in progress" },
	{ .name = "store", .type = API_OBJECT, .fields = status_store_fields, .help = "the store and the loop" },
	{ .name = "nextAction", .type = API_STRING, .help = "next planned action" },
	{ .name = "nextObject", .type = API_OBJECT, .fields = object_ref_fields, .help = "object of that action" },
	{ .name = "nextDate", .type = API_TIME, .help = "and when" },
	{ .name = "conditions", .type = API_LIST, .fields = condition_fields,
		.help = "up to 20 conditions that hold, the worst first" },
	{ .name = "conditionCount", .type = API_INT, .help = "number of conditions that hold" },
	{ .name = "failing", .type = API_LIST, .fields = failing_fields, .help = "up to 20 failures, by time of the "
		"next attempt" },
	{ .name = "warnings", .type = API_STRLIST, .help = "problems that need attention" },
	END,
};

/* Methods of peers without a scope: their results cover all certificates. */
#define CRUD_ROWS(ID, noun, resource, role, create, update, change, what) \
	[RPC_##ID##_CREATE] = { noun ".create", role, API_CREATE, resource, create, NULL, \
		"declare a " what, .flags = 0 }, \
	[RPC_##ID##_UPDATE] = { noun ".update", role, API_UPDATE, resource, update, NULL, "change a " what, \
		.flags = 0 }, \
	[RPC_##ID##_DELETE] = { noun ".delete", role, API_DELETE, resource, change, NULL, "delete a " what, \
		.flags = 0 }
#define READ_ROWS(ID, noun, resource, params, ref, what) \
	[RPC_##ID##_LIST] = { noun ".list", ROLE_VIEWER, API_LIST_ALL, resource, params, NULL, \
		"list " what "s", .flags = API_SCOPED }, \
	[RPC_##ID##_GET] = { noun ".get", ROLE_VIEWER, API_GET, resource, ref, NULL, "show one " what, \
		.flags = API_SCOPED }

/*
 * Declaring programs to run, or where credentials are sent, requires admin. Working with declared objects requires
 * operator.
 */
const struct api_method api_methods[] = {
	READ_ROWS(PROVIDER, "provider", API_PROVIDER, page_params, provider_ref, "provider"),
	CRUD_ROWS(PROVIDER, "provider", API_PROVIDER, ROLE_ADMIN, ionos_create_params, provider_update_params,
		provider_change, "provider"),
	READ_ROWS(AUTOCERTIFICATE, "autoCertificate", API_AUTOCERTIFICATE, autocert_list_params, autocert_ref,
		"auto-certificate"),
	[RPC_AUTOCERTIFICATE_CREATE] = { "autoCertificate.create", ROLE_OPERATOR, API_CREATE, API_AUTOCERTIFICATE,
		autocert_create_params, NULL, "declare an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_UPDATE] = { "autoCertificate.update", ROLE_OPERATOR, API_UPDATE, API_AUTOCERTIFICATE,
		autocert_update_params, NULL, "change an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_DELETE] = { "autoCertificate.delete", ROLE_OPERATOR, API_DELETE, API_AUTOCERTIFICATE,
		autocert_delete_params, NULL, "delete an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_RENEW] = { "autoCertificate.renew", ROLE_OPERATOR, API_CALL, API_AUTOCERTIFICATE,
		renew_params, NULL, "order a new certificate now", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_PAUSE] = { "autoCertificate.pause", ROLE_OPERATOR, API_CALL, API_AUTOCERTIFICATE,
		autocert_ref, NULL, "suspend renewal", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_RESUME] = { "autoCertificate.resume", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, autocert_ref, NULL, "resume renewal", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_CANCEL] = { "autoCertificate.cancel", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, autocert_ref, NULL, "end the order in progress", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_ROLLBACK] = { "autoCertificate.rollback", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, rollback_params, NULL, "deploy an earlier certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_EXPLAIN] = { "autoCertificate.explain", ROLE_VIEWER, API_CALL,
		API_AUTOCERTIFICATE, autocert_ref, explain_result, "explain the next action, its time and its reason",
		.flags = API_SCOPED },
	READ_ROWS(CERTIFICATE, "certificate", API_CERTIFICATE, certificate_list_params, certificate_get_params,
		"certificate"),
	[RPC_CERTIFICATE_CREATE] = { "certificate.create", ROLE_OPERATOR, API_CREATE, API_CERTIFICATE,
		certificate_create_params, NULL, "import a certificate with its key", .flags = API_SCOPED },
	[RPC_CERTIFICATE_UPDATE] = { "certificate.update", ROLE_OPERATOR, API_UPDATE, API_CERTIFICATE,
		certificate_update_params, NULL, "change the name, consumers or labels of a certificate",
		.flags = API_SCOPED },
	[RPC_CERTIFICATE_DELETE] = { "certificate.delete", ROLE_OPERATOR, API_DELETE, API_CERTIFICATE,
		certificate_change, NULL, "delete a certificate that is not in use", .flags = API_SCOPED },
	[RPC_CERTIFICATE_EXPORT] = { "certificate.export", ROLE_VIEWER, API_CALL, API_CERTIFICATE,
		certificate_export_params, export_result,
		"write a certificate to the passed descriptor; exporting the key requires the role admin",
		.flags = API_TAKES_FD | API_SCOPED },
	READ_ROWS(DNSPROVIDER, "dnsProvider", API_DNSPROVIDER, page_params, dnsprovider_ref, "DNS provider"),
	CRUD_ROWS(DNSPROVIDER, "dnsProvider", API_DNSPROVIDER, ROLE_ADMIN, create_params, dnsprovider_change,
		dnsprovider_change, "DNS provider"),
	READ_ROWS(CONSUMER, "consumer", API_CONSUMER, page_params, consumer_ref, "consumer"),
	CRUD_ROWS(CONSUMER, "consumer", API_CONSUMER, ROLE_ADMIN, create_params, consumer_update_params,
		consumer_change,
		"consumer"),
	[RPC_CONSUMER_DEPLOY] = { "consumer.deploy", ROLE_OPERATOR, API_CALL, API_CONSUMER, rollout_params,
		rollout_result, "write the files and notify the consumer again", .flags = API_SCOPED },
	[RPC_CONSUMER_PROBE] = { "consumer.probe", ROLE_OPERATOR, API_CALL, API_CONSUMER, rollout_params,
		rollout_result, "check now which certificate the consumer presents", .flags = API_SCOPED },
	[RPC_TOKEN_CREATE] = { "token.create", ROLE_ADMIN, API_CREATE, API_TOKEN, NULL, NULL, "create a token",
		.flags = 0 },
	[RPC_TOKEN_LIST] = { "token.list", ROLE_ADMIN, API_LIST_ALL, API_TOKEN, token_list_params, NULL,
		"list tokens", .flags = 0 },
	[RPC_TOKEN_GET] = { "token.get", ROLE_ADMIN, API_GET, API_TOKEN, token_ref, NULL, "show a token",
		.flags = 0 },
	[RPC_TOKEN_DELETE] = { "token.delete", ROLE_ADMIN, API_DELETE, API_TOKEN, token_ref, NULL,
		"delete a token, which revokes it", .flags = 0 },
	READ_ROWS(AUTHORIZATION, "authorization", API_AUTHORIZATION, page_params, authorization_ref,
		"authorization"),
	[RPC_AUTHORIZATION_CREATE] = { "authorization.create", ROLE_OPERATOR, API_CREATE, API_AUTHORIZATION, NULL,
		NULL, "request the TXT record that validates a name", .flags = API_SCOPED },
	[RPC_AUTHORIZATION_DELETE] = { "authorization.delete", ROLE_OPERATOR, API_DELETE, API_AUTHORIZATION,
		authorization_ref, NULL, "delete an authorization", .flags = API_SCOPED },
	[RPC_AUTHORIZATION_VALIDATE] = { "authorization.validate", ROLE_OPERATOR, API_CALL, API_AUTHORIZATION,
		validate_params, NULL, "ask the CA to validate the published record", .flags = API_SCOPED },
	[RPC_ALERT_LIST] = { "alert.list", ROLE_VIEWER, API_LIST_ALL, API_ALERT, page_params, NULL, "list alerts",
		.flags = 0 },
	[RPC_ALERT_GET] = { "alert.get", ROLE_VIEWER, API_GET, API_ALERT, alert_ref, NULL, "show one alert",
		.flags = 0 },
	CRUD_ROWS(ALERT, "alert", API_ALERT, ROLE_ADMIN, create_params, alert_change, alert_change, "alert"),
	[RPC_ALERT_TEST] = { "alert.test", ROLE_OPERATOR, API_CALL, API_ALERT, alert_ref, alert_test_result,
		"send a test message now", .flags = 0 },
	[RPC_AUDIT_LIST] = { "audit.list", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, audit_list_params,
		audit_list_result, "list changes and refused calls", "/audit", .flags = API_READS },
	[RPC_AUDIT_VERIFY] = { "audit.verify", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, audit_verify_params,
		audit_verify_result, "verify the audit log", .flags = API_READS },
	[RPC_EVENT_LIST] = { "event.list", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, event_list_params,
		event_list_result, "list events", "/events", .flags = API_SCOPED },
	[RPC_EVENT_SUBSCRIBE] = { "event.subscribe", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT,
		event_subscribe_params, event_subscribe_result, "subscribe to \"event\" notifications",
		.flags = API_SCOPED },
	[RPC_SCHEDULE_LIST] = { "schedule.list", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, schedule_params,
		schedule_result, "list planned work", "/schedule", .flags = API_SCOPED },
	[RPC_SERVER_METRICS] = { "server.metrics", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, metrics_params,
		metrics_result, "show metrics in the format of Prometheus", "/metrics",
		.flags = API_SCOPED | API_PLAIN_TEXT },
	[RPC_SERVER_STATUS] = { "server.status", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, NULL,
		status_result, "show the state of certd", "/status", .flags = API_SCOPED },
	[RPC_SERVER_RELOAD] = { "server.reload", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, NULL, NULL,
		"reload certd.conf", .path = "/reload" },
	[RPC_DISCOVER] = { "rpc.discover", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, NULL, NULL,
		"describe this API as an OpenRPC document", .flags = API_SCOPED },
};
_Static_assert(ARRAY_SIZE(api_resources) == API_RESOURCE_COUNT, "one row per resource");
_Static_assert(ARRAY_SIZE(api_methods) == API_METHOD_COUNT, "one row per method");
