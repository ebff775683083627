/* daemon/renew/purge.h: old certificates go when their grace period is over, unless they are still deployed. */
#ifndef DAEMON_RENEW_PURGE_H
#define DAEMON_RENEW_PURGE_H

#include "daemon/renew/issue.h"

/* Runs a SCHEDULE_PURGE row. */
void
purge_run(const struct issue_env *env, const char *certificate_id, schedule_done_fn *done, void *arg);

#endif
