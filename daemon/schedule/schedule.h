/*
 * daemon/schedule/schedule.h: all future work, as durable rows: (lane, due, kind, object). A lane is a queue with its
 * own capacity: the provider's id for issues (so that a slow CA never blocks another), "" for all other work. One timer
 * is armed, for the earliest row of a lane that has room.
 *
 *   STORE_SCHEDULE      lane NUL | due (8, big endian, sign flipped) | kind (1) | object   -> ""
 *   STORE_SCHEDULE_ROW  kind (1) | object                                                   -> due (8) | lane
 */
#ifndef DAEMON_SCHEDULE_SCHEDULE_H
#define DAEMON_SCHEDULE_SCHEDULE_H

#include "daemon/store/store.h"

#include <stdbool.h>

/* Stored as one octet, so numbers are never reused. The kind's job_kind describes the work (job.h). */
enum schedule_kind {
	SCHEDULE_ISSUE = 1,     /* autocertificate: order, renew, retry or resume */
	SCHEDULE_DEPLOY = 2,    /* autocertificate or imported certificate: write the drop, activate consumers */
	SCHEDULE_PROBE = 3,     /* the same: compare the presented certificate */
	SCHEDULE_CLEANUP = 4,   /* cleanup record: remove a TXT value */
	SCHEDULE_ACCOUNT = 5,   /* provider: register the account */
	SCHEDULE_PURGE = 6,     /* certificate: delete it after its grace period */
	SCHEDULE_AUTHORIZE = 7, /* authorization: get its record, have it validated, or delete it when it has expired */
	SCHEDULE_EXPIRY = 8,    /* imported certificate: report that it expires */
	SCHEDULE_REMOVE = 9,    /* removal record: files that are no longer declared */
	SCHEDULE_ALERT = 12,    /* alert: deliver the messages that wait for it */
	SCHEDULE_LOOK = 13,     /* autocertificate or imported certificate: has it become late, has it expired? */
	SCHEDULE_ARI = 14,      /* autocertificate: ask the CA when to renew the certificate (RFC 9773) */
	SCHEDULE_REVOKE = 15,   /* certificate: revoke it */
	SCHEDULE_PERSIST = 16,  /* autocertificate: look for its records of dns-persist-01 */
	SCHEDULE_READY = 17,    /* autocertificate: would its renewal succeed? */
	SCHEDULE_CRL = 18,      /* one row: ask all revocation lists about the certificates */
	SCHEDULE_APPROVAL = 19, /* autocertificate: deploy the certificate that waits for approval without it */
	SCHEDULE_REISSUE = 20,  /* reissue: order the next certificates of it */
	SCHEDULE_CT = 21,       /* one row: look for certificates of others in CT logs */
	SCHEDULE_REHEARSE = 22, /* autocertificate: order at a staging CA, whose provider is the lane, for nothing */
	SCHEDULE_DANE = 23,     /* autocertificate: prepare its next key, and look for its TLSA records */
};

/*
 * The end of a row's work, called once, from the loop. @is_stored: the outcome is durable and the row was moved or
 * removed;
 * false: the store could not be written, so the row is still due and runs again a minute later.
 */
typedef void
schedule_done_fn(bool is_stored, void *arg);

struct schedule_row {
	enum schedule_kind kind;
	char object[STORE_ID_SIZE];
	char lane[STORE_ID_SIZE];
	int64_t due_at; /* UNIX seconds */
};

/*
 * Puts the row of (kind, object), replacing an earlier one. Watchers of STORE_SCHEDULE (store_watch()) receive the new
 * row.
 */
void
schedule_set(struct store *store, struct store_txn *txn, enum schedule_kind kind, const char *object, const char *lane,
	int64_t due_at);

/* Removes it if it exists. */
void
schedule_del(struct store *store, struct store_txn *txn, enum schedule_kind kind, const char *object);

/* Return: 1 found, 0 absent, -1 failed. */
int
schedule_get(
	struct store *store, enum schedule_kind kind, const char *object, struct schedule_row *ret, struct error *err);

/*
 * schedule_next_in_lane() - the earliest row of @lane after @after (NULL: the first)
 * Return: 1 found, 0 none, -1 failed.
 */
int
schedule_next_in_lane(struct store *store, const char *lane, const struct schedule_row *after, struct schedule_row *ret,
	struct error *err);

/*
 * schedule_next_of_kind() - the object of the next row of @kind, in order of their ids
 * @object: of the last one, "": the first; replaced
 * Return: 1 found, 0 none, -1 failed.
 */
int
schedule_next_of_kind(struct store *store, enum schedule_kind kind, char object[STORE_ID_SIZE], struct error *err);

/*
 * The first lane with a name >= @lane (or > when @is_after): seeks to it, without walking rows. Return: 1, 0 none, -1.
 */
int
schedule_next_lane(
	struct store *store, const char *lane, bool is_after, char ret_lane[STORE_ID_SIZE], struct error *err);

/* A number for spreading work over time, always the same for an id (FNV-1a). */
uint64_t
schedule_seed(const char *id);

#endif
