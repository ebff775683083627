/*
 * daemon/service/zones.h: asks the DNS services for their zones before an auto-certificate is declared for a name that
 * may be in none of them.
 */
#ifndef DAEMON_SERVICE_ZONES_H
#define DAEMON_SERVICE_ZONES_H

#include "daemon/service/call.h"

/*
 * zones_wait() - list the zones of DNS providers that declare none, through their API, if the names of @a need that
 * Each is asked once and for some seconds, and its answer is stored. A provider that does not answer delays nothing.
 * @handler: runs again afterwards, from its beginning
 * Return: 0 continue; 1 the call waits; -1 failed.
 */
int
zones_wait(struct call *call, const struct autocert *a, service_fn *handler, struct error *err);

/* Is it unknown whether a name of @autocert is in a zone, because no provider answered? @ret: why. */
bool
zones_unknown(struct service *service, const struct autocert *autocert, struct error *ret);

/*
 * Adds the existing zones to @err, if a name of @a is in none of them. Only for callers without a scope: others may not
 * learn of zones. Return: -1.
 */
int
zones_refused(struct call *call, const struct autocert *a, struct error *err);

#endif
