/*
 * What happens in the middle of an order: at each of its requests, one test run is restarted, loses the answer, has its
 * auto-certificate deleted, or runs out of disk. The world is that of the simulation, in perfect weather.
 */
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>

enum { REQUESTS_MAX = 40 };

/* Lets the rest happen, and looks at what must hold. @orders: how many there may be. */
static void
expect_issued(struct run *r, uint64_t n, size_t orders)
{
	struct world *w = &r->world;

	w->stop_at = 0;
	world_run_until(w, world_now(w) + DAY);
	check_always(w);
	cr_expect(check_calm(w), "request %d: something still runs", (int)n);
	cr_expect_eq(w->issued, 1, "request %d: issued %d times", (int)n, (int)w->issued);
	cr_expect_leq(
		fake_ca_orders(w->cas[0].ca), orders, "request %d: %zu orders", (int)n, fake_ca_orders(w->cas[0].ca));
	cr_expect_eq(fake_ca_accounts(w->cas[0].ca), 1);
}

/* Return: false when the undisturbed run has less than @n requests. */
static bool
run_to_request(struct run *r, uint64_t n)
{
	struct world *w = &r->world;

	if (w->requests < n)
		world_run_until(w, world_now(w) + HOUR);
	return w->requests >= n;
}

static void
expect_some(uint64_t n)
{
	cr_expect_gt(n, 8, "an order has more requests than %d", (int)n);
	cr_expect_lt(n, REQUESTS_MAX);
}

/* The order was made, but its URL had not come when it ended: no client can know of it. */
static size_t
orders_to_expect(struct run *r)
{
	struct world *w = &r->world;
	bool is_lost = fake_ca_orders(w->cas[0].ca) == 1 && store_count(w->store, STORE_ISSUE) == 0 && w->issued == 0;

	return is_lost ? 2 : 1;
}

Test(every_step, a_restart_goes_on_with_the_same_order_and_the_same_account)
{
	uint64_t n = 1;
	unsigned lost = 0;

	for (bool more = true; more && n < REQUESTS_MAX; n++) {
		struct run r;
		size_t orders;

		run_begin(&r, n);
		more = run_to_request(&r, n);
		orders = orders_to_expect(&r);
		lost += orders == 2;
		world_stop(&r.world);
		world_start(&r.world);
		expect_issued(&r, n, orders);
		run_end(&r);
	}
	expect_some(n);
	cr_expect_eq(lost, 1, "only the answer to newOrder can lose an order; %u were", lost);
}

Test(every_step, a_lost_answer_costs_no_second_account_and_at_most_the_order_it_was_about)
{
	uint64_t n = 1;
	unsigned lost = 0;

	for (bool more = true; more && n < REQUESTS_MAX; n++) {
		struct run r;

		run_begin(&r, 0);
		r.world.lose_answer_of = n;
		expect_issued(&r, n, 2);
		lost += fake_ca_orders(r.world.cas[0].ca) == 2;
		more = r.world.requests >= n;
		run_end(&r);
	}
	expect_some(n);
	cr_expect_eq(lost, 1, "only the answer to newOrder can lose an order; %u were", lost);
}

Test(every_step, what_is_deleted_leaves_nothing)
{
	uint64_t n = 1;

	for (bool more = true; more && n < REQUESTS_MAX; n++) {
		struct run r;
		struct world *w = &r.world;

		run_begin(&r, n);
		more = run_to_request(&r, n);
		w->stop_at = 0;
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}"));
		world_run_until(w, world_now(w) + DAY);
		cr_expect(check_calm(w), "request %d: something still runs", (int)n);
		cr_expect_eq(store_count(w->store, STORE_AUTOCERT), 0);
		cr_expect_eq(store_count(w->store, STORE_ROLLOUT), 0);
		run_end(&r);
	}
	expect_some(n);
}

Test(every_step, a_full_disk_costs_at_most_one_order_however_long_it_lasts)
{
	uint64_t n = 1;

	for (bool more = true; more && n < REQUESTS_MAX; n++) {
		struct run r;
		struct world *w = &r.world;
		uint64_t requests;

		run_begin(&r, n);
		more = run_to_request(&r, n);
		w->stop_at = 0;
		requests = w->requests;
		world_set_disk_full(w, true);
		world_run_until(w, world_now(w) + 5 * HOUR);
		cr_expect_lt(w->requests - requests, REQUESTS_MAX, "request %d: %d more on a full disk", (int)n,
			(int)(w->requests - requests));
		world_set_disk_full(w, false);
		expect_issued(&r, n, 2);
		run_end(&r);
	}
	expect_some(n);
}

/* Really full: not even OpenSSL gets any of it. A renewal fails and is tried again until there is room. */
Test(every_step, a_full_heap_for_secrets_delays_a_renewal_and_ends_nothing)
{
	static void *blocks[4096];
	_cleanup_autocert_ struct autocert before = { 0 };
	_cleanup_autocert_ struct autocert full = { 0 };
	_cleanup_autocert_ struct autocert after = { 0 };
	size_t n = 0;
	struct run r;

	cr_assert_geq(secret_process_init(true, NULL), 0);
	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	run_load(&r, "a-90d", &before);
	cr_assert_not_null(before.last_certificate);
	for (size_t size = 64 * 1024; size >= 64; size /= 2)
		while (n < ARRAY_SIZE(blocks) && (blocks[n] = OPENSSL_secure_malloc(size)))
			n++;
	world_run_until(&r.world, before.next_at + DAY);
	run_load(&r, "a-90d", &full);
	cr_expect_str_eq(full.last_certificate, before.last_certificate, "the heap was not full");
	cr_assert(error_is_set(&full.last_error));
	cr_expect_not_null(
		strstr(full.last_error.message, "the memory for secrets is full"), "%s", full.last_error.message);
	cr_expect_gt(full.next_at, before.next_at, "it is tried again");
	while (n)
		OPENSSL_secure_free(blocks[--n]);
	world_run_until(&r.world, full.next_at + DAY);
	run_load(&r, "a-90d", &after);
	cr_expect_str_neq(after.last_certificate, before.last_certificate);
	run_end(&r);
}

Test(every_step, a_pause_in_the_middle_is_resumed)
{
	uint64_t n = 1;

	for (bool more = true; more && n < REQUESTS_MAX; n++) {
		struct run r;
		struct world *w = &r.world;
		uint64_t requests;
		size_t orders;

		run_begin(&r, n);
		more = run_to_request(&r, n);
		w->stop_at = 0;
		orders = orders_to_expect(&r);
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
		world_run_until(w, world_now(w) + HOUR); /* an account may be on its way */
		requests = w->requests;
		world_run_until(w, world_now(w) + 10 * DAY);
		cr_expect_eq(w->requests, requests, "request %d: it goes on while paused", (int)n);
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
		if (more)
			expect_issued(&r, n, orders);
		run_end(&r);
	}
	expect_some(n);
}

/* The certificate exists: it is fetched as soon as the CA gives it, for a day, before another one is ordered. */
Test(every_step, a_certificate_that_the_ca_does_not_give_yet_is_not_ordered_again)
{
	static const struct run_fault fault = { FAKE_CA_CERTIFICATE, ERROR_NONE, 404, "malformed", NULL, NULL };
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	run_spoil(&r, &fault);
	world_run_until(w, world_now(w) + 3 * HOUR);
	cr_expect_eq(w->issued, 0);
	cr_expect_gt(w->failed, 1);
	cr_expect_eq(fake_ca_orders(w->cas[0].ca), 1, "%zu orders", fake_ca_orders(w->cas[0].ca));
	world_run_until(w, world_now(w) + 5 * DAY);
	cr_expect_gt(fake_ca_orders(w->cas[0].ca), 1, "after a day it is given up");
	run_mend(&r);
	world_run_until(w, world_now(w) + 2 * DAY);
	cr_expect_eq(w->issued, 1);
	run_end(&r);
}
