/*
 * daemon/challenge/cleanup.h: the durable record of a TXT value to remove (STORE_CLEANUP and its SCHEDULE_CLEANUP row).
 * It is stored before the value is added, so that a crash leaves no orphan.
 */
#ifndef DAEMON_CHALLENGE_CLEANUP_H
#define DAEMON_CHALLENGE_CLEANUP_H

#include "daemon/schedule/job.h"
#include "daemon/store/record.h"

struct error;

struct cleanup {
	char *dns_provider; /* id */
	char *zone;         /* or NULL: the driver needs none */
	char *name;         /* owner name, aliases followed */
	char *value;
	char *domain;            /* the name being validated; NULL: added by an earlier version */
	char *key_authorization; /* likewise */
	int64_t attempts;        /* consecutive failed removals */
	struct buf unknown;      /* record.h */
};

RECORD_DECLARE(cleanup, cleanup_class);

#define _cleanup_cleanup_ _cleanup_(cleanup_clear)

/* The id is derived from the value to remove, so a resumed order reuses the record that it made before. */
void
cleanup_id(const struct cleanup *c, char ret[STORE_ID_SIZE]);

/* Puts the record and its row. */
void
cleanup_save(struct store *store, struct store_txn *txn, const struct cleanup *c, int64_t due_at);

/* The value was removed: deletes the record and its row. */
void
cleanup_forget(struct store *store, struct store_txn *txn, const char *id);

/* A job_kind's after_clock_change(). */
int64_t
cleanup_after_clock_change(void *env, const struct schedule_row *row, int64_t now);

#endif
