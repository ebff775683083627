/* dnsProvider: its properties are in dns_kinds.c */
#include "common/api/api_fields.h"

/* One row per line is easier to compare. */
/* clang-format off */

const struct api_field api_dnsprovider_metadata[] = {
	{ .name = "zonesSeen", .type = API_STRLIST, .help = "zones that its API returned" },
	{ .name = "zonesSeenDate", .type = API_TIME, .help = "time of that answer" },
	END,
};

const struct api_column api_dnsprovider_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "KIND", "properties.kind", 1 },
	{ "ZONES", "properties.zones", 2 },
	{ "SERVER", "properties.server", 3 },
	{ "COMMAND", "properties.command", 4 },
	{ "STATE", "metadata.state", 0 },
	{ .title = NULL },
};

const struct api_field api_dnsprovider_ref[] = { REF_FIELD("dnsProvider"), END };
const struct api_field api_dnsprovider_change[] = { REF_FIELD("dnsProvider"), DRY_RUN, END };
