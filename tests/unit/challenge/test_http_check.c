/* A rehearsal of http-01: what is asked on port 80, what is followed, and what is said about the answer. */
#include "daemon/challenge/http_check.h"

#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "tests/unit/challenge/rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH "/.well-known/acme-challenge/"

/* What the web server answers to each request, in this order. "%s" is the token. */
struct reply {
	int status;                  /* 0: no answer but a network error */
	const char *location, *body; /* body NULL: what certd has published */
};

struct server {
	struct http http;
	struct rig rig;
	struct loop_timer timer;
	char root[64];
	const struct reply *replies; /* the last one is repeated */
	size_t n;
	const char *behind;  /* the token in its answers; NULL: as certd publishes it */
	struct strlist urls; /* that were asked for, the token as TOKEN */
	char *token;
	http_done_fn *done;
	void *arg;
	struct result result;
};

static void
server_reply(void *arg)
{
	struct server *s = arg;
	const struct reply *r = &s->replies[s->urls.count <= s->n ? s->urls.count - 1 : s->n - 1];
	struct http_response res = { .status = r->status };
	_cleanup_error_ struct error err = ERROR_INIT;
	http_done_fn *done = s->done;

	if (r->location && strchr(r->location, '*'))
		res.location = xasprintf("%.*s%s%s", (int)strcspn(r->location, "*"), r->location, s->token,
			strchr(r->location, '*') + 1);
	else if (r->location)
		res.location = xstrdup(r->location);
	if (r->body)
		buf_add_str(&res.body, r->body);
	else
		buf_printf(&res.body, "%s%s", s->token, s->behind ? s->behind : ".certd-check");
	if (!r->status)
		error_set(&err, ERROR_NETWORK, "cannot connect for %s", s->token);
	s->done = NULL;
	done(r->status ? &res : NULL, r->status ? NULL : &err, s->arg);
	http_response_clear(&res);
}

/* The token that is published, which must be the only one. */
static char *
published(const struct server *s)
{
	_cleanup_free_ char *path = xasprintf("%s" PATH, s->root);
	DIR *dir = opendir(path);
	char *ret = NULL;

	for (struct dirent *e; dir && (e = readdir(dir));)
		if (e->d_name[0] != '.') {
			cr_expect_null(ret);
			free(ret);
			ret = xstrdup(e->d_name);
		}
	if (dir)
		closedir(dir);
	return ret;
}

static void *
server_take(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct server *s = self;
	const char *at;

	cr_expect_str_eq(req->method, "GET");
	cr_expect(req->may_use_http && req->max_body == 16 << 10 && req->timeout_ms == HTTP_CHECK_MS);
	if (!s->token && s->rig.config.is_http_stateless) {
		cr_expect_null(published(s));
		s->token = xstrdup(strrchr(req->url, '/') + 1);
	}
	if (!s->token)
		s->token = published(s);
	cr_assert_not_null(s->token, "it is asked for before it is published");
	at = strstr(req->url, s->token);
	cr_assert_not_null(at, "%s", req->url);
	strlist_take(&s->urls, xasprintf("%.*sTOKEN%s", (int)(at - req->url), req->url, at + strlen(s->token)));
	s->done = done;
	s->arg = arg;
	loop_timer_init(&s->timer, s->rig.env.loop, server_reply, s);
	loop_timer_set(&s->timer, 1);
	return s;
}

static void
server_cancel(void *self _unused_, void *handle)
{
	struct server *s = handle;

	if (s)
		loop_timer_cancel(&s->timer);
}

static const struct http_ops ops = { .send = server_take, .cancel = server_cancel };

static void
server_init(struct server *s, bool has_webroot)
{
	*s = (struct server){ .http = { .ops = &ops, .self = s }, .root = "/tmp/test-http-check-XXXXXX" };
	cr_assert_not_null(mkdtemp(s->root));
	rig_init(&s->rig, NULL);
	s->rig.env.http = &s->http;
	strlist_add(&s->rig.config.webroots, has_webroot ? s->root : "/does/not/exist");
	rig_restart(&s->rig);
}

static void
server_clear(struct server *s)
{
	static const char *const parts[] = { "/.well-known/acme-challenge", "/.well-known", "" };
	_cleanup_free_ char *left = published(s);

	cr_expect_null(left, "%s is still published", left);
	rig_clear(&s->rig);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", s->root, parts[i]);

		rmdir(path);
	}
	strlist_clear(&s->urls);
	result_clear(&s->result);
	free(s->token);
}

#define HOME "http://www.example.com" PATH "TOKEN"
#define SAYS \
	" and not what certd has published: does the server of this name forward the challenge, or use the webroot?"

Test(http_check, fetches_what_it_publishes_and_says_what_came_instead)
{
	static const struct {
		const char *why;
		struct reply replies[3];
		size_t n;
		const char *urls; /* separated by blanks */
		enum error_code code;
		const char *says;
	} cases[] = {
		{ "right", { { 200, NULL, NULL } }, 1, HOME, ERROR_NONE, "" },
		{ "another status", { { 201, NULL, NULL } }, 1, HOME, ERROR_VALIDATION,
			HOME " answers 201, \"TOKEN.certd-check\"," SAYS },
		{ "another text", { { 200, NULL, "<html>\n404" } }, 1, HOME, ERROR_VALIDATION,
			HOME " answers 200, \"<html> 404\"," SAYS },
		{ "nothing", { { 404, NULL, "" } }, 1, HOME, ERROR_VALIDATION, HOME " answers 404," SAYS },
		{ "no answer", { { 0, NULL, NULL } }, 1, HOME, ERROR_NETWORK, HOME ": cannot connect for TOKEN" },
		{ "moved to TLS", { { 301, "https://www.example.com" PATH "*", "" }, { 200, NULL, NULL } }, 2,
			HOME " https://www.example.com" PATH "TOKEN", ERROR_NONE, "" },
		{ "moved to another host and port",
			{ { 302, "http://other.example.com:443" PATH "*", "" }, { 404, NULL, "" } }, 2,
			HOME " http://other.example.com:443" PATH "TOKEN", ERROR_VALIDATION,
			"http://other.example.com:443" PATH "TOKEN answers 404," SAYS },
		{ "moved to a port that no CA asks", { { 302, "http://www.example.com:8080" PATH "*", "" } }, 1, HOME,
			ERROR_VALIDATION,
			HOME " redirects to http://www.example.com:8080" PATH "TOKEN, which is another path: CAs "
			     "find the token only if it is there" },
		{ "moved to another path", { { 307, "https://www.example.com/login", "" } }, 1, HOME, ERROR_VALIDATION,
			HOME " redirects to https://www.example.com/login, which is another path: CAs find the token "
			     "only if it is there" },
		{ "moved to a path with more behind it", { { 307, "https://www.example.com" PATH "*/", "" } }, 1, HOME,
			ERROR_VALIDATION,
			HOME " redirects to https://www.example.com" PATH "TOKEN/, which is another path: CAs find "
			     "the token only if it is there" },
		{ "moved to the path alone", { { 307, PATH "*", "" } }, 1, HOME, ERROR_VALIDATION,
			HOME " redirects to " PATH "TOKEN, which is another path: CAs find the token only if it is "
			     "there" },
		{ "moved nowhere", { { 304, NULL, "" } }, 1, HOME, ERROR_VALIDATION, HOME " answers 304," SAYS },
		{ "moved on and on", { { 301, "http://www.example.com" PATH "*", "" } }, 1,
			HOME " " HOME " " HOME " " HOME " " HOME " " HOME, ERROR_VALIDATION,
			HOME " redirects to " HOME ", which is another path: CAs find the token only if it is there" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server s;
		_cleanup_free_ char *urls = NULL;

		server_init(&s, true);
		s.replies = cases[i].replies;
		s.n = cases[i].n;
		http_check_start(s.rig.solver, "www.example.com", NULL, note_done, &s.result);
		cr_expect_eq(s.result.calls, 0, "%s: from inside the call", cases[i].why);
		cr_assert(rig_wait(&s.rig, &s.result, 5000), "%s", cases[i].why);
		cr_expect_eq(s.result.calls, 1, "%s", cases[i].why);
		urls = strlist_join(&s.urls, " ");
		cr_expect_str_eq(urls, cases[i].urls, "%s: %s", cases[i].why, urls);
		cr_expect_eq(s.result.error.code, cases[i].code, "%s: %s", cases[i].why, s.result.error.message);
		cr_expect_str_eq(s.result.error.message ? s.result.error.message : "", cases[i].says, "%s: %s",
			cases[i].why, s.result.error.message);
		server_clear(&s);
	}
}

Test(http_check, white_space_behind_the_answer_is_no_difference)
{
	static const struct {
		const char *behind;
		bool is_right;
	} cases[] = { { "", true }, { "\n", true }, { " \t\r\n", true }, { "x", false }, { "\n.", false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply reply = { .status = 200 };
		_cleanup_free_ char *body = NULL;
		struct server s;

		server_init(&s, true);
		s.replies = &reply;
		s.n = 1;
		http_check_start(s.rig.solver, "www.example.com", NULL, note_done, &s.result);
		s.token = published(&s);
		body = xasprintf("%s.certd-check%s", s.token, cases[i].behind);
		reply.body = body;
		cr_assert(rig_wait(&s.rig, &s.result, 5000));
		cr_expect_eq(!error_is_set(&s.result.error), cases[i].is_right, "%zu: %s", i, s.result.error.message);
		server_clear(&s);
	}
}

/* The token is made up, nothing is published, and the answer is made from the thumbprint. */
Test(http_check, a_server_that_answers_by_itself_needs_the_right_thumbprint)
{
	static const char thumbprint[] = "aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuU0";
	static const struct {
		const char *behind; /* the token */
		const char *says;   /* "": the answer is right */
	} cases[] = { { ".aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuU0\n", "" },
		{ ".1AbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuU0", HOME
			" answers 200, \"TOKEN.1AbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuU0\", and not "
			"TOKEN.aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuU0: set the thumbprint of the account key in "
			"the server of this name" },
		{ ".certd-check", HOME " answers 200, \"TOKEN.certd-check\", and not TOKEN."
				       "aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuU0: set the thumbprint of the account "
				       "key in the server of this name" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply reply = { .status = 200 };
		struct server s;

		server_init(&s, true);
		s.rig.config.is_http_stateless = true;
		rig_restart(&s.rig);
		s.replies = &reply;
		s.n = 1;
		s.behind = cases[i].behind;
		http_check_start(s.rig.solver, "www.example.com", thumbprint, note_done, &s.result);
		cr_assert(rig_wait(&s.rig, &s.result, 5000));
		cr_expect_str_eq(s.result.error.message ? s.result.error.message : "", cases[i].says);
		server_clear(&s);
	}
}

Test(http_check, what_cannot_be_published_is_not_asked_for)
{
	struct server s;

	server_init(&s, false);
	http_check_start(s.rig.solver, "www.example.com", NULL, note_done, &s.result);
	cr_assert(rig_wait(&s.rig, &s.result, 5000));
	cr_expect(error_is_set(&s.result.error) && strstr(s.result.error.message, "/does/not/exist"), "%s",
		s.result.error.message);
	cr_expect_eq(s.urls.count, 0);
	server_clear(&s);
}

Test(http_check, a_cancelled_one_is_withdrawn_and_silent_at_any_moment)
{
	static const struct reply reply = { .status = 200 };

	for (int ms = 0; ms < 3; ms++) {
		struct server s;
		struct http_check *check;

		server_init(&s, true);
		s.replies = &reply;
		s.n = 1;
		check = http_check_start(s.rig.solver, "www.example.com", NULL, note_done, &s.result);
		if (ms == 1)
			rig_run_ms(&s.rig, 0);
		if (!s.result.calls)
			http_check_cancel(check);
		rig_run_ms(&s.rig, 20);
		cr_expect_eq(s.result.calls, 0);
		server_clear(&s);
	}
	http_check_cancel(NULL);
}
