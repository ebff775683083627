/* daemon/service/res_authorization.h: what other resources need to know of authorizations. */
#ifndef DAEMON_SERVICE_RES_AUTHORIZATION_H
#define DAEMON_SERVICE_RES_AUTHORIZATION_H

#include "daemon/service/call.h"

/* Those that the order of this auto-certificate asked for go with it, in the call's change. Return: 0 or -1. */
int
authorizations_forget(struct call *call, const char *autocert_id, struct error *err);

#endif
