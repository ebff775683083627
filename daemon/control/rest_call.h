/*
 * daemon/control/rest_call.h: one request to the REST API: which method of the API is meant, its parameters from path,
 * query and body, and its answer in the form of IONOS Certificate Manager 2.0.
 */
#ifndef DAEMON_CONTROL_REST_CALL_H
#define DAEMON_CONTROL_REST_CALL_H

#include "daemon/base/httpd_conn.h"
#include "daemon/service/service.h"

/* The listener of a request. */
struct rest_from {
	bool is_tls;
	bool needs_token; /* callers are known by a token; otherwise by their user */
};

/*
 * rest_call() - answer @conn, at once or when the changes are durable
 * @peer: the caller; NULL: unknown
 * Return: 0, or -1 refused because the caller must be known (401).
 */
int
rest_call(struct service *service, struct httpd_conn *conn, const struct peer *peer, const struct rest_from *from,
	const struct httpd_head *head, const char *body);

#endif
