/*
 * daemon/control/rest_conn.h: one HTTP/1.1 connection, plain or TLS: requests in, one after the other, answers out.
 * Bounded in every direction (security facts, sections 4 and 5): sizes of head and body, an absolute time for each
 * request and each answer, idleness.
 */
#ifndef DAEMON_CONTROL_REST_CONN_H
#define DAEMON_CONTROL_REST_CONN_H

#include "common/buf.h"
#include "daemon/control/rest_head.h"

struct loop;
struct rest_conn;
struct ssl_st;

enum { REST_BODY_MAX = 256 * 1024 };

struct rest_conn_limits {
	int64_t request_ms; /* first to last octet of a request, and a TLS handshake; 0: 10 s */
	int64_t idle_ms;    /* without a request; 0: 30 s */
	int64_t answer_ms;  /* for the peer to take an answer; 0: 60 s */
};

/*
 * A whole request, or a head with a status other than 200. Answered by rest_conn_answer(), at once or later.
 * @head, @body: borrowed for the call.
 */
typedef void
rest_request_fn(struct rest_conn *conn, const struct rest_head *head, const char *body, void *arg);

/* Once: the connection is over. It is free already, unless a request waits for its answer: then it is with that. */
typedef void
rest_closed_fn(void *arg);

struct rest_conn_config {
	struct loop *loop;  /* borrowed */
	struct ssl_st *ssl; /* taken, without a descriptor yet; NULL: plain */
	struct rest_conn_limits limits;
	rest_request_fn *request;
	rest_closed_fn *closed;
	void *arg;
};

/* @fd: taken, non-blocking. */
struct rest_conn *
rest_conn_new(int fd, const struct rest_conn_config *config);

/* Closes it; @closed is not called. An answer that is still to come goes nowhere. */
void
rest_conn_free(struct rest_conn *conn);

/*
 * rest_conn_answer() - answers the request that was handed over
 * @fields: header lines beside Content-Length, Date and Connection, each ending in CRLF; or ""
 * @body: taken; for HEAD its length alone is sent
 * May free @conn.
 */
void
rest_conn_answer(struct rest_conn *conn, int status, const char *fields, struct buf *body);

/* "Not Found" */
const char *
rest_reason(int status);

#endif
