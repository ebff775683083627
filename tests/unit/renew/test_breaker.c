/* The circuit breaker of a CA. */
#include "daemon/renew/breaker.h"

#include "common/alloc.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>

enum { MS = 1000 };

Test(breaker, the_fifth_failure_in_a_row_opens_it)
{
	struct breaker b = { 0 };

	for (int i = 0; i < 4; i++)
		breaker_note(&b, 1);
	cr_expect_not(breaker_is_open(&b));
	cr_expect_eq(breaker_test_at(&b, 1), 0);
	breaker_close(&b);
	for (int i = 0; i < 4; i++)
		breaker_note(&b, 1);
	cr_expect_not(breaker_is_open(&b), "not in a row");
	breaker_note(&b, 1);
	cr_expect(breaker_is_open(&b));
	cr_expect_eq(breaker_test_at(&b, 1), 1 + MINUTE * MS);
	for (int i = 0; i < 10; i++)
		breaker_note(&b, 2);
	cr_expect_eq(breaker_test_at(&b, 2), 1 + MINUTE * MS, "orders that were in progress");
}

Test(breaker, tests_become_rarer_up_to_ten_minutes)
{
	static const int64_t minutes[] = { 1, 2, 4, 8, 10, 10, 10 };
	struct breaker b = { 0 };
	int64_t now_ms = 1000;

	for (int i = 0; i < 4; i++)
		breaker_note(&b, now_ms);
	for (size_t i = 0; i < ARRAY_SIZE(minutes); i++) {
		breaker_note(&b, now_ms);
		cr_expect_eq(breaker_test_at(&b, now_ms), now_ms + minutes[i] * MINUTE * MS, "test %zu", i);
		now_ms = breaker_test_at(&b, now_ms);
		cr_expect_eq(breaker_test_at(&b, now_ms), 0);
		cr_expect(breaker_is_open(&b));
	}
	breaker_close(&b);
	cr_expect_not(breaker_is_open(&b));
}

Test(breaker, orders_wait_for_one_that_tests_the_ca)
{
	struct run r;
	uint64_t failed;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	cr_assert_eq(r.world.issued, 1);
	world_set_weather(&r.world.cas[0], WEATHER_NO_NET, 0);
	for (int i = 0; i < 40; i++)
		cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'n%d','provider':'ca','commonName':'n%d-90d.sim.test'}}", i, i));
	world_run_until(&r.world, world_now(&r.world) + DAY);
	failed = r.world.failed;
	cr_expect_leq(failed, 5 + 8 + 4 + 24 * 6 + 1, "%d orders failed in a day", (int)failed);
	cr_expect_geq(failed, 24 * 5, "the CA was tested only %d times", (int)failed);
	cr_expect_not(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'n1'}"));
	world_set_weather(&r.world.cas[0], WEATHER_PERFECT, 0);
	world_run_until(&r.world, world_now(&r.world) + 12 * MINUTE);
	cr_expect_geq(
		r.world.issued, 30, "after the next test those go on that have not failed: %d", (int)r.world.issued);
	world_run_until(&r.world, world_now(&r.world) + 40 * MINUTE);
	cr_expect_eq(r.world.issued, 41);
	run_end(&r);
}

Test(breaker, a_caller_may_override_it)
{
	struct run r;

	run_begin(&r, 0);
	world_set_weather(&r.world.cas[1], WEATHER_PERFECT, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	world_set_weather(&r.world.cas[0], WEATHER_NO_NET, 0);
	for (int i = 0; i < 10; i++)
		cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'n%d','provider':'ca','commonName':'n%d-90d.sim.test'}}", i, i));
	world_run_until(&r.world, world_now(&r.world) + 6 * HOUR);
	world_set_weather(&r.world.cas[0], WEATHER_PERFECT, 0);
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'n1','force':true}"));
	world_run_until(&r.world, world_now(&r.world) + 10);
	cr_expect_geq(r.world.issued, 2);
	run_end(&r);
}
