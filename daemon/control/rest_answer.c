/*
 * The formats that only IONOS has: errors with messages, Retry-After as a whole number, collections with links. The
 * members code, field and problem of a message are certd's own.
 */
#include "daemon/control/rest_answer.h"

#include "common/api/api_words.h"
#include "common/hash.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_SEC = 30 };

/* --- errors --- */

int
rest_status_of(const struct error *err)
{
	switch (err->code) {
	case ERROR_INVALID:
	case ERROR_USAGE:
	case ERROR_CONFIG:
		return 400;
	case ERROR_DENIED:
		return 403;
	case ERROR_LIMIT: /* a value is too large, or there is too much already; not 429, which clients repeat */
		return err->field ? 400 : 403;
	case ERROR_NOT_FOUND:
		return 404;
	case ERROR_EXISTS:
	case ERROR_IN_USE:
	case ERROR_STATE:
		return 409;
	case ERROR_RATE_LIMITED:
		return 429;
	case ERROR_UNAVAILABLE:
	case ERROR_NO_SPACE:
	case ERROR_NETWORK:
	case ERROR_TIMEOUT:
	case ERROR_DNS:
	case ERROR_CANCELLED:
		return 503;
	case ERROR_NONE:
	case ERROR_INTERNAL:
	case ERROR_IO:
	case ERROR_CORRUPT:
	case ERROR_TLS:
	case ERROR_PROTOCOL:
	case ERROR_CA:
	case ERROR_VALIDATION:
	case ERROR_HOOK:
	case ERROR_CODE_COUNT:
		break;
	}
	return 500;
}

static struct json_object *
error_to_json(int status, const struct error *err)
{
	struct json_object *json = json_object_new_object();
	struct json_object *messages = json_object_new_array();
	struct json_object *message = json_object_new_object();
	_cleanup_free_ char *text = api_words_for_rest(err->message ? err->message : "");
	_cleanup_free_ char *code = status == 401 ? xstrdup("paas-auth-1") : xasprintf("paas-general-%d", status);

	json_add_string(message, "errorCode", code);
	json_add_string(message, "message", text);
	json_add_string(message, "code", error_code_name(err->code));
	json_add_string(message, "field", err->field);
	json_add_string(message, "problem", err->problem);
	json_object_array_add(messages, message);
	json_add_int(json, "httpStatus", status);
	json_object_object_add(json, "messages", messages);
	return json;
}

static const char json_fields[] = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

/* The value of a property that was not declared: the first of the list that was declared instead, or its default. */
static const char *
value_without(const struct api_field *field, struct json_object *properties)
{
	struct json_object *list = field->first_of ? json_path(properties, field->first_of) : NULL;

	if (list && json_object_array_length(list))
		return json_object_get_string(json_object_array_get_idx(list, 0));
	return api_field_default(field);
}

/* Properties that were not declared but have a default among their values: IONOS's models require all enums. */
static void
add_defaults(const struct api_resource *resource, struct json_object *object)
{
	struct json_object *properties = NULL;

	if (json_get_object(object, "properties", &properties, NULL) != 1)
		return;
	for (const struct api_field *f = resource->properties; f->name; f++) {
		if (f->type == API_ENUM && !json_object_object_get_ex(properties, f->name, NULL))
			json_add_string(properties, f->name, value_without(f, properties));
	}
}

void
rest_object(const struct api_resource *resource, struct json_object *object)
{
	struct json_object *metadata = NULL;
	const char *message = NULL;

	if (resource->is_ionos)
		add_defaults(resource, object);
	if (json_get_object(object, "metadata", &metadata, NULL) == 1 &&
		json_get_string(metadata, "message", &message, NULL) == 1 && *message) {
		_cleanup_free_ char *text = api_words_for_rest(message);

		json_add_string(metadata, "message", text);
	}
}

void
rest_answer(struct httpd_conn *conn, int status, const char *more_fields, struct json_object *json)
{
	rest_answer_as(conn, status, "application/json", more_fields, json);
}

void
rest_answer_as(struct httpd_conn *conn, int status, const char *type, const char *more_fields, struct json_object *json)
{
	_cleanup_free_ char *fields = xasprintf("Content-Type: %s\r\n%s%s", type, json_fields, more_fields);
	struct buf body = BUF_INIT;

	json_write(json, &body);
	buf_add_char(&body, '\n');
	json_object_put(json);
	httpd_conn_answer(conn, status, fields, &body);
}

void
rest_answer_text(struct httpd_conn *conn, const char *type, struct buf *body)
{
	_cleanup_free_ char *fields = xasprintf("Content-Type: %s\r\n%s", type, json_fields);

	httpd_conn_answer(conn, 200, fields, body);
}

/* A whole number of seconds, as IONOS's SDKs require. */
static int64_t
rest_answer_retry_after(struct service *service, const struct error *err)
{
	int64_t now = clock_wall(loop_clock(service->loop));

	return err->retry_at > now ? err->retry_at - now : RETRY_SEC;
}

void
rest_refuse_with(
	struct service *service, struct httpd_conn *conn, int status, const char *more_fields, const struct error *err)
{
	_cleanup_buf_ struct buf fields = BUF_INIT;

	buf_add_str(&fields, more_fields);
	if (!status)
		status = rest_status_of(err);
	if (status == 429 || status == 503)
		buf_printf(&fields, "Retry-After: %lld\r\n", (long long)rest_answer_retry_after(service, err));
	if (status == 401)
		buf_add_str(&fields, "WWW-Authenticate: Bearer\r\n");
	rest_answer(conn, status, buf_str(&fields), error_to_json(status, err));
}

void
rest_refuse(struct service *service, struct httpd_conn *conn, int status, const struct error *err)
{
	rest_refuse_with(service, conn, status, "", err);
}

/* --- collections --- */

/* A UUID that is always the same for a text (RFC 9562 s5.8, our own layout): collections have an id too. */
static void
stable_id(const char *text, char ret[STORE_ID_SIZE])
{
	uint64_t h[2] = { HASH_FNV1A_BASIS, 1099511628211u };

	for (size_t i = 0; i < 2; i++) {
		h[i] = hash_fnv1a(h[i], text);
		h[i] ^= h[i] >> 29;
	}
	snprintf(ret, STORE_ID_SIZE, "%08x-%04x-5%03x-%04x-%012llx", (unsigned)(h[0] >> 32),
		(unsigned)(h[0] >> 16) & 0xffff, (unsigned)h[0] & 0xfff, ((unsigned)(h[1] >> 48) & 0x3fff) | 0x8000,
		(unsigned long long)h[1] & 0xffffffffffffu);
}

static void
add_escaped(struct buf *ret, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf_add_char(ret, *text);
		else
			buf_printf(ret, "%%%02X", (unsigned char)*text);
	}
}

/* Where in which list. */
struct place_in {
	const struct api_resource *resource;
	const char *origin;
	const struct httpd_query *query;
	int64_t offset, limit, total;
	int64_t count; /* of items on this page */
};

/* The same list at another offset, with the same filters. */
static void
add_link(const struct place_in *p, struct json_object *links, const char *name, int64_t offset)
{
	_cleanup_buf_ struct buf url = BUF_INIT;

	buf_printf(&url, "%s%s?offset=%lld&limit=%lld", p->origin, p->resource->collection, (long long)offset,
		(long long)p->limit);
	for (size_t i = 0; i < p->query->names.count; i++) {
		const char *key = p->query->names.items[i];

		if (strcmp(key, "offset") == 0 || strcmp(key, "limit") == 0)
			continue;
		buf_add_char(&url, '&');
		add_escaped(&url, key);
		buf_add_char(&url, '=');
		add_escaped(&url, p->query->values.items[i]);
	}
	json_add_string(links, name, buf_str(&url));
}

static struct json_object *
links_of(const struct place_in *p)
{
	struct json_object *links = json_object_new_object();

	if (p->offset > 0)
		add_link(p, links, "prev", p->offset > p->limit ? p->offset - p->limit : 0);
	add_link(p, links, "self", p->offset);
	if (p->count && p->offset + p->count < p->total)
		add_link(p, links, "next", p->offset + p->count);
	return links;
}

struct json_object *
rest_collection(const struct api_resource *resource, const char *origin, const struct httpd_query *query,
	struct json_object *result)
{
	struct place_in p = { .resource = resource, .origin = origin, .query = query };
	struct json_object *list = json_object_new_object();
	struct json_object *items = NULL;
	char id[STORE_ID_SIZE];

	json_get_int(result, "offset", 0, INT64_MAX, &p.offset, NULL);
	json_get_int(result, "limit", 0, INT64_MAX, &p.limit, NULL);
	json_get_int(result, "total", 0, INT64_MAX, &p.total, NULL);
	json_get_array(result, "items", &items, NULL);
	p.count = items ? (int64_t)json_object_array_length(items) : 0;
	stable_id(resource->collection, id);
	json_add_string(list, "id", id);
	json_add_string(list, "type", "collection");
	json_add_string(list, "href", resource->collection);
	for (size_t i = 0; i < (size_t)p.count; i++)
		rest_object(resource, json_object_array_get_idx(items, i));
	json_object_object_add(list, "items", json_object_get(items));
	json_add_int(list, "offset", p.offset);
	json_add_int(list, "limit", p.limit);
	json_object_object_add(list, "_links", links_of(&p));
	return list;
}
