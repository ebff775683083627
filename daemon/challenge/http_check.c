/*
 * CAs follow redirects, to https too, and do not look at certificates then. certd's client does, and fails. It follows
 * only to the same path and to the ports that CAs use: whoever may declare a name must not be able to read other things
 * that this host can reach.
 */
#include "daemon/challenge/http_check.h"

#include "common/error.h"
#include "common/printable.h"
#include "daemon/base/http.h"
#include "daemon/base/http_url.h"
#include "daemon/challenge/http01.h"
#include "daemon/challenge/solver_private.h"

#include <stdlib.h>
#include <string.h>

enum { REDIRECTS_MAX = 5, BODY_MAX = 16 << 10, SEEN_MAX = 100 };

struct http_check {
	struct solver *solver;
	char *name;
	char *url; /* that is asked */
	char *token;
	char *content;
	struct error failure; /* it could not be published */
	struct loop_timer start;
	void *request;
	unsigned redirects;
	http_check_done_fn *done;
	void *arg;
};

void
http_check_cancel(struct http_check *c)
{
	if (!c)
		return;
	loop_timer_cancel(&c->start);
	http_cancel(c->solver->env.http, c->request);
	http_withdraw(c->solver, c->name, c->token, c->content);
	error_clear(&c->failure);
	free(c->name);
	free(c->url);
	free(c->token);
	free(c->content);
	free(c);
}

/* @message without the token, so that two checks with the same result say the same. Owned by the caller. */
static char *
without_token(const struct http_check *c, const char *message)
{
	struct buf text = BUF_INIT;
	const char *at;

	for (; (at = strstr(message, c->token)); message = at + strlen(c->token)) {
		buf_add(&text, message, (size_t)(at - message));
		buf_add_str(&text, "TOKEN");
	}
	buf_add_str(&text, message);
	return buf_steal(&text);
}

static void
http_check_end(struct http_check *c, const struct error *err)
{
	_cleanup_free_ char *text = err ? without_token(c, err->message) : NULL;
	http_check_done_fn *done = c->done;
	void *arg = c->arg;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err) {
		error_copy(&why, err);
		error_reword(&why, text);
	}
	http_check_cancel(c);
	done(err ? &why : NULL, arg);
}

static bool
is_right(const struct http_check *c, const struct http_response *res)
{
	size_t len = res->body.len;

	while (len && strchr(" \t\r\n", res->body.data[len - 1])) /* RFC 8555 s8.3 allows white space at the end */
		len--;
	return res->status == 200 && len == strlen(c->content) && memcmp(res->body.data, c->content, len) == 0;
}

static bool
may_follow(const struct http_check *c, const char *location)
{
	_cleanup_(http_url_clear) struct http_url url = { .scheme = NULL };
	_cleanup_free_ char *path = xasprintf("%s%s", HTTP01_PATH, c->token);
	size_t len = strlen(location), tail = strlen(path);

	return c->redirects < REDIRECTS_MAX && len > tail && strcmp(location + len - tail, path) == 0 &&
	       http_url_parse(location, &url, NULL) == 0 &&
	       (strcmp(url.port, "80") == 0 || strcmp(url.port, "443") == 0);
}

static void
http_check_send(void *arg);

static void
http_check_answered(struct http_response *res, const struct error *err, void *arg)
{
	struct http_check *c = arg;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_free_ char *seen = NULL;

	c->request = NULL;
	if (err) {
		error_copy(&why, err);
		error_wrap(&why, "%s", c->url);
	} else if (res->status / 100 == 3 && res->location && may_follow(c, res->location)) {
		c->redirects++;
		str_replace(&c->url, res->location);
		http_check_send(c);
		return;
	} else if (res->status / 100 == 3 && res->location) {
		error_set(&why, ERROR_VALIDATION,
			"%s redirects to %s, which is another path: CAs find the token only if it is there", c->url,
			res->location);
	} else if (!is_right(c, res)) {
		seen = printable_line(res->body.data ? res->body.data : "", res->body.len, SEEN_MAX);
		error_set(&why, ERROR_VALIDATION, "%s answers %d%s%s%s, and not %s%s", c->url, res->status,
			*seen ? ", \"" : "", seen, *seen ? "\"" : "",
			c->solver->is_http_stateless ? c->content : "what certd has published",
			c->solver->is_http_stateless
				? ": set the thumbprint of the account key in the server of this name"
				: ": does the server of this name forward the challenge, or use the webroot?");
	}
	http_check_end(c, error_is_set(&why) ? &why : NULL);
}

static void
http_check_send(void *arg)
{
	struct http_check *c = arg;
	const struct http_request request = {
		.method = "GET",
		.url = c->url,
		.max_body = BODY_MAX,
		.timeout_ms = HTTP_CHECK_MS,
		.may_use_http = true,
	};

	if (error_is_set(&c->failure))
		http_check_end(c, &c->failure);
	else
		c->request = http_send(c->solver->env.http, &request, http_check_answered, c);
}

struct http_check *
http_check_start(struct solver *solver, const char *name, const char *thumbprint, http_check_done_fn *done, void *arg)
{
	struct http_check *c = xcalloc(1, sizeof(*c));
	char token[STORE_ID_SIZE];

	store_new_id(token);
	c->solver = solver;
	c->name = xstrdup(name);
	c->token = xasprintf("certd-check-%s", token);
	c->content = xasprintf("%s.%s", c->token, solver->is_http_stateless ? thumbprint : "certd-check");
	c->url = xasprintf("http://%s%s%s", name, HTTP01_PATH, c->token);
	c->done = done;
	c->arg = arg;
	http_publish(solver, c->name, c->token, c->content, &c->failure);
	loop_timer_init(&c->start, solver->env.loop, http_check_send, c);
	loop_timer_set(&c->start, 0);
	return c;
}
