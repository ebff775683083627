/* The fields of the API's tables as JSON Schema, for rpc.discover and the OpenAPI document. */
#include "common/api/api_schema.h"

#include "common/alloc.h"

#include <stdlib.h>

static void
add_range(struct json_object *schema, const struct api_field *field)
{
	if (!field->min && !field->max)
		return;
	json_add_int(schema, "minimum", field->min);
	json_add_int(schema, "maximum", field->max);
}

static void
add_values(struct json_object *schema, const struct api_field *field)
{
	struct json_object *values = json_object_new_array();

	for (const char *const *v = field->values; *v; v++)
		json_object_array_add(values, json_object_new_string(*v));
	json_object_object_add(schema, "enum", values);
}

struct json_object *
api_schema_array(struct json_object *items)
{
	struct json_object *schema = json_object_new_object();

	json_add_string(schema, "type", "array");
	json_object_object_add(schema, "items", items);
	return schema;
}

struct json_object *
api_schema_type(const char *type)
{
	struct json_object *schema = json_object_new_object();

	json_add_string(schema, "type", type);
	return schema;
}

static struct json_object *
schema_of_span(const struct api_field *field, bool is_input)
{
	struct json_object *schema, *either;

	if (!is_input) {
		schema = api_schema_type("integer");
		add_range(schema, field);
		return schema;
	}
	either = json_object_new_array();
	schema = api_schema_type("integer");
	add_range(schema, field);
	json_object_array_add(either, schema);
	json_object_array_add(either, api_schema_type("string"));
	schema = json_object_new_object();
	json_object_object_add(schema, "anyOf", either);
	return schema;
}

static struct json_object *
schema_of_value(const struct api_field *field, bool is_input)
{
	struct json_object *schema;

	switch (field->type) {
	case API_BOOL:
		return api_schema_type("boolean");
	case API_INT:
		schema = api_schema_type("integer");
		add_range(schema, field);
		return schema;
	case API_SPAN:
		return schema_of_span(field, is_input);
	case API_TIME:
		schema = api_schema_type("string");
		json_add_string(schema, "format", "date-time");
		return schema;
	case API_STRLIST:
	case API_REFLIST:
		schema = api_schema_type("string");
		if (field->values)
			add_values(schema, field);
		return api_schema_array(schema);
	case API_ENUM:
		schema = api_schema_type("string");
		add_values(schema, field);
		return schema;
	case API_SECRET:
		schema = api_schema_type("string");
		json_add_bool(schema, "writeOnly", true);
		return schema;
	case API_OBJECT:
		return api_schema_fields(field->fields, is_input);
	case API_LIST:
		return api_schema_array(api_schema_fields(field->fields, is_input));
	case API_ANY:
		return json_object_new_object();
	case API_STRING:
	case API_TEXT:
	case API_REF:
	case API_PATH:
		break;
	}
	return api_schema_type("string");
}

struct json_object *
api_schema_field(const struct api_field *field, bool is_input)
{
	struct json_object *schema = schema_of_value(field, is_input);
	const char *value = is_input ? api_field_default(field) : NULL;

	json_add_string(schema, "description", field->help);
	if (value && field->type == API_INT)
		json_add_int(schema, "default", strtoll(value, NULL, 10));
	else if (value)
		json_add_string(schema, "default", value);
	if (field->flags & API_READ_ONLY)
		json_add_bool(schema, "readOnly", true);
	return schema;
}

static void
api_schema_add_fields(
	struct json_object *properties, struct json_object *required, const struct api_field *fields, bool is_input)
{
	for (; fields && fields->name; fields++) {
		if (is_input ? (fields->flags & API_READ_ONLY) != 0 : fields->type == API_SECRET)
			continue; /* only returned, or never */
		json_object_object_add(properties, fields->name, api_schema_field(fields, is_input));
		if (fields->flags & (is_input ? API_REQUIRED : API_REQUIRED | API_ALWAYS))
			json_object_array_add(required, json_object_new_string(fields->name));
	}
}

struct json_object *
api_schema_fields(const struct api_field *fields, bool is_input)
{
	struct json_object *schema = api_schema_type("object");
	struct json_object *properties = json_object_new_object();
	struct json_object *required = json_object_new_array();

	api_schema_add_fields(properties, required, fields, is_input);
	json_object_object_add(schema, "properties", properties);
	if (json_object_array_length(required))
		json_object_object_add(schema, "required", required);
	else
		json_object_put(required);
	return schema;
}

struct json_object *
api_schema_ref(const char *noun, const char *kind)
{
	_cleanup_free_ char *path = xasprintf("#/components/schemas/%s%s", noun, kind);
	struct json_object *schema = json_object_new_object();

	json_add_string(schema, "$ref", path);
	return schema;
}

static void
require(struct json_object *schema, const char *const *names, size_t count)
{
	struct json_object *required = json_path(schema, "required");

	if (!required)
		json_object_object_add(schema, "required", required = json_object_new_array());
	for (size_t i = 0; i < count; i++)
		json_object_array_add(required, json_object_new_string(names[i]));
}

/* Properties that have a default are answered with it when they were not declared. */
static void
require_defaults(struct json_object *schema, const struct api_field *fields)
{
	for (; fields->name; fields++)
		if (fields->type == API_ENUM && api_field_default(fields))
			require(schema, &fields->name, 1);
}

struct json_object *
api_schema_object(const struct api_resource *resource, bool has_defaults)
{
	static const char *const always[] = { "id", "type", "href", "metadata", "properties" };
	static const char *const in_metadata[] = { "state", "message" };
	struct json_object *schema = api_schema_type("object");
	struct json_object *members = json_object_new_object();
	struct json_object *metadata = api_schema_fields(api_common_metadata, false);
	struct json_object *properties = api_schema_fields(resource->properties, false);

	require(metadata, in_metadata, ARRAY_SIZE(in_metadata));
	api_schema_add_fields(
		json_path(metadata, "properties"), json_path(metadata, "required"), resource->metadata, false);
	if (has_defaults)
		require_defaults(properties, resource->properties);
	json_object_object_add(members, "id", api_schema_type("string"));
	json_object_object_add(members, "type", api_schema_type("string"));
	json_object_object_add(members, "href", api_schema_type("string"));
	json_object_object_add(members, "metadata", metadata);
	json_object_object_add(members, "properties", properties);
	json_object_object_add(members, "effect", api_schema_fields(api_effect_fields, false));
	json_object_object_add(members, "dryRun", api_schema_type("boolean"));
	json_object_object_add(schema, "properties", members);
	json_add_string(schema, "description", resource->help);
	require(schema, always, ARRAY_SIZE(always));
	return schema;
}

/* Clients that are generated from a schema send its defaults; in an update, what is not sent stays as it is. */
static void
schema_drop_defaults(struct json_object *schema)
{
	struct json_object *below = NULL;

	json_object_object_del(schema, "default");
	if (json_object_object_get_ex(schema, "items", &below))
		schema_drop_defaults(below);
	if (json_object_object_get_ex(schema, "properties", &below)) {
		json_object_object_foreach(below, name, field) {
			(void)name;
			schema_drop_defaults(field);
		}
	}
}

/* The properties of an update: none is required, immutable ones are omitted. */
struct json_object *
api_schema_changes(const struct api_resource *resource)
{
	struct json_object *schema = api_schema_type("object");
	struct json_object *properties = json_object_new_object();

	for (const struct api_field *f = resource->properties; f->name; f++)
		if (!(f->flags & (API_IMMUTABLE | API_READ_ONLY))) {
			struct json_object *field = api_schema_field(f, true);

			schema_drop_defaults(field);
			json_object_object_add(properties, f->name, field);
		}
	json_object_object_add(schema, "properties", properties);
	return schema;
}
