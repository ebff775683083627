/*
 * deSEC (API: desec.io/api/v1). It finds the zone of an owner name itself. An empty list of records removes the set.
 * Names within a path use "@" for the apex, within a body "".
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_set desec_set = {
	.path = "/domains/$zone/rrsets/$host/TXT/",
	.values = "records",
	.item = "\"\\\"$value\\\"\"",
	.ttl = "ttl",
	.method = "PATCH",
	.body = "{\"records\":$values}",
	.create = "/domains/$zone/rrsets/",
	.create_body = "{\"subname\":\"$sub\",\"type\":\"TXT\",\"ttl\":$ttl,\"records\":$values}",
	.is_cleared = true,
};

static const struct http_api desec_api = {
	.name = "deSEC",
	.header = "Authorization: Token ",
	.paging = { .kind = HTTP_API_LINK },
	.zones = { "/domains/?cursor=", .filter = "owns_qname", .is_owner = true, .name = "name" },
	.apex = "@",
	.min_ttl = 3600,
	.set = &desec_set,
	.reason = "detail",
};

const struct dnsprovider_driver dnsprovider_desec = HTTP_API_DRIVER(&desec_api);
