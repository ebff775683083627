/* daemon/service/res_provider.h: the interface of providers for other resources. */
#ifndef DAEMON_SERVICE_RES_PROVIDER_H
#define DAEMON_SERVICE_RES_PROVIDER_H

struct service;
struct strlist;

/* Appends a line for each rate limit of the first 100 providers that is used up. */
void
provider_limit_warnings(struct service *service, struct strlist *ret);

#endif
