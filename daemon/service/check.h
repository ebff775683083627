/* daemon/service/check.h: calls that wait for a check (daemon/ready). */
#ifndef DAEMON_SERVICE_CHECK_H
#define DAEMON_SERVICE_CHECK_H

struct service;

/* Waiting calls are answered ERROR_CANCELLED. */
void
check_stop(struct service *service);

#endif
