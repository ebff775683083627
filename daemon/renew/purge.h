/* daemon/renew/purge.h: old certificates go when their grace period is over, unless they are still deployed. */
#ifndef DAEMON_RENEW_PURGE_H
#define DAEMON_RENEW_PURGE_H

#include "daemon/renew/issue.h"

/* A certificate came, or is deployed no more: puts its row. */
void
purge_schedule(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert);

/* Registered with a struct issue_env. */
extern const struct job_kind purge_job;

#endif
