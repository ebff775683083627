/* daemon/renew/purge.h: deletes old certificates after their grace period, unless they are still deployed. */
#ifndef DAEMON_RENEW_PURGE_H
#define DAEMON_RENEW_PURGE_H

#include "daemon/renew/issue.h"

/* A certificate was stored, or is no longer deployed: puts its row. */
void
purge_schedule(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert);

/* Registered with a struct issue_env. */
extern const struct job_kind purge_job;

#endif
