/* daemon/service/troubles.h: current failures that are being retried, for server.status and explain. */
#ifndef DAEMON_SERVICE_TROUBLES_H
#define DAEMON_SERVICE_TROUBLES_H

#include "daemon/service/call.h"

/*
 * Array of {object{type, id, name}, action, message, date}, ordered by the next attempt, at most twenty; NULL when
 * nothing fails. Cheap in that case: failures are counted.
 */
struct json_object *
troubles_list(struct service *service);

#endif
