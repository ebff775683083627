/*
 * certificate: as with IONOS, the PEM is among the properties; the key is never returned. Only the name of an issued
 * certificate can be set.
 */
#include "common/api/api_fields.h"
#include "common/api/revoke_reasons.h"

/* One row per line is easier to compare. */
/* clang-format off */

static const char *const statuses[] = { "pending", "active", "expired", "revoked", NULL };

const struct api_field api_certificate_properties[] = {
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

const struct api_field api_certificate_metadata[] = {
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
	{ .name = "revocation", .type = API_STRING,
		.help = "state of a requested revocation, or how certd learned of it" },
	{ .name = "revocationReason", .type = API_STRING, .help = "reason of the revocation" },
	{ .name = "revokedDate", .type = API_TIME,
		.help = "time at which the CA confirmed it, or which the CA's list or responder gives" },
	{ .name = "revocationList", .type = API_STRING,
		.help = "URL of the revocation list or OCSP responder that said so of it, or of its issuer" },
	{ .name = "heldBack", .type = API_BOOL,
		.help = "whether it is not deployed for the reasons in message; see deployAnyway" },
	{ .name = "deployedCertificate", .type = API_TEXT,
		.help = "PEM that is deployed, if the certificate was imported in another form" },
	{ .name = "deployedCertificateChain", .type = API_TEXT,
		.help = "PEM that is deployed, if the chain was imported in another form" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "directory of its files (imported certificates only)" },
	{ .name = "served", .type = API_STRING,
		.help = "result of the probes (imported certificates only)" },
	{ .name = "rolledBackDate", .type = API_TIME,
		.help = "time of a rollback, until a certificate that is not rolled back is served" },
	{ .name = "rolledBackTo", .type = API_REF, .resource = "certificate",
		.help = "earlier certificate that is deployed instead (imported certificates only)" },
	END,
};

const struct api_column api_certificate_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "COMMON NAME", "metadata.commonName", 2 },
	{ "ISSUER", "metadata.caName", 3 },
	{ "STATUS", "metadata.status", 0 },
	{ "ISSUED", "metadata.notBefore", 4 },
	{ "EXPIRES", "metadata.notAfter", 0 },
	{ .title = NULL },
};

const struct api_field api_certificate_list_params[] = {
	FILTERS_CERTIFICATE,
	{ .name = "autoCertificate", .type = API_REF, .resource = "autoCertificate", .option = "auto",
		.metavar = "AUTO", .help = "only those issued for this auto-certificate" },
	END,
};

static const char *const certificate_views[] = { "cloud66", NULL };

const struct api_field api_certificate_get_params[] = {
	REF_FIELD("certificate"),
	{ .name = "view", .type = API_ENUM, .values = certificate_views,
		.help = "cloud66: return Cloud66's certificate object" },
	END,
};

const struct api_field api_certificate_create_params[] = {
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

const struct api_field api_certificate_update_params[] = { REF_FIELD("certificate"), SAME_NAME, TAKE_FILES, DRY_RUN,
	END };

const struct api_field api_certificate_ref[] = { REF_FIELD("certificate"), END };
const struct api_field api_certificate_rollback_params[] = {
	REF_FIELD("certificate"),
	{ .name = "consumer", .type = API_REF, .resource = "consumer", .metavar = "CONSUMER",
		.help = "only the files of this consumer, which has its own directory", .fallback = "all files" },
	{ .name = "certificate", .type = API_REF, .resource = "certificate", .option = "to", .metavar = "CERTIFICATE",
		.help = "certificate to deploy; the one that replaced it ends a rollback",
		.fallback = "the latest one before it that is valid" },
	END,
};
const struct api_field api_certificate_change[] = { REF_FIELD("certificate"), DRY_RUN, END };
static const char *const revoke_reasons[] = { REVOKE_REASONS(REVOKE_REASON_WORD) NULL };

const struct api_field api_certificate_revoke_params[] = {
	REF_FIELD("certificate"),
	{ .name = "reason", .type = API_ENUM, .flags = API_REQUIRED, .values = revoke_reasons,
		.help = "why it is revoked" REVOKE_REASONS(REVOKE_REASON_HELP) },
	{ .name = "byKey", .type = API_BOOL, .help = "sign the request with the certificate's key, not the account's" },
	{ .name = "now", .type = API_BOOL, .help = "do not wait until a replacement is deployed" },
	{ .name = "provider", .type = API_REF, .resource = "provider", .metavar = "PROVIDER",
		.help = "provider whose CA issued it (imported certificates only)" },
	END,
};

static const char *const export_formats[] = { "pem", "der", "pkcs12", "bundle", NULL };

const struct api_field api_certificate_export_params[] = {
	REF_FIELD("certificate"),
	{ .name = "format", .type = API_ENUM, .values = export_formats, .fallback = "pem",
		.help = "pem: certificate and chain; der: the certificate; bundle: key, certificate and chain" },
	{ .name = "key", .type = API_BOOL,
		.help = "export the private key: instead of the certificate (pem, der), or together with it (pkcs12)" },
	{ .name = "password", .type = API_SECRET, .help = "password of the new PKCS#12 file" },
	END,
};

const struct api_field api_export_result[] = {
	{ .name = "certificate", .type = API_REF, .resource = "certificate", .help = "certificate that was exported" },
	{ .name = "format", .type = API_STRING, .help = "format, from the request" },
	{ .name = "key", .type = API_BOOL, .help = "whether a private key was written" },
	{ .name = "octets", .type = API_INT, .help = "number of octets written" },
	END,
};
