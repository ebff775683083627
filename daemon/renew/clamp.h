/*
 * daemon/renew/clamp.h: after the clock was set back, rows that were put while it was wrong may lie years away. What is
 * tried again after a wait is never due later than the longest wait from now; renewals and purges go where the
 * certificate's dates have them.
 */
#ifndef DAEMON_RENEW_CLAMP_H
#define DAEMON_RENEW_CLAMP_H

#include "daemon/renew/issue.h"

struct clamp;

/* Walks all rows in slices, between which requests are answered. @moved: called once, from the loop, when rows moved. */
struct clamp *
clamp_new(const struct issue_env *env, void (*moved)(void *arg), void *arg);

/* (Again) from the beginning. */
void
clamp_start(struct clamp *clamp);

/* NULL is a no-op. */
void
clamp_free(struct clamp *clamp);

/* Pure: where a row that is due at @due_at belongs, when nothing puts it later than @latest_at. */
int64_t
clamp_due(int64_t now, int64_t due_at, int64_t latest_at, uint64_t seed);

#endif
