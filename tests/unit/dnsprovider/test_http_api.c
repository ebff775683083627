/* The shared half of the HTTP drivers, through the ionoscloud driver, with a transport that plays the API by a script. */
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "daemon/dnsprovider/http_api.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1800000000 };

/* One call that must come, and what it gets. */
struct turn {
	const char *call; /* start of "METHOD path" */
	int status;       /* 0: the connection breaks */
	const char *body;
	const char *retry_after;
};

struct fixture {
	struct clock *clock;
	struct dnsprovider_env env;
	struct http http;
	struct dnsprovider d;
	const struct turn *turns;
	size_t at;
	struct loop_timer timer; /* the answer under way */
	http_done_fn *done;
	void *arg;
	int n_done;
	struct error error;
};

#define ZONES \
	"{\"items\":[{\"id\":\"z0\",\"properties\":{\"zoneName\":\"notexample.com\"}}," \
	"{\"id\":\"z1\",\"properties\":{\"zoneName\":\"example.com\"}}]}"
#define RECORD(id, content, state) \
	"{\"id\":\"" id "\",\"metadata\":{\"state\":\"" state \
	"\"},\"properties\":{\"name\":\"_acme-challenge\"," \
	"\"type\":\"TXT\",\"content\":\"" content "\"}}"
#define LIST(records) "{\"items\":[" records "]}"

static void *
play(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct fixture *f = self;
	const struct turn *turn = &f->turns[f->at];
	_cleanup_free_ char *call = NULL;

	cr_assert_not_null(turn->call, "one call too many: %s %s", req->method, req->url);
	cr_assert_eq(strncmp(req->url, "https://dns.de-fra.ionos.com/", 29), 0, "%s", req->url);
	call = xasprintf("%s %s", req->method, req->url + 28);
	cr_assert_eq(strncmp(call, turn->call, strlen(turn->call)), 0, "%s instead of %s", call, turn->call);
	cr_assert_str_eq(req->headers.items[0], "Authorization: Bearer tok");
	cr_assert_eq(req->send_once, strcmp(req->method, "POST") == 0);
	f->done = done;
	f->arg = arg;
	loop_timer_set(&f->timer, 1);
	return f;
}

static void
forget(void *self, void *handle _unused_)
{
	loop_timer_cancel(&((struct fixture *)self)->timer);
}

static void
on_turn(void *arg)
{
	struct fixture *f = arg;
	const struct turn *turn = &f->turns[f->at++];
	struct http_response res = { .status = turn->status, .retry_after = xstrdup_null(turn->retry_after) };
	_cleanup_error_ struct error err = ERROR_INIT;

	buf_add_str(&res.body, turn->body ? turn->body : "");
	if (!turn->status)
		error_set(&err, ERROR_NETWORK, "reset");
	f->done(turn->status ? &res : NULL, turn->status ? NULL : &err, f->arg);
	http_response_clear(&res);
}

static void
setup(struct fixture *f, const struct turn *turns)
{
	static const struct http_ops ops = { play, forget };

	*f = (struct fixture){ .clock = clock_new_virtual(NOW), .turns = turns };
	f->http = (struct http){ &ops, f };
	f->env.loop = loop_new(f->clock);
	f->env.http = &f->http;
	f->d.o.name = xstrdup("ion");
	f->d.kind = xstrdup("ionoscloud");
	setting_put_secret(&f->d.secrets, "token", "tok", 3);
	loop_timer_init(&f->timer, f->env.loop, on_turn, f);
}

static void
teardown(struct fixture *f)
{
	error_clear(&f->error);
	dnsprovider_clear(&f->d);
	loop_free(f->env.loop);
	clock_free(f->clock);
}

static void
on_done(const struct error *err, void *arg)
{
	struct fixture *f = arg;

	f->n_done++;
	if (err)
		error_copy(&f->error, err);
}

static struct dnsprovider_op *
change(struct fixture *f, bool remove, const char *zone)
{
	struct dnsprovider_record record = { zone, "_acme-challenge.example.com", "v1" };

	cr_assert_eq(dnsprovider_check(&f->d, &f->error), 0, "%s", f->error.message);
	return dnsprovider_driver("ionoscloud")->change(&f->env, &f->d, remove, &record, on_done, f);
}

static void
run(struct fixture *f, bool remove, const char *zone)
{
	change(f, remove, zone);
	cr_assert_eq(f->n_done, 0);
	cr_assert_eq(loop_run(f->env.loop, &f->error), 0);
	cr_assert_eq(f->n_done, 1);
	if (f->turns)
		cr_assert_null(f->turns[f->at].call, "not asked: %s", f->turns[f->at].call);
}

Test(http_api, a_change_looks_first_and_repeats_only_what_is_safe)
{
	static const struct {
		const char *why;
		bool remove;
		const char *zone;
		struct turn turns[12];
	} cases[] = {
		{ "added and waited for", false, "example.com",
			{ { "GET /zones?filter.zoneName=example.com&offset=0", 200, ZONES, NULL },
				{ "GET "
				  "/records?filter.zoneId=z1&filter.type=TXT&filter.name=_acme-challenge&",
					200, LIST(RECORD("other", "v2", "AVAILABLE")), NULL },
				{ "POST /zones/z1/records", 202, RECORD("r1", "v1", "PROVISIONING"), NULL },
				{ "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "PROVISIONING"), NULL },
				{ "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"),
					NULL } } },
		{ "no zone known: the last two labels are looked for", false, NULL,
			{ { "GET /zones?filter.zoneName=example.com&", 200, ZONES, NULL },
				{ "GET /records", 200, LIST(RECORD("r1", "\\\"v1\\\"", "AVAILABLE")), NULL },
				{ "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"),
					NULL } } },
		{ "a POST without an answer starts over", false, "example.com",
			{ { "GET /zones", 200, ZONES, NULL }, { "GET /records", 200, LIST(""), NULL },
				{ "POST /zones/z1/records", 0, NULL, NULL },
				{ "GET /zones", 200, ZONES, NULL },
				{ "GET /records", 200, LIST(RECORD("r1", "v1", "PROVISIONING")), NULL },
				{ "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"),
					NULL } } },
		{ "one that was refused by 429 is just repeated", false, "example.com",
			{ { "GET /zones", 200, ZONES, NULL }, { "GET /records", 200, LIST(""), NULL },
				{ "POST /zones/z1/records", 429, NULL, "5" },
				{ "POST /zones/z1/records", 202, RECORD("r1", "v1", "AVAILABLE"), NULL },
				{ "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"),
					NULL } } },
		{ "all own values go, nobody else's; gone ones are gone", true, "example.com",
			{ { "GET /zones", 500, "{}", NULL }, { "GET /zones", 200, ZONES, NULL },
				{ "GET /records", 200,
					LIST(RECORD("r1", "\\\"v1\\\"", "AVAILABLE") "," RECORD(
						"r2", "v2", "AVAILABLE") "," RECORD("r3", "v1",
						"FAILED") "," RECORD("r4", "v1", "DESTROYING")),
					NULL },
				{ "DELETE /zones/z1/records/r1", 202, "{}", NULL },
				{ "DELETE /zones/z1/records/r3", 404, "{}", NULL } } },
		{ "nothing to remove", true, "example.com",
			{ { "GET /zones", 200, ZONES, NULL }, { "GET /records", 200, LIST(""), NULL } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;

		setup(&f, cases[i].turns);
		run(&f, cases[i].remove, cases[i].zone);
		cr_expect_eq(f.error.code, ERROR_NONE, "%s: %s", cases[i].why, f.error.message);
		teardown(&f);
	}
}

Test(http_api, failures_say_what_the_api_said_and_what_to_do)
{
#define ERRORS(text) "{\"httpStatus\":400,\"messages\":[{\"message\":\"" text "\"}]}"
	static const struct {
		enum error_code code;
		bool retry;
		int64_t retry_at;
		const char *words;
		struct turn turns[6];
	} cases[] = {
		{ ERROR_DENIED, false, 0,
			"token is refused (HTTP 401: wrong key): certctl set dns ion --token-file",
			{ { "GET /zones", 401, ERRORS("wrong key"), NULL } } },
		{ ERROR_DNS, false, 0,
			"GET /zones?filter.zoneName=example.com&offset=0&limit=100: HTTP 400: bad  \\x",
			{ { "GET /zones", 400, ERRORS("bad\\n \\\\x"), NULL } } },
		{ ERROR_DNS, false, 0, "HTTP 302", { { "GET /zones", 302, "<html>", NULL } } },
		{ ERROR_RATE_LIMITED, true, NOW + 600, "HTTP 429", { { "GET /zones", 429, "{}", "600" } } },
		{ ERROR_DNS, true, 0, "HTTP 500",
			{ { "GET /zones", 500, "", NULL }, { "GET /zones", 500, "", NULL },
				{ "GET /zones", 500, "", NULL }, { "GET /zones", 500, "", NULL },
				{ "GET /zones", 500, "", NULL } } },
		{ ERROR_DNS, false, 0, "has no zone 'example.com'",
			{ { "GET /zones", 200, LIST(""), NULL } } },
		{ ERROR_PROTOCOL, false, 0, "no list", { { "GET /zones", 200, "", NULL } } },
		{ ERROR_PROTOCOL, false, 0, "no list", { { "GET /zones", 200, "[1]", NULL } } },
		{ ERROR_PROTOCOL, false, 0, "GET /zones", { { "GET /zones", 200, "<html>", NULL } } },
		{ ERROR_PROTOCOL, false, 0, "no id",
			{ { "GET /zones", 200,
				"{\"items\":[{\"id\":\"../"
				"x\",\"properties\":{\"zoneName\":\"example.com\"}}]}",
				NULL } } },
		{ ERROR_DNS, false, 0, "became FAILED",
			{ { "GET /zones", 200, ZONES, NULL }, { "GET /records", 200, LIST(""), NULL },
				{ "POST", 202, RECORD("r1", "v1", "PROVISIONING"), NULL },
				{ "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "FAILED"), NULL } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;

		setup(&f, cases[i].turns);
		run(&f, false, "example.com");
		cr_expect_eq(f.error.code, cases[i].code, "%s: %s", cases[i].words, f.error.message);
		cr_expect_eq(f.error.retry, cases[i].retry, "%s", cases[i].words);
		cr_expect_eq(f.error.retry_at, cases[i].retry_at, "%s", cases[i].words);
		cr_expect_not_null(strstr(f.error.message, cases[i].words), "%s", f.error.message);
		cr_expect_eq(strncmp(f.error.message, "IONOS Cloud DNS: ", 17), 0, "%s", f.error.message);
		teardown(&f);
	}
}

Test(http_api, a_record_that_never_becomes_available_ends_by_the_time_limit)
{
	static const struct turn start[] = { { "GET /zones", 200, ZONES, NULL },
		{ "GET /records", 200, LIST(RECORD("r1", "v1", "PROVISIONING")), NULL } };
	struct turn turns[40] = { start[0], start[1] };
	struct fixture f;

	for (size_t i = 2; i < ARRAY_SIZE(turns) - 1; i++)
		turns[i] = (struct turn){ "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "PROVISIONING"),
			NULL };
	setup(&f, turns);
	f.d.propagation_timeout = 60;
	change(&f, false, "example.com");
	cr_assert_eq(loop_run(f.env.loop, NULL), 0);
	cr_expect_eq(f.n_done, 1);
	cr_expect_eq(f.error.code, ERROR_TIMEOUT);
	cr_expect_not_null(strstr(f.error.message, "does not become AVAILABLE"), "%s", f.error.message);
	cr_expect_eq(clock_wall(f.clock), NOW + 60);
	cr_expect_lt(f.at, 20, "polled %zu times", f.at);
	teardown(&f);
}

Test(http_api, a_cancelled_change_calls_nobody)
{
	static const struct turn turns[] = { { "GET /zones", 200, ZONES, NULL }, { NULL, 0, NULL, NULL } };
	struct fixture f;

	setup(&f, turns);
	dnsprovider_driver("ionoscloud")->cancel(change(&f, false, NULL));
	cr_assert_eq(loop_run(f.env.loop, NULL), 0);
	cr_expect_eq(f.n_done + (int)f.at, 0);
	teardown(&f);
}

Test(http_api, settings_are_checked)
{
	static const struct {
		const char *token;
		const char *endpoint;
		const char *field; /* NULL: fine */
	} cases[] = {
		{ "a.b-c_d=", NULL, NULL },
		{ "t", "", "endpoint" },
		{ "t", "https://dns.example.com", NULL },
		{ "t", "https://dns.example.com:8443/v1/", NULL },
		{ "t", "http://127.0.0.1:8080", NULL },
		{ "t", "http://[::1]:8080", NULL },
		{ "t", "http://localhost", NULL },
		{ "", NULL, "token" },
		{ "a b", NULL, "token" },
		{ "a\r\nX: y", NULL, "token" },
		{ "t", "http://dns.example.com", "endpoint" },
		{ "t", "http://127.0.0.1.example.com", "endpoint" },
		{ "t", "http://localhost.example.com", "endpoint" },
		{ "t", "http://[::1].example.com", "endpoint" },
		{ "t", "http://127.0.0.1@example.com", "endpoint" },
		{ "t", "https://", "endpoint" },
		{ "t", "https:///path", "endpoint" },
		{ "t", "https://example.com?x", "endpoint" },
		{ "t", "ftp://example.com", "endpoint" },
		{ "t", "example.com", "endpoint" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup("ionoscloud") };
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc;

		setting_put(&d.settings, "endpoint", cases[i].endpoint);
		setting_put_secret(&d.secrets, "token", cases[i].token, strlen(cases[i].token));
		rc = dnsprovider_check(&d, &err);
		cr_expect_eq(rc, cases[i].field ? -1 : 0, "%zu: %s", i, cases[i].endpoint);
		if (cases[i].field && rc < 0)
			cr_expect_str_eq(err.field, cases[i].field, "%zu", i);
	}
}
