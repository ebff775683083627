/*
 * daemon/rollout/withdraw.h: removes files that are no longer declared: those of a deleted subject, and those in the
 * directory of a consumer that no longer has the certificate. No key may remain, so the intent is durable
 * (STORE_REMOVAL and its SCHEDULE_REMOVE row) with the change that causes it, and the removal is retried, also after
 * restarts, until it succeeds.
 */
#ifndef DAEMON_ROLLOUT_WITHDRAW_H
#define DAEMON_ROLLOUT_WITHDRAW_H

#include "daemon/rollout/rollout.h"

/* The owner of the files (subject.h); borrowed. */
struct withdraw_from {
	const char *subject_id;
	const char *slug;
	const char *former_id; /* the subject that had them until this change (rollout_hand_over()); or NULL */
};

/*
 * The subject is deleted in @txn: removes all its files, also in the directories of @consumers (ids). Call before its
 * rollout is deleted.
 */
void
withdraw_all(struct rollout *rollout, struct store_txn *txn, const struct withdraw_from *from,
	const struct strlist *consumers, int64_t now);

/*
 * In @txn the subject's consumers change from @before to @after (ids): removes the files in the directories of the
 * others.
 */
void
withdraw_from_consumers(struct rollout *rollout, struct store_txn *txn, const struct withdraw_from *from,
	const struct strlist *before, const struct strlist *after, int64_t now);

/* In @txn a consumer of the subject gets another directory than this one, or none. */
void
withdraw_from_directory(struct rollout *rollout, struct store_txn *txn, const struct withdraw_from *from,
	const char *directory, int64_t now);

#endif
