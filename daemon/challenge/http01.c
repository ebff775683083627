/*
 * The listener of http-01. A reader of its own on the loop, not evhttp: evhttp has no deadline that a client which
 * sends an octet a second does not extend, no cap on connections and no header limit by default; guarding it takes a
 * filter bufferevent of about the size of this file, and what is needed of HTTP is one line.
 *
 * Anybody may connect, so each connection has a small buffer and one absolute deadline. When all places are taken the
 * oldest connection goes: a CA's request comes with its first packet and is answered in the same turn, so that only
 * idlers are ever old. What is answered never repeats what was asked.
 */
#include "daemon/challenge/http01.h"

#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/http01_listen.h"
#include "daemon/challenge/http01_request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ACCEPTS_PER_CALL = 64,  /* then others have their turn */
	ACCEPT_PAUSE_MS = 1000, /* after EMFILE and the like */
	DRAIN_MAX = 64 * 1024   /* what a client may send on after its answer */
};

struct answer {
	LIST_ENTRY(answer) next;
	char *token;
	char *key_authorization;
};

struct listener {
	struct http01 *http;
	char *address; /* NULL: from the service manager */
	int fd;        /* -1: not bound */
	struct loop_fd *watch;
};

enum conn_state { CONN_READ, CONN_WRITE, CONN_DRAIN };

struct conn {
	TAILQ_ENTRY(conn) next;
	struct http01 *http;
	int fd;
	struct loop_fd *watch;
	struct loop_timer deadline;
	enum conn_state state;
	size_t in_len;
	size_t out_done; /* octets of @out that were sent */
	size_t drained;
	struct buf out;
	char in[HTTP01_HEADER_MAX];
};

struct http01 {
	struct loop *loop;
	int64_t deadline_ms;
	struct listener *listeners;
	size_t n_listeners;
	struct error error; /* of the last listener that could not be bound */
	struct loop_timer accept_again;
	LIST_HEAD(, answer) answers;
	TAILQ_HEAD(conns, conn) conns; /* oldest first */
	size_t n_conns;
};

static void
http01_conn_close(struct conn *conn)
{
	TAILQ_REMOVE(&conn->http->conns, conn, next);
	conn->http->n_conns--;
	loop_timer_cancel(&conn->deadline);
	loop_fd_free(conn->watch);
	close(conn->fd);
	buf_clear(&conn->out);
	free(conn);
}

static void
http01_on_deadline(void *arg)
{
	http01_conn_close(arg);
}

static const struct answer *
find_answer(const struct http01 *http, const char *token, size_t len)
{
	const struct answer *a;

	LIST_FOREACH(a, &http->answers, next)
		if (strlen(a->token) == len && memcmp(a->token, token, len) == 0)
			return a;
	return NULL;
}

static const char *
http01_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	}
	return "Bad Request";
}

static void
write_answer(struct buf *out, const struct http01_request *request, const struct answer *answer)
{
	int status = request->status == 200 && !answer ? 404 : request->status;

	buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http01_reason(status));
	if (status == 405)
		buf_add_str(out, "Allow: GET, HEAD\r\n");
	if (answer)
		buf_add_str(out, "Content-Type: application/octet-stream\r\n");
	buf_printf(out,
		"Content-Length: %zu\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		"Connection: close\r\n\r\n",
		answer ? strlen(answer->key_authorization) : 0);
	if (answer && !request->is_head)
		buf_add_str(out, answer->key_authorization);
}

/* What the client still sends is read until it closes: closing first would reset it before it has our answer. */
static void
conn_drain(struct conn *conn)
{
	ssize_t n = recv(conn->fd, conn->in, sizeof(conn->in), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		conn->drained += (size_t)n;
	if (n <= 0 || conn->drained > DRAIN_MAX)
		http01_conn_close(conn);
}

static void
conn_write(struct conn *conn)
{
	ssize_t n = send(
		conn->fd, conn->out.data + conn->out_done, conn->out.len - conn->out_done, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		http01_conn_close(conn);
		return;
	}
	if (n > 0)
		conn->out_done += (size_t)n;
	if (conn->out_done < conn->out.len) {
		loop_fd_set(conn->watch, LOOP_WRITE);
		return;
	}
	shutdown(conn->fd, SHUT_WR);
	conn->state = CONN_DRAIN;
	loop_fd_set(conn->watch, LOOP_READ);
}

static void
http01_conn_read(struct conn *conn)
{
	struct http01_request request;
	ssize_t n = recv(conn->fd, conn->in + conn->in_len, sizeof(conn->in) - conn->in_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		http01_conn_close(conn);
		return;
	}
	conn->in_len += (size_t)n;
	if (!http01_request_parse(conn->in, conn->in_len, &request))
		return;
	write_answer(&conn->out, &request,
		request.token ? find_answer(conn->http, request.token, request.token_len) : NULL);
	conn->state = CONN_WRITE;
	conn_write(conn);
}

static void
on_conn(int fd _unused_, short what _unused_, void *arg)
{
	static void (*const step[])(struct conn *) = {
		[CONN_READ] = http01_conn_read,
		[CONN_WRITE] = conn_write,
		[CONN_DRAIN] = conn_drain,
	};
	struct conn *conn = arg;

	step[conn->state](conn);
}

static void
conn_new(struct http01 *http, int fd)
{
	struct conn *conn = xcalloc(1, sizeof(*conn));

	conn->http = http;
	conn->fd = fd;
	conn->watch = loop_fd_new(http->loop, fd, LOOP_READ, on_conn, conn);
	loop_timer_init(&conn->deadline, http->loop, http01_on_deadline, conn);
	loop_timer_set(&conn->deadline, http->deadline_ms);
	TAILQ_INSERT_TAIL(&http->conns, conn, next);
	http->n_conns++;
	http01_conn_read(conn);
}

static void
set_accepting(struct http01 *http, bool on)
{
	for (size_t i = 0; i < http->n_listeners; i++)
		if (http->listeners[i].watch)
			loop_fd_set(http->listeners[i].watch, on ? LOOP_READ : 0);
}

static void
on_accept_again(void *arg)
{
	set_accepting(arg, true);
}

static void
on_listener(int fd, short what _unused_, void *arg)
{
	struct http01 *http = ((struct listener *)arg)->http;

	for (int i = 0; i < ACCEPTS_PER_CALL; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client >= 0) {
			if (http->n_conns >= HTTP01_CONNECTIONS_MAX)
				http01_conn_close(TAILQ_FIRST(&http->conns));
			conn_new(http, client);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			set_accepting(
				http, false); /* the socket stays readable: without a pause we would spin */
			loop_timer_set(&http->accept_again, ACCEPT_PAUSE_MS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void
listener_start(struct listener *listener, int fd)
{
	listener->fd = fd;
	listener->watch = loop_fd_new(listener->http->loop, fd, LOOP_READ, on_listener, listener);
}

static void
http01_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

struct http01 *
http01_new(struct loop *loop, const struct http01_config *config)
{
	struct http01 *http = xcalloc(1, sizeof(*http));
	size_t n_addresses = config->listen ? config->listen->count : 0;

	http->loop = loop;
	http->deadline_ms = config->deadline_ms ? config->deadline_ms : HTTP01_DEADLINE_MS;
	http->listeners = xcalloc(n_addresses + config->n_fds + 1, sizeof(*http->listeners));
	http->n_listeners = n_addresses + config->n_fds;
	LIST_INIT(&http->answers);
	TAILQ_INIT(&http->conns);
	loop_timer_init(&http->accept_again, loop, on_accept_again, http);
	for (size_t i = 0; i < http->n_listeners; i++) {
		http->listeners[i] = (struct listener){ .http = http, .fd = -1 };
		if (i < n_addresses)
			http->listeners[i].address = xstrdup(config->listen->items[i]);
		else {
			http01_set_nonblocking(config->fds[i - n_addresses]);
			listener_start(&http->listeners[i], config->fds[i - n_addresses]);
		}
	}
	http01_open(http, NULL);
	return http;
}

void
http01_free(struct http01 *http)
{
	struct answer *a;

	if (!http)
		return;
	while (!TAILQ_EMPTY(&http->conns))
		http01_conn_close(TAILQ_FIRST(&http->conns));
	while ((a = LIST_FIRST(&http->answers)))
		http01_remove(http, a->token, a->key_authorization);
	for (size_t i = 0; i < http->n_listeners; i++) {
		struct listener *listener = &http->listeners[i];

		loop_fd_free(listener->watch);
		if (listener->fd >= 0)
			close(listener->fd);
		if (listener->fd >= 0 && listener->address)
			http01_unlisten(listener->address);
		free(listener->address);
	}
	loop_timer_cancel(&http->accept_again);
	free(http->listeners);
	error_clear(&http->error);
	free(http);
}

bool
http01_is_configured(const struct http01 *http)
{
	return http->n_listeners > 0;
}

bool
http01_is_open(const struct http01 *http)
{
	for (size_t i = 0; i < http->n_listeners; i++)
		if (http->listeners[i].fd >= 0)
			return true;
	return false;
}

/* The first reason is kept; "this machine has no IPv6" only as long as there is no other. */
static void
listener_open(struct listener *listener)
{
	struct error *first = &listener->http->error;
	_cleanup_error_ struct error err = ERROR_INIT;
	int fd = http01_listen(listener->address, &err);

	if (fd >= 0)
		listener_start(listener, fd);
	else if (!error_is_set(first) || first->code == ERROR_STATE)
		error_move(first, &err);
}

int
http01_open(struct http01 *http, struct error *err)
{
	error_clear(&http->error);
	for (size_t i = 0; i < http->n_listeners; i++)
		if (http->listeners[i].fd < 0)
			listener_open(&http->listeners[i]);
	if (http01_is_open(http)) {
		if (http->error.code == ERROR_STATE)
			error_clear(&http->error);
		return 0;
	}
	if (!http01_is_configured(http))
		return error_set(err, ERROR_STATE, "no http-listen is configured");
	if (err)
		error_copy(err, &http->error);
	return -1;
}

const struct error *
http01_error(const struct http01 *http)
{
	return error_is_set(&http->error) ? &http->error : NULL;
}

void
http01_put(struct http01 *http, const char *token, const char *key_authorization)
{
	struct answer *a = xcalloc(1, sizeof(*a));

	a->token = xstrdup(token);
	a->key_authorization = xstrdup(key_authorization);
	LIST_INSERT_HEAD(&http->answers, a, next);
}

void
http01_remove(struct http01 *http, const char *token, const char *key_authorization)
{
	struct answer *a;

	LIST_FOREACH(a, &http->answers, next) {
		if (strcmp(a->token, token) != 0 || strcmp(a->key_authorization, key_authorization) != 0)
			continue;
		LIST_REMOVE(a, next);
		free(a->token);
		free(a->key_authorization);
		free(a);
		return;
	}
}
