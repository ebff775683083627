/*
 * Declarations as a file. The API's tables say which collections there are, what their objects contain, and which
 * properties are references or secrets, so that a new field or resource needs no code here.
 */
#include "ctl/declare/declaration.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/nearest.h"
#include "common/strlist.h"
#include "ctl/declare/yaml_file.h"

#include <stdlib.h>
#include <string.h>

char *
declaration_key(const struct api_resource *resource)
{
	return xasprintf("%ss", resource->noun);
}

/* --- order --- */

static bool
declaration_refers_to(const struct api_field *fields, const char *noun)
{
	for (; fields && fields->name; fields++)
		if (fields->resource && strcmp(fields->resource, noun) == 0)
			return true;
	return false;
}

static bool
declaration_is_in(const struct api_resource *const *list, size_t count, const struct api_resource *resource)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == resource)
			return true;
	return false;
}

/* Are all resources that @resource refers to listed already? */
static bool
declaration_can_follow(const struct api_resource *const *list, size_t count, const struct api_resource *resource)
{
	for (size_t i = 0; i < API_RESOURCE_COUNT; i++) {
		const struct api_resource *other = &api_resources[i];

		if (other != resource && other->is_declared && !declaration_is_in(list, count, other) &&
			declaration_refers_to(resource->properties, other->noun))
			return false;
	}
	return true;
}

size_t
declaration_resources(const struct api_resource **ret)
{
	size_t count = 0;
	size_t before = SIZE_MAX;

	while (count != before) { /* one round per level of references */
		before = count;
		for (size_t i = 0; i < API_RESOURCE_COUNT; i++) {
			const struct api_resource *r = &api_resources[i];

			if (r->is_declared && !declaration_is_in(ret, count, r) &&
				declaration_can_follow(ret, count, r))
				ret[count++] = r;
		}
	}
	return count;
}

/* --- one object --- */

/* The current position in the file, for error messages. */
struct place {
	const struct yaml_file *file;
	const struct api_resource *resource;
	const char *key;  /* of the collection */
	const char *name; /* of the object */
	struct json_object *secrets;
};

static int _printf_(4, 5)
	declaration_refuse(const struct place *place, const char *property, struct error *err, const char *fmt, ...)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/%s", place->key, place->name, property);
	_cleanup_free_ char *what = NULL;
	int64_t line;
	va_list ap;

	for (char *p = path + strlen(place->key) + strlen(place->name) + 2; *p; p++)
		if (*p == '.' || *p == '[')
			*p = '/';
	line = yaml_line(place->file, path);
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	return error_set(err, ERROR_INVALID, "line %lld: %s '%s': %s", (long long)line, place->resource->title,
		place->name, what);
}

static int
declaration_check_reference(const struct place *place, const char *path, struct json_object *value, struct error *err)
{
	if (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 1) {
		json_object_object_foreach(value, how, where) {
			if ((strcmp(how, "file") == 0 || strcmp(how, "credential") == 0) &&
				json_object_is_type(where, json_type_string) && *json_object_get_string(where))
				return 0;
		}
	}
	return declaration_refuse(place, path, err,
		"%s: a secret is not written into this file: use %s: {file: PATH} or %s: {credential: NAME}", path,
		path, path);
}

/* Moves the secret @field, given under its name or as "<name>File", from @properties to the secrets of @place. */
static int
declaration_take_secret(const struct place *place, const struct api_field *field, const char *outer,
	struct json_object *properties, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s%s", outer, field->name);
	_cleanup_free_ char *file_key = xasprintf("%sFile", field->name);
	struct json_object *value = NULL;
	struct json_object *file = NULL;
	bool has_value = json_object_object_get_ex(properties, field->name, &value);

	if (json_object_object_get_ex(properties, file_key, &file)) {
		struct json_object *reference = json_object_new_object();

		if (has_value) {
			json_object_put(reference);
			return declaration_refuse(
				place, path, err, "%s and %s set the same secret: remove one of them", path, file_key);
		}
		json_object_object_add(reference, "file", json_object_get(file));
		json_object_object_del(properties, file_key);
		json_object_object_add(place->secrets, path, reference);
		return declaration_check_reference(place, path, reference, err);
	}
	if (!has_value || !value)
		return 0;
	if (declaration_check_reference(place, path, value, err) < 0)
		return -1;
	json_object_object_add(place->secrets, path, json_object_get(value));
	json_object_object_del(properties, field->name);
	return 0;
}

static int
declaration_take_secrets(const struct place *place, const struct api_field *fields, const char *outer,
	struct json_object *properties, struct error *err)
{
	for (; fields && fields->name; fields++) {
		struct json_object *inner = NULL;

		if (fields->type == API_SECRET && declaration_take_secret(place, fields, outer, properties, err) < 0)
			return -1;
		if (fields->type == API_OBJECT && json_object_object_get_ex(properties, fields->name, &inner) &&
			json_object_is_type(inner, json_type_object)) {
			_cleanup_free_ char *path = xasprintf("%s%s.", outer, fields->name);

			if (declaration_take_secrets(place, fields->fields, path, inner, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* Accepts "profile: 2026" where text is expected. Return: NULL when @value already has the right type. */
static struct json_object *
declaration_as_text(struct json_object *value)
{
	bool is_other = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_boolean);

	return is_other ? json_object_new_string(json_object_get_string(value)) : NULL;
}

static void
declaration_make_text(const struct api_field *fields, struct json_object *properties);

static void
declaration_make_items_text(const struct api_field *field, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct json_object *text;

		if (field->type == API_LIST) {
			declaration_make_text(field->fields, item);
			continue;
		}
		text = declaration_as_text(item);
		if (text)
			json_object_array_put_idx(list, i, text);
	}
}

static void
declaration_make_text(const struct api_field *fields, struct json_object *properties)
{
	if (!json_object_is_type(properties, json_type_object))
		return;
	for (; fields && fields->name; fields++) {
		struct json_object *value = NULL;
		struct json_object *text = NULL;

		if (!json_object_object_get_ex(properties, fields->name, &value) || !value)
			continue;
		if (json_object_is_type(value, json_type_array)) {
			declaration_make_items_text(fields, value);
			continue;
		}
		if (fields->type == API_OBJECT)
			declaration_make_text(fields->fields, value);
		else if (fields->type == API_STRING || fields->type == API_REF || fields->type == API_ENUM)
			text = declaration_as_text(value);
		if (text)
			json_object_object_add(properties, fields->name, text);
	}
}

void
declaration_put(struct json_object *properties, const char *path, struct json_object *value)
{
	const char *dot = strchr(path, '.');
	_cleanup_free_ char *name = xstrndup(path, dot ? (size_t)(dot - path) : strlen(path));
	struct json_object *inner = NULL;

	if (!dot) {
		json_object_object_add(properties, name, value);
		return;
	}
	if (!json_object_object_get_ex(properties, name, &inner) || !inner) {
		inner = json_object_new_object();
		json_object_object_add(properties, name, inner);
	}
	declaration_put(inner, dot + 1, value);
}

static void
declaration_remove_path(struct json_object *properties, const char *path)
{
	const char *dot = strchr(path, '.');
	_cleanup_free_ char *name = xstrndup(path, dot ? (size_t)(dot - path) : strlen(path));
	struct json_object *inner = NULL;

	if (!dot)
		json_object_object_del(properties, name);
	else if (json_object_object_get_ex(properties, name, &inner))
		declaration_remove_path(inner, dot + 1);
}

/* The same check by the tables that certd makes; it also converts values to certd's canonical form. */
static int
declaration_validate(const struct place *place, struct json_object *properties, struct error *err)
{
	_cleanup_json_ struct json_object *params = json_object_new_object();
	_cleanup_error_ struct error why = ERROR_INIT;
	enum api_method_id create = RPC_PROVIDER_CREATE;
	int rc;

	api_method_of(place->resource, API_CREATE, &create);
	json_object_object_foreach(place->secrets, path, reference) {
		(void)reference;
		declaration_put(properties, path, json_object_new_string("secret"));
	}
	json_add_string(properties, "name", place->name);
	json_object_object_add(params, "properties", json_object_get(properties));
	rc = api_validate(create, params, &why);
	json_object_object_del(properties, "name");
	json_object_object_foreach(place->secrets, secret, unused) {
		(void)unused;
		declaration_remove_path(properties, secret);
	}
	if (rc == 0)
		return 0;
	if (why.field && strncmp(why.field, "properties.", strlen("properties.")) == 0)
		return declaration_refuse(place, why.field + strlen("properties."), err, "%s", why.message);
	return declaration_refuse(place, "", err, "%s", why.message);
}

static int
declaration_check_object(
	const struct place *place, struct json_object *declared, struct json_object *ret, struct error *err)
{
	struct json_object *object = json_object_new_object();
	struct json_object *properties = NULL;

	if (declared)
		json_object_deep_copy(declared, &properties, NULL);
	else
		properties = json_object_new_object();
	json_object_object_add(object, "properties", properties);
	json_object_object_add(object, "secrets", json_object_get(place->secrets));
	json_object_object_add(ret, place->name, object);
	if (!json_object_is_type(properties, json_type_object))
		return declaration_refuse(place, "", err, "expected a mapping of properties");
	if (json_object_object_get_ex(properties, "name", NULL))
		return declaration_refuse(place, "name", err, "the key is the object's name: remove 'name'");
	declaration_make_text(place->resource->properties, properties);
	if (declaration_take_secrets(place, place->resource->properties, "", properties, err) < 0)
		return -1;
	return declaration_validate(place, properties, err);
}

/* --- all of them --- */

static int
declaration_check_collection(const struct yaml_file *file, const struct api_resource *resource, const char *key,
	struct json_object *objects, struct json_object *ret, struct error *err)
{
	if (objects && !json_object_is_type(objects, json_type_object))
		return error_set(err, ERROR_INVALID, "line %lld: %s: expected a mapping from names to objects",
			(long long)yaml_line(file, key), key);
	if (!objects)
		return 0;
	json_object_object_foreach(objects, name, declared) {
		_cleanup_json_ struct json_object *secrets = json_object_new_object();
		struct place place = {
			.file = file, .resource = resource, .key = key, .name = name, .secrets = secrets
		};

		if (declaration_check_object(&place, declared, ret, err) < 0)
			return -1;
	}
	return 0;
}

static int
declaration_refuse_unknown(const struct yaml_file *file, const char *key, struct error *err)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);
	_cleanup_strlist_ struct strlist keys = STRLIST_INIT;
	_cleanup_free_ char *all = NULL;
	const char *nearest;

	for (size_t i = 0; i < count; i++)
		strlist_take(&keys, declaration_key(resources[i]));
	nearest = nearest_word(key, (const char *const *)keys.items, keys.count);
	all = strlist_join(&keys, ", ");
	return error_set(err, ERROR_INVALID, "line %lld: '%s' is not one of %s%s%s%s", (long long)yaml_line(file, key),
		key, all, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static const struct api_resource *
declaration_resource_of_key(const char *key)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *other = declaration_key(resources[i]);

		if (strcmp(other, key) == 0)
			return resources[i];
	}
	return NULL;
}

int
declaration_check(const struct yaml_file *file, struct json_object **ret, struct error *err)
{
	_cleanup_json_ struct json_object *all = json_object_new_object();

	json_object_object_foreach(file->root, key, objects) {
		const struct api_resource *resource = declaration_resource_of_key(key);
		struct json_object *checked = json_object_new_object();

		json_object_object_add(all, key, checked);
		if (!resource)
			return declaration_refuse_unknown(file, key, err);
		if (declaration_check_collection(file, resource, key, objects, checked, err) < 0)
			return -1;
	}
	*ret = json_object_get(all);
	return 0;
}
