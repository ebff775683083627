/* rpc.discover: the API's tables as an OpenRPC 1.2.6 document with JSON Schema; nothing here knows a single method. */
#include "common/api.h"

#include "common/alloc.h"
#include "common/error.h"

static struct json_object *
schema_of_fields(const struct api_field *fields, bool is_input);

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

static struct json_object *
array_of(struct json_object *items)
{
	struct json_object *schema = json_object_new_object();

	json_add_string(schema, "type", "array");
	json_object_object_add(schema, "items", items);
	return schema;
}

static struct json_object *
schema_of_type(const char *type)
{
	struct json_object *schema = json_object_new_object();

	json_add_string(schema, "type", type);
	return schema;
}

static struct json_object *
schema_of_span(const struct api_field *field, bool is_input)
{
	struct json_object *schema;

	if (!is_input) {
		schema = schema_of_type("integer");
	} else {
		struct json_object *types = json_object_new_array();

		json_object_array_add(types, json_object_new_string("integer"));
		json_object_array_add(types, json_object_new_string("string"));
		schema = json_object_new_object();
		json_object_object_add(schema, "type", types);
	}
	add_range(schema, field);
	return schema;
}

static struct json_object *
schema_of_value(const struct api_field *field, bool is_input)
{
	struct json_object *schema;

	switch (field->type) {
	case API_BOOL:
		return schema_of_type("boolean");
	case API_INT:
		schema = schema_of_type("integer");
		add_range(schema, field);
		return schema;
	case API_SPAN:
		return schema_of_span(field, is_input);
	case API_TIME:
		schema = schema_of_type("string");
		json_add_string(schema, "format", "date-time");
		return schema;
	case API_STRLIST:
	case API_REFLIST:
		return array_of(schema_of_type("string"));
	case API_ENUM:
		schema = schema_of_type("string");
		add_values(schema, field);
		return schema;
	case API_SECRET:
		schema = schema_of_type("string");
		json_add_bool(schema, "writeOnly", true);
		return schema;
	case API_OBJECT:
		return schema_of_fields(field->fields, is_input);
	case API_LIST:
		return array_of(schema_of_fields(field->fields, is_input));
	case API_ANY:
		return json_object_new_object();
	case API_STRING:
	case API_REF:
	case API_PATH:
		break;
	}
	return schema_of_type("string");
}

static struct json_object *
schema_of_field(const struct api_field *field, bool is_input)
{
	struct json_object *schema = schema_of_value(field, is_input);

	json_add_string(schema, "description", field->help);
	if (field->flags & API_READ_ONLY)
		json_add_bool(schema, "readOnly", true);
	return schema;
}

static void
add_fields(struct json_object *properties, struct json_object *required, const struct api_field *fields,
	bool is_input)
{
	for (; fields && fields->name; fields++) {
		json_object_object_add(properties, fields->name, schema_of_field(fields, is_input));
		if (fields->flags & API_REQUIRED)
			json_object_array_add(required, json_object_new_string(fields->name));
	}
}

static struct json_object *
schema_of_fields(const struct api_field *fields, bool is_input)
{
	struct json_object *schema = schema_of_type("object");
	struct json_object *properties = json_object_new_object();
	struct json_object *required = json_object_new_array();

	add_fields(properties, required, fields, is_input);
	json_object_object_add(schema, "properties", properties);
	json_object_object_add(schema, "required", required);
	return schema;
}

static struct json_object *
reference(const char *noun, const char *kind)
{
	_cleanup_free_ char *path = xasprintf("#/components/schemas/%s%s", noun, kind);
	struct json_object *schema = json_object_new_object();

	json_add_string(schema, "$ref", path);
	return schema;
}

static struct json_object *
list_schema(const char *noun)
{
	static const struct api_field counts[] = {
		{ .name = "offset", .type = API_INT, .help = "as asked" },
		{ .name = "limit", .type = API_INT, .help = "as asked" },
		{ .name = "total", .type = API_INT, .help = "of all that match" },
		{ .name = NULL },
	};
	struct json_object *schema = schema_of_fields(counts, false);
	struct json_object *properties = NULL;

	json_object_object_get_ex(schema, "properties", &properties);
	json_object_object_add(properties, "items", array_of(reference(noun, "")));
	return schema;
}

static struct json_object *
result_schema(const struct api_method *method)
{
	if (method->result)
		return schema_of_fields(method->result, false);
	if (method->resource == API_RESOURCE_COUNT || method->verb == API_DELETE)
		return schema_of_type("object");
	if (method->verb == API_LIST_ALL)
		return list_schema(api_resources[method->resource].noun);
	return reference(api_resources[method->resource].noun, "");
}

static void
add_param(struct json_object *params, const char *name, bool is_required, struct json_object *schema)
{
	struct json_object *param = json_object_new_object();

	json_add_string(param, "name", name);
	json_add_bool(param, "required", is_required);
	json_object_object_add(param, "schema", schema);
	json_object_array_add(params, param);
}

static struct json_object *
describe_method(const struct api_method *method)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *params = json_object_new_array();
	struct json_object *result = json_object_new_object();

	for (const struct api_field *f = method->params; f && f->name; f++)
		add_param(params, f->name, f->flags & API_REQUIRED, schema_of_field(f, true));
	if (method->verb == API_CREATE || method->verb == API_UPDATE)
		add_param(params, "properties", true,
			reference(api_resources[method->resource].noun,
				method->verb == API_CREATE ? "Properties" : "Changes"));
	json_add_string(obj, "name", method->name);
	json_add_string(obj, "summary", method->help);
	json_add_string(obj, "paramStructure", "by-name");
	json_add_string(obj, "x-role", api_role_name(method->role));
	json_object_object_add(obj, "params", params);
	json_add_string(result, "name", "result");
	json_object_object_add(result, "schema", result_schema(method));
	json_object_object_add(obj, "result", result);
	return obj;
}

static struct json_object *
object_schema(const struct api_resource *resource)
{
	struct json_object *schema = schema_of_type("object");
	struct json_object *members = json_object_new_object();
	struct json_object *metadata = schema_of_fields(api_common_metadata, false);
	struct json_object *properties = NULL;
	struct json_object *required = NULL;

	json_object_object_get_ex(metadata, "properties", &properties);
	json_object_object_get_ex(metadata, "required", &required);
	add_fields(properties, required, resource->metadata, false);
	json_object_object_add(members, "id", schema_of_type("string"));
	json_object_object_add(members, "type", schema_of_type("string"));
	json_object_object_add(members, "href", schema_of_type("string"));
	json_object_object_add(members, "metadata", metadata);
	json_object_object_add(members, "properties", reference(resource->noun, "Properties"));
	json_object_object_add(schema, "properties", members);
	json_add_string(schema, "description", resource->help);
	return schema;
}

/* What an update may hold: nothing is required, the immutable is left out. */
static struct json_object *
changes_schema(const struct api_resource *resource)
{
	struct json_object *schema = schema_of_type("object");
	struct json_object *properties = json_object_new_object();

	for (const struct api_field *f = resource->properties; f->name; f++)
		if (!(f->flags & (API_IMMUTABLE | API_READ_ONLY)))
			json_object_object_add(properties, f->name, schema_of_field(f, true));
	json_object_object_add(schema, "properties", properties);
	return schema;
}

static struct json_object *
describe_components(void)
{
	struct json_object *components = json_object_new_object();
	struct json_object *schemas = json_object_new_object();

	for (size_t i = 0; i < API_RESOURCE_COUNT; i++) {
		const struct api_resource *r = &api_resources[i];
		_cleanup_free_ char *properties = xasprintf("%sProperties", r->noun);
		_cleanup_free_ char *changes = xasprintf("%sChanges", r->noun);

		json_object_object_add(schemas, r->noun, object_schema(r));
		json_object_object_add(schemas, properties, schema_of_fields(r->properties, true));
		json_object_object_add(schemas, changes, changes_schema(r));
	}
	json_object_object_add(components, "schemas", schemas);
	return components;
}

struct json_object *
api_discover(void)
{
	struct json_object *document = json_object_new_object();
	struct json_object *info = json_object_new_object();
	struct json_object *methods = json_object_new_array();

	json_add_string(info, "title", PACKAGE_NAME);
	json_add_string(info, "version", PACKAGE_VERSION);
	for (size_t i = 0; i < API_METHOD_COUNT; i++)
		json_object_array_add(methods, describe_method(&api_methods[i]));
	json_add_string(document, "openrpc", "1.2.6");
	json_object_object_add(document, "info", info);
	json_object_object_add(document, "methods", methods);
	json_object_object_add(document, "components", describe_components());
	return document;
}
