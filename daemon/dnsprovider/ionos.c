/*
 * IONOS hosting DNS, the "Developer API" (API: api.hosting.ionos.com/dns/v1); ionoscloud.c is another service. Records
 * are created in arrays. Contents come back in quotes.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records ionos_records = {
	.list = "/zones/$id?recordName=$name&recordType=TXT",
	.items = "records",
	.has_full_names = true,
	.name = "name",
	.type = "type",
	.content = "content",
	.add = "/zones/$id/records",
	.body = "[{\"name\":\"$name\",\"type\":\"TXT\",\"content\":\"$value\",\"ttl\":$ttl,\"prio\":0,"
		"\"disabled\":false}]",
	.remove = "/zones/$id/records/$record",
};

static const struct http_api ionos_api = {
	.name = "IONOS",
	.header = "X-API-Key: ",
	.zones = { "/zones", .name = "name", .id = "id" },
	.min_ttl = 60,
	.records = &ionos_records,
	.reason = "0.message",
};

const struct dnsprovider_driver dnsprovider_ionos = HTTP_API_DRIVER(&ionos_api);
