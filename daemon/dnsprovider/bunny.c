/*
 * bunny.net DNS (API: api.bunny.net). Type 3 is TXT. PUT adds a record each time. The records of a zone are a member of
 * the zone, and not paged.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records bunny_records = {
	.list = "/dnszone/$id",
	.items = "Records",
	.is_one_page = true,
	.name = "Name",
	.type = "Type",
	.txt = "3",
	.content = "Value",
	.id = "Id",
	.add_method = "PUT",
	.add = "/dnszone/$id/records",
	.body = "{\"Type\":3,\"Name\":\"$host\",\"Value\":\"$value\",\"Ttl\":$ttl}",
	.remove = "/dnszone/$id/records/$record",
};

static const struct http_api bunny_api = {
	.name = "bunny.net",
	.header = "AccessKey: ",
	.paging = { HTTP_API_NUMBER, .items = "Items", .position = "page", .size_name = "perPage", .size = 1000 },
	.zones = { "/dnszone", .filter = "search", .name = "Domain", .id = "Id" },
	.records = &bunny_records,
	.reason = "Message",
};

const struct dnsprovider_driver dnsprovider_bunny = HTTP_API_DRIVER(&bunny_api);
