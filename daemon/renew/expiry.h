/*
 * daemon/renew/expiry.h: certd cannot renew imported certificates, so it reports their expiry: 30, 14, 7, 3 and 1 days
 * before,
 * at expiry, and daily from then on. Each has a SCHEDULE_EXPIRY row. STORE_INDEX "x" id -> "" lists the reported ones
 * for the status.
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

/* It was replaced or deleted: it is no longer reported. */
void
expiry_forget(struct store *store, struct store_txn *txn, const char *certificate_id);

/* Registered with a struct issue_env. */
extern const struct job_kind expiry_job;

/*
 * expiry_warnings() - a line for each imported certificate that was reported, at most @max; appended to @ret
 * Return: their number (1000 means at least 1000), of which at most @max are listed.
 */
size_t
expiry_warnings(struct store *store, int64_t now, size_t max, struct strlist *ret);

#endif
