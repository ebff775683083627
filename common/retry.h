/*
 * common/retry.h: how long to wait after failures in a row. Whole fleets fail in the same minute and an outage ends for
 * all of them at once, so every wait is spread: by a tenth to either side, and by 5 minutes at least (by the wait
 * itself, if that is shorter). No wait is below a minute.
 */
#ifndef COMMON_RETRY_H
#define COMMON_RETRY_H

#include <stdint.h>

enum retry_kind {
	RETRY_REMOTE, /* 1, 10, 100 minutes, then daily: a CA or a DNS service will come back */
	RETRY_LOCAL,  /* 1, 2, 5, 15 minutes, then hourly: the cause is on this host, and somebody mends it */
};

struct retry_wait {
	int64_t shortest, longest; /* seconds */
};

/* @attempts: failed in a row, this one included; below 1 counts as 1. */
struct retry_wait
retry_wait(enum retry_kind kind, int64_t attempts);

/*
 * retry_at() - when to try again
 * @id: of what is tried; the same for the same id and count, so that simulations repeat
 * Return: UNIX seconds.
 */
int64_t
retry_at(enum retry_kind kind, int64_t now, int64_t attempts, const char *id);

#endif
