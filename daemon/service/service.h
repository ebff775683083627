/*
 * daemon/service/service.h: the methods of the control API as functions, independent of the face (JSON-RPC, REST)
 * that carries them. A call is validated and its role checked before a handler sees it.
 */
#ifndef DAEMON_SERVICE_SERVICE_H
#define DAEMON_SERVICE_SERVICE_H

#include "daemon/service/call.h"

/* What answers each method: for struct service. */
extern const struct service_method service_methods[API_METHOD_COUNT];

/*
 * service_call() - run one method for @peer
 * @params: borrowed for the call; or NULL
 * Changes are answered when they are durable, and recorded in the audit log. Refusals for lack of a role are events, and
 * recorded too.
 */
void
service_call(struct service *service, const struct peer *peer, enum api_method_id method, struct json_object *params,
	call_done_fn *done, void *arg);

/* service_call() with the descriptors that came along; borrowed for the call: those that a handler took are its own. */
void
service_call_passing(struct service *service, const struct peer *peer, struct passed_fds *passed,
	enum api_method_id method, struct json_object *params, call_done_fn *done, void *arg);

/* A caller without a valid token was refused: an event, and a record of the audit log. */
void
service_unauthorized(struct service *service, const struct error *err);

#endif
