#include "daemon/base/clock.h"

#include <criterion/criterion.h>
#include <time.h>

Test(clock, real_is_the_kernels)
{
	struct clock *clock = clock_new_real();
	int64_t before_ms = clock_boot_ms(clock);

	cr_expect_not(clock_is_virtual(clock));
	cr_expect_leq(clock_wall(clock) - (int64_t)time(NULL), 1);
	cr_expect_geq(clock_wall(clock) - (int64_t)time(NULL), -1);
	cr_expect_geq(clock_boot_ms(clock), before_ms);
	clock_free(clock);
}

Test(clock, virtual_moves_only_when_told)
{
	struct clock *clock = clock_new_virtual(1000);

	cr_expect_eq(clock_wall(clock), 1000);
	cr_expect_eq(clock_boot_ms(clock), 0);
	clock_advance_ms(clock, 1500);
	cr_expect_eq(clock_wall(clock), 1001);
	cr_expect_eq(clock_wall_ms(clock), 1001500);
	cr_expect_eq(clock_boot_ms(clock), 1500);
	clock_free(clock);
}

Test(clock, setting_the_wall_leaves_boot_time_alone)
{
	struct clock *clock = clock_new_virtual(1000);

	clock_advance_ms(clock, 10);
	clock_set_wall(clock, 500);
	cr_expect_eq(clock_wall(clock), 500);
	cr_expect_eq(clock_boot_ms(clock), 10);
	cr_expect_eq(clock_set_count(clock), 1);
	clock_free(clock);
}
