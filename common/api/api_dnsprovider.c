/* dnsProvider: a service that manages records of DNS zones. The settings of its kinds are in dns_kinds.c. */
#include "common/api/api_fields.h"

#include "common/api/dns_kinds.h"

/* One row per line is easier to compare. */
/* clang-format off */

#define KIND_NAME(kind, help) #kind,
static const char *const kind_names[] = { DNS_KINDS(KIND_NAME) NULL };

static const struct api_field head[] = {
	{ .name = "name", .type = API_STRING, .flags = API_REQUIRED, .metavar = "NAME",
		.help = "name of the DNS provider" },
	{ .name = "kind", .type = API_ENUM, .flags = API_REQUIRED | API_IMMUTABLE, .values = kind_names,
		.metavar = "KIND" },
	{ .name = "zones", .type = API_STRLIST, .option = "zone", .metavar = "ZONE",
		.help = "zone that this provider manages" },
	END,
};

static const struct api_field tail[] = {
	{ .name = "ttl", .type = API_SPAN, .min = 1, .max = 86400, .metavar = "SPAN",
		.help = "TTL of the TXT records", .fallback = "60s" },
	{ .name = "propagationTimeout", .type = API_SPAN, .min = 1, .max = 3600, .metavar = "SPAN",
		.help = "maximum wait for a record to be visible on all servers of the zone", .fallback = "2m" },
	{ .name = "validateUnseen", .type = API_BOOL,
		.help = "ask the CA even if no server has the record after that time" },
	{ .name = "nameservers", .type = API_STRLIST, .option = "nameserver", .metavar = "HOST[:PORT]",
		.help = "server to query for the record", .fallback = "the servers of the zone" },
	{ .name = "resolvers", .type = API_STRLIST, .option = "resolver", .metavar = "ADDRESS[:PORT]|URL",
		.help = "resolver that must see the record, too; a URL is for DNS over HTTPS (RFC 8484)" },
	END,
};

const struct api_field api_dnsprovider_metadata[] = {
	{ .name = "zonesSeen", .type = API_STRLIST, .help = "zones that its API returned" },
	{ .name = "zonesSeenDate", .type = API_TIME, .help = "time of that answer" },
	{ .name = "challengeTarget", .type = API_STRING,
		.help = "name of the account that certd has registered; _acme-challenge names must be CNAMEs to it" },
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
const struct api_field api_dnsprovider_check_params[] = {
	REF_FIELD("dnsProvider"),
	{ .name = "name", .type = API_STRING, .flags = API_REQUIRED | API_POSITIONAL, .metavar = "DOMAIN",
		.help = "name to be validated, such as www.example.com" },
	END,
};

const struct api_field api_dnsprovider_check_result[] = {
	{ .name = "record", .type = API_STRING, .help = "owner name of the TXT record, aliases followed" },
	{ .name = "zone", .type = API_STRING, .help = "its zone" },
	{ .name = "servers", .type = API_STRLIST, .help = "what each name server answered" },
	END,
};

const struct api_field api_dnsprovider_change[] = { REF_FIELD("dnsProvider"), DRY_RUN, END };
/* clang-format on */

struct api_field api_dnsprovider_properties[API_KINDS_PROPERTIES];

__attribute__((constructor)) static void
api_dnsprovider_fill(void)
{
	api_kinds_fill(&dns_kinds, head, tail, api_dnsprovider_properties);
}
