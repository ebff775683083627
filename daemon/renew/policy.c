/*
 * When to renew and when to retry, as arithmetic. Everything is in seconds and saturates: a date in the year 9999 from
 * a CA, or a counter that ran for years, must not produce a time in the past.
 */
#include "daemon/renew/policy.h"

#include "common/retry.h"
#include "common/timefmt.h"

enum {
	MINUTE = 60,
	DAY = 24 * 3600,
	DEFAULT_BEFORE = 30 * DAY,
	SHORT_LIFE = 10 * DAY, /* below it half of the lifetime is the margin, above a third (CA integration guides) */
	SHORTEST = 5,          /* seconds between two orders, and no less for lives of seconds */
	RETRIES = 16,          /* lives below so many minutes are retried more often than once a minute */
	NETWORK_ATTEMPTS = 2, /* from this number of consecutive failures without a network, the delay stays constant */
	ASKED_SPREAD =
		10 *
		MINUTE, /* minimum jitter of a delay that the CA demands: all its clients return at the end of it */
	LIFE_SHARE = 8,
};

static int64_t
min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t
renewal_margin(int64_t lifetime, int64_t renew_before)
{
	int64_t most = lifetime < SHORT_LIFE ? lifetime / 2 : lifetime / 3;

	return min64(renew_before > 0 ? renew_before : DEFAULT_BEFORE, most);
}

int64_t
renewal_urgent_at(int64_t not_before_at, int64_t not_after_at, int64_t renew_before)
{
	int64_t lifetime = max64(time_add(not_after_at, -max64(not_before_at, -INT64_MAX)), 0);

	return time_add(not_after_at, -(renewal_margin(lifetime, renew_before) / 2));
}

/*
 * The time until which a certificate is kept, however soon its renewal is due: a minute would be the whole life of one
 * that lives for a minute. One that is over when it comes is replaced after a minute: the next will hardly be better.
 */
static int64_t
kept_until(const struct renewal_in *in)
{
	int64_t left = time_add(in->not_after_at, -in->issued_at);
	int64_t least = left >= 2 * SHORTEST ? min64(MINUTE, left / 2) : MINUTE;

	return time_add(in->issued_at, max64(left / LIFE_SHARE, least));
}

int64_t
renewal_due(const struct renewal_in *in)
{
	int64_t lifetime = max64(time_add(in->not_after_at, -max64(in->not_before_at, -INT64_MAX)), 0);
	int64_t latest = time_add(in->not_after_at, -(lifetime / 20));
	int64_t before = renewal_margin(lifetime, in->renew_before);
	/* Earlier, never later: the margin is reserved for outages. */
	int64_t spread = before >= 10 ? (int64_t)(in->spread_seed % (uint64_t)(before / 10)) : 0;
	int64_t due = time_add(time_add(in->not_after_at, -before), -spread);

	int64_t kept = in->issued_at > 0 ? kept_until(in) : INT64_MIN;

	due = max64(min64(due, latest), kept);
	if (in->ari_pick_at <= 0)
		return due;
	if (in->ari_pick_at < kept && in->hurried_at > 0)
		return max64(in->ari_pick_at, min64(due, time_add(in->hurried_at, DAY)));
	return min64(in->ari_pick_at, max64(latest, kept));
}

bool
renewal_is_hurried(const struct renewal_in *in, int64_t now)
{
	return in->ari_pick_at > 0 && in->issued_at > 0 && in->ari_pick_at <= now && now < kept_until(in);
}

bool
renewal_is_held(const struct renewal_in *in)
{
	return in->ari_pick_at > 0 && renewal_due(in) > in->ari_pick_at;
}

enum renewal_rule
renewal_rule(const struct renewal_in *in)
{
	int64_t due = renewal_due(in);
	struct renewal_in anew = *in;
	int64_t wanted = in->renew_before > 0 ? in->renew_before : DEFAULT_BEFORE;

	if (in->ari_pick_at > 0)
		return due == in->ari_pick_at  ? RENEWAL_BY_CA
		       : due > in->ari_pick_at ? RENEWAL_HELD
					       : RENEWAL_BEFORE_CA;
	anew.issued_at = 0;
	if (due > renewal_due(&anew))
		return RENEWAL_KEPT;
	return renewal_margin(time_add(in->not_after_at, -in->not_before_at), wanted) < wanted ? RENEWAL_BY_LIFE
											       : RENEWAL_BY_MARGIN;
}

/* At most a part of the remaining lifetime, or of the whole lifetime when it is over. */
static int64_t
longest_wait(const struct backoff_in *in)
{
	int64_t left = time_add(in->not_after_at, -in->now);

	if (in->not_after_at <= 0)
		return INT64_MAX;
	if (left <= 0)
		left = time_add(in->not_after_at, -in->not_before_at);
	return left / LIFE_SHARE;
}

/* A minute; less for certificates that live for minutes, until they have expired. */
static int64_t
shortest_wait(const struct backoff_in *in)
{
	int64_t lifetime = time_add(in->not_after_at, -in->not_before_at);

	if (in->not_after_at <= in->now || lifetime <= 0)
		return MINUTE;
	return max64(min64(lifetime / RETRIES, MINUTE), SHORTEST);
}

/* 0 to @span. */
static int64_t
jitter(const struct backoff_in *in, int64_t span)
{
	return (int64_t)(in->jitter_seed % ((uint64_t)span + 1));
}

/*
 * Without a network the delay is at most half an hour and every client retries often, so the jitter is as large as
 * possible.
 */
static int64_t
own_wait(const struct backoff_in *in)
{
	static const struct retry_wait offline = { .shortest = 10 * MINUTE, .longest = 30 * MINUTE };
	struct retry_wait wait = retry_wait(RETRY_REMOTE, in->attempts);
	int64_t span, longest;

	if (in->is_network && in->attempts >= NETWORK_ATTEMPTS)
		wait = offline;
	span = wait.longest - wait.shortest;
	longest = min64(wait.longest, longest_wait(in));
	return max64(longest - jitter(in, min64(span, longest / 2)), shortest_wait(in));
}

int64_t
backoff_not_before(const struct backoff_in *in)
{
	int64_t asked_at = retry_not_before(in->retry_at, in->now);
	int64_t half = time_add(in->not_after_at, -in->now) / 2;

	if (in->not_after_at > 0)
		asked_at = min64(asked_at, time_add(in->now, max64(half, DAY)));
	return asked_at;
}

/* The CA's demand; 0: none. */
static int64_t
asked_wait(const struct backoff_in *in)
{
	return max64(0, time_add(backoff_not_before(in), -in->now));
}

/* The maximum delay after that time: a part of the lifetime that remains then, and no more than for any other delay. */
static int64_t
asked_spread(const struct backoff_in *in)
{
	int64_t asked = asked_wait(in);
	int64_t left = time_add(time_add(in->not_after_at, -in->now), -asked);
	int64_t spread = max64(asked / 10, min64(asked, ASKED_SPREAD));

	return in->not_after_at > 0 && left > 0 ? min64(spread, left / LIFE_SHARE) : spread;
}

int64_t
backoff_due(const struct backoff_in *in)
{
	int64_t wait = own_wait(in);
	int64_t asked = asked_wait(in);

	if (asked > wait)
		wait = asked + jitter(in, asked_spread(in));
	return time_add(in->now, wait);
}

int64_t
backoff_latest(const struct backoff_in *in)
{
	int64_t wait = max64(min64(DAY + DAY / 10, longest_wait(in)), MINUTE);

	return time_add(in->now, max64(wait, asked_wait(in) + asked_spread(in)));
}

int64_t
backoff_count(int64_t attempts, bool is_network)
{
	return is_network && attempts >= NETWORK_ATTEMPTS ? attempts : time_add(attempts, 1);
}
