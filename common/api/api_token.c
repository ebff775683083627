/* token: the access of a REST client. */
#include "common/api/api_fields.h"

/* One row per line is easier to compare. */
/* clang-format off */

static const char *const roles[] = { "viewer", "operator", "admin", NULL };

const struct api_field api_token_properties[] = {
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

const struct api_field api_token_metadata[] = {
	{ .name = "expiresDate", .type = API_TIME, .help = "end of validity" },
	{ .name = "expired", .type = API_BOOL, .help = "whether the token has expired" },
	{ .name = "token", .type = API_STRING, .help = "the token; only in the answer of create" },
	END,
};

const struct api_column api_token_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "ROLE", "properties.role", 0 },
	{ "DOMAINS", "properties.domains", 2 },
	{ "LABELS", "properties.labels", 3 },
	{ "EXPIRES", "metadata.expiresDate", 0 },
	{ "CREATED", "metadata.createdDate", 4 },
	{ "BY", "metadata.createdBy", 5 },
	{ .title = NULL },
};

const struct api_field api_token_list_params[] = { PAGE_FIELDS, END };
const struct api_field api_token_ref[] = { REF_FIELD("token"), END };
