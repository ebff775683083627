/*
 * The common part of all objects, done once by walking the API table and the record table side by side. A new plain
 * member is one line in each of the two tables and no code here.
 */
#include "daemon/service/fields.h"

#include <stdlib.h>
#include <string.h>

/*
 * The field whose name is @prefix and @name together. The two tables have much the same order, so the search starts
 * after the last field that was found (@at).
 */
static const struct record_field *
fields_named(const struct record_class *cls, const char *prefix, const char *name, size_t *at)
{
	size_t len = strlen(prefix);
	char first = len ? prefix[0] : name[0]; /* most names differ there; some are not found at all, in each answer */

	for (size_t n = 0; n < cls->n_fields; n++) {
		size_t i = (*at + n) % cls->n_fields;
		const char *field = cls->fields[i].name;

		if (field && field[0] == first && strncmp(field, prefix, len) == 0 && strcmp(field + len, name) == 0) {
			*at = i + 1;
			return &cls->fields[i];
		}
	}
	return NULL;
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

static struct json_object *
fields_items_to_json(const struct record_class *item, const struct api_field *fields, const struct record_list *list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->count; i++) {
		struct json_object *o = json_object_new_object();

		fields_add(item, fields, "", (const char *)list->items + i * item->size, o);
		json_object_array_add(array, o);
	}
	return array;
}

/* NULL: nothing to add. */
static struct json_object *
fields_value_of(const struct record_field *field, const struct api_field *api, const void *obj)
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
		return fields_items_to_json(field->item, api->fields, at);
	case RECORD_ERROR:
	case RECORD_SECRET:
		return NULL; /* errors are described by the resource; secrets are never returned */
	}
	return NULL;
}

static void
fields_add_one(const struct record_field *field, const struct api_field *api, const void *obj, struct json_object *ret)
{
	struct json_object *value = fields_value_of(field, api, obj);

	if (value)
		json_put(ret, api->name, true, value);
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

/* API_OBJECT: {keyId} from the field named "externalAccountBinding.keyId"; omitted when empty. */
static void
fields_add_object(const struct record_class *cls, const struct api_field *api, const char *outer, const void *obj,
	struct json_object *ret)
{
	_cleanup_free_ char *prefix = xasprintf("%s%s.", outer, api->name);
	struct json_object *inner = json_object_new_object();

	fields_add(cls, api->fields, prefix, obj, inner);
	if (json_object_object_length(inner))
		json_object_object_add(ret, api->name, inner);
	else
		json_object_put(inner);
}

void
fields_add(const struct record_class *cls, const struct api_field *fields, const char *prefix, const void *obj,
	struct json_object *ret)
{
	const struct api_resource *resource = api_resource_find(cls->name);
	const struct api_kinds *kinds = resource ? resource->kinds : NULL;
	size_t at = 0;

	for (; fields && fields->name; fields++) {
		const struct record_field *field = fields_named(cls, prefix, fields->name, &at);

		if (field)
			fields_add_one(field, fields, obj, ret);
		else if (kinds && api_kind_setting(kinds, NULL, fields->name))
			fields_add_setting(cls, fields, obj, ret);
		else if (fields->type == API_OBJECT)
			fields_add_object(cls, fields, prefix, obj, ret);
	}
}

static bool
fields_has_secret(const struct record_class *cls, size_t i, const struct object *o)
{
	const struct secret *secret = (const void *)((const char *)o + cls->fields[i].offset);

	return o->is_peek ? (o->sealed & record_secret_bit(cls, &cls->fields[i])) != 0 : secret->len > 0;
}

/* Only the names of secrets are returned: those that @fields declares. */
static void
fields_secrets_below(const struct record_class *cls, const struct api_field *fields, const char *prefix,
	const struct object *o, struct strlist *ret)
{
	for (; fields && fields->name; fields++) {
		_cleanup_free_ char *path = NULL;

		if (fields->type != API_SECRET && fields->type != API_OBJECT)
			continue;
		path = xasprintf("%s%s", prefix, fields->name);
		if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s.", path);

			fields_secrets_below(cls, fields->fields, inner, o, ret);
		}
		if (fields->type == API_SECRET && fields_setting(cls, path, o))
			strlist_add(ret, path);
		for (size_t i = 0; fields->type == API_SECRET && i < cls->n_fields; i++)
			if (cls->fields[i].name && strcmp(cls->fields[i].name, path) == 0 &&
				fields_has_secret(cls, i, o))
				strlist_add(ret, path);
	}
}

void
fields_secrets(const struct record_class *cls, const struct object *o, struct strlist *ret)
{
	fields_secrets_below(cls, api_resource_find(cls->name)->properties, "", o, ret);
}

static struct json_object *
fields_canonical(const struct record_class *cls, const void *obj)
{
	struct json_object *properties = json_object_new_object();

	json_add_string(properties, "name", ((const struct object *)obj)->name);
	fields_add(cls, api_resource_find(cls->name)->properties, "", obj, properties);
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
fields_set(const struct record_class *cls, const struct api_field *fields, const char *prefix, struct json_object *json,
	void *obj);

static void
fields_set_strlist(struct strlist *list, struct json_object *value)
{
	strlist_clear(list);
	for (size_t i = 0; value && i < json_object_array_length(value); i++)
		strlist_add(list, json_object_get_string(json_object_array_get_idx(value, i)));
}

static void
fields_set_items(const struct record_field *field, const struct api_field *api, struct record_list *list,
	struct json_object *value)
{
	for (size_t i = 0; i < list->count; i++)
		record_clear(field->item, (char *)list->items + i * field->item->size);
	free(list->items);
	*list = (struct record_list){ 0 };
	for (size_t i = 0; value && i < json_object_array_length(value); i++)
		fields_set(field->item, api->fields, "", json_object_array_get_idx(value, i),
			record_list_add(field->item, list));
}

/* @value NULL: cleared. */
static void
fields_set_field(const struct record_field *field, const struct api_field *api, struct json_object *value, void *obj)
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
		fields_set_strlist(at, value);
		return;
	case RECORD_LIST:
		fields_set_items(field, api, at, value);
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

/* Clears all fields after @prefix, including secrets: null for the object that contains them. */
static void
fields_clear(const struct record_class *cls, const char *prefix, void *obj)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].name && strncmp(cls->fields[i].name, prefix, strlen(prefix)) == 0)
			fields_set_field(&cls->fields[i], NULL, NULL, obj);
}

static void
fields_set(const struct record_class *cls, const struct api_field *fields, const char *prefix, struct json_object *json,
	void *obj)
{
	size_t at = 0;

	for (; fields && fields->name; fields++) {
		const struct record_field *field = fields_named(cls, prefix, fields->name, &at);
		struct json_object *value = NULL;

		if (!json_object_object_get_ex(json, fields->name, &value))
			continue;
		if (field) {
			fields_set_field(field, fields, value, obj);
		} else if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s%s.", prefix, fields->name);

			if (value)
				fields_set(cls, fields->fields, inner, value, obj);
			else
				fields_clear(cls, inner, obj);
		}
	}
}

void
fields_from_json(const struct record_class *cls, struct json_object *properties, void *obj)
{
	struct object *o = obj;
	struct json_object *name = json_path(properties, "name");
	_cleanup_json_ struct json_object *declared = fields_declared(o);

	if (declared)
		fields_set(cls, api_resource_find(cls->name)->properties, "", declared, obj);
	if (name)
		str_replace(&o->name, json_object_get_string(name));
	fields_set(cls, api_resource_find(cls->name)->properties, "", properties, obj);
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
