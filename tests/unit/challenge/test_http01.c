/* The listener over real sockets: clients write, the loop runs for a while in the same thread, clients read. */
#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/http01.h"
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define KEY_AUTHORIZATION TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define GET_TOKEN "GET /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\nHost: x\r\n\r\n"

enum { PATIENCE_MS = 120000, DEADLINE_MS = 2 * PATIENCE_MS, SHORT_DEADLINE_MS = 400, SOON_MS = 20 };

struct fixture {
	struct clock *clock;
	struct loop *loop;
	struct http01 *http;
	struct sockaddr_in address;
};

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

static void
run_ms(struct loop *loop, int64_t ms)
{
	struct loop_timer timer;

	loop_timer_init(&timer, loop, on_stop, loop);
	loop_timer_set(&timer, ms);
	cr_assert_eq(loop_run(loop, NULL), 0);
	loop_timer_cancel(&timer);
}

static int
bind_loopback(struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)free_port()),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cr_assert_eq(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), 0);
	return fd;
}

/* As systemd hands a socket over. */
static void
setup_with_deadline(struct fixture *f, int64_t deadline_ms)
{
	int fd = bind_loopback(&f->address);
	struct http01_config config = { .fds = &fd, .n_fds = 1, .deadline_ms = deadline_ms };

	cr_assert_eq(listen(fd, 512), 0);
	f->clock = clock_new_real();
	f->loop = loop_new(f->clock);
	f->http = http01_new(f->loop, &config);
	http01_put(f->http, TOKEN, KEY_AUTHORIZATION);
}

static void
setup(struct fixture *f)
{
	setup_with_deadline(f, DEADLINE_MS);
}

static void
teardown(struct fixture *f)
{
	http01_free(f->http);
	loop_free(f->loop);
	clock_free(f->clock);
}

static int
client(const struct fixture *f, const char *request)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
	cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* What came so far. Return: has the server closed its side? */
static bool
receive(int fd, struct buf *ret)
{
	char part[4096];
	ssize_t n;

	while ((n = recv(fd, part, sizeof(part), 0)) > 0)
		buf_add(ret, part, (size_t)n);
	return n == 0 || (errno != EAGAIN && errno != EINTR);
}

/* One exchange; the server must close at the end, and long before its deadline. */
static void
exchange(struct fixture *f, const char *request, struct buf *ret)
{
	int fd = client(f, request);
	bool is_closed = false;

	for (int ms = 0; !is_closed && ms < PATIENCE_MS; ms += SOON_MS) {
		run_ms(f->loop, SOON_MS);
		is_closed = receive(fd, ret);
	}
	cr_expect(is_closed, "not closed after: %s", request);
	close(fd);
}

static bool
ends_with(const struct buf *b, const char *end)
{
	return b->len >= strlen(end) && strcmp(b->data + b->len - strlen(end), end) == 0;
}

Test(http01, serves_exactly_the_tokens_that_are_up)
{
	struct fixture f;
	_cleanup_buf_ struct buf hit = BUF_INIT;
	_cleanup_buf_ struct buf head = BUF_INIT;
	_cleanup_buf_ struct buf miss = BUF_INIT;
	_cleanup_buf_ struct buf gone = BUF_INIT;

	setup(&f);
	exchange(&f, GET_TOKEN, &hit);
	cr_expect(strncmp(buf_str(&hit), "HTTP/1.1 200 OK\r\n", 17) == 0);
	cr_expect_not_null(strstr(buf_str(&hit), "Content-Type: application/octet-stream\r\n"));
	cr_expect(ends_with(&hit, "\r\n\r\n" KEY_AUTHORIZATION));
	exchange(&f, "HEAD /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\nHost: x\r\n\r\n", &head);
	cr_expect(strncmp(buf_str(&head), "HTTP/1.1 200 OK\r\n", 17) == 0);
	cr_expect(ends_with(&head, "\r\n\r\n"));
	cr_expect_not_null(strstr(buf_str(&head), "Content-Length: 87\r\n"), "%s", buf_str(&head));
	exchange(&f, "GET /.well-known/acme-challenge/nobody-knows-this HTTP/1.1\r\nHost: x\r\n\r\n", &miss);
	cr_expect(strncmp(buf_str(&miss), "HTTP/1.1 404 ", 13) == 0);
	cr_expect_null(strstr(buf_str(&miss), "nobody"), "input comes back");
	http01_remove(f.http, TOKEN, KEY_AUTHORIZATION);
	exchange(&f, GET_TOKEN, &gone);
	cr_expect(strncmp(buf_str(&gone), "HTTP/1.1 404 ", 13) == 0);
	teardown(&f);
}

#define PATH "/.well-known/acme-challenge/" TOKEN

/* As validators and the proxies in front of certd ask; and what is near it. */
Test(http01, the_forms_of_a_request)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "GET " PATH " HTTP/1.1\r\nHost: x:80\r\n\r\n", 200 },
		{ "GET " PATH " HTTP/1.1\r\nhOST: X.\r\n\r\n", 200 },
		{ "GET " PATH " HTTP/1.0\r\n\r\n", 200 },
		{ "GET " PATH " HTTP/1.1\nHost: x\n\n", 200 },
		{ "\r\nGET " PATH " HTTP/1.1\r\nHost: x\r\n\r\n", 200 },
		{ "GET http://x" PATH " HTTP/1.1\r\nHost: x\r\n\r\n", 200 },
		{ "GET HTTP://x:80" PATH " HTTP/1.1\r\nHost: x:80\r\n\r\n", 200 },
		{ "GET https://x" PATH "?y HTTP/1.1\r\nHost: x\r\n\r\n", 200 },
		{ "GET " PATH "?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 200 },
		{ "GET " PATH "? HTTP/1.1\r\nHost: x\r\n\r\n", 200 },
		{ "GET " PATH "x HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET " PATH "/ HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /" PATH " HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /.well-known/acme-challenge/ HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /.well-known/acme-challenge HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET /.well-known/acme-challenge/../" TOKEN " HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
		{ "get " PATH " HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
		{ "GET ftp://x" PATH " HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET " PATH "\r\n\r\n", 400 },
		{ "GET  " PATH " HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
		{ "GET " PATH " HTTP/1.1\r\n\r\n", 400 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400 },
	};
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf got = BUF_INIT;
		_cleanup_free_ char *line = xasprintf("HTTP/1.1 %d ", cases[i].status);

		exchange(&f, cases[i].text, &got);
		cr_expect(strncmp(buf_str(&got), line, strlen(line)) == 0, "%s: %s", cases[i].text, buf_str(&got));
		cr_expect_eq(ends_with(&got, KEY_AUTHORIZATION), cases[i].status == 200, "%s", cases[i].text);
	}
	teardown(&f);
}

Test(http01, a_token_put_twice_stays_until_it_is_removed_twice)
{
	struct fixture f;
	_cleanup_buf_ struct buf hit = BUF_INIT;

	setup(&f);
	http01_put(f.http, TOKEN, KEY_AUTHORIZATION);
	http01_remove(f.http, TOKEN, KEY_AUTHORIZATION);
	exchange(&f, GET_TOKEN, &hit);
	cr_expect(strncmp(buf_str(&hit), "HTTP/1.1 200 ", 13) == 0);
	teardown(&f);
}

Test(http01, refuses_other_methods_and_large_headers)
{
	struct fixture f;
	_cleanup_buf_ struct buf post = BUF_INIT;
	_cleanup_buf_ struct buf large = BUF_INIT;
	_cleanup_buf_ struct buf request = BUF_INIT;

	setup(&f);
	exchange(&f, "POST /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
		&post);
	cr_expect(strncmp(buf_str(&post), "HTTP/1.1 405 ", 13) == 0);
	cr_expect_not_null(strstr(buf_str(&post), "Allow: GET, HEAD\r\n"));
	buf_add_str(&request, "GET /.well-known/acme-challenge/" TOKEN " HTTP/1.1\r\n");
	while (request.len < 20000)
		buf_add_str(&request, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
	buf_add_str(&request, "\r\n");
	exchange(&f, buf_str(&request), &large);
	cr_expect(strncmp(buf_str(&large), "HTTP/1.1 431 ", 13) == 0, "the answer was lost: %s", buf_str(&large));
	teardown(&f);
}

/* An octet now and then keeps nothing open: the deadline is absolute. */
Test(http01, a_slow_client_is_closed_at_its_deadline)
{
	struct fixture f;
	_cleanup_buf_ struct buf got = BUF_INIT;
	bool closed = false;
	int64_t began_ms;
	int64_t open_ms = 0;
	int fd;

	setup_with_deadline(&f, SHORT_DEADLINE_MS);
	began_ms = clock_boot_ms(f.clock);
	fd = client(&f, "G");
	while (!closed && open_ms < PATIENCE_MS) {
		run_ms(f.loop, SOON_MS);
		send(fd, "x", 1, MSG_NOSIGNAL);
		closed = receive(fd, &got);
		open_ms = clock_boot_ms(f.clock) - began_ms;
	}
	cr_expect(closed, "still open after %d ms", (int)open_ms);
	cr_expect_geq(open_ms, SHORT_DEADLINE_MS);
	cr_expect_eq(got.len, 0);
	close(fd);
	teardown(&f);
}

Test(http01, idlers_make_room_for_who_asks)
{
	enum { IDLERS = 200 };
	struct fixture f;
	_cleanup_buf_ struct buf hit = BUF_INIT;
	_cleanup_buf_ struct buf none = BUF_INIT;
	int fds[IDLERS];
	int open = 0;

	setup(&f);
	for (int i = 0; i < IDLERS; i++)
		fds[i] = client(&f, "");
	run_ms(f.loop, SOON_MS);
	exchange(&f, GET_TOKEN, &hit);
	cr_expect(ends_with(&hit, KEY_AUTHORIZATION));
	for (int i = 0; i < IDLERS; i++) {
		open += !receive(fds[i], &none);
		close(fds[i]);
	}
	cr_expect_leq(open, HTTP01_CONNECTIONS_MAX);
	cr_expect_geq(open, HTTP01_CONNECTIONS_MAX - 1);
	teardown(&f);
}

Test(http01, a_taken_port_is_said_and_heals_by_itself)
{
	struct fixture f;
	struct sockaddr_in address;
	_cleanup_strlist_ struct strlist listen_at = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct http01_config config = { .listen = &listen_at };
	struct http01 *http;
	int fd = bind_loopback(&address);

	cr_assert_eq(listen(fd, 1), 0);
	setup(&f);
	strlist_take(&listen_at, xasprintf("127.0.0.1:%d", ntohs(address.sin_port)));
	http = http01_new(f.loop, &config);
	cr_assert(http01_is_configured(http));
	cr_expect_not(http01_is_open(http));
	cr_assert_not_null(http01_error(http));
	cr_expect_not_null(strstr(http01_error(http)->message, "has that port: set http-listen to another port"));
	cr_expect_eq(http01_open(http, &err), -1);
	cr_expect_eq(err.code, ERROR_UNAVAILABLE);
	close(fd);
	cr_expect_eq(http01_open(http, NULL), 0);
	cr_expect_null(http01_error(http));
	http01_free(http);
	teardown(&f);
}
