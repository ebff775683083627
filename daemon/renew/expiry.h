/*
 * daemon/renew/expiry.h: certd cannot renew imported certificates, nor does it renew those of a paused
 * auto-certificate, so it reports their expiry: 30, 14, 7, 3 and 1 days before, at expiry, and daily from then on. An
 * auto-certificate that is renewed is reported when it has expired all the same. Each has a SCHEDULE_EXPIRY row.
 * STORE_INDEX "x" id -> "" lists the reported ones for the status.
 */
#ifndef DAEMON_RENEW_EXPIRY_H
#define DAEMON_RENEW_EXPIRY_H

#include "daemon/renew/issue.h"

/* Pure: the first time after @after at which to report. UNIX seconds. */
int64_t
expiry_next(int64_t not_after_at, int64_t after);

/* A certificate was imported: puts its row. If a report is overdue, it is made once, at once. */
void
expiry_schedule(struct store *store, struct store_txn *txn, const struct certificate *cert);

/*
 * An auto-certificate was saved, with another certificate, or was paused or resumed: puts the row that follows, and
 * forgets what was reported unless it is still true.
 */
void
expiry_schedule_autocert(struct store *store, struct store_txn *txn, const struct autocert *autocert, int64_t now);

/* It was replaced or deleted: it is no longer reported. @id: of the certificate or auto-certificate. */
void
expiry_forget(struct store *store, struct store_txn *txn, const char *id);

/* Registered with a struct issue_env. */
extern const struct job_kind expiry_job;

/* How many were reported (1000 means at least 1000). */
size_t
expiry_count(struct store *store);

#endif
