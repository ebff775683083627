/*
 * Linode, now Akamai Connected Cloud (API: api.linode.com/v4). Its filters are a header of their own; without them it
 * lists all records of the zone.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records linode_records = {
	.list = "/domains/$id/records",
	.name = "name",
	.type = "type",
	.content = "target",
	.add = "/domains/$id/records",
	.body = "{\"type\":\"TXT\",\"name\":\"$host\",\"target\":\"$value\",\"ttl_sec\":$ttl}",
	.remove = "/domains/$id/records/$record",
};

static const struct http_api linode_api = {
	.name = "Linode",
	.paging = { HTTP_API_NUMBER, .items = "data", .position = "page", .size_name = "page_size", .size = 500 },
	.zones = { "/domains", .name = "domain", .id = "id" },
	.min_ttl = 300,
	.records = &linode_records,
	.reason = "errors.0.reason",
};

const struct dnsprovider_driver dnsprovider_linode = HTTP_API_DRIVER(&linode_api);
