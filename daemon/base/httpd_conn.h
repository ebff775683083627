/*
 * daemon/base/httpd_conn.h: one HTTP/1.1 connection, plain or TLS: requests in, one after the other, answers out.
 * Everything is limited: sizes of head and body, idle time, and an absolute deadline for each request and each answer.
 */
#ifndef DAEMON_BASE_HTTPD_CONN_H
#define DAEMON_BASE_HTTPD_CONN_H

#include "common/buf.h"
#include "daemon/base/httpd_head.h"

struct loop;
struct httpd_conn;
struct place;
struct ssl_st;

struct httpd_limits {
	size_t max_body;    /* octets; 0: requests have no body */
	int64_t request_ms; /* first to last octet of a request, the first one from accept on; 0: 10 s */
	int64_t idle_ms;    /* between requests; 0: 30 s */
	int64_t answer_ms;  /* for the peer to read an answer; 0: 60 s */
};

/*
 * A complete request, or a head with a status other than 200. Answered by httpd_conn_answer(), at once or later.
 * @head, @body: borrowed for the call.
 */
typedef void
httpd_request_fn(struct httpd_conn *conn, const struct httpd_head *head, const char *body, void *arg);

/* Called once: the connection has ended. It is already freed, unless a request waits for its answer, which frees it. */
typedef void
httpd_closed_fn(void *arg);

struct httpd_conn_config {
	struct loop *loop;  /* borrowed */
	struct ssl_st *ssl; /* taken, not attached to the descriptor yet; NULL: plain */
	struct httpd_limits limits;
	bool is_single;      /* the connection ends after the first answer */
	struct place *place; /* borrowed; or NULL */
	httpd_request_fn *request;
	httpd_closed_fn *closed;
	void *arg;
};

/* @fd: taken, non-blocking. */
struct httpd_conn *
httpd_conn_new(int fd, const struct httpd_conn_config *config);

int
httpd_conn_fd(const struct httpd_conn *conn);

/* Borrowed; NULL: it has none. */
struct place *
httpd_conn_place(const struct httpd_conn *conn);

/* Closes it; @closed is not called. A later answer is discarded. */
void
httpd_conn_free(struct httpd_conn *conn);

/*
 * httpd_conn_answer() - answer the current request
 * May free @conn.
 * @fields: header lines except Content-Length, Date and Connection, each ending in CRLF; or ""
 * @body: taken; for HEAD only its length is sent
 */
void
httpd_conn_answer(struct httpd_conn *conn, int status, const char *fields, struct buf *body);

/*
 * httpd_conn_stream() - answer the current request with 200 and a body without an end
 * A peer that leaves more than a megabyte unread, or some of it for as long as an answer may take, is disconnected.
 * @fields: as above; @text: the beginning of the body, copied
 * @ended: called once, when the connection is gone; it must not use @conn
 * Return: false: the connection has ended meanwhile; @ended is not called, and @conn is freed.
 */
bool
httpd_conn_stream(
	struct httpd_conn *conn, const char *fields, const char *text, size_t len, httpd_closed_fn *ended, void *arg);

/* Sends more of the body. May end the connection, and call @ended. */
void
httpd_conn_stream_send(struct httpd_conn *conn, const char *text, size_t len);

/* Ends the body: calls @ended, and closes the connection when the peer has read all. */
void
httpd_conn_stream_end(struct httpd_conn *conn);

/* "Not Found" */
const char *
httpd_reason(int status);

#endif
