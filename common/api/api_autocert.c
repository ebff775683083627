/* autoCertificate: what is to be issued, and the methods that work on it. */
#include "common/api/api_fields.h"

/* One row per line is easier to compare. */
/* clang-format off */

enum { CSR_MAX = 32 * 1024 };

static const char *const guards[] = { "warn", "pass", "hold", NULL };
static const char *const challenges[] = { "auto", "http-01", "tls-alpn-01", "dns-01", "dns-account-01",
	"dns-persist-01", "manual", NULL };

const struct api_field api_autocert_properties[] = {
	{ .name = "name", .type = API_STRING, .flags = API_ALWAYS, .metavar = "NAME",
		.help = "name of the auto-certificate", .fallback = "from the common name" },
	{ .name = "provider", .type = API_REF, .flags = API_REQUIRED, .resource = "provider",
		.metavar = "PROVIDER", .help = "CA account that issues the certificate" },
	{ .name = "fallbackProviders", .type = API_REFLIST, .resource = "provider", .option = "fallback",
		.metavar = "PROVIDER", .help = "CA account for the order while the provider fails" },
	{ .name = "commonName", .type = API_STRING, .flags = API_REQUIRED, .option = "cn",
		.metavar = "DOMAIN",
		.help = "first name of the certificate, such as www.example.com or *.example.com" },
	{ .name = "subjectAlternativeNames", .type = API_STRLIST, .option = "san", .metavar = "DOMAIN",
		.help = "additional name" },
	{ .name = "keyAlgorithm", .type = API_ENUM, .values = api_key_algorithms, .fallback = "secp256r1",
		.first_of = "keyAlgorithms", .help = "algorithm of the certificate's key" },
	{ .name = "keyAlgorithms", .type = API_STRLIST, .values = api_key_algorithms, .metavar = "ALGORITHM",
		.help = "instead of keyAlgorithm: an ECDSA and an RSA key, each with a certificate for the names; the "
			"second has its own files" },
	{ .name = "keyUri", .type = API_STRING, .metavar = "URI",
		.help = "its key in a PKCS#11 token: pkcs11:token=NAME;object=NAME?pin-source=file:/PATH" },
	{ .name = "csr", .type = API_TEXT, .max = CSR_MAX, .metavar = "FILE",
		.help = "certificate request, PEM, whose maker keeps the key; renewals use it again" },
	{ .name = "challenge", .type = API_ENUM, .values = challenges, .fallback = "auto",
		.help = "how the CA validates the names" },
	{ .name = "dnsProvider", .type = API_REF, .resource = "dnsProvider", .option = "dns",
		.metavar = "DNS", .help = "DNS provider for dns-01 and dns-account-01",
		.fallback = "the one that has the zone" },
	{ .name = "consumers", .type = API_REFLIST, .resource = "consumer", .option = "consumer",
		.metavar = "CONSUMER", .help = "consumer of the certificate" },
	{ .name = "reuseKey", .type = API_BOOL, .help = "keep the private key at renewal" },
	{ .name = "mustStaple", .type = API_BOOL,
		.help = "clients must refuse the certificate unless the server staples an OCSP response; many CAs "
			"refuse it" },
	{ .name = "tlsaNames", .type = API_STRLIST, .option = "tlsa", .metavar = "NAME",
		.help = "owner name of a TLSA record (DANE), such as _25._tcp.mail.example.com: the next key is "
			"prepared ahead, and used after its record was seen" },
	{ .name = "profile", .type = API_STRING, .metavar = "NAME", .help = "certificate profile",
		.fallback = "the provider's" },
	{ .name = "profilePolicy", .type = API_ENUM, .values = api_profile_policies, .fallback = "the provider's",
		.help = "whether the profile is required, or only preferred" },
	{ .name = "preferredChain", .type = API_STRING, .metavar = "CHAIN", .help = PREFERRED_CHAIN_HELP,
		.fallback = "the provider's" },
	{ .name = "guard", .type = API_ENUM, .values = guards, .fallback = "warn",
		.help = "if a renewed certificate differs from the one in use: deploy it and warn, deploy it, or hold "
			"it until it is approved" },
	{ .name = "renewBefore", .type = API_SPAN, .min = 60, .max = MAX_SPAN, .metavar = "SPAN",
		.help = "renew this long before expiry, at most a third of the lifetime (half if it is below 10 days)",
		.fallback = "renew-before in certd.conf" },
	{ .name = "dropAfter", .type = API_SPAN, .min = 60, .max = MAX_SPAN, .metavar = "SPAN",
		.help = "leave out names that the CA has not validated for this long", .fallback = "never" },
	WINDOW_FIELDS("the provider's"),
	LABELS_FIELD("word or KEY=VALUE, for lists and scopes"),
	END,
};

const struct api_field api_autocert_metadata[] = {
	{ .name = "commonName", .type = API_STRING, .flags = API_ALWAYS,
		.help = "common name in canonical form, as it is ordered" },
	{ .name = "subjectAlternativeNames", .type = API_STRLIST, .flags = API_ALWAYS,
		.help = "other names in canonical form, each once" },
	{ .name = "lastIssuedCertificate", .type = API_REF, .resource = "certificate",
		.help = "newest certificate, except one that waits for approval" },
	{ .name = "notBefore", .type = API_TIME, .help = "start of validity of that certificate" },
	{ .name = "notAfter", .type = API_TIME, .help = "end of validity of that certificate" },
	{ .name = "paused", .type = API_BOOL, .help = "whether renewal is suspended" },
	{ .name = "nextAction", .type = API_STRING, .help = "next planned action" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of that action" },
	{ .name = "standingRecords", .type = API_STRLIST,
		.help = "TXT records of dns-persist-01 that serve its names" },
	{ .name = "renewalWindowStart", .type = API_TIME,
		.help = "start of the time in which the CA suggests to renew" },
	{ .name = "renewalWindowEnd", .type = API_TIME, .help = "end of that time" },
	{ .name = "renewalWindowChosen", .type = API_TIME, .help = "time that certd has chosen in it" },
	{ .name = "renewalExplanation", .type = API_STRING, .help = "URL of the CA's explanation of that time" },
	{ .name = "progress", .type = API_STRING, .help = "current step" },
	{ .name = "providerInUse", .type = API_REF, .resource = "provider",
		.help = "fallback that the next order goes to" },
	{ .name = "providerReason", .type = API_STRING, .help = "why the next order goes to another provider" },
	{ .name = "waitReason", .type = API_STRING,
		.help = "what the next order waits for: a rate limit, or a TLSA record" },
	{ .name = "unpauseUrl", .type = API_STRING,
		.help = "page of the CA on which a person ends the pause of a name, so that the CA issues again" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "lastAttemptDate", .type = API_TIME, .help = "time of the last order" },
	{ .name = "lastError", .type = API_OBJECT, .fields = api_error_fields,
		.help = "why the last attempt failed" },
	{ .name = "waitingCertificate", .type = API_REF, .resource = "certificate",
		.help = "newer certificate that waits for approval" },
	{ .name = "waitingUntilDate", .type = API_TIME, .help = "time at which it is deployed without approval" },
	{ .name = "variant", .type = API_REF, .resource = "autoCertificate",
		.help = "auto-certificate of the second of keyAlgorithms" },
	{ .name = "variantOf", .type = API_REF, .resource = "autoCertificate",
		.help = "auto-certificate that this one belongs to, as the second of its keyAlgorithms" },
	{ .name = "notes", .type = API_STRLIST, .help = "what the last order did not get as it was wanted" },
	{ .name = "tlsa", .type = API_STRING, .help = "data of the TLSA record of the key in use" },
	{ .name = "nextTlsa", .type = API_STRING, .help = "data of the TLSA record of the next key" },
	{ .name = "formerTlsa", .type = API_STRING, .help = "data of the TLSA record of the key before" },
	{ .name = "nextTlsaSeenDate", .type = API_TIME,
		.help = "time since when all name servers have the record of the next key" },
	{ .name = "nextTlsaReadyDate", .type = API_TIME, .help = "time since when the next key may be used" },
	{ .name = "tlsaMessage", .type = API_STRING, .help = "TLSA records to publish or to remove" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "directory of its files" },
	{ .name = "rolledBackDate", .type = API_TIME,
		.help = "time of a rollback, until a certificate that is not rolled back is served" },
	{ .name = "rolledBackTo", .type = API_REF, .resource = "certificate",
		.help = "earlier certificate that is deployed instead of the newest" },
	{ .name = "served", .type = API_STRING, .help = SERVED_HELP },
	END,
};

const struct api_column api_autocert_columns[] = {
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

const struct api_field api_autocert_list_params[] = { FILTERS_CERTIFICATE, END };

const struct api_field api_autocert_ref[] = { REF_FIELD("autoCertificate"), END };
const struct api_field api_autocert_create_params[] = { SAME_NAME, TAKE_FILES, DRY_RUN, END };

const struct api_field api_autocert_update_params[] = { REF_FIELD("autoCertificate"), SAME_NAME, TAKE_FILES,
	DRY_RUN, END };

const struct api_field api_autocert_delete_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "withCertificates", .type = API_BOOL,
		.help = "also delete its certificates; otherwise they are kept until they are purged" },
	TAKE_FILES,
	DRY_RUN,
	END,
};

const struct api_field api_renew_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "force", .type = API_BOOL,
		.help = "renew even if it is paused, or before the time that the CA allows" },
	END,
};

const struct api_field api_rehearse_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "provider", .type = API_REF, .resource = "provider", .metavar = "PROVIDER",
		.help = "account at a staging environment", .fallback = "the one at that of the CA" },
	END,
};

const struct api_field api_rollback_params[] = {
	REF_FIELD("autoCertificate"),
	{ .name = "consumer", .type = API_REF, .resource = "consumer", .metavar = "CONSUMER",
		.help = "only the files of this consumer, which has its own directory", .fallback = "all files" },
	{ .name = "certificate", .type = API_REF, .resource = "certificate", .option = "to", .metavar = "CERTIFICATE",
		.help = "certificate to deploy; the newest one ends a rollback",
		.fallback = "the latest earlier one that is valid" },
	END,
};

static const struct api_field decision_fields[] = {
	{ .name = "date", .type = API_TIME, .help = "time of the decision, the last one of equal ones" },
	{ .name = "firstDate", .type = API_TIME, .help = "time of the first one of equal ones" },
	{ .name = "times", .type = API_INT, .help = "number of equal ones in a row" },
	{ .name = "rule", .type = API_STRING, .help = "word for the rule that decided, such as ca-window" },
	{ .name = "text", .type = API_STRING, .help = "inputs, outcome and next step" },
	END,
};
static const char *const grades[] = { "ok", "note", "warning", "blocked", NULL };

static const struct api_field finding_fields[] = {
	{ .name = "check", .type = API_STRING, .help = "what was checked, such as caa" },
	{ .name = "grade", .type = API_ENUM, .values = grades, .help = "result of the check" },
	{ .name = "name", .type = API_STRING, .help = "domain name that it is about" },
	{ .name = "message", .type = API_STRING, .help = "what was seen, where, and what to do" },
	END,
};

const struct api_field api_check_result[] = {
	{ .name = "grade", .type = API_ENUM, .values = grades, .help = "worst result" },
	{ .name = "checkedDate", .type = API_TIME, .help = "time of the check" },
	{ .name = "findings", .type = API_LIST, .fields = finding_fields, .help = "result of each check" },
	END,
};

const struct api_field api_explain_result[] = {
	{ .name = "summary", .type = API_STRING, .help = "summary in one sentence" },
	{ .name = "nextAction", .type = API_STRING, .help = "next planned action" },
	{ .name = "nextDate", .type = API_TIME, .help = "and when" },
	{ .name = "reasons", .type = API_STRLIST, .help = "reasons for the action and its time" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "lastError", .type = API_OBJECT, .fields = api_error_fields,
		.help = "why the last attempt failed" },
	{ .name = "refusedCertificate", .type = API_STRING,
		.help = "PEM of the certificate that the CA issued and certd refused" },
	{ .name = "advice", .type = API_STRLIST, .help = "suggested actions" },
	{ .name = "decisions", .type = API_LIST, .fields = decision_fields,
		.help = "the last 20 decisions about an auto-certificate, newest first" },
	END,
};
