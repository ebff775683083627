/* daemon/service/res_consumer.h: the list of consumers of an auto-certificate or an imported certificate. */
#ifndef DAEMON_SERVICE_RES_CONSUMER_H
#define DAEMON_SERVICE_RES_CONSUMER_H

#include "daemon/service/resource.h"

/*
 * consumers_resolve() - names become ids, and no consumer with its own directory gets a second certificate
 * @self_id: the owner of the list, whose present consumers do not count
 * ERROR_INVALID with the field "properties.consumers[N]".
 */
int
consumers_resolve(struct call *call, struct strlist *consumers, const char *self_id, struct error *err);

/*
 * consumers_check_several() - each of them has room for two certificates of @a
 * ERROR_INVALID with the field "properties.consumers[N]".
 */
int
consumers_check_several(struct call *call, const struct autocert *a, struct error *err);

/*
 * consumers_check_no_key() - none of them needs the private key of @a, which certd does not have
 * ERROR_INVALID with the field "properties.consumers[N]".
 */
int
consumers_check_no_key(struct call *call, const struct autocert *a, struct error *err);

#endif
