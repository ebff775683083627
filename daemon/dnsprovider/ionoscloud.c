/*
 * IONOS Cloud DNS, the service behind IONOS's own automatic certificates (API: dns.de-fra.ionos.com).
 *
 *   zones -> records of the name -> add:    POST, then GET until it is AVAILABLE, unless the value is there already
 *                                -> remove: DELETE each that has the value
 *
 * Its filters find what contains the text asked for (notexample.com, example.com.au), so names are compared here. No
 * record id is kept: looking first also shows what a call whose answer was lost has done.
 */
#include "common/error.h"
#include "common/name.h"
#include "common/strlist.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, ZONES_MAX = 5000 };

struct state {
	char *zone; /* the longest with the name in it so far, and its id */
	char *zone_id;
	char *record_id;       /* has the value, and does not go away */
	struct strlist doomed; /* ids of records to be deleted */
	size_t n_deleted;
	int offset; /* of the page asked for */
};

static void
clear(void *arg)
{
	struct state *s = arg;

	free(s->zone);
	free(s->zone_id);
	free(s->record_id);
	strlist_clear(&s->doomed);
}

static const char *
ionoscloud_reason(struct json_object *body)
{
	struct json_object *messages = NULL;
	const char *text = NULL;

	if (json_get_array(body, "messages", &messages, NULL) != 1 || !json_object_array_length(messages))
		return NULL;
	json_get_string(json_object_array_get_idx(messages, 0), "message", &text, NULL);
	return text;
}

/* A string of item.section, "" if it is not there. */
static const char *
ionoscloud_text_of(struct json_object *item, const char *section, const char *name)
{
	struct json_object *object = NULL;
	const char *text = NULL;

	if (json_get_object(item, section, &object, NULL) == 1)
		json_get_string(object, name, &text, NULL);
	return text ? text : "";
}

static int
get_id(struct json_object *item, const char **ret, struct error *err)
{
	*ret = NULL;
	if (json_get_string(item, "id", ret, NULL) == 1 && http_api_is_id(*ret))
		return 0;
	return error_set(err, ERROR_PROTOCOL, "it answers with something that has no id");
}

static int
get_items(struct json_object *answer, struct json_object **ret, struct error *err)
{
	if (json_get_array(answer, "items", ret, NULL) == 1)
		return 0;
	return error_set(err, ERROR_PROTOCOL, "it answers with something that is no list");
}

/* The owner name below the zone; "" for its apex. Owned by the caller. */
static char *
relative_name(const char *name, const char *zone)
{
	size_t len = strlen(name) - strlen(zone);

	return xstrndup(name, len ? len - 1 : 0);
}

static int
delete_next(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	struct state *s = task->state;

	if (s->n_deleted < s->doomed.count)
		http_api_send(task, "DELETE", NULL, delete_next, "/zones/%s/records/%s", s->zone_id,
			s->doomed.items[s->n_deleted++]);
	return 0;
}

static int
on_record(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const char *record_state = ionoscloud_text_of(answer, "metadata", "state");

	if (strcmp(record_state, "FAILED") == 0)
		return error_set(err, ERROR_DNS, "the new record became FAILED");
	if (strcmp(record_state, "AVAILABLE") != 0)
		http_api_poll(task, "the new record does not become AVAILABLE");
	return 0;
}

static int
wait_available(struct http_api_task *task, const char *id)
{
	const struct state *s = task->state;

	http_api_send(task, "GET", NULL, on_record, "/zones/%s/records/%s", s->zone_id, id);
	return 0;
}

static int
on_created(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const char *id;

	return get_id(answer, &id, err) < 0 ? -1 : wait_available(task, id);
}

static int
ionoscloud_create(struct http_api_task *task)
{
	const struct state *s = task->state;
	struct json_object *body = json_object_new_object();
	struct json_object *properties = json_object_new_object();
	_cleanup_free_ char *name = relative_name(task->name, s->zone);

	json_add_string(properties, "name", name);
	json_add_string(properties, "type", "TXT");
	json_add_string(properties, "content", task->value);
	json_add_int(properties, "ttl", task->ttl);
	json_add_bool(properties, "enabled", true);
	json_object_object_add(body, "properties", properties);
	http_api_send(task, "POST", body, on_created, "/zones/%s/records", s->zone_id);
	return 0;
}

static int
take_record(const struct http_api_task *task, struct json_object *item, struct error *err)
{
	struct state *s = task->state;
	_cleanup_free_ char *name = relative_name(task->name, s->zone);
	const char *record_state = ionoscloud_text_of(item, "metadata", "state");
	const char *id;

	if (strcasecmp(ionoscloud_text_of(item, "properties", "name"), name) != 0 ||
		strcmp(ionoscloud_text_of(item, "properties", "type"), "TXT") != 0 ||
		!http_api_same_text(ionoscloud_text_of(item, "properties", "content"), task->value) ||
		strcmp(record_state, "DESTROYING") == 0)
		return 0;
	if (get_id(item, &id, err) < 0)
		return -1;
	strlist_add(&s->doomed, id);
	if (strcmp(record_state, "FAILED") != 0)
		str_replace(&s->record_id, id);
	return 0;
}

static int
on_records(struct http_api_task *task, struct json_object *answer, struct error *err);

static void
ask_records(struct http_api_task *task, int offset)
{
	struct state *s = task->state;
	_cleanup_free_ char *name = relative_name(task->name, s->zone);

	s->offset = offset;
	http_api_send(task, "GET", NULL, on_records,
		"/records?filter.zoneId=%s&filter.type=TXT%s%s&offset=%d&limit=%d", s->zone_id,
		*name ? "&filter.name=" : "", name, offset, PAGE);
}

static int
on_records(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct state *s = task->state;
	struct json_object *items = NULL;
	size_t count;

	if (get_items(answer, &items, err) < 0)
		return -1;
	count = json_object_array_length(items);
	for (size_t i = 0; i < count; i++)
		if (take_record(task, json_object_array_get_idx(items, i), err) < 0)
			return -1;
	if (count >= PAGE) {
		ask_records(task, s->offset + PAGE);
		return 0;
	}
	if (task->remove)
		return delete_next(task, NULL, err);
	return s->record_id ? wait_available(task, s->record_id) : ionoscloud_create(task);
}

/* The zone that the name servers know, if they know one: a longer one that is not delegated is asked by nobody. */
static int
take_zone(const struct http_api_task *task, struct json_object *item, struct error *err)
{
	struct state *s = task->state;
	const char *zone = ionoscloud_text_of(item, "properties", "zoneName");
	const char *id;

	if (task->zone ? strcasecmp(zone, task->zone) != 0 : !*zone || !name_in_zone(task->name, zone))
		return 0;
	if (s->zone && strlen(zone) <= strlen(s->zone))
		return 0;
	if (get_id(item, &id, err) < 0)
		return -1;
	str_replace(&s->zone, zone);
	str_replace(&s->zone_id, id);
	return 0;
}

/* What all zones that may hold the name contain: the zone itself, or the last two labels. */
static const char *
zone_filter(const struct http_api_task *task)
{
	const char *start = task->zone ? task->zone : task->name + strlen(task->name);

	for (int dots = 0; !task->zone && start > task->name; start--) {
		dots += start[-1] == '.';
		if (dots == 2)
			break;
	}
	return start;
}

static int
ionoscloud_on_zones(struct http_api_task *task, struct json_object *answer, struct error *err);

static void
ask_zones(struct http_api_task *task, int offset)
{
	struct state *s = task->state;

	s->offset = offset;
	http_api_send(task, "GET", NULL, ionoscloud_on_zones, "/zones?filter.zoneName=%s&offset=%d&limit=%d",
		zone_filter(task), offset, PAGE);
}

static int
ionoscloud_on_zones(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct state *s = task->state;
	struct json_object *items = NULL;
	size_t count;

	if (get_items(answer, &items, err) < 0)
		return -1;
	count = json_object_array_length(items);
	for (size_t i = 0; i < count; i++)
		if (take_zone(task, json_object_array_get_idx(items, i), err) < 0)
			return -1;
	if (count >= PAGE)
		ask_zones(task, s->offset + PAGE);
	else if (s->zone_id)
		ask_records(task, 0);
	else
		return error_set(err, ERROR_DNS, "the token's contract has no zone '%s'",
			task->zone ? task->zone : zone_filter(task));
	return 0;
}

static int
on_all_zones(struct http_api_task *task, struct json_object *answer, struct error *err);

static void
ask_all_zones(struct http_api_task *task, int offset)
{
	struct state *s = task->state;

	s->offset = offset;
	http_api_send(task, "GET", NULL, on_all_zones, "/zones?offset=%d&limit=%d", offset, PAGE);
}

static int
on_all_zones(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct state *s = task->state;
	struct json_object *items = NULL;
	size_t count;

	if (get_items(answer, &items, err) < 0)
		return -1;
	count = json_object_array_length(items);
	for (size_t i = 0; i < count; i++) {
		const char *zone = ionoscloud_text_of(
			json_object_array_get_idx(items, i), "properties", "zoneName");
		char *name = NULL;

		if (name_canonical(zone, false, &name, NULL) == 0)
			strlist_take(&task->zones, name);
	}
	if (count >= PAGE && s->offset < ZONES_MAX)
		ask_all_zones(task, s->offset + PAGE);
	return 0;
}

static int
start(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	if (task->is_list)
		ask_all_zones(task, 0);
	else
		ask_zones(task, 0);
	return 0;
}

static const struct http_api api = {
	.name = "IONOS Cloud DNS",
	.endpoint = "https://dns.de-fra.ionos.com",
	.auth = "Authorization: Bearer ",
	.start = start,
	.state_size = sizeof(struct state),
	.clear = clear,
	.reason = ionoscloud_reason,
};

static struct dnsprovider_op *
change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool remove,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	return http_api_start(&api, env, d, remove, record, done, arg);
}

static struct dnsprovider_op *
list_zones(
	const struct dnsprovider_env *env, const struct dnsprovider *d, dnsprovider_zones_fn *done, void *arg)
{
	return http_api_list_zones(&api, env, d, done, arg);
}

const struct dnsprovider_driver dnsprovider_ionoscloud = {
	.check = http_api_check,
	.change = change,
	.list_zones = list_zones,
	.cancel = http_api_cancel,
};
