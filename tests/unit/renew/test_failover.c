/* Orders that go to another provider. */
#include "common/alloc.h"
#include "daemon/ready/ready.h"
#include "daemon/renew/failover.h"
#include "daemon/renew/trace.h"
#include "daemon/schedule/scheduler.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

/* Every new order fails at the CA. */
static const struct run_fault broken = { .kind = FAKE_CA_NEW_ORDER, .status = 500, .problem = "serverInternal" };

static const struct run_fault refusing = { .kind = FAKE_CA_NEW_ORDER, .status = 400, .problem = "rejectedIdentifier" };

static size_t
orders_of(struct run *r, int ca)
{
	return fake_ca_orders(r->world.cas[ca].ca);
}

static void
settle(struct run *r, int64_t seconds)
{
	world_run_until(&r->world, world_now(&r->world) + seconds);
}

static bool
declare_second(struct run *r)
{
	return world_call(&r->world, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'second','email':'a@b.test','server':'%s/directory',"
		"'termsOfServiceAgreed':true}}",
		r->world.cas[1].url);
}

static bool
set_fallback(struct run *r, const char *names)
{
	return world_call(&r->world, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'fallbackProviders':[%s]}}", names);
}

/* "second" is usable, and the fallback of a-90d, which has no certificate yet, or one of "ca". */
static void
begin(struct run *r, bool is_issued)
{
	run_begin(r, 0);
	if (is_issued)
		settle(r, MINUTE);
	run_spoil(r, &broken);
	cr_assert(declare_second(r));
	cr_assert(set_fallback(r, "'second'"));
	settle(r, 30);
}

static void
provider_id(struct run *r, const char *name, char ret[STORE_ID_SIZE])
{
	_cleanup_provider_ struct provider p = { 0 };

	cr_assert_eq(object_find(r->world.store, &provider_class, name, &p, NULL), 1);
	memcpy(ret, p.o.id, STORE_ID_SIZE);
}

/* The provider in use, and the lane of the row of the next order, are both @name. */
static void
expect_provider(struct run *r, const char *name)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	char id[STORE_ID_SIZE];
	struct schedule_row row;

	run_load(r, "a-90d", &a);
	provider_id(r, name, id);
	cr_expect_str_eq(autocert_provider(&a), id, "it is not '%s'", name);
	cr_assert_eq(schedule_get(r->world.store, SCHEDULE_ISSUE, a.o.id, &row, NULL), 1);
	cr_expect_str_eq(row.lane, id, "the row is not in the lane of '%s'", name);
}

Test(failover, three_failures_or_one_near_expiry_make_it_due)
{
	cr_expect_not(failover_is_due(2, 0, 100));
	cr_expect(failover_is_due(3, 0, 100));
	cr_expect_not(failover_is_due(1, 101, 100));
	cr_expect(failover_is_due(1, 100, 100));
	cr_expect_not(failover_is_due(0, 100, 100));
}

Test(failover, only_the_ca_s_failures_count)
{
	static const struct {
		enum error_code code;
		bool is_network, is_fault;
	} cases[] = {
		{ ERROR_NETWORK, true, true },
		{ ERROR_TIMEOUT, false, true },
		{ ERROR_TLS, false, true },
		{ ERROR_CA, false, true },
		{ ERROR_RATE_LIMITED, false, true },
		{ ERROR_PROTOCOL, false, true },
		{ ERROR_DNS, true, true },
		{ ERROR_DNS, false, false },
		{ ERROR_VALIDATION, false, false },
		{ ERROR_CANCELLED, false, false },
		{ ERROR_NO_SPACE, false, false },
		{ ERROR_HOOK, false, false },
		{ ERROR_STATE, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(failover_is_ca_fault(&(struct error){ .code = cases[i].code }, cases[i].is_network),
			cases[i].is_fault, "case %zu", i);
}

Test(failover, each_fallback_begins_with_short_delays_in_the_first_round_only)
{
	static const struct {
		const char *now;
		int64_t failures, attempts, expected;
	} cases[] = {
		{ NULL, 2, 2, 2 },
		{ NULL, 0, 7, 7 }, /* its own provider */
		{ "x", 0, 3, 1 },
		{ "x", 1, 4, 1 },
		{ "x", 2, 5, 2 },
		{ "x", 3, 2, 3 }, /* without a network: 2 */
		{ "y", 0, 6, 1 },
		{ "y", 1, 7, 1 },
		{ "x", 1, 10, 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		a.provider = xstrdup("own");
		strlist_add(&a.fallbacks, "x");
		strlist_add(&a.fallbacks, "y");
		a.provider_now = xstrdup_null(cases[i].now);
		a.provider_failures = cases[i].failures;
		a.attempts = cases[i].attempts;
		cr_expect_eq(failover_attempts(&a), cases[i].expected, "case %zu: %d", i, (int)failover_attempts(&a));
	}
}

Test(failover, the_fourth_order_is_the_other_provider_s_and_the_next_renewal_is_not)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate cert = { 0 };
	struct trace trace = { .items = { .items = NULL } };
	bool is_traced = false;
	char second[STORE_ID_SIZE];
	struct run r;

	begin(&r, false);
	settle(&r, 5 * MINUTE);
	expect_provider(&r, "ca");
	cr_expect_eq(r.world.failed, 2);
	for (int i = 0; i < 20 && r.world.failed < 3; i++)
		settle(&r, MINUTE);
	expect_provider(&r, "second");
	run_load(&r, "a-90d", &a);
	cr_expect_str_eq(a.provider_why,
		"provider 'ca' has failed 3 times in a row, so the next order goes to its fallback 'second'");
	cr_expect_leq(a.next_at, world_now(&r.world) + 2 * MINUTE);
	cr_assert_eq(record_load(r.world.store, &trace_class, a.o.id, &trace, NULL), 1);
	for (size_t i = 0; i < trace.items.count; i++)
		is_traced |= strcmp(((const struct trace_item *)trace.items.items)[i].rule, "failover") == 0;
	cr_expect(is_traced);
	record_clear(&trace_class, &trace);
	settle(&r, 3 * MINUTE);
	cr_expect_eq(orders_of(&r, 1), 1);
	cr_expect_eq(r.world.issued, 1);
	expect_provider(&r, "ca");
	autocert_clear(&a);
	run_load(&r, "a-90d", &a);
	cr_expect_null(a.provider_why);
	provider_id(&r, "second", second);
	cr_assert_eq(object_load(r.world.store, &certificate_class, a.last_certificate, &cert, NULL), 1);
	cr_expect_str_eq(cert.provider, second, "it remembers who issued it");
	run_mend(&r);
	settle(&r, 70 * DAY);
	cr_expect_eq(r.world.issued, 2);
	cr_expect_eq(orders_of(&r, 0), 1);
	cr_expect_null(fake_ca_order_replaces(r.world.cas[0].ca, 0), "its predecessor is of another CA");
	cr_expect_eq(orders_of(&r, 1), 1);
	cr_expect(check_calm(&r.world));
	run_end(&r);
}

Test(failover, a_certificate_that_expires_soon_does_not_wait_for_three_failures)
{
	struct run r;
	_cleanup_autocert_ struct autocert a = { 0 };

	begin(&r, true);
	run_mend(&r);
	run_load(&r, "a-90d", &a);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	world_run_until(&r.world, a.last_not_after_at - 14 * DAY);
	run_spoil(&r, &broken);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
	settle(&r, 3 * MINUTE);
	cr_expect_eq(r.world.failed, 1);
	cr_expect_eq(orders_of(&r, 1), 1);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(failover, validation_that_fails_is_not_the_ca_s_fault)
{
	struct run r;

	begin(&r, false);
	run_mend(&r);
	world_set_weather(&r.world.cas[0], WEATHER_REFUSING, 0);
	settle(&r, 7 * DAY);
	cr_expect_geq(r.world.failed, 5);
	expect_provider(&r, "ca");
	cr_expect_eq(orders_of(&r, 1), 0);
	run_end(&r);
}

Test(failover, after_the_last_comes_the_first_again_without_haste)
{
	struct run r;

	begin(&r, false);
	run_spoil(&r, &refusing);
	fake_ca_script(r.world.cas[1].ca)->intercept = fake_ca_script(r.world.cas[0].ca)->intercept;
	fake_ca_script(r.world.cas[1].ca)->arg = fake_ca_script(r.world.cas[0].ca)->arg;
	settle(&r, 5 * HOUR);
	expect_provider(&r, "ca");
	cr_expect_eq(r.world.failed, 6, "%d orders", (int)r.world.failed);
	settle(&r, 7 * DAY);
	cr_expect_leq(r.world.failed, 6 + 2 * 7, "%d orders", (int)r.world.failed);
	run_mend(&r);
	settle(&r, DAY);
	cr_expect_eq(r.world.issued, 1);
	run_end(&r);
}

Test(failover, a_provider_without_an_account_is_left_out)
{
	struct run r;

	run_begin(&r, 0);
	run_spoil(&r, &broken);
	world_set_weather(&r.world.cas[1], WEATHER_NO_NET, 0);
	cr_assert(declare_second(&r));
	cr_assert(set_fallback(&r, "'second'"));
	settle(&r, DAY);
	cr_expect_geq(r.world.failed, 4);
	expect_provider(&r, "ca");
	run_end(&r);
}

Test(failover, orders_that_wait_for_a_ca_that_is_down_go_to_another_if_they_cannot_wait)
{
	struct run r;

	begin(&r, true);
	world_set_weather(&r.world.cas[0], WEATHER_NO_NET, 0);
	for (int i = 0; i < 20; i++)
		cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'n%d','provider':'ca','commonName':'n%d-90d.sim.test',"
			"'fallbackProviders':['second']}}",
			i, i));
	settle(&r, HOUR);
	cr_expect_eq(r.world.issued, 21, "%d", (int)r.world.issued);
	cr_expect_eq(orders_of(&r, 1), 20);
	run_end(&r);
}

Test(failover, an_account_that_the_ca_has_ended_fails_like_a_ca)
{
	struct run r;

	begin(&r, true);
	run_mend(&r);
	cr_assert(world_call(&r.world, RPC_PROVIDER_DEACTIVATE, "{'ref':'ca','force':true}"));
	settle(&r, MINUTE);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	settle(&r, 20 * MINUTE);
	cr_expect_eq(orders_of(&r, 1), 1);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(failover, the_first_certificate_does_not_wait_for_an_account_that_cannot_be_registered)
{
	struct run r;

	run_begin(&r, 0);
	world_set_weather(&r.world.cas[0], WEATHER_NO_NET, 0);
	cr_assert(declare_second(&r));
	cr_assert(set_fallback(&r, "'second'"));
	settle(&r, 2 * MINUTE);
	expect_provider(&r, "ca");
	settle(&r, 2 * HOUR);
	cr_expect_eq(orders_of(&r, 1), 1);
	cr_expect_eq(r.world.issued, 1);
	run_end(&r);
}

Test(failover, the_daily_check_finds_orders_that_became_urgent_while_they_wait_and_fallbacks_without_an_account)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error closed = ERROR_INIT;
	struct ready_state state = { 0 };
	struct ready *ready;
	char id[STORE_ID_SIZE];
	struct run r;

	begin(&r, true);
	run_mend(&r);
	ready = ready_new(&(struct ready_config){ .env = &r.world.issue_env, .conf = &r.world.conf });
	scheduler_register(r.world.scheduler, &ready_job, ready);
	cr_assert(world_call(&r.world, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'third','email':'a@b.test','server':'https://nowhere.sim.test/directory',"
		"'termsOfServiceAgreed':true}}"));
	cr_assert(set_fallback(&r, "'third','second'"));
	run_load(&r, "a-90d", &a);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	world_run_until(&r.world, a.last_not_after_at - 14 * DAY);
	provider_id(&r, "ca", id);
	error_set(&closed, ERROR_RATE_LIMITED, "closed");
	closed.is_general = true;
	closed.retry_at = world_now(&r.world) + DAY;
	clients_limit(r.world.issue_env.clients, id, &closed);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
	settle(&r, MINUTE);
	cr_expect_eq(orders_of(&r, 1), 0);
	world_run_until(&r.world, run_due(&r, SCHEDULE_READY, a.o.id) + MINUTE);
	cr_expect_eq(orders_of(&r, 1), 1);
	cr_expect_eq(r.world.issued, 2);
	cr_assert_eq(record_load(r.world.store, &ready_class, a.o.id, &state, NULL), 1);
	cr_assert_geq(state.findings.count, 1);
	cr_expect_str_eq(((const struct ready_finding *)state.findings.items)->check, "fallback");
	cr_expect_not_null(
		strstr(((const struct ready_finding *)state.findings.items)->text, "'third' has no account"));
	record_clear(&ready_class, &state);
	world_stop(&r.world);
	ready_free(ready);
	run_end(&r);
}

Test(failover, a_restart_at_any_step_goes_on_where_it_was)
{
	unsigned moved = 0;

	for (uint64_t n = 1; n < 40; n++) {
		_cleanup_autocert_ struct autocert a = { 0 };
		struct run r;

		begin(&r, false);
		r.world.stop_at_commit = world_commits(&r.world) + n;
		settle(&r, 30 * MINUTE);
		r.world.stop_at_commit = 0;
		run_load(&r, "a-90d", &a);
		moved += a.provider_now != NULL;
		world_stop(&r.world);
		world_start(&r.world);
		settle(&r, HOUR);
		check_always(&r.world);
		cr_expect_eq(r.world.issued, 1, "commit %d: issued %d times", (int)n, (int)r.world.issued);
		cr_expect_leq(r.world.failed, 4, "commit %d: %d failed", (int)n, (int)r.world.failed);
		cr_expect_leq(orders_of(&r, 1), 2, "commit %d: %zu orders", (int)n, orders_of(&r, 1));
		expect_provider(&r, "ca");
		run_end(&r);
	}
	cr_expect_geq(moved, 2, "it was stopped only %u times while the fallback was in use", moved);
}

Test(failover, a_fallback_that_is_taken_away_while_it_is_in_use_is_not_used)
{
	struct run r;

	begin(&r, false);
	for (int i = 0; i < 20 && r.world.failed < 3; i++)
		settle(&r, MINUTE);
	expect_provider(&r, "second");
	cr_assert(set_fallback(&r, ""));
	expect_provider(&r, "ca");
	run_mend(&r);
	settle(&r, 2 * HOUR);
	cr_expect_eq(orders_of(&r, 1), 0);
	cr_expect_eq(r.world.issued, 1);
	run_end(&r);
}

Test(failover, what_cannot_be_another_provider_is_refused)
{
	struct run r;

	begin(&r, true);
	cr_expect_not(set_fallback(&r, "'ca'"));
	cr_expect_not(set_fallback(&r, "'second','second'"));
	cr_expect_not(set_fallback(&r, "'nobody'"));
	cr_expect_not(world_call(&r.world, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'fallbackProviders':['second'],'challenge':'manual'}}"));
	cr_expect_not(world_call(&r.world, RPC_PROVIDER_DELETE, "{'ref':'second'}"), "it is in use");
	cr_assert(set_fallback(&r, ""));
	cr_expect(world_call(&r.world, RPC_PROVIDER_DELETE, "{'ref':'second'}"));
	run_end(&r);
}

static void
note_refusal(struct json_object *result, const struct error *err, void *arg)
{
	struct error *ret = arg;

	json_object_put(result);
	if (err)
		error_copy(ret, err);
}

Test(failover, a_scope_must_allow_the_names_with_each_provider)
{
	struct peer peer = { .role = ROLE_OPERATOR, .user_id = "5000", .label = "uid:5000", .scope = scope_new() };
	struct scope_rule own = { .domains = STRLIST_INIT }, other = { .domains = STRLIST_INIT };
	_cleanup_json_ struct json_object *params = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct run r;
	static const char text[] = "{\"ref\":\"a-90d\",\"properties\":{\"fallbackProviders\":[\"second\"]}}";

	begin(&r, true);
	cr_assert(set_fallback(&r, ""));
	strlist_add(&own.domains, "*.sim.test");
	strlist_add(&own.providers, "ca");
	strlist_add(&other.domains, "*.other.test");
	strlist_add(&other.providers, "second");
	scope_add(peer.scope, &own);
	scope_add(peer.scope, &other);
	params = json_parse(text, strlen(text), NULL);
	service_call(&r.world.service, &peer, RPC_AUTOCERTIFICATE_UPDATE, params, note_refusal, &err);
	settle(&r, 1);
	cr_expect_eq(err.code, ERROR_DENIED, "%s", err.message);
	cr_expect_str_eq(err.field, "properties.fallbackProviders[0]");
	scope_rule_clear(&own);
	scope_rule_clear(&other);
	scope_release(peer.scope);
	run_end(&r);
}
