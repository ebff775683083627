/*
 * daemon/rollout/rollout_check.h: are the files of a rollout still as certd wrote them? If not, they are reported
 * ("changed by others"), remembered, and written again.
 */
#ifndef DAEMON_ROLLOUT_ROLLOUT_CHECK_H
#define DAEMON_ROLLOUT_ROLLOUT_CHECK_H

#include "daemon/rollout/rollout.h"

struct rollout_check;

/* Once, from the loop. @is_rewritten: a deployment was requested. */
typedef void
rollout_checked_fn(bool is_rewritten, void *arg);

/*
 * rollout_check_start() - compare the files of a deployed subject, on a worker
 * @is_start: at certd's start, where a place without any file (a tmpfs after a boot) is filled without a report
 * Return: NULL: there is nothing to compare, or it cannot be read; otherwise @done follows.
 */
struct rollout_check *
rollout_check_start(
	struct rollout *rollout, const char *subject_id, bool is_start, rollout_checked_fn *done, void *arg);

/* Its done() is not called. A worker that compares goes on, without consequences. */
void
rollout_check_cancel(struct rollout_check *check);

/*
 * What was found changed; owned by the caller. NULL: nothing, or @err is set. @ret_until: until when that is of
 * interest, a day later; or NULL.
 */
char *
rollout_changed_text(struct store *store, const char *subject_id, int64_t *ret_until, struct error *err);

/* The subject is gone. */
void
rollout_changed_forget(struct store_txn *txn, const char *subject_id);

#endif
