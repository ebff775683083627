/*
 * DNSimple (API: api.dnsimple.com/v2), with an account token. Its zone filter matches names that contain the text.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records dnsimple_records = {
	.list = "/$account/zones/$zone/records?name=$host&type=TXT",
	.name = "name",
	.type = "type",
	.content = "content",
	.add = "/$account/zones/$zone/records",
	.body = "{\"type\":\"TXT\",\"name\":\"$host\",\"content\":\"$value\",\"ttl\":$ttl}",
	.remove = "/$account/zones/$zone/records/$record",
};

static const struct http_api dnsimple_api = {
	.name = "DNSimple",
	.paging = { HTTP_API_NUMBER, .items = "data", .position = "page", .size_name = "per_page", .size = 100 },
	.zones = { "/$account/zones", .filter = "name_like", .name = "name" },
	.records = &dnsimple_records,
	.reason = "message",
};

const struct dnsprovider_driver dnsprovider_dnsimple = HTTP_API_DRIVER(&dnsimple_api);
