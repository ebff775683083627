/*
 * Scaleway Domains and DNS (API: api.scaleway.com/domain/v2beta1). A zone is a domain or a subdomain of it, named by
 * two members. Both changes are made by PATCH.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records scaleway_records = {
	.list = "/dns-zones/$zone/records?name=$host&type=TXT",
	.items = "records",
	.name = "name",
	.type = "type",
	.content = "data",
	.add_method = "PATCH",
	.add = "/dns-zones/$zone/records",
	.body = "{\"return_all_records\":false,\"changes\":[{\"add\":{"
		"\"records\":[{\"name\":\"$host\",\"type\":\"TXT\","
		"\"data\":\"\\\"$value\\\"\",\"ttl\":$ttl}]}}]}",
	.remove = "/dns-zones/$zone/records",
	.remove_body = "{\"return_all_records\":false,\"changes\":[{\"delete\":{\"id\":\"$record\"}}]}",
};

static const struct http_api scaleway_api = {
	.name = "Scaleway",
	.header = "X-Auth-Token: ",
	.paging = { HTTP_API_NUMBER, .items = "dns_zones", .position = "page", .size_name = "page_size", .size = 100 },
	.zones = { "/dns-zones", .name = "domain", .host = "subdomain" },
	.min_ttl = 60,
	.records = &scaleway_records,
	.reason = "message",
};

const struct dnsprovider_driver dnsprovider_scaleway = HTTP_API_DRIVER(&scaleway_api);
