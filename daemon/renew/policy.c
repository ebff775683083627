/*
 * The rule of renewal and of trying again, as arithmetic. Everything is in seconds and saturates, because a CA that
 * sends a date in the year 9999 or a counter that ran for years must not make a time that lies in the past.
 */
#include "daemon/renew/policy.h"

#include "common/retry.h"
#include "common/timefmt.h"

enum {
	MINUTE = 60,
	DAY = 24 * 3600,
	DEFAULT_BEFORE = 30 * DAY,
	SHORT_LIFE = 10 * DAY, /* below it half of the life is the margin, above a third (CA integration guides) */
	BACKOFF_FLOOR = MINUTE,
	NETWORK_ATTEMPTS = 2,       /* from here on in a row, without a network, the wait stays the same */
	ASKED_SPREAD = 10 * MINUTE, /* at least, of a wait that the CA asks for: its clients all come at its end */
	LIFE_SHARE = 8,
	RETRY_AFTER_MAX = DAY,
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

/* The seconds before expiry at which renewal is due without advice. */
static int64_t
margin(int64_t lifetime, int64_t renew_before)
{
	int64_t most = lifetime < SHORT_LIFE ? lifetime / 2 : lifetime / 3;

	return min64(renew_before > 0 ? renew_before : DEFAULT_BEFORE, most);
}

/* Until when a certificate is kept however soon it should be renewed. */
static int64_t
kept_until(const struct renewal_in *in)
{
	int64_t left = time_add(in->not_after_at, -in->issued_at);

	return time_add(in->issued_at, max64(left / LIFE_SHARE, MINUTE));
}

int64_t
renewal_due(const struct renewal_in *in)
{
	int64_t lifetime = max64(time_add(in->not_after_at, -max64(in->not_before_at, -INT64_MAX)), 0);
	int64_t latest = time_add(in->not_after_at, -(lifetime / 20));
	int64_t before = margin(lifetime, in->renew_before);
	/* Spread earlier, never later: the margin is for outages, not for us. */
	int64_t spread = before >= 10 ? (int64_t)(in->spread_seed % (uint64_t)(before / 10)) : 0;
	int64_t due = time_add(time_add(in->not_after_at, -before), -spread);

	if (in->ari_pick_at > 0)
		due = in->ari_pick_at;
	due = min64(due, latest);
	if (in->issued_at > 0)
		due = max64(due, kept_until(in));
	return due;
}

/* No longer than a part of the life that is left; of a life that is over, than a part of all of it. */
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

/* 0 to @span. */
static int64_t
jitter(const struct backoff_in *in, int64_t span)
{
	return (int64_t)(in->jitter_seed % ((uint64_t)span + 1));
}

/*
 * Without a network nobody waits longer than half an hour, so everybody tries all the time: there the spread is as wide
 * as it can be.
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
	return max64(longest - jitter(in, min64(span, longest / 2)), BACKOFF_FLOOR);
}

/* What the CA asks for; 0: nothing. */
static int64_t
asked_wait(const struct backoff_in *in)
{
	return max64(0, min64(time_add(in->retry_at, -in->now), RETRY_AFTER_MAX));
}

/* How much later than that it may become: of what is left of the life then, no more than of any other wait. */
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
	int64_t wait = max64(min64(DAY + DAY / 10, longest_wait(in)), BACKOFF_FLOOR);

	return time_add(in->now, max64(wait, asked_wait(in) + asked_spread(in)));
}

int64_t
backoff_count(int64_t attempts, bool is_network)
{
	return is_network && attempts >= NETWORK_ATTEMPTS ? attempts : time_add(attempts, 1);
}
