/* daemon/service/rollback.h: what the metadata of a certificate say about its rollout. */
#ifndef DAEMON_SERVICE_ROLLBACK_H
#define DAEMON_SERVICE_ROLLBACK_H

#include "daemon/service/call.h"

/* Adds "served", and after a rollback "rolledBackDate" and "rolledBackTo". */
void
rollback_describe(struct service *service, const char *subject_id, struct json_object *metadata);

#endif
