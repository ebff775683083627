/*
 * daemon/service/service.h: the methods of the control API as functions, independent of the protocol (JSON-RPC, REST).
 * A call is validated and its role checked before its handler runs.
 */
#ifndef DAEMON_SERVICE_SERVICE_H
#define DAEMON_SERVICE_SERVICE_H

#include "daemon/service/call.h"

/* The implementation of each method, for struct service. */
extern const struct service_method service_methods[API_METHOD_COUNT];

/*
 * service_call() - run one method for @peer
 * @params: borrowed for the call; or NULL
 * Changes are answered when they are durable, and recorded in the audit log. Refusals for lack of a role are events,
 * and recorded too.
 */
void
service_call(struct service *service, const struct peer *peer, enum api_method_id method, struct json_object *params,
	call_done_fn *done, void *arg);

/* service_call() with passed descriptors; borrowed for the call, except those that a handler took. */
void
service_call_passing(struct service *service, const struct peer *peer, struct passed_fds *passed,
	enum api_method_id method, struct json_object *params, call_done_fn *done, void *arg);

/* A caller without a valid token was refused: emits an event, and adds a record to the audit log. */
void
service_unauthorized(struct service *service, const struct error *err);

#endif
