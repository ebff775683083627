/* The generic cell rate algorithm in milliseconds, with turns for those that wait. */
#include "daemon/renew/rate.h"

enum {
	MS = 1000,
	RESERVE_SHARE = 4,
	GATHER_MS = 10 * MS,       /* of a burst */
	LONGEST_WAIT = 100 * 86400 /* a clock may have been wrong when a turn was given */
};

static int64_t
max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* From one token to the next. Rounded up: certd is never ahead of the CA. */
static int64_t
rate_step(const struct ca_limit *limit)
{
	return max64(1, (limit->period * MS + limit->count - 1) / limit->count);
}

/* When the bucket is full. It cannot have more than all its tokens to refill: then a clock was ahead. */
static int64_t
rate_full_at(const struct ca_limit *limit, const struct rate_bucket *bucket, int64_t now_ms)
{
	int64_t step = rate_step(limit);
	int64_t full_at = min64(max64(bucket->full_at_ms, now_ms), now_ms + limit->count * step);

	return full_at + bucket->pending * step;
}

/* When the bucket has @need tokens. */
static int64_t
rate_has_at(const struct ca_limit *limit, const struct rate_bucket *bucket, int64_t now_ms, int64_t need)
{
	return rate_full_at(limit, bucket, now_ms) - (limit->count - min64(need, limit->count)) * rate_step(limit);
}

static bool
is_of_new_orders(enum ca_limit_kind kind)
{
	return kind == CA_LIMIT_ORDERS || kind == CA_LIMIT_DOMAIN;
}

bool
rate_is_counted(const struct ca_limits *limits, enum ca_limit_kind kind, bool is_renewal, bool is_replacing)
{
	return !(limits->spares_renewals && (is_renewal || is_replacing) && is_of_new_orders(kind));
}

bool
rate_is_asked(const struct ca_limits *limits, enum ca_limit_kind kind, bool is_renewal, bool is_replacing)
{
	return rate_is_counted(limits, kind, is_renewal, is_replacing) && !(limits->spares_renewals && is_replacing);
}

bool
rate_has_rivals(const struct ca_limits *limits, enum ca_limit_kind kind)
{
	return !limits->spares_renewals && is_of_new_orders(kind);
}

int64_t
rate_room(const struct ca_limit *limit, const struct rate_bucket *bucket, int64_t now)
{
	int64_t step = rate_step(limit);
	int64_t used_ms = rate_full_at(limit, bucket, now * MS) - now * MS;

	return max64(0, limit->count - (used_ms + step - 1) / step);
}

static int64_t
seconds(int64_t ms)
{
	return (ms + MS - 1) / MS;
}

int64_t
rate_opens_at(const struct ca_limit *limit, const struct rate_bucket *bucket, int64_t now)
{
	return max64(now, seconds(rate_has_at(limit, bucket, now * MS, 1)));
}

void
rate_count(const struct ca_limit *limit, struct rate_bucket *bucket, int64_t now)
{
	const struct rate_bucket counted = { .full_at_ms = bucket->full_at_ms };

	bucket->full_at_ms = rate_full_at(limit, &counted, now * MS) + rate_step(limit);
}

int64_t
rate_burst_room(const struct ca_limit *limit, struct rate_bucket *bucket, int64_t now)
{
	int64_t step = rate_step(limit);
	int64_t gathered_ms = max64(step, GATHER_MS - GATHER_MS % step);

	bucket->full_at_ms = max64(bucket->full_at_ms, now * MS + limit->count * step - gathered_ms);
	return rate_room(limit, bucket, now);
}

int64_t
rate_burst_sec(const struct ca_limit *limit, int64_t count)
{
	return count > INT64_MAX / rate_step(limit) ? INT64_MAX / MS : seconds(count * rate_step(limit));
}

int64_t
rate_ask(const struct ca_limit *limit, struct rate_bucket *bucket, const struct rate_order *order)
{
	int64_t now_ms = order->now * MS;
	bool is_urgent = order->urgent_at > 0 && order->now >= order->urgent_at;
	bool is_queue = !is_urgent && bucket->last_turn_ms > now_ms &&
			bucket->last_turn_ms <= now_ms + (int64_t)LONGEST_WAIT * MS;
	int64_t need = 1 + (!is_urgent && order->has_rivals ? limit->count / RESERVE_SHARE : 0);
	int64_t turn_ms, at;

	/* The next token is for the next turn. But turns may be abandoned, and then tokens are left over. */
	if (rate_has_at(limit, bucket, now_ms, need + (is_queue && !order->has_turn)) <= now_ms)
		return 0;
	turn_ms = rate_has_at(limit, bucket, now_ms, need);
	if (is_queue)
		turn_ms = max64(turn_ms, bucket->last_turn_ms + rate_step(limit));
	if (!is_urgent)
		bucket->last_turn_ms = turn_ms;
	at = max64(order->now + 1, min64(seconds(turn_ms), order->now + LONGEST_WAIT));
	if (!is_urgent && order->urgent_at > 0)
		at = min64(at, order->urgent_at);
	return at;
}
