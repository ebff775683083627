/* daemon/service/list.h: pages of objects, made in slices; begun by resource_list() (resource.h). */
#ifndef DAEMON_SERVICE_LIST_H
#define DAEMON_SERVICE_LIST_H

struct service;

/* Those under way are answered ERROR_CANCELLED. */
void
lists_stop(struct service *service);

#endif
