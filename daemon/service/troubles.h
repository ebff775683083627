/* daemon/service/troubles.h: what fails at the moment and is tried again, for server.status and explain. */
#ifndef DAEMON_SERVICE_TROUBLES_H
#define DAEMON_SERVICE_TROUBLES_H

#include "daemon/service/call.h"

/*
 * Array of {object{type, id, name}, action, message, date}, those that are tried again first coming first, at most twenty;
 * NULL when nothing fails. Costs nothing then: what fails is counted.
 */
struct json_object *
troubles_list(struct service *service);

/*
 * What keeps certd as a whole from its work: a store that cannot be written, a clock that is wrong. A line for a person,
 * owned by the caller; NULL: nothing does.
 */
char *
troubles_of_all(const struct service *service);

#endif
