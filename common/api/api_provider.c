/* provider: an account with a certificate authority. */
#include "common/api/api_fields.h"

/* One row per line is easier to compare. */
/* clang-format off */

static const char *const account_lost[] = { "register", "fail", NULL };
static const char *const account_statuses[] = { "deactivated", "revoked", "refused", NULL };

static const struct api_field profile_fields[] = {
	{ .name = "name", .type = API_STRING, .help = "name of the profile" },
	{ .name = "description", .type = API_STRING, .help = "the CA's description, or the URL of one" },
	END,
};

static const struct api_field eab_fields[] = {
	{ .name = "keyId", .type = API_STRING, .option = "eab-key-id", .metavar = "ID",
		.help = "key identifier from the CA" },
	{ .name = "keySecret", .type = API_SECRET, .option = "eab-key", .metavar = "FILE",
		.help = "MAC key from the CA, base64 or base64url" },
	END,
};

const struct api_field api_provider_properties[] = {
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
	{ .name = "profilePolicy", .type = API_ENUM, .values = api_profile_policies, .fallback = "required",
		.help = "required: without the profile nothing is ordered; preferred: it is left out if the CA does "
			"not offer it" },
	{ .name = "preferredChain", .type = API_STRING, .metavar = "CHAIN", .help = PREFERRED_CHAIN_HELP },
	{ .name = "trustedRoots", .type = API_PATH, .metavar = "FILE",
		.help = "root certificates (PEM) that chains must lead to: another chain of the CA is chosen if it "
			"does, and what does not is a difference for the guard" },
	{ .name = "accountKeyAlgorithm", .type = API_ENUM, .flags = API_IMMUTABLE, .values = api_key_algorithms,
		.fallback = "secp256r1", .help = "algorithm of the account key" },
	{ .name = "accountKey", .type = API_SECRET, .flags = API_IMMUTABLE | API_FILE, .option = "account-key",
		.metavar = "FILE", .fallback = "a new one",
		.help = "private key of an existing account, PEM or JWK (private_key.json of certbot)" },
	{ .name = "accountKeyUri", .type = API_STRING, .flags = API_IMMUTABLE, .metavar = "URI",
		.help = "account key in a PKCS#11 token: pkcs11:token=NAME;object=NAME?pin-source=file:/PATH" },
	{ .name = "maxOrders", .type = API_INT, .min = 1, .max = 100, .metavar = "N",
		.help = "maximum number of concurrent orders", .fallback = "max-orders of certd.conf" },
	{ .name = "accountLost", .type = API_ENUM, .values = account_lost, .fallback = "register",
		.help = "if the CA does not know the account any more: register the same key again, or fail" },
	{ .name = "rateLimits", .type = API_STRLIST, .option = "rate-limit", .metavar = "NAME=COUNT/SPAN",
		.help = "rate limit: orders, domain, duplicates or failures, such as orders=300/3h, or NAME=none",
		.fallback = "those that the CA has published" },
	WINDOW_FIELDS("any time"),
	{ .name = "staging", .type = API_STRING, .metavar = "URL", .fallback = "the known one of the CA",
		.help = "ACME directory, or well-known name, of the CA's staging environment; none: failed orders are "
			"not rehearsed there" },
	END,
};

static const struct api_field rate_limit_fields[] = {
	{ .name = "limit", .type = API_STRING, .flags = API_ALWAYS, .help = "orders, domain, duplicates or failures" },
	{ .name = "count", .type = API_INT, .flags = API_ALWAYS, .help = "how many the CA allows" },
	{ .name = "period", .type = API_SPAN, .flags = API_ALWAYS, .help = "in this time" },
	{ .name = "room", .type = API_INT, .flags = API_ALWAYS, .help = "how many are left, as far as certd knows" },
	{ .name = "subject", .type = API_STRING, .help = "of which domain or names: those with the least room" },
	{ .name = "nextDate", .type = API_TIME, .help = "when there is room again" },
	END,
};

const struct api_field api_provider_metadata[] = {
	{ .name = "directoryUrl", .type = API_STRING, .flags = API_ALWAYS, .help = "URL of the ACME directory" },
	{ .name = "accountUrl", .type = API_STRING, .help = "URL of the account at the CA" },
	{ .name = "accountThumbprint", .type = API_STRING, .help = "thumbprint of the account key (RFC 7638)" },
	{ .name = "accountStatus", .type = API_ENUM, .values = account_statuses,
		.help = "why the account cannot be used any more" },
	{ .name = "termsOfService", .type = API_STRING, .help = "URL of the CA's terms of service" },
	{ .name = "profiles", .type = API_LIST, .fields = profile_fields,
		.help = "certificate profiles that the CA offers" },
	{ .name = "lastError", .type = API_OBJECT, .fields = api_error_fields,
		.help = "why the last attempt failed" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt" },
	{ .name = "rateLimitRoom", .type = API_LIST, .fields = rate_limit_fields,
		.help = "rate limits of the CA that certd keeps to, and the room left" },
	END,
};

const struct api_column api_provider_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "SERVER", "properties.server", 2 },
	{ "EMAIL", "properties.email", 3 },
	{ "STATE", "metadata.state", 0 },
	{ "MESSAGE", "metadata.message", 1 },
	{ .title = NULL },
};

const struct api_field api_provider_ref[] = { REF_FIELD("provider"), END };
const struct api_field api_provider_update_params[] = { REF_FIELD("provider"), SAME_NAME, DRY_RUN, END };
const struct api_field api_provider_deactivate_params[] = {
	REF_FIELD("provider"),
	{ .name = "force", .type = API_BOOL, .help = "even if auto-certificates use it" },
	END,
};
const struct api_field api_provider_export_params[] = {
	REF_FIELD("provider"),
	{ .name = "passphrase", .type = API_SECRET, .flags = API_REQUIRED,
		.help = "passphrase of the new file, 8 characters or more" },
	END,
};
const struct api_field api_provider_export_result[] = {
	{ .name = "provider", .type = API_REF, .resource = "provider", .help = "provider that was exported" },
	{ .name = "octets", .type = API_INT, .help = "number of octets written" },
	END,
};
const struct api_field api_provider_change[] = { REF_FIELD("provider"), DRY_RUN, END };
