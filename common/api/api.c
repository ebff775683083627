/*
 * Looking things up in the API's tables, and checking calls against them. One generic function checks all parameters of
 * all methods, so that JSON-RPC and REST refuse the same calls with the same words and name the member at fault.
 */
#include "common/api/api.h"

#include "common/alloc.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/nearest.h"
#include "common/printable.h"
#include "common/scope.h"
#include "common/timefmt.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

enum { MAX_FIELDS = 64, MAX_STRING = 1024, MAX_SECRET = 16 * 1024 };

const char *
api_role_name(enum api_role role)
{
	switch (role) {
	case ROLE_NONE:
		return "none";
	case ROLE_VIEWER:
		return "viewer";
	case ROLE_OPERATOR:
		return "operator";
	case ROLE_ADMIN:
		return "admin";
	}
	return "none";
}

int
api_method_find(const char *name, enum api_method_id *ret_method)
{
	for (size_t i = 0; i < API_METHOD_COUNT; i++) {
		if (strcmp(api_methods[i].name, name) == 0) {
			*ret_method = (enum api_method_id)i;
			return 1;
		}
	}
	return 0;
}

const char *
api_method_nearest(const char *name)
{
	const char *names[API_METHOD_COUNT];

	for (size_t i = 0; i < API_METHOD_COUNT; i++)
		names[i] = api_methods[i].name;
	return nearest_word(name, names, API_METHOD_COUNT);
}

const struct api_resource *
api_resource_find(const char *word)
{
	for (size_t i = 0; i < API_RESOURCE_COUNT; i++) {
		const struct api_resource *r = &api_resources[i];

		if (strcmp(r->noun, word) == 0 || strcmp(r->cli, word) == 0 || strcmp(r->type, word) == 0)
			return r;
	}
	return NULL;
}

const char *
api_title(const char *word)
{
	const struct api_resource *resource = api_resource_find(word);

	return resource ? resource->title : word;
}

int
api_method_of(const struct api_resource *resource, enum api_verb verb, enum api_method_id *ret_method)
{
	for (size_t i = 0; i < API_METHOD_COUNT; i++) {
		if (api_methods[i].verb == verb && api_methods[i].resource != API_RESOURCE_COUNT &&
			&api_resources[api_methods[i].resource] == resource) {
			*ret_method = (enum api_method_id)i;
			return 1;
		}
	}
	return 0;
}

const struct api_field *
api_field_find(const struct api_field *fields, const char *name)
{
	for (; fields && fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

const char *
api_field_default(const struct api_field *field)
{
	if (!field->fallback)
		return NULL;
	if (field->type == API_INT)
		return field->fallback[strspn(field->fallback, "0123456789")] == '\0' ? field->fallback : NULL;
	for (const char *const *value = field->type == API_ENUM ? field->values : NULL; value && *value; value++)
		if (strcmp(*value, field->fallback) == 0)
			return *value;
	return NULL;
}

const struct api_field *
api_field_at(const struct api_resource *resource, const char *path)
{
	const struct api_field *field;
	const char *name = strchr(path, '.');

	if (!name)
		return NULL;
	name++;
	if (strncmp(path, "properties.", strlen("properties.")) == 0)
		return api_field_find(resource->properties, name);
	if (strncmp(path, "metadata.", strlen("metadata.")) != 0)
		return NULL;
	field = api_field_find(api_common_metadata, name);
	return field ? field : api_field_find(resource->metadata, name);
}

/* The current position in the parameters: a chain on the stack, formatted only for an error. */
struct place {
	const struct place *up;
	const char *name; /* member; NULL: an array element */
	size_t index;
};

static void
place_write(const struct place *place, struct buf *ret)
{
	if (!place)
		return;
	place_write(place->up, ret);
	if (!place->name) {
		buf_printf(ret, "[%zu]", place->index);
		return;
	}
	if (ret->len)
		buf_add_char(ret, '.');
	buf_add_str(ret, place->name);
}

/* ERROR_INVALID: "<member>: <what>", with the whole path as field. */
static int _printf_(3, 4) api_refuse(const struct place *place, struct error *err, const char *fmt, ...)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_free_ char *what = NULL;
	const struct place *member = place;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	place_write(place, &path);
	while (member && !member->name)
		member = member->up;
	if (!member)
		return error_set_field(err, NULL, "%s", what);
	return error_set_field(err, buf_str(&path), "%s: %s", member->name, what);
}

enum mode { MODE_CREATE, MODE_UPDATE, MODE_CALL };

static int
check_value(const struct api_field *field, struct json_object *parent, struct json_object *value, enum mode mode,
	const struct place *place, struct error *err);

static int
api_check_text(struct json_object *value, size_t max, bool is_one_line, const struct place *place, struct error *err)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return api_refuse(place, err, "must be a string");
	text = json_object_get_string(value);
	if (*text == '\0')
		return api_refuse(place, err, "must not be empty");
	if ((size_t)json_object_get_string_len(value) > max)
		return api_refuse(place, err, "must be at most %zu octets long", max);
	if (is_one_line && (*text == ' ' || text[strlen(text) - 1] == ' '))
		return api_refuse(place, err, "must not begin or end with a space");
	if (is_one_line && !printable_is_line(text, strlen(text)))
		return api_refuse(place, err, "must not contain control characters");
	return 0;
}

static int
check_range(const struct api_field *field, int64_t n, const struct place *place, struct error *err)
{
	if ((field->min || field->max) && (n < field->min || n > field->max))
		return api_refuse(
			place, err, "must be from %lld to %lld", (long long)field->min, (long long)field->max);
	return 0;
}

static int
check_int(const struct api_field *field, struct json_object *value, const struct place *place, struct error *err)
{
	if (!json_object_is_type(value, json_type_int))
		return api_refuse(place, err, "must be a whole number");
	return check_range(field, json_object_get_int64(value), place, err);
}

/* Replaces text by seconds in @parent, so that later code handles only one type. */
static int
check_span(const struct api_field *field, struct json_object *parent, struct json_object *value,
	const struct place *place, struct error *err)
{
	char least[TIME_SPAN_SIZE], most[TIME_SPAN_SIZE];
	int64_t sec = 0;

	if (json_object_is_type(value, json_type_int))
		sec = json_object_get_int64(value);
	else if (!json_object_is_type(value, json_type_string) ||
		 time_parse_span(json_object_get_string(value), &sec) < 0)
		return api_refuse(place, err, "must be a time span such as 30d or 12h, or a number of seconds");
	if ((field->min || field->max) && (sec < field->min || sec > field->max)) {
		time_format_span(field->min, least);
		time_format_span(field->max, most);
		return api_refuse(place, err, "must be from %s to %s", least, most);
	}
	if (!json_object_is_type(value, json_type_int))
		json_object_object_add(parent, field->name, json_object_new_int64(sec));
	return 0;
}

static int
check_enum(const struct api_field *field, struct json_object *value, const struct place *place, struct error *err)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	const char *text, *nearest;
	size_t count = 0;

	if (!json_object_is_type(value, json_type_string))
		return api_refuse(place, err, "must be a string");
	text = json_object_get_string(value);
	for (; field->values[count]; count++) {
		if (strcmp(field->values[count], text) == 0)
			return 0;
		buf_printf(&all, "%s%s", count ? ", " : "", field->values[count]);
	}
	nearest = nearest_word(text, field->values, count);
	if (nearest)
		return api_refuse(
			place, err, "'%s' is not one of %s; did you mean '%s'?", text, buf_str(&all), nearest);
	return api_refuse(place, err, "'%s' is not one of %s", text, buf_str(&all));
}

/* Labels, and name patterns, which become canonical. */
static int
check_scoping(
	const struct api_field *field, struct json_object *list, size_t i, const struct place *place, struct error *err)
{
	const char *text = json_object_get_string(json_object_array_get_idx(list, i));
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_free_ char *pattern = NULL;

	if ((field->flags & API_LABEL) && label_check(text, &why) < 0)
		return api_refuse(place, err, "%s", why.message);
	if (!(field->flags & API_PATTERN))
		return 0;
	if (pattern_canonical(text, &pattern, &why) < 0)
		return api_refuse(place, err, "%s", why.message);
	json_object_array_put_idx(list, i, json_object_new_string(pattern));
	return 0;
}

static int
check_strlist(const struct api_field *field, struct json_object *value, const struct place *place, struct error *err)
{
	if (!json_object_is_type(value, json_type_array))
		return api_refuse(place, err, "must be an array of strings");
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct place item = { .up = place, .index = i };

		if (api_check_text(json_object_array_get_idx(value, i), MAX_STRING, true, &item, err) < 0 ||
			(field->values && check_enum(field, json_object_array_get_idx(value, i), &item, err) < 0) ||
			check_scoping(field, value, i, &item, err) < 0)
			return -1;
	}
	return 0;
}

static int
api_refuse_unknown(const struct api_field *fields, const char *name, const struct place *place, struct error *err)
{
	const char *names[MAX_FIELDS];
	const char *nearest;
	size_t count = 0;

	for (; fields && fields->name && count < MAX_FIELDS; fields++)
		if (!(fields->flags & API_READ_ONLY))
			names[count++] = fields->name;
	nearest = nearest_word(name, names, count);
	if (nearest)
		return api_refuse(place, err, "unknown member; did you mean '%s'?", nearest);
	return api_refuse(place, err, "unknown member");
}

static int
check_member(const struct api_field *fields, struct json_object *parent, const char *name, struct json_object *value,
	enum mode mode, const struct place *up, struct error *err)
{
	struct place place = { .up = up, .name = name };
	const struct api_field *field = api_field_find(fields, name);

	if (!field)
		return api_refuse_unknown(fields, name, &place, err);
	if (field->flags & API_READ_ONLY)
		return api_refuse(&place, err, "is read-only");
	if (mode == MODE_UPDATE && (field->flags & API_IMMUTABLE))
		return api_refuse(&place, err, "cannot be changed after creation");
	if (value)
		return check_value(field, parent, value, mode, &place, err);
	if (mode != MODE_UPDATE)
		json_object_object_del(parent, name);
	else if (field->flags & API_REQUIRED)
		return api_refuse(&place, err, "is required");
	return 0;
}

static int
api_check_object(const struct api_field *fields, struct json_object *obj, enum mode mode, const struct place *place,
	struct error *err)
{
	if (!json_object_is_type(obj, json_type_object))
		return api_refuse(place, err, "must be an object");
	json_object_object_foreach(obj, name, value) {
		if (check_member(fields, obj, name, value, mode, place, err) < 0)
			return -1;
	}
	for (; mode != MODE_UPDATE && fields && fields->name; fields++) {
		struct place missing = { .up = place, .name = fields->name };

		if ((fields->flags & API_REQUIRED) && !json_object_object_get_ex(obj, fields->name, NULL))
			return api_refuse(&missing, err, "is required");
	}
	return 0;
}

static int
check_list(const struct api_field *field, struct json_object *value, const struct place *place, struct error *err)
{
	if (!json_object_is_type(value, json_type_array))
		return api_refuse(place, err, "must be an array of objects");
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct place item = { .up = place, .index = i };

		if (api_check_object(field->fields, json_object_array_get_idx(value, i), MODE_CALL, &item, err) < 0)
			return -1;
	}
	return 0;
}

static int
check_time(struct json_object *value, const struct place *place, struct error *err)
{
	int64_t at = 0;

	if (!json_object_is_type(value, json_type_string) || time_parse_rfc3339(json_object_get_string(value), &at) < 0)
		return api_refuse(place, err, "must be a date such as 2026-11-21T10:30:00Z");
	return 0;
}

static int
check_path(struct json_object *value, const struct place *place, struct error *err)
{
	if (api_check_text(value, MAX_STRING, true, place, err) < 0)
		return -1;
	if (json_object_get_string(value)[0] != '/')
		return api_refuse(place, err, "must be an absolute path");
	return 0;
}

static int
check_value(const struct api_field *field, struct json_object *parent, struct json_object *value, enum mode mode,
	const struct place *place, struct error *err)
{
	switch (field->type) {
	case API_STRING:
	case API_REF:
		return api_check_text(value, MAX_STRING, true, place, err);
	case API_TEXT:
	case API_SECRET:
		return api_check_text(value, field->max ? (size_t)field->max : MAX_SECRET, false, place, err);
	case API_PATH:
		return check_path(value, place, err);
	case API_BOOL:
		return json_object_is_type(value, json_type_boolean) ? 0
								     : api_refuse(place, err, "must be true or false");
	case API_INT:
		return check_int(field, value, place, err);
	case API_SPAN:
		return check_span(field, parent, value, place, err);
	case API_TIME:
		return check_time(value, place, err);
	case API_STRLIST:
	case API_REFLIST:
		return check_strlist(field, value, place, err);
	case API_ENUM:
		return check_enum(field, value, place, err);
	case API_OBJECT:
		return api_check_object(field->fields, value, mode, place, err);
	case API_LIST:
		return check_list(field, value, place, err);
	case API_ANY:
		return 0;
	}
	return 0;
}

/* {properties} and {ref, properties}: "properties" by the resource's table, the rest by the method's. */
static int
api_check_declaration(const struct api_method *method, struct json_object *params, struct error *err)
{
	const struct api_field *fields = api_resources[method->resource].properties;
	enum mode mode = method->verb == API_CREATE ? MODE_CREATE : MODE_UPDATE;
	struct place place = { .name = "properties" };
	struct json_object *properties = NULL;

	if (!json_object_object_get_ex(params, "properties", &properties))
		return api_refuse(&place, err, "is required");
	json_object_object_foreach(params, name, value) {
		if (strcmp(name, "properties") != 0 &&
			check_member(method->params, params, name, value, MODE_CALL, NULL, err) < 0)
			return -1;
	}
	if (mode == MODE_UPDATE && !json_object_object_get_ex(params, "ref", NULL))
		return api_refuse(&(struct place){ .name = "ref" }, err, "is required");
	return api_check_object(fields, properties, mode, &place, err);
}

int
api_validate(enum api_method_id id, struct json_object *params, struct error *err)
{
	const struct api_method *method = &api_methods[id];
	_cleanup_json_ struct json_object *empty = NULL;

	if (!params)
		params = empty = json_object_new_object();
	if (method->verb == API_CREATE || method->verb == API_UPDATE)
		return api_check_declaration(method, params, err);
	return api_check_object(method->params, params, MODE_CALL, NULL, err);
}

void
api_split_camel(const char *name, char sep, struct buf *ret)
{
	for (const char *p = name; *p; p++) {
		bool is_acronym = p != name && isupper((unsigned char)p[-1]) && !islower((unsigned char)p[1]);

		if (isupper((unsigned char)*p) && p != name && !is_acronym)
			buf_add_char(ret, sep);
		buf_add_char(ret, (char)tolower((unsigned char)*p));
	}
}

char *
api_field_option(const struct api_field *field)
{
	struct buf name = BUF_INIT;

	if (field->option)
		buf_add_str(&name, field->option);
	else
		api_split_camel(field->name, '-', &name);
	if ((field->type == API_SECRET || field->type == API_TEXT) && !(field->flags & API_FILE))
		buf_add_str(&name, "-file");
	return buf_steal(&name);
}
