/* daemon/rollout/rollout_private.h: what rollout.c and withdraw.c share. */
#ifndef DAEMON_ROLLOUT_ROLLOUT_PRIVATE_H
#define DAEMON_ROLLOUT_ROLLOUT_PRIVATE_H

#include "daemon/rollout/rollout.h"

struct run;
struct withdrawal;

struct rollout {
	struct rollout_env env;
	struct run *runs;
	struct withdrawal *withdrawals; /* being removed */
};

/* Wait grows from a minute to an hour: the cause is on this host and heals when somebody mends it. */
int64_t
rollout_retry_at(const struct rollout *rollout, int64_t attempts);

/* Adds the directories of their own that these consumers (ids) have besides live/<slug>. Return: 0 or -1. */
int
rollout_directories(
	struct rollout *rollout, const struct strlist *consumers, struct strlist *ret, struct error *err);

/* At the end: the rows are due still. */
void
withdraw_cancel_all(struct rollout *rollout);

#endif
