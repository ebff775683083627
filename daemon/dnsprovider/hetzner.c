/*
 * Hetzner DNS by the Cloud API (API: api.hetzner.cloud/v1).
 *
 *   record set of the name -> add_records or remove_records with the value, unless it is done
 *                          -> GET the action until it ends
 *
 * An action adds or removes single values, so nothing is merged. The set is read first, because adding an existing
 * value is refused.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

static int
hetzner_on_action(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	if (strcmp(http_api_text(answer, "action.status"), "success") != 0)
		http_api_poll(task, "the change does not end");
	return 0;
}

static int
hetzner_on_started(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const char *id = http_api_id(answer, "action.id", err);

	if (!id)
		return -1;
	http_api_send(task, "GET", HTTP_API_NO_BODY, hetzner_on_action, "/actions/%s", id);
	return 0;
}

static int
hetzner_on_set(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	struct json_object *records = answer ? http_api_member(answer, "rrset.records") : NULL;
	_cleanup_json_ struct json_object *changed = http_api_changed_values(task, records, "value", "null");
	_cleanup_free_ char *path = NULL;

	if (!changed)
		return 0;
	path = http_api_path(task, task->is_removal ? "/zones/$id/rrsets/$host/TXT/actions/remove_records"
						    : "/zones/$id/rrsets/$host/TXT/actions/add_records");
	http_api_send(task, "POST",
		http_api_json_template(task,
			task->is_removal ? "{\"records\":[{\"value\":\"\\\"$value\\\"\"}]}"
					 : "{\"ttl\":$ttl,\"records\":[{\"value\":\"\\\"$value\\\"\"}]}",
			NULL),
		hetzner_on_started, "%s", path);
	return 0;
}

static int
hetzner_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_find(task, hetzner_on_set, "/zones/$id/rrsets/$host/TXT");
	return 0;
}

static const struct http_api hetzner_api = {
	.name = "Hetzner",
	.paging = { HTTP_API_NUMBER, .items = "zones", .position = "page", .size_name = "per_page", .size = 50 },
	.zones = { "/zones", .filter = "name", .is_exact = true, .name = "name", .id = "id" },
	.apex = "@",
	.min_ttl = 60,
	.change = hetzner_change,
	.verdict = { "action.status", " running success  " }, /* answers without an action have no such word */
	.reason = "error.message|action.error.message",
	.code = "error.code|action.error.code",
	.passing = " conflict locked ",
};

const struct dnsprovider_driver dnsprovider_hetzner = HTTP_API_DRIVER(&hetzner_api);
