/* The pure rules of rate limits. */
#include "daemon/renew/rate.h"

#include "common/alloc.h"

#include <criterion/criterion.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR, NOW = 1800000000, MS = 1000 };

static const struct ca_limit limit = { .count = 4, .period = HOUR }; /* one token in 15 minutes */

static struct rate_bucket
used(int64_t tokens)
{
	return (struct rate_bucket){ .full_at_ms = ((int64_t)NOW + tokens * 15 * MINUTE) * MS };
}

Test(rate, a_bucket_is_refilled_evenly)
{
	struct rate_bucket b = { 0 };

	cr_expect_eq(rate_room(&limit, &b, NOW), 4);
	for (int i = 0; i < 4; i++)
		rate_count(&limit, &b, NOW);
	cr_expect_eq(rate_room(&limit, &b, NOW), 0);
	cr_expect_eq(rate_opens_at(&limit, &b, NOW), NOW + 15 * MINUTE);
	cr_expect_eq(rate_room(&limit, &b, NOW + 15 * MINUTE - 1), 0);
	cr_expect_eq(rate_room(&limit, &b, NOW + 15 * MINUTE), 1);
	cr_expect_eq(rate_room(&limit, &b, NOW + HOUR), 4);
	cr_expect_eq(rate_room(&limit, &b, NOW + DAY), 4);
}

Test(rate, the_decision)
{
	static const struct {
		const char *why;
		int64_t used, pending, last_turn; /* seconds from now; 0: nobody waits */
		struct rate_order order;
		int64_t wait;
		int64_t new_turn;
	} cases[] = {
		{ .why = "nothing is used" },
		{ .why = "one is left", .used = 3 },
		{ .why = "none is left", .used = 4, .wait = 15 * MINUTE, .new_turn = 15 * MINUTE },
		{ .why = "the last is for an order in progress",
			.used = 3,
			.pending = 1,
			.wait = 15 * MINUTE,
			.new_turn = 15 * MINUTE },
		{ .why = "the CA counted one too many", .used = 5, .wait = 15 * MINUTE, .new_turn = 15 * MINUTE },
		{ .why = "behind the last turn",
			.used = 4,
			.last_turn = HOUR,
			.wait = 75 * MINUTE,
			.new_turn = 75 * MINUTE },
		{ .why = "the one that is left is for the next turn",
			.used = 3,
			.last_turn = 5 * MINUTE,
			.wait = 20 * MINUTE,
			.new_turn = 20 * MINUTE },
		{ .why = "whose turn it is",
			.used = 3,
			.last_turn = 5 * MINUTE,
			.order.has_turn = true,
			.new_turn = 5 * MINUTE },
		{ .why = "turns were abandoned", .used = 2, .last_turn = 5 * MINUTE, .new_turn = 5 * MINUTE },
		{ .why = "a quarter is for urgent rivals",
			.used = 3,
			.order.has_rivals = true,
			.wait = 15 * MINUTE,
			.new_turn = 15 * MINUTE },
		{ .why = "who take it", .used = 3, .order = { .has_rivals = true, .urgent_at = NOW } },
		{ .why = "urgent: behind nobody, and without a turn",
			.used = 4,
			.last_turn = HOUR,
			.order.urgent_at = NOW - 1,
			.wait = 15 * MINUTE,
			.new_turn = HOUR },
		{ .why = "looked at again when it becomes urgent",
			.used = 4,
			.last_turn = HOUR,
			.order.urgent_at = NOW + 20 * MINUTE,
			.wait = 20 * MINUTE,
			.new_turn = 75 * MINUTE },
		{ .why = "a clock was ahead by years",
			.used = 1000000,
			.last_turn = 1000 * DAY,
			.wait = 15 * MINUTE,
			.new_turn = 15 * MINUTE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rate_bucket b = used(cases[i].used);
		struct rate_order order = cases[i].order;
		int64_t at;

		b.pending = cases[i].pending;
		b.last_turn_ms = cases[i].last_turn ? (NOW + cases[i].last_turn) * MS : 0;
		order.now = NOW;
		at = rate_ask(&limit, &b, &order);
		cr_expect_eq(at, cases[i].wait ? NOW + cases[i].wait : 0, "%s: %lld", cases[i].why,
			(long long)(at ? at - NOW : 0));
		cr_expect_eq(b.last_turn_ms, cases[i].new_turn ? (NOW + cases[i].new_turn) * MS : 0, "%s: turn %lld",
			cases[i].why, (long long)(b.last_turn_ms / MS - NOW));
	}
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

Test(rate, whoever_keeps_to_it_is_never_refused_by_a_ca_that_counts_alike)
{
	uint64_t random = 1;

	for (int round = 0; round < 200; round++) {
		const struct ca_limit any = { .count = 1 + (int64_t)(next_random(&random) % 40),
			.period = 1 + (int64_t)(next_random(&random) % DAY) };
		struct rate_bucket ours = { 0 };
		double tokens = (double)any.count; /* as the CA has it */
		int64_t now = NOW, before = NOW;

		for (int i = 0; i < 500; i++) {
			struct rate_order order = { .now = now += (int64_t)(next_random(&random) % 600),
				.urgent_at = next_random(&random) % 2 ? 1 : 0 };

			tokens += (double)(now - before) * (double)any.count / (double)any.period;
			tokens = tokens > (double)any.count ? (double)any.count : tokens;
			before = now;
			if (rate_ask(&any, &ours, &order) != 0)
				continue;
			rate_count(&any, &ours, now);
			cr_assert_geq(tokens, 1 - 1e-6, "%lld in %lld s", (long long)any.count, (long long)any.period);
			tokens -= 1;
		}
	}
}

/* When the order is sent, if nothing else happens. */
static int64_t
sent_at(const struct ca_limit *any, struct rate_bucket b, struct rate_order order)
{
	for (int64_t at; (at = rate_ask(any, &b, &order)) != 0; order.now = at) {
		cr_assert(at > order.now && at <= order.now + 100 * DAY);
		order.has_turn = true;
	}
	return order.now;
}

Test(rate, more_urgent_is_never_later)
{
	uint64_t random = 2;

	for (int i = 0; i < 20000; i++) {
		const struct ca_limit any = { .count = 1 + (int64_t)(next_random(&random) % 1000),
			.period = 1 + (int64_t)(next_random(&random) % (30 * DAY)) };
		const struct rate_bucket b = { .full_at_ms = (NOW + (int64_t)(next_random(&random) % (40 * DAY))) * MS,
			.last_turn_ms = (NOW + (int64_t)(next_random(&random) % (60 * DAY)) - 30 * DAY) * MS };
		struct rate_order early = { .now = NOW, .has_rivals = i % 2, .has_turn = i % 3 == 0 };
		struct rate_order late = early;

		early.urgent_at = NOW - DAY + (int64_t)(next_random(&random) % (9 * DAY));
		late.urgent_at = i % 5 ? early.urgent_at + (int64_t)(next_random(&random) % (9 * DAY)) : 0;
		cr_assert_leq(sent_at(&any, b, early), sent_at(&any, b, late), "%d", i);
	}
}

/* Ten wait, and each is looked at twice: when it comes, and when it is its turn. */
Test(rate, each_waits_once)
{
	struct rate_bucket b = used(4);
	int64_t turns[10];

	for (size_t i = 0; i < ARRAY_SIZE(turns); i++)
		turns[i] = rate_ask(&limit, &b, &(struct rate_order){ .now = NOW });
	for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
		cr_expect_eq(turns[i], NOW + ((int64_t)i + 1) * 15 * MINUTE);
		cr_expect_eq(
			rate_ask(&limit, &b, &(struct rate_order){ .now = turns[i], .has_turn = true }), 0, "%zu", i);
		rate_count(&limit, &b, turns[i]);
	}
}

/* Even from its first minute on, whatever the rate, and after a rest: never more than of ten seconds, or one. */
Test(rate, a_burst_is_even_from_the_begin_and_after_a_rest)
{
	static const int64_t rates[] = { 1, 2, 7, 60, 84, 600, 10000 };

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		const struct ca_limit pace = { rates[i], 60 };
		struct rate_bucket bucket = { .full_at_ms = 0 };
		int64_t most = 0, begun = 0, in_minute[3] = { 0, 0, 0 };

		for (int64_t now = 1000000; now < 1000000 + 3 * 60; now++) {
			int64_t at = now < 1000000 + 120 ? now : now + 7200; /* it rests for two hours */
			int64_t room = rate_burst_room(&pace, &bucket, at);

			most = room > most ? room : most;
			for (; room > 0; room--, begun++, in_minute[(now - 1000000) / 60]++)
				rate_count(&pace, &bucket, at);
		}
		cr_expect_geq(begun, rates[i] * 2, "%d: %d", (int)rates[i], (int)begun);
		cr_expect_leq(most, rates[i] / 6 + 1, "%d: %d at once", (int)rates[i], (int)most);
		for (size_t m = 0; m < ARRAY_SIZE(in_minute); m++)
			cr_expect_leq(in_minute[m], rates[i] + rates[i] / 6 + 1, "%d", (int)rates[i]);
	}
}

Test(rate, a_burst_takes_as_long_as_its_limit_says)
{
	const struct ca_limit rate = { 60, 60 }, orders = { 300, 3 * 3600 };

	cr_expect_eq(rate_burst_sec(&rate, 0), 0);
	cr_expect_eq(rate_burst_sec(&rate, 120), 120);
	cr_expect_eq(rate_burst_sec(&orders, 100), 3600);
	cr_expect_gt(rate_burst_sec(&orders, INT64_MAX), 1000000000);
}
