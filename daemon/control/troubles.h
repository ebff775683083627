/* daemon/control/troubles.h: what fails at the moment and is tried again, for server.status. */
#ifndef DAEMON_CONTROL_TROUBLES_H
#define DAEMON_CONTROL_TROUBLES_H

#include "daemon/control/service.h"

/*
 * Array of {object{type, id, name}, action, message, date}, those that are tried again first coming first, at most twenty;
 * NULL when nothing fails. Costs nothing then: what fails is counted.
 */
struct json_object *
troubles_list(struct service *service);

#endif
