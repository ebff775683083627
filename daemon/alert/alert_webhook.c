/*
 * Kind webhook: a POST of JSON, in the format that the receiver expects (webhook_body.c). The request has the id of the
 * message as Idempotency-Key: after a crash it may be sent again.
 */
#include "daemon/alert/alert_kind.h"

#include "common/printable.h"
#include "common/strlist.h"
#include "common/timefmt.h"
#include "daemon/alert/webhook_body.h"
#include "daemon/base/http.h"
#include "daemon/base/http_url.h"
#include "daemon/base/loop.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Text of a secret; owned by the caller, who wipes it. */
static char *
webhook_text(const struct secret *secret)
{
	return xstrndup((const char *)secret->data, secret->len);
}

static void
webhook_wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
}

#define _cleanup_wipe_ _cleanup_(webhook_wipe)

/* Without the line end of the file that it came from. Owned by the caller, who wipes it. */
static char *
webhook_url(const struct alert *a)
{
	char *url = webhook_text(setting_secret(&a->secrets, "url"));

	url[strcspn(url, "\r\n")] = '\0';
	return url;
}

/* --- declaration --- */

/* A URL may be valid, and not be one of the receiver's. */
static int
check_template(const struct alert *a, const char *url, struct error *err)
{
	static char none[] = "", word[] = "test";
	static const struct message any = { .id = none,
		.incident = none,
		.condition = word,
		.status = word,
		.severity = word,
		.title = none,
		.text = none };
	_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;

	if (webhook_request_make(setting_text(&a->settings, "template"), url, &any, "", 0, &r, &why) < 0)
		return error_set_field(err, "url", "%s", why.message);
	return 0;
}

static int
check_url(const struct alert *a, struct error *err)
{
	_cleanup_wipe_ char *url = webhook_url(a);
	_cleanup_http_url_ struct http_url parts = { .scheme = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;

	if (http_url_parse(url, &parts, &why) < 0)
		return error_set_field(err, "url", "cannot be used: %s", why.message);
	if (parts.has_user)
		return error_set_field(err, "url", "contains a user name; use headers for credentials");
	if (strcmp(parts.scheme, "https") != 0 && !http_url_is_loopback(&parts))
		return error_set_field(err, "url", "must begin with https:// (http:// is accepted only for this host)");
	return check_template(a, url, err);
}

/* Those that certd sets itself. */
static bool
is_own_header(const char *line, size_t len)
{
	static const char *const own[] = { "Host", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection",
		"Expect", "Idempotency-Key" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strlen(own[i]) == len && strncasecmp(own[i], line, len) == 0)
			return true;
	return false;
}

/* "Name: value" (RFC 9110 s5.1), without control characters. The line may be a credential: it is not quoted. */
static int
check_header(const char *line, size_t number, struct error *err)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strspn(line, token);

	if (len == 0 || line[len] != ':')
		return error_set_field(err, "headers", "line %zu is not 'Name: value'", number);
	if (is_own_header(line, len))
		return error_set_field(err, "headers", "line %zu: certd sets %.*s itself", number, (int)len, line);
	for (const char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c) && *c != '\t')
			return error_set_field(err, "headers", "line %zu has a control character", number);
	return 0;
}

/* The lines of @a's headers that are not empty; each with its line number for @fn's messages. */
static int
webhook_headers(const struct alert *a, struct strlist *ret, struct error *err)
{
	_cleanup_wipe_ char *text = webhook_text(setting_secret(&a->secrets, "headers"));
	char *rest = text, *line;
	size_t number = 0;

	while ((line = strsep(&rest, "\n"))) {
		size_t len = strlen(line);

		number++;
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (!*line)
			continue;
		if (check_header(line, number, err) < 0)
			return -1;
		strlist_add(ret, line);
	}
	return 0;
}

static void
webhook_clear_headers(struct strlist *headers)
{
	for (size_t i = 0; i < headers->count; i++)
		explicit_bzero(headers->items[i], strlen(headers->items[i]));
	strlist_clear(headers);
}

static int
alert_webhook_check(const struct alert *a, struct error *err)
{
	struct strlist headers = STRLIST_INIT;
	int rc = check_url(a, err) < 0 ? -1 : webhook_headers(a, &headers, err);

	webhook_clear_headers(&headers);
	return rc;
}

/* The host: the path of a webhook is its password. */
static char *
alert_webhook_endpoint(const struct alert *a)
{
	_cleanup_wipe_ char *url = webhook_url(a);
	_cleanup_http_url_ struct http_url parts = { .scheme = NULL };

	if (http_url_parse(url, &parts, NULL) < 0)
		return NULL;
	return xasprintf(
		"%s://%s%s%s", parts.scheme, parts.host, parts.has_port ? ":" : "", parts.has_port ? parts.port : "");
}

/* --- delivery --- */

enum { WEBHOOK_TIMEOUT_MS = 20 * 1000, WEBHOOK_ANSWER_MAX = 64 * 1024, WORDS_MAX = 300 };

struct webhook {
	const struct alert_env *env;
	void *request;           /* of the transport; NULL: none */
	struct loop_timer timer; /* reports what could not be sent */
	struct error error;
	alert_done_fn *done;
	void *arg;
};

static void
webhook_free(struct webhook *w)
{
	loop_timer_cancel(&w->timer);
	error_clear(&w->error);
	free(w);
}

static void
webhook_end(struct webhook *w, const struct error *err, const char *answer)
{
	alert_done_fn *done = w->done;
	void *arg = w->arg;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	webhook_free(w);
	done(error_is_set(&why) ? &why : NULL, answer, arg);
}

/* "HTTP 403: invalid_token": the receiver in its own words. Owned by the caller. */
static char *
webhook_words(const struct http_response *res)
{
	_cleanup_free_ char *line = printable_line(buf_str(&res->body), res->body.len, WORDS_MAX);

	return xasprintf("HTTP %d%s%s", res->status, *line ? ": " : "", line);
}

/*
 * Would another attempt with this message end in the same way? Not because of a missing or wrong credential (RFC 9110
 * s15.5), which is about the destination: an operator mends that, and the messages wait.
 */
static bool
webhook_is_refused_for_good(int status)
{
	static const int others[] = { 401, 403, 407, 408, 421, 425, 429 };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (status == others[i])
			return false;
	return status >= 400 && status < 500;
}

static void
webhook_answered(struct http_response *res, const struct error *err, void *arg)
{
	struct webhook *w = arg;
	_cleanup_free_ char *words = res ? webhook_words(res) : NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	w->request = NULL;
	if (err) {
		webhook_end(w, err, "");
		return;
	}
	if (res->status >= 200 && res->status < 300) {
		webhook_end(w, NULL, words);
		return;
	}
	if (res->status >= 300 && res->status < 400)
		error_set(&why, ERROR_STATE, "the webhook redirects (HTTP %d): its URL has changed", res->status);
	else
		error_set(&why, webhook_is_refused_for_good(res->status) ? ERROR_INVALID : ERROR_STATE,
			"the webhook refused the message: %s", words);
	why.may_retry = why.code != ERROR_INVALID;
	if (res->retry_after_sec > 0)
		why.retry_at = time_add(loop_now(w->env->loop), res->retry_after_sec);
	webhook_end(w, &why, words);
}

static void
webhook_not_sent(void *arg)
{
	struct webhook *w = arg;

	webhook_end(w, &w->error, "");
}

static void
webhook_send(struct webhook *w, const struct alert *a, const struct webhook_request *r, const struct message *m)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct http_request request = {
		.method = "POST",
		.url = r->url,
		.content_type = "application/json",
		.max_body = WEBHOOK_ANSWER_MAX,
		.timeout_ms = WEBHOOK_TIMEOUT_MS,
		.ca_file = setting_text(&a->settings, "caFile"),
		.may_use_http = strncmp(r->url, "http://", strlen("http://")) == 0, /* checked: only to this host */
		.is_sent_once = true,
	};

	json_write(r->body, &body);
	request.body = body.data;
	request.body_len = body.len;
	if (webhook_headers(a, &request.headers, &w->error) == 0) {
		strlist_take(&request.headers, xasprintf("Idempotency-Key: %s", m->id));
		w->request = http_send(w->env->http, &request, webhook_answered, w);
	}
	webhook_clear_headers(&request.headers);
}

static void *
alert_webhook_start(
	const struct alert_env *env, const struct alert *a, const struct message *m, alert_done_fn *done, void *arg)
{
	struct webhook *w = xcalloc(1, sizeof(*w));
	_cleanup_wipe_ char *url = webhook_url(a);
	_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };

	w->env = env;
	w->done = done;
	w->arg = arg;
	loop_timer_init(&w->timer, env->loop, webhook_not_sent, w);
	if (webhook_request_make(
		    setting_text(&a->settings, "template"), url, m, env->host, loop_now(env->loop), &r, &w->error) == 0)
		webhook_send(w, a, &r, m);
	if (!w->request)
		loop_timer_set(&w->timer, 0);
	return w;
}

static void
alert_webhook_cancel(void *work)
{
	struct webhook *w = work;

	http_cancel(w->env->http, w->request);
	webhook_free(w);
}

const struct alert_kind alert_kind_webhook = {
	.name = "webhook",
	.check = alert_webhook_check,
	.endpoint = alert_webhook_endpoint,
	.start = alert_webhook_start,
	.cancel = alert_webhook_cancel,
};
