/*
 * daemon/challenge/txt_removal.h: taking TXT values away: after a challenge, and again from the schedule when that failed
 * or certd was not there to do it.
 */
#ifndef DAEMON_CHALLENGE_TXT_REMOVAL_H
#define DAEMON_CHALLENGE_TXT_REMOVAL_H

#include "daemon/challenge/solver.h"
#include "daemon/schedule/schedule.h"

struct txt_removals; /* all under way */
struct txt_queue;

/* Is a challenge up that needs the value of promise @id? */
typedef bool
txt_removal_needed_fn(const char *id, void *arg);

/*
 * @solver, @queue: borrowed; must outlive it. Promises found in the store are due at once: nothing is up yet, so what
 * they are about was left by a crash, and an order that is resumed makes its own again.
 */
struct txt_removals *
txt_removals_new(struct solver *solver, struct txt_queue *queue, txt_removal_needed_fn *is_needed, void *arg);

void
txt_removals_free(struct txt_removals *removals);

/*
 * txt_removal_start() - keep the promise @id: remove the value, then record and row (cleanup.h)
 * On failure the row has been moved to its next try and EVENT_CLEANUP_FAILED was emitted. Of a DNS provider that was
 * deleted nothing can be removed: record and row go, with the event. A value that a challenge needs stays.
 * @done: once, from the loop; NULL: nobody waits
 * Return: for txt_removal_disown() until @done is called.
 */
struct txt_removal *
txt_removal_start(struct txt_removals *removals, const char *id, schedule_done_fn *done, void *arg);

/* Nobody waits any more; it goes on. A job_kind's cancel(). @removal: struct txt_removal. */
void
txt_removal_disown(void *removal);

#endif
