/*
 * The OpenAPI 3.0 document of the REST API: each method that has a path, with the schemas of the API's tables. Only the
 * structures that IONOS defines, as rest_call.c produces them, are described here: create and patch bodies, the
 * collection and the error. No method is mentioned.
 */
#include "common/api/api_rest.h"

#include "common/alloc.h"
#include "common/api/api_schema.h"
#include "common/buf.h"

#include <ctype.h>
#include <string.h>

static struct json_object *
content_of(struct json_object *schema)
{
	struct json_object *content = json_object_new_object();
	struct json_object *type = json_object_new_object();

	json_object_object_add(type, "schema", schema);
	json_object_object_add(content, "application/json", type);
	return content;
}

/* @schema NULL: no body. */
static struct json_object *
response(const char *description, struct json_object *schema)
{
	struct json_object *obj = json_object_new_object();

	json_add_string(obj, "description", description);
	if (schema)
		json_object_object_add(obj, "content", content_of(schema));
	return obj;
}

/* Other views have a media type each, so that for application/json there is one plain schema. */
static struct json_object *
add_views(const struct api_method *method, struct json_object *response)
{
	const struct api_field *view = api_field_find(method->params, "view");

	for (const char *const *name = view ? view->values : NULL; name && *name; name++) {
		_cleanup_free_ char *type = api_rest_view_type(*name);
		struct json_object *media = json_object_new_object();

		json_object_object_add(media, "schema", api_schema_type("object"));
		json_object_object_add(json_path(response, "content"), type, media);
	}
	return response;
}

static struct json_object *
text_response(void)
{
	struct json_object *content = json_object_new_object();
	struct json_object *type = json_object_new_object();
	struct json_object *obj = json_object_new_object();

	json_object_object_add(type, "schema", api_schema_type("string"));
	json_object_object_add(content, "text/plain", type);
	json_add_string(obj, "description", "done");
	json_object_object_add(obj, "content", content);
	return obj;
}

static struct json_object *
success_of(const struct api_method *method, const char **ret_status)
{
	const char *noun = method->resource == API_RESOURCE_COUNT ? NULL : api_resources[method->resource].noun;

	*ret_status = method->verb == API_CREATE ? "201" : method->verb == API_DELETE ? "204" : "200";
	if (method->verb == API_DELETE)
		return response("deleted", NULL);
	if (method->flags & API_PLAIN_TEXT)
		return text_response();
	if (method->result)
		return response("done", api_schema_fields(method->result, false));
	if (!noun)
		return response("done", api_schema_type("object"));
	return add_views(
		method, response("done", api_schema_ref(noun, method->verb == API_LIST_ALL ? "Collection" : "")));
}

static struct json_object *
dry_run_schema(const struct api_method *method)
{
	if (method->verb == API_CREATE)
		return api_schema_ref(api_resources[method->resource].noun, "");
	return api_schema_type("object");
}

static void
openapi_add_header(struct json_object *response, const char *name, const char *type, const char *help)
{
	struct json_object *headers = json_object_new_object();
	struct json_object *header = json_object_new_object();

	json_add_string(header, "description", help);
	json_object_object_add(header, "schema", api_schema_type(type));
	json_object_object_add(headers, name, header);
	json_object_object_add(response, "headers", headers);
}

enum refusal_of { OF_ALL = 0, OF_REFERENCES, OF_CHANGES, OF_WAITING };

/* The statuses of rest_answer.c; "default" is for what was no request of this operation. */
static const struct refusal {
	const char *status;
	enum refusal_of of;
	const char *description;
} refusals[] = {
	{ "400", OF_ALL, "a parameter or property is not valid" },
	{ "401", OF_ALL, "no token, or not a valid one" },
	{ "403", OF_ALL, "the caller's role or scope does not allow it, or a limit is reached" },
	{ "404", OF_REFERENCES, "the object does not exist" },
	{ "409", OF_CHANGES, "the object is in use, or its state does not allow it" },
	{ "429", OF_WAITING, "too many requests, or the CA asked to wait" },
	{ "500", OF_ALL, "certd failed" },
	{ "503", OF_WAITING, "not now" },
	{ "default", OF_ALL, "refused" },
};

static void
add_refusals(struct json_object *responses, const struct api_method *method, bool has_ref)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct json_object *obj;

		if ((r->of == OF_REFERENCES && !has_ref) || (r->of == OF_CHANGES && method->role == ROLE_VIEWER))
			continue;
		obj = response(r->description, api_schema_ref("error", ""));
		if (r->of == OF_WAITING)
			openapi_add_header(obj, "Retry-After", "integer", "seconds until the request may be repeated");
		json_object_object_add(responses, r->status, obj);
	}
}

static struct json_object *
responses_of(const struct api_method *method, bool has_ref)
{
	struct json_object *responses = json_object_new_object();
	const char *status;
	struct json_object *success = success_of(method, &status);

	if (method->verb == API_CREATE)
		openapi_add_header(success, "Location", "string", "URL of the new object");
	json_object_object_add(responses, status, success);
	if (strcmp(status, "200") != 0 && api_field_find(method->params, "dryRun"))
		json_object_object_add(responses, "200", response("effect of the change", dry_run_schema(method)));
	add_refusals(responses, method, has_ref);
	return responses;
}

static void
add_parameter(struct json_object *parameters, const char *where, const char *name, const char *help,
	struct json_object *schema)
{
	struct json_object *obj = json_object_new_object();

	json_add_string(obj, "name", name);
	json_add_string(obj, "in", where);
	json_add_bool(obj, "required", strcmp(where, "path") == 0);
	json_add_string(obj, "description", help);
	json_object_object_add(obj, "schema", schema);
	json_object_array_add(parameters, obj);
}

static struct json_object *
parameters_of(const struct api_method *method, const struct api_rest *rest)
{
	struct json_object *parameters = json_object_new_array();
	bool has_query = method->verb != API_CALL || strcmp(rest->http, "GET") == 0;

	if (rest->has_ref)
		add_parameter(parameters, "path", "ref", "id or name", api_schema_type("string"));
	for (const struct api_field *f = method->params; has_query && f && f->name; f++) {
		_cleanup_buf_ struct buf name = BUF_INIT;

		if (api_rest_query_name(method, f, &name))
			add_parameter(parameters, "query", buf_str(&name), f->help, api_schema_field(f, true));
	}
	return parameters;
}

/* The body of an action: its parameters except the reference, which is in the path. NULL: none. */
static struct json_object *
action_schema(const struct api_method *method)
{
	struct json_object *schema = api_schema_type("object");
	struct json_object *properties = json_object_new_object();

	for (const struct api_field *f = method->params; f && f->name; f++)
		if (strcmp(f->name, "ref") != 0)
			json_object_object_add(properties, f->name, api_schema_field(f, true));
	json_object_object_add(schema, "properties", properties);
	return schema;
}

static struct json_object *
body_of(const struct api_method *method)
{
	struct json_object *body = json_object_new_object();
	struct json_object *schema;

	if (method->verb == API_CREATE || method->verb == API_UPDATE)
		schema = api_schema_ref(
			api_resources[method->resource].noun, method->verb == API_CREATE ? "Create" : "Patch");
	else
		schema = action_schema(method);
	json_add_bool(body, "required", method->verb != API_CALL);
	json_object_object_add(body, "content", content_of(schema));
	return body;
}

static struct json_object *
operation_of(const struct api_method *method, const struct api_rest *rest)
{
	struct json_object *operation = json_object_new_object();

	json_add_string(operation, "operationId", method->name);
	json_add_string(operation, "summary", method->help);
	json_add_string(operation, "x-role", api_role_name(method->role));
	json_object_object_add(operation, "parameters", parameters_of(method, rest));
	if (strcmp(rest->http, "POST") == 0 || strcmp(rest->http, "PATCH") == 0)
		json_object_object_add(operation, "requestBody", body_of(method));
	json_object_object_add(operation, "responses", responses_of(method, rest->has_ref));
	return operation;
}

static void
add_operation(struct json_object *paths, enum api_method_id id)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	_cleanup_buf_ struct buf http = BUF_INIT;
	struct json_object *item = NULL;
	struct api_rest rest;

	if (!api_rest_of(id, &rest))
		return;
	buf_printf(&path, "%s%s%s%s", rest.collection, rest.has_ref ? "/{ref}" : "", rest.action ? "/" : "",
		rest.action ? rest.action : "");
	for (const char *p = rest.http; *p; p++)
		buf_add_char(&http, (char)tolower((unsigned char)*p));
	if (!json_object_object_get_ex(paths, buf_str(&path), &item)) {
		item = json_object_new_object();
		json_object_object_add(paths, buf_str(&path), item);
	}
	json_object_object_add(item, buf_str(&http), operation_of(&api_methods[id], &rest));
}

/* --- schemas that differ from ours to match IONOS's --- */

static struct json_object *
object_of(struct json_object *members, const char *const *required)
{
	struct json_object *schema = api_schema_type("object");
	struct json_object *names = json_object_new_array();

	for (; *required; required++)
		json_object_array_add(names, json_object_new_string(*required));
	json_object_object_add(schema, "properties", members);
	json_object_object_add(schema, "required", names);
	return schema;
}

/* {"metadata": {}, "properties": @properties} and the secrets among @params, which are in no URL. */
static struct json_object *
declaration(struct json_object *properties, const struct api_field *params)
{
	static const char *const required[] = { "properties", NULL };
	struct json_object *members = json_object_new_object();

	json_object_object_add(members, "metadata", api_schema_type("object"));
	json_object_object_add(members, "properties", properties);
	for (; params && params->name; params++)
		if (params->type == API_SECRET)
			json_object_object_add(members, params->name, api_schema_field(params, true));
	return object_of(members, required);
}

static struct json_object *
patch_of(const struct api_resource *resource)
{
	static const char *const required[] = { "name", NULL };
	struct json_object *members;

	if (!resource->is_ionos)
		return declaration(api_schema_changes(resource), NULL);
	members = json_object_new_object();
	json_object_object_add(members, "name", api_schema_type("string"));
	return declaration(object_of(members, required), NULL);
}

static struct json_object *
create_of(const struct api_resource *resource)
{
	enum api_method_id id = API_METHOD_COUNT;
	bool is_found = api_method_of(resource, API_CREATE, &id);

	return declaration(api_schema_fields(resource->properties, true), is_found ? api_methods[id].params : NULL);
}

static struct json_object *
collection_of(const struct api_resource *resource)
{
	static const char *const required[] = { "id", "type", "href", "items", "offset", "limit", "_links", NULL };
	static const char *const strings[] = { "id", "type", "href" };
	static const char *const links[] = { "prev", "self", "next" };
	struct json_object *members = json_object_new_object();
	struct json_object *urls = json_object_new_object();
	struct json_object *schema = api_schema_type("object");
	struct json_object *limit = api_schema_type("integer");

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		json_object_object_add(members, strings[i], api_schema_type("string"));
	json_object_object_add(members, "items", api_schema_array(api_schema_ref(resource->noun, "")));
	json_object_object_add(members, "offset", api_schema_type("integer"));
	json_add_string(limit, "description", API_PAGE_HELP);
	json_object_object_add(members, "limit", limit);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		json_object_object_add(urls, links[i], api_schema_type("string"));
	json_object_object_add(schema, "properties", urls);
	json_object_object_add(members, "_links", schema);
	return object_of(members, required);
}

static struct json_object *
error_schema(void)
{
	static const struct api_field messages[] = {
		{ .name = "errorCode", .type = API_STRING, .flags = API_ALWAYS, .help = "paas-general-404" },
		{ .name = "message", .type = API_STRING, .flags = API_ALWAYS, .help = "description of the error" },
		{ .name = "code", .type = API_STRING, .help = "class of the error" },
		{ .name = "field", .type = API_STRING, .help = "parameter or property that caused the error" },
		{ .name = "problem", .type = API_STRING, .help = "ACME problem type" },
		{ .name = NULL },
	};
	static const struct api_field error[] = {
		{ .name = "httpStatus", .type = API_INT, .flags = API_ALWAYS, .help = "HTTP status code" },
		{ .name = "messages",
			.type = API_LIST,
			.flags = API_ALWAYS,
			.fields = messages,
			.help = "description of the error" },
		{ .name = NULL },
	};

	return api_schema_fields(error, false);
}

static void
add_schema(struct json_object *schemas, const char *noun, const char *kind, struct json_object *schema)
{
	_cleanup_free_ char *name = xasprintf("%s%s", noun, kind);

	json_object_object_add(schemas, name, schema);
}

static struct json_object *
components(void)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *schemas = json_object_new_object();
	struct json_object *schemes = json_object_new_object();
	struct json_object *bearer = json_object_new_object();

	for (size_t i = 0; i < API_RESOURCE_COUNT; i++) {
		const struct api_resource *r = &api_resources[i];

		add_schema(schemas, r->noun, "", api_schema_object(r, r->is_ionos));
		add_schema(schemas, r->noun, "Create", create_of(r));
		add_schema(schemas, r->noun, "Patch", patch_of(r));
		add_schema(schemas, r->noun, "Collection", collection_of(r));
	}
	add_schema(schemas, "error", "", error_schema());
	json_object_object_add(obj, "schemas", schemas);
	json_add_string(bearer, "type", "http");
	json_add_string(bearer, "scheme", "bearer");
	json_object_object_add(schemes, "tokenAuth", bearer);
	json_object_object_add(obj, "securitySchemes", schemes);
	return obj;
}

static struct json_object *
security(void)
{
	struct json_object *list = json_object_new_array();
	struct json_object *scheme = json_object_new_object();

	json_object_object_add(scheme, "tokenAuth", json_object_new_array());
	json_object_array_add(list, scheme);
	return list;
}

struct json_object *
api_openapi(void)
{
	struct json_object *document = json_object_new_object();
	struct json_object *info = json_object_new_object();
	struct json_object *paths = json_object_new_object();

	json_add_string(info, "title", PACKAGE_NAME);
	json_add_string(info, "version", PACKAGE_VERSION);
	json_add_string(document, "openapi", "3.0.3");
	json_object_object_add(document, "info", info);
	json_object_object_add(document, "security", security());
	for (size_t i = 0; i < API_METHOD_COUNT; i++)
		add_operation(paths, (enum api_method_id)i);
	json_object_object_add(document, "paths", paths);
	json_object_object_add(document, "components", components());
	return document;
}
