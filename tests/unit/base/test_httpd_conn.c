/* Connections at one end of a socket pair, a scripted client at the other, in virtual time. */
#include "daemon/base/clock.h"
#include "daemon/base/httpd_conn.h"
#include "daemon/base/loop.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX = 256 * 1024 };

struct rig {
	struct clock *clock;
	struct loop *loop;
	struct httpd_conn *conn; /* NULL: it has ended */
	unsigned ended;
	unsigned requests;
	bool is_slow;      /* answers are for the test to give */
	size_t answer_len; /* 0: the path and the body come back */
	int status;        /* of the last request's head */
	int fd;            /* the client's; -1: closed */
	struct buf got;
};

static void
answer(struct rig *r, struct httpd_conn *conn, const char *text)
{
	struct buf body = BUF_INIT;

	buf_add_str(&body, text);
	for (size_t i = 0; i < r->answer_len; i++)
		buf_add_char(&body, 'x');
	httpd_conn_answer(conn, r->status, "", &body);
}

static void
requested(struct httpd_conn *conn, const struct httpd_head *head, const char *body, void *arg)
{
	struct rig *r = arg;
	_cleanup_free_ char *text = head->status == 200 ? xasprintf("[%.*s %.*s]", (int)head->path.len, head->path.data,
								  (int)head->body_len, body)
							: xstrdup(head->why);

	r->requests++;
	r->status = head->status;
	if (!r->is_slow)
		answer(r, conn, text);
}

static void
ended(void *arg)
{
	struct rig *r = arg;

	r->ended++;
	r->conn = NULL;
}

static void
rig_init(struct rig *r)
{
	int fds[2];

	*r = (struct rig){ .clock = clock_new_virtual(1700000000) };
	r->loop = loop_new(r->clock);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	r->fd = fds[1];
	r->conn = httpd_conn_new(fds[0], &(struct httpd_conn_config){ .loop = r->loop,
						 .limits = { .max_body = BODY_MAX },
						 .request = requested,
						 .closed = ended,
						 .arg = r });
}

static void
rig_clear(struct rig *r)
{
	httpd_conn_free(r->conn);
	if (r->fd >= 0)
		close(r->fd);
	loop_free(r->loop);
	clock_free(r->clock);
	buf_clear(&r->got);
}

static void
run(struct rig *r, int64_t sec)
{
	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + sec, NULL), 0);
}

static void
client_send(struct rig *r, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(r->fd, text, len, MSG_NOSIGNAL);

		if (n < 0) {
			run(r, 0);
			continue;
		}
		text += n;
		len -= (size_t)n;
	}
}

/* All that has come so far. */
static const char *
client_read(struct rig *r)
{
	char block[65536];
	ssize_t n;

	run(r, 0);
	while ((n = recv(r->fd, block, sizeof(block), 0)) > 0) {
		buf_add(&r->got, block, (size_t)n);
		run(r, 0);
	}
	return buf_str(&r->got);
}

static unsigned
count(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

#define A "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

Test(httpd_conn, requests_sent_ahead_are_answered_one_after_the_other)
{
	struct rig r;

	rig_init(&r);
	client_send(&r, "\r\n" A "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" A
			"GET /c HTTP/1.1\r\nHost: h\r\nConnection: "
			"close\r\n\r\n" A);
	client_read(&r);
	cr_expect_eq(r.requests, 4);
	cr_expect_eq(count(buf_str(&r.got), "HTTP/1.1 200 OK\r\n"), 4);
	cr_expect(strstr(buf_str(&r.got), "[/a ]") < strstr(buf_str(&r.got), "[/b hello]"));
	cr_expect_eq(count(buf_str(&r.got), "Connection: close"), 1);
	cr_expect_eq(r.ended, 0, "it waits for the peer to close");
	run(&r, 3);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(httpd_conn, a_request_may_come_in_single_octets)
{
	static const char text[] = "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
	struct rig r;

	rig_init(&r);
	for (const char *p = text; *p; p++) {
		client_send(&r, (char[]){ *p, '\0' });
		cr_expect_eq(r.requests, 0);
		run(&r, 0);
	}
	cr_expect_not_null(strstr(client_read(&r), "[/b hello]"));
	rig_clear(&r);
}

Test(httpd_conn, who_drips_has_ten_seconds_for_a_request)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 9; i++) {
		client_send(&r, "G");
		run(&r, 1);
	}
	cr_expect_eq(r.ended, 0);
	run(&r, 2);
	cr_expect_eq(r.ended, 1);
	cr_expect_eq(r.requests, 0);
	rig_clear(&r);
}

Test(httpd_conn, a_body_that_does_not_come_is_waited_for_no_longer)
{
	struct rig r;

	rig_init(&r);
	client_send(&r, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
	for (int i = 0; i < 11; i++) {
		run(&r, 1);
		if (!r.ended)
			client_send(&r, "x");
	}
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(httpd_conn, who_is_idle_is_let_go_after_thirty_seconds)
{
	struct rig r;

	rig_init(&r);
	client_send(&r, A);
	client_read(&r);
	run(&r, 29);
	client_send(&r, A);
	client_read(&r);
	run(&r, 29);
	cr_expect_eq(r.ended, 0);
	run(&r, 2);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(httpd_conn, who_says_nothing_at_all_has_ten_seconds)
{
	struct rig r;

	rig_init(&r);
	run(&r, 9);
	cr_expect_eq(r.ended, 0);
	run(&r, 2);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(httpd_conn, who_does_not_take_his_answer_is_let_go_and_not_read_from)
{
	struct rig r;

	rig_init(&r);
	r.answer_len = 4 << 20;
	client_send(&r, A A A);
	run(&r, 59);
	cr_expect_eq(r.ended, 0);
	cr_expect_eq(r.requests, 1, "the next one waits");
	run(&r, 2);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(httpd_conn, what_is_too_large_is_refused_before_it_has_come_and_the_reason_arrives)
{
	_cleanup_free_ char *rest = xcalloc(1, (1 << 20) + 1);
	struct rig r;

	rig_init(&r);
	client_send(&r, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\nExpect: 100-continue\r\n\r\n");
	run(&r, 0);
	cr_expect_eq(r.status, 413);
	memset(rest, 'x', 1 << 20);
	client_send(&r, rest);
	cr_expect_not_null(strstr(client_read(&r), "HTTP/1.1 413 "));
	cr_expect_null(strstr(buf_str(&r.got), "100 Continue"));
	cr_expect_eq(r.requests, 1);
	shutdown(r.fd, SHUT_WR);
	run(&r, 0);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(httpd_conn, who_expects_it_is_told_to_go_on)
{
	struct rig r;

	rig_init(&r);
	client_send(&r, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	cr_expect_str_eq(client_read(&r), "HTTP/1.1 100 Continue\r\n\r\n");
	client_send(&r, "ok");
	cr_expect_not_null(strstr(client_read(&r), "[/b ok]"));
	cr_expect_eq(count(buf_str(&r.got), "100 Continue"), 1);
	rig_clear(&r);
}

Test(httpd_conn, head_gets_the_length_alone)
{
	struct rig r;

	rig_init(&r);
	client_send(&r, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
	client_read(&r);
	cr_expect_not_null(strstr(buf_str(&r.got), "Content-Length: 5\r\n"));
	cr_expect_null(strstr(buf_str(&r.got), "[/a"));
	rig_clear(&r);
}

Test(httpd_conn, an_answer_that_comes_late_is_sent_and_one_too_late_goes_nowhere)
{
	struct httpd_conn *conn;
	struct rig r;

	rig_init(&r);
	r.is_slow = true;
	client_send(&r, A);
	run(&r, 1000);
	cr_expect_eq(r.ended, 0, "certd works on it");
	answer(&r, r.conn, "late");
	cr_expect_not_null(strstr(client_read(&r), "late"));
	client_send(&r, A);
	run(&r, 0);
	conn = r.conn;
	httpd_conn_free(conn);
	r.conn = NULL;
	answer(&r, conn, "too late");
	cr_expect_null(strstr(client_read(&r), "too late"));
	rig_clear(&r);
}
