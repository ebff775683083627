/* rpc.discover: the API's tables as an OpenRPC 1.2.6 document with JSON Schema. No method is mentioned here. */
#include "common/api/api_schema.h"

#include "common/alloc.h"

static struct json_object *
list_schema(const char *noun)
{
	static const struct api_field counts[] = {
		{ .name = "offset", .type = API_INT, .help = "from the request" },
		{ .name = "limit", .type = API_INT, .help = API_PAGE_HELP },
		{ .name = "total", .type = API_INT, .help = "total number of matches" },
		{ .name = NULL },
	};
	struct json_object *schema = api_schema_fields(counts, false);
	struct json_object *properties = NULL;

	json_object_object_get_ex(schema, "properties", &properties);
	json_object_object_add(properties, "items", api_schema_array(api_schema_ref(noun, "")));
	return schema;
}

/* The object, or what another API shows instead of it: nothing of ours, so it has no metadata. */
static struct json_object *
one_of_views(const char *noun)
{
	struct json_object *required = json_object_new_array();
	struct json_object *ours = json_object_new_object();
	struct json_object *other = api_schema_type("object");
	struct json_object *either = json_object_new_array();
	struct json_object *schema = json_object_new_object();

	json_object_array_add(required, json_object_new_string("metadata"));
	json_object_object_add(ours, "required", required);
	json_object_object_add(other, "not", ours);
	json_object_array_add(either, api_schema_ref(noun, ""));
	json_object_array_add(either, other);
	json_object_object_add(schema, "anyOf", either);
	return schema;
}

static struct json_object *
result_schema(const struct api_method *method)
{
	if (method->result)
		return api_schema_fields(method->result, false);
	if (method->resource == API_RESOURCE_COUNT || method->verb == API_DELETE)
		return api_schema_type("object");
	if (method->verb == API_LIST_ALL)
		return list_schema(api_resources[method->resource].noun);
	if (api_field_find(method->params, "view"))
		return one_of_views(api_resources[method->resource].noun);
	return api_schema_ref(api_resources[method->resource].noun, "");
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
		add_param(params, f->name, f->flags & API_REQUIRED, api_schema_field(f, true));
	if (method->verb == API_CREATE || method->verb == API_UPDATE)
		add_param(params, "properties", true,
			api_schema_ref(api_resources[method->resource].noun,
				method->verb == API_CREATE ? "Properties" : "Changes"));
	json_add_string(obj, "name", method->name);
	json_add_string(obj, "summary", method->help);
	json_add_string(obj, "paramStructure", "by-name");
	json_add_string(obj, "x-role", api_role_name(method->role));
	json_add_bool(obj, "x-scoped", method->flags & API_SCOPED);
	json_object_object_add(obj, "params", params);
	json_add_string(result, "name", "result");
	json_object_object_add(result, "schema", result_schema(method));
	json_object_object_add(obj, "result", result);
	return obj;
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

		json_object_object_add(schemas, r->noun, api_schema_object(r, false));
		json_object_object_add(schemas, properties, api_schema_fields(r->properties, true));
		json_object_object_add(schemas, changes, api_schema_changes(r));
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
