/*
 * daemon/report/audit.h: who changed what and when, with old and new values, and which calls were refused. A record is
 * written in the same commit as the change. audit_chain.h describes the storage, which detects every removal.
 *
 * A record is a JSON object {number, time, who, userId, method, outcome, object{type, id, name}, changes[], reason,
 * times}; outcome is "done" or "refused". The number and hash of the last record are logged within a second after it
 * was written (fields CERTD_AUDIT_NUMBER, CERTD_AUDIT_HASH). Comparing them later also reveals that the whole store was
 * restored to an earlier state.
 */
#ifndef DAEMON_REPORT_AUDIT_H
#define DAEMON_REPORT_AUDIT_H

#include "daemon/report/audit_chain.h"
#include "daemon/report/events.h"

struct audit;
struct loop;

/*
 * All borrowed; must outlive it. @max_records: older ones are removed once they are 30 days old or ten times as many.
 */
struct audit *
audit_new(struct store *store, struct loop *loop, struct log *log, uint64_t max_records);

/*
 * Writes the counted refusals, ends verifications (ERROR_CANCELLED); call it while the store can still commit. NULL is
 * a no-op.
 */
void
audit_stop(struct audit *audit);

void
audit_free(struct audit *audit);

/* All borrowed for the call; any may be NULL but who and method. */
struct audit_entry {
	const char *who;     /* "uid:0", "token:ci", "certd" */
	const char *user_id; /* "0", the token's id */
	const char *method;  /* "autoCertificate.update" */
	struct event_object object;
	struct json_object *changes; /* diff_properties() */
};

/* A change, in the list of changes that makes it: without its record it is not made (the list fails). */
void
audit_change(struct audit *audit, struct store_txn *txn, const struct audit_entry *entry);

/*
 * A refusal, in a separate list of changes. A caller's first refusal for a method is recorded at once. Those of the
 * next minute are counted and become one record, so that a flood of them cannot fill the disk.
 */
void
audit_refusal(struct audit *audit, const struct audit_entry *entry, const char *reason);

/*
 * Records with a number above @after, oldest first, at most @limit; @after < 0: the last @limit. One that does not
 * verify is
 * {number, damaged: true}. Return: a JSON array owned by the caller, or NULL.
 */
struct json_object *
audit_list(struct audit *audit, int64_t after, size_t limit, struct error *err);

/* Called once, from the loop or from audit_stop(). @check: borrowed; @err: NULL, or why the log could not be read. */
typedef void
audit_verified_fn(const struct audit_check *check, const struct error *err, void *arg);

/* Verifies every record, a slice in each turn of the loop. */
void
audit_verify(struct audit *audit, audit_verified_fn *done, void *arg);

#endif
