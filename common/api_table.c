/*
 * The tables of the control API: one line per field, one row per method. Everything else that knows the API reads
 * these. Words are IONOS Certificate Manager's where it has them.
 */
#include "common/alloc.h"
#include "common/api.h"

/* Rows are read across, not down. */
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
static const char *const dns_kinds[] = { "rfc2136", "exec", "ionoscloud", NULL };
static const char *const activations[] = { "none", "notify", "exec", NULL };
static const char *const states[] = { "PROVISIONING", "AVAILABLE", "FAILED", NULL };
static const char *const statuses[] = { "pending", "active", "expired", "revoked", NULL };
static const char *const roles[] = { "viewer", "operator", "admin", NULL };
static const char *const tsig_algorithms[] = { "hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224",
	"hmac-sha1", "hmac-md5", NULL };

static const struct api_field error_fields[] = {
	{ .name = "code", .type = API_STRING, .help = "class of the error" },
	{ .name = "message", .type = API_STRING, .help = "what went wrong" },
	{ .name = "field", .type = API_STRING, .help = "parameter or property at fault" },
	{ .name = "problem", .type = API_STRING, .help = "ACME problem type" },
	{ .name = "retry", .type = API_BOOL, .help = "the same may succeed later" },
	{ .name = "retryAt", .type = API_TIME, .help = "not before" },
	END,
};

static const struct api_field object_ref_fields[] = {
	{ .name = "type", .type = API_STRING, .help = "its resource" },
	{ .name = "id", .type = API_STRING, .help = "its id" },
	{ .name = "name", .type = API_STRING, .help = "its name" },
	END,
};

const struct api_field api_common_metadata[] = {
	{ .name = "state", .type = API_ENUM, .values = states, .help = "is it ready to be used" },
	{ .name = "message", .type = API_STRING, .help = "why it is in this state" },
	{ .name = "createdDate", .type = API_TIME, .help = "when it was made" },
	{ .name = "createdBy", .type = API_STRING, .help = "who made it" },
	{ .name = "createdByUserId", .type = API_STRING, .help = "his number, or his token's id" },
	{ .name = "lastModifiedDate", .type = API_TIME, .help = "when it was changed" },
	{ .name = "lastModifiedBy", .type = API_STRING, .help = "who changed it" },
	{ .name = "lastModifiedByUserId", .type = API_STRING, .help = "his number, or his token's id" },
	{ .name = "resourceURN", .type = API_STRING, .help = "collection and id in one word" },
	{ .name = "secrets", .type = API_STRLIST, .help = "which secrets it has; they are never answered" },
	END,
};

static const char *const effects[] = { "nothing", "redeploy", "reissue", NULL };

const struct api_field api_effect_fields[] = {
	{ .name = "action", .type = API_ENUM, .values = effects,
		.help = "what the change causes: nothing, another rollout, or a new certificate" },
	{ .name = "changed", .type = API_STRLIST, .help = "properties that differ" },
	{ .name = "reasons", .type = API_STRLIST, .help = "what each of them means" },
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
		.help = "ACME directory, or a well-known name such as letsencrypt" },
	{ .name = "termsOfServiceAgreed", .type = API_BOOL, .option = "agree-tos",
		.help = "you accept the CA's terms of service" },
	{ .name = "externalAccountBinding", .type = API_OBJECT, .fields = eab_fields,
		.help = "binds the account to one that you have with the CA" },
	{ .name = "caFile", .type = API_PATH, .metavar = "FILE",
		.help = "roots (PEM) that the CA's own TLS must chain to", .fallback = "the system's" },
	{ .name = "profile", .type = API_STRING, .metavar = "NAME",
		.help = "certificate profile, if the CA offers them" },
	{ .name = "preferredChain", .type = API_STRING, .metavar = "CN",
		.help = "take the chain whose topmost issuer has this name" },
	{ .name = "accountKeyAlgorithm", .type = API_ENUM, .flags = API_IMMUTABLE, .values = key_algorithms,
		.fallback = "secp256r1", .help = "kind of the account key" },
	{ .name = "accountKey", .type = API_SECRET, .flags = API_IMMUTABLE | API_FILE, .option = "account-key",
		.metavar = "FILE", .fallback = "a new one",
		.help = "private key (PEM) of an account that you have already" },
	{ .name = "maxOrders", .type = API_INT, .min = 1, .max = 100, .metavar = "N",
		.help = "orders in flight at the same time", .fallback = "max-orders of certd.conf" },
	END,
};

static const struct api_field provider_metadata[] = {
	{ .name = "accountUrl", .type = API_STRING, .help = "the account at the CA" },
	{ .name = "accountThumbprint", .type = API_STRING, .help = "of the account key (RFC 7638)" },
	{ .name = "termsOfService", .type = API_STRING, .help = "the CA's terms" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	{ .name = "nextDate", .type = API_TIME, .help = "when it is tried again" },
	END,
};

static const struct api_column provider_columns[] = {
	{ "NAME", "properties.name" },
	{ "SERVER", "properties.server" },
	{ "EMAIL", "properties.email" },
	{ "STATE", "metadata.state" },
	{ "MESSAGE", "metadata.message" },
	{ NULL, NULL },
};

/* autoCertificate */

static const struct api_field autocert_properties[] = {
	{ .name = "name", .type = API_STRING, .metavar = "NAME", .help = "name of the auto-certificate",
		.fallback = "from the common name" },
	{ .name = "provider", .type = API_REF, .flags = API_REQUIRED, .resource = "provider",
		.metavar = "PROVIDER", .help = "who issues it" },
	{ .name = "commonName", .type = API_STRING, .flags = API_REQUIRED, .option = "cn",
		.metavar = "DOMAIN",
		.help = "first name of the certificate, such as www.example.com or *.example.com" },
	{ .name = "subjectAlternativeNames", .type = API_STRLIST, .option = "san", .metavar = "DOMAIN",
		.help = "one more name" },
	{ .name = "keyAlgorithm", .type = API_ENUM, .values = key_algorithms, .fallback = "secp256r1",
		.help = "kind of the certificate's key" },
	{ .name = "challenge", .type = API_ENUM, .values = challenges, .fallback = "auto",
		.help = "how control of the names is proved" },
	{ .name = "dnsProvider", .type = API_REF, .resource = "dnsProvider", .option = "dns",
		.metavar = "DNS", .help = "where dns-01 puts its records",
		.fallback = "whichever has the zone" },
	{ .name = "consumers", .type = API_REFLIST, .resource = "consumer", .option = "consumer",
		.metavar = "CONSUMER", .help = "who is told about a new certificate" },
	{ .name = "reuseKey", .type = API_BOOL, .help = "keep the private key at renewal" },
	{ .name = "profile", .type = API_STRING, .metavar = "NAME", .help = "certificate profile",
		.fallback = "the provider's" },
	{ .name = "renewBefore", .type = API_SPAN, .min = 60, .max = MAX_SPAN, .metavar = "SPAN",
		.help = "renew this long before expiry", .fallback = "30d, at most a third of the lifetime" },
	LABELS_FIELD("word or KEY=VALUE, for lists and for scopes"),
	END,
};

static const struct api_field autocert_metadata[] = {
	{ .name = "lastIssuedCertificate", .type = API_REF, .resource = "certificate",
		.help = "the newest certificate" },
	{ .name = "notBefore", .type = API_TIME, .help = "of the newest certificate" },
	{ .name = "notAfter", .type = API_TIME, .help = "of the newest certificate" },
	{ .name = "paused", .type = API_BOOL, .help = "no renewal until it is resumed" },
	{ .name = "nextAction", .type = API_STRING, .help = "what happens next" },
	{ .name = "nextDate", .type = API_TIME, .help = "and when" },
	{ .name = "progress", .type = API_STRING, .help = "what it is doing at this moment" },
	{ .name = "attempts", .type = API_INT, .help = "failed in a row" },
	{ .name = "lastAttemptDate", .type = API_TIME, .help = "of the last order" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "where its files are" },
	{ .name = "served", .type = API_STRING, .help = "served, stale, unreachable, or nothing probed" },
	END,
};

static const struct api_column autocert_columns[] = {
	{ "NAME", "properties.name" },
	{ "COMMON NAME", "properties.commonName" },
	{ "PROVIDER", "properties.provider" },
	{ "STATE", "metadata.state" },
	{ "EXPIRES", "metadata.notAfter" },
	{ "SERVED", "metadata.served" },
	{ "NEXT", "metadata.nextAction" },
	{ "WHEN", "metadata.nextDate" },
	{ NULL, NULL },
};

/*
 * certificate: IONOS has the PEM among the properties; the key is never answered. Those that were issued have no more to
 * be set than their name.
 */

static const struct api_field certificate_properties[] = {
	{ .name = "name", .type = API_STRING, .metavar = "NAME", .help = "name of the certificate",
		.fallback = "common name and time of import" },
	{ .name = "certificate", .type = API_TEXT, .flags = API_IMMUTABLE, .max = JSON_MAX_STRING,
		.help = "the certificate, PEM; its issuers may follow it" },
	{ .name = "certificateChain", .type = API_TEXT, .flags = API_IMMUTABLE, .max = JSON_MAX_STRING,
		.help = "its issuers, PEM, in any order" },
	{ .name = "privateKey", .type = API_SECRET, .flags = API_IMMUTABLE, .max = JSON_MAX_STRING,
		.help = "its key, PEM" },
	{ .name = "consumers", .type = API_REFLIST, .resource = "consumer", .option = "consumer",
		.metavar = "CONSUMER", .help = "who is told about the certificate (only of imported ones)" },
	LABELS_FIELD("word or KEY=VALUE (of an issued one: its auto-certificate's)"),
	END,
};

static const struct api_field certificate_metadata[] = {
	{ .name = "status", .type = API_ENUM, .values = statuses,
		.help = "pending, active, expired or revoked" },
	{ .name = "expired", .type = API_BOOL, .help = "its time is over" },
	{ .name = "commonName", .type = API_STRING, .help = "its first name" },
	{ .name = "subjectAlternativeNames", .type = API_STRLIST, .help = "all its names" },
	{ .name = "notBefore", .type = API_TIME, .help = "valid from" },
	{ .name = "notAfter", .type = API_TIME, .help = "valid until" },
	{ .name = "serialNumber", .type = API_STRING, .help = "hexadecimal with colons" },
	{ .name = "sha256Fingerprint", .type = API_STRING, .help = "of the certificate" },
	{ .name = "caName", .type = API_STRING, .help = "who signed it" },
	{ .name = "keyAlgorithm", .type = API_STRING, .help = "kind of its key" },
	{ .name = "type", .type = API_STRING, .help = "lets_encrypt, acme or manual" },
	{ .name = "wildcard", .type = API_BOOL, .help = "it has a wildcard name" },
	{ .name = "hasIntermediateCert", .type = API_BOOL, .help = "the chain is not empty" },
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate",
		.help = "what it was issued for" },
	{ .name = "lastIssuedCertificate", .type = API_REF, .resource = "certificate",
		.help = "the newest of the same auto-certificate" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "where its files are (imported ones)" },
	{ .name = "served", .type = API_STRING,
		.help = "served, stale, unreachable, or nothing probed (imported ones)" },
	END,
};

static const struct api_column certificate_columns[] = {
	{ "NAME", "properties.name" },
	{ "COMMON NAME", "metadata.commonName" },
	{ "ISSUER", "metadata.caName" },
	{ "STATUS", "metadata.status" },
	{ "ISSUED", "metadata.notBefore" },
	{ "EXPIRES", "metadata.notAfter" },
	{ NULL, NULL },
};

/* dnsProvider */

static const struct api_field dnsprovider_properties[] = {
	NAME_FIELD("name of the DNS provider"),
	{ .name = "kind", .type = API_ENUM, .flags = API_REQUIRED | API_IMMUTABLE, .values = dns_kinds,
		.help = "DNS UPDATE to a server, a program, or the API of a DNS service" },
	{ .name = "zones", .type = API_STRLIST, .option = "zone", .metavar = "ZONE",
		.help = "a zone that it serves" },
	{ .name = "server", .type = API_STRING, .metavar = "ADDRESS[:PORT]",
		.help = "rfc2136: the primary server" },
	{ .name = "tsigName", .type = API_STRING, .metavar = "NAME", .help = "rfc2136: name of the TSIG key",
		.fallback = "from the key file" },
	{ .name = "tsigAlgorithm", .type = API_ENUM, .values = tsig_algorithms,
		.help = "rfc2136: of the TSIG key", .fallback = "from the key file, else hmac-sha256" },
	{ .name = "tsigKey", .type = API_SECRET, .metavar = "FILE",
		.help = "rfc2136: the TSIG key as tsig-keygen or keymgr wrote it, or its secret in base64" },
	{ .name = "command", .type = API_PATH, .metavar = "PROGRAM",
		.help = "exec: called as PROGRAM present|cleanup FQDN VALUE" },
	{ .name = "token", .type = API_SECRET, .metavar = "FILE", .help = "ionoscloud: the API token" },
	{ .name = "endpoint", .type = API_STRING, .metavar = "URL", .help = "ionoscloud: where the API is",
		.fallback = "https://dns.de-fra.ionos.com" },
	{ .name = "ttl", .type = API_SPAN, .min = 1, .max = 86400, .metavar = "SPAN",
		.help = "of the TXT records", .fallback = "60s" },
	{ .name = "propagationTimeout", .type = API_SPAN, .min = 1, .max = 3600, .metavar = "SPAN",
		.help = "wait this long for all servers of the zone", .fallback = "2m" },
	{ .name = "nameservers", .type = API_STRLIST, .option = "nameserver", .metavar = "HOST[:PORT]",
		.help = "ask this server for the record", .fallback = "the zone's own" },
	END,
};

static const struct api_field dnsprovider_metadata[] = {
	{ .name = "zonesSeen", .type = API_STRLIST, .help = "zones that its API listed" },
	{ .name = "zonesSeenDate", .type = API_TIME, .help = "when that was" },
	END,
};

static const struct api_column dnsprovider_columns[] = {
	{ "NAME", "properties.name" },
	{ "KIND", "properties.kind" },
	{ "ZONES", "properties.zones" },
	{ "SERVER", "properties.server" },
	{ "COMMAND", "properties.command" },
	{ "STATE", "metadata.state" },
	{ NULL, NULL },
};

/* consumer */

static const struct api_field probe_fields[] = {
	{ .name = "host", .type = API_STRING, .flags = API_REQUIRED, .help = "address or name" },
	{ .name = "port", .type = API_INT, .flags = API_REQUIRED, .min = 1, .max = 65535,
		.help = "TCP port" },
	{ .name = "sni", .type = API_STRING, .help = "server name to ask for",
		.fallback = "from the certificate" },
	END,
};

static const struct api_field consumer_properties[] = {
	NAME_FIELD("name of the consumer"),
	{ .name = "activate", .type = API_ENUM, .values = activations, .fallback = "none",
		.help = "how it is told: it watches the files, a datagram, or a program" },
	{ .name = "socket", .type = API_STRING, .option = "notify-socket", .metavar = "PATH",
		.help = "notify: socket that gets the datagram; @NAME is abstract" },
	{ .name = "command", .type = API_STRLIST, .metavar = "WORD",
		.help = "exec: program by absolute path, then its arguments, one option each" },
	{ .name = "probes", .type = API_LIST, .option = "probe", .fields = probe_fields,
		.metavar = "HOST:PORT[,SNI]", .help = "look there whether the certificate is served" },
	{ .name = "directory", .type = API_PATH, .metavar = "DIR",
		.help = "write the files there too; root prepared it for the reader's group" },
	END,
};

static const struct api_field rollout_fields[] = {
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate",
		.help = "what is rolled out; not of an imported certificate" },
	{ .name = "certificate", .type = API_REF, .resource = "certificate",
		.help = "the one it has or gets" },
	{ .name = "generation", .type = API_INT, .help = "as in manifest.json" },
	{ .name = "activated", .type = API_BOOL, .help = "it was told" },
	{ .name = "served", .type = API_STRING, .help = "served, stale or unreachable" },
	{ .name = "probedDate", .type = API_TIME, .help = "when that was seen" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields, .help = "what failed" },
	END,
};

static const struct api_field consumer_metadata[] = {
	{ .name = "rollouts", .type = API_LIST, .fields = rollout_fields,
		.help = "one for each auto-certificate and imported certificate" },
	END,
};

static const struct api_column consumer_columns[] = {
	{ "NAME", "properties.name" },
	{ "ACTIVATE", "properties.activate" },
	{ "PROBES", "properties.probes" },
	{ "STATE", "metadata.state" },
	{ "MESSAGE", "metadata.message" },
	{ NULL, NULL },
};

/* token */

static const struct api_field token_properties[] = {
	NAME_FIELD("name of the token"),
	{ .name = "role", .type = API_ENUM, .flags = API_REQUIRED | API_IMMUTABLE, .values = roles,
		.help = "what its bearer may do" },
	{ .name = "expires", .type = API_SPAN, .flags = API_IMMUTABLE, .min = 60, .max = 10 * (int64_t)MAX_SPAN,
		.metavar = "SPAN", .help = "how long it is valid", .fallback = "for ever" },
	{ .name = "domains", .type = API_STRLIST, .flags = API_IMMUTABLE | API_PATTERN, .option = "domain",
		.metavar = "PATTERN",
		.help = "only for certificates all of whose names are www.example.com, or below it (*.example.com)" },
	{ .name = "providers", .type = API_REFLIST, .flags = API_IMMUTABLE, .resource = "provider",
		.option = "provider", .metavar = "PROVIDER", .help = "only for certificates of this provider" },
	{ .name = "labels", .type = API_STRLIST, .flags = API_IMMUTABLE | API_LABEL, .option = "label",
		.metavar = "LABEL", .help = "only for certificates with this label" },
	END,
};

static const struct api_field token_metadata[] = {
	{ .name = "expiresDate", .type = API_TIME, .help = "valid until" },
	{ .name = "expired", .type = API_BOOL, .help = "its time is over" },
	{ .name = "token", .type = API_STRING, .help = "the token itself, in the answer of create alone" },
	END,
};

static const struct api_column token_columns[] = {
	{ "NAME", "properties.name" },
	{ "ROLE", "properties.role" },
	{ "DOMAINS", "properties.domains" },
	{ "LABELS", "properties.labels" },
	{ "EXPIRES", "metadata.expiresDate" },
	{ "CREATED", "metadata.createdDate" },
	{ "BY", "metadata.createdBy" },
	{ NULL, NULL },
};

/* authorization: Kontena's two steps. Nothing of it is declared, so nothing of it changes but by what the CA says. */

static const char *const authorization_statuses[] = { "pending", "valid", NULL };

static const struct api_field authorization_properties[] = {
	NAME_FIELD("DNS name whose control is to be proved, wildcards too"),
	{ .name = "provider", .type = API_REF, .flags = API_REQUIRED, .resource = "provider",
		.metavar = "PROVIDER", .help = "whom it is to be proved to" },
	END,
};

static const struct api_field authorization_metadata[] = {
	{ .name = "status", .type = API_ENUM, .values = authorization_statuses,
		.help = "pending: the record is to be published; valid: the CA has seen it" },
	{ .name = "recordName", .type = API_STRING, .help = "owner of the record" },
	{ .name = "recordType", .type = API_STRING, .help = "TXT" },
	{ .name = "recordContent", .type = API_STRING, .help = "its text" },
	{ .name = "expiresDate", .type = API_TIME, .help = "the CA forgets it then" },
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate",
		.help = "whose order asks for it, if it is not an order of its own" },
	{ .name = "orderUrl", .type = API_STRING, .help = "its own order at the CA" },
	{ .name = "authorizationUrl", .type = API_STRING, .help = "the authorization at the CA" },
	{ .name = "challengeUrl", .type = API_STRING, .help = "its dns-01 challenge" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	END,
};

static const struct api_column authorization_columns[] = {
	{ "NAME", "properties.name" },
	{ "PROVIDER", "properties.provider" },
	{ "STATE", "metadata.state" },
	{ "STATUS", "metadata.status" },
	{ "CONTENT", "metadata.recordContent" },
	{ "EXPIRES", "metadata.expiresDate" },
	{ NULL, NULL },
};

const struct api_resource api_resources[] = {
	[API_PROVIDER] = { "provider", "provider", "provider", "/providers",
		"account with a certificate authority", provider_properties, provider_metadata,
		provider_columns, .is_ionos = true, .is_declared = true },
	[API_AUTOCERTIFICATE] = { "autoCertificate", "auto", "autocertificate", "/auto-certificates",
		"certificate that is kept valid", autocert_properties, autocert_metadata, autocert_columns,
		.is_ionos = true, .is_declared = true },
	[API_CERTIFICATE] = { "certificate", "cert", "certificate", "/certificates",
		"certificate that was issued", certificate_properties, certificate_metadata,
		certificate_columns, .is_ionos = true },
	[API_DNSPROVIDER] = { "dnsProvider", "dns", "dnsprovider", "/dns-providers",
		"way to put records into DNS zones", dnsprovider_properties, dnsprovider_metadata,
		dnsprovider_columns, .is_declared = true },
	[API_CONSUMER] = { "consumer", "consumer", "consumer", "/consumers", "server that uses certificates",
		consumer_properties, consumer_metadata, consumer_columns, .is_declared = true },
	[API_TOKEN] = { "token", "token", "token", "/tokens", "key to the REST server", token_properties,
		token_metadata, token_columns, .is_ionos = false },
	[API_AUTHORIZATION] = { "authorization", "authorization", "authorization", "/authorizations",
		"name that is proved by hand", authorization_properties, authorization_metadata,
		authorization_columns, .is_ionos = false },
};

/* Parameters */

#define PAGE_FIELDS \
	{ .name = "offset", .type = API_INT, .min = 0, .max = INT32_MAX, .metavar = "N", \
		.help = "leave out the first ones", .fallback = "0" }, \
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N", .help = "at most this many", \
		.fallback = "100" }
#define REF_FIELD(noun) \
	{ .name = "ref", .type = API_REF, .flags = API_REQUIRED | API_POSITIONAL, .resource = noun, \
		.metavar = "NAME", .help = "name or id" }
#define DRY_RUN \
	{ .name = "dryRun", .type = API_BOOL, .help = "say what it would cause, and change nothing" }
#define FILTER_NAME \
	{ .name = "commonName", .type = API_STRING, .option = "cn", .metavar = "DOMAIN", \
		.help = "with this common name" }
#define FILTER_OBJECT_NAME \
	{ .name = "name", .type = API_STRING, .metavar = "NAME", .help = "with this name" }
#define FILTER_PROVIDER \
	{ .name = "provider", .type = API_REF, .resource = "provider", .metavar = "PROVIDER", \
		.help = "of this provider" }
#define FILTER_EXPIRY \
	{ .name = "expiresBefore", .type = API_TIME, .metavar = "DATE", \
		.help = "that expire before then, or within a span such as 30d" }
#define FILTER_LABEL \
	{ .name = "label", .type = API_STRING, .metavar = "LABEL", .help = "with this label" }
#define FILTER_STATE { .name = "state", .type = API_ENUM, .values = states, .help = "in this state" }

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
		.metavar = "AUTO", .help = "issued for this auto-certificate" },
	END,
};
static const struct api_field provider_ref[] = { REF_FIELD("provider"), END };
static const struct api_field autocert_ref[] = { REF_FIELD("autoCertificate"), END };
static const struct api_field autocert_delete_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "withCertificates", .type = API_BOOL,
		.help = "its certificates, too; otherwise they stay until they are purged" },
	DRY_RUN,
	END,
};
static const struct api_field certificate_change[] = { REF_FIELD("certificate"), DRY_RUN, END };
static const struct api_field certificate_create_params[] = {
	{ .name = "pkcs12", .type = API_SECRET, .max = JSON_MAX_STRING,
		.help = "instead of certificate and privateKey: a PKCS#12 file, base64" },
	{ .name = "password", .type = API_SECRET, .help = "of the key or the PKCS#12 file, if it is encrypted" },
	{ .name = "replace", .type = API_REF, .resource = "certificate", .metavar = "NAME",
		.help = "imported certificate whose files, consumers, labels and name the new one takes over" },
	{ .name = "allowExpired", .type = API_BOOL, .help = "also one that is not valid now" },
	DRY_RUN,
	END,
};
static const char *const certificate_views[] = { "cloud66", NULL };
static const struct api_field certificate_get_params[] = {
	REF_FIELD("certificate"),
	{ .name = "view", .type = API_ENUM, .values = certificate_views,
		.help = "cloud66: Cloud66's object instead of this API's" },
	END,
};
static const char *const export_formats[] = { "pem", "der", "pkcs12", "bundle", NULL };
static const struct api_field certificate_export_params[] = {
	REF_FIELD("certificate"),
	{ .name = "format", .type = API_ENUM, .values = export_formats, .fallback = "pem",
		.help = "pem: certificate and chain; der: the certificate; bundle: key, certificate and chain" },
	{ .name = "key", .type = API_BOOL,
		.help = "the private key: instead of the certificate (pem, der), or beside it (pkcs12)" },
	{ .name = "password", .type = API_SECRET, .help = "of the PKCS#12 file that is made" },
	END,
};
static const struct api_field dnsprovider_ref[] = { REF_FIELD("dnsProvider"), END };
static const struct api_field consumer_ref[] = { REF_FIELD("consumer"), END };
static const struct api_field token_ref[] = { REF_FIELD("token"), END };
static const struct api_field token_list_params[] = { PAGE_FIELDS, END };
static const struct api_field authorization_ref[] = { REF_FIELD("authorization"), END };
static const struct api_field validate_params[] = {
	REF_FIELD("authorization"),
	{ .name = "force", .type = API_BOOL, .help = "even while certd does not see the record" },
	END,
};
static const struct api_field create_params[] = { DRY_RUN, END };
static const struct api_field provider_change[] = { REF_FIELD("provider"), DRY_RUN, END };
static const struct api_field autocert_change[] = { REF_FIELD("autoCertificate"), DRY_RUN, END };
static const struct api_field dnsprovider_change[] = { REF_FIELD("dnsProvider"), DRY_RUN, END };
static const struct api_field consumer_change[] = { REF_FIELD("consumer"), DRY_RUN, END };
static const struct api_field renew_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "force", .type = API_BOOL,
		.help = "even while it is paused or a Retry-After of the CA runs" },
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
		.help = "only about the object with this id" },
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "SEQ",
		.help = "first those stored behind this number", .fallback = "only new ones" },
	END,
};
static const struct api_field event_list_params[] = {
	{ .name = "object", .type = API_STRING, .metavar = "ID",
		.help = "only about the object with this id" },
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "SEQ",
		.help = "those behind this number", .fallback = "the last ones" },
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N",
		.help = "at most this many", .fallback = "100" },
	END,
};

/* Answers */

const struct api_field api_event_fields[] = {
	{ .name = "seq", .type = API_INT, .help = "number, counts up" },
	{ .name = "time", .type = API_TIME, .help = "when" },
	{ .name = "level", .type = API_STRING, .help = "error, warning, notice, info or debug" },
	{ .name = "kind", .type = API_STRING, .help = "what happened, such as issue.done" },
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "to whom" },
	{ .name = "message", .type = API_STRING, .help = "the same for a person" },
	{ .name = "data", .type = API_ANY, .help = "details, by kind" },
	END,
};

static const struct api_field event_list_result[] = {
	{ .name = "items", .type = API_LIST, .fields = api_event_fields, .help = "oldest first" },
	END,
};
static const struct api_field event_subscribe_result[] = {
	{ .name = "object", .type = API_STRING, .help = "as asked" },
	{ .name = "after", .type = API_INT, .help = "number of the last event so far" },
	{ .name = "items", .type = API_LIST, .fields = api_event_fields, .help = "those behind the asked number" },
	END,
};

const struct api_field api_audit_fields[] = {
	{ .name = "number", .type = API_INT, .help = "counts up from 1 without a gap" },
	{ .name = "time", .type = API_TIME, .help = "when" },
	{ .name = "who", .type = API_STRING, .help = "user or token" },
	{ .name = "userId", .type = API_STRING, .help = "its uid, or the token's id" },
	{ .name = "method", .type = API_STRING, .help = "what was asked for" },
	{ .name = "outcome", .type = API_STRING, .help = "done or refused" },
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "to whom" },
	{ .name = "changes", .type = API_ANY, .help = "field, old and new value of each" },
	{ .name = "reason", .type = API_STRING, .help = "why it was refused" },
	{ .name = "times", .type = API_INT, .help = "how often, if more than once" },
	{ .name = "hash", .type = API_STRING, .help = "of this record and, through it, of all before" },
	{ .name = "damaged", .type = API_BOOL, .help = "it is not what was written" },
	{ .name = "missing", .type = API_BOOL, .help = "it is not there" },
	END,
};
static const struct api_field audit_list_result[] = {
	{ .name = "items", .type = API_LIST, .fields = api_audit_fields, .help = "oldest first" },
	END,
};
static const struct api_field audit_list_params[] = {
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "NUMBER",
		.help = "those behind this number", .fallback = "the last ones" },
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N",
		.help = "at most this many", .fallback = "100" },
	END,
};
static const struct api_field audit_verify_params[] = {
	{ .name = "known", .type = API_STRING, .metavar = "NUMBER:HASH",
		.help = "and that this record has this hash, which certd once logged" },
	END,
};
static const struct api_field audit_verify_result[] = {
	{ .name = "intact", .type = API_BOOL, .help = "all is as it was written" },
	{ .name = "first", .type = API_INT, .help = "number of the oldest record that is kept" },
	{ .name = "last", .type = API_INT, .help = "number of the last one" },
	{ .name = "hash", .type = API_STRING, .help = "of the last one" },
	{ .name = "bad", .type = API_INT, .help = "the first record that is wrong; 0: the sealed head" },
	{ .name = "reason", .type = API_STRING, .help = "what is wrong with it" },
	END,
};

static const struct api_field schedule_row_fields[] = {
	{ .name = "date", .type = API_TIME, .help = "when it is due" },
	{ .name = "kind", .type = API_STRING,
		.help = "issue, deploy, probe, cleanup, account, purge, authorize, expiry or remove" },
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "whom it is about" },
	END,
};
static const struct api_field schedule_result[] = {
	{ .name = "items", .type = API_LIST, .fields = schedule_row_fields, .help = "earliest first" },
	{ .name = "offset", .type = API_INT, .help = "as asked" },
	{ .name = "limit", .type = API_INT, .help = "as asked" },
	{ .name = "total", .type = API_INT, .help = "all rows" },
	END,
};

static const struct api_field export_result[] = {
	{ .name = "certificate", .type = API_REF, .resource = "certificate", .help = "what was exported" },
	{ .name = "format", .type = API_STRING, .help = "as asked" },
	{ .name = "key", .type = API_BOOL, .help = "a private key was written" },
	{ .name = "octets", .type = API_INT, .help = "that were written" },
	END,
};

static const struct api_field explain_result[] = {
	{ .name = "summary", .type = API_STRING, .help = "one sentence" },
	{ .name = "nextAction", .type = API_STRING, .help = "what happens next" },
	{ .name = "nextDate", .type = API_TIME, .help = "and when" },
	{ .name = "reasons", .type = API_STRLIST, .help = "why then and why so" },
	{ .name = "attempts", .type = API_INT, .help = "failed in a row" },
	{ .name = "lastError", .type = API_OBJECT, .fields = error_fields,
		.help = "why the last attempt failed" },
	{ .name = "advice", .type = API_STRLIST, .help = "what you can do" },
	END,
};

static const struct api_field rollout_result[] = {
	{ .name = "autoCertificates", .type = API_LIST, .fields = object_ref_fields,
		.help = "auto-certificates and imported certificates that it will be done for" },
	{ .name = "endpoints", .type = API_INT, .help = "probes that will be made: one probe.* event each" },
	END,
};

static const struct api_field autocert_counts[] = {
	{ .name = "total", .type = API_INT, .help = "declared" },
	{ .name = "available", .type = API_INT, .help = "with a valid certificate" },
	{ .name = "provisioning", .type = API_INT, .help = "waiting for the first one" },
	{ .name = "failed", .type = API_INT, .help = "without a certificate, whose last attempt failed" },
	{ .name = "failing", .type = API_INT, .help = "whose last attempt failed, with a certificate or without" },
	{ .name = "paused", .type = API_INT, .help = "not renewed" },
	{ .name = "stale", .type = API_INT, .help = "not served as they should be" },
	END,
};

static const struct api_field failing_fields[] = {
	{ .name = "object", .type = API_OBJECT, .fields = object_ref_fields, .help = "whose" },
	{ .name = "action", .type = API_STRING, .help = "what failed: issue, deploy, account" },
	{ .name = "message", .type = API_STRING, .help = "why" },
	{ .name = "date", .type = API_TIME, .help = "of the next attempt" },
	END,
};

static const struct api_field status_result[] = {
	{ .name = "version", .type = API_STRING, .help = "of certd" },
	{ .name = "pid", .type = API_INT, .help = "its process" },
	{ .name = "startedDate", .type = API_TIME, .help = "running since" },
	{ .name = "state", .type = API_STRING, .help = "running, starting or degraded" },
	{ .name = "message", .type = API_STRING, .help = "what is wrong" },
	{ .name = "role", .type = API_STRING, .help = "yours" },
	{ .name = "scoped", .type = API_BOOL,
		.help = "you see certain certificates only, and nothing that counts all of them" },
	{ .name = "stateDirectory", .type = API_STRING, .help = "where the store is" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "where the files are" },
	{ .name = "providers", .type = API_INT, .help = "declared" },
	{ .name = "dnsProviders", .type = API_INT, .help = "declared" },
	{ .name = "consumers", .type = API_INT, .help = "declared" },
	{ .name = "certificates", .type = API_INT, .help = "in the store" },
	{ .name = "autoCertificates", .type = API_OBJECT, .fields = autocert_counts, .help = "how they are" },
	{ .name = "inFlight", .type = API_INT, .help = "orders at this moment" },
	{ .name = "nextAction", .type = API_STRING, .help = "what happens next" },
	{ .name = "nextObject", .type = API_OBJECT, .fields = object_ref_fields, .help = "to whom" },
	{ .name = "nextDate", .type = API_TIME, .help = "and when" },
	{ .name = "failing", .type = API_LIST, .fields = failing_fields, .help = "the first twenty, by next attempt" },
	{ .name = "warnings", .type = API_STRLIST, .help = "what should be looked at" },
	END,
};

/* For peers without a scope: these are what all certificates have in common. */
#define CRUD_ROWS(ID, noun, resource, role, change, what) \
	[RPC_##ID##_CREATE] = { noun ".create", role, API_CREATE, resource, create_params, NULL, \
		"declare a " what, .flags = 0 }, \
	[RPC_##ID##_UPDATE] = { noun ".update", role, API_UPDATE, resource, change, NULL, "change a " what, \
		.flags = 0 }, \
	[RPC_##ID##_DELETE] = { noun ".delete", role, API_DELETE, resource, change, NULL, "delete a " what, \
		.flags = 0 }
#define READ_ROWS(ID, noun, resource, params, ref, what) \
	[RPC_##ID##_LIST] = { noun ".list", ROLE_VIEWER, API_LIST_ALL, resource, params, NULL, \
		"list " what "s", .flags = API_SCOPED }, \
	[RPC_##ID##_GET] = { noun ".get", ROLE_VIEWER, API_GET, resource, ref, NULL, "show a " what, \
		.flags = API_SCOPED }

/* Who may declare programs to be run or where credentials go is admin; who works with what was declared, operator. */
const struct api_method api_methods[] = {
	READ_ROWS(PROVIDER, "provider", API_PROVIDER, page_params, provider_ref, "provider"),
	CRUD_ROWS(PROVIDER, "provider", API_PROVIDER, ROLE_ADMIN, provider_change, "provider"),
	READ_ROWS(AUTOCERTIFICATE, "autoCertificate", API_AUTOCERTIFICATE, autocert_list_params, autocert_ref,
		"auto-certificate"),
	[RPC_AUTOCERTIFICATE_CREATE] = { "autoCertificate.create", ROLE_OPERATOR, API_CREATE, API_AUTOCERTIFICATE,
		create_params, NULL, "declare an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_UPDATE] = { "autoCertificate.update", ROLE_OPERATOR, API_UPDATE, API_AUTOCERTIFICATE,
		autocert_change, NULL, "change an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_DELETE] = { "autoCertificate.delete", ROLE_OPERATOR, API_DELETE, API_AUTOCERTIFICATE,
		autocert_delete_params, NULL, "delete an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_RENEW] = { "autoCertificate.renew", ROLE_OPERATOR, API_CALL, API_AUTOCERTIFICATE,
		renew_params, NULL, "order a new certificate now", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_PAUSE] = { "autoCertificate.pause", ROLE_OPERATOR, API_CALL, API_AUTOCERTIFICATE,
		autocert_ref, NULL, "stop renewing until it is resumed", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_RESUME] = { "autoCertificate.resume", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, autocert_ref, NULL, "renew again", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_EXPLAIN] = { "autoCertificate.explain", ROLE_VIEWER, API_CALL,
		API_AUTOCERTIFICATE, autocert_ref, explain_result, "what will happen when, and why", .flags = API_SCOPED },
	READ_ROWS(CERTIFICATE, "certificate", API_CERTIFICATE, certificate_list_params, certificate_get_params,
		"certificate"),
	[RPC_CERTIFICATE_CREATE] = { "certificate.create", ROLE_OPERATOR, API_CREATE, API_CERTIFICATE,
		certificate_create_params, NULL, "import a certificate with its key", .flags = API_SCOPED },
	[RPC_CERTIFICATE_UPDATE] = { "certificate.update", ROLE_OPERATOR, API_UPDATE, API_CERTIFICATE,
		certificate_change, NULL, "change name or consumers of a certificate", .flags = API_SCOPED },
	[RPC_CERTIFICATE_DELETE] = { "certificate.delete", ROLE_OPERATOR, API_DELETE, API_CERTIFICATE,
		certificate_change, NULL, "delete a certificate that nobody needs", .flags = API_SCOPED },
	[RPC_CERTIFICATE_EXPORT] = { "certificate.export", ROLE_VIEWER, API_CALL, API_CERTIFICATE,
		certificate_export_params, export_result,
		"write a certificate into the descriptor that comes along; with its key for admins",
		.flags = API_TAKES_FD | API_SCOPED },
	READ_ROWS(DNSPROVIDER, "dnsProvider", API_DNSPROVIDER, page_params, dnsprovider_ref, "DNS provider"),
	CRUD_ROWS(DNSPROVIDER, "dnsProvider", API_DNSPROVIDER, ROLE_ADMIN, dnsprovider_change, "DNS provider"),
	READ_ROWS(CONSUMER, "consumer", API_CONSUMER, page_params, consumer_ref, "consumer"),
	CRUD_ROWS(CONSUMER, "consumer", API_CONSUMER, ROLE_ADMIN, consumer_change, "consumer"),
	[RPC_CONSUMER_DEPLOY] = { "consumer.deploy", ROLE_OPERATOR, API_CALL, API_CONSUMER, rollout_params,
		rollout_result, "write the files and tell the consumer again", .flags = API_SCOPED },
	[RPC_CONSUMER_PROBE] = { "consumer.probe", ROLE_OPERATOR, API_CALL, API_CONSUMER, rollout_params,
		rollout_result, "look now at what the consumer serves", .flags = API_SCOPED },
	[RPC_TOKEN_CREATE] = { "token.create", ROLE_ADMIN, API_CREATE, API_TOKEN, NULL, NULL, "make a token",
		.flags = 0 },
	[RPC_TOKEN_LIST] = { "token.list", ROLE_ADMIN, API_LIST_ALL, API_TOKEN, token_list_params, NULL,
		"list tokens", .flags = 0 },
	[RPC_TOKEN_GET] = { "token.get", ROLE_ADMIN, API_GET, API_TOKEN, token_ref, NULL, "show a token",
		.flags = 0 },
	[RPC_TOKEN_DELETE] = { "token.delete", ROLE_ADMIN, API_DELETE, API_TOKEN, token_ref, NULL,
		"delete a token: it is refused from then on", .flags = 0 },
	READ_ROWS(AUTHORIZATION, "authorization", API_AUTHORIZATION, page_params, authorization_ref,
		"authorization"),
	[RPC_AUTHORIZATION_CREATE] = { "authorization.create", ROLE_OPERATOR, API_CREATE, API_AUTHORIZATION, NULL,
		NULL, "ask the CA for the TXT record that proves control of a name", .flags = API_SCOPED },
	[RPC_AUTHORIZATION_DELETE] = { "authorization.delete", ROLE_OPERATOR, API_DELETE, API_AUTHORIZATION,
		authorization_ref, NULL, "forget an authorization", .flags = API_SCOPED },
	[RPC_AUTHORIZATION_VALIDATE] = { "authorization.validate", ROLE_OPERATOR, API_CALL, API_AUTHORIZATION,
		validate_params, NULL, "the record is published: have the CA look", .flags = API_SCOPED },
	[RPC_AUDIT_LIST] = { "audit.list", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, audit_list_params,
		audit_list_result, "who did what, and who was refused what", "/audit", .flags = API_READS },
	[RPC_AUDIT_VERIFY] = { "audit.verify", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, audit_verify_params,
		audit_verify_result, "is the audit log whole", .flags = API_READS },
	[RPC_EVENT_LIST] = { "event.list", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, event_list_params,
		event_list_result, "what happened", "/events", .flags = API_SCOPED },
	[RPC_EVENT_SUBSCRIBE] = { "event.subscribe", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT,
		event_subscribe_params, event_subscribe_result, "get notifications \"event\" from now on", .flags = API_SCOPED },
	[RPC_SCHEDULE_LIST] = { "schedule.list", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, schedule_params,
		schedule_result, "what will happen next", "/schedule", .flags = API_SCOPED },
	[RPC_SERVER_STATUS] = { "server.status", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, NULL,
		status_result, "how certd is", "/status", .flags = API_SCOPED },
	[RPC_SERVER_RELOAD] = { "server.reload", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, NULL, NULL,
		"read certd.conf again", .path = "/reload" },
	[RPC_DISCOVER] = { "rpc.discover", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, NULL, NULL,
		"this API as an OpenRPC document", .flags = API_SCOPED },
};
_Static_assert(ARRAY_SIZE(api_resources) == API_RESOURCE_COUNT, "one row per resource");
_Static_assert(ARRAY_SIZE(api_methods) == API_METHOD_COUNT, "one row per method");
