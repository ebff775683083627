/*
 * DigitalOcean DNS (API: api.digitalocean.com/v2). Records have names without the zone, but are filtered by the full
 * name.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records digitalocean_records = {
	.list = "/domains/$zone/records?type=TXT&name=$name",
	.items = "domain_records",
	.name = "name",
	.type = "type",
	.content = "data",
	.add = "/domains/$zone/records",
	.body = "{\"type\":\"TXT\",\"name\":\"$host\",\"data\":\"$value\",\"ttl\":$ttl}",
	.remove = "/domains/$zone/records/$record",
};

static const struct http_api digitalocean_api = {
	.name = "DigitalOcean",
	.paging = { HTTP_API_NUMBER, .items = "domains", .position = "page", .size_name = "per_page", .size = 200 },
	.zones = { "/domains", .name = "name" },
	.apex = "@",
	.min_ttl = 30,
	.records = &digitalocean_records,
	.reason = "message",
};

const struct dnsprovider_driver dnsprovider_digitalocean = HTTP_API_DRIVER(&digitalocean_api);
