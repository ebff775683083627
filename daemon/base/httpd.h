/*
 * daemon/base/httpd.h: an HTTP/1.1 server: listeners (acceptor.h) and their connections (httpd_conn.h). The caller
 * handles the requests.
 */
#ifndef DAEMON_BASE_HTTPD_H
#define DAEMON_BASE_HTTPD_H

#include "daemon/base/acceptor.h"
#include "daemon/base/httpd_conn.h"

struct httpd;
struct ssl_ctx_st;

struct httpd_config {
	struct loop *loop; /* borrowed */
	struct acceptor_limits places;
	struct httpd_limits limits;
	bool is_tls;       /* no connections are accepted before httpd_set_tls() */
	bool is_single;    /* one request per connection */
	bool is_anonymous; /* as for an acceptor */
	acceptor_privileged_fn *is_privileged;
	/*
	 * Must answer, at once or later. A connection whose place has a refusal (acceptor_refusal()) is closed after
	 * that; a client that was vouched for keeps its place.
	 */
	httpd_request_fn *request;
	void *arg; /* of @is_privileged and @request */
};

struct httpd *
httpd_new(const struct httpd_config *config);

/* Closes all connections and listeners. NULL is a no-op. */
void
httpd_free(struct httpd *httpd);

/* For listening. Borrowed. */
struct acceptor *
httpd_acceptor(struct httpd *httpd);

/* New connections use @ctx from now on. A reference is taken. */
void
httpd_set_tls(struct httpd *httpd, struct ssl_ctx_st *ctx);

#endif
