/*
 * IONOS Cloud DNS, the service behind IONOS's own automatic certificates (API: dns.de-fra.ionos.com).
 *
 *   records of the name -> add:    POST, then GET until it is AVAILABLE, unless the value exists already
 *                       -> remove: DELETE each that has the value
 *
 * Its filters match names that contain the text (notexample.com, example.com.au), so names are compared here. No record
 * id is kept: listing the records first also shows the effect of a call whose answer was lost.
 */
#include "common/error.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

static int
on_record(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const char *state = http_api_text(answer, "metadata.state");

	if (strcmp(state, "FAILED") == 0)
		return error_set(err, ERROR_DNS, "the state of the new record became FAILED");
	if (strcmp(state, "AVAILABLE") != 0)
		http_api_poll(task, "the new record does not become AVAILABLE");
	return 0;
}

static int
wait_available(struct http_api_task *task, const char *id)
{
	if (!id)
		return -1;
	http_api_send(task, "GET", HTTP_API_NO_BODY, on_record, "/zones/%s/records/%s", task->zone_id, id);
	return 0;
}

static int
on_created(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	return wait_available(task, http_api_id(answer, "id", err));
}

static int
ionoscloud_create(struct http_api_task *task)
{
	struct json_object *body = json_object_new_object();
	struct json_object *properties = json_object_new_object();
	_cleanup_free_ char *name = http_api_relative_name(task);

	json_add_string(properties, "name", name);
	json_add_string(properties, "type", "TXT");
	json_add_string(properties, "content", task->value);
	json_add_int(properties, "ttl", task->ttl);
	json_add_bool(properties, "enabled", true);
	json_object_object_add(body, "properties", properties);
	http_api_send(task, "POST", http_api_json(body), on_created, "/zones/%s/records", task->zone_id);
	return 0;
}

static int
ionoscloud_take_record(struct http_api_task *task, struct json_object *item, struct error *err)
{
	const char *state = http_api_text(item, "metadata.state");
	_cleanup_free_ char *name = http_api_relative_name(task);

	if (strcasecmp(http_api_text(item, "properties.name"), name) != 0 ||
		strcmp(http_api_text(item, "properties.type"), "TXT") != 0 ||
		!http_api_same_text(http_api_text(item, "properties.content"), task->value) ||
		strcmp(state, "DESTROYING") == 0 || (strcmp(state, "FAILED") == 0 && !task->is_removal))
		return 0;
	return http_api_take_found(task, item, err);
}

static int
ionoscloud_on_records(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	if (!task->is_removal)
		return task->found.count ? wait_available(task, task->found.items[0]) : ionoscloud_create(task);
	http_api_delete_found(task, "/zones/%s/records/", task->zone_id);
	return 0;
}

static int
ionoscloud_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	_cleanup_free_ char *name = http_api_relative_name(task);

	http_api_list(task, ionoscloud_take_record, ionoscloud_on_records,
		"/records?filter.zoneId=%s&filter.type=TXT%s%s", task->zone_id, *name ? "&filter.name=" : "", name);
	return 0;
}

static const struct http_api ionoscloud_api = {
	.name = "IONOS Cloud DNS",
	.paging = { HTTP_API_OFFSET, .items = "items", .position = "offset", .size_name = "limit", .size = 100 },
	.zones = { "/zones", .filter = "filter.zoneName", .name = "properties.zoneName", .id = "id" },
	.change = ionoscloud_change,
	.reason = "messages.0.message",
};

const struct dnsprovider_driver dnsprovider_ionoscloud = HTTP_API_DRIVER(&ionoscloud_api);
