/*
 * daemon/control/rest_call.h: one request of the REST face: which method of the API is meant, its parameters from path,
 * query and body, and its answer in the form of IONOS Certificate Manager 2.0.
 */
#ifndef DAEMON_CONTROL_REST_CALL_H
#define DAEMON_CONTROL_REST_CALL_H

#include "daemon/control/rest_conn.h"
#include "daemon/control/service.h"

/* Answers @conn, at once or when what was changed is durable. @peer: who asks; NULL: nobody that certd knows (401). */
void
rest_call(struct service *service, struct rest_conn *conn, const struct peer *peer, bool is_tls,
	const struct rest_head *head, const char *body);

/* {httpStatus, messages[{errorCode, message}]} with what struct error has more. @status 0: by the error's code. */
void
rest_refuse(struct service *service, struct rest_conn *conn, int status, const struct error *err);

/* A whole answer, for who is refused before he has asked anything. Appended. */
void
rest_refuse_text(struct service *service, const struct error *err, struct buf *ret);

/* The HTTP status of an error. */
int
rest_status_of(const struct error *err);

#endif
