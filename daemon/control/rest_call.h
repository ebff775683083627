/*
 * daemon/control/rest_call.h: one request of the REST face: which method of the API is meant, its parameters from path,
 * query and body, and its answer in the form of IONOS Certificate Manager 2.0.
 */
#ifndef DAEMON_CONTROL_REST_CALL_H
#define DAEMON_CONTROL_REST_CALL_H

#include "daemon/base/httpd_conn.h"
#include "daemon/service/service.h"

/*
 * rest_call() - answers @conn, at once or when what was changed is durable
 * @peer: who asks; NULL: nobody that certd knows
 * Return: 0, or -1 refused because it takes somebody that certd knows (401).
 */
int
rest_call(struct service *service, struct httpd_conn *conn, const struct peer *peer, bool is_tls,
	const struct httpd_head *head, const char *body);

#endif
