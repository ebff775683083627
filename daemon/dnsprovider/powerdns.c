/*
 * The HTTP API of the PowerDNS Authoritative Server (4.7 and later).
 *
 *   record set of the name -> PATCH with the value added or removed, unless it is already
 *
 * A set is replaced as a whole, so the other values are sent back unchanged. Changes of one name run one after the
 * other (daemon/challenge/txt_queue.h); the API cannot prevent another program's change between the two calls.
 */
#include "common/error.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

#define SERVER_PATH "/api/v1/servers/localhost"

/* The TXT record set of the name; NULL if absent. Servers before 4.7 answer with all sets of the zone. */
static struct json_object *
find_set(const struct http_api_task *task, struct json_object *zone)
{
	_cleanup_free_ char *owner = xasprintf("%s.", task->name);
	struct json_object *sets = NULL;

	json_get_array(zone, "rrsets", &sets, NULL);
	for (size_t i = 0; sets && i < json_object_array_length(sets); i++) {
		struct json_object *set = json_object_array_get_idx(sets, i);

		if (strcasecmp(http_api_text(set, "name"), owner) == 0 &&
			strcmp(http_api_text(set, "type"), "TXT") == 0)
			return set;
	}
	return NULL;
}

/* {"rrsets": [{...}]}. @records: taken. */
static struct json_object *
powerdns_patch(const struct http_api_task *task, int64_t ttl, struct json_object *records)
{
	_cleanup_free_ char *owner = xasprintf("%s.", task->name);
	struct json_object *body = json_object_new_object();
	struct json_object *sets = json_object_new_array();
	struct json_object *set = json_object_new_object();
	bool is_empty = json_object_array_length(records) == 0;

	json_add_string(set, "name", owner);
	json_add_string(set, "type", "TXT");
	json_add_int(set, "ttl", ttl);
	json_add_string(set, "changetype", is_empty ? "DELETE" : "REPLACE");
	json_object_object_add(set, "records", records);
	json_object_array_add(sets, set);
	json_object_object_add(body, "rrsets", sets);
	return body;
}

/* The server would send it on its own, but later. */
static int
notify_secondaries(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "PUT", HTTP_API_NO_BODY, http_api_end, SERVER_PATH "/zones/%s./notify", task->zone);
	return 0;
}

static int
on_set(struct http_api_task *task, struct json_object *zone, struct error *err)
{
	bool is_primary = strcmp(http_api_text(zone, "kind"), "Master") == 0;
	struct json_object *set = zone ? find_set(task, zone) : NULL;
	struct json_object *records;
	int64_t ttl = task->ttl;

	if (!json_object_is_type(zone, json_type_object))
		return error_set(err, ERROR_PROTOCOL, "its answer is not a zone");
	records = http_api_changed_values(task, http_api_member(set, "records"), "content",
		"{\"content\":\"\\\"$value\\\"\",\"disabled\":false}");
	if (!records)
		return 0;
	if (set)
		json_get_int(set, "ttl", 0, INT32_MAX, &ttl, NULL);
	http_api_send(task, "PATCH", http_api_json(powerdns_patch(task, ttl, records)),
		is_primary ? notify_secondaries : http_api_end, SERVER_PATH "/zones/%s.", task->zone);
	return 0;
}

static int
powerdns_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "GET", HTTP_API_NO_BODY, on_set, SERVER_PATH "/zones/%s.?rrset_name=%s.&rrset_type=TXT",
		task->zone, task->name);
	return 0;
}

static const struct http_api powerdns_api = {
	.name = "PowerDNS",
	.header = "X-API-Key: ",
	.zones = { SERVER_PATH "/zones", .filter = "zone", .is_exact = true, .is_absolute = true, .name = "name" },
	.change = powerdns_change,
	.reason = "error",
};

const struct dnsprovider_driver dnsprovider_powerdns = HTTP_API_DRIVER(&powerdns_api);
