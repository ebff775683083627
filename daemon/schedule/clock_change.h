/*
 * daemon/schedule/clock_change.h: after the clock was set back, rows that were put while it was wrong may be due years
 * later.
 * Each row is visited once and rescheduled as its kind demands.
 */
#ifndef DAEMON_SCHEDULE_CLOCK_CHANGE_H
#define DAEMON_SCHEDULE_CLOCK_CHANGE_H

#include "daemon/schedule/scheduler.h"

struct clock_change;

/*
 * Walks all rows in slices; requests are answered in between. @config: copied; @scheduler: borrowed, for
 * scheduler_due_after_clock_change(). @moved: called once, from the loop, when rows were moved.
 */
struct clock_change *
clock_change_new(
	const struct scheduler_config *config, const struct scheduler *scheduler, void (*moved)(void *arg), void *arg);

/* Starts, or restarts, the walk. */
void
clock_change_start(struct clock_change *change);

/* NULL is a no-op. */
void
clock_change_free(struct clock_change *change);

#endif
