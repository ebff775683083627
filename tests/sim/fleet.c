/*
 * Three years of a fleet with Let's Encrypt's limits and announced lifetimes (90, 64, 45 days), 8 orders at a time.
 * The CA and the network fail for up to 23 hours, or answer one hour a day only for weeks; certd's clock is wrong at
 * times; once the CA has to revoke everything within 24 hours, and once an operator has all replaced (reissue.h).
 *
 * What must hold: no certificate expires, no order is sent that the CA refuses because of a rate limit, no order
 * follows a failure within a minute, each replacement of all is done in time, and its busiest minute has at most twice
 * the mean.
 *
 * What decides is the daemon's: policy.c, ari_policy.c, rate.c, breaker.c, ca.c, and the pace of a reissue. Only the
 * store is an array, and the CA is a few random numbers with a count of its own.
 */
#include "tests/sim/fleet.h"

#include "common/ca.h"
#include "daemon/renew/ari_policy.h"
#include "daemon/renew/breaker.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/rate.h"
#include "daemon/renew/reissue.h"
#include "daemon/schedule/job.h"
#include "tests/sim/queue.h"
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MS = 1000,
	MINUTE = 60,
	HOUR = 3600,
	DAY = 24 * HOUR,
	BEGIN_AT = 1767225600, /* 2026-01-01 */
	DAYS = 3 * 365,
	RECALL_DAY = 500,
	REISSUE_DAY = 700,
	QUIET_DAYS = 12, /* around each of them */
	EPISODES_MAX = 1000,
	ROOM = 8,
	PER_DOMAIN = 20,
	NO_ARI_PERCENT = 5,
	INVALID_PER_MILLE = 10,
	FAILING_SEC = 8, /* requests that fail are repeated for so long */
	POLL_SEC = 6 * HOUR,
	BATCH_SEC = 5,   /* of a reissue */
	NEVER = 1 << 30, /* seconds after BEGIN_AT */
	BIN_COUNT = 50   /* the mean of the bins that are compared */
};

enum kind { CALM, DOWN, OFFLINE, HOURLY_DOWN, HOURLY_OFFLINE, CLOCK, KINDS };

struct episode {
	enum kind kind;
	int64_t begin_at, end_at;
	int64_t skew;
};

struct member {
	int64_t not_before_at, not_after_at; /* 0: none yet */
	int64_t pick_at;                     /* ARI */
	int64_t attempts, failed_at, retry_at;
	int64_t hold_at;
	int64_t due_at; /* by certd's clock */
	bool has_ari;
	struct rate_bucket duplicates, failures;
};

struct order {
	size_t id;
	int64_t end_at; /* true time; 0: the place is free */
	bool is_reached, is_counted;
};

/* As the CA counts: tokens, and when they were counted. */
struct tokens {
	double left;
	int64_t at;
};

/* All are replaced, from begin_at on. */
struct replacement {
	int64_t begin_at;
	uint64_t count;
	uint64_t *minutes; /* certificates of each minute after the begin */
};

struct fleet {
	struct sim sim;
	struct queue *queue;
	struct member *members;
	size_t count;
	struct ca_limits limits;
	struct rate_bucket orders, *domains;
	struct tokens ca_orders, *ca_domains, *ca_sets, *ca_failures;
	struct breaker breaker;
	struct order running[ROOM];
	struct episode episodes[EPISODES_MAX];
	size_t n_episodes, episode; /* the next to begin, or running */
	int64_t now;                /* true time */
	int64_t skew;
	bool was_recalled;
	uint64_t issued, failed, held, probes;
	struct replacement recall, reissue;
	struct ca_limit rate; /* of the reissue */
	struct rate_bucket bucket;
	size_t *order; /* ids by expiry */
	size_t ordered;
	int64_t batch_at; /* true time */
};

static int64_t
wall(const struct fleet *f)
{
	return f->now + f->skew;
}

/* --- the CA --- */

static int64_t
lifetime_at(int64_t at)
{
	struct ca_lifetime announced;
	int64_t lifetime = 90 * (int64_t)DAY, from_at = 0;

	while (ca_lifetime_next(ca_find("letsencrypt")->url, NULL, from_at, &announced) && announced.from_at <= at) {
		if (announced.lifetime < lifetime)
			lifetime = announced.lifetime;
		from_at = announced.from_at + 1;
	}
	return lifetime;
}

static bool
is_quiet(const struct episode *e, int64_t day)
{
	return e->end_at >= BEGIN_AT + (day - QUIET_DAYS) * DAY && e->begin_at <= BEGIN_AT + (day + QUIET_DAYS) * DAY;
}

static void
make_episodes(struct fleet *f)
{
	int64_t at = BEGIN_AT + DAY;

	while (f->n_episodes < EPISODES_MAX) {
		enum kind kind = (enum kind)(1 + sim_below(&f->sim, KINDS - 1));
		int64_t most = kind == HOURLY_DOWN || kind == HOURLY_OFFLINE ? 30 * DAY : 23 * HOUR;
		struct episode e = { .kind = kind, .begin_at = at, .end_at = at + 1 + sim_below(&f->sim, most) };

		if (kind == CLOCK)
			e.skew = sim_below(&f->sim, 5 * DAY) - 2 * DAY;
		at = e.end_at + DAY + sim_below(&f->sim, 30 * DAY);
		if (!is_quiet(&e, RECALL_DAY) && !is_quiet(&e, REISSUE_DAY))
			f->episodes[f->n_episodes++] = e;
		if (at > BEGIN_AT + (int64_t)DAYS * DAY)
			return;
	}
}

static enum kind
weather(const struct fleet *f)
{
	const struct episode *e = &f->episodes[f->episode];

	return f->episode < f->n_episodes && e->begin_at <= f->now ? e->kind : CALM;
}

/* In bad weeks it is another hour each day. */
static bool
is_answering(const struct fleet *f)
{
	enum kind kind = weather(f);
	int64_t hour = f->now / DAY * 7 % 24;

	if (kind == HOURLY_DOWN || kind == HOURLY_OFFLINE)
		return f->now % DAY / HOUR == hour;
	return kind == CALM || kind == CLOCK;
}

/* Return: whether the CA refuses the order, or does not when @is_free. */
static void
ca_count(struct fleet *f, struct tokens *t, enum ca_limit_kind kind, bool is_free, bool is_asked)
{
	const struct ca_limit *limit = &f->limits.of[kind];

	if (is_free)
		return;
	if (t->at == 0)
		t->left = (double)limit->count;
	else
		t->left += (double)(f->now - t->at) * (double)limit->count / (double)limit->period;
	if (t->left > (double)limit->count)
		t->left = (double)limit->count;
	t->at = f->now;
	if (is_asked && t->left < 1 - 1e-6)
		sim_fail(&f->sim, "the CA refuses an order because of its limit of %s", ca_limit_title(kind));
	t->left -= 1;
}

/* --- the ledger --- */

static struct rate_bucket *
bucket_of(struct fleet *f, size_t id, enum ca_limit_kind kind)
{
	switch (kind) {
	case CA_LIMIT_ORDERS:
		return &f->orders;
	case CA_LIMIT_DOMAIN:
		return &f->domains[id / PER_DOMAIN];
	case CA_LIMIT_DUPLICATES:
		return &f->members[id].duplicates;
	default:
		return &f->members[id].failures;
	}
}

static bool
is_renewal(const struct member *m)
{
	return m->not_after_at > 0;
}

static bool
is_replacing(const struct member *m)
{
	return is_renewal(m) && m->has_ari;
}

static void
set_due(struct fleet *f, size_t id, int64_t due_at)
{
	f->members[id].due_at = due_at;
	queue_put(f->queue, id, "le", due_at);
}

/* Return: false: it waits for its turn. */
static bool
ask(struct fleet *f, size_t id)
{
	struct member *m = &f->members[id];
	struct rate_order when = { .now = f->now, .has_turn = m->hold_at > 0 && m->hold_at <= wall(f) };
	int64_t until_at = 0;

	if (m->not_after_at)
		when.urgent_at = renewal_urgent_at(m->not_before_at, m->not_after_at, 0) - f->skew;
	for (enum ca_limit_kind kind = 0; kind < CA_LIMIT_COUNT; kind++) {
		struct rate_bucket *bucket = bucket_of(f, id, kind);
		struct rate_bucket asked = *bucket;
		int64_t at;

		if (!rate_is_asked(&f->limits, kind, is_renewal(m), is_replacing(m)))
			continue;
		for (size_t i = 0; i < ROOM && kind <= CA_LIMIT_DOMAIN; i++)
			asked.pending += f->running[i].end_at && bucket_of(f, f->running[i].id, kind) == bucket &&
					 !is_renewal(&f->members[f->running[i].id]) &&
					 !(kind == CA_LIMIT_ORDERS && f->running[i].is_counted);
		when.has_rivals = rate_has_rivals(&f->limits, kind);
		at = rate_ask(&f->limits.of[kind], &asked, &when);
		if (at <= until_at)
			continue;
		until_at = at;
		bucket->last_turn_ms = asked.last_turn_ms;
	}
	if (!until_at)
		return true;
	m->hold_at = until_at + f->skew;
	f->held++;
	set_due(f, id, m->hold_at);
	return false;
}

/* The order is counted by both. */
static void
count(struct fleet *f, size_t id, enum ca_limit_kind kind, struct tokens *tokens)
{
	const struct member *m = &f->members[id];
	bool is_counted = rate_is_counted(&f->limits, kind, is_renewal(m), is_replacing(m));

	ca_count(f, tokens, kind, !is_counted, rate_is_asked(&f->limits, kind, is_renewal(m), is_replacing(m)));
	if (is_counted)
		rate_count(&f->limits.of[kind], bucket_of(f, id, kind), f->now);
}

/* --- an order --- */

static void
start(struct fleet *f, size_t id)
{
	struct member *m = &f->members[id];
	struct order *o = f->running;

	if (m->not_after_at && f->now >= m->not_after_at)
		sim_fail(&f->sim, "certificate %zu expired %" PRId64 " s ago", id, f->now - m->not_after_at);
	if (m->failed_at && f->now - m->failed_at < MINUTE && f->skew == 0)
		sim_fail(&f->sim, "certificate %zu is tried again after %" PRId64 " s", id, f->now - m->failed_at);
	if (!ask(f, id))
		return;
	while (o->end_at)
		o++;
	o->id = id;
	o->is_reached = is_answering(f);
	o->is_counted = o->is_reached;
	o->end_at = f->now + (o->is_reached ? 2 + sim_below(&f->sim, 5) : FAILING_SEC);
	queue_put(f->queue, id, "le", BEGIN_AT + (int64_t)NEVER);
	if (breaker_is_open(&f->breaker))
		f->probes++;
	if (o->is_reached)
		count(f, id, CA_LIMIT_ORDERS, &f->ca_orders);
}

static void
fail(struct fleet *f, struct order *o, bool is_reached)
{
	struct member *m = &f->members[o->id];
	bool is_network = !is_reached;
	struct backoff_in in = {
		.now = wall(f),
		.not_before_at = m->not_before_at,
		.not_after_at = m->not_after_at,
		.jitter_seed = sim_random(&f->sim),
		.is_network = is_network,
	};

	m->attempts = in.attempts = backoff_count(m->attempts, is_network);
	m->failed_at = f->now;
	f->failed++;
	set_due(f, o->id, backoff_due(&in));
}

static int64_t
renewal_of(const struct member *m, size_t id, int64_t issued_at)
{
	const struct renewal_in in = {
		.not_before_at = m->not_before_at,
		.not_after_at = m->not_after_at,
		.ari_pick_at = m->pick_at,
		.spread_seed = id * UINT64_C(0x9e3779b97f4a7c15) >> 20,
		.issued_at = issued_at,
	};

	return renewal_due(&in);
}

/* @m has a certificate of @begin_at or before, and gets another. */
static void
note_replaced(struct fleet *f, struct replacement *r, const struct member *m)
{
	if (!m->not_after_at || f->now < r->begin_at || m->not_before_at >= r->begin_at)
		return;
	r->count++;
	if (f->now < r->begin_at + DAY)
		r->minutes[(f->now - r->begin_at) / MINUTE]++;
	else
		sim_fail(&f->sim, "certificate %zu was replaced too late", (size_t)(m - f->members));
}

/* Its window is around the last third of the life. */
static void
succeed(struct fleet *f, struct order *o)
{
	struct member *m = &f->members[o->id];
	int64_t lifetime = lifetime_at(f->now);

	count(f, o->id, CA_LIMIT_DOMAIN, &f->ca_domains[o->id / PER_DOMAIN]);
	count(f, o->id, CA_LIMIT_DUPLICATES, &f->ca_sets[o->id]);
	if (m->has_ari)
		note_replaced(f, &f->recall, m);
	note_replaced(f, &f->reissue, m);
	m->not_before_at = f->now;
	m->not_after_at = f->now + lifetime;
	m->attempts = m->failed_at = m->hold_at = 0;
	m->pick_at = !m->has_ari ? 0
				 : ari_pick(m->not_after_at - lifetime / 3 - DAY, m->not_after_at - lifetime / 3 + DAY,
					   sim_random(&f->sim));
	f->issued++;
	set_due(f, o->id, renewal_of(m, o->id, wall(f)));
}

static void
finish(struct fleet *f, struct order *o)
{
	bool is_valid = !sim_chance(&f->sim, INVALID_PER_MILLE);

	if (!o->is_reached)
		breaker_note(&f->breaker, f->now * MS);
	else
		breaker_close(&f->breaker);
	if (o->is_reached && is_valid) {
		succeed(f, o);
	} else {
		if (o->is_reached)
			count(f, o->id, CA_LIMIT_FAILURES, &f->ca_failures[o->id]);
		fail(f, o, o->is_reached);
	}
	o->end_at = 0;
}

/* --- what happens to all --- */

/* As issue_after_clock_change(). */
static void
set_skew(struct fleet *f, int64_t skew)
{
	f->skew = skew;
	for (size_t id = 0; id < f->count; id++) {
		struct member *m = &f->members[id];
		struct schedule_row row = { .kind = SCHEDULE_ISSUE, .due_at = m->due_at };
		struct backoff_in in = {
			.now = wall(f), .not_before_at = m->not_before_at, .not_after_at = m->not_after_at
		};
		int64_t due_at = m->due_at;

		if (due_at <= wall(f))
			continue;
		snprintf(row.object, sizeof(row.object), "%zu", id);
		if (m->attempts > 0)
			due_at = job_due_within(&row, wall(f), backoff_latest(&in) - wall(f));
		else if (m->not_after_at == 0)
			due_at = wall(f);
		else if (renewal_of(m, id, 0) < due_at)
			due_at = renewal_of(m, id, 0);
		for (size_t i = 0; i < ROOM; i++)
			if (f->running[i].end_at && f->running[i].id == id)
				due_at = m->due_at;
		if (due_at != m->due_at)
			set_due(f, id, due_at);
	}
}

/* Each hears of it when it asks next. */
static void
recall(struct fleet *f)
{
	f->was_recalled = true;
	for (size_t id = 0; id < f->count; id++) {
		struct member *m = &f->members[id];
		int64_t heard_at = wall(f) + sim_below(&f->sim, POLL_SEC);

		if (!m->has_ari || !m->not_after_at)
			sim_below(&f->sim, 2);
		else if (m->attempts == 0 && m->due_at > heard_at)
			set_due(f, id, heard_at);
	}
}

/* --- the reissue --- */

static int
by_expiry(const void *a, const void *b, void *arg)
{
	int64_t first = ((const struct fleet *)arg)->members[*(const size_t *)a].not_after_at;
	int64_t second = ((const struct fleet *)arg)->members[*(const size_t *)b].not_after_at;

	return (first > second) - (first < second);
}

static bool
is_running(const struct fleet *f, size_t id)
{
	for (size_t i = 0; i < ROOM; i++)
		if (f->running[i].end_at && f->running[i].id == id)
			return true;
	return false;
}

static void
reissue_begin(struct fleet *f)
{
	for (size_t id = 0; id < f->count; id++)
		f->order[id] = id;
	qsort_r(f->order, f->count, sizeof(*f->order), by_expiry, f);
	f->rate = (struct ca_limit){ reissue_usual_rate((int64_t)f->count), MINUTE };
}

/* As reissue_batch(): one that is under way or waits to be tried again is replaced by that. */
static void
reissue_batch(struct fleet *f)
{
	int64_t room = rate_burst_room(&f->rate, &f->bucket, f->now);

	for (; room > 0 && f->ordered < f->count; f->ordered++) {
		size_t id = f->order[f->ordered];

		if (f->members[id].not_before_at >= f->reissue.begin_at || is_running(f, id))
			continue;
		set_due(f, id, f->members[id].failed_at ? wall(f) + MINUTE : wall(f));
		rate_count(&f->rate, &f->bucket, f->now);
		room--;
	}
	f->batch_at = rate_opens_at(&f->rate, &f->bucket, f->now);
	f->batch_at = f->batch_at > f->now + BATCH_SEC ? f->batch_at : f->now + BATCH_SEC;
	if (f->ordered == f->count)
		f->batch_at = INT64_MAX;
}

/* The next change of the weather. */
static int64_t
change_at(const struct fleet *f)
{
	const struct episode *e = &f->episodes[f->episode];
	int64_t recall_at = f->recall.begin_at;
	int64_t at = BEGIN_AT + (int64_t)DAYS * DAY;

	if (f->episode < f->n_episodes)
		at = e->begin_at > f->now ? e->begin_at : e->end_at;
	at = f->batch_at < at ? f->batch_at : at;
	return !f->was_recalled && recall_at < at ? recall_at : at;
}

static void
change(struct fleet *f)
{
	const struct episode *e = &f->episodes[f->episode];

	if (!f->was_recalled && f->now == f->recall.begin_at) {
		recall(f);
		return;
	}
	if (f->now == f->batch_at) {
		if (f->now == f->reissue.begin_at)
			reissue_begin(f);
		reissue_batch(f);
		return;
	}
	if (f->episode >= f->n_episodes)
		return;
	if (e->kind == CLOCK)
		set_skew(f, f->now == e->begin_at ? e->skew : 0);
	if (f->now >= e->end_at)
		f->episode++;
}

/* --- a history --- */

/* When the next order may start, and which one. */
static int64_t
start_at(const struct fleet *f, size_t *ret_id)
{
	size_t room = breaker_is_open(&f->breaker) ? 1 : ROOM, running = 0;
	int64_t test_at = (breaker_test_at(&f->breaker, f->now * MS) + MS - 1) / MS;
	struct queue_row row;
	int64_t at;

	for (size_t i = 0; i < ROOM; i++)
		running += f->running[i].end_at > 0;
	if (running >= room)
		return INT64_MAX;
	queue_first(f->queue, &row);
	*ret_id = row.id;
	at = row.due_at - f->skew;
	at = at > f->now ? at : f->now;
	return at > test_at ? at : test_at;
}

static struct order *
first_to_end(struct fleet *f)
{
	struct order *first = NULL;

	for (size_t i = 0; i < ROOM; i++)
		if (f->running[i].end_at && (!first || f->running[i].end_at < first->end_at))
			first = &f->running[i];
	return first;
}

static void
live_until(struct fleet *f, int64_t end_at)
{
	while (f->now < end_at) {
		size_t id = 0;
		struct order *ending = first_to_end(f);
		int64_t starts_at = start_at(f, &id), changes_at = change_at(f);

		if (ending && ending->end_at <= starts_at && ending->end_at <= changes_at) {
			f->now = ending->end_at;
			finish(f, ending);
		} else if (starts_at < changes_at) {
			f->now = starts_at;
			start(f, id);
		} else {
			f->now = changes_at;
			change(f);
		}
	}
}

/*
 * The window is from the first replacement to the last. The fewer there are, the longer the stretches that are
 * compared: chance alone makes a busy minute of few.
 */
static void
check_replacement(struct fleet *f, const struct replacement *r, const char *name)
{
	uint64_t busiest = 0;
	int64_t window = 0, width;

	for (int64_t i = 0; i < DAY / MINUTE; i++)
		if (r->minutes[i] > 0)
			window = i + 1;
	width = 1 + window * BIN_COUNT / (int64_t)(r->count + 1);
	for (int64_t from = 0; from + width <= window; from++) {
		uint64_t n = 0;

		for (int64_t i = 0; i < width; i++)
			n += r->minutes[from + i];
		busiest = n > busiest ? n : busiest;
	}
	if (busiest * (uint64_t)window > 2 * r->count * (uint64_t)width)
		sim_fail(&f->sim, "%s: the busiest %" PRId64 " minutes have %" PRIu64 " of %" PRIu64 " replacements",
			name, width, busiest, r->count);
	printf("%s: %" PRIu64 " replaced in %" PRId64 " minutes, at most %" PRIu64 " in %" PRId64 "\n", name, r->count,
		window, busiest, width);
}

static void
check_end(struct fleet *f)
{
	for (size_t id = 0; id < f->count; id++) {
		const struct member *m = &f->members[id];

		if (m->not_after_at <= f->now)
			sim_fail(&f->sim, "certificate %zu has expired at the end, or never came", id);
		if (m->not_before_at < f->reissue.begin_at)
			sim_fail(&f->sim, "certificate %zu was not replaced", id);
	}
	check_replacement(f, &f->recall, "recall");
	check_replacement(f, &f->reissue, "reissue");
}

void
fleet_live(uint64_t seed, size_t count_of)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	sim_init(&f->sim, seed);
	f->now = BEGIN_AT;
	f->count = count_of;
	f->queue = queue_new_heap(count_of);
	f->members = xcalloc(count_of, sizeof(*f->members));
	f->domains = xcalloc(count_of / PER_DOMAIN + 1, sizeof(*f->domains));
	f->ca_domains = xcalloc(count_of / PER_DOMAIN + 1, sizeof(*f->ca_domains));
	f->ca_sets = xcalloc(count_of, sizeof(*f->ca_sets));
	f->ca_failures = xcalloc(count_of, sizeof(*f->ca_failures));
	f->order = xcalloc(count_of, sizeof(*f->order));
	f->recall = (struct replacement){ .begin_at = BEGIN_AT + (int64_t)RECALL_DAY * DAY,
		.minutes = xcalloc(DAY / MINUTE, sizeof(uint64_t)) };
	f->reissue = (struct replacement){ .begin_at = BEGIN_AT + (int64_t)REISSUE_DAY * DAY,
		.minutes = xcalloc(DAY / MINUTE, sizeof(uint64_t)) };
	f->batch_at = f->reissue.begin_at;
	ca_limits_of(ca_find("letsencrypt")->url, &f->limits);
	make_episodes(f);
	for (size_t id = 0; id < count_of; id++) {
		f->members[id].has_ari = sim_below(&f->sim, 100) >= NO_ARI_PERCENT;
		set_due(f, id, BEGIN_AT + sim_below(&f->sim, HOUR));
	}
	live_until(f, BEGIN_AT + (int64_t)DAYS * DAY);
	check_end(f);
	printf("seed %" PRIu64 ": %zu for 3 years: %" PRIu64 " issued, %" PRIu64 " failed, %" PRIu64 " held, %" PRIu64
	       " tests of the CA, %zu episodes\n",
		f->sim.seed, count_of, f->issued, f->failed, f->held, f->probes, f->n_episodes);
	queue_free(f->queue);
	free(f->members);
	free(f->domains);
	free(f->ca_domains);
	free(f->ca_sets);
	free(f->ca_failures);
	free(f->order);
	free(f->recall.minutes);
	free(f->reissue.minutes);
	free(f);
}
