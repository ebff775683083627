/*
 * GoDaddy (API: api.godaddy.com/v1). Its list of domains is refused to small accounts, so the zone is the one that DNS
 * has. The token is the key and the secret, "KEY:SECRET". A set that does not exist is an empty list.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static const struct http_api_set godaddy_set = {
	.path = "/domains/$zone/records/TXT/$host",
	.value = "data",
	.item = "{\"data\":\"$value\",\"ttl\":$ttl}",
	.method = "PUT",
	.body = "$values",
};

static const struct http_api godaddy_api = {
	.name = "GoDaddy",
	.header = "Authorization: sso-key ",
	.apex = "@",
	.min_ttl = 600,
	.set = &godaddy_set,
	.reason = "message",
};

const struct dnsprovider_driver dnsprovider_godaddy = HTTP_API_DRIVER_WITHOUT_ZONES(&godaddy_api);
