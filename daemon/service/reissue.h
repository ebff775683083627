/* daemon/service/reissue.h: what server.status says of reissues. */
#ifndef DAEMON_SERVICE_REISSUE_H
#define DAEMON_SERVICE_REISSUE_H

struct service;
struct strlist;

/* Adds a line for each reissue that has not ended, also of callers with a scope. */
void
reissue_describe_open(struct service *service, struct strlist *ret);

#endif
