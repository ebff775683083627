/*
 * daemon/schedule/time_guard.h: is the date believable? A machine without a battery starts in 1970; work that depends on
 * dates waits then, while requests are answered, and says so. The store remembers the latest time that was seen; as that
 * time may have been the wrong one, it is given up when somebody sets the clock, and after an hour.
 */
#ifndef DAEMON_SCHEDULE_TIME_GUARD_H
#define DAEMON_SCHEDULE_TIME_GUARD_H

#include "daemon/schedule/scheduler.h"

struct time_guard;

/* @config: copied. @patience_over: the hour is over: ask again. */
struct time_guard *
time_guard_new(const struct scheduler_config *config, void (*patience_over)(void *arg), void *arg);

void
time_guard_free(struct time_guard *guard);

/* The clock was set: what it said before is of no account. */
void
time_guard_forget(struct time_guard *guard);

/* Has a time been seen that is later than @now? */
bool
time_guard_was_ahead(const struct time_guard *guard, int64_t now);

/* Is the date doubted, as far as was seen? */
bool
time_guard_is_waiting(const struct time_guard *guard);

/* May work begin at @now? Says it once when that changes, and stores the time now and then. */
bool
time_guard_allows(struct time_guard *guard, int64_t now);

#endif
