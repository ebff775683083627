/*
 * From HTTP to service_call(). Only IONOS's rules are here: {properties} around a declaration, metadata that is
 * ignored, PATCH that changes the name. The API's tables assign paths to methods and parameters.
 */
#include "daemon/control/rest_call.h"

#include "common/api/api_rest.h"
#include "daemon/control/forecast_page.h"
#include "daemon/control/rest_answer.h"
#include "daemon/control/rest_events.h"
#include "daemon/control/rest_page.h"
#include "daemon/service/cloud66.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_MAX = 255 };

/* A request that was handed to the service. */
struct exchange {
	struct service *service;
	struct httpd_conn *conn;
	enum api_method_id method;
	struct httpd_query query; /* for the links of a collection */
	bool is_for_browser;      /* the forecast as a page */
	char *origin;             /* "https://host", or "": the request named no host that a URL can have */
};

/* --- parameters --- */

static bool
is_integer(const char *text)
{
	size_t digits = strspn(text + (*text == '-'), "0123456789");

	return digits && digits < 19 && text[(*text == '-') + digits] == '\0';
}

/* Converts a query value to its field's type; an invalid one stays text, for api_validate() to refuse. */
static struct json_object *
query_value(const struct api_field *field, const char *text)
{
	if (field->type == API_INT && is_integer(text))
		return json_object_new_int64(strtoll(text, NULL, 10));
	if (field->type == API_BOOL && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
		return json_object_new_boolean(strcmp(text, "true") == 0);
	if (field->type == API_STRLIST || field->type == API_REFLIST) {
		_cleanup_strlist_ struct strlist items = STRLIST_INIT;
		struct json_object *holder = json_object_new_object(), *array = NULL;

		strlist_split(&items, text, ',');
		json_add_strlist(holder, "list", &items);
		json_object_object_get_ex(holder, "list", &array);
		array = json_object_get(array);
		json_object_put(holder);
		return array;
	}
	return json_object_new_string(text);
}

/*
 * The parameters that the method has; all others are ignored, because clients add some to every request. An empty text
 * is not a filter, but an empty number is refused like any other invalid one: IONOS declares limit as 1 to 1000.
 */
static void
params_from_query(const struct api_method *method, const struct httpd_query *query, struct json_object *params)
{
	for (const struct api_field *f = method->params; f && f->name; f++) {
		_cleanup_buf_ struct buf name = BUF_INIT;
		const char *text;

		if (!api_rest_query_name(method, f, &name))
			continue;
		text = httpd_query_get(query, buf_str(&name));
		if (text && (*text || f->type == API_INT || f->type == API_BOOL))
			json_object_object_add(params, f->name, query_value(f, text));
	}
}

/* Members that IONOS never refuses. */
static void
params_by_rest(const struct api_method *method, struct json_object *params)
{
	for (const struct api_field *f = method->params; f && f->name; f++)
		if (f->flags & API_BY_REST)
			json_add_bool(params, f->name, true);
}

/* Prometheus says in Accept that it reads OpenMetrics; its parameters q are not compared. */
static void
params_from_accept(const struct api_method *method, const struct httpd_head *head, struct json_object *params)
{
	if ((method->flags & API_PLAIN_TEXT) && !json_object_object_get_ex(params, "format", NULL) &&
		httpd_text_has(head->accept, "application/openmetrics-text"))
		json_add_string(params, "format", "openmetrics");
}

/* IONOS's schema PatchName. */
static int
check_patch(struct json_object *params, struct error *err)
{
	struct json_object *properties = NULL;

	if (json_get_object(params, "properties", &properties, NULL) != 1)
		return 0; /* api_validate() reports it */
	json_object_object_foreach(properties, name, value) {
		(void)value;
		if (strcmp(name, "name") != 0) {
			_cleanup_free_ char *field = xasprintf("properties.%.64s", name);

			return error_set_field(err, field, "%.64s: PATCH only changes the name", name);
		}
	}
	if (!json_object_object_get_ex(properties, "name", NULL))
		return error_set_field(err, "properties.name", "name: is required");
	return 0;
}

/*
 * Creating a provider over IONOS's API accepts the CA's terms: those clients have no member for it. An explicit false
 * is respected.
 */
static void
agree_to_terms(struct service *service, struct json_object *params)
{
	struct json_object *properties = NULL;

	if (service->conf->does_rest_agree_terms && json_get_object(params, "properties", &properties, NULL) == 1 &&
		!json_object_object_get_ex(properties, "termsOfServiceAgreed", NULL))
		json_add_bool(properties, "termsOfServiceAgreed", true);
}

static int
params_from_body(struct service *service, enum api_method_id id, const struct httpd_head *head, const char *body,
	struct json_object **ret, struct error *err)
{
	const struct api_method *method = &api_methods[id];
	struct json_object *json;

	if (head->body_len == 0 && method->verb == API_CALL)
		return 0;
	json = json_parse(body, head->body_len, err);
	if (!json) {
		if (err)
			err->code = ERROR_INVALID;
		return error_wrap(err, "body");
	}
	json_object_put(*ret);
	*ret = json;
	if (!json_object_is_type(json, json_type_object))
		return error_set(err, ERROR_INVALID, "body: must be an object");
	if (method->verb == API_CALL)
		return 0;
	json_object_object_del(json, "metadata"); /* read-only, but clients send it back */
	if (id == RPC_CERTIFICATE_CREATE)
		cloud66_upload(json);
	if (id == RPC_PROVIDER_CREATE)
		agree_to_terms(service, json);
	if (method->verb == API_UPDATE && api_resources[method->resource].is_ionos)
		return check_patch(json, err);
	return 0;
}

/* --- answers --- */

/* @result as it is answered; a reference. */
static struct json_object *
rest_call_shown(const struct exchange *x, struct json_object *result)
{
	const struct api_method *method = &api_methods[x->method];

	if (!method->result && method->resource != API_RESOURCE_COUNT)
		rest_object(&api_resources[method->resource], result);
	return json_object_get(result);
}

/* The location is absolute: ionosctl polls it as it is. */
static void
answer_created(struct exchange *x, struct json_object *result)
{
	_cleanup_free_ char *location = NULL;
	const char *href = NULL;

	if (json_get_string(result, "href", &href, NULL) == 1)
		location = xasprintf("Location: %s%s\r\n", x->origin, href);
	rest_answer(x->conn, 201, location ? location : "", rest_call_shown(x, result));
}

static void
answer_object(struct exchange *x, struct json_object *result)
{
	const char *view = httpd_query_get(&x->query, "view");
	bool is_view = view && *view && api_field_find(api_methods[x->method].params, "view");
	_cleanup_free_ char *type = is_view ? api_rest_view_type(view) : NULL;

	rest_answer_as(x->conn, 200, type ? type : "application/json", "", rest_call_shown(x, result));
}

/* A result that is a text. */
static void
answer_text(struct exchange *x, struct json_object *result)
{
	const char *type = "";
	struct json_object *text = json_path(result, "text");
	struct buf body = BUF_INIT;

	json_get_string(result, "contentType", &type, NULL);
	buf_add(&body, json_object_get_string(text), (size_t)json_object_get_string_len(text));
	rest_answer_text(x->conn, type, &body);
}

static void
answer_forecast(struct exchange *x, struct json_object *result)
{
	struct buf body = BUF_INIT;

	forecast_page(result, &body);
	rest_page_answer(x->conn, "text/html; charset=utf-8", &body);
}

static void
answer_result(struct exchange *x, struct json_object *result)
{
	struct buf nothing = BUF_INIT;

	if (x->is_for_browser) {
		answer_forecast(x, result);
		return;
	}
	if (api_methods[x->method].flags & API_PLAIN_TEXT) {
		answer_text(x, result);
		return;
	}
	if (json_object_object_get_ex(result, "dryRun", NULL)) {
		rest_answer(x->conn, 200, "", rest_call_shown(x, result)); /* nothing was created or deleted */
		return;
	}
	switch (api_methods[x->method].verb) {
	case API_CREATE:
		answer_created(x, result);
		return;
	case API_LIST_ALL:
		rest_answer(x->conn, 200, "",
			rest_collection(&api_resources[api_methods[x->method].resource], x->origin, &x->query, result));
		return;
	case API_DELETE:
		httpd_conn_answer(x->conn, 204, "", &nothing);
		return;
	case API_GET:
		answer_object(x, result);
		return;
	case API_UPDATE:
	case API_CALL:
		rest_answer(x->conn, 200, "", rest_call_shown(x, result));
		return;
	}
}

static void
rest_call_call_done(struct json_object *result, const struct error *err, void *arg)
{
	struct exchange *x = arg;

	if (err)
		rest_refuse(x->service, x->conn, 0, err);
	else
		answer_result(x, result);
	json_object_put(result);
	httpd_query_clear(&x->query);
	free(x->origin);
	free(x);
}

/* --- requests --- */

/* Only a host that is valid in a URL, because it is returned in links. Owned by the caller. */
static char *
origin_of(const struct httpd_head *head, bool is_tls)
{
	if (head->host.len == 0 || head->host.len > HOST_MAX)
		return xstrdup("");
	for (size_t i = 0; i < head->host.len; i++)
		if (!isalnum((unsigned char)head->host.data[i]) && !strchr(".-:[]", head->host.data[i]))
			return xstrdup("");
	return xasprintf("http%s://%.*s", is_tls ? "s" : "", (int)head->host.len, head->host.data);
}

/* Return: 0, or the status to refuse with. */
static int
route(const struct httpd_head *head, struct strlist *segments, enum api_method_id *ret, struct buf *ret_allow,
	struct error *err)
{
	_cleanup_free_ char *http = xstrndup(head->method.data, head->method.len);
	int found;

	if (httpd_path_split(head->path, segments, err) < 0)
		return 404;
	found = api_rest_find(strcmp(http, "HEAD") == 0 ? "GET" : http, segments, ret, ret_allow);
	if (found > 0)
		return 0;
	if (found == 0) {
		error_set(err, ERROR_INVALID, "%.*s only supports %s", (int)head->path.len, head->path.data,
			buf_str(ret_allow));
		return 405;
	}
	error_set(err, ERROR_NOT_FOUND, "unknown path");
	return 404;
}

static void
rest_call_refuse_method(struct service *service, struct httpd_conn *conn, const char *allow, const struct error *err)
{
	_cleanup_free_ char *field = xasprintf("Allow: %s\r\n", allow);

	rest_refuse_with(service, conn, 405, field, err);
}

/* Return: 0, or the status to refuse with. */
static int
rest_call_read_params(struct exchange *x, const struct httpd_head *head, const struct strlist *segments,
	const char *body, struct json_object **params, struct error *err)
{
	const struct api_method *method = &api_methods[x->method];
	struct api_rest rest;

	api_rest_of(x->method, &rest);
	if (httpd_query_split(head->query, &x->query, err) < 0)
		return 400;
	if (strcmp(rest.http, "POST") == 0 || strcmp(rest.http, "PATCH") == 0) {
		if (head->body_len && head->content_type.data &&
			!httpd_text_is(head->content_type, "application/json")) {
			error_set(err, ERROR_INVALID,
				"the body must be of the type application/json: with curl, add -H 'Content-Type: "
				"application/json', or write --json in place of -d");
			return 415;
		}
		if (params_from_body(x->service, x->method, head, body, params, err) < 0)
			return 400;
	}
	if (method->verb != API_CALL || strcmp(rest.http, "GET") == 0)
		params_from_query(method, &x->query, *params);
	params_from_accept(method, head, *params);
	params_by_rest(method, *params);
	if (rest.has_ref)
		json_add_string(*params, "ref", segments->items[1]);
	return 0;
}

static void
call_method(struct service *service, struct httpd_conn *conn, const struct peer *peer, enum api_method_id id,
	const struct strlist *segments, bool is_tls, const struct httpd_head *head, const char *body)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *params = json_object_new_object();
	struct exchange *x = xcalloc(1, sizeof(*x));
	struct peer caller = *peer; /* borrows its scope */
	int refused;

	x->service = service;
	x->conn = conn;
	x->method = id;
	refused = rest_call_read_params(x, head, segments, body, &params, &err);
	if (refused) {
		rest_refuse(service, conn, refused, &err);
		httpd_query_clear(&x->query);
		free(x);
		return;
	}
	if (id == RPC_EVENT_LIST && rest_events_is_asked(head)) {
		rest_events(service, conn, peer, params);
		httpd_query_clear(&x->query);
		free(x);
		return;
	}
	x->origin = origin_of(head, is_tls);
	x->is_for_browser = id == RPC_SERVER_FORECAST && service->conf->has_rest_page &&
			    httpd_text_has(head->accept, "text/html");
	caller.show = rest_object;
	service_call(service, &caller, id, params, rest_call_call_done, x);
}

static bool
is_reading(const struct httpd_head *head)
{
	return httpd_text_is(head->method, "GET") || httpd_text_is(head->method, "HEAD");
}

/* For load balancers: that certd answers, and nothing else. */
static void
rest_call_healthy(struct httpd_conn *conn)
{
	struct buf text = BUF_INIT;

	buf_add_str(&text, "ok\n");
	httpd_conn_answer(conn, 200, "Content-Type: text/plain\r\nCache-Control: no-store\r\n", &text);
}

int
rest_call(struct service *service, struct httpd_conn *conn, const struct peer *peer, const struct rest_from *from,
	const struct httpd_head *head, const char *body)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_strlist_ struct strlist segments = STRLIST_INIT;
	_cleanup_buf_ struct buf allow = BUF_INIT;
	enum api_method_id id;
	int refused;

	if (head->status != 200) {
		error_set(&err, ERROR_PROTOCOL, "%s", head->why);
		rest_refuse(service, conn, head->status, &err);
		return 0;
	}
	if (httpd_text_is(head->path, "/healthz") && is_reading(head)) {
		rest_call_healthy(conn);
		return 0;
	}
	if (httpd_text_is(head->path, "/openapi.json") && is_reading(head)) {
		rest_answer(conn, 200, "", api_openapi());
		return 0;
	}
	if (service->conf->has_rest_page && is_reading(head) && rest_page(conn, head, from->needs_token))
		return 0;
	if (!peer) {
		error_set(&err, ERROR_DENIED, "Unauthorized, wrong or no api key provided to process this request");
		rest_refuse(service, conn, 401, &err);
		return -1;
	}
	refused = route(head, &segments, &id, &allow, &err);
	if (refused == 405)
		rest_call_refuse_method(service, conn, buf_str(&allow), &err);
	else if (refused)
		rest_refuse(service, conn, refused, &err);
	else
		call_method(service, conn, peer, id, &segments, from->is_tls, head, body);
	return 0;
}
