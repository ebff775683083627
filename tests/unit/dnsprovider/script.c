/* The transport of the tests: compares each call with the script and returns the scripted answer. */
#include "tests/unit/dnsprovider/script.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void *
play(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct script *s = self;
	const struct turn *turn = &s->turns[s->at];
	const char *header = turn->header ? turn->header : s->header ? s->header : "Authorization: Bearer tok";
	size_t len = strlen(s->endpoint);
	_cleanup_free_ char *call = NULL;

	cr_assert_not_null(turn->call, "one call too many: %s %s", req->method, req->url);
	cr_assert_eq(strncmp(req->url, s->endpoint, len), 0, "%s", req->url);
	call = xasprintf("%s %s", req->method, req->url + len);
	cr_assert_eq(strncmp(call, turn->call, strlen(turn->call)), 0, "%s instead of %s", call, turn->call);
	cr_assert(
		!*header || strlist_has(&req->headers, header) || (strcmp(header, "none") == 0 && !req->headers.count),
		"%s: %s instead of %s", call, req->headers.count ? req->headers.items[0] : "nothing", header);
	if (turn->sent) {
		_cleanup_free_ char *sent = xstrndup(req->body ? req->body : "", req->body_len);

		cr_assert_str_eq(sent, turn->sent, "%s", call);
	}
	/* bunny.net creates a record by PUT. */
	cr_assert_eq(req->is_sent_once,
		!turn->is_read && (strcmp(req->method, "POST") == 0 || strcmp(req->method, "PATCH") == 0 ||
					  (strcmp(req->method, "PUT") == 0 && strstr(call, "/dnszone/"))));
	s->done = done;
	s->arg = arg;
	loop_timer_set(&s->timer, s->delay_ms ? s->delay_ms : 1);
	return s;
}

static void
forget(void *self, void *handle _unused_)
{
	loop_timer_cancel(&((struct script *)self)->timer);
}

static void
on_turn(void *arg)
{
	struct script *s = arg;
	const struct turn *turn = &s->turns[s->at++];
	struct http_response res = {
		.status = turn->status,
		.retry_after_sec = turn->retry_after_sec,
		.content_type = xstrdup(turn->type ? turn->type : "application/json"),
	};
	_cleanup_error_ struct error err = ERROR_INIT;

	buf_add_str(&res.body, turn->body ? turn->body : "");
	if (turn->link)
		strlist_add(&res.links, turn->link);
	if (turn->cookie)
		strlist_add(&res.cookies, turn->cookie);
	if (!turn->status)
		error_set(&err, ERROR_NETWORK, "reset");
	s->done(turn->status ? &res : NULL, turn->status ? NULL : &err, s->arg);
	http_response_clear(&res);
}

void
script_setup(struct script *s, const char *kind, const char *endpoint, const struct turn *turns)
{
	static const struct http_ops ops = { play, forget };

	*s = (struct script){ .clock = clock_new_virtual(SCRIPT_NOW), .endpoint = endpoint, .turns = turns };
	s->http = (struct http){ &ops, s };
	s->env.loop = loop_new(s->clock);
	s->env.http = &s->http;
	s->d.o.name = xstrdup("ion");
	s->d.kind = xstrdup(kind);
	setting_put_secret(&s->d.secrets, "token", "tok", 3);
	loop_timer_init(&s->timer, s->env.loop, on_turn, s);
}

void
script_teardown(struct script *s)
{
	error_clear(&s->error);
	dnsprovider_clear(&s->d);
	loop_free(s->env.loop);
	clock_free(s->clock);
}

void
script_on_done(const struct error *err, void *arg)
{
	struct script *s = arg;

	s->n_done++;
	if (err)
		error_copy(&s->error, err);
}

void
script_run(struct script *s)
{
	cr_assert_eq(s->n_done, 0);
	cr_assert_eq(loop_run(s->env.loop, NULL), 0);
	cr_assert_eq(s->n_done, 1);
	cr_assert_null(s->turns[s->at].call, "not asked: %s", s->turns[s->at].call);
}

struct dnsprovider_op *
script_change(struct script *s, bool is_removal, const char *zone)
{
	struct dnsprovider_record record = { .zone = zone,
		.name = "_acme-challenge.example.com",
		.value = "v1",
		.domain = "example.com",
		.key_authorization = "tok-1.thumb" };

	cr_assert_eq(dnsprovider_check(&s->d, &s->error), 0, "%s", s->error.message);
	return dnsprovider_driver(s->d.kind)->change(&s->env, &s->d, is_removal, &record, script_on_done, s);
}
