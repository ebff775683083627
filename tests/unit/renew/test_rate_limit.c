/* A rate limit of the CA: who waits for it, until when, and what a caller may do meanwhile. */
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>

/* An order of a-90d is refused, with a limit that ends in @span. Return: the end. */
static int64_t
begin_limited(struct run *r, int64_t span)
{
	struct world *w = &r->world;
	int64_t until_at;

	run_begin(r, 0);
	world_run_until(w, world_now(w) + HOUR);
	cr_assert_eq(w->issued, 1);
	until_at = world_now(w) + span;
	world_set_weather(&w->cas[0], WEATHER_LIMITED, until_at);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	world_run_until(w, world_now(w) + 20);
	cr_assert_eq(w->failed, 1);
	world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
	return until_at;
}

Test(rate_limit, a_manual_renewal_and_the_scheduled_one_wait_for_the_same_time)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct run r;
	int64_t until_at = begin_limited(&r, 5 * DAY);

	run_load(&r, "a-90d", &a);
	cr_expect_leq(a.last_error.retry_at - until_at, 1);
	cr_expect_geq(a.last_error.retry_at, until_at);
	cr_expect_geq(run_due(&r, SCHEDULE_ISSUE, a.o.id), a.last_error.retry_at);
	world_run_until(&r.world, until_at - 10);
	cr_expect_not(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	cr_expect_eq(r.world.failed, 1, "%d orders before the time", (int)r.world.failed);
	world_run_until(&r.world, until_at + 2);
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	world_run_until(&r.world, until_at + MINUTE);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(rate_limit, the_scheduled_order_follows_it)
{
	struct run r;
	int64_t until_at = begin_limited(&r, 5 * DAY);

	world_run_until(&r.world, until_at + DAY);
	cr_expect_eq(r.world.failed, 1);
	cr_expect_eq(r.world.issued, 2);
	cr_expect(check_calm(&r.world));
	run_end(&r);
}

Test(rate_limit, a_caller_may_override_it)
{
	struct run r;

	begin_limited(&r, 5 * DAY);
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(rate_limit, a_time_beyond_all_windows_is_a_mistake_and_means_a_day)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct run r;

	begin_limited(&r, 400 * DAY);
	run_load(&r, "a-90d", &a);
	cr_expect_leq(a.last_error.retry_at - world_now(&r.world), DAY);
	world_run_until(&r.world, world_now(&r.world) + DAY + DAY / 10);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}
