/* What runs beside what. */
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>

static void
declare(struct run *r, const char *provider, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		cr_assert(world_call(&r->world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'%s%u-90d','provider':'%s','commonName':'%s%u-90d.sim.test'}}", provider,
			i, provider, provider, i));
}

static void
add_provider(struct run *r)
{
	cr_assert(world_call(&r->world, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'other','email':'a@b.test','server':'%s/directory',"
		"'termsOfServiceAgreed':true}}",
		r->world.cas[1].url));
}

static unsigned
most_running(struct run *r, int64_t seconds)
{
	int64_t end_at = world_now(&r->world) + seconds;
	unsigned most = 0;

	while (world_now(&r->world) < end_at) {
		unsigned running;

		world_run_until(&r->world, world_now(&r->world) + 1);
		running = scheduler_running(r->world.scheduler, SCHEDULE_ISSUE);
		if (running > most)
			most = running;
	}
	return most;
}

Test(scheduler, eight_orders_of_a_provider_are_in_flight_or_as_many_as_it_says)
{
	struct run r;

	run_begin(&r, 0);
	declare(&r, "ca", 20);
	cr_expect_eq(most_running(&r, MINUTE), 8);
	cr_expect_eq(r.world.issued, 21);
	world_call(&r.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'maxOrders':2}}");
	for (unsigned i = 0; i < 9; i++)
		world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'ca%u-90d','force':true}", i);
	cr_expect_eq(most_running(&r, MINUTE), 2);
	cr_expect_eq(r.world.issued, 30);
	cr_expect(check_calm(&r.world));
	run_end(&r);
}

/* A slow CA holds many orders; the memory for secrets is small, and running out of it would end certd. */
Test(scheduler, an_order_that_waits_holds_no_key_in_memory)
{
	enum { ORDERS = 16 };
	struct run r;
	struct world *w = &r.world;
	size_t before;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_eq(w->issued, 1);
	world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'maxOrders':%d}}", ORDERS);
	before = CRYPTO_secure_used();
	fake_ca_script(w->cas[0].ca)->issue_ms = 600 * 1000;
	declare(&r, "ca", ORDERS);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(scheduler_running(w->scheduler, SCHEDULE_ISSUE), ORDERS);
	/* The client of the provider may have a key of its own; sixteen keys would be 16 times 500 octets and more. */
	cr_expect_lt(CRYPTO_secure_used(), before + 4096, "%zu octets before, %zu now", before, CRYPTO_secure_used());
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->issued, 1 + ORDERS);
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(scheduler, a_ca_that_does_not_answer_stands_before_no_other)
{
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	add_provider(&r);
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_eq(w->issued, 1);
	world_set_weather(&w->cas[0], WEATHER_SLOW, 0);
	declare(&r, "ca", 20);
	declare(&r, "other", 20);
	world_run_until(w, world_now(w) + 2 * MINUTE);
	cr_expect_eq(w->issued, 21);
	run_end(&r);
}

Test(scheduler, auto_certificates_wait_for_the_account_and_go_when_it_is_there)
{
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_set_weather(&w->cas[1], WEATHER_NO_NET, world_now(w) + 2 * DAY);
	add_provider(&r);
	declare(&r, "other", 3);
	world_run_until(w, world_now(w) + 2 * DAY);
	cr_expect_eq(w->issued, 1);
	cr_expect_eq(w->failed, 0, "an auto-certificate is not to blame");
	world_set_weather(&w->cas[1], WEATHER_PERFECT, 0);
	world_run_until(w, world_now(w) + 32 * MINUTE);
	cr_expect_eq(w->issued, 4, "without a network the account is tried every half an hour");
	cr_expect_eq(fake_ca_accounts(w->cas[1].ca), 1);
	cr_expect(check_calm(w));
	run_end(&r);
}

Test(scheduler, a_provider_that_is_changed_in_the_middle_of_orders_goes_on)
{
	for (uint64_t n = 5; n < 60; n += 6) {
		struct run r;
		struct world *w = &r.world;

		run_begin(&r, 0);
		w->stop_at = n;
		declare(&r, "ca", 10);
		world_run_until(w, world_now(w) + MINUTE);
		w->stop_at = 0;
		world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'preferredChain':'x%d'}}", (int)n);
		world_run_until(w, world_now(w) + HOUR);
		cr_expect_eq(w->issued, 11, "request %d: %d", (int)n, (int)w->issued);
		cr_expect_eq(fake_ca_orders(w->cas[0].ca), 11);
		cr_expect(check_calm(w));
		run_end(&r);
	}
}

Test(scheduler, without_a_network_it_is_tried_every_half_an_hour_and_the_count_stands)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_autocert_ struct autocert a = { 0 };

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	world_set_weather(&w->cas[0], WEATHER_NO_NET, 0);
	world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
	world_run_until(w, world_now(w) + DAY);
	run_load(&r, "a-90d", &a);
	cr_expect_geq(w->failed, 48);
	cr_expect_leq(w->failed, 144);
	cr_expect_eq(a.attempts, 2);
	world_set_weather(&w->cas[0], WEATHER_DOWN, world_now(w) + 1);
	world_run_until(w, world_now(w) + 32 * MINUTE);
	run_load(&r, "a-90d", &a);
	cr_expect_eq(a.attempts, 2, "the CA fails itself (5xx), which says nothing about the certificate");
	cr_expect_leq(run_due(&r, SCHEDULE_ISSUE, a.o.id) - world_now(w), 30 * MINUTE);
	run_end(&r);
}
