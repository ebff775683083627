/*
 * daemon/renew/ari.h: asks the CA that issued the newest certificate of an auto-certificate when to renew it (RFC
 * 9773). The row of SCHEDULE_ARI is the persisted Retry-After; the window and the time chosen in it are in the record
 * of the auto-certificate. There is a row from the issue on, if the CA offers renewal information.
 */
#ifndef DAEMON_RENEW_ARI_H
#define DAEMON_RENEW_ARI_H

#include "daemon/renew/issue.h"

/* Another certificate was issued: what the CA said of the one before is over. @ari_id: NULL: the CA says nothing. */
void
ari_forget(struct autocert *autocert, const char *ari_id);

/* Puts the row of an auto-certificate whose .ari_id has changed, or removes it. */
void
ari_schedule(struct store *store, struct store_txn *txn, const struct autocert *autocert, int64_t now);

/* Registered with a struct issue_env. */
extern const struct job_kind ari_job;

#endif
