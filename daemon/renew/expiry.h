/*
 * daemon/renew/expiry.h: imported certificates cannot be renewed by certd, so it says that they expire: 30, 14, 7, 3 and 1
 * days before, when it has happened, and daily from then on. A SCHEDULE_EXPIRY row each; who was warned of stands in
 * STORE_INDEX, "x" id -> "", for the status.
 */
#ifndef DAEMON_RENEW_EXPIRY_H
#define DAEMON_RENEW_EXPIRY_H

#include "daemon/renew/issue.h"

/* Pure: the first moment behind @after at which there is something to say. UNIX seconds. */
int64_t
expiry_next(int64_t not_after_at, int64_t after);

/* A certificate that was imported: puts its row. What is overdue is said once, at once. */
void
expiry_schedule(struct store *store, struct store_txn *txn, const struct certificate *cert);

/* It was replaced or deleted: nothing is said of it any more. */
void
expiry_forget(struct store *store, struct store_txn *txn, const char *certificate_id);

/* Registered with a struct issue_env. */
extern const struct job_kind expiry_job;

/*
 * expiry_warnings() - a line for each imported certificate that was warned of, at most @max; appended to @ret
 * Return: how many there are (a thousand stands for more), of which at most @max are told.
 */
size_t
expiry_warnings(struct store *store, int64_t now, size_t max, struct strlist *ret);

#endif
