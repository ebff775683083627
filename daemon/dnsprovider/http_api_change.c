/*
 * Changes by description: of single records (struct http_api_records) and of record sets (struct http_api_set). Both
 * read first, so that a change whose answer was lost is recognized, and is not made twice.
 */
#include "common/error.h"
#include "daemon/dnsprovider/http_api_private.h"

#include <stdlib.h>
#include <string.h>

/* --- single records --- */

/* Does the record list's @name mean the owner? APIs write the apex as "", "@" or the zone. */
static bool
http_api_is_owner(const struct http_api_task *task, const char *name, bool is_full)
{
	_cleanup_free_ char *host = is_full ? xstrdup(task->name) : http_api_relative_name(task);
	size_t len = strlen(name);

	if (len && name[len - 1] == '.')
		len--;
	if (!is_full && strcmp(name, "@") == 0)
		len = 0;
	return strlen(host) == len && strncasecmp(host, name, len) == 0;
}

static int
http_api_take_record(struct http_api_task *task, struct json_object *item, struct error *err)
{
	const struct http_api_records *records = http_api_op(task)->api->records;
	const char *id;

	if (!http_api_is_owner(task, http_api_text(item, records->name), records->has_full_names) ||
		strcmp(http_api_text(item, records->type), records->txt ? records->txt : "TXT") != 0 ||
		!http_api_same_text(http_api_text(item, records->content), task->value))
		return 0;
	id = http_api_id(item, records->id ? records->id : "id", err);
	if (!id)
		return -1;
	strlist_add(&task->found, id);
	return 0;
}

/* Sends the removal of the last record found; the next round removes the one before it. */
static int
http_api_remove_next(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const struct http_api *api = http_api_op(task)->api;
	const struct http_api_records *records = api->records;
	_cleanup_free_ char *path = NULL;

	if (!task->found.count)
		return records->then ? records->then(task, answer, err) : 0;
	path = http_api_path(task, records->remove);
	if (api->procedures.path)
		http_api_call_template(task, http_api_remove_next, true, records->remove);
	else if (records->remove_body)
		http_api_send(task, "PATCH", http_api_json_template(task, records->remove_body, NULL),
			http_api_remove_next, "%s", path);
	else
		http_api_send(task, "DELETE", HTTP_API_NO_BODY, http_api_remove_next, "%s", path);
	free(task->found.items[--task->found.count]);
	return 0;
}

static int
http_api_on_records(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const struct http_api *api = http_api_op(task)->api;
	const struct http_api_records *records = api->records;
	http_api_fn *then = records->then ? records->then : http_api_end;
	_cleanup_free_ char *path = NULL;

	if (task->is_removal)
		return http_api_remove_next(task, answer, err);
	if (task->found.count) /* perhaps by a change that ended before .then */
		return then(task, answer, err);
	path = http_api_path(task, records->add);
	if (api->procedures.path)
		http_api_call_template(task, then, true, records->add);
	else
		http_api_send(task, records->add_method ? records->add_method : "POST",
			http_api_json_template(task, records->body, NULL), then, "%s", path);
	http_api_op(task)->call.counts_twice = true;
	return 0;
}

/* --- record sets --- */

struct json_object *
http_api_changed_values(
	const struct http_api_task *task, struct json_object *values, const char *value, const char *item)
{
	struct json_object *changed = json_object_new_array();
	size_t count = json_object_is_type(values, json_type_array) ? json_object_array_length(values) : 0;
	bool was_there = false;

	for (size_t i = 0; i < count; i++) {
		struct json_object *other = json_object_array_get_idx(values, i);

		if (http_api_same_text(http_api_text(other, value), task->value))
			was_there = true;
		else
			json_object_array_add(changed, json_object_get(other));
	}
	if (was_there != task->is_removal) {
		json_object_put(changed);
		return NULL;
	}
	if (!task->is_removal) {
		struct http_api_body text = http_api_json_template(task, item, NULL);

		json_object_array_add(changed, json_tokener_parse(text.text));
		free(text.text);
	}
	return changed;
}

static int
http_api_on_set(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const struct http_api_set *set = http_api_op(task)->api->set;
	struct json_object *values = http_api_member(answer, set->values);
	_cleanup_json_ struct json_object *changed = NULL;
	_cleanup_free_ char *path = NULL;
	bool is_new = !values || (!set->values && !json_object_array_length(values));
	int64_t ttl = set->ttl ? strtoll(http_api_text(answer, set->ttl), NULL, 10) : 0;

	if (answer && !json_object_is_type(values, json_type_array))
		return error_set(err, ERROR_PROTOCOL, "its answer is not a record set");
	changed = http_api_changed_values(task, values, set->value, set->item);
	if (!changed)
		return 0;
	task->ttl = ttl > 0 ? ttl : task->ttl;
	path = http_api_path(task, is_new && set->create ? set->create : set->path);
	if (is_new && set->create)
		http_api_send(task, "POST", http_api_json_template(task, set->create_body, changed), http_api_end, "%s",
			path);
	else if (json_object_array_length(changed) || set->is_cleared)
		http_api_send(
			task, set->method, http_api_json_template(task, set->body, changed), http_api_end, "%s", path);
	else
		http_api_send(task, "DELETE", HTTP_API_NO_BODY, http_api_end, "%s", path);
	return 0;
}

int
http_api_begin_change(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const struct http_api *api = http_api_op(task)->api;

	if (api->records)
		http_api_list_items(task, http_api_take_record, http_api_on_records, api->records->items,
			api->records->is_one_page, api->records->list);
	else if (api->set)
		http_api_find(task, http_api_on_set, api->set->path);
	else
		return api->change(task, answer, err);
	return 0;
}
