/*
 * The engine of the HTTP drivers: one call at a time, each started by one timer, so that a first call, a retry and a
 * poll differ only in the pause before them. All failures of a change are counted together. The deadline ends a change
 * whose API keeps answering without progress.
 */
#include "common/api/dns_kinds.h"
#include "common/error.h"
#include "common/printable.h"
#include "common/retry.h"
#include "common/xml.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/dnsprovider/http_api_private.h"

#include <openssl/crypto.h>
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
	TOKEN_MARGIN_SEC = 30, /* a token that expires sooner is not used any more */
	MAX_REASON = 200,      /* of the API's text in our messages */
};

/* --- one task --- */

static void
http_api_body_clear(struct http_api_body *body)
{
	if (body->text)
		OPENSSL_cleanse(body->text, strlen(body->text)); /* a login contains a secret */
	free(body->text);
	*body = HTTP_API_NO_BODY;
}

static void
http_api_call_clear(struct http_api_call *call)
{
	free(call->path);
	http_api_body_clear(&call->body);
	*call = (struct http_api_call){ .then = NULL };
}

/* The task starts (again). */
static void
http_api_reset(struct dnsprovider_op *op)
{
	http_api_call_clear(&op->call);
	http_api_call_clear(&op->deferred);
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
	secret_clear(&op->signer);
	dnsprovider_account_clear(&op->account);
	strlist_clear(&op->cookies);
	free(op->task.name);
	free(op->task.value);
	free(op->task.domain);
	free(op->task.token);
	free(op->task.key_authorization);
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
	if (op->account_done)
		op->account_done(err ? NULL : &op->account, err, op->arg);
	else if (op->zones_done)
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
	http_api_call_clear(&op->call);
	op->call = op->deferred;
	op->deferred = (struct http_api_call){ .then = NULL };
	op->is_login = false;
	op->is_asked = true;
	op->pause_ms = 0;
	return 0;
}

/* @handler decides the next step; @op may be gone afterwards. */
static void
http_api_handle(struct dnsprovider_op *op, http_api_fn *handler, struct json_object *answer)
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
	struct dnsprovider_op *op = http_api_op(task);
	struct http_api_call call = {
		.method = method,
		.body = body,
		.then = then,
		.counts_twice = strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0,
	};
	va_list ap;

	va_start(ap, path);
	call.path = xvasprintf(path, ap);
	va_end(ap);
	http_api_call_clear(&op->call);
	op->call = call;
	op->is_asked = true;
	op->pause_ms = 0;
	op->poll_ms = FIRST_POLL_MS;
	str_replace(&op->waits_for, NULL);
}

void
http_api_call(struct http_api_task *task, http_api_fn *then, bool is_change, const char *name, char *params)
{
	http_api_send(task, "POST", (struct http_api_body){ NULL, params }, then, "%s", name);
	http_api_op(task)->call.counts_twice = is_change;
}

void
http_api_find(struct http_api_task *task, http_api_fn *then, const char *path)
{
	_cleanup_free_ char *filled = http_api_path(task, path);

	http_api_send(task, "GET", HTTP_API_NO_BODY, then, "%s", filled);
	http_api_op(task)->call.may_be_absent = true;
}

void
http_api_poll(struct http_api_task *task, const char *why)
{
	struct dnsprovider_op *op = http_api_op(task);

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
http_api_delete_next(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	struct dnsprovider_op *op = http_api_op(task);
	_cleanup_free_ char *id = NULL;

	if (!task->found.count)
		return 0;
	id = task->found.items[--task->found.count];
	http_api_send(task, "DELETE", HTTP_API_NO_BODY, http_api_delete_next, "%s%s", op->pages.path, id);
	return 0;
}

void
http_api_delete_found(struct http_api_task *task, const char *path, ...)
{
	struct dnsprovider_op *op = http_api_op(task);
	va_list ap;

	va_start(ap, path);
	free(op->pages.path);
	op->pages.path = xvasprintf(path, ap);
	va_end(ap);
	http_api_delete_next(task, NULL, NULL);
}

/* --- calls --- */

/* The first text at one of @members, separated by '|' (NULL: none). Borrowed from @body. */
static const char *
http_api_first_text(struct json_object *body, const char *members)
{
	_cleanup_strlist_ struct strlist paths = STRLIST_INIT;
	const char *text = "";

	if (members)
		strlist_split(&paths, members, '|');
	for (size_t i = 0; i < paths.count && !*text; i++)
		text = http_api_text(body, paths.items[i]);
	return text;
}

/* Is @word one of @words? NULL: none. */
static bool
http_api_has_word(const char *words, const char *word)
{
	_cleanup_free_ char *spaced = xasprintf(" %s ", word);

	return words && strstr(words, spaced);
}

/* Text from outside as part of a line. Owned by the caller. */
static char *
http_api_reason(const struct http_api *api, struct json_object *body, const struct http_response *res)
{
	bool is_text = !body && res->content_type && strncmp(res->content_type, "text/plain", 10) == 0;
	const char *text = is_text ? buf_str(&res->body) : http_api_first_text(body, api->reason);

	return printable_line(text, strlen(text), MAX_REASON);
}

struct refusal {
	bool is_denied;  /* the credentials are wrong, or the session has ended */
	bool is_passing; /* the call may succeed later */
	char *what;      /* "HTTP 404: no such zone", "error 2303: Object does not exist"; owned */
};

/* @ret->what: owned by the caller. */
static void
http_api_read_refusal(
	const struct dnsprovider_op *op, const struct http_response *res, struct json_object *body, struct refusal *ret)
{
	const struct http_api *api = op->api;
	_cleanup_free_ char *status = xasprintf("%d", res->status);
	_cleanup_free_ char *reason = http_api_reason(api, body, res);
	const char *member = http_api_first_text(body, api->code);
	_cleanup_free_ char *code = printable_line(member, strlen(member), MAX_REASON);
	bool is_inside = res->status >= 200 && res->status < 300;

	ret->is_passing = res->status == 429 || res->status >= 500 || http_api_has_word(api->passing, member) ||
			  http_api_has_word(api->passing, status) || (api->throttled && strstr(reason, api->throttled));
	/* A login that is refused for another reason is refused for what it contains. */
	ret->is_denied = !ret->is_passing &&
			 (res->status == 401 || res->status == 403 || http_api_has_word(api->denied, member) ||
				 (is_inside && op->is_login));
	ret->what = xasprintf(
		"%s %s%s%s", is_inside ? "error" : "HTTP", is_inside ? code : status, *reason ? ": " : "", reason);
}

/* "GET /zones", "nameserver.info" */
static char *
http_api_call_name(const struct dnsprovider_op *op)
{
	return op->api->procedures.path ? xstrdup(op->call.path) : xasprintf("%s %s", op->call.method, op->call.path);
}

static void
http_api_refused(const struct dnsprovider_op *op, const struct http_response *res, const struct refusal *refusal,
	struct error *err)
{
	_cleanup_free_ char *name = http_api_call_name(op);

	if (refusal->is_denied) {
		bool has_token = api_kind_setting(&dns_kinds, api_kind_find(&dns_kinds, op->provider.kind), "token") !=
				 NULL;

		error_set(err, ERROR_DENIED, "%s refused (%s); replace %s (see: certctl set dns --help)",
			has_token ? "the token is" : "the credentials are", refusal->what,
			has_token ? "it with --token-file" : "them");
		return;
	}
	error_set(err, res->status == 429 ? ERROR_RATE_LIMITED : ERROR_DNS, "%s: %s", name, refusal->what);
	err->may_retry = refusal->is_passing;
	err->retry_at = retry_after(res->retry_after_sec, http_api_now(&op->task));
}

enum verdict { ANSWER, ABSENT, REFUSED, SESSION_OVER };

/*
 * @ret: the body, owned by the caller; NULL: empty, or no answer.
 * Return: an answer; ABSENT: there is no such object; REFUSED: refused or unreadable, see @err; SESSION_OVER: refused
 * for a token that the service issued.
 */
static enum verdict
http_api_read_answer(
	const struct dnsprovider_op *op, struct http_response *res, struct json_object **ret, struct error *err)
{
	const struct http_api_verdict *verdict = &op->api->verdict;
	bool is_good = res->status >= 200 && res->status < 300;
	_cleanup_json_ struct json_object *body = NULL;
	struct refusal refusal;

	if (res->status == 404 && (op->call.may_be_absent || strcmp(op->call.method, "DELETE") == 0))
		return ABSENT;
	if (is_good && !verdict->member && (!res->body.len || strcmp(buf_str(&res->body), "null") == 0))
		return ABSENT;
	body = (op->api->is_xml ? xml_parse : json_parse)(buf_str(&res->body), res->body.len, err);
	if (is_good && !body) {
		_cleanup_free_ char *name = http_api_call_name(op);

		error_wrap(err, "%s", name);
		return REFUSED;
	}
	error_clear(err);
	if (is_good && verdict->member)
		is_good = http_api_has_word(verdict->good, http_api_text(body, verdict->member));
	if (is_good) {
		*ret = json_object_get(body);
		return ANSWER;
	}
	http_api_read_refusal(op, res, body, &refusal);
	if (!refusal.is_denied || res->status == 403 || !op->token.len || op->is_login || op->has_renewed) {
		http_api_refused(op, res, &refusal, err);
		free(refusal.what);
		return REFUSED;
	}
	free(refusal.what);
	return SESSION_OVER;
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
	if (!is_known_undone && op->call.counts_twice)
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
	} else if (http_api_read_answer(op, res, &answer, &failure) == SESSION_OVER) {
		op->has_renewed = true; /* one more login */
		secret_clear(&op->token);
		loop_timer_set(&op->timer, 0);
		return;
	}
	if (!error_is_set(&failure)) {
		http_api_note_links(op, &res->links);
		if (res->cookies.count)
			strlist_copy(&op->cookies, &res->cookies);
		http_api_handle(op, op->call.then, answer);
	} else if (!http_api_try_again(op, &failure, res && res->status == 429)) {
		http_api_finish(op, &failure);
	}
}

static void
http_api_transmit(struct dnsprovider_op *op)
{
	bool is_procedure = op->api->procedures.path != NULL;
	const char *path = is_procedure ? op->api->procedures.path : op->call.path;
	_cleanup_free_ char *url = xasprintf("%s%s", *path == '/' ? op->endpoint : "", path);
	struct http_api_body enclosed = is_procedure ? http_api_enclose(op) : HTTP_API_NO_BODY;
	const struct http_api_body *body = is_procedure ? &enclosed : &op->call.body;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct http_request req = {
		.method = op->call.method,
		.url = url,
		.content_type = body->type,
		.accept = op->api->is_xml ? NULL : "application/json",
		.headers = STRLIST_INIT,
		.body = body->text,
		.body_len = body->text ? strlen(body->text) : 0,
		.may_use_http = strncmp(url, "http:", strlen("http:")) == 0, /* loopback: http_api_check() */
		.is_sent_once = op->call.counts_twice,
	};
	int rc = (op->api->auth ? op->api->auth : http_api_add_token)(&op->task, &req, &err);

	if (rc == 0)
		op->handle = http_send(op->env.http, &req, http_api_on_answer, op);
	for (size_t i = 0; i < req.headers.count; i++)
		OPENSSL_cleanse(req.headers.items[i], strlen(req.headers.items[i]));
	strlist_clear(&req.headers);
	http_api_body_clear(&enclosed);
	secret_clear(&op->signer);
	if (rc < 0)
		http_api_finish(op, &err);
}

/* The current call needs a token, and there is none that is valid long enough. */
static void
http_api_begin_login(struct dnsprovider_op *op)
{
	op->deferred = op->call;
	op->call = (struct http_api_call){ .then = NULL };
	op->is_login = true;
	secret_clear(&op->token);
	http_api_handle(op, op->api->login, NULL);
}

static void
http_api_on_timer(void *arg)
{
	struct dnsprovider_op *op = arg;
	bool has_token = op->token.len && http_api_now(&op->task) + TOKEN_MARGIN_SEC < op->token_until;

	if (!op->call.then)
		http_api_handle(op, op->account_done ? op->api->sign_up : http_api_find_zone, NULL);
	else if (op->api->login && !op->is_login && !has_token)
		http_api_begin_login(op);
	else
		http_api_transmit(op);
}

static void
http_api_on_deadline(void *arg)
{
	struct dnsprovider_op *op = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_TIMEOUT, "timed out%s: %s", op->done ? " (propagationTimeout)" : "",
		op->waits_for ? op->waits_for : "the API is too slow");
	err.may_retry = true;
	http_api_finish(op, &err);
}

static struct dnsprovider_op *
http_api_op_new(const struct http_api *api, const struct dnsprovider_env *env, const struct dnsprovider *d,
	int64_t timeout_ms, void *arg)
{
	struct dnsprovider_op *op = xcalloc(1, sizeof(*op));

	op->task.ttl = d->ttl > 0 ? d->ttl : DEFAULT_TTL;
	if (op->task.ttl < api->min_ttl)
		op->task.ttl = api->min_ttl;
	op->api = api;
	op->env = *env;
	record_copy(&dnsprovider_class, &op->provider, d);
	op->endpoint = http_api_url(&op->task, "endpoint");
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
	struct dnsprovider_op *op = http_api_op_new(api, env, d, timeout_sec * 1000, arg);

	op->done = done;
	op->known_zone = xstrdup_null(record->zone);
	op->task.is_removal = is_removal;
	op->task.name = xstrdup(record->name);
	op->task.value = xstrdup(record->value);
	op->task.domain = xstrdup_null(record->domain);
	op->task.key_authorization = xstrdup_null(record->key_authorization);
	if (record->key_authorization)
		op->task.token = xstrndup(record->key_authorization, strcspn(record->key_authorization, "."));
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
	struct dnsprovider_op *op = http_api_op_new(dnsprovider_driver(d->kind)->api, env, d, LIST_TIMEOUT_MS, arg);

	op->zones_done = done;
	op->failures = MAX_FAILURES; /* a single attempt */
	return op;
}

struct dnsprovider_op *
http_api_sign_up(
	const struct dnsprovider_env *env, const struct dnsprovider *d, dnsprovider_account_fn *done, void *arg)
{
	struct dnsprovider_op *op = http_api_op_new(dnsprovider_driver(d->kind)->api, env, d, LIST_TIMEOUT_MS, arg);

	op->account_done = done;
	op->failures = MAX_FAILURES; /* a single attempt */
	return op;
}

void
http_api_cancel(struct dnsprovider_op *op)
{
	http_api_op_free(op);
}
