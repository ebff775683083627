/*
 * The engine of the HTTP drivers: one call at a time, each started by the one timer, so that a first call, a retry and a
 * poll are the same thing with another pause. All failures of a change count together: neither a server that fails
 * every second call nor one that answers for ever keeps it alive, for the deadline ends it.
 */
#include "daemon/dnsprovider/http_api.h"

#include "common/error.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEFAULT_TIMEOUT_SEC = 120,
	LIST_TIMEOUT_MS = 5000, /* somebody waits for it at a terminal */
	DEFAULT_TTL = 60,
	MAX_FAILURES = 4,
	FIRST_PAUSE_MS = 1000,    /* doubles with each failure */
	MAX_PAUSE_MS = 30 * 1000, /* a longer Retry-After is for the schedule */
	FIRST_POLL_MS = 250,      /* doubles with each poll, up to: */
	MAX_POLL_MS = 8 * 1000,
	MAX_REASON = 200, /* of somebody else's words in our messages */
	MAX_ID = 64,
};

struct dnsprovider_op {
	struct http_api_task task; /* first: handlers know us by it */
	const struct http_api *api;
	struct dnsprovider_env env;
	char *provider; /* name, for messages */
	char *endpoint;
	struct secret token;
	dnsprovider_done_fn *done;        /* of a change */
	dnsprovider_zones_fn *zones_done; /* of a list */
	void *arg;
	struct loop_timer timer;
	struct loop_timer deadline;
	void *handle; /* of the call under way */
	/* The call: */
	const char *method;
	char *path;
	struct buf body;
	http_api_fn *then; /* NULL: the task starts (over) */
	bool is_asked;     /* by the handler that runs at present */
	int64_t pause_ms;
	int64_t poll_ms;
	int failures;
	char *waits_for; /* or NULL */
};

static struct dnsprovider_op *
op_of(struct http_api_task *task)
{
	return (struct dnsprovider_op *)task;
}

bool
http_api_is_id(const char *id)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = id ? strlen(id) : 0;

	return len > 0 && len <= MAX_ID && strspn(id, alphabet) == len;
}

bool
http_api_same_text(const char *content, const char *value)
{
	size_t len = strlen(value);

	if (*content != '"')
		return strcmp(content, value) == 0;
	return strncmp(content + 1, value, len) == 0 && strcmp(content + 1 + len, "\"") == 0;
}

/* The host of "HOST[:PORT][/PATH]", brackets included; "" if there is none. Owned by the caller. */
static char *
endpoint_host(const char *authority)
{
	size_t len = *authority == '[' ? strcspn(authority, "]/") : strcspn(authority, ":/");

	len += authority[len] == ']';
	return xstrndup(
		authority, strchr(":/", authority[len]) ? len : 0); /* the final NUL counts as found */
}

static bool
is_loopback(const char *host)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0;
}

static const char *
after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static int
check_endpoint(const char *endpoint, struct error *err)
{
	const char *plain = after(endpoint, "http://");
	const char *authority = plain ? plain : after(endpoint, "https://");
	_cleanup_free_ char *host = endpoint_host(authority ? authority : "");

	for (const char *p = endpoint; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("@?#\\", *p))
			authority = NULL;
	if (!authority || !*host)
		return error_set_field(err, "endpoint", "'%s' is not https://HOST[:PORT][/PATH]", endpoint);
	if (plain && !is_loopback(host))
		return error_set_field(err, "endpoint",
			"'%s' would send the token unencrypted: plain http is for loopback only", endpoint);
	return 0;
}

static int
http_api_check_token(const struct secret *token, struct error *err)
{
	for (size_t i = 0; i < token->len; i++)
		if (token->data[i] <= ' ' || token->data[i] >= 0x7f)
			return error_set_field(
				err, "token", "has a blank or another character that no token has in it");
	return 0;
}

int
http_api_check(const struct dnsprovider *d, struct error *err)
{
	const struct setting *token = setting_find(&d->secrets, "token");
	const char *endpoint = setting_text(&d->settings, "endpoint");

	if (token && http_api_check_token(&token->secret, err) < 0)
		return -1;
	return endpoint ? check_endpoint(endpoint, err) : 0;
}

static void
clear_state(struct dnsprovider_op *op)
{
	op->api->clear(op->task.state);
	memset(op->task.state, 0, op->api->state_size);
}

static void
http_api_op_free(struct dnsprovider_op *op)
{
	loop_timer_cancel(&op->timer);
	loop_timer_cancel(&op->deadline);
	http_cancel(op->env.http, op->handle);
	clear_state(op);
	free(op->task.state);
	strlist_clear(&op->task.zones);
	free(op->task.zone);
	free(op->task.name);
	free(op->task.value);
	free(op->provider);
	free(op->endpoint);
	secret_clear(&op->token);
	free(op->path);
	buf_clear(&op->body);
	free(op->waits_for);
	free(op);
}

static void
http_api_finish(struct dnsprovider_op *op, struct error *err)
{
	if (err)
		error_wrap(err, "%s", op->api->name);
	if (op->zones_done)
		op->zones_done(err ? NULL : &op->task.zones, err, op->arg);
	else
		op->done(err, op->arg);
	http_api_op_free(op);
}

/* @handler decides what comes next; @op may be gone afterwards. */
static void
handle(struct dnsprovider_op *op, http_api_fn *handler, struct json_object *answer)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	op->is_asked = false;
	if (handler(&op->task, answer, &err) < 0)
		http_api_finish(op, &err);
	else if (!op->is_asked)
		http_api_finish(op, NULL);
	else
		loop_timer_set(&op->timer, op->pause_ms);
}

void
http_api_send(struct http_api_task *task, const char *method, struct json_object *body, http_api_fn *then,
	const char *path, ...)
{
	struct dnsprovider_op *op = op_of(task);
	va_list ap;

	va_start(ap, path);
	free(op->path);
	op->path = xvasprintf(path, ap);
	va_end(ap);
	buf_reset(&op->body);
	if (body)
		json_write(body, &op->body);
	json_object_put(body);
	op->method = method;
	op->then = then;
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

/* Somebody else's text, fit to be a part of a line. Owned by the caller. */
static char *
reason_of(const struct http_api *api, struct json_object *body)
{
	const char *text = body ? api->reason(body) : NULL;
	char *line = xstrndup(text ? text : "", text ? strnlen(text, MAX_REASON) : 0);

	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
			*p = ' ';
	return line;
}

static void
http_api_refused(const struct dnsprovider_op *op, const struct http_response *res, struct json_object *body,
	struct error *err)
{
	_cleanup_free_ char *reason = reason_of(op->api, body);
	const char *colon = *reason ? ": " : "";

	if (res->status == 401 || res->status == 403) {
		error_set(err, ERROR_DENIED,
			"the token is refused (HTTP %d%s%s): certctl set dns %s --token-file FILE gives "
			"another",
			res->status, colon, reason, op->provider);
		return;
	}
	error_set(err, res->status == 429 ? ERROR_RATE_LIMITED : ERROR_DNS, "%s %s: HTTP %d%s%s", op->method,
		op->path, res->status, colon, reason);
	err->retry = res->status == 429 || res->status >= 500;
	if (!res->retry_after || time_parse_retry_after(res->retry_after,
					 clock_wall(loop_clock(op->env.loop)), &err->retry_at) < 0)
		err->retry_at = 0;
}

/* Return: the body; NULL with @err set: refused or unreadable, without: empty. */
static struct json_object *
http_api_read_answer(const struct dnsprovider_op *op, struct http_response *res, struct error *err)
{
	bool is_good = res->status >= 200 && res->status < 300;
	bool is_gone = res->status == 404 && strcmp(op->method, "DELETE") == 0;
	_cleanup_json_ struct json_object *body = NULL;
	struct json_object *ret = NULL;

	if (is_gone || (is_good && !res->body.len))
		return NULL;
	body = json_parse(buf_str(&res->body), res->body.len, err);
	if (!is_good) {
		error_clear(err);
		http_api_refused(op, res, body, err);
	} else if (!body) {
		error_wrap(err, "%s %s", op->method, op->path);
	} else {
		ret = json_object_get(body);
	}
	return ret;
}

/* Does carrying it out twice differ from once? */
static bool
counts_twice(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0;
}

/* Does the last call's failure end nothing yet? It is repeated then. */
static bool
http_api_try_again(struct dnsprovider_op *op, const struct error *failure, bool is_known_undone)
{
	int64_t pause_ms = (int64_t)FIRST_PAUSE_MS << op->failures;
	int64_t asked_ms = failure->retry_at
				   ? failure->retry_at * 1000 - clock_wall_ms(loop_clock(op->env.loop))
				   : 0;

	if (pause_ms < asked_ms)
		pause_ms = asked_ms;
	if (!failure->retry || ++op->failures > MAX_FAILURES || pause_ms > MAX_PAUSE_MS)
		return false;
	if (!is_known_undone && counts_twice(op->method)) {
		clear_state(op);
		op->then = NULL;
	}
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
		failure.retry = err->code != ERROR_TLS && err->code != ERROR_LIMIT;
	} else {
		answer = http_api_read_answer(op, res, &failure);
	}
	if (!error_is_set(&failure))
		handle(op, op->then, answer);
	else if (!http_api_try_again(op, &failure, res && res->status == 429))
		http_api_finish(op, &failure);
}

static void
transmit(struct dnsprovider_op *op)
{
	_cleanup_free_ char *url = xasprintf("%s%s", op->endpoint, op->path);
	char *auth = xasprintf("%s%.*s", op->api->auth, (int)op->token.len, (const char *)op->token.data);
	struct http_request req = {
		.method = op->method,
		.url = url,
		.content_type = op->body.len ? "application/json" : NULL,
		.accept = "application/json",
		.headers = STRLIST_INIT,
		.body = op->body.data,
		.body_len = op->body.len,
		.allow_http = after(op->endpoint, "http://") != NULL, /* loopback: http_api_check() */
		.send_once = counts_twice(op->method),
	};

	strlist_take(&req.headers, auth);
	op->handle = http_send(op->env.http, &req, http_api_on_answer, op);
	OPENSSL_cleanse(auth, strlen(auth));
	strlist_clear(&req.headers);
}

static void
http_api_on_timer(void *arg)
{
	struct dnsprovider_op *op = arg;

	if (op->then)
		transmit(op);
	else
		handle(op, op->api->start, NULL);
}

static void
http_api_on_deadline(void *arg)
{
	struct dnsprovider_op *op = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_TIMEOUT, "not done in time%s: %s",
		op->zones_done ? "" : " (propagationTimeout)",
		op->waits_for ? op->waits_for : "the API is too slow");
	err.retry = true;
	http_api_finish(op, &err);
}

static struct dnsprovider_op *
op_new(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d,
	int64_t timeout_ms, void *arg)
{
	struct dnsprovider_op *op = xcalloc(1, sizeof(*op));
	const char *own = setting_text(&d->settings, "endpoint");
	const char *endpoint = own ? own : api->endpoint;
	size_t len = strlen(endpoint);

	op->task.ttl = d->ttl > 0 ? d->ttl : DEFAULT_TTL;
	op->task.state = xcalloc(1, api->state_size);
	op->api = api;
	op->env = *env;
	op->provider = xstrdup(d->o.name ? d->o.name : "NAME");
	op->endpoint = xstrndup(endpoint, endpoint[len - 1] == '/' ? len - 1 : len);
	secret_copy(&op->token, &setting_find(&d->secrets, "token")->secret);
	op->arg = arg;
	loop_timer_init(&op->timer, env->loop, http_api_on_timer, op);
	loop_timer_init(&op->deadline, env->loop, http_api_on_deadline, op);
	loop_timer_set(&op->timer, 0);
	loop_timer_set(&op->deadline, timeout_ms);
	return op;
}

struct dnsprovider_op *
http_api_start(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d,
	bool remove, const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	int64_t timeout_sec = d->propagation_timeout > 0 ? d->propagation_timeout : DEFAULT_TIMEOUT_SEC;
	struct dnsprovider_op *op = op_new(api, env, d, timeout_sec * 1000, arg);

	op->done = done;
	op->task.remove = remove;
	op->task.zone = xstrdup_null(record->zone);
	op->task.name = xstrdup(record->name);
	op->task.value = xstrdup(record->value);
	return op;
}

struct dnsprovider_op *
http_api_list_zones(const struct http_api *api, const struct dnsprovider_env *env,
	const struct dnsprovider *d, dnsprovider_zones_fn *done, void *arg)
{
	struct dnsprovider_op *op = op_new(api, env, d, LIST_TIMEOUT_MS, arg);

	op->zones_done = done;
	op->task.is_list = true;
	op->failures = MAX_FAILURES; /* the first one is the last */
	return op;
}

void
http_api_cancel(struct dnsprovider_op *op)
{
	http_api_op_free(op);
}
