/* daemon/renew/purge.h: old certificates go when their grace period is over, unless they are still deployed. */
#ifndef DAEMON_RENEW_PURGE_H
#define DAEMON_RENEW_PURGE_H

#include "daemon/schedule/job.h"

/* Registered with a struct issue_env. */
extern const struct job_kind purge_job;

#endif
