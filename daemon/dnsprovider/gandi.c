/*
 * Gandi LiveDNS (API: api.gandi.net/v5/livedns), with a personal access token. Record sets are replaced as a whole.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_set gandi_set = {
	.path = "/domains/$zone/records/$host/TXT",
	.values = "rrset_values",
	.item = "\"\\\"$value\\\"\"",
	.ttl = "rrset_ttl",
	.method = "PUT",
	.body = "{\"rrset_ttl\":$ttl,\"rrset_values\":$values}",
};

static const struct http_api gandi_api = {
	.name = "Gandi",
	.paging = { HTTP_API_NUMBER, .position = "page", .size_name = "per_page", .size = 100 },
	.zones = { "/domains", .name = "fqdn" },
	.apex = "@",
	.min_ttl = 300,
	.set = &gandi_set,
	.reason = "message",
};

const struct dnsprovider_driver dnsprovider_gandi = HTTP_API_DRIVER(&gandi_api);
