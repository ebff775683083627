/*
 * daemon/service/zones.h: what zones there are, asked from the DNS services before an auto-certificate is declared for
 * a name that may lie in none of them.
 */
#ifndef DAEMON_SERVICE_ZONES_H
#define DAEMON_SERVICE_ZONES_H

#include "daemon/service/service.h"

/*
 * zones_first() - run @handler, after the zones of DNS providers that declare none have been listed through their API,
 * if that may matter for the names in @params
 * Each is asked once and for some seconds; what it says is kept. One that does not answer holds nothing up.
 * Return: as a service_fn.
 */
int
zones_first(struct call *call, struct json_object *params, service_fn *handler, struct error *err);

/* Is it unknown whether a name of @autocert lies in a zone, because nobody could say? @ret: why. */
bool
zones_unknown(struct service *service, const struct autocert *autocert, struct error *ret);

/* Calls that wait are answered ERROR_CANCELLED. */
void
zones_stop(struct service *service);

#endif
