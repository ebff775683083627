/* daemon/service/res_authorization.h: the interface of authorizations for other resources. */
#ifndef DAEMON_SERVICE_RES_AUTHORIZATION_H
#define DAEMON_SERVICE_RES_AUTHORIZATION_H

#include "daemon/service/call.h"

/* Deletes those of this auto-certificate's order, in the call's change. Return: 0 or -1. */
int
authorizations_forget(struct call *call, const char *autocert_id, struct error *err);

#endif
