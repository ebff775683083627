/* authorization: Kontena's two steps. It is not a declaration, so only answers of the CA change it. */
#include "common/api/api_fields.h"

/* One row per line is easier to compare. */
/* clang-format off */

const char *const api_authorization_challenges[] = { "manual", "dns-persist-01", NULL };
static const char *const authorization_statuses[] = { "pending", "valid", NULL };

const struct api_field api_authorization_properties[] = {
	NAME_FIELD("DNS name to validate; may be a wildcard"),
	{ .name = "provider", .type = API_REF, .flags = API_REQUIRED, .resource = "provider",
		.metavar = "PROVIDER", .help = "CA account that validates the name" },
	{ .name = "challenge", .type = API_ENUM, .values = api_authorization_challenges, .fallback = "manual",
		.help = "manual: by a record for this order (dns-01); dns-persist-01: by one that stays" },
	END,
};

const struct api_field api_authorization_metadata[] = {
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
	{ .name = "challengeUrl", .type = API_STRING, .help = "URL of its challenge" },
	{ .name = "lastError", .type = API_OBJECT, .fields = api_error_fields,
		.help = "why the last attempt failed" },
	END,
};

const struct api_column api_authorization_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "PROVIDER", "properties.provider", 3 },
	{ "STATE", "metadata.state", 2 },
	{ "STATUS", "metadata.status", 0 },
	{ "CONTENT", "metadata.recordContent", 0 },
	{ "EXPIRES", "metadata.expiresDate", 1 },
	{ .title = NULL },
};

const struct api_field api_authorization_ref[] = { REF_FIELD("authorization"), END };

const struct api_field api_validate_params[] = {
	REF_FIELD("authorization"),
	{ .name = "force", .type = API_BOOL, .help = "ask the CA even if certd does not see the record" },
	END,
};
