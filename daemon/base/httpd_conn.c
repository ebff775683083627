/*
 * Reads with recv() on the loop, not with evhttp: evhttp has no deadline that a slow client cannot extend and no
 * connection limit, and it answers some requests itself, in HTML. OpenSSL works on the descriptor itself.
 *
 * One request at a time: nothing is read while it is processed, so that pipelined requests wait in the kernel. After a
 * refusal in the middle of a request the rest is read and discarded for a while: closing at once would reset the
 * connection before the client has read the reason.
 */
#include "daemon/base/httpd_conn.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	READ_BLOCK = 16 * 1024,
	REQUEST_MS = 10 * 1000,
	IDLE_MS = 30 * 1000,
	ANSWER_MS = 60 * 1000,
	DRAIN_MS = 2 * 1000,
	DRAIN_MAX = 4 * 1024 * 1024,
	STREAM_MAX = 1024 * 1024,
	DATE_SIZE = 32,
};

enum conn_state {
	CONN_IDLE,    /* no octet of the next request has arrived */
	CONN_REQUEST, /* its first octets have arrived */
	CONN_BUSY,    /* the answer is being made */
	CONN_ANSWER,  /* the answer is being sent */
	CONN_STREAM,  /* an answer without an end is being sent */
	CONN_DRAIN,   /* the last answer was sent: waits for the peer to close */
	CONN_OVER,    /* closed while busy: freed when answered */
};

struct httpd_conn {
	struct httpd_conn_config config;
	int fd;
	struct loop_fd *watch;
	struct loop_timer deadline;
	struct loop_timer again; /* the next request has arrived already */
	enum conn_state state;
	struct buf in;
	struct buf out;
	size_t sent;    /* octets of @out */
	size_t drained; /* octets discarded */
	struct httpd_head head;
	bool has_head;
	bool is_head_only; /* HEAD */
	bool is_last;      /* after this answer */
	bool is_handing_over;
	bool wants_write;       /* TLS: reading must wait for that */
	bool wants_read;        /* TLS: writing must wait for that */
	httpd_closed_fn *ended; /* of a stream; NULL: there is none */
	void *ended_arg;
};

/* --- end --- */

/* Tells the owner of a stream. */
static void
conn_end_stream(struct httpd_conn *c)
{
	httpd_closed_fn *ended = c->ended;

	c->ended = NULL;
	if (ended)
		ended(c->ended_arg);
}

static void
conn_release(struct httpd_conn *c)
{
	loop_timer_cancel(&c->deadline);
	loop_timer_cancel(&c->again);
	loop_fd_free(c->watch);
	c->watch = NULL;
	SSL_free(c->config.ssl);
	c->config.ssl = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
httpd_conn_free(struct httpd_conn *c)
{
	if (!c)
		return;
	conn_end_stream(c);
	conn_release(c);
	if (c->in.len)
		OPENSSL_cleanse(c->in.data, c->in.len);
	buf_clear(&c->in);
	buf_clear(&c->out);
	if (c->state == CONN_BUSY) {
		c->state = CONN_OVER;
		return;
	}
	free(c);
}

int
httpd_conn_fd(const struct httpd_conn *c)
{
	return c->fd;
}

struct place *
httpd_conn_place(const struct httpd_conn *c)
{
	return c->config.place;
}

static void
conn_close(struct httpd_conn *c)
{
	httpd_closed_fn *closed = c->config.closed;
	void *arg = c->config.arg;

	httpd_conn_free(c);
	closed(arg);
}

static void
conn_enter(struct httpd_conn *c, enum conn_state state)
{
	const struct httpd_limits *limits = &c->config.limits;

	c->state = state;
	switch (state) {
	case CONN_IDLE:
		loop_timer_set(&c->deadline, limits->idle_ms);
		return;
	case CONN_REQUEST:
		loop_timer_set(&c->deadline, limits->request_ms);
		return;
	case CONN_ANSWER:
		loop_timer_set(&c->deadline, limits->answer_ms);
		return;
	case CONN_DRAIN:
		loop_timer_set(&c->deadline, DRAIN_MS);
		return;
	case CONN_BUSY:
	case CONN_STREAM:
	case CONN_OVER:
		loop_timer_cancel(&c->deadline);
		return;
	}
}

/* --- octets --- */

enum { IO_AGAIN = -1, IO_BROKEN = -2 };

static ssize_t
ssl_result(struct httpd_conn *c, int n, bool is_reading)
{
	switch (SSL_get_error(c->config.ssl, n)) {
	case SSL_ERROR_WANT_READ:
		c->wants_read = !is_reading;
		return IO_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		c->wants_write = is_reading;
		return IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		return IO_BROKEN;
	}
}

/* Return: octets, 0 end of input, IO_AGAIN, IO_BROKEN. */
static ssize_t
conn_recv(struct httpd_conn *c, char *data, size_t len)
{
	ssize_t n;

	if (c->config.ssl) {
		int got;

		ERR_clear_error();
		c->wants_write = false;
		got = SSL_read(c->config.ssl, data, (int)len);
		return got > 0 ? got : ssl_result(c, got, true);
	}
	n = recv(c->fd, data, len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_AGAIN : IO_BROKEN;
	return n;
}

static ssize_t
conn_send(struct httpd_conn *c, const char *data, size_t len)
{
	ssize_t n;

	if (c->config.ssl) {
		int sent;

		ERR_clear_error();
		c->wants_read = false;
		sent = SSL_write(c->config.ssl, data, len < INT32_MAX ? (int)len : INT32_MAX);
		return sent > 0 ? sent : ssl_result(c, sent, false);
	}
	n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_AGAIN : IO_BROKEN;
	return n;
}

static bool
reads(const struct httpd_conn *c)
{
	return c->state == CONN_IDLE || c->state == CONN_REQUEST || c->state == CONN_STREAM || c->state == CONN_DRAIN;
}

static void
conn_watch(struct httpd_conn *c)
{
	bool has_output = c->sent < c->out.len;
	bool is_reading_by_writing = c->wants_write && reads(c); /* while nothing is read, nothing would clear it */
	short what = 0;

	if (reads(c) || c->wants_read)
		what |= LOOP_READ;
	if ((has_output && !c->wants_read) || is_reading_by_writing)
		what |= LOOP_WRITE;
	loop_fd_set(c->watch, what);
}

/* Return: 0, or -1 the connection is broken. */
static int
conn_flush(struct httpd_conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = conn_send(c, c->out.data + c->sent, c->out.len - c->sent);

		if (n == IO_AGAIN)
			return 0;
		if (n < 0)
			return -1;
		c->sent += (size_t)n;
	}
	buf_clear(&c->out);
	c->sent = 0;
	return 0;
}

/* --- requests --- */

/* The request is released here, not by the answer, which may come while the request is still in use. */
static void
hand_over(struct httpd_conn *c)
{
	struct httpd_head head = c->head;
	size_t len = head.status == 200 ? head.len + head.body_len : c->in.len;

	c->is_head_only = httpd_text_is(head.method, "HEAD");
	c->is_last = head.status != 200 || !head.keeps_alive || c->config.is_single;
	c->has_head = false;
	conn_enter(c, CONN_BUSY);
	c->is_handing_over = true;
	c->config.request(c, &head, c->in.data + head.len, c->config.arg);
	c->is_handing_over = false;
	OPENSSL_cleanse(c->in.data, len); /* it may contain a key or a token */
	buf_drop(&c->in, len);
	if (!c->in.len)
		buf_clear(&c->in); /* an idle connection uses no memory */
}

static void
say_continue(struct httpd_conn *c)
{
	if (c->head.expects_continue && c->in.len == c->head.len)
		buf_add_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* Empty lines before a request are ignored (RFC 9112 s2.2). */
static void
skip_empty_lines(struct httpd_conn *c)
{
	size_t n = 0;

	while (n < c->in.len && (c->in.data[n] == '\r' || c->in.data[n] == '\n'))
		n++;
	buf_drop(&c->in, n);
}

/* Handles the received octets, up to one complete request. */
static void
conn_parse(struct httpd_conn *c)
{
	bool had_head = c->has_head;

	if (c->state != CONN_IDLE && c->state != CONN_REQUEST)
		return;
	if (!had_head)
		skip_empty_lines(c);
	if (!c->in.len)
		return;
	if (c->state == CONN_IDLE)
		conn_enter(c, CONN_REQUEST);
	/* Parses again when more of a body has arrived: the octets may have moved. */
	c->has_head = httpd_head_parse(c->in.data, c->in.len, c->config.limits.max_body, &c->head);
	if (!c->has_head)
		return;
	if (c->head.status != 200 || c->in.len >= c->head.len + c->head.body_len)
		hand_over(c);
	else if (!had_head)
		say_continue(c);
}

/* Return: 0, or -1 the connection is over. */
static int
conn_read(struct httpd_conn *c)
{
	char block[READ_BLOCK];
	ssize_t n = conn_recv(c, block, sizeof(block));

	if (n == IO_AGAIN)
		return 0;
	if (n <= 0)
		return -1;
	if (c->state != CONN_DRAIN && c->state != CONN_STREAM) {
		buf_add(&c->in, block, (size_t)n);
		return 0;
	}
	c->drained += (size_t)n;
	return c->drained > DRAIN_MAX ? -1 : 0;
}

/* The kernel has accepted the whole answer. */
static void
conn_answered(struct httpd_conn *c)
{
	if (c->is_last) {
		if (c->config.ssl)
			SSL_shutdown(c->config.ssl);
		shutdown(c->fd, SHUT_WR);
		conn_enter(c, CONN_DRAIN);
		return;
	}
	conn_enter(c, CONN_IDLE);
	if (c->in.len)
		loop_timer_set(&c->again, 0);
}

/* Sends pending output and updates the watched events. May free @c. */
static void
conn_settle(struct httpd_conn *c)
{
	if (conn_flush(c) < 0) {
		conn_close(c);
		return;
	}
	if (c->state == CONN_ANSWER && !c->out.len)
		conn_answered(c);
	if (c->state == CONN_STREAM && !c->out.len)
		loop_timer_cancel(&c->deadline);
	else if (c->state == CONN_STREAM && !loop_timer_is_armed(&c->deadline))
		loop_timer_set(&c->deadline, c->config.limits.answer_ms);
	if (reads(c) && c->config.ssl && SSL_pending(c->config.ssl))
		loop_timer_set(&c->again, 0); /* OpenSSL has buffered input that the descriptor does not show */
	conn_watch(c);
}

static void
conn_work(struct httpd_conn *c)
{
	if (reads(c) && conn_read(c) < 0) {
		conn_close(c);
		return;
	}
	conn_parse(c);
	conn_settle(c);
}

static void
conn_ready(int fd _unused_, short what _unused_, void *arg)
{
	conn_work(arg);
}

static void
conn_again(void *arg)
{
	conn_work(arg);
}

static void
conn_late(void *arg)
{
	conn_close(arg);
}

/* --- answers --- */

const char *
httpd_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

static void
write_date(const struct httpd_conn *c, struct buf *out)
{
	time_t now = (time_t)clock_wall(loop_clock(c->config.loop));
	char text[DATE_SIZE];
	struct tm tm;

	if (gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		buf_printf(out, "Date: %s\r\n", text);
}

void
httpd_conn_answer(struct httpd_conn *c, int status, const char *fields, struct buf *body)
{
	if (c->state == CONN_OVER) {
		buf_clear(body);
		free(c);
		return;
	}
	buf_printf(&c->out, "HTTP/1.1 %d %s\r\n", status, httpd_reason(status));
	write_date(c, &c->out);
	buf_add_str(&c->out, fields);
	if (status != 204)
		buf_printf(&c->out, "Content-Length: %zu\r\n", body->len);
	buf_printf(&c->out, "Connection: %s\r\n\r\n", c->is_last ? "close" : "keep-alive");
	if (!c->is_head_only)
		buf_add(&c->out, body->data, body->len);
	buf_clear(body);
	conn_enter(c, CONN_ANSWER);
	if (!c->is_handing_over)
		conn_settle(c);
}

bool
httpd_conn_stream(
	struct httpd_conn *c, const char *fields, const char *text, size_t len, httpd_closed_fn *ended, void *arg)
{
	if (c->state == CONN_OVER) {
		free(c);
		return false;
	}
	buf_printf(&c->out, "HTTP/1.1 200 %s\r\n", httpd_reason(200));
	write_date(c, &c->out);
	buf_add_str(&c->out, fields);
	buf_add_str(&c->out, "Connection: close\r\n\r\n");
	buf_add(&c->out, text, len);
	c->is_last = true;
	c->ended = ended;
	c->ended_arg = arg;
	conn_enter(c, CONN_STREAM);
	if (!c->is_handing_over)
		loop_timer_set(&c->again, 0); /* not here: it may end the connection before its owner knows */
	return true;
}

void
httpd_conn_stream_send(struct httpd_conn *c, const char *text, size_t len)
{
	if (c->out.len - c->sent + len > STREAM_MAX) {
		conn_close(c);
		return;
	}
	buf_drop(&c->out, c->sent);
	c->sent = 0;
	buf_add(&c->out, text, len);
	conn_settle(c);
}

void
httpd_conn_stream_end(struct httpd_conn *c)
{
	conn_end_stream(c);
	conn_enter(c, CONN_ANSWER);
	conn_settle(c);
}

struct httpd_conn *
httpd_conn_new(int fd, const struct httpd_conn_config *config)
{
	struct httpd_conn *c = xcalloc(1, sizeof(*c));
	struct httpd_limits *limits = &c->config.limits;

	c->config = *config;
	limits->request_ms = limits->request_ms ? limits->request_ms : REQUEST_MS;
	limits->idle_ms = limits->idle_ms ? limits->idle_ms : IDLE_MS;
	limits->answer_ms = limits->answer_ms ? limits->answer_ms : ANSWER_MS;
	c->fd = fd;
	if (config->ssl) {
		SSL_set_fd(config->ssl, fd);
		SSL_set_accept_state(config->ssl);
	}
	loop_timer_init(&c->deadline, config->loop, conn_late, c);
	loop_timer_init(&c->again, config->loop, conn_again, c);
	c->watch = loop_fd_new(config->loop, fd, LOOP_READ, conn_ready, c);
	conn_enter(c, CONN_REQUEST); /* including the handshake, even if the client stays silent */
	return c;
}
