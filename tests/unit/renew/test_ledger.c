/* What was used of a CA's rate limits, in the store, and orders that wait for them. */
#include "common/domain.h"
#include "common/strlist.h"
#include "daemon/renew/ledger.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>

/* --- the ledger alone --- */

static struct ca_limits limits = {
	.of = { [CA_LIMIT_ORDERS] = { 3, HOUR },
		[CA_LIMIT_DOMAIN] = { 2, HOUR },
		[CA_LIMIT_DUPLICATES] = { 2, 10 * HOUR },
		[CA_LIMIT_FAILURES] = { 1, HOUR } },
	.spares_renewals = true,
};

static struct ledger *
the_ledger(struct run *r)
{
	return clients_ledger(r->world.issue_env.clients);
}

/* @names: separated by blanks. */
static struct ledger_claim *
claim(struct run *r, struct strlist *names, const char *account, const char *text, bool is_renewal, bool is_replacing)
{
	strlist_clear(names);
	strlist_split(names, text, ' ');
	return ledger_claim(the_ledger(r), &(struct ledger_order){ .limits = &limits,
						   .account = account,
						   .server = "https://ca.test",
						   .names = names,
						   .is_renewal = is_renewal,
						   .is_replacing = is_replacing });
}

static void
commit(struct run *r)
{
	store_commit(r->world.store);
}

/* Orders a certificate if the ledger lets it. Return: its answer. */
static bool
order(struct run *r, const char *account, const char *text, bool is_renewal, bool is_replacing)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct ledger_claim *c = claim(r, &names, account, text, is_renewal, is_replacing);
	struct ledger_hold hold = { .why = NULL };
	struct store_txn *txn;
	int rc = ledger_ask(c, (struct rate_order){ .now = 0 }, &hold, NULL);

	cr_assert_geq(rc, 0);
	cr_expect_eq(rc == 0, hold.why != NULL);
	if (rc == 1) {
		txn = store_begin(r->world.store);
		ledger_count_order(c, txn);
		ledger_count_certificate(c, txn);
		commit(r);
	}
	ledger_hold_clear(&hold);
	ledger_release(c);
	return rc == 1;
}

Test(ledger, each_limit_counts_by_its_own_subject)
{
	struct run r;

	run_begin(&r, 0);
	cr_expect(order(&r, "me", "a.example.com b.example.com", false, false));
	cr_expect(order(&r, "me", "c.example.com", false, false));
	cr_expect_not(order(&r, "me", "d.example.com", false, false), "a third of the domain");
	cr_expect_not(order(&r, "you", "d.example.com", false, false), "the domain is of all accounts");
	cr_expect(order(&r, "me", "a.example.org", false, false));
	cr_expect_not(order(&r, "me", "a.example.net", false, false), "a fourth order of the account");
	cr_expect(order(&r, "you", "a.example.net", false, false));
	run_end(&r);
}

Test(ledger, renewals_are_exempt_as_the_ca_has_it)
{
	struct run r;

	run_begin(&r, 0);
	cr_expect(order(&r, "me", "a.example.com b.example.com", false, false));
	cr_expect(order(&r, "me", "c.example.com", false, false));
	cr_expect_not(order(&r, "me", "c.example.com", false, false));
	cr_expect(order(&r, "me", "c.example.com", true, false), "for the same names: only duplicates");
	cr_expect_not(order(&r, "me", "c.example.com", true, false), "of which there are two now");
	cr_expect(order(&r, "me", "c.example.com", false, true), "a replacement: nothing");
	cr_expect(order(&r, "me", "c.example.com", false, true));
	limits.spares_renewals = false;
	cr_expect_not(order(&r, "me", "c.example.com", false, true), "not every CA");
	run_end(&r);
}

Test(ledger, a_duplicate_has_the_same_names_in_any_order)
{
	struct run r;

	run_begin(&r, 0);
	limits.spares_renewals = true;
	cr_expect(order(&r, "me", "a.example.com b.example.com", true, false));
	cr_expect(order(&r, "me", "b.example.com a.example.com", true, false));
	cr_expect_not(order(&r, "me", "a.example.com b.example.com", true, false));
	cr_expect_not(order(&r, "me", "b.example.com a.example.com", true, false));
	cr_expect(order(&r, "me", "a.example.com", true, false));
	run_end(&r);
}

Test(ledger, an_order_that_goes_on_after_a_restart_has_been_counted_as_an_order_only)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct ledger_claim *c;
	struct run r;

	run_begin(&r, 0);
	c = claim(&r, &names, "me", "a.example.com", false, false);
	ledger_set_ordered(c);
	cr_expect(order(&r, "you", "a.example.com", false, false), "a failed validation is not expected");
	cr_expect_not(order(&r, "you", "b.example.com", false, false), "the domain is used by both");
	cr_expect(order(&r, "me", "a.example.org", false, false));
	cr_expect(order(&r, "me", "a.example.net", false, false));
	cr_expect(order(&r, "me", "a.example.edu", false, false), "the account's three");
	cr_expect_not(order(&r, "me", "a.example.info", false, false));
	ledger_release(c);
	cr_expect(order(&r, "you", "b.example.com", false, false), "it has failed");
	ledger_set_ordered(NULL);
	ledger_release(NULL);
	run_end(&r);
}

Test(ledger, orders_in_progress_are_counted_until_they_end)
{
	_cleanup_strlist_ struct strlist one_names = STRLIST_INIT, two_names = STRLIST_INIT;
	struct ledger_claim *one, *two;
	struct ledger_hold hold = { .why = NULL };
	struct run r;

	run_begin(&r, 0);
	one = claim(&r, &one_names, "me", "a.example.com", false, false);
	two = claim(&r, &two_names, "me", "b.example.com", false, false);
	cr_expect_eq(ledger_ask(one, (struct rate_order){ .now = 0 }, &hold, NULL), 1);
	cr_expect_eq(ledger_ask(two, (struct rate_order){ .now = 0 }, &hold, NULL), 1);
	cr_expect_not(order(&r, "me", "c.example.com", false, false));
	ledger_release(two); /* it has failed */
	cr_expect(order(&r, "me", "c.example.com", false, false));
	ledger_release(one);
	ledger_hold_clear(&hold);
	run_end(&r);
}

Test(ledger, a_failed_validation_is_of_the_name)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct ledger_claim *c;
	struct store_txn *txn;
	struct run r;

	run_begin(&r, 0);
	c = claim(&r, &names, "me", "*.example.com www.example.org", false, false);
	txn = store_begin(r.world.store);
	ledger_count_failure(c, txn, "example.com");
	commit(&r);
	ledger_release(c);
	cr_expect_not(order(&r, "me", "example.com", false, false));
	cr_expect(order(&r, "me", "www.example.org", false, false));
	cr_expect(order(&r, "you", "example.com", false, false));
	run_end(&r);
}

Test(ledger, the_room_is_that_of_the_busiest_subject)
{
	struct ledger_order about = { .limits = &limits, .account = "me", .server = "https://ca.test" };
	struct ledger_room room;
	struct run r;

	run_begin(&r, 0);
	ledger_room(the_ledger(&r), &about, CA_LIMIT_DOMAIN, &room);
	cr_expect_eq(room.room, 2);
	cr_expect_null(room.subject);
	order(&r, "me", "a.example.com", false, false);
	order(&r, "me", "b.example.com", false, false);
	order(&r, "me", "a.example.org", false, false);
	ledger_room(the_ledger(&r), &about, CA_LIMIT_DOMAIN, &room);
	cr_expect_eq(room.room, 0);
	cr_expect_str_eq(room.subject, "example.com");
	cr_expect_eq(room.opens_at, world_now(&r.world) + HOUR / 2);
	free(room.subject);
	ledger_room(the_ledger(&r), &about, CA_LIMIT_ORDERS, &room);
	cr_expect_eq(room.room, 0);
	cr_expect_null(room.subject);
	run_end(&r);
}

Test(ledger, buckets_that_are_full_again_are_removed)
{
	struct run r;
	uint64_t most;

	limits.of[CA_LIMIT_ORDERS].count = 1000;
	run_begin(&r, 0);
	for (int day = 0; day < 100; day++) {
		_cleanup_free_ char *name = xasprintf("www.d%d.test", day);

		cr_expect(order(&r, "me", name, false, false));
		world_run_until(&r.world, world_now(&r.world) + DAY);
	}
	most = store_count(r.world.store, STORE_RATE);
	cr_expect_lt(most, 12, "%d rows", (int)most);
	run_end(&r);
}

/* --- orders --- */

static void
set_limits(struct run *r, const char *list)
{
	cr_assert(world_call(&r->world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'rateLimits':[%s]}}", list));
}

static void
declare(struct run *r, const char *name)
{
	cr_assert(world_call(&r->world, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'%s','provider':'ca','commonName':'%s.sim.test'}}", name, name));
}

static void
settle(struct run *r, int64_t seconds)
{
	world_run_until(&r->world, world_now(&r->world) + seconds);
}

static unsigned
orders_sent(struct run *r)
{
	return fake_ca_count(r->world.cas[0].ca, FAKE_CA_NEW_ORDER);
}

Test(ledger, orders_wait_for_their_turns_also_across_a_restart)
{
	struct run r;

	run_begin(&r, 0);
	set_limits(&r, "'orders=4/4h'"); /* one of them is for urgent ones */
	settle(&r, MINUTE);
	for (int i = 0; i < 6; i++) {
		_cleanup_free_ char *name = xasprintf("n%d-90d", i);

		declare(&r, name);
	}
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 3);
	for (unsigned hour = 1; hour <= 4; hour++) {
		settle(&r, HOUR);
		cr_expect_eq(r.world.issued, 3 + hour, "after %u hours: %d", hour, (int)r.world.issued);
		world_stop(&r.world);
		world_start(&r.world);
	}
	cr_expect_eq(orders_sent(&r), 7);
	cr_expect_eq(r.world.failed, 0);
	cr_expect(check_calm(&r.world));
	run_end(&r);
}

Test(ledger, a_wait_is_explained_and_a_caller_may_override_it)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct run r;

	run_begin(&r, 0);
	set_limits(&r, "'duplicates=1/7d'");
	settle(&r, MINUTE);
	cr_assert_eq(r.world.issued, 1);
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 1);
	run_load(&r, "a-90d", &a);
	cr_expect_str_eq(a.hold_why, "the CA's rate limit of certificates for the same names (1 in 7d) is used up: "
				     "a-90d.sim.test b.sim.test");
	cr_expect_eq(a.attempts, 0);
	cr_expect_leq(world_now(&r.world) + 7 * DAY - a.hold_at, 3 * MINUTE);
	cr_expect_eq(run_due(&r, SCHEDULE_ISSUE, a.o.id), a.hold_at);
	cr_expect_not(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 2);
	autocert_clear(&a);
	run_load(&r, "a-90d", &a);
	cr_expect_eq(a.hold_at, 0);
	cr_expect_null(a.hold_why);
	cr_expect_not(a.skips_limits);
	run_end(&r);
}

Test(ledger, without_the_limit_those_that_wait_are_ordered)
{
	struct run r;

	run_begin(&r, 0);
	set_limits(&r, "'domain=1/7d'");
	settle(&r, MINUTE);
	declare(&r, "b-90d");
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 1);
	set_limits(&r, "");
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(ledger, nothing_near_expiry_waits_behind_new_ones)
{
	struct run r;

	run_begin(&r, 0);
	settle(&r, MINUTE);
	cr_assert_eq(r.world.issued, 1);
	declare(&r, "short-24h");
	settle(&r, MINUTE);
	set_limits(&r, "'orders=4/40h'");
	for (int i = 0; i < 20; i++) {
		_cleanup_free_ char *name = xasprintf("n%d-90d", i);

		declare(&r, name);
	}
	for (int hour = 0; hour < 200; hour++) { /* those that wait need them all */
		_cleanup_autocert_ struct autocert a = { 0 };

		settle(&r, HOUR);
		run_load(&r, "short-24h", &a);
		cr_assert_gt(a.last_not_after_at, world_now(&r.world), "it expired after %d hours", hour);
	}
	run_end(&r);
}

Test(ledger, a_name_that_does_not_validate_is_not_tried_too_often)
{
	struct run r;

	run_begin(&r, 0);
	set_limits(&r, "'failures=1/6h'");
	world_set_weather(&r.world.cas[0], WEATHER_REFUSING, 0);
	settle(&r, MINUTE);
	cr_expect_eq(r.world.failed, 1);
	declare(&r, "a-90d-too");
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'other','provider':'ca','commonName':'a-90d.sim.test'}}"));
	settle(&r, 5 * HOUR);
	cr_expect_eq(r.world.failed, 2, "%d orders", (int)r.world.failed);
	settle(&r, 13 * HOUR);
	cr_expect_geq(r.world.failed, 4);
	cr_expect_leq(r.world.failed, 8, "%d orders", (int)r.world.failed);
	run_end(&r);
}

Test(ledger, a_clock_that_is_set_ahead_refills_nothing)
{
	struct run r;

	run_begin(&r, 0);
	set_limits(&r, "'domain=2/10d'");
	settle(&r, MINUTE);
	declare(&r, "b-90d");
	declare(&r, "c-90d");
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 2);
	world_set_skew(&r.world, 8 * DAY);
	settle(&r, DAY);
	cr_expect_eq(r.world.issued, 2);
	world_set_skew(&r.world, 0);
	settle(&r, 30 * DAY);
	cr_expect_eq(r.world.issued, 3);
	run_end(&r);
}

/* At each commit of an order one run is restarted: what was issued is what is counted. */
Test(ledger, an_order_and_its_count_are_stored_together)
{
	unsigned orders_lost = 0;

	for (uint64_t n = 1; n < 20; n++) {
		struct ledger_order about = { .limits = &limits };
		_cleanup_provider_ struct provider p = { 0 };
		struct ledger_room orders, certificates;
		struct run r;

		limits.of[CA_LIMIT_ORDERS] = (struct ca_limit){ 100, DAY };
		limits.of[CA_LIMIT_DUPLICATES] = (struct ca_limit){ 100, DAY };
		run_begin(&r, 0);
		set_limits(&r, "'orders=100/1d','duplicates=100/1d'");
		r.world.stop_at_commit = world_commits(&r.world) + n;
		settle(&r, 20);
		run_restart(&r);
		settle(&r, MINUTE);
		cr_assert_eq(object_find(r.world.store, &provider_class, "ca", &p, NULL), 1);
		about.account = p.o.id;
		about.server = p.server;
		ledger_room(the_ledger(&r), &about, CA_LIMIT_ORDERS, &orders);
		ledger_room(the_ledger(&r), &about, CA_LIMIT_DUPLICATES, &certificates);
		cr_expect_eq(certificates.room, 99, "commit %d: %d", (int)n, (int)certificates.room);
		orders_lost += 100 - orders.room != (int64_t)fake_ca_orders(r.world.cas[0].ca);
		free(certificates.subject);
		run_end(&r);
	}
	cr_expect_leq(orders_lost, 1, "only one whose URL did not come");
}

static uint64_t
commits_of_a_renewal(struct run *r)
{
	uint64_t before = world_commits(&r->world);

	cr_assert(world_call(&r->world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	settle(r, MINUTE);
	return world_commits(&r->world) - before;
}

Test(ledger, counting_costs_no_commit_and_nothing_without_limits)
{
	uint64_t without, with;
	struct run r;

	run_begin(&r, 0);
	settle(&r, MINUTE);
	without = commits_of_a_renewal(&r);
	cr_expect_eq(store_count(r.world.store, STORE_RATE), 0);
	set_limits(&r, "'orders=100/1d','domain=100/1d','duplicates=100/1d','failures=100/1d'");
	settle(&r, MINUTE);
	with = commits_of_a_renewal(&r);
	cr_expect_eq(with, without, "%d commits, not %d", (int)with, (int)without);
	cr_expect_eq(store_count(r.world.store, STORE_RATE), 5);
	cr_expect_eq(r.world.issued, 3);
	run_end(&r);
}
