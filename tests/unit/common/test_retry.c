#include "common/retry.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(retry, waits_grow_by_steps_and_are_spread)
{
	static const struct {
		enum retry_kind kind;
		int64_t attempts, shortest, longest;
	} cases[] = {
		{ RETRY_REMOTE, 0, 60, 120 },
		{ RETRY_REMOTE, 1, 60, 120 },
		{ RETRY_REMOTE, 2, 450, 750 },
		{ RETRY_REMOTE, 3, 5400, 6600 },
		{ RETRY_REMOTE, 4, 77760, 95040 },
		{ RETRY_REMOTE, INT64_MAX, 77760, 95040 },
		{ RETRY_LOCAL, 1, 60, 120 },
		{ RETRY_LOCAL, 2, 60, 180 },
		{ RETRY_LOCAL, 3, 150, 450 },
		{ RETRY_LOCAL, 4, 750, 1050 },
		{ RETRY_LOCAL, 5, 3240, 3960 },
		{ RETRY_LOCAL, INT64_MAX, 3240, 3960 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct retry_wait wait = retry_wait(cases[i].kind, cases[i].attempts);

		cr_expect_eq(wait.shortest, cases[i].shortest, "case %zu: %lld", i, (long long)wait.shortest);
		cr_expect_eq(wait.longest, cases[i].longest, "case %zu: %lld", i, (long long)wait.longest);
	}
}

/* A thousand records that fail in one second must not all come back in one second. */
Test(retry, a_fleet_does_not_come_back_at_once)
{
	enum { FLEET = 1000 };
	unsigned in_minute[10] = { 0 };

	for (int i = 0; i < FLEET; i++) {
		char id[16];
		int64_t at;

		snprintf(id, sizeof(id), "id-%d", i);
		at = retry_at(RETRY_REMOTE, 1000000, 2, id);
		cr_assert(at >= 1000450 && at <= 1000750, "%lld", (long long)at);
		cr_expect_eq(at, retry_at(RETRY_REMOTE, 1000000, 2, id), "simulations repeat");
		in_minute[(at - 1000450) / 60]++;
	}
	for (int i = 0; i < 5; i++)
		cr_expect(in_minute[i] > FLEET / 10 && in_minute[i] < FLEET * 3 / 10, "%u", in_minute[i]);
}

Test(retry, a_time_beyond_all_times_saturates)
{
	cr_expect_eq(retry_at(RETRY_REMOTE, INT64_MAX - 10, 4, "x"), INT64_MAX);
}

Test(retry, a_server_may_ask_for_a_week_and_more_is_a_mistake)
{
	cr_expect_eq(retry_not_before(0, 1000), 0);
	cr_expect_eq(retry_not_before(999, 1000), 0);
	cr_expect_eq(retry_not_before(INT64_MIN, 1000), 0);
	cr_expect_eq(retry_not_before(1120, 1000), 1120);
	cr_expect_eq(retry_not_before(1000 + 7 * 86400, 1000), 1000 + 7 * 86400);
	cr_expect_eq(retry_not_before(1001 + 7 * 86400, 1000), 87400);
	cr_expect_eq(retry_not_before(INT64_MAX, 1000), 87400);
	cr_expect_eq(retry_not_before(INT64_MAX, INT64_MAX - 1), INT64_MAX);
	cr_expect_eq(retry_after(0, 1000), 0);
	cr_expect_eq(retry_after(-5, 1000), 0);
	cr_expect_eq(retry_after(120, 1000), 1120);
	cr_expect_eq(retry_after(86401, 1000), 87401);
	cr_expect_eq(retry_after(INT64_MAX, 1000), 87400);
	cr_expect_eq(retry_after(120, INT64_MAX - 1), INT64_MAX);
}

/* 784111777 is 1994-11-06T08:49:37Z. */
Test(retry, a_retry_after_is_a_number_or_a_date_in_any_form_of_http)
{
	static const struct {
		const char *value;
		int64_t sec; /* 0: not readable */
	} cases[] = {
		{ "7", 7 },
		{ "0", 1 },
		{ "20300101", 20300101 },
		{ "99999999999999999999", INT64_MAX },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 100 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 100 },
		{ "Sun Nov  6 08:49:37 1994", 100 },
		{ "Sun Nov 06 08:49:37 1994", 100 },
		{ "Sun, 06 Nov 1994 08:47:56 GMT", 1 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 1 },
		{ "Friday, 01-Jan-70 00:00:00 GMT", 1 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 - 784111677 },
		{ "Thursday, 01-Jan-69 00:00:00 GMT", 3124224000 - 784111677 },
		{ "", 0 },
		{ "-5", 0 },
		{ "7s", 0 },
		{ "soon", 0 },
		{ "1994-11-06T08:49:37Z", 0 },
		{ "Sun, 31 Feb 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Foo 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 24:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:49:37 CET", 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT+1", 0 },
		{ "Sun, 06-Nov-1994 08:49:37 GMT", 0 },
		{ "Sun Nov  6 08:49:37 1994 GMT", 0 },
		{ ", 06 Nov 1994 08:49:37 GMT", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(retry_after_read(cases[i].value, 784111677), cases[i].sec, "%s: %lld", cases[i].value,
			(long long)retry_after_read(cases[i].value, 784111677));
}
