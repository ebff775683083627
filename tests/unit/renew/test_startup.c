/* What may not hold up the start: a clock that is wrong, a disk that is full, a drop that cannot be written. */
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define DROP "drops/live/a-90d"
#define BUNDLE DROP "/bundle.pem"

/* A certificate is there; certd has stopped, and its drop lacks a file. */
static void
stop_without_bundle(struct run *r)
{
	run_begin(r, 0);
	world_run_until(&r->world, world_now(&r->world) + HOUR);
	cr_assert_eq(r->world.issued, 1);
	world_stop(&r->world);
	cr_assert_eq(unlink(BUNDLE), 0);
}

/* A file where the drop's directory has to be. */
static void
obstruct(void)
{
	int fd;

	cr_assert_eq(rename(DROP, "elsewhere"), 0);
	fd = open(DROP, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
}

static void
clear_way(void)
{
	cr_assert_eq(unlink(DROP), 0);
}

static bool
is_ready_within(struct run *r, int64_t seconds)
{
	world_run_until(&r->world, world_now(&r->world) + seconds);
	return !r->world.startup;
}

static bool
has_bundle(void)
{
	return access(BUNDLE, R_OK) == 0;
}

Test(startup, drops_that_are_missing_are_there_when_it_is_over)
{
	struct run r;

	stop_without_bundle(&r);
	world_start(&r.world);
	cr_expect(is_ready_within(&r, 2));
	cr_expect(has_bundle());
	run_end(&r);
}

Test(startup, a_clock_that_is_wrong_holds_up_neither_the_start_nor_the_drops)
{
	static const int64_t skews[] = { -4000 * (int64_t)DAY, -10 * DAY };

	for (size_t i = 0; i < ARRAY_SIZE(skews); i++) {
		struct run r;
		struct scheduler_stats stats;
		uint64_t requests;

		stop_without_bundle(&r);
		requests = r.world.requests;
		world_set_skew(&r.world, skews[i]);
		world_start(&r.world);
		cr_expect(is_ready_within(&r, 2), "%d days", (int)(skews[i] / DAY));
		cr_expect(has_bundle(), "%d days", (int)(skews[i] / DAY));
		scheduler_get_stats(r.world.scheduler, &stats);
		cr_expect(stats.is_waiting_for_date);
		cr_expect_eq(r.world.requests, requests, "the CA is not asked");
		run_end(&r);
	}
}

Test(startup, a_drop_that_fails_while_the_date_is_doubted_is_tried_again_in_its_time)
{
	struct run r;

	stop_without_bundle(&r);
	obstruct();
	world_set_skew(&r.world, -4000 * (int64_t)DAY);
	world_start(&r.world);
	cr_expect(is_ready_within(&r, 2));
	clear_way();
	cr_expect_not(has_bundle());
	world_run_until(&r.world, world_now(&r.world) + 2 * MINUTE);
	cr_expect(has_bundle());
	run_end(&r);
}

Test(startup, a_full_disk_does_not_hold_it_up_and_heals)
{
	struct run r;
	struct scheduler_stats stats;

	stop_without_bundle(&r);
	world_start(&r.world);
	world_set_disk_full(&r.world, true);
	cr_expect(is_ready_within(&r, 2));
	cr_expect_not(has_bundle());
	world_set_disk_full(&r.world, false);
	world_stop(&r.world);
	/* The row of an earlier start is there, and nothing can be noted about it. */
	obstruct();
	world_start(&r.world);
	cr_expect(is_ready_within(&r, 2));
	world_stop(&r.world);
	clear_way();
	world_start(&r.world);
	world_run_until(&r.world, world_now(&r.world) + 2 * MINUTE);
	world_set_disk_full(&r.world, true);
	cr_expect(is_ready_within(&r, 2));
	world_set_disk_full(&r.world, false);
	world_run_until(&r.world, world_now(&r.world) + 2 * HOUR);
	scheduler_get_stats(r.world.scheduler, &stats);
	cr_expect_not(stats.is_store_failing);
	cr_expect(has_bundle());
	run_end(&r);
}

Test(startup, a_drop_that_cannot_be_written_has_a_retry_and_is_counted)
{
	struct run r;

	stop_without_bundle(&r);
	obstruct();
	world_start(&r.world);
	cr_expect(is_ready_within(&r, 2));
	cr_expect_eq(rollout_count_failing(r.world.rollout), 1);
	clear_way();
	world_run_until(&r.world, world_now(&r.world) + 2 * MINUTE);
	cr_expect(has_bundle());
	cr_expect_eq(rollout_count_failing(r.world.rollout), 0);
	cr_assert_eq(rename("elsewhere", "away"), 0);
	obstruct();
	world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(&r.world, world_now(&r.world) + 10);
	cr_expect_eq(rollout_count_failing(r.world.rollout), 1);
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}"));
	cr_expect_eq(rollout_count_failing(r.world.rollout), 0, "goes with the auto-certificate");
	run_end(&r);
}
