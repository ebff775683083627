/*
 * daemon/renew/rehearse.h: a rehearsal: an order like the next renewal, but at the staging environment of the CA, whose
 * certificate is thrown away. It is an issue (issue.h) that stores nothing: its row in the schedule is all there is of
 * it, so that after a restart it begins again, with another order. The lane of the row is the provider of the staging
 * environment; the auto-certificate, the provider that it is declared with, and their limits are only read.
 */
#ifndef DAEMON_RENEW_REHEARSE_H
#define DAEMON_RENEW_REHEARSE_H

#include "daemon/schedule/job.h"

/* Registered with a struct issue_env. */
extern const struct job_kind rehearse_job;

#endif
