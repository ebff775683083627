/*
 * daemon/challenge/txt_removal.h: removing TXT values: after a challenge, and again from the schedule when that failed
 * or certd was not running.
 */
#ifndef DAEMON_CHALLENGE_TXT_REMOVAL_H
#define DAEMON_CHALLENGE_TXT_REMOVAL_H

#include "daemon/challenge/solver.h"
#include "daemon/schedule/schedule.h"

struct txt_removals; /* all running removals */
struct txt_queue;

/* Does a published challenge need the value of cleanup record @id? */
typedef bool
txt_removal_needed_fn(const char *id, void *arg);

/*
 * @solver, @queue: borrowed; must outlive it. Cleanup records in the store are due at once: no challenge is published
 * yet, so their values were left by a crash. A resumed order makes its own record again.
 */
struct txt_removals *
txt_removals_new(struct solver *solver, struct txt_queue *queue, txt_removal_needed_fn *is_needed, void *arg);

void
txt_removals_free(struct txt_removals *removals);

/*
 * txt_removal_start() - remove the value of cleanup record @id, then the record and its row (cleanup.h)
 * On failure the row was moved to its next attempt and EVENT_CLEANUP_FAILED was emitted. If the DNS provider was
 * deleted, the value cannot be removed: record and row are deleted, with the event. A value that a challenge needs is
 * kept.
 * @done: once, from the loop; NULL: the result is not needed
 * Return: for txt_removal_disown() until @done is called.
 */
struct txt_removal *
txt_removal_start(struct txt_removals *removals, const char *id, schedule_done_fn *done, void *arg);

/* The caller no longer needs the result; the removal continues. A job_kind's cancel(). @removal: struct txt_removal. */
void
txt_removal_disown(void *removal);

#endif
