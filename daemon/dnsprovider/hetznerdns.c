/*
 * The old DNS Console API of Hetzner (API: dns.hetzner.com/api/v1). It does not work for zones that were moved to the
 * Cloud console: hetzner.c.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records hetznerdns_records = {
	.list = "/records?zone_id=$id",
	.items = "records",
	.name = "name",
	.type = "type",
	.content = "value",
	.add = "/records",
	.body = "{\"name\":\"$host\",\"type\":\"TXT\",\"value\":\"$value\",\"ttl\":$ttl,\"zone_id\":\"$id\"}",
	.remove = "/records/$record",
};

static const struct http_api hetznerdns_api = {
	.name = "Hetzner DNS Console",
	.header = "Auth-API-Token: ",
	.paging = { HTTP_API_NUMBER, .items = "zones", .position = "page", .size_name = "per_page", .size = 100 },
	.zones = { "/zones", .filter = "name", .is_exact = true, .name = "name", .id = "id" },
	.apex = "@",
	.records = &hetznerdns_records,
	.reason = "error.message",
};

const struct dnsprovider_driver dnsprovider_hetznerdns = HTTP_API_DRIVER(&hetznerdns_api);
