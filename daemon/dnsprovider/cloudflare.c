/*
 * Cloudflare (API: api.cloudflare.com/client/v4), with an API token that may read zones and edit their records.
 * Contents are sent in quotes; without them the dashboard warns about the record.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_records cloudflare_records = {
	.list = "/zones/$id/dns_records?type=TXT&name=$name",
	.has_full_names = true,
	.name = "name",
	.type = "type",
	.content = "content",
	.add = "/zones/$id/dns_records",
	.body = "{\"type\":\"TXT\",\"name\":\"$name\",\"content\":\"\\\"$value\\\"\",\"ttl\":$ttl}",
	.remove = "/zones/$id/dns_records/$record",
};

static const struct http_api cloudflare_api = {
	.name = "Cloudflare",
	.paging = { HTTP_API_NUMBER, .items = "result", .position = "page", .size_name = "per_page", .size = 50 },
	.zones = { "/zones", .filter = "name", .is_exact = true, .name = "name", .id = "id" },
	.records = &cloudflare_records,
	.reason = "errors.0.message",
};

const struct dnsprovider_driver dnsprovider_cloudflare = HTTP_API_DRIVER(&cloudflare_api);
