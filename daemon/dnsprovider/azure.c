/*
 * Azure DNS (API: management.azure.com, version 2018-05-01), as a service principal: its secret is exchanged for a
 * token (OAuth 2.0 client credentials).
 */
#include "common/error.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define AZURE_ZONES "/subscriptions/$subscription/resourceGroups/$resourceGroup/providers/Microsoft.Network/dnsZones"
#define AZURE_VERSION "?api-version=2018-05-01"

static int
azure_on_token(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	http_api_keep_token(
		task, http_api_text(answer, "access_token"), strtoll(http_api_text(answer, "expires_in"), NULL, 10));
	return 0;
}

static int
azure_login(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	const struct secret *secret = http_api_secret(task, "clientSecret");
	_cleanup_free_ char *text = xstrndup((const char *)secret->data, secret->len);
	_cleanup_free_ char *path = http_api_path(task, "/$tenant/oauth2/v2.0/token");
	_cleanup_free_ char *server = http_api_url(task, "loginEndpoint");

	http_api_send(task, "POST",
		http_api_form((const char *const[]){ "grant_type", "client_credentials", "client_id",
			http_api_setting(task, "clientId"), "client_secret", text, "scope",
			"https://management.azure.com/.default", NULL }),
		azure_on_token, "%s%s", server, path);
	OPENSSL_cleanse(text, secret->len);
	return 0;
}

static const struct http_api_set azure_set = {
	.path = AZURE_ZONES "/$zone/TXT/$host" AZURE_VERSION,
	.values = "properties.TXTRecords",
	.value = "value.0",
	.item = "{\"value\":[\"$value\"]}",
	.ttl = "properties.TTL",
	.method = "PUT",
	.body = "{\"properties\":{\"TTL\":$ttl,\"TXTRecords\":$values}}",
};

static const struct http_api azure_api = {
	.name = "Azure DNS",
	.login = azure_login,
	.paging = { HTTP_API_URL, .items = "value", .cursor = "nextLink" },
	.zones = { AZURE_ZONES AZURE_VERSION, .name = "name", .hidden = "properties.zoneType",
		.hidden_word = "Private" },
	.apex = "@",
	.set = &azure_set,
	.reason = "error.message|error_description",
};

const struct dnsprovider_driver dnsprovider_azure = HTTP_API_DRIVER(&azure_api);
