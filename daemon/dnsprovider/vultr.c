/*
 * Vultr (API: api.vultr.com/v2). It pages by cursor and has no filters. Contents are quoted.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records vultr_records = {
	.list = "/domains/$zone/records",
	.items = "records",
	.name = "name",
	.type = "type",
	.content = "data",
	.add = "/domains/$zone/records",
	.body = "{\"type\":\"TXT\",\"name\":\"$host\",\"data\":\"\\\"$value\\\"\",\"ttl\":$ttl}",
	.remove = "/domains/$zone/records/$record",
};

static const struct http_api vultr_api = {
	.name = "Vultr",
	.paging = { HTTP_API_CURSOR, .items = "domains", .position = "cursor", .size_name = "per_page", .size = 500,
		.cursor = "meta.links.next" },
	.zones = { "/domains", .name = "domain" },
	.min_ttl = 120,
	.records = &vultr_records,
	.reason = "error",
};

const struct dnsprovider_driver dnsprovider_vultr = HTTP_API_DRIVER(&vultr_api);
