/*
 * daemon/renew/time_guard.h: is the date believable? A machine without a battery starts in 1970; work that depends on
 * dates waits then, while requests are answered, and says so. The store remembers the latest time that was seen.
 */
#ifndef DAEMON_RENEW_TIME_GUARD_H
#define DAEMON_RENEW_TIME_GUARD_H

#include "daemon/renew/issue.h"

struct time_guard;

/* @build_at: UNIX seconds; nothing before it is believed. */
struct time_guard *
time_guard_new(const struct issue_env *env, int64_t build_at);

void
time_guard_free(struct time_guard *guard);

/* May work begin at @now? Says it once when that changes, and stores the time now and then. */
bool
time_guard_allows(struct time_guard *guard, int64_t now);

#endif
