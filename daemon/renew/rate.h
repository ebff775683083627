/*
 * daemon/renew/rate.h: may an order be sent under a CA's rate limit, and if not, when? Pure: time is an argument.
 *
 * A limit is a bucket of @count tokens that are refilled evenly within the period, as CAs count themselves. One time
 * describes it: when it will be full again. Orders that have to wait get turns, one for each token to come, so that
 * each of them is looked at once. An order near the expiry of its certificate waits for no turn.
 */
#ifndef DAEMON_RENEW_RATE_H
#define DAEMON_RENEW_RATE_H

#include "common/ca.h"

#include <stdbool.h>
#include <stdint.h>

/* What was used of a limit; all zero: nothing. */
struct rate_bucket {
	int64_t full_at_ms;   /* UNIX milliseconds: nothing is used any more */
	int64_t last_turn_ms; /* the last turn that was given; in the past: nobody waits */
	int64_t pending;      /* orders in progress that will use a token each */
};

struct rate_order {
	int64_t now;       /* UNIX seconds, like the next */
	int64_t urgent_at; /* from then on the order is urgent; 0: never */
	bool has_turn;     /* it has waited for the turn that it was given */
	bool has_rivals;   /* urgent orders use the same tokens: a quarter is kept for them */
};

/*
 * Does an order use tokens of that limit? A renewal has the names of the last certificate; a replacement names the
 * certificate that it replaces (ARI). The CA counts duplicates and failures in any case, but does not refuse a
 * replacement because of them: is it to be asked?
 */
bool
rate_is_counted(const struct ca_limits *limits, enum ca_limit_kind kind, bool is_renewal, bool is_replacing);
bool
rate_is_asked(const struct ca_limits *limits, enum ca_limit_kind kind, bool is_renewal, bool is_replacing);

/* Do urgent renewals compete with other orders for the tokens of that limit (rate_order.has_rivals)? */
bool
rate_has_rivals(const struct ca_limits *limits, enum ca_limit_kind kind);

/* The tokens that are left, at least 0. */
int64_t
rate_room(const struct ca_limit *limit, const struct rate_bucket *bucket, int64_t now);

/* When a bucket without a token has one again; UNIX seconds. */
int64_t
rate_opens_at(const struct ca_limit *limit, const struct rate_bucket *bucket, int64_t now);

/* Uses one token, also if there is none: the CA has counted it. */
void
rate_count(const struct ca_limit *limit, struct rate_bucket *bucket, int64_t now);

/*
 * rate_burst_room() - how many orders of a burst may begin now
 * A burst is limited like anything else, but is even from its first minute on: its bucket gathers tokens for ten
 * seconds only, or one, however long it has rested. Each that begins is to be counted (rate_count()).
 */
int64_t
rate_burst_room(const struct ca_limit *limit, struct rate_bucket *bucket, int64_t now);

/* The seconds in which @count orders begin under that limit, when nothing of it is saved up; saturates. */
int64_t
rate_burst_sec(const struct ca_limit *limit, int64_t count);

/*
 * rate_ask() - may the order be sent?
 * Return: 0: yes. Otherwise the time to ask again, later than now and within 100 days, and not later than the order
 * becomes urgent; unless the order is urgent, that is its turn, which is noted in @bucket.
 */
int64_t
rate_ask(const struct ca_limit *limit, struct rate_bucket *bucket, const struct rate_order *order);

#endif
