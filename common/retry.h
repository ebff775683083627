/*
 * common/retry.h: the delay after consecutive failures. Whole fleets fail in the same minute, and an outage ends for
 * all of them at once, so every delay has jitter: a tenth in either direction, and at least 5 minutes (or the delay
 * itself, if that is shorter). No delay is below a minute.
 */
#ifndef COMMON_RETRY_H
#define COMMON_RETRY_H

#include <stdint.h>

enum retry_kind {
	RETRY_REMOTE, /* 1, 10, 100 minutes, then daily: a CA or DNS service recovers without us */
	RETRY_LOCAL,  /* 1, 2, 5, 15 minutes, then hourly: the cause is on this host, where the operator fixes it */
};

struct retry_wait {
	int64_t shortest, longest; /* seconds */
};

/* @attempts: consecutive failures, including this one; below 1 counts as 1. */
struct retry_wait
retry_wait(enum retry_kind kind, int64_t attempts);

/*
 * retry_at() - the time of the next attempt
 * @id: identifies the work; equal for equal @id and @attempts, so that simulations are repeatable
 * Return: UNIX seconds.
 */
int64_t
retry_at(enum retry_kind kind, int64_t now, int64_t attempts, const char *id);

/* The longest window of any known rate limit: certificates per domain of Let's Encrypt. */
enum { RETRY_WINDOW_SEC = 7 * 86400 };

/*
 * retry_not_before() - when a server allows the next request
 * A time more than RETRY_WINDOW_SEC ahead is a mistake of the server or of a clock: it counts as a day.
 * @asked_at: the time that the server named; 0: none
 * Return: UNIX seconds; 0: no restriction.
 */
int64_t
retry_not_before(int64_t asked_at, int64_t now);

/*
 * retry_after_read() - the value of a Retry-After header (RFC 9110 s10.2.3): seconds, or a date in any form of HTTP
 * Return: seconds from @now, at least 1, also for a time that has passed; 0: not readable.
 */
int64_t
retry_after_read(const char *value, int64_t now);

/* When a server allows the next request, by the seconds of its Retry-After; 0 or less: it gave none. */
int64_t
retry_after(int64_t sec, int64_t now);

#endif
