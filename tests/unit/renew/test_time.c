/* Clocks that are wrong, and what the calendar brings: renewals, retries and purges in their time. */
#include "common/retry.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Seconds until the next order of a-90d, by true time. */
static int64_t
next_order_in(struct run *r)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(r, "a-90d", &a);
	return run_due(r, SCHEDULE_ISSUE, a.o.id) - world_now(&r->world);
}

static void
begin_issued(struct run *r)
{
	run_begin(r, 0);
	world_run_until(&r->world, world_now(&r->world) + HOUR);
	cr_assert_eq(r->world.issued, 1);
}

/* A day of failures, due for renewal, with a clock that is @ahead. */
static void
fail_with_wrong_clock(struct run *r, int64_t ahead)
{
	struct world *w = &r->world;

	begin_issued(r);
	world_set_weather(&w->cas[0], WEATHER_DOWN, world_now(w) + DAY);
	world_set_skew(w, ahead);
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + DAY);
	cr_assert_gt(w->failed, 0);
	world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
}

Test(clock_set, retries_put_while_it_was_ahead_are_brought_back)
{
	static const int64_t aheads[] = { 2 * DAY, 40 * DAY, 4000 * (int64_t)DAY };

	for (size_t i = 0; i < ARRAY_SIZE(aheads); i++) {
		struct run r;

		fail_with_wrong_clock(&r, aheads[i]);
		world_set_skew(&r.world, 0);
		world_run_until(&r.world, world_now(&r.world) + 2);
		cr_expect_lt(next_order_in(&r), 27 * HOUR, "%d days ahead: %d s", (int)(aheads[i] / DAY),
			(int)next_order_in(&r));
		world_run_until(&r.world, world_now(&r.world) + 2 * DAY);
		cr_expect_eq(r.world.issued, 2, "%d days ahead", (int)(aheads[i] / DAY));
		cr_expect(check_calm(&r.world));
		run_end(&r);
	}
}

Test(clock_set, retries_are_brought_back_at_the_start_when_it_was_set_while_nobody_ran)
{
	struct run r;

	fail_with_wrong_clock(&r, 40 * DAY);
	world_stop(&r.world);
	world_set_skew(&r.world, 0);
	world_start(&r.world);
	world_run_until(&r.world, world_now(&r.world) + 2 * DAY);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(clock_set, a_time_that_was_seen_does_not_stop_work_when_the_clock_is_set_back)
{
	struct run r;
	struct world *w = &r.world;
	uint64_t issued;

	begin_issued(&r);
	world_set_skew(w, 4000 * (int64_t)DAY);
	world_run_until(w, world_now(w) + 20);
	world_set_skew(w, 0);
	issued = w->issued;
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + 10);
	cr_expect_eq(w->issued, issued + 1);
	run_end(&r);
}

Test(clock_set, a_time_that_was_seen_holds_work_up_for_an_hour_after_a_start)
{
	struct run r;
	struct world *w = &r.world;

	begin_issued(&r);
	world_set_skew(w, 10 * DAY);
	world_run_until(w, world_now(w) + HOUR);
	world_stop(w);
	world_set_skew(w, 0);
	world_start(w);
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + HOUR - MINUTE);
	cr_expect_eq(w->issued, 1, "the date is not believed yet");
	world_run_until(w, world_now(w) + 2 * MINUTE);
	cr_expect_eq(w->issued, 2);
	run_end(&r);
}

Test(clock_set, before_the_build_nothing_is_sent_until_it_is_set)
{
	struct run r;
	struct world *w = &r.world;
	uint64_t requests;

	begin_issued(&r);
	world_stop(w);
	world_set_skew(w, -4000 * (int64_t)DAY);
	world_start(w);
	requests = w->requests;
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + DAY);
	cr_expect_eq(w->requests, requests);
	world_set_skew(w, 0);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->issued, 2);
	run_end(&r);
}

Test(calendar, a_certificate_that_is_due_when_it_comes_is_kept_for_an_eighth_of_what_is_left)
{
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	fake_ca_script(w->cas[0].ca)->clock_behind_sec = 80 * DAY; /* ten days are left of ninety */
	world_run_until(w, world_now(w) + HOUR);
	cr_assert_eq(w->issued, 1);
	cr_expect_gt(next_order_in(&r), DAY);
	cr_expect_lt(next_order_in(&r), 2 * DAY);
	world_run_until(w, world_now(w) + 10 * DAY);
	cr_expect_lt(w->issued, 11);
	run_end(&r);
}

Test(calendar, it_is_renewed_a_month_before_expiry_and_the_old_one_goes_a_month_after_its_own)
{
	struct run r;
	struct world *w = &r.world;
	int64_t begun_at;

	begin_issued(&r);
	begun_at = world_now(w);
	world_run_until(w, begun_at + 56 * DAY);
	cr_expect_eq(w->issued, 1);
	world_run_until(w, begun_at + 60 * DAY);
	cr_expect_eq(w->issued, 2);
	world_run_until(w, begun_at + 119 * DAY);
	cr_expect_eq(w->purged, 0);
	world_run_until(w, begun_at + 121 * DAY);
	cr_expect_eq(w->purged, 1);
	cr_expect(check_calm(w));
	run_end(&r);
}

/* The disk of the drops is full, that of the store is not: the old files are what is served. */
Test(calendar, a_certificate_that_is_still_deployed_is_not_purged)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_autocert_ struct autocert a = { 0 };

	begin_issued(&r);
	cr_assert_eq(rename("drops/live/a-90d/bundle.pem", "bundle"), 0);
	cr_assert_eq(mkdir("drops/live/a-90d/bundle.pem", 0700), 0); /* in the way of the new one */
	world_run_until(w, world_now(w) + 70 * DAY);
	cr_assert_eq(w->issued, 2);
	cr_expect_eq(w->deployed, 1);
	run_load(&r, "a-90d", &a);
	cr_expect_leq(run_due(&r, SCHEDULE_DEPLOY, a.o.id) - world_now(w), retry_wait(RETRY_LOCAL, INT64_MAX).longest);
	cr_assert_eq(rmdir("drops/live/a-90d/bundle.pem"), 0);
	world_run_until(w, world_now(w) + 2 * HOUR);
	cr_expect_eq(w->deployed, 2);
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(calendar, renewed_by_hand_what_is_paused_stays_paused)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_autocert_ struct autocert a = { 0 };

	begin_issued(&r);
	world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}");
	cr_expect_not(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	cr_expect(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->issued, 2);
	run_load(&r, "a-90d", &a);
	cr_expect_eq(run_due(&r, SCHEDULE_ISSUE, a.o.id), 0);
	run_end(&r);
}

Test(calendar, a_declaration_that_changed_while_paused_is_fulfilled_on_resume)
{
	struct run r;
	struct world *w = &r.world;

	begin_issued(&r);
	world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}");
	world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'subjectAlternativeNames':['c.sim.test']}}");
	world_run_until(w, world_now(w) + DAY);
	cr_expect_eq(w->issued, 1);
	world_call(w, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}");
	world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'renewBefore':86400}}");
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->issued, 2);
	cr_expect(check_calm(w));
	run_end(&r);
}
