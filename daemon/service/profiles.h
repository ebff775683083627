/* daemon/service/profiles.h: certificate profiles, asked for at the CA before one is declared. */
#ifndef DAEMON_SERVICE_PROFILES_H
#define DAEMON_SERVICE_PROFILES_H

#include "daemon/service/call.h"

/*
 * profiles_wait() - does the CA of a provider offer @profile?
 * Not known of a provider without an account, or within some seconds: then it is declared, and the order will say. A
 * refusal (field properties.profile) lists the profiles that the CA offers.
 * @profile: NULL asks nothing
 * @handler: runs again afterwards, from its beginning
 * Return: 0 go on; 1 the call waits; -1 failed.
 */
int
profiles_wait(struct call *call, const char *provider_id, const char *profile, service_fn *handler, struct error *err);

/* Calls that wait are answered ERROR_CANCELLED. */
void
profiles_stop(struct service *service);

#endif
