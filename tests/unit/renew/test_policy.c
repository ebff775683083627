#include "daemon/renew/policy.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <stdint.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

Test(policy, due_30_days_or_a_third_of_life_before_expiry_unless_the_ca_says)
{
	static const struct {
		const char *why;
		struct renewal_in in;
		int64_t due_at;
	} cases[] = {
		{ "90 days, no advice", { .not_after_at = 90 * DAY }, 60 * DAY },
		{ "398 days", { .not_after_at = 398 * DAY }, 368 * DAY },
		{ "45 days: a third", { .not_after_at = 45 * DAY }, 30 * DAY },
		{ "160 hours: half", { .not_after_at = 160 * HOUR }, 80 * HOUR },
		{ "1 hour: half", { .not_after_at = HOUR }, HOUR / 2 },
		{ "declared 20 days", { .not_after_at = 90 * DAY, .renew_before = 20 * DAY }, 70 * DAY },
		{ "declared more than a third", { .not_after_at = 90 * DAY, .renew_before = 80 * DAY }, 60 * DAY },
		{ "the CA's instant wins", { .not_after_at = 90 * DAY, .ari_pick_at = 10 * DAY }, 10 * DAY },
		{ "but never past a twentieth of life", { .not_after_at = 100 * DAY, .ari_pick_at = 99 * DAY },
			95 * DAY },
		{ "a time in the past means now, at any age",
			{ .not_after_at = 90 * DAY, .ari_pick_at = -1 + 2 * DAY, .issued_at = 2 * DAY }, 2 * DAY - 1 },
		{ "renewBefore does not move it",
			{ .not_after_at = 90 * DAY, .ari_pick_at = 70 * DAY, .renew_before = 30 * DAY }, 70 * DAY },
		{ "a far future is never past a twentieth of life",
			{ .not_after_at = 100 * DAY, .ari_pick_at = INT64_MAX, .issued_at = 1 }, 95 * DAY },
		{ "a twentieth is over when it comes, and the CA's time is not: kept for an eighth",
			{ .not_after_at = 80 * DAY, .ari_pick_at = 79 * DAY, .issued_at = 72 * DAY }, 76 * DAY },
		{ "replaced at once a second time",
			{ .not_after_at = 80 * DAY, .issued_at = 2 * HOUR, .ari_pick_at = HOUR }, HOUR },
		{ "but not a third time within a day",
			{ .not_after_at = 80 * DAY,
				.issued_at = 2 * HOUR,
				.ari_pick_at = HOUR,
				.hurried_at = HOUR / 2 },
			DAY + HOUR / 2 },
		{ "a day later again",
			{ .not_after_at = 80 * DAY,
				.issued_at = 2 * DAY,
				.ari_pick_at = 2 * DAY - 1,
				.hurried_at = HOUR },
			2 * DAY - 1 },
		{ "held, but not beyond certd's own rule",
			{ .not_after_at = 20 * HOUR, .issued_at = 1, .ari_pick_at = 1, .hurried_at = 1 }, 10 * HOUR },
		{ "an ordinary suggestion is not held",
			{ .not_after_at = 80 * DAY, .issued_at = HOUR, .ari_pick_at = 50 * DAY, .hurried_at = 1 },
			50 * DAY },
		{ "backdated: due when it comes, kept for an eighth of what is left",
			{ .not_after_at = 90 * DAY, .issued_at = 82 * DAY }, 83 * DAY },
		{ "issued in time: no matter", { .not_after_at = 90 * DAY, .issued_at = HOUR }, 60 * DAY },
		{ "dates from nowhere saturate", { .not_before_at = INT64_MIN, .not_after_at = INT64_MAX },
			INT64_MAX - INT64_MAX / 20 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(renewal_due(&cases[i].in), cases[i].due_at, "%s: %lld", cases[i].why,
			(long long)renewal_due(&cases[i].in));
}

Test(policy, a_renewal_is_hurried_if_only_the_ca_asks_for_it)
{
	static const struct {
		const char *why;
		struct renewal_in in;
		int64_t now;
		bool is_hurried;
	} cases[] = {
		{ "just issued", { .not_after_at = 80 * DAY, .issued_at = HOUR, .ari_pick_at = 1 }, 2 * HOUR, true },
		{ "in its first eighth", { .not_after_at = 80 * DAY, .issued_at = 1, .ari_pick_at = DAY }, 9 * DAY,
			true },
		{ "later", { .not_after_at = 80 * DAY, .issued_at = 1, .ari_pick_at = DAY }, 11 * DAY, false },
		{ "before the CA's time: by an operator",
			{ .not_after_at = 80 * DAY, .issued_at = 1, .ari_pick_at = DAY }, HOUR, false },
		{ "the CA says nothing", { .not_after_at = 80 * DAY, .issued_at = 1 }, HOUR, false },
		{ "nobody knows since when", { .not_after_at = 80 * DAY, .ari_pick_at = 1 }, HOUR, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(renewal_is_hurried(&cases[i].in, cases[i].now), cases[i].is_hurried, "%s", cases[i].why);
}

Test(policy, a_renewal_is_held_if_the_ca_asks_too_often)
{
	struct renewal_in in = { .not_after_at = 80 * DAY, .issued_at = 2 * HOUR, .ari_pick_at = HOUR };

	cr_expect_not(renewal_is_held(&in));
	in.hurried_at = HOUR;
	cr_expect(renewal_is_held(&in));
	in.ari_pick_at = 0;
	cr_expect_not(renewal_is_held(&in));
}

Test(policy, lives_of_minutes_are_renewed_in_time_and_not_without_a_pause)
{
	static const struct {
		const char *why;
		struct renewal_in in;
		int64_t due_at;
	} cases[] = {
		{ "a minute", { .not_after_at = 60, .issued_at = 1 }, 30 },
		{ "a minute, half of it gone when it comes", { .not_after_at = 60, .issued_at = 30 }, 45 },
		{ "90 seconds", { .not_after_at = 90, .issued_at = 1 }, 45 },
		{ "two minutes", { .not_after_at = 120, .issued_at = 2 }, 61 },
		{ "five minutes", { .not_after_at = 300, .issued_at = 2 }, 150 },
		{ "five minutes, four gone", { .not_after_at = 300, .issued_at = 240 }, 270 },
		{ "five minutes, the CA's instant is over", { .not_after_at = 300, .issued_at = 10, .ari_pick_at = 5 },
			5 },
		{ "ten seconds", { .not_after_at = 10, .issued_at = 1 }, 61 },
		{ "ten seconds are left", { .not_after_at = 60, .issued_at = 50 }, 55 },
		{ "over when it comes", { .not_after_at = 60, .issued_at = 70 }, 130 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(renewal_due(&cases[i].in), cases[i].due_at, "%s: %lld", cases[i].why,
			(long long)renewal_due(&cases[i].in));
}

Test(policy, spread_is_stable_earlier_only_and_at_most_a_tenth_of_the_margin)
{
	for (uint64_t seed = 0; seed < 10000; seed++) {
		struct renewal_in in = { .not_after_at = 90 * DAY, .spread_seed = seed * 7919 };
		int64_t due = renewal_due(&in);

		cr_assert_leq(due, 60 * DAY);
		cr_assert_gt(due, 57 * DAY);
		cr_assert_eq(due, renewal_due(&in));
	}
}

Test(policy, backoff_grows_but_stays_within_an_eighth_of_what_is_left)
{
	static const struct {
		const char *why;
		struct backoff_in in;
		int64_t low, high;
	} cases[] = {
		{ "first", { .attempts = 1 }, 60, 120 },
		{ "second", { .attempts = 2 }, 450, 750 },
		{ "third", { .attempts = 3 }, 5400, 6600 },
		{ "fourth", { .attempts = 4 }, DAY - DAY / 10, DAY + DAY / 10 },
		{ "counter run wild", { .attempts = INT64_MAX }, DAY - DAY / 10, DAY + DAY / 10 },
		{ "counter below its range", { .attempts = -5 }, 60, 120 },
		{ "no network, first", { .attempts = 1, .is_network = true }, 60, 120 },
		{ "no network", { .attempts = 9, .is_network = true }, 600, 1800 },
		{ "no network, and an hour is left", { .attempts = 9, .is_network = true, .not_after_at = HOUR }, 225,
			450 },
		{ "an hour is left", { .attempts = 9, .not_after_at = HOUR }, 225, 450 },
		{ "a day is left: the first step is shorter anyway", { .attempts = 1, .not_after_at = DAY }, 60, 120 },
		{ "a minute is left", { .attempts = 9, .not_before_at = -DAY, .not_after_at = MINUTE }, 60, 60 },
		{ "a life of a minute", { .attempts = 1, .not_after_at = MINUTE }, 5, 7 },
		{ "half of it is left", { .attempts = 2, .now = 30, .not_after_at = MINUTE }, 35, 35 },
		{ "a life of five minutes", { .attempts = 1, .now = 150, .not_after_at = 5 * MINUTE }, 168, 168 },
		{ "a life of a minute is over", { .attempts = 1, .now = 90, .not_after_at = MINUTE }, 150, 150 },
		{ "expired: an eighth of the life that was", { .attempts = 4, .now = DAY, .not_after_at = HOUR },
			DAY + 225, DAY + 450 },
		{ "a long life expired: the table", { .attempts = 2, .now = 91 * DAY, .not_after_at = 90 * DAY },
			91 * DAY + 450, 91 * DAY + 750 },
		{ "the CA says later: not before, and not all at once", { .attempts = 1, .retry_at = 5000 }, 5000,
			5600 },
		{ "in half a minute: that is before our own wait", { .attempts = 1, .retry_at = 30 }, 60, 120 },
		{ "in three minutes: not later than in six", { .attempts = 1, .retry_at = 180 }, 180, 360 },
		{ "shortly before expiry: an eighth of what is left then",
			{ .attempts = 1, .retry_at = 3200, .not_after_at = HOUR }, 3200, 3250 },
		{ "the CA says a week", { .attempts = 1, .retry_at = 7 * DAY }, 7 * DAY, 7 * DAY + 7 * DAY / 10 },
		{ "a week, and a month is left", { .attempts = 1, .retry_at = 7 * DAY, .not_after_at = 30 * DAY },
			7 * DAY, 7 * DAY + 7 * DAY / 10 },
		{ "a week, and the certificate expires sooner: half of the time",
			{ .attempts = 1, .retry_at = 7 * DAY, .not_after_at = 6 * DAY }, 3 * DAY,
			3 * DAY + 3 * DAY / 10 },
		{ "a week, and two hours are left: a day at the latest",
			{ .attempts = 1, .retry_at = 7 * DAY, .not_after_at = 2 * HOUR }, DAY, DAY + DAY / 10 },
		{ "the CA says a year: a day", { .attempts = 1, .retry_at = 365 * (int64_t)DAY }, DAY, DAY + DAY / 10 },
		{ "dates from nowhere", { .attempts = 1, .now = INT64_MAX, .not_after_at = INT64_MIN }, INT64_MAX,
			INT64_MAX },
		{ "the CA says earlier", { .attempts = 2, .retry_at = 10 }, 450, 750 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (uint64_t seed = 0; seed < 200; seed++) {
			struct backoff_in in = cases[i].in;
			int64_t due;

			in.jitter_seed = seed * 104729;
			due = backoff_due(&in);
			cr_assert(
				due >= cases[i].low && due <= cases[i].high, "%s: %lld", cases[i].why, (long long)due);
		}
}

/* 1,000 auto-certificates fail in the same second, or get the same time from the CA at different ones. */
Test(policy, what_fails_together_does_not_come_back_in_the_same_minute)
{
	enum { FLEET = 1000, MINUTES = 4000 };
	static const struct {
		const char *why;
		struct backoff_in in;
		unsigned most; /* of the fleet in one minute */
	} cases[] = {
		{ "the second failure of a bulk", { .attempts = 2 }, 300 },
		{ "the third", { .attempts = 3 }, 80 },
		{ "no network", { .attempts = 2, .is_network = true }, 80 },
		{ "all are told to come in half an hour", { .attempts = 1, .retry_at = 1800 }, 150 },
		{ "all are told to come in a day", { .attempts = 1, .retry_at = DAY }, 30 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned minutes[MINUTES] = { 0 };
		unsigned most = 0;

		for (uint64_t n = 0; n < FLEET; n++) {
			struct backoff_in in = cases[i].in;
			int64_t minute;

			in.jitter_seed = n * UINT64_C(0x9e3779b97f4a7c15) >> 20;
			minute = backoff_due(&in) / MINUTE;
			cr_assert_lt(minute, MINUTES);
			if (++minutes[minute] > most)
				most = minutes[minute];
		}
		cr_expect_leq(most, cases[i].most, "%s: %u in one minute", cases[i].why, most);
	}
}

Test(policy, failures_without_a_network_do_not_count_towards_long_waits)
{
	cr_expect_eq(backoff_count(0, false), 1);
	cr_expect_eq(backoff_count(3, false), 4);
	cr_expect_eq(backoff_count(INT64_MAX, false), INT64_MAX);
	cr_expect_eq(backoff_count(0, true), 1);
	cr_expect_eq(backoff_count(1, true), 2);
	cr_expect_eq(backoff_count(2, true), 2);
	cr_expect_eq(backoff_count(7, true), 7);
}

Test(policy, a_manual_renewal_may_start_when_the_ca_allows_it)
{
	static const struct {
		struct backoff_in in;
		int64_t at;
	} cases[] = {
		{ { .now = 100 }, 0 },
		{ { .now = 100, .retry_at = 100 }, 0 },
		{ { .now = 100, .retry_at = 101 }, 101 },
		{ { .now = 100, .retry_at = 100 + 7 * DAY }, 100 + 7 * DAY },
		{ { .now = 100, .retry_at = 101 + 7 * DAY }, 100 + DAY },
		{ { .now = 100, .retry_at = 100 + 6 * DAY, .not_after_at = 100 + 10 * DAY }, 100 + 5 * DAY },
		{ { .now = 100, .retry_at = 100 + 6 * DAY, .not_after_at = 50 }, 100 + DAY },
		{ { .now = 100, .not_after_at = 50 }, 0 },
		{ { .now = 100, .retry_at = INT64_MAX, .not_after_at = INT64_MAX }, 100 + DAY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned seed = 0; seed < 100; seed++) {
			struct backoff_in in = cases[i].in;

			in.attempts = seed % 5 + 1;
			in.jitter_seed = seed * 7919;
			cr_assert_eq(backoff_not_before(&in), cases[i].at, "%zu", i);
			cr_assert_geq(backoff_due(&in), cases[i].at, "%zu", i);
		}
}

Test(policy, no_backoff_is_later_than_the_latest)
{
	static const struct backoff_in cases[] = {
		{ .now = 1000 },
		{ .now = 1000, .not_after_at = 90 * DAY },
		{ .now = 1000, .not_after_at = 2000 },
		{ .now = 3 * DAY, .not_after_at = DAY },
		{ .now = 1000, .not_after_at = 2000, .retry_at = 9000 },
		{ .now = 1000, .retry_at = INT64_MAX },
		{ .now = 1000, .retry_at = 6 * DAY },
		{ .now = 1000, .not_after_at = 9 * DAY, .retry_at = 6 * DAY },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned n = 0; n < 1000; n++) {
			struct backoff_in in = cases[i];

			in.attempts = n % 6;
			in.jitter_seed = n * 7919;
			cr_assert_leq(backoff_due(&in), backoff_latest(&in), "case %zu", i);
		}
}

Test(policy, a_delay_is_never_below_a_minute_in_a_million_sequences)
{
	uint64_t random = 1;

	for (int i = 0; i < 1000000; i++) {
		struct backoff_in in = { .now = 1800000000 };
		int64_t attempts = 0;

		for (int n = 0; n < 6; n++) {
			int64_t due_at;

			random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			in.is_network = random >> 63;
			in.attempts = attempts = backoff_count(attempts, in.is_network);
			in.jitter_seed = random >> 7;
			in.retry_at = random >> 60 & 1 ? in.now - 1000 + (int64_t)(random >> 40 & 0xfffff) : 0;
			in.not_before_at = in.now - (int64_t)(random >> 33 & 0x7fffff);
			in.not_after_at = random >> 61 & 1
						  ? in.not_before_at + HOUR + (int64_t)(random >> 30 & 0x3ffffff)
						  : 0;
			due_at = backoff_due(&in);
			cr_assert_geq(due_at, in.now + MINUTE, "sequence %d", i);
			cr_assert_geq(due_at, backoff_not_before(&in));
			cr_assert_leq(due_at, backoff_latest(&in));
			in.now = due_at;
		}
	}
}
