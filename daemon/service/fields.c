/*
 * The common part of all objects, done once by walking the API table and the record table side by side. A new plain
 * member is one line in each of the two tables and no code here.
 */
#include "daemon/service/fields.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/*
 * The two tables joined: the members of one level of an object that certd stores, in the order of the API. Made when a
 * level is first asked for, and kept: a list describes hundreds of objects, and half of the API's members are not
 * stored. Exports convert objects in worker threads.
 */
struct fields_plan {
	const struct record_class *cls;
	const struct api_field *fields;
	struct fields_row *rows;
	size_t n_rows;
	struct fields_plan *next;
};

struct fields_row {
	const struct api_field *api;
	char *path;                       /* name of the record field: with those of the objects around it */
	const struct record_field *field; /* NULL: it is a setting of a kind, an object or a secret */
	bool is_setting;
	struct fields_plan *inner; /* of an object, or of a list's items */
};

static pthread_mutex_t fields_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fields_plan *fields_plans; /* only added to, under the lock */

static const struct record_field *
fields_named(const struct record_class *cls, const char *path)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].name && strcmp(cls->fields[i].name, path) == 0)
			return &cls->fields[i];
	return NULL;
}

static struct fields_plan *
fields_plan_new(const struct record_class *cls, const struct api_field *fields, const char *prefix);

/* One without rows. */
static void
fields_plan_free(struct fields_plan *plan)
{
	if (plan)
		free(plan->rows);
	free(plan);
}

static struct fields_plan *
fields_plan_locked(const struct record_class *cls, const struct api_field *fields)
{
	struct fields_plan *plan = fields_plans;

	while (plan && (plan->cls != cls || plan->fields != fields))
		plan = plan->next;
	if (plan)
		return plan;
	plan = fields_plan_new(cls, fields, "");
	plan->next = fields_plans;
	fields_plans = plan;
	return plan;
}

static const struct fields_plan *
fields_plan(const struct record_class *cls, const struct api_field *fields)
{
	const struct fields_plan *plan;

	pthread_mutex_lock(&fields_lock);
	plan = fields_plan_locked(cls, fields);
	pthread_mutex_unlock(&fields_lock);
	return plan;
}

static bool
fields_plan_row(const struct record_class *cls, const struct api_field *api, const char *prefix, struct fields_row *ret)
{
	const struct api_resource *resource = api_resource_find(cls->name);
	const struct api_kinds *kinds = resource ? resource->kinds : NULL;

	*ret = (struct fields_row){ .api = api, .path = xasprintf("%s%s", prefix, api->name) };
	ret->field = fields_named(cls, ret->path);
	if (ret->field && ret->field->type == RECORD_LIST) {
		ret->inner = fields_plan_locked(ret->field->item, api->fields);
	} else if (!ret->field && kinds && api_kind_setting(kinds, NULL, api->name)) {
		ret->is_setting = true;
	} else if (!ret->field && api->type == API_OBJECT) {
		_cleanup_free_ char *inner = xasprintf("%s.", ret->path);

		ret->inner = fields_plan_new(cls, api->fields, inner);
	}
	if (ret->field || ret->is_setting || api->type == API_SECRET || (ret->inner && ret->inner->n_rows))
		return true;
	free(ret->path);
	fields_plan_free(ret->inner);
	return false;
}

/* @prefix: path of @fields with a '.', or "". */
static struct fields_plan *
fields_plan_new(const struct record_class *cls, const struct api_field *fields, const char *prefix)
{
	struct fields_plan *plan = xcalloc(1, sizeof(*plan));
	size_t n = 0;

	while (fields && fields[n].name)
		n++;
	*plan = (struct fields_plan){ .cls = cls, .fields = fields, .rows = xcalloc(n + 1, sizeof(*plan->rows)) };
	for (size_t i = 0; i < n; i++)
		plan->n_rows += fields_plan_row(cls, &fields[i], prefix, &plan->rows[plan->n_rows]);
	return plan;
}

static const struct fields_plan *
fields_plan_properties(const struct record_class *cls)
{
	return fields_plan(cls, api_resource_find(cls->name)->properties);
}

/* The item @name of the lists of settings in @obj (secrets included); NULL: none. */
static const struct setting *
fields_setting(const struct record_class *cls, const char *name, const void *obj)
{
	const struct setting *found = NULL;

	for (size_t i = 0; !found && i < cls->n_fields; i++)
		if (cls->fields[i].item == &setting_class)
			found = setting_find((const void *)((const char *)obj + cls->fields[i].offset), name);
	return found;
}

/* --- to JSON --- */

static void
fields_add_plan(const struct fields_plan *plan, const void *obj, struct json_object *ret);

static struct json_object *
fields_items_to_json(const struct fields_plan *plan, const struct record_list *list)
{
	struct json_object *array = json_object_new_array_ext((int)list->count);

	for (size_t i = 0; i < list->count; i++) {
		struct json_object *o = json_object_new_object();

		fields_add_plan(plan, (const char *)list->items + i * plan->cls->size, o);
		json_object_array_add(array, o);
	}
	return array;
}

/* NULL: nothing to add. */
static struct json_object *
fields_value_of(const struct fields_row *row, const void *obj)
{
	const void *at = (const char *)obj + row->field->offset;
	const char *text = NULL;
	int64_t number;

	switch (row->field->type) {
	case RECORD_STRING:
		text = *(char *const *)at;
		return text ? json_object_new_string(text) : NULL;
	case RECORD_INT:
		number = *(const int64_t *)at;
		if (number == 0)
			return NULL;
		return row->api->type == API_TIME ? json_new_time(number) : json_object_new_int64(number);
	case RECORD_BOOL:
		return json_object_new_boolean(*(const bool *)at);
	case RECORD_STRLIST:
		return json_new_strlist(at);
	case RECORD_BYTES:
		return json_object_new_string_len(buf_str(at), (int)((const struct buf *)at)->len);
	case RECORD_LIST:
		return fields_items_to_json(row->inner, at);
	case RECORD_ERROR:
	case RECORD_SECRET:
		return NULL; /* errors are described by the resource; secrets are never returned */
	}
	return NULL;
}

/* A setting of one of the kinds. */
static void
fields_add_setting(
	const struct record_class *cls, const struct api_field *api, const void *obj, struct json_object *ret)
{
	static const struct strlist none = STRLIST_INIT;
	const struct setting *setting = fields_setting(cls, api->name, obj);

	if (api->type == API_STRLIST)
		json_put(ret, api->name, true, json_new_strlist(setting ? &setting->list : &none));
	else if (api->type == API_BOOL)
		json_put(ret, api->name, true, json_object_new_boolean(setting != NULL));
	else if (setting && setting->value)
		json_put(ret, api->name, true, json_object_new_string(setting->value));
}

/* API_OBJECT: {keyId} from the field named "externalAccountBinding.keyId"; NULL when empty. */
static struct json_object *
fields_object(const struct fields_plan *plan, const void *obj)
{
	struct json_object *inner = json_object_new_object();

	fields_add_plan(plan, obj, inner);
	if (json_object_object_length(inner))
		return inner;
	json_object_put(inner);
	return NULL;
}

static void
fields_add_plan(const struct fields_plan *plan, const void *obj, struct json_object *ret)
{
	for (const struct fields_row *row = plan->rows; row < plan->rows + plan->n_rows; row++) {
		struct json_object *value = NULL;

		if (row->field)
			value = fields_value_of(row, obj);
		else if (row->is_setting)
			fields_add_setting(plan->cls, row->api, obj, ret);
		else if (row->inner)
			value = fields_object(row->inner, obj);
		if (value)
			json_put(ret, row->api->name, true, value);
	}
}

void
fields_add(const struct record_class *cls, const struct api_field *fields, const void *obj, struct json_object *ret)
{
	fields_add_plan(fields_plan(cls, fields), obj, ret);
}

static bool
fields_has_secret(const struct record_class *cls, const struct fields_row *row, const struct object *o)
{
	const struct secret *secret;

	if (row->api->type != API_SECRET || !row->field)
		return row->api->type == API_SECRET && fields_setting(cls, row->path, o);
	secret = (const void *)((const char *)o + row->field->offset);
	return o->is_peek ? (o->sealed & record_secret_bit(cls, row->field)) != 0 : secret->len > 0;
}

/* Only the names of secrets are returned: those that @plan declares. */
static void
fields_secrets_of(const struct fields_plan *plan, const struct object *o, struct strlist *ret)
{
	for (const struct fields_row *row = plan->rows; row < plan->rows + plan->n_rows; row++) {
		if (fields_has_secret(plan->cls, row, o))
			strlist_add(ret, row->path);
		else if (row->api->type == API_OBJECT && row->inner)
			fields_secrets_of(row->inner, o, ret);
	}
}

void
fields_secrets(const struct record_class *cls, const struct object *o, struct strlist *ret)
{
	fields_secrets_of(fields_plan_properties(cls), o, ret);
}

static struct json_object *
fields_canonical(const struct record_class *cls, const void *obj)
{
	struct json_object *properties = json_object_new_object();

	json_add_string(properties, "name", ((const struct object *)obj)->name);
	fields_add_plan(fields_plan_properties(cls), obj, properties);
	return properties;
}

/* NULL: certd's spelling is that of the caller. Owned by the caller. */
static struct json_object *
fields_declared(const struct object *o)
{
	return o->declared.len ? json_parse(o->declared.data, o->declared.len, NULL) : NULL;
}

struct json_object *
fields_properties(const struct record_class *cls, const void *obj)
{
	struct json_object *properties = fields_canonical(cls, obj);
	_cleanup_json_ struct json_object *declared = fields_declared(obj);

	if (!declared)
		return properties;
	json_object_object_foreach(declared, name, value)
		json_object_object_add(properties, name, json_object_get(value));
	return properties;
}

/* --- from JSON (validated by api_validate() already) --- */

static void
fields_set(const struct fields_plan *plan, struct json_object *json, void *obj);

static void
fields_set_strlist(struct strlist *list, struct json_object *value)
{
	strlist_clear(list);
	for (size_t i = 0; value && i < json_object_array_length(value); i++)
		strlist_add(list, json_object_get_string(json_object_array_get_idx(value, i)));
}

static void
fields_set_items(const struct fields_plan *plan, struct record_list *list, struct json_object *value)
{
	record_list_clear(plan->cls, list);
	for (size_t i = 0; value && i < json_object_array_length(value); i++)
		fields_set(plan, json_object_array_get_idx(value, i), record_list_add(plan->cls, list));
}

/* @value NULL: cleared. */
static void
fields_set_field(const struct fields_row *row, struct json_object *value, void *obj)
{
	void *at = (char *)obj + row->field->offset;

	switch (row->field->type) {
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
		fields_set_strlist(at, value);
		return;
	case RECORD_LIST:
		fields_set_items(row->inner, at, value);
		return;
	case RECORD_SECRET: /* the resource's own code decodes a new one */
		if (!value)
			secret_clear(at);
		return;
	case RECORD_BYTES:
	case RECORD_ERROR:
		return;
	}
}

/* @json NULL: all are cleared, including secrets: null for the object that contains them. */
static void
fields_set(const struct fields_plan *plan, struct json_object *json, void *obj)
{
	for (const struct fields_row *row = plan->rows; row < plan->rows + plan->n_rows; row++) {
		struct json_object *value = NULL;

		if (json && !json_object_object_get_ex(json, row->api->name, &value))
			continue;
		if (row->field)
			fields_set_field(row, value, obj);
		else if (row->inner)
			fields_set(row->inner, value, obj);
	}
}

void
fields_from_json(const struct record_class *cls, struct json_object *properties, void *obj)
{
	struct object *o = obj;
	struct json_object *name = json_path(properties, "name");
	_cleanup_json_ struct json_object *declared = fields_declared(o);

	if (declared)
		fields_set(fields_plan_properties(cls), declared, obj);
	if (name)
		str_replace(&o->name, json_object_get_string(name));
	fields_set(fields_plan_properties(cls), properties, obj);
}

/* --- what was declared --- */

/* No answer contains a key, even if it was accepted as text around a certificate. */
static bool
fields_has_key(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) && strcasestr(json_object_get_string(value), "PRIVATE KEY");
}

static bool
fields_is_kept(const struct api_field *api)
{
	return (api->type == API_STRING || api->type == API_TEXT || api->type == API_STRLIST) &&
	       strcmp(api->name, "name") != 0;
}

/* Absent and empty are equal. */
static bool
fields_is_same(struct json_object *a, struct json_object *b)
{
	if (a && b)
		return json_object_equal(a, b);
	if (!b)
		b = a;
	return !b || (json_object_is_type(b, json_type_array) && json_object_array_length(b) == 0) ||
	       (json_object_is_type(b, json_type_string) && json_object_get_string_len(b) == 0);
}

void
fields_keep_declared(const struct record_class *cls, struct json_object *properties, void *obj)
{
	struct object *o = obj;
	_cleanup_json_ struct json_object *canonical = fields_canonical(cls, obj);
	_cleanup_json_ struct json_object *declared = fields_declared(o);

	if (!declared)
		declared = json_object_new_object();
	for (const struct api_field *api = api_resource_find(cls->name)->properties; api->name; api++) {
		struct json_object *value = NULL;

		if (!fields_is_kept(api) || !json_object_object_get_ex(properties, api->name, &value))
			continue;
		json_object_object_del(declared, api->name);
		if (value && !fields_has_key(value) && !fields_is_same(value, json_path(canonical, api->name)))
			json_object_object_add(declared, api->name, json_object_get(value));
	}
	buf_clear(&o->declared);
	if (json_object_object_length(declared))
		json_write(declared, &o->declared);
}

static void
fields_add_rewritten(struct json_object *from, struct json_object *to, struct strlist *ret)
{
	if (!from)
		return;
	json_object_object_foreach(from, name, value) {
		struct json_object *other = json_path(to, name);

		if (!(other && json_object_equal(value, other)) && !strlist_has(ret, name))
			strlist_add(ret, name);
	}
}

void
fields_rewritten(const struct object *old, const struct object *new, struct strlist *ret)
{
	_cleanup_json_ struct json_object *before = fields_declared(old);
	_cleanup_json_ struct json_object *after = fields_declared(new);

	fields_add_rewritten(before, after, ret);
	fields_add_rewritten(after, before, ret);
}
