/*
 * Policy and schedule alone: three years of 1,000 auto-certificates with lifetimes from two minutes to 398 days. No
 * certificate expires while outages are shorter than half of its renewal margin, no auto-certificate orders more than
 * the rule allows, and events that affect all at once (a bulk of declarations, the end of an outage, one Retry-After
 * for all) do not make all return at once.
 *
 * Issuing is random; renewal_due() and backoff_due() are the daemon's. The queue is a heap; the first weeks are
 * repeated on the daemon's schedule rows, in a store that is closed and reopened at times, and must give the same
 * events.
 *
 * Then a fleet with rate limits: fleet.c.
 *
 * 	SIM_FLEET=n  so many in it, 2,000 by default
 * 	SIM_SEED=n   another history         SIM_LONG=1   20 histories, a year of each on rows
 */
#include "daemon/renew/policy.h"
#include "tests/sim/fleet.h"
#include "tests/sim/queue.h"
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MINUTE = 60,
	HOUR = 3600,
	DAY = 24 * HOUR,
	BEGIN_AT = 1767225600,
	YEARS = 3,
	KINDS = 7,
	FLEET = 1000,
	DAYS_ON_ROWS = 14,
	DAYS_ON_ROWS_LONG = 365,
	ASKED_SPREAD = 10 * MINUTE,
	STORM = FLEET / 20, /* so many orders in one minute are one, after the first */
	FAILS_PER_MILLE = 20,
	SECURE_HEAP = 1 << 20,
	FLEET_LIMITED = 2000
};

/* What a CA does at present. */
enum mood { MOOD_FAIR, MOOD_NO_NET, MOOD_DOWN, MOOD_LIMITED, MOOD_COUNT };

/* Every lifetime has a CA of its own, because its outages are measured by its margin. */
struct ca {
	char name[8];
	int64_t lifetime;
	int64_t margin; /* without spread */
	size_t count;   /* auto-certificates */
	enum mood mood;
	int64_t until_at; /* of the mood */
	uint64_t outages;
};

struct cert {
	struct ca *ca;
	uint64_t seed;
	int64_t not_before_at, not_after_at; /* 0: none yet */
	int64_t attempts;
	int64_t failed_at; /* last attempt; 0: it succeeded */
	int64_t asked_at;  /* Retry-After of then */
	uint64_t issued;
};

struct history {
	struct sim sim;
	struct ca cas[KINDS];
	struct cert certs[FLEET];
	struct queue *queue;
	int64_t minute;
	unsigned in_minute;
	unsigned worst_minute;
	uint64_t issued, failed;
};

/* --- the CAs --- */

static void
begin_outage(struct history *h, struct ca *ca, int64_t now)
{
	ca->mood = (enum mood)(1 + sim_below(&h->sim, MOOD_COUNT - 1));
	ca->until_at = now + 1 + sim_below(&h->sim, ca->margin / 2 - 1);
	ca->outages++;
}

static void
update_mood(struct history *h, struct ca *ca, int64_t now)
{
	while (ca->until_at <= now) {
		if (ca->mood == MOOD_FAIR) {
			begin_outage(h, ca, ca->until_at);
		} else {
			ca->mood = MOOD_FAIR;
			ca->until_at += ca->margin + sim_below(&h->sim, 8 * ca->margin);
		}
	}
}

/* What the CA answers to an order. */
struct outcome {
	bool is_issued;
	bool is_network;
	int64_t retry_at;
};

static struct outcome
order(struct history *h, struct ca *ca, int64_t now)
{
	struct outcome o = { .is_issued = false };

	update_mood(h, ca, now);
	switch (ca->mood) {
	case MOOD_NO_NET:
		o.is_network = true;
		break;
	case MOOD_DOWN:
		if (sim_chance(&h->sim, 300))
			o.retry_at = now + (ca->margin / 4 < 120 ? ca->margin / 4 : 120);
		break;
	case MOOD_LIMITED:
		o.retry_at = ca->until_at; /* the same for all */
		break;
	default:
		o.is_issued = !sim_chance(&h->sim, FAILS_PER_MILLE);
	}
	return o;
}

/* --- what must hold --- */

/* The shortest time from a failure to the next attempt. */
static int64_t
least_wait(const struct cert *c)
{
	return c->not_after_at && c->ca->lifetime < 16 * MINUTE ? c->ca->lifetime / 16 : MINUTE;
}

/* The time before which the CA, asked for @asked_at at @failed_at, is not asked again. */
static int64_t
allowed_at(const struct cert *c, int64_t failed_at)
{
	int64_t most = 7 * DAY;

	if (c->asked_at - failed_at > most)
		most = DAY; /* no rate limit lasts longer */
	if (c->not_after_at && most > (c->not_after_at - failed_at) / 2)
		most = (c->not_after_at - failed_at) / 2;
	if (most < DAY)
		most = DAY;
	return c->asked_at < failed_at + most ? c->asked_at : failed_at + most;
}

static void
check_pace(struct history *h, const struct cert *c, size_t id, int64_t now)
{
	int64_t asked = allowed_at(c, c->failed_at);

	if (c->not_after_at && now >= c->not_after_at)
		sim_fail(&h->sim, "certificate %zu of %s expired", id, c->ca->name);
	if (c->failed_at && (now - c->failed_at < least_wait(c) || now < asked))
		sim_fail(&h->sim, "certificate %zu of %s is tried again after %" PRId64 " s", id, c->ca->name,
			now - c->failed_at);
	if (now / MINUTE != h->minute)
		h->in_minute = 0;
	h->minute = now / MINUTE;
	if (++h->in_minute > h->worst_minute && h->minute > BEGIN_AT / MINUTE)
		h->worst_minute = h->in_minute;
	if (h->worst_minute > STORM)
		sim_fail(&h->sim, "%u orders within a minute", h->worst_minute);
}

/* A wait is at most an eighth of the life that is left, unless the CA asks for more. */
static void
check_wait(struct history *h, const struct cert *c, int64_t now, int64_t due_at)
{
	int64_t most = (c->not_after_at - now) / 8;
	int64_t asked = allowed_at(c, now) - now;
	int64_t spread = asked / 10;

	if (spread < ASKED_SPREAD)
		spread = asked < ASKED_SPREAD ? asked : ASKED_SPREAD;
	if (!c->not_after_at || due_at - now <= least_wait(c) || due_at - now <= most || due_at - now <= asked + spread)
		return;
	sim_fail(&h->sim, "%s: waits %" PRId64 " s with %" PRId64 " s of life left", c->ca->name, due_at - now,
		c->not_after_at - now);
}

/* No renewal is before margin and spread, so three years have a maximum. */
static void
check_counts(struct history *h, int64_t end_at)
{
	for (size_t i = 0; i < FLEET; i++) {
		const struct cert *c = &h->certs[i];
		int64_t used = c->ca->lifetime - c->ca->margin - c->ca->margin / 10;
		uint64_t most = (uint64_t)((end_at - BEGIN_AT) / used) + 1;

		if (c->not_after_at <= end_at)
			sim_fail(&h->sim, "certificate %zu of %s has expired at the end", i, c->ca->name);
		if (c->issued > most)
			sim_fail(&h->sim, "certificate %zu of %s was issued %" PRIu64 " times, not %" PRIu64, i,
				c->ca->name, c->issued, most);
	}
}

/* --- one order --- */

static int64_t
succeed(struct history *h, struct cert *c, int64_t now)
{
	struct renewal_in in = {
		.not_before_at = now,
		.not_after_at = now + c->ca->lifetime,
		.spread_seed = c->seed,
		.issued_at = now,
	};

	c->not_before_at = in.not_before_at;
	c->not_after_at = in.not_after_at;
	c->attempts = 0;
	c->failed_at = 0;
	c->asked_at = 0;
	c->issued++;
	h->issued++;
	return renewal_due(&in);
}

static int64_t
fail(struct history *h, struct cert *c, int64_t now, const struct outcome *o)
{
	struct backoff_in in = {
		.now = now,
		.not_before_at = c->not_before_at,
		.not_after_at = c->not_after_at,
		.retry_at = o->retry_at,
		.jitter_seed = sim_random(&h->sim),
		.is_network = o->is_network,
	};
	int64_t due_at;

	c->attempts = in.attempts = backoff_count(c->attempts, o->is_network);
	c->failed_at = now;
	c->asked_at = o->retry_at;
	h->failed++;
	due_at = backoff_due(&in);
	check_wait(h, c, now, due_at);
	return due_at;
}

static void
step(struct history *h, const struct queue_row *row)
{
	struct cert *c = &h->certs[row->id];
	struct outcome o;
	int64_t due_at;

	check_pace(h, c, row->id, row->due_at);
	o = order(h, c->ca, row->due_at);
	due_at = o.is_issued ? succeed(h, c, row->due_at) : fail(h, c, row->due_at, &o);
	queue_put(h->queue, row->id, c->ca->name, due_at);
	sim_log(&h->sim, "%" PRId64 " %s %zu %s until %" PRId64, row->due_at, c->ca->name, row->id,
		o.is_issued ? "issued" : "failed", due_at);
}

/* --- a history --- */

static void
begin(struct history *h, struct queue *queue, uint64_t seed)
{
	/* Most live long, as everywhere; the short ones make the events. */
	static const struct ca cas[KINDS] = {
		{ .name = "2m", .lifetime = 2 * MINUTE, .margin = MINUTE, .count = 1 },
		{ .name = "1h", .lifetime = HOUR, .margin = HOUR / 2, .count = 20 },
		{ .name = "24h", .lifetime = 24 * HOUR, .margin = 12 * HOUR, .count = 80 },
		{ .name = "160h", .lifetime = 160 * HOUR, .margin = 80 * HOUR, .count = 150 },
		{ .name = "45d", .lifetime = 45 * DAY, .margin = 15 * DAY, .count = 200 },
		{ .name = "90d", .lifetime = 90 * DAY, .margin = 30 * DAY, .count = 449 },
		{ .name = "398d", .lifetime = 398 * DAY, .margin = 30 * DAY, .count = 100 },
	};
	size_t id = 0;

	sim_init(&h->sim, seed);
	memcpy(h->cas, cas, sizeof(cas));
	h->queue = queue;
	for (size_t kind = 0; kind < KINDS; kind++) {
		struct ca *ca = &h->cas[kind];

		ca->until_at = BEGIN_AT + sim_below(&h->sim, 4 * ca->margin);
		for (size_t i = 0; i < ca->count; i++, id++) {
			h->certs[id] = (struct cert){ .ca = ca, .seed = sim_random(&h->sim) };
			queue_put(queue, id, ca->name, BEGIN_AT + sim_below(&h->sim, MINUTE));
		}
	}
}

static void
live_until(struct history *h, int64_t end_at)
{
	struct queue_row row;

	for (queue_first(h->queue, &row); row.due_at < end_at; queue_first(h->queue, &row))
		step(h, &row);
}

/* The same days on rows. Return: the hash of their log. */
static uint64_t
live_on_rows(uint64_t seed, int64_t end_at)
{
	struct history *h = xcalloc(1, sizeof(*h));
	struct sim dice = { .random = seed };
	uint64_t hash;

	sim_enter_directory();
	begin(h, queue_new_rows(), seed);
	h->sim.is_loud = false;
	for (int64_t at = BEGIN_AT; at < end_at;) {
		at += 1 + sim_below(&dice, 2 * DAY);
		live_until(h, at < end_at ? at : end_at);
		queue_restart(h->queue);
	}
	hash = h->sim.hash;
	queue_free(h->queue);
	free(h);
	sim_leave_directory();
	return hash;
}

static void
live(uint64_t seed)
{
	struct history *h = xcalloc(1, sizeof(*h));
	int64_t compared_at = BEGIN_AT + (int64_t)(sim_is_long() ? DAYS_ON_ROWS_LONG : DAYS_ON_ROWS) * DAY;
	int64_t end_at = BEGIN_AT + YEARS * 365 * (int64_t)DAY;
	uint64_t outages = 0;

	begin(h, queue_new_heap(FLEET), seed);
	live_until(h, compared_at);
	if (live_on_rows(seed, compared_at) != h->sim.hash)
		sim_fail(&h->sim, "on schedule rows the same days were others");
	live_until(h, end_at);
	check_counts(h, end_at);
	for (size_t i = 0; i < KINDS; i++)
		outages += h->cas[i].outages;
	printf("seed %" PRIu64 ": %d years, %" PRIu64 " issued, %" PRIu64 " failed, %" PRIu64
	       " outages, at most %u orders a minute; log %016" PRIx64 "\n",
		h->sim.seed, YEARS, h->issued, h->failed, outages, h->worst_minute, h->sim.hash);
	queue_free(h->queue);
	free(h);
}

int
main(void)
{
	int n = sim_is_long() && !getenv("SIM_SEED") ? 20 : 1;

	const char *fleet = getenv("SIM_FLEET");

	CRYPTO_secure_malloc_init(SECURE_HEAP, 64);
	for (int i = 0; i < n; i++) {
		live((uint64_t)(20260101 + i));
		fleet_live((uint64_t)(20260101 + i), fleet ? strtoul(fleet, NULL, 10) : FLEET_LIMITED);
	}
	return 0;
}
