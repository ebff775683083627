#include "daemon/renew/ari_policy.h"

#include "common/alloc.h"

#include <criterion/criterion.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR, NOW = 1800000000 };

Test(ari_policy, a_time_is_chosen_in_the_window)
{
	static const struct {
		const char *why;
		int64_t start_at, end_at;
		uint64_t random;
		int64_t at;
	} cases[] = {
		{ "its begin", 1000, 2000, 0, 1000 },
		{ "its last second", 1000, 2000, 999, 1999 },
		{ "any number will do", 1000, 2000, 1000 * 1000 + 7, 1007 },
		{ "a window of one second", 1000, 1001, UINT64_MAX, 1000 },
		{ "before 1970", -100, -50, 3, 1 },
		{ "from the beginning to the end of time", INT64_MIN, INT64_MAX, UINT64_MAX, 1 },
		{ "the far future", INT64_MAX - 10, INT64_MAX, 9, INT64_MAX - 1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(ari_pick(cases[i].start_at, cases[i].end_at, cases[i].random), cases[i].at, "%s: %lld",
			cases[i].why, (long long)ari_pick(cases[i].start_at, cases[i].end_at, cases[i].random));
}

Test(ari_policy, the_ca_is_asked_again_when_it_says_but_within_a_minute_and_a_day)
{
	static const struct error timeout = { .code = ERROR_TIMEOUT }, down = { .code = ERROR_CA, .may_retry = true },
				  limit = { .code = ERROR_RATE_LIMITED }, refused = { .code = ERROR_CA },
				  network = { .code = ERROR_NETWORK }, garbage = { .code = ERROR_PROTOCOL };
	static const struct {
		const char *why;
		struct ari_poll_in in;
		int64_t wait;
	} cases[] = {
		{ "as the CA says", { .retry_after_at = NOW + 6 * HOUR }, 6 * HOUR },
		{ "not every second", { .retry_after_at = NOW + 1 }, MINUTE },
		{ "nor at a date in the past", { .retry_after_at = NOW - HOUR }, MINUTE },
		{ "at least daily", { .retry_after_at = NOW + 400 * DAY }, DAY },
		{ "no Retry-After", { .retry_after_at = 0 }, 6 * HOUR },
		{ "a timeout", { .err = &timeout, .attempts = 1 }, MINUTE },
		{ "the third", { .err = &timeout, .attempts = 3 }, 4 * MINUTE },
		{ "the eighth", { .err = &down, .attempts = 8 }, 128 * MINUTE },
		{ "the ninth is no longer temporary", { .err = &down, .attempts = 9 }, 6 * HOUR },
		{ "a counter out of range", { .err = &down, .attempts = INT64_MAX }, 6 * HOUR },
		{ "not counted", { .err = &down }, MINUTE },
		{ "a wait of an hour", { .err = &limit, .attempts = 1, .retry_after_at = NOW + HOUR }, HOUR },
		{ "a wait of a second", { .err = &limit, .attempts = 2, .retry_after_at = NOW + 1 }, 2 * MINUTE },
		{ "a wait of a month", { .err = &limit, .attempts = 1, .retry_after_at = NOW + 30 * DAY }, DAY },
		{ "refused", { .err = &refused, .attempts = 1 }, 6 * HOUR },
		{ "not reached", { .err = &network, .attempts = 1 }, 6 * HOUR },
		{ "not understood", { .err = &garbage, .attempts = 1 }, 6 * HOUR },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ari_poll_in in = cases[i].in;

		in.now = NOW;
		cr_expect_eq(ari_next_poll(&in) - NOW, cases[i].wait, "%s: %lld", cases[i].why,
			(long long)(ari_next_poll(&in) - NOW));
	}
}
