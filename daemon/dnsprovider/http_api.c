/*
 * The engine of the HTTP drivers: one call at a time, each started by one timer, so that a first call, a retry and a
 * poll differ only in the pause before them. All failures of a change are counted together. The deadline ends a change
 * whose API keeps answering without progress.
 */
#include "daemon/dnsprovider/http_api.h"

#include "common/api/dns_kinds.h"
#include "common/crypto/base64url.h"
#include "common/error.h"
#include "common/name.h"
#include "common/printable.h"
#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/http_url.h"
#include "daemon/base/loop.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEFAULT_TIMEOUT_SEC = 120,
	LIST_TIMEOUT_MS = 5000, /* an operator waits for it */
	DEFAULT_TTL = 60,
	MAX_FAILURES = 4,
	FIRST_PAUSE_MS = 1000,    /* doubles with each failure */
	MAX_PAUSE_MS = 30 * 1000, /* a longer Retry-After is left to the schedule */
	FIRST_POLL_MS = 250,      /* doubles with each poll, up to: */
	MAX_POLL_MS = 8 * 1000,
	MAX_PAGES = 200,
	TOKEN_MARGIN_SEC = 30, /* a token that expires sooner is not used any more */
	MAX_REASON = 200,      /* of the API's text in our messages */
	MAX_ID = 64,
};

struct call {
	const char *method;
	char *path; /* after the endpoint */
	struct http_api_body body;
	http_api_fn *then; /* NULL: the task starts (again) */
};

struct pages {
	char *path;
	http_api_item_fn *item;
	http_api_fn *end;
	int count;      /* requested so far */
	char *position; /* of the next page: a cursor, or the path of a Link; NULL: none */
};

struct dnsprovider_op {
	struct http_api_task task; /* first: handlers cast it to the operation */
	const struct http_api *api;
	struct dnsprovider_env env;
	struct dnsprovider provider; /* a copy: the original may be changed or deleted meanwhile */
	char *endpoint;
	char *known_zone;                 /* what DNS says; or NULL */
	struct strlist zones;             /* of a list, so far */
	dnsprovider_done_fn *done;        /* of a change */
	dnsprovider_zones_fn *zones_done; /* of a list */
	void *arg;
	struct loop_timer timer;
	struct loop_timer deadline;
	void *handle; /* of the running call */
	struct call call;
	struct call deferred; /* the call that waits for a token */
	struct pages pages;
	struct secret token; /* received in exchange for the credentials */
	int64_t token_until;
	bool is_login; /* a token is being requested */
	bool is_asked; /* by the current handler */
	int64_t pause_ms;
	int64_t poll_ms;
	int failures;
	char *waits_for; /* or NULL */
};

static struct dnsprovider_op *
op_of(const struct http_api_task *task)
{
	return (struct dnsprovider_op *)(uintptr_t)task;
}

/* --- what answers say --- */

const char *
http_api_text(struct json_object *object, const char *path)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	strlist_split(&names, path, '.');
	for (size_t i = 0; i < names.count; i++) {
		struct json_object *inner = NULL;

		if (json_object_is_type(object, json_type_array))
			inner = json_object_array_get_idx(object, strtoul(names.items[i], NULL, 10));
		else if (json_object_is_type(object, json_type_object))
			json_object_object_get_ex(object, names.items[i], &inner);
		object = inner;
	}
	return json_object_is_type(object, json_type_string) || json_object_is_type(object, json_type_int)
		       ? json_object_get_string(object)
		       : "";
}

const char *
http_api_id(struct json_object *object, const char *path, struct error *err)
{
	const char *id = http_api_text(object, path);
	size_t len = strlen(id);

	if (len <= MAX_ID && base64url_is_text(id, len))
		return id;
	error_set(err, ERROR_PROTOCOL, "an item in its answer has no id");
	return NULL;
}

int
http_api_take_found(struct http_api_task *task, struct json_object *item, struct error *err)
{
	const char *id = http_api_id(item, "id", err);

	if (!id)
		return -1;
	strlist_add(&task->found, id);
	return 0;
}

char *
http_api_relative_name(const struct http_api_task *task)
{
	size_t len = strlen(task->name) - strlen(task->zone);

	return xstrndup(task->name, len ? len - 1 : 0);
}

bool
http_api_same_text(const char *content, const char *value)
{
	size_t len = strlen(value);

	if (*content != '"')
		return strcmp(content, value) == 0;
	return strncmp(content + 1, value, len) == 0 && strcmp(content + 1 + len, "\"") == 0;
}

static int
http_api_check_endpoint(const char *endpoint, struct error *err)
{
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };

	if (http_url_parse(endpoint, &url, NULL) < 0 || url.has_user || strpbrk(endpoint, "?#"))
		return error_set_field(err, "endpoint", "'%s' is not https://HOST[:PORT][/PATH]", endpoint);
	if (strcmp(url.scheme, "http") == 0 && !http_url_is_loopback(&url))
		return error_set_field(err, "endpoint",
			"'%s' would send the token unencrypted: plain http is only allowed on loopback", endpoint);
	return 0;
}

static int
http_api_check_token(const struct secret *token, struct error *err)
{
	for (size_t i = 0; i < token->len; i++)
		if (token->data[i] <= ' ' || token->data[i] >= 0x7f)
			return error_set_field(
				err, "token", "contains a blank or another character that is not allowed in a token");
	return 0;
}

int
http_api_check(const struct dnsprovider *d, struct error *err)
{
	const struct setting *token = setting_find(&d->secrets, "token");
	const char *endpoint = setting_text(&d->settings, "endpoint");

	if (token && http_api_check_token(&token->secret, err) < 0)
		return -1;
	return endpoint ? http_api_check_endpoint(endpoint, err) : 0;
}

/* --- credentials --- */

const char *
http_api_setting(const struct http_api_task *task, const char *name)
{
	return setting_text(&op_of(task)->provider.settings, name);
}

const struct secret *
http_api_secret(const struct http_api_task *task, const char *name)
{
	const struct setting *setting = setting_find(&op_of(task)->provider.secrets, name);

	return setting ? &setting->secret : NULL;
}

const struct secret *
http_api_token(const struct http_api_task *task)
{
	return op_of(task)->token.len ? &op_of(task)->token : NULL;
}

int64_t
http_api_now(const struct http_api_task *task)
{
	return clock_wall(loop_clock(op_of(task)->env.loop));
}

void
http_api_add_header(struct http_request *req, const char *prefix, const struct secret *secret)
{
	strlist_take(&req->headers,
		xasprintf("%s%.*s", prefix, secret ? (int)secret->len : 0, secret ? (const char *)secret->data : ""));
}

void
http_api_add_basic(struct http_request *req, const char *user, const struct secret *password)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	_cleanup_secret_ struct secret encoded = SECRET_INIT;
	size_t user_len = strlen(user);

	secret_alloc(&plain, user_len + 1 + password->len);
	memcpy(plain.data, user, user_len);
	plain.data[user_len] = ':';
	memcpy(plain.data + user_len + 1, password->data, password->len);
	secret_alloc(&encoded, (plain.len + 2) / 3 * 4 + 1);
	EVP_EncodeBlock(encoded.data, plain.data, (int)plain.len);
	encoded.len--; /* without NUL */
	http_api_add_header(req, "Authorization: Basic ", &encoded);
	encoded.len++;
}

int
http_api_bearer(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	http_api_add_header(req, "Authorization: Bearer ", http_api_secret(task, "token"));
	return 0;
}

void
http_api_keep_token(struct http_api_task *task, const char *token, int64_t lifetime_sec)
{
	struct dnsprovider_op *op = op_of(task);

	secret_set(&op->token, token, strlen(token));
	op->token_until = http_api_now(task) + lifetime_sec;
}

/* --- bodies --- */

struct http_api_body
http_api_json(struct json_object *object)
{
	struct buf text = BUF_INIT;

	json_write(object, &text);
	json_object_put(object);
	return (struct http_api_body){ "application/json", buf_steal(&text) };
}

/* RFC 3986 s2.3 */
static void
add_encoded(struct buf *ret, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++)
		buf_printf(ret, strchr(plain, *text) ? "%c" : "%%%02X", (unsigned char)*text);
}

struct http_api_body
http_api_form(const char *name, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, name);
	for (; name; name = va_arg(ap, const char *)) {
		buf_add_str(&text, text.len ? "&" : "");
		add_encoded(&text, name);
		buf_add_char(&text, '=');
		add_encoded(&text, va_arg(ap, const char *));
	}
	va_end(ap);
	return (struct http_api_body){ "application/x-www-form-urlencoded", buf_steal(&text) };
}

struct http_api_body
http_api_xml(char *document)
{
	return (struct http_api_body){ "application/xml", document };
}

/* --- one task --- */

static void
body_clear(struct http_api_body *body)
{
	if (body->text)
		OPENSSL_cleanse(body->text, strlen(body->text)); /* a login contains a secret */
	free(body->text);
	*body = HTTP_API_NO_BODY;
}

static void
call_clear(struct call *call)
{
	free(call->path);
	body_clear(&call->body);
	*call = (struct call){ .then = NULL };
}

/* The task starts (again). */
static void
http_api_reset(struct dnsprovider_op *op)
{
	call_clear(&op->call);
	call_clear(&op->deferred);
	op->is_login = false;
	str_replace(&op->task.zone, NULL);
	str_replace(&op->task.zone_id, NULL);
	strlist_clear(&op->task.found);
	strlist_clear(&op->zones);
}

static void
http_api_op_free(struct dnsprovider_op *op)
{
	loop_timer_cancel(&op->timer);
	loop_timer_cancel(&op->deadline);
	http_cancel(op->env.http, op->handle);
	http_api_reset(op);
	dnsprovider_clear(&op->provider);
	secret_clear(&op->token);
	free(op->task.name);
	free(op->task.value);
	free(op->endpoint);
	free(op->known_zone);
	free(op->pages.path);
	free(op->pages.position);
	free(op->waits_for);
	free(op);
}

static void
http_api_finish(struct dnsprovider_op *op, struct error *err)
{
	if (err)
		error_wrap(err, "%s", op->api->name);
	if (op->zones_done)
		op->zones_done(err ? NULL : &op->zones, err, op->arg);
	else
		op->done(err, op->arg);
	http_api_op_free(op);
}

/* The token has arrived: the call that waited for it is next. */
static int
http_api_end_login(struct dnsprovider_op *op, struct error *err)
{
	if (!op->token.len)
		return error_set(err, ERROR_DENIED, "its answer contains no token");
	call_clear(&op->call);
	op->call = op->deferred;
	op->deferred = (struct call){ .then = NULL };
	op->is_login = false;
	op->is_asked = true;
	op->pause_ms = 0;
	return 0;
}

/* @handler decides the next step; @op may be gone afterwards. */
static void
handle(struct dnsprovider_op *op, http_api_fn *handler, struct json_object *answer)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc;

	op->is_asked = false;
	rc = handler(&op->task, answer, &err);
	if (rc == 0 && !op->is_asked && op->is_login)
		rc = http_api_end_login(op, &err);
	if (rc < 0)
		http_api_finish(op, &err);
	else if (!op->is_asked)
		http_api_finish(op, NULL);
	else
		loop_timer_set(&op->timer, op->pause_ms);
}

void
http_api_send(struct http_api_task *task, const char *method, struct http_api_body body, http_api_fn *then,
	const char *path, ...)
{
	struct dnsprovider_op *op = op_of(task);
	struct call call = { .method = method, .body = body, .then = then };
	va_list ap;

	va_start(ap, path);
	call.path = xvasprintf(path, ap);
	va_end(ap);
	call_clear(&op->call);
	op->call = call;
	op->is_asked = true;
	op->pause_ms = 0;
	op->poll_ms = FIRST_POLL_MS;
	str_replace(&op->waits_for, NULL);
}

void
http_api_poll(struct http_api_task *task, const char *why)
{
	struct dnsprovider_op *op = op_of(task);

	op->is_asked = true;
	op->pause_ms = op->poll_ms;
	op->poll_ms = op->poll_ms * 2 < MAX_POLL_MS ? op->poll_ms * 2 : MAX_POLL_MS;
	str_replace(&op->waits_for, why);
}

int
http_api_end(struct http_api_task *task _unused_, struct json_object *answer _unused_, struct error *err _unused_)
{
	return 0;
}

static int
delete_next(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	struct dnsprovider_op *op = op_of(task);
	_cleanup_free_ char *id = NULL;

	if (!task->found.count)
		return 0;
	id = task->found.items[--task->found.count];
	http_api_send(task, "DELETE", HTTP_API_NO_BODY, delete_next, "%s%s", op->pages.path, id);
	return 0;
}

void
http_api_delete_found(struct http_api_task *task, const char *path, ...)
{
	struct dnsprovider_op *op = op_of(task);
	va_list ap;

	va_start(ap, path);
	free(op->pages.path);
	op->pages.path = xvasprintf(path, ap);
	va_end(ap);
	delete_next(task, NULL, NULL);
}

/* --- lists --- */

static int
on_page(struct http_api_task *task, struct json_object *answer, struct error *err);

/* The position of the next page as text; NULL: the API needs none. Owned by the caller. */
static char *
page_position(const struct dnsprovider_op *op)
{
	const struct http_api_paging *paging = &op->api->paging;
	struct buf cursor = BUF_INIT;

	if (paging->kind == HTTP_API_OFFSET)
		return xasprintf("%d", op->pages.count * paging->size);
	if (paging->kind == HTTP_API_NUMBER)
		return xasprintf("%d", op->pages.count + 1);
	if (paging->kind != HTTP_API_CURSOR || !op->pages.position)
		return NULL;
	add_encoded(&cursor, op->pages.position);
	return buf_steal(&cursor);
}

static void
ask_page(struct dnsprovider_op *op)
{
	const struct http_api_paging *paging = &op->api->paging;
	_cleanup_free_ char *position = page_position(op);
	_cleanup_buf_ struct buf path = BUF_INIT;
	bool is_linked = paging->kind == HTTP_API_LINK && op->pages.position;

	buf_add_str(&path, is_linked ? op->pages.position : op->pages.path);
	if (position)
		buf_printf(&path, "%c%s=%s", strchr(buf_str(&path), '?') ? '&' : '?', paging->position, position);
	if (paging->size_name && !is_linked)
		buf_printf(&path, "%c%s=%d", strchr(buf_str(&path), '?') ? '&' : '?', paging->size_name, paging->size);
	op->pages.count++;
	str_replace(&op->pages.position, NULL);
	http_api_send(&op->task, "GET", HTTP_API_NO_BODY, on_page, "%s", buf_str(&path));
}

/*
 * The path of the next page if @links (Link headers) contain one within the same API; otherwise NULL. Owned by the
 * caller.
 */
static char *
linked_page(const struct dnsprovider_op *op, const struct strlist *links)
{
	size_t len = strlen(op->endpoint);

	for (size_t i = 0; i < links->count; i++) {
		for (const char *at = links->items[i]; (at = strchr(at, '<'));) {
			const char *url = at + 1;
			const char *end = strchr(url, '>');
			size_t rest = end ? strcspn(end, ",<") : 0;
			_cleanup_free_ char *params = xstrndup(end ? end : "", rest);

			if (!end)
				break;
			at = end + rest;
			if (strstr(params, "rel=\"next\"") && strncmp(url, op->endpoint, len) == 0 && url[len] == '/')
				return xstrndup(url + len, (size_t)(end - url) - len);
		}
	}
	return NULL;
}

static bool
is_last_page(struct dnsprovider_op *op, struct json_object *answer, size_t count)
{
	const struct http_api_paging *paging = &op->api->paging;

	switch (paging->kind) {
	case HTTP_API_ONE_PAGE:
		return true;
	case HTTP_API_OFFSET:
	case HTTP_API_NUMBER:
		return count < (size_t)paging->size;
	case HTTP_API_CURSOR:
		str_replace(&op->pages.position, http_api_text(answer, paging->cursor));
		return !*op->pages.position;
	case HTTP_API_LINK:
		return !op->pages.position; /* http_api_on_answer() */
	}
	return true;
}

static int
on_page(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct dnsprovider_op *op = op_of(task);
	const char *member = op->api->paging.items;
	struct json_object *items = member ? NULL : answer;

	if (member && json_object_is_type(answer, json_type_object))
		json_object_object_get_ex(answer, member, &items);
	if (!json_object_is_type(items, json_type_array))
		return error_set(err, ERROR_PROTOCOL, "its answer is not a list");
	for (size_t i = 0; i < json_object_array_length(items); i++)
		if (op->pages.item(task, json_object_array_get_idx(items, i), err) < 0)
			return -1;
	if (is_last_page(op, answer, json_object_array_length(items)))
		return op->pages.end(task, NULL, err);
	if (op->pages.count >= MAX_PAGES)
		return error_set(err, ERROR_LIMIT, "its list has more than %d pages", MAX_PAGES);
	ask_page(op);
	return 0;
}

void
http_api_list(struct http_api_task *task, http_api_item_fn *item, http_api_fn *end, const char *path, ...)
{
	struct dnsprovider_op *op = op_of(task);
	struct pages pages = { .item = item, .end = end };
	va_list ap;

	va_start(ap, path);
	pages.path = xvasprintf(path, ap);
	va_end(ap);
	free(op->pages.path);
	free(op->pages.position);
	op->pages = pages;
	ask_page(op);
}

/* --- the zone --- */

/* Without its final dot; owned by the caller. */
static char *
zone_name(const struct dnsprovider_op *op, struct json_object *item)
{
	const char *name = http_api_text(item, op->api->zones.name);
	size_t len = strlen(name);

	return xstrndup(name, len && name[len - 1] == '.' ? len - 1 : len);
}

static int
note_zone(struct http_api_task *task, struct json_object *item, struct error *err _unused_)
{
	struct dnsprovider_op *op = op_of(task);
	_cleanup_free_ char *zone = zone_name(op, item);
	char *name = NULL;

	if (name_canonical(zone, false, &name, NULL) == 0)
		strlist_take(&op->zones, name);
	return 0;
}

/*
 * The zone found by DNS, if any: resolvers do not query a longer one that is not delegated. Otherwise the longest zone
 * that contains the name.
 */
static int
take_zone(struct http_api_task *task, struct json_object *item, struct error *err)
{
	struct dnsprovider_op *op = op_of(task);
	_cleanup_free_ char *zone = zone_name(op, item);
	const char *id = NULL;

	if (op->known_zone ? strcasecmp(zone, op->known_zone) != 0 : !*zone || !name_in_zone(task->name, zone))
		return 0;
	if (task->zone && strlen(zone) <= strlen(task->zone))
		return 0;
	if (op->api->zones.id && !(id = http_api_id(item, op->api->zones.id, err)))
		return -1;
	str_replace(&task->zone, zone);
	str_replace(&task->zone_id, id);
	return 0;
}

static int
http_api_on_zones(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct dnsprovider_op *op = op_of(task);

	if (task->zone)
		return op->api->change(task, answer, err);
	return error_set(err, ERROR_DNS, "the account has no zone '%s'", op->known_zone ? op->known_zone : task->name);
}

/* The text that all candidate zones contain: the zone itself, or the last two labels. "": any. */
static const char *
zone_filter(const struct dnsprovider_op *op)
{
	const char *name = op->task.name;
	const char *start = name + strlen(name);

	if (op->known_zone || op->api->zones.is_exact)
		return op->known_zone ? op->known_zone : "";
	for (int dots = 0; start > name; start--) {
		dots += start[-1] == '.';
		if (dots == 2)
			break;
	}
	return start;
}

static void
find_zone(struct dnsprovider_op *op)
{
	const struct http_api_zones *zones = &op->api->zones;
	const char *filter = zones->filter && !op->zones_done ? zone_filter(op) : "";

	if (op->zones_done)
		http_api_list(&op->task, note_zone, http_api_end, "%s", zones->path);
	else if (!*filter)
		http_api_list(&op->task, take_zone, http_api_on_zones, "%s", zones->path);
	else
		http_api_list(&op->task, take_zone, http_api_on_zones, "%s?%s=%s%s", zones->path, zones->filter, filter,
			zones->is_absolute ? "." : "");
}

static int
http_api_begin(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	find_zone(op_of(task));
	return 0;
}

/* --- calls --- */

/* Text from outside as part of a line. Owned by the caller. */
static char *
reason_of(const struct http_api *api, struct json_object *body, const struct http_response *res)
{
	bool is_text = !body && res->content_type && strncmp(res->content_type, "text/plain", 10) == 0;
	const char *text = body ? http_api_text(body, api->reason) : is_text ? res->body.data : NULL;

	return printable_line(text ? text : "", text ? strlen(text) : 0, MAX_REASON);
}

static void
http_api_refused(
	const struct dnsprovider_op *op, const struct http_response *res, struct json_object *body, struct error *err)
{
	_cleanup_free_ char *reason = reason_of(op->api, body, res);
	const char *colon = *reason ? ": " : "";

	if (res->status == 401 || res->status == 403) {
		error_set(err, ERROR_DENIED,
			"the token is refused (HTTP %d%s%s); replace it with --token-file (see: certctl set "
			"dns --help)",
			res->status, colon, reason);
		return;
	}
	error_set(err, res->status == 429 ? ERROR_RATE_LIMITED : ERROR_DNS, "%s %s: HTTP %d%s%s", op->call.method,
		op->call.path, res->status, colon, reason);
	err->may_retry = res->status == 429 || res->status >= 500;
	err->retry_at = retry_after(res->retry_after_sec, http_api_now(&op->task));
}

/* Return: the body; NULL with @err set: refused or unreadable; NULL without @err: empty. */
static struct json_object *
http_api_read_answer(const struct dnsprovider_op *op, struct http_response *res, struct error *err)
{
	bool is_good = res->status >= 200 && res->status < 300;
	bool is_gone = res->status == 404 && strcmp(op->call.method, "DELETE") == 0;
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *ret = NULL;

	if (is_gone || (is_good && !res->body.len))
		return NULL;
	body = json_parse(buf_str(&res->body), res->body.len, err);
	if (!is_good) {
		error_clear(err);
		http_api_refused(op, res, body, err);
	} else if (!body) {
		error_wrap(err, "%s %s", op->call.method, op->call.path);
	} else {
		ret = json_object_get(body);
	}
	return ret;
}

/* Does repeating it have another effect than sending it once? */
static bool
counts_twice(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0;
}

/* Is the last call to be repeated after its failure? */
static bool
http_api_try_again(struct dnsprovider_op *op, const struct error *failure, bool is_known_undone)
{
	int64_t pause_ms = (int64_t)FIRST_PAUSE_MS << op->failures;
	int64_t asked_ms = failure->retry_at ? failure->retry_at * 1000 - clock_wall_ms(loop_clock(op->env.loop)) : 0;

	if (pause_ms < asked_ms)
		pause_ms = asked_ms;
	if (!failure->may_retry || ++op->failures > MAX_FAILURES || pause_ms > MAX_PAUSE_MS)
		return false;
	if (!is_known_undone && counts_twice(op->call.method))
		http_api_reset(op);
	loop_timer_set(&op->timer, pause_ms);
	return true;
}

static void
http_api_on_answer(struct http_response *res, const struct error *err, void *arg)
{
	struct dnsprovider_op *op = arg;
	_cleanup_error_ struct error failure = ERROR_INIT;
	_cleanup_json_ struct json_object *answer = NULL;

	op->handle = NULL;
	if (err) {
		error_copy(&failure, err);
		failure.may_retry = err->code != ERROR_TLS && err->code != ERROR_LIMIT;
	} else {
		answer = http_api_read_answer(op, res, &failure);
	}
	if (!error_is_set(&failure)) {
		if (op->call.then == on_page && op->api->paging.kind == HTTP_API_LINK) {
			free(op->pages.position);
			op->pages.position = linked_page(op, &res->links);
		}
		handle(op, op->call.then, answer);
	} else if (!http_api_try_again(op, &failure, res && res->status == 429)) {
		http_api_finish(op, &failure);
	}
}

static void
transmit(struct dnsprovider_op *op)
{
	_cleanup_free_ char *url = xasprintf("%s%s", op->endpoint, op->call.path);
	_cleanup_error_ struct error err = ERROR_INIT;
	struct http_request req = {
		.method = op->call.method,
		.url = url,
		.content_type = op->call.body.type,
		.accept = "application/json",
		.headers = STRLIST_INIT,
		.body = op->call.body.text,
		.body_len = op->call.body.text ? strlen(op->call.body.text) : 0,
		.may_use_http = strncmp(op->endpoint, "http:", strlen("http:")) == 0, /* loopback: http_api_check() */
		.is_sent_once = counts_twice(op->call.method),
	};
	int rc = op->api->auth(&op->task, &req, &err);

	if (rc == 0)
		op->handle = http_send(op->env.http, &req, http_api_on_answer, op);
	for (size_t i = 0; i < req.headers.count; i++)
		OPENSSL_cleanse(req.headers.items[i], strlen(req.headers.items[i]));
	strlist_clear(&req.headers);
	if (rc < 0)
		http_api_finish(op, &err);
}

/* The current call needs a token, and there is none that is valid long enough. */
static void
begin_login(struct dnsprovider_op *op)
{
	op->deferred = op->call;
	op->call = (struct call){ .then = NULL };
	op->is_login = true;
	secret_clear(&op->token);
	handle(op, op->api->login, NULL);
}

static void
http_api_on_timer(void *arg)
{
	struct dnsprovider_op *op = arg;
	bool has_token = op->token.len && http_api_now(&op->task) + TOKEN_MARGIN_SEC < op->token_until;

	if (!op->call.then)
		handle(op, http_api_begin, NULL);
	else if (op->api->login && !op->is_login && !has_token)
		begin_login(op);
	else
		transmit(op);
}

static void
http_api_on_deadline(void *arg)
{
	struct dnsprovider_op *op = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_TIMEOUT, "timed out%s: %s", op->zones_done ? "" : " (propagationTimeout)",
		op->waits_for ? op->waits_for : "the API is too slow");
	err.may_retry = true;
	http_api_finish(op, &err);
}

static char *
endpoint_of(const struct dnsprovider *d)
{
	const char *own = setting_text(&d->settings, "endpoint");
	const char *endpoint = own ? own : dns_kind_setting(dns_kind_find(d->kind), "endpoint")->fallback;
	size_t len = strlen(endpoint);

	return xstrndup(endpoint, endpoint[len - 1] == '/' ? len - 1 : len);
}

static struct dnsprovider_op *
op_new(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d, int64_t timeout_ms,
	void *arg)
{
	struct dnsprovider_op *op = xcalloc(1, sizeof(*op));

	op->task.ttl = d->ttl > 0 ? d->ttl : DEFAULT_TTL;
	op->api = api;
	op->env = *env;
	record_copy(&dnsprovider_class, &op->provider, d);
	op->endpoint = endpoint_of(d);
	op->arg = arg;
	loop_timer_init(&op->timer, env->loop, http_api_on_timer, op);
	loop_timer_init(&op->deadline, env->loop, http_api_on_deadline, op);
	loop_timer_set(&op->timer, 0);
	loop_timer_set(&op->deadline, timeout_ms);
	return op;
}

struct dnsprovider_op *
http_api_start(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d,
	bool is_removal, const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	int64_t timeout_sec = d->propagation_timeout > 0 ? d->propagation_timeout : DEFAULT_TIMEOUT_SEC;
	struct dnsprovider_op *op = op_new(api, env, d, timeout_sec * 1000, arg);

	op->done = done;
	op->known_zone = xstrdup_null(record->zone);
	op->task.is_removal = is_removal;
	op->task.name = xstrdup(record->name);
	op->task.value = xstrdup(record->value);
	return op;
}

struct dnsprovider_op *
http_api_change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool is_removal,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	return http_api_start(dnsprovider_driver(d->kind)->api, env, d, is_removal, record, done, arg);
}

struct dnsprovider_op *
http_api_list_zones(
	const struct dnsprovider_env *env, const struct dnsprovider *d, dnsprovider_zones_fn *done, void *arg)
{
	struct dnsprovider_op *op = op_new(dnsprovider_driver(d->kind)->api, env, d, LIST_TIMEOUT_MS, arg);

	op->zones_done = done;
	op->failures = MAX_FAILURES; /* a single attempt */
	return op;
}

void
http_api_cancel(struct dnsprovider_op *op)
{
	http_api_op_free(op);
}
