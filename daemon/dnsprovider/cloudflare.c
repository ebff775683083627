/*
 * Cloudflare (API: api.cloudflare.com/client/v4), with an API token that may read zones and edit their records.
 *
 *   records of the name -> add:    POST, unless the value exists already
 *                       -> remove: DELETE each that has the value
 *
 * Contents are sent in quotes; without them the dashboard warns about the record.
 */
#include "common/error.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

static int
cloudflare_create(struct http_api_task *task)
{
	struct json_object *body = json_object_new_object();
	_cleanup_free_ char *content = xasprintf("\"%s\"", task->value);

	json_add_string(body, "type", "TXT");
	json_add_string(body, "name", task->name);
	json_add_string(body, "content", content);
	json_add_int(body, "ttl", task->ttl);
	http_api_send(task, "POST", http_api_json(body), http_api_end, "/zones/%s/dns_records", task->zone_id);
	return 0;
}

static int
cloudflare_take_record(struct http_api_task *task, struct json_object *item, struct error *err)
{
	if (strcasecmp(http_api_text(item, "name"), task->name) != 0 ||
		strcmp(http_api_text(item, "type"), "TXT") != 0 ||
		!http_api_same_text(http_api_text(item, "content"), task->value))
		return 0;
	return http_api_take_found(task, item, err);
}

static int
cloudflare_on_records(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	if (task->is_removal)
		http_api_delete_found(task, "/zones/%s/dns_records/", task->zone_id);
	else if (!task->found.count)
		return cloudflare_create(task);
	return 0;
}

static int
cloudflare_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_list(task, cloudflare_take_record, cloudflare_on_records, "/zones/%s/dns_records?type=TXT&name=%s",
		task->zone_id, task->name);
	return 0;
}

static const struct http_api cloudflare_api = {
	.name = "Cloudflare",
	.auth = http_api_bearer,
	.paging = { HTTP_API_NUMBER, .items = "result", .position = "page", .size_name = "per_page", .size = 50 },
	.zones = { "/zones", .filter = "name", .is_exact = true, .name = "name", .id = "id" },
	.change = cloudflare_change,
	.reason = "errors.0.message",
};

const struct dnsprovider_driver dnsprovider_cloudflare = HTTP_API_DRIVER(&cloudflare_api);
