/* daemon/renew/jobs.h: the kinds of scheduled work of this folder. */
#ifndef DAEMON_RENEW_JOBS_H
#define DAEMON_RENEW_JOBS_H

#include "daemon/renew/issue.h"

/* @env: borrowed; must outlive @scheduler. */
void
renew_register_jobs(struct scheduler *scheduler, struct issue_env *env);

#endif
