/* Connections at one end of a socket pair, a scripted client at the other, in virtual time. */
#include "daemon/base/clock.h"
#include "daemon/base/httpd_conn.h"
#include "daemon/base/loop.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
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

/* At one end of a new pair; r->fd is the other. @ssl: taken; NULL: plain. */
static struct httpd_conn *
conn_new(struct rig *r, SSL *ssl)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	r->fd = fds[1];
	return httpd_conn_new(fds[0], &(struct httpd_conn_config){ .loop = r->loop,
					      .ssl = ssl,
					      .limits = { .max_body = BODY_MAX },
					      .request = requested,
					      .closed = ended,
					      .arg = r });
}

static void
rig_init(struct rig *r)
{
	*r = (struct rig){ .clock = clock_new_virtual(1700000000) };
	r->loop = loop_new(r->clock);
	r->conn = conn_new(r, NULL);
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

/* --- TLS --- */

struct tls {
	SSL_CTX *server, *client;
	SSL *ssl; /* the client's */
};

static SSL_CTX *
server_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	cr_assert(X509_sign(cert, key, EVP_sha256()));
	cr_assert_eq(SSL_CTX_use_certificate(ctx, cert), 1);
	cr_assert_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static void
rig_init_tls(struct rig *r, struct tls *tls)
{
	rig_init(r);
	httpd_conn_free(r->conn);
	close(r->fd);
	tls->server = server_context();
	tls->client = SSL_CTX_new(TLS_client_method());
	r->conn = conn_new(r, SSL_new(tls->server));
	tls->ssl = SSL_new(tls->client);
	SSL_set_fd(tls->ssl, r->fd);
	SSL_set_connect_state(tls->ssl);
}

static void
rig_clear_tls(struct rig *r, struct tls *tls)
{
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->client);
	SSL_CTX_free(tls->server);
	rig_clear(r);
}

/* Lets the daemon go on when @n says that OpenSSL has to wait for it. Return: false: it has not. */
static bool
waits_for_daemon(struct rig *r, struct tls *tls, int n)
{
	int why = SSL_get_error(tls->ssl, n);

	run(r, 0);
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static void
tls_send(struct rig *r, struct tls *tls, const char *text, size_t len)
{
	while (len) {
		int n = SSL_write(tls->ssl, text, (int)len);

		if (n <= 0) {
			cr_assert(waits_for_daemon(r, tls, n));
			continue;
		}
		text += n;
		len -= (size_t)n;
	}
	run(r, 0);
}

/* Up to @len octets, or the end. Return: octets. */
static size_t
tls_read(struct rig *r, struct tls *tls, size_t len)
{
	size_t got = 0;
	char block[16384];

	for (unsigned idle = 0; got < len && idle < 100;) {
		int n = SSL_read(tls->ssl, block, sizeof(block));

		if (n > 0) {
			buf_add(&r->got, block, (size_t)n);
			got += (size_t)n;
			idle = 0;
		} else if (waits_for_daemon(r, tls, n)) {
			idle++;
		} else {
			break;
		}
	}
	return got;
}

Test(httpd_conn, requests_and_answers_of_any_size_go_over_tls)
{
	enum { LEN = 200 * 1024 };
	_cleanup_free_ char *body = xcalloc(1, LEN + 1);
	_cleanup_free_ char *head = xasprintf("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", LEN);
	struct tls tls;
	struct rig r;

	memset(body, 'y', LEN);
	rig_init_tls(&r, &tls);
	for (unsigned i = 1; i <= 3; i++) {
		buf_reset(&r.got);
		tls_send(&r, &tls, head, strlen(head));
		tls_send(&r, &tls, body, LEN);
		cr_expect_geq(tls_read(&r, &tls, LEN), LEN, "answer %u", i);
		cr_expect_eq(r.requests, i);
		cr_expect_not_null(strstr(buf_str(&r.got), "HTTP/1.1 200 OK\r\n"));
		cr_expect_not_null(strstr(buf_str(&r.got), "Connection: keep-alive"));
		cr_expect_eq(strspn(strchr(buf_str(&r.got), 'y'), "y"), LEN);
	}
	cr_expect_eq(r.ended, 0);
	cr_expect_eq(SSL_shutdown(tls.ssl), 0);
	run(&r, 0);
	cr_expect_eq(r.ended, 1, "the client has left");
	rig_clear_tls(&r, &tls);
}

Test(httpd_conn, several_requests_in_one_record_are_all_seen)
{
	struct tls tls;
	struct rig r;

	rig_init_tls(&r, &tls);
	tls_send(&r, &tls, A A A, strlen(A A A));
	tls_read(&r, &tls, 1);
	run(&r, 0);
	cr_expect_eq(r.requests, 3);
	rig_clear_tls(&r, &tls);
}

Test(httpd_conn, the_last_answer_over_tls_ends_with_a_close_notify)
{
	static const char text[] = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
	struct tls tls;
	struct rig r;
	char octet;
	int n;

	rig_init_tls(&r, &tls);
	tls_send(&r, &tls, text, strlen(text));
	tls_read(&r, &tls, SIZE_MAX);
	cr_expect_not_null(strstr(buf_str(&r.got), "[/a ]"));
	n = SSL_read(tls.ssl, &octet, 1);
	cr_expect_eq(SSL_get_error(tls.ssl, n), SSL_ERROR_ZERO_RETURN, "otherwise it could have been cut off");
	rig_clear_tls(&r, &tls);
}

Test(httpd_conn, what_is_not_tls_ends_the_connection)
{
	struct tls tls;
	struct rig r;

	rig_init_tls(&r, &tls);
	client_send(&r, A);
	run(&r, 0);
	cr_expect_eq(r.ended, 1);
	cr_expect_eq(r.requests, 0);
	rig_clear_tls(&r, &tls);
}

Test(httpd_conn, a_handshake_that_does_not_go_on_has_the_time_of_a_request)
{
	struct tls tls;
	struct rig r;

	rig_init_tls(&r, &tls);
	run(&r, 9);
	cr_expect_eq(r.ended, 0);
	run(&r, 2);
	cr_expect_eq(r.ended, 1);
	rig_clear_tls(&r, &tls);
}

/* --- answers without an end --- */

static void
stream_is_gone(void *arg)
{
	(*(unsigned *)arg)++;
}

static void
stream_start(struct rig *r, unsigned *gone)
{
	rig_init(r);
	r->is_slow = true;
	client_send(r, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	run(r, 0);
	cr_assert_eq(r->requests, 1);
	*gone = 0;
	cr_assert(httpd_conn_stream(r->conn, "X: y\r\n", "first\n", 6, stream_is_gone, gone));
}

Test(httpd_conn, a_stream_lasts_until_its_owner_ends_it)
{
	struct rig r;
	unsigned gone;

	stream_start(&r, &gone);
	run(&r, 3600);
	cr_expect_str_eq(client_read(&r) + r.got.len - 6, "first\n");
	cr_expect_not_null(strstr(buf_str(&r.got), "X: y\r\nConnection: close\r\n\r\n"));
	cr_expect_null(strstr(buf_str(&r.got), "Content-Length"));
	httpd_conn_stream_send(r.conn, "second\n", 7);
	cr_expect_str_eq(client_read(&r) + r.got.len - 13, "first\nsecond\n");
	cr_expect_eq(gone, 0);
	httpd_conn_stream_end(r.conn);
	cr_expect_eq(gone, 1);
	run(&r, 5);
	cr_expect_eq(r.ended, 1);
	cr_expect_eq(gone, 1);
	rig_clear(&r);
}

Test(httpd_conn, the_owner_of_a_stream_learns_that_the_peer_has_gone)
{
	struct rig r;
	unsigned gone;

	stream_start(&r, &gone);
	run(&r, 1);
	close(r.fd);
	r.fd = -1;
	run(&r, 1);
	cr_expect_eq(gone, 1);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

/* By the time for which some of it is unread, and by its size. */
Test(httpd_conn, a_stream_that_is_not_read_ends)
{
	_cleanup_free_ char *block = xcalloc(1, 64 * 1024 + 1);
	struct rig r;
	unsigned gone, sent = 0;

	memset(block, 'x', 64 * 1024);
	stream_start(&r, &gone);
	while (!gone && sent++ < 100)
		httpd_conn_stream_send(r.conn, block, 64 * 1024);
	cr_expect_eq(gone, 1);
	cr_expect_leq(sent, 25, "a megabyte, and what the kernel holds");
	rig_clear(&r);

	stream_start(&r, &gone);
	for (sent = 0; sent < 12; sent++)
		httpd_conn_stream_send(r.conn, block, 64 * 1024);
	run(&r, 59);
	cr_expect_eq(gone, 0);
	run(&r, 2);
	cr_expect_eq(gone, 1);
	cr_expect_eq(r.ended, 1);
	rig_clear(&r);
}

Test(httpd_conn, a_connection_that_is_freed_ends_its_stream_and_one_that_is_gone_begins_none)
{
	struct rig r;
	struct httpd_conn *conn;
	unsigned gone;

	stream_start(&r, &gone);
	httpd_conn_free(r.conn);
	r.conn = NULL;
	cr_expect_eq(gone, 1);
	rig_clear(&r);

	rig_init(&r);
	r.is_slow = true;
	client_send(&r, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	run(&r, 0);
	conn = r.conn;
	httpd_conn_free(conn);
	r.conn = NULL;
	cr_expect_not(httpd_conn_stream(conn, "", "", 0, stream_is_gone, &gone));
	cr_expect_eq(gone, 1);
	rig_clear(&r);
}
