/* What several resources have in common. */
#include "common/api/api_fields.h"

/* One row per line is easier to compare. */
/* clang-format off */

const char *const api_profile_policies[] = { "required", "preferred", NULL };
const char *const api_key_algorithms[] = { "secp256r1", "secp384r1", "secp521r1", "ed25519", "rsa2048", "rsa3072",
	"rsa4096", "rsa8192",
	NULL };

const char *const api_states[] = { "PROVISIONING", "AVAILABLE", "FAILED", NULL };

const struct api_field api_error_fields[] = {
	{ .name = "code", .type = API_STRING, .help = "class of the error" },
	{ .name = "message", .type = API_STRING, .help = "what went wrong" },
	{ .name = "field", .type = API_STRING, .help = "parameter or property that caused it" },
	{ .name = "problem", .type = API_STRING, .help = "ACME problem type" },
	{ .name = "retry", .type = API_BOOL, .help = "whether the same request may succeed later" },
	{ .name = "retryAt", .type = API_TIME, .help = "earliest time of another attempt" },
	END,
};

const struct api_field api_object_ref_fields[] = {
	{ .name = "type", .type = API_STRING, .help = "type of the object" },
	{ .name = "id", .type = API_STRING, .help = "id of the object" },
	{ .name = "name", .type = API_STRING, .help = "name of the object" },
	END,
};

const struct api_field api_common_metadata[] = {
	{ .name = "state", .type = API_ENUM, .values = api_states, .help = "whether it is ready for use" },
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

const struct api_field api_page_params[] = { PAGE_FIELDS, FILTER_STATE, FILTER_OBJECT_NAME, END };
const struct api_field api_create_params[] = { DRY_RUN, END };
const struct api_field api_ionos_create_params[] = { SAME_NAME, DRY_RUN, END };
