/* daemon/service/res_consumer.h: the list of consumers that an auto-certificate or an imported certificate is given. */
#ifndef DAEMON_SERVICE_RES_CONSUMER_H
#define DAEMON_SERVICE_RES_CONSUMER_H

#include "daemon/service/resource.h"

/*
 * consumers_resolve() - names become ids, and no consumer with a directory of its own gets a second certificate
 * @self_id: whose list it is: what it has already does not count
 * ERROR_INVALID with the field "properties.consumers[N]".
 */
int
consumers_resolve(struct call *call, struct strlist *consumers, const char *self_id, struct error *err);

#endif
