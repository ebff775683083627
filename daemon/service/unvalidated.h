/* daemon/service/unvalidated.h: auto-certificates that no challenge can validate, found before their renewal fails. */
#ifndef DAEMON_SERVICE_UNVALIDATED_H
#define DAEMON_SERVICE_UNVALIDATED_H

#include "daemon/service/call.h"

/*
 * A line for people with their number and the first of them, owned by the caller; NULL: there are none. A call looks at
 * no more than some hundred: with more auto-certificates, several calls together look at all.
 */
char *
unvalidated_warning(struct service *service);

#endif
