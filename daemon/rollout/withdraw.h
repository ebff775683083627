/*
 * daemon/rollout/withdraw.h: files that nobody declares any more: those of a subject that was deleted, and those in the
 * directory of a consumer that it is not given to any more. A key must not stay behind, so the intent is durable
 * (STORE_REMOVAL and its SCHEDULE_REMOVE row) with the change that causes it, and removing is repeated, over restarts
 * too, until it has succeeded.
 */
#ifndef DAEMON_ROLLOUT_WITHDRAW_H
#define DAEMON_ROLLOUT_WITHDRAW_H

#include "daemon/rollout/rollout.h"

/* Whose files they are (subject.h); borrowed. */
struct withdraw_from {
	const char *subject_id;
	const char *slug;
};

/* The subject is deleted in @txn: all its files, those in the directories of @consumers (ids) too. Before its rollout. */
void
withdraw_all(struct rollout *rollout, struct store_txn *txn, const struct withdraw_from *from,
	const struct strlist *consumers, int64_t now);

/* In @txn the subject is given to @after instead of @before (ids): what lies in the directories of the others. */
void
withdraw_from_consumers(struct rollout *rollout, struct store_txn *txn, const struct withdraw_from *from,
	const struct strlist *before, const struct strlist *after, int64_t now);

/* In @txn a consumer of the subject gets another directory than this one, or none. */
void
withdraw_from_directory(struct rollout *rollout, struct store_txn *txn, const struct withdraw_from *from,
	const char *directory, int64_t now);

#endif
