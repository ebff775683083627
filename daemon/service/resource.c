/*
 * The generic half of every resource: what all objects have in common is done once, by walking the API table and the
 * record table side by side. A new plain member is one line in each of the two tables and nothing here.
 */
#include "daemon/service/resource.h"

#include "common/nearest.h"
#include "daemon/service/access.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX = 500 };

struct json_object *
json_path(struct json_object *obj, const char *path)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	strlist_split(&names, path, '.');
	for (size_t i = 0; i < names.count; i++)
		if (!json_object_is_type(obj, json_type_object) ||
			!json_object_object_get_ex(obj, names.items[i], &obj))
			return NULL;
	return obj;
}

/*
 * The field whose name is @prefix and @name together. The two tables go in much the same order, so the search begins
 * behind the last field that was found (@at).
 */
static const struct record_field *
field_named(const struct record_class *cls, const char *prefix, const char *name, size_t *at)
{
	size_t len = strlen(prefix);

	for (size_t n = 0; n < cls->n_fields; n++) {
		size_t i = (*at + n) % cls->n_fields;
		const char *field = cls->fields[i].name;

		if (field && strncmp(field, prefix, len) == 0 && strcmp(field + len, name) == 0) {
			*at = i + 1;
			return &cls->fields[i];
		}
	}
	return NULL;
}

/* The item @name of the lists of settings in @obj (secrets included); NULL: none. */
static const struct setting *
setting_named(const struct record_class *cls, const char *name, const void *obj)
{
	const struct setting *found = NULL;

	for (size_t i = 0; !found && i < cls->n_fields; i++)
		if (cls->fields[i].item == &setting_class)
			found = setting_find((const void *)((const char *)obj + cls->fields[i].offset), name);
	return found;
}

/* --- to JSON --- */

static void
resource_add_fields(const struct record_class *cls, const struct api_field *fields, const char *prefix,
	const void *obj, struct json_object *ret);

static struct json_object *
items_to_json(const struct record_class *item, const struct api_field *fields, const struct record_list *list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->count; i++) {
		struct json_object *o = json_object_new_object();

		resource_add_fields(item, fields, "", (const char *)list->items + i * item->size, o);
		json_object_array_add(array, o);
	}
	return array;
}

/* NULL: nothing to add. */
static struct json_object *
resource_value_of(const struct record_field *field, const struct api_field *api, const void *obj)
{
	const void *at = (const char *)obj + field->offset;
	const char *text = NULL;
	int64_t number;

	switch (field->type) {
	case RECORD_STRING:
		text = *(char *const *)at;
		return text ? json_object_new_string(text) : NULL;
	case RECORD_INT:
		number = *(const int64_t *)at;
		if (number == 0)
			return NULL;
		return api->type == API_TIME ? json_new_time(number) : json_object_new_int64(number);
	case RECORD_BOOL:
		return json_object_new_boolean(*(const bool *)at);
	case RECORD_STRLIST:
		return json_new_strlist(at);
	case RECORD_BYTES:
		return json_object_new_string_len(buf_str(at), (int)((const struct buf *)at)->len);
	case RECORD_LIST:
		return items_to_json(field->item, api->fields, at);
	case RECORD_ERROR:
	case RECORD_SECRET:
		return NULL; /* errors are described by the resource; secrets never leave */
	}
	return NULL;
}

static void
resource_add_field(const struct record_field *field, const struct api_field *api, const void *obj,
	struct json_object *ret)
{
	struct json_object *value = resource_value_of(field, api, obj);

	if (value)
		json_put(ret, api->name, true, value);
}

/* API_OBJECT: {keyId} from the field named "externalAccountBinding.keyId"; left out when nothing is in it. */
static void
resource_add_object(const struct record_class *cls, const struct api_field *api, const char *outer,
	const void *obj, struct json_object *ret)
{
	_cleanup_free_ char *prefix = xasprintf("%s%s.", outer, api->name);
	struct json_object *inner = json_object_new_object();

	resource_add_fields(cls, api->fields, prefix, obj, inner);
	if (json_object_object_length(inner))
		json_object_object_add(ret, api->name, inner);
	else
		json_object_put(inner);
}

static void
resource_add_fields(const struct record_class *cls, const struct api_field *fields, const char *prefix,
	const void *obj, struct json_object *ret)
{
	size_t at = 0;

	for (; fields && fields->name; fields++) {
		const struct record_field *field = field_named(cls, prefix, fields->name, &at);
		const struct setting *setting = field ? NULL : setting_named(cls, fields->name, obj);

		if (field)
			resource_add_field(field, fields, obj, ret);
		else if (setting && setting->value)
			json_put(ret, fields->name, true, json_object_new_string(setting->value));
		else if (fields->type == API_OBJECT)
			resource_add_object(cls, fields, prefix, obj, ret);
	}
}

static const char *
state_name(int64_t state)
{
	switch ((enum object_state)state) {
	case OBJECT_PROVISIONING:
		return "PROVISIONING";
	case OBJECT_AVAILABLE:
		return "AVAILABLE";
	case OBJECT_FAILED:
		return "FAILED";
	}
	return "FAILED";
}

static bool
resource_has_secret(const struct record_class *cls, size_t i, const struct object *o)
{
	const struct secret *secret = (const void *)((const char *)o + cls->fields[i].offset);

	return o->is_peek ? o->sealed >> i & 1 : secret->len > 0;
}

/* Secrets are told by name only: those that @fields lets one declare. */
static void
list_secrets(const struct record_class *cls, const struct api_field *fields, const char *prefix,
	const struct object *o, struct strlist *ret)
{
	for (; fields && fields->name; fields++) {
		_cleanup_free_ char *path = NULL;

		if (fields->type != API_SECRET && fields->type != API_OBJECT)
			continue;
		path = xasprintf("%s%s", prefix, fields->name);
		if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s.", path);

			list_secrets(cls, fields->fields, inner, o, ret);
		}
		if (fields->type == API_SECRET && setting_named(cls, path, o))
			strlist_add(ret, path);
		for (size_t i = 0; fields->type == API_SECRET && i < cls->n_fields; i++)
			if (cls->fields[i].name && strcmp(cls->fields[i].name, path) == 0 &&
				resource_has_secret(cls, i, o))
				strlist_add(ret, path);
	}
}

static void
resource_add_secrets(const struct resource_ops *ops, const struct object *o, struct json_object *metadata)
{
	_cleanup_strlist_ struct strlist secrets = STRLIST_INIT;

	list_secrets(ops->cls, api_resources[ops->id].properties, "", o, &secrets);
	if (secrets.count)
		json_add_strlist(metadata, "secrets", &secrets);
}

static struct json_object *
metadata_to_json(const struct api_resource *api, const struct object *o)
{
	_cleanup_free_ char *urn = xasprintf("certd:certificatemanager:::%s/%s", api->collection + 1, o->id);
	struct json_object *m = json_object_new_object();

	json_add_time(m, "createdDate", o->created_at);
	json_add_string(m, "createdBy", o->created_by);
	json_add_string(m, "createdByUserId", o->created_by_id);
	json_add_time(m, "lastModifiedDate", o->modified_at);
	json_add_string(m, "lastModifiedBy", o->modified_by);
	json_add_string(m, "lastModifiedByUserId", o->modified_by_id);
	json_add_string(m, "resourceURN", urn);
	json_add_string(m, "state", state_name(o->state));
	json_add_string(m, "message", o->failure.message ? o->failure.message : "");
	return m;
}

enum object_state
resource_state(const char *name)
{
	for (int state = OBJECT_PROVISIONING; state < OBJECT_FAILED; state++)
		if (strcmp(name, state_name(state)) == 0)
			return (enum object_state)state;
	return OBJECT_FAILED;
}

struct json_object *
resource_properties(const struct record_class *cls, const void *obj)
{
	struct json_object *properties = json_object_new_object();

	json_add_string(properties, "name", ((const struct object *)obj)->name);
	resource_add_fields(cls, api_resource_find(cls->name)->properties, "", obj, properties);
	return properties;
}

struct json_object *
resource_to_json(struct service *service, const struct resource_ops *ops, const void *obj)
{
	const struct api_resource *api = &api_resources[ops->id];
	const struct object *o = obj;
	_cleanup_free_ char *href = xasprintf("%s/%s", api->collection, o->id);
	struct json_object *json = json_object_new_object();
	struct json_object *metadata = metadata_to_json(api, o);
	struct json_object *properties = resource_properties(ops->cls, obj);

	resource_add_fields(ops->cls, api->metadata, "", obj, metadata);
	resource_add_secrets(ops, o, metadata);
	if (ops->describe)
		ops->describe(service, obj, properties, metadata);
	json_add_string(json, "id", o->id);
	json_add_string(json, "type", api->type);
	json_add_string(json, "href", href);
	json_object_object_add(json, "metadata", metadata);
	json_object_object_add(json, "properties", properties);
	return json;
}

struct json_object *
resource_damaged(const struct resource_ops *ops, const char *id, const struct error *err)
{
	const struct api_resource *api = &api_resources[ops->id];
	_cleanup_free_ char *href = xasprintf("%s/%s", api->collection, id);
	struct json_object *json = json_object_new_object();
	struct json_object *metadata = json_object_new_object();

	json_add_string(metadata, "state", "FAILED");
	json_add_string(metadata, "message", err->message);
	json_add_string(json, "id", id);
	json_add_string(json, "type", api->type);
	json_add_string(json, "href", href);
	json_object_object_add(json, "metadata", metadata);
	json_object_object_add(json, "properties", json_object_new_object());
	return json;
}

struct json_object *
resource_seen_by(
	const struct peer *peer, struct service *service, const struct resource_ops *ops, const void *obj)
{
	struct json_object *json = resource_to_json(service, ops, obj);

	access_strip(peer->scope, service->store, ops->cls, json);
	return json;
}

/* --- from JSON (validated by api_validate() already) --- */

static void
set_fields(const struct record_class *cls, const struct api_field *fields, const char *prefix,
	struct json_object *json, void *obj);

static void
set_strlist(struct strlist *list, struct json_object *value)
{
	strlist_clear(list);
	for (size_t i = 0; value && i < json_object_array_length(value); i++)
		strlist_add(list, json_object_get_string(json_object_array_get_idx(value, i)));
}

static void
set_items(const struct record_field *field, const struct api_field *api, struct record_list *list,
	struct json_object *value)
{
	for (size_t i = 0; i < list->count; i++)
		record_clear(field->item, (char *)list->items + i * field->item->size);
	free(list->items);
	*list = (struct record_list){ 0 };
	for (size_t i = 0; value && i < json_object_array_length(value); i++)
		set_fields(field->item, api->fields, "", json_object_array_get_idx(value, i),
			record_list_add(field->item, list));
}

/* @value NULL: cleared. */
static void
set_field(const struct record_field *field, const struct api_field *api, struct json_object *value, void *obj)
{
	void *at = (char *)obj + field->offset;

	switch (field->type) {
	case RECORD_STRING:
		str_replace(at, value ? json_object_get_string(value) : NULL);
		return;
	case RECORD_INT:
		*(int64_t *)at = value ? json_object_get_int64(value) : 0;
		return;
	case RECORD_BOOL:
		*(bool *)at = value && json_object_get_boolean(value);
		return;
	case RECORD_STRLIST:
		set_strlist(at, value);
		return;
	case RECORD_LIST:
		set_items(field, api, at, value);
		return;
	case RECORD_SECRET: /* a new one is decoded by the resource's own code */
		if (!value)
			secret_clear(at);
		return;
	case RECORD_BYTES:
	case RECORD_ERROR:
		return;
	}
}

/* All that stand behind @prefix, secrets included: null for the object that they are members of. */
static void
clear_fields(const struct record_class *cls, const char *prefix, void *obj)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].name && strncmp(cls->fields[i].name, prefix, strlen(prefix)) == 0)
			set_field(&cls->fields[i], NULL, NULL, obj);
}

static void
set_fields(const struct record_class *cls, const struct api_field *fields, const char *prefix,
	struct json_object *json, void *obj)
{
	size_t at = 0;

	for (; fields && fields->name; fields++) {
		const struct record_field *field = field_named(cls, prefix, fields->name, &at);
		struct json_object *value = NULL;

		if (!json_object_object_get_ex(json, fields->name, &value))
			continue;
		if (field) {
			set_field(field, fields, value, obj);
		} else if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s%s.", prefix, fields->name);

			if (value)
				set_fields(cls, fields->fields, inner, value, obj);
			else
				clear_fields(cls, inner, obj);
		}
	}
}

void
resource_from_json(const struct resource_ops *ops, struct json_object *properties, void *obj)
{
	struct object *o = obj;
	struct json_object *name = json_path(properties, "name");

	if (name)
		str_replace(&o->name, json_object_get_string(name));
	set_fields(ops->cls, api_resources[ops->id].properties, "", properties, obj);
}

/* --- finding --- */

int
resource_ref(struct store *store, const struct record_class *cls, const char *field, const char *ref,
	char **ret, struct error *err)
{
	void *obj = xcalloc(1, cls->size);
	int found = object_find_peek(store, cls, ref, obj, err);

	if (found == 1)
		str_replace(ret, ((struct object *)obj)->id);
	else if (found == 0)
		error_set_field(err, field, "there is no %s '%s'", cls->name, ref);
	record_clear(cls, obj);
	free(obj);
	return found == 1 ? 0 : -1;
}

/* "; did you mean 'www.example.com'?" or "". Owned by the caller. */
static char *
suggestion(struct store *store, const struct scope *scope, const struct record_class *cls, const char *ref)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct object *o = xcalloc(1, cls->size);
	char after[STORE_ID_SIZE] = "";
	const char *nearest;

	for (size_t n = 0; n < NEAREST_MAX && object_next_peek(store, cls, after, o, NULL) == 1; n++) {
		memcpy(after, o->id, sizeof(after));
		if (access_covers(scope, store, cls, o))
			strlist_add(&names, o->name);
	}
	record_clear(cls, o);
	free(o);
	nearest = nearest_word(ref, (const char *const *)names.items, names.count);
	return nearest ? xasprintf("; did you mean '%s'?", nearest) : xstrdup("");
}

int
resource_refused(struct error *err, const char *property)
{
	if (err->field)
		property = err->field;
	if (property) {
		char *field = xasprintf("properties.%s", property);

		free(err->field);
		err->field = field;
	}
	return -1;
}

typedef int
object_find_fn(
	struct store *store, const struct record_class *cls, const char *ref, void *obj, struct error *err);

static int
find_by(object_find_fn *find, struct call *call, const struct record_class *cls, struct json_object *params,
	void *obj, struct error *err)
{
	const char *ref = NULL;
	int found;

	if (json_get_string(params, "ref", &ref, err) != 1)
		return -1;
	found = find(call->service->store, cls, ref, obj, err);
	if (found == 1 && !access_covers(call->peer->scope, call->service->store, cls, obj)) {
		change_outside(call, cls, obj);
		record_clear(cls, obj);
		found = 0; /* for this peer; the words are the same */
	}
	if (found == 0) {
		_cleanup_free_ char *hint = suggestion(call->service->store, call->peer->scope, cls, ref);

		error_set(err, ERROR_NOT_FOUND, "there is no %s '%s'%s", cls->name, ref, hint);
	}
	return found == 1 ? 0 : -1;
}

int
resource_find(struct call *call, const struct record_class *cls, struct json_object *params, void *obj,
	struct error *err)
{
	if (find_by(object_find, call, cls, params, obj, err) < 0)
		return -1;
	change_found(call, cls, obj);
	return 0;
}

int
resource_find_peek(struct call *call, const struct record_class *cls, struct json_object *params, void *obj,
	struct error *err)
{
	return find_by(object_find_peek, call, cls, params, obj, err);
}

/* --- metadata and events --- */

void
resource_created(struct call *call, struct object *o)
{
	o->created_at = o->modified_at = call_now(call);
	str_replace(&o->created_by, call->peer->label);
	str_replace(&o->modified_by, call->peer->label);
	str_replace(&o->created_by_id, call->peer->user_id);
	str_replace(&o->modified_by_id, call->peer->user_id);
}

void
resource_modified(struct call *call, struct object *o)
{
	o->modified_at = call_now(call);
	str_replace(&o->modified_by, call->peer->label);
	str_replace(&o->modified_by_id, call->peer->user_id);
}

bool
resource_change(
	struct call *call, const struct resource_ops *ops, const void *old, void *new, struct effect *ret)
{
	effect_of(ops->id, ops->cls, old, new, ret);
	call_set_effect(call, ret);
	if (ret->changed.count == 0) {
		call->result = resource_to_json(call->service, ops, old);
		return false;
	}
	resource_modified(call, new);
	return true;
}

void
resource_event(
	struct call *call, enum event_kind kind, const struct resource_ops *ops, const struct object *o)
{
	struct event_object object = { api_resources[ops->id].type, o->id, o->name };
	struct json_object *data = json_object_new_object();

	change_made(call, ops->cls, o, kind == EVENT_OBJECT_DELETED);
	if (call->is_dry_run) {
		json_object_put(data);
		return;
	}
	json_add_string(data, "by", call->peer->label);
	if (json_object_array_length(call->change.changes))
		json_object_object_add(data, "changes", json_object_get(call->change.changes));
	event_emit(call->service->events, call_txn(call), kind, &object, data, "%s by %s",
		kind == EVENT_OBJECT_CREATED   ? "created"
		: kind == EVENT_OBJECT_DELETED ? "deleted"
					       : "changed",
		call->peer->label);
}

/* --- generic methods --- */

int
resource_get(struct call *call, const struct resource_ops *ops, struct json_object *params, struct error *err)
{
	void *obj = xcalloc(1, ops->cls->size);
	int rc = find_by(object_find_peek, call, ops->cls, params, obj, err);

	if (rc == 0)
		call->result = resource_seen_by(call->peer, call->service, ops, obj);
	record_clear(ops->cls, obj);
	free(obj);
	return rc;
}
