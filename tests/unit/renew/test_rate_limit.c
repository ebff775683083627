/* A rate limit of the CA: who waits for it, until when, and what a caller may do meanwhile. */
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>

/* An order of a-90d is refused, with a limit that ends in @span. The CA stays so. Return: the end. */
static int64_t
begin_refused(struct run *r, enum weather weather, int64_t span)
{
	struct world *w = &r->world;
	int64_t until_at;

	run_begin(r, 0);
	world_run_until(w, world_now(w) + HOUR);
	cr_assert_eq(w->issued, 1);
	until_at = world_now(w) + span;
	world_set_weather(&w->cas[0], weather, until_at);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	world_run_until(w, world_now(w) + 20);
	cr_assert_eq(w->failed, 1);
	return until_at;
}

static int64_t
begin_limited(struct run *r, int64_t span)
{
	int64_t until_at = begin_refused(r, WEATHER_LIMITED, span);

	world_set_weather(&r->world.cas[0], WEATHER_PERFECT, 0);
	return until_at;
}

/* Another auto-certificate of the same provider, which is given 20 s. */
static void
declare_other(struct run *r)
{
	cr_assert(world_call(&r->world, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'b-90d','provider':'ca','commonName':'b-90d.sim.test'}}"));
	world_run_until(&r->world, world_now(&r->world) + 20);
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

/* --- limits of the account or the CA --- */

Test(rate_limit, one_of_the_account_holds_back_all_orders_of_the_provider)
{
	struct run r;
	int64_t until_at = begin_refused(&r, WEATHER_FULL, 3 * HOUR);

	declare_other(&r);
	world_run_until(&r.world, until_at - MINUTE);
	cr_expect_eq(r.world.failed, 1, "the CA was asked again");
	cr_expect_not(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'b-90d'}"));
	world_set_weather(&r.world.cas[0], WEATHER_PERFECT, 0);
	world_run_until(&r.world, until_at - 2);
	cr_expect_eq(r.world.issued, 1);
	world_run_until(&r.world, until_at + 20);
	cr_expect_eq(r.world.issued, 2, "the other has waited long enough");
	world_run_until(&r.world, until_at + HOUR);
	cr_expect_eq(r.world.issued, 3);
	cr_expect_eq(r.world.failed, 1);
	run_end(&r);
}

Test(rate_limit, one_of_a_name_holds_back_nothing_else)
{
	struct run r;

	begin_refused(&r, WEATHER_LIMITED, 3 * HOUR);
	declare_other(&r);
	cr_expect_eq(r.world.failed, 2, "the other was not tried");
	run_end(&r);
}

Test(rate_limit, one_of_the_account_can_be_overridden)
{
	struct run r;

	begin_refused(&r, WEATHER_FULL, 3 * HOUR);
	declare_other(&r);
	world_set_weather(&r.world.cas[0], WEATHER_PERFECT, 0);
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'b-90d','force':true}"));
	world_run_until(&r.world, world_now(&r.world) + 20);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(rate_limit, all_orders_of_a_provider_wait_for_a_day_at_most)
{
	struct run r;

	begin_refused(&r, WEATHER_FULL, 5 * DAY);
	world_set_weather(&r.world.cas[0], WEATHER_PERFECT, 0);
	declare_other(&r);
	cr_expect_eq(r.world.issued, 1);
	world_run_until(&r.world, world_now(&r.world) + DAY);
	cr_expect_eq(r.world.issued, 2, "the other may have been possible all the time");
	run_end(&r);
}

Test(rate_limit, the_wait_of_a_provider_is_not_in_the_time_of_a_clock_that_is_set)
{
	struct run r;
	int64_t until_at = begin_refused(&r, WEATHER_FULL, 3 * HOUR);

	declare_other(&r);
	world_set_weather(&r.world.cas[0], WEATHER_PERFECT, 0);
	world_set_skew(&r.world, 2 * DAY);
	world_run_until(&r.world, until_at - MINUTE);
	cr_expect_eq(r.world.issued, 1);
	world_run_until(&r.world, until_at + 20);
	cr_expect_geq(r.world.issued, 2);
	run_end(&r);
}

Test(rate_limit, after_a_restart_the_ca_is_asked_again)
{
	struct run r;

	begin_refused(&r, WEATHER_FULL, 3 * HOUR);
	declare_other(&r);
	cr_expect_eq(r.world.failed, 1);
	world_stop(&r.world);
	world_start(&r.world);
	world_run_until(&r.world, world_now(&r.world) + 20);
	cr_expect_eq(r.world.failed, 2);
	run_end(&r);
}

/* As Boulder's words are. */
#define UNPAUSE_URL "https://portal.ca.test/sfe/v1/unpause?jwt=eyJh.bGci_O-iJ"

Test(rate_limit, a_name_that_the_ca_has_paused_is_asked_for_once_a_day_and_its_link_is_kept)
{
	static const struct run_fault paused = { .kind = FAKE_CA_NEW_ORDER,
		.status = 429,
		.body = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"Your account is temporarily "
			"prevented from requesting certificates for a-90d.sim.test and possibly others. Please "
			"visit: " UNPAUSE_URL "\"}" };
	static const struct run_fault unreachable = { .kind = FAKE_CA_NEW_ORDER, .failure = ERROR_NETWORK };
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_autocert_ struct autocert b = { 0 };
	_cleanup_autocert_ struct autocert c = { 0 };
	struct run r;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	run_spoil(&r, &paused);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	world_run_until(&r.world, world_now(&r.world) + 20);
	run_load(&r, "a-90d", &a);
	cr_assert_not_null(a.unpause_url);
	cr_expect_str_eq(a.unpause_url, UNPAUSE_URL);
	cr_expect_geq(run_due(&r, SCHEDULE_ISSUE, a.o.id), world_now(&r.world) + DAY - MINUTE);
	cr_expect_not(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"), "not blindly");
	declare_other(&r);
	cr_expect_eq(r.world.failed, 2, "the pause of a name is not one of all: the other one was tried");
	world_run_until(&r.world, world_now(&r.world) + 3 * DAY);
	cr_expect_leq(r.world.failed, 2 * 4, "%d", (int)r.world.failed);
	run_spoil(&r, &unreachable);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	run_load(&r, "a-90d", &b);
	cr_assert_not_null(b.unpause_url, "a network that fails ends no pause");
	run_mend(&r);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	run_load(&r, "a-90d", &c);
	cr_expect_null(c.unpause_url);
	cr_expect_eq(c.attempts, 0);
	run_end(&r);
}
