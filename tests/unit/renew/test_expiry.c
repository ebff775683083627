#include "common/alloc.h"
#include "daemon/renew/expiry.h"

#include <criterion/criterion.h>

enum { DAY = 24 * 3600, END = 1000 * DAY };

Test(expiry, it_is_said_early_and_often_and_daily_when_it_is_over)
{
	static const struct {
		int64_t after, next; /* seconds from the end */
	} cases[] = {
		{ -END, -30 * DAY },
		{ -30 * DAY - 1, -30 * DAY },
		{ -30 * DAY, -14 * DAY },
		{ -20 * DAY, -14 * DAY },
		{ -14 * DAY, -7 * DAY },
		{ -7 * DAY, -3 * DAY },
		{ -3 * DAY, -1 * DAY },
		{ -1 * DAY, 0 },
		{ -1, 0 },
		{ 0, DAY },
		{ 1, DAY },
		{ DAY, 2 * DAY },
		{ 400 * DAY + 5, 401 * DAY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(expiry_next(END, END + cases[i].after), END + cases[i].next, "%zu", i);
}

Test(expiry, ends_beyond_all_clocks_do_not_overflow)
{
	cr_expect_eq(expiry_next(INT64_MAX, 0), INT64_MAX - 30 * (int64_t)DAY);
	cr_expect_gt(expiry_next(0, INT64_MAX / 2), INT64_MAX / 2);
}
