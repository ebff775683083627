/*
 * daemon/schedule/time_guard.h: is the clock plausible? A machine without a battery starts in 1970. Work that depends
 * on dates then waits, and certd reports it, while requests are still answered. The store records the latest time seen.
 * That time may itself be wrong, so it is discarded when the clock is set, and after an hour.
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

/* The clock was set: forget the recorded time. */
void
time_guard_forget(struct time_guard *guard);

/* Was a time later than @now recorded? */
bool
time_guard_was_ahead(const struct time_guard *guard, int64_t now);

/* Is the clock suspect by the recorded times? */
bool
time_guard_is_waiting(const struct time_guard *guard);

/* May date-dependent work start at @now? Logs every change of the answer, and records the time at intervals. */
bool
time_guard_allows(struct time_guard *guard, int64_t now);

#endif
