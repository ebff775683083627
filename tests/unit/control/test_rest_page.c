/* What REST says on a connection of its own: the page, events as a stream, heads. */
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/control/rest_call.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
	struct tmp_store t;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct events *events;
	struct service service;
	struct conf conf;
	struct peer peer;
	struct rest_from from;
	bool is_known;
	struct httpd_conn *conn;
	int fd; /* the client's */
	struct buf got;
};

static bool
turn_end(void *arg)
{
	return store_commit(arg);
}

static void
on_request(struct httpd_conn *conn, const struct httpd_head *head, const char *body, void *arg)
{
	struct rig *r = arg;

	rest_call(&r->service, conn, r->is_known ? &r->peer : NULL, &r->from, head, body);
}

static void
on_closed(void *arg)
{
	struct rig *r = arg;

	r->conn = NULL;
}

static void
rig_init(struct rig *r)
{
	*r = (struct rig){ .clock = clock_new_virtual(1700000000), .fd = -1, .is_known = true };
	tmp_store_init(&r->t, 0);
	conf_init(&r->conf);
	r->conf.has_rest_page = true;
	r->peer = (struct peer){ .uid = 5000, .role = ROLE_ADMIN, .user_id = "5000", .label = "uid:5000" };
	r->loop = loop_new(r->clock);
	loop_set_turn_end(r->loop, turn_end, r->t.store);
	r->log = log_new(LOG_LEVEL_ERROR);
	r->events = events_new(r->t.store, r->clock, r->log, 1000);
	r->service = (struct service){
		.methods = service_methods, .loop = r->loop, .store = r->t.store, .events = r->events, .conf = &r->conf
	};
}

static void
hang_up(struct rig *r)
{
	httpd_conn_free(r->conn);
	r->conn = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

static void
rig_clear(struct rig *r)
{
	hang_up(r);
	store_close(r->t.store);
	r->t.store = NULL;
	events_free(r->events);
	loop_free(r->loop);
	log_free(r->log);
	clock_free(r->clock);
	conf_clear(&r->conf);
	buf_clear(&r->got);
	tmp_store_clear(&r->t);
}

/* Lets the daemon run for @sec virtual seconds. Return: what it said meanwhile. */
static const char *
run(struct rig *r, int64_t sec)
{
	char block[65536];
	ssize_t n;

	buf_reset(&r->got);
	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + sec, NULL), 0);
	while ((n = recv(r->fd, block, sizeof(block), 0)) > 0)
		buf_add(&r->got, block, (size_t)n);
	return buf_str(&r->got);
}

/* One request on a connection of its own. Return: what is answered. */
static const char *
ask(struct rig *r, const char *method, const char *path, const char *fields)
{
	struct httpd_conn_config config = { .loop = r->loop, .request = on_request, .closed = on_closed, .arg = r };
	_cleanup_free_ char *head = xasprintf("%s %s HTTP/1.1\r\nHost: c.test\r\n%s\r\n", method, path, fields);
	int fds[2];

	hang_up(r);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	r->fd = fds[1];
	r->conn = httpd_conn_new(fds[0], &config);
	cr_assert_eq(send(r->fd, head, strlen(head), MSG_NOSIGNAL), (ssize_t)strlen(head));
	return run(r, 1);
}

Test(rest_page, its_files_are_served_with_the_protections_of_browsers)
{
	static const struct {
		const char *method, *path, *type; /* NULL: it is none of the page's */
	} cases[] = {
		{ "GET", "/", "text/html; charset=utf-8" },
		{ "HEAD", "/", "text/html; charset=utf-8" },
		{ "GET", "/page.js", "text/javascript; charset=utf-8" },
		{ "GET", "/page.css", "text/css; charset=utf-8" },
		{ "GET", "/page.svg", "image/svg+xml" },
		{ "GET", "/page.html", NULL },
		{ "POST", "/", NULL },
	};
	static const char *const fields[] = { "\r\nContent-Security-Policy: default-src 'none'; ",
		"frame-ancestors 'none'\r\n", "\r\nX-Content-Type-Options: nosniff\r\n",
		"\r\nCache-Control: no-store\r\n", "\r\nReferrer-Policy: no-referrer\r\n" };
	struct rig r;

	rig_init(&r);
	r.is_known = false; /* it has no secrets: a token is asked for by the page itself */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *said = ask(&r, cases[i].method, cases[i].path, "");
		_cleanup_free_ char *type = xasprintf("\r\nContent-Type: %s\r\n", cases[i].type ? cases[i].type : "");

		cr_expect_eq(strncmp(said, "HTTP/1.1 200 ", 13) == 0, cases[i].type != NULL, "%s: %.40s", cases[i].path,
			said);
		if (!cases[i].type) {
			cr_expect_eq(strncmp(said, "HTTP/1.1 401 ", 13), 0, "%s: %.40s", cases[i].path, said);
			cr_expect_not_null(strstr(said, "\r\nWWW-Authenticate: Bearer\r\n"));
			continue;
		}
		cr_expect_not_null(strstr(said, type), "%s: %.400s", cases[i].path, said);
		for (size_t k = 0; k < ARRAY_SIZE(fields); k++)
			cr_expect_not_null(strstr(said, fields[k]), "%s: %s", cases[i].path, fields[k]);
	}
	r.conf.has_rest_page = false;
	cr_expect_eq(strncmp(ask(&r, "GET", "/", ""), "HTTP/1.1 401 ", 13), 0);
	rig_clear(&r);
}

Test(rest_page, it_says_whether_a_token_is_needed)
{
	struct rig r;
	size_t len[2];

	rig_init(&r);
	for (int needs = 0; needs <= 1; needs++) {
		const char *said, *body;

		r.from.needs_token = needs;
		said = ask(&r, "GET", "/", "");
		body = strstr(said, "\r\n\r\n");
		cr_assert_not_null(body);
		cr_expect_eq(strncmp(body + 4, "<!DOCTYPE html>\n", 16), 0);
		cr_expect_eq(strstr(body, "<body data-access=\"role\"") != NULL, !needs);
		cr_expect_eq(strstr(body, "<body data-access=\"token\"") != NULL, needs);
		cr_expect_not_null(strstr(body, "</html>\n"));
		len[needs] = strlen(body);
	}
	cr_expect_eq(len[1], len[0] + strlen("token") - strlen("role"), "nothing else differs");
	rig_clear(&r);
}

/* The same answer for programs and, drawn, for browsers. */
Test(rest_page, the_forecast_is_drawn_for_a_browser_only)
{
	static const struct {
		const char *fields;
		bool has_page, is_drawn;
	} cases[] = {
		{ "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n", true, true },
		{ "Accept: text/html\r\n", false, false },
		{ "Accept: application/json\r\n", true, false },
		{ "Accept: */*\r\n", true, false },
		{ "", true, false },
	};
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *said;

		r.conf.has_rest_page = cases[i].has_page;
		said = ask(&r, "GET", "/forecast", cases[i].fields);
		cr_expect_eq(strncmp(said, "HTTP/1.1 200 ", 13), 0, "%.40s", said);
		cr_expect_eq(strstr(said, "\r\nContent-Type: text/html; charset=utf-8\r\n") != NULL, cases[i].is_drawn);
		cr_expect_eq(
			strstr(said, "\r\nContent-Security-Policy: default-src 'none'; ") != NULL, cases[i].is_drawn);
		cr_expect_eq(strstr(said, "<svg ") != NULL, cases[i].is_drawn);
		cr_expect_eq(strstr(said, "{\"from\":") != NULL, !cases[i].is_drawn, "%s", said);
	}
	r.is_known = false;
	cr_expect_eq(strncmp(ask(&r, "GET", "/forecast", cases[0].fields), "HTTP/1.1 401 ", 13), 0);
	rig_clear(&r);
}

Test(rest_events, are_streamed_to_who_accepts_a_stream_with_signs_of_life_and_an_end)
{
	struct rig r;
	const char *said;

	rig_init(&r);
	said = ask(&r, "GET", "/events", "Accept: text/event-stream\r\n");
	cr_expect_eq(strncmp(said, "HTTP/1.1 200 ", 13), 0, "%s", said);
	cr_expect_not_null(strstr(said, "\r\nContent-Type: text/event-stream\r\n"), "%s", said);
	cr_expect_not_null(strstr(said, "\r\nX-Accel-Buffering: no\r\n"));
	cr_expect_not_null(strstr(said, "retry: 5000\n\n"));
	cr_expect_null(strstr(said, "data: "), "nothing has happened");
	cr_expect_str_empty(run(&r, 18));
	said = run(&r, 2);
	cr_expect_not_null(strstr(said, ":\n\n"), "%s", said);
	run(&r, 15 * 60 - 22);
	cr_expect_not_null(r.conn, "it ends after a quarter of an hour");
	run(&r, 3);
	cr_expect_null(r.conn);
	rig_clear(&r);
}

Test(rest_events, each_event_has_its_number_and_puts_the_sign_of_life_off)
{
	struct rig r;
	const char *said, *last;

	rig_init(&r);
	event_emit(r.events, NULL, EVENT_SERVER_WARNING, NULL, NULL, "before");
	run(&r, 1);
	ask(&r, "GET", "/events", "Accept: text/event-stream\r\n");
	run(&r, 14);
	event_emit(r.events, NULL, EVENT_SERVER_WARNING, NULL, NULL, "now");
	said = run(&r, 1);
	cr_expect_not_null(strstr(said, "id: 2\ndata: {\"seq\":2,"), "%s", said);
	last = strstr(said, "\"message\":\"now\"");
	cr_expect(last && strstr(last, "}\n\n"), "%s", said);
	cr_expect_null(strstr(said, "before"));
	cr_expect_null(strstr(run(&r, 18), ":\n\n"));
	cr_expect_not_null(strstr(run(&r, 2), ":\n\n"));
	/* Who has left is forgotten: nothing is sent to it. */
	close(r.fd);
	r.fd = -1;
	run(&r, 1);
	cr_expect_null(r.conn);
	event_emit(r.events, NULL, EVENT_SERVER_WARNING, NULL, NULL, "later");
	run(&r, 60);
	rig_clear(&r);
}

Test(rest_events, others_get_a_list)
{
	static const struct {
		const char *method, *path, *fields;
	} cases[] = {
		{ "GET", "/events", "" },
		{ "GET", "/events", "Accept: application/json\r\n" },
		{ "HEAD", "/events", "Accept: text/event-stream\r\n" },
	};
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *said = ask(&r, cases[i].method, cases[i].path, cases[i].fields);

		cr_expect_eq(strncmp(said, "HTTP/1.1 200 ", 13), 0, "%s", said);
		cr_expect_not_null(strstr(said, "\r\nContent-Type: application/json\r\n"), "%zu: %s", i, said);
	}
	rig_clear(&r);
}
