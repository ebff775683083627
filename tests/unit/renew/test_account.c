/* What follows when a CA refuses an account: what is said, and when it is tried again. */
#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

enum { WAIT = 40 };

#define REFUSED "the CA refuses the account https://ca0.sim.test/"

struct refusal {
	const char *why;
	bool had_account;
	struct run_fault fault;
	enum error_code code;
	const char *field; /* NULL: none */
	const char *says, *says_not;
	int64_t shortest, longest; /* seconds until the next attempt */
};

static void
load(struct run *r, struct provider *ret)
{
	provider_clear(ret);
	cr_assert_eq(object_find(r->world.store, &provider_class, "ca", ret, NULL), 1);
}

static void
expect_refusal(const struct refusal *c)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider p = { 0 };
	/* Only what makes certd doubt that the account exists lets it ask for the account again. */
	const struct run_fault doubt = { FAKE_CA_NEW_ORDER, ERROR_NONE, 400, "accountDoesNotExist", NULL, &c->fault };
	int64_t began_at;

	run_begin(&r, 0);
	if (c->had_account)
		world_run_until(w, world_now(w) + MINUTE);
	run_spoil(&r, c->had_account ? &doubt : &c->fault);
	if (c->had_account)
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	began_at = world_now(w);
	world_run_until(w, began_at + WAIT);
	load(&r, &p);
	cr_assert(error_is_set(&p.o.failure), "%s", c->why);
	cr_expect_eq(p.o.state, OBJECT_FAILED, "%s", c->why);
	cr_expect_eq(p.o.failure.code, c->code, "%s: %s", c->why, error_code_name(p.o.failure.code));
	cr_expect_str_eq(p.o.failure.field ? p.o.failure.field : "", c->field ? c->field : "", "%s", c->why);
	cr_expect_not_null(strstr(p.o.failure.message, c->says), "%s: %s", c->why, p.o.failure.message);
	if (c->says_not)
		cr_expect_null(strstr(p.o.failure.message, c->says_not), "%s: %s", c->why, p.o.failure.message);
	cr_expect_eq(p.attempts, 1, "%s: %d", c->why, (int)p.attempts);
	cr_expect_eq(run_due(&r, SCHEDULE_ACCOUNT, p.o.id), p.next_at, "%s", c->why);
	cr_expect_geq(p.next_at, began_at + c->shortest, "%s: %d s", c->why, (int)(p.next_at - began_at));
	cr_expect_leq(p.next_at, began_at + c->longest + WAIT, "%s: %d s", c->why, (int)(p.next_at - began_at));
	run_mend(&r);
	world_run_until(w, p.next_at + MINUTE);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", c->why);
	cr_expect_not(error_is_set(&p.o.failure), "%s: %s", c->why, p.o.failure.message);
	cr_expect_eq(p.attempts, 0, "%s", c->why);
	cr_expect_eq(run_due(&r, SCHEDULE_ACCOUNT, p.o.id), 0, "%s", c->why);
	run_end(&r);
}

Test(account, a_refusal_says_what_helps_and_is_tried_again_when_that_is_likely)
{
	static const struct refusal cases[] = {
		{ "new, no network", false, { FAKE_CA_ACCOUNT, ERROR_NETWORK, 0, NULL, NULL, NULL }, ERROR_NETWORK,
			NULL, "", REFUSED, MINUTE, 30 * MINUTE },
		{ "new, unauthorized", false, { FAKE_CA_ACCOUNT, ERROR_NONE, 403, "unauthorized", NULL, NULL },
			ERROR_CA, NULL, "unauthorized: spoiled", REFUSED, MINUTE, HOUR },
		{ "new, the address is wrong", false,
			{ FAKE_CA_ACCOUNT, ERROR_NONE, 400, "invalidContact", NULL, NULL }, ERROR_CA, "email",
			"invalidContact: spoiled", REFUSED, DAY, DAY },
		{ "new, the CA is in trouble", false,
			{ FAKE_CA_ACCOUNT, ERROR_NONE, 500, "serverInternal", NULL, NULL }, ERROR_CA, NULL,
			"serverInternal: spoiled", REFUSED, MINUTE, HOUR },
		{ "existing, unauthorized", true, { FAKE_CA_ACCOUNT, ERROR_NONE, 403, "unauthorized", NULL, NULL },
			ERROR_CA, NULL, REFUSED, NULL, MINUTE, HOUR },
		{ "existing, no network", true, { FAKE_CA_ACCOUNT, ERROR_NETWORK, 0, NULL, NULL, NULL }, ERROR_NETWORK,
			NULL, "", REFUSED, MINUTE, 30 * MINUTE },
		{ "existing, the CA is in trouble", true,
			{ FAKE_CA_ACCOUNT, ERROR_NONE, 500, "serverInternal", NULL, NULL }, ERROR_CA, NULL,
			"serverInternal: spoiled", REFUSED, MINUTE, HOUR },
		{ "existing, too many requests", true, { FAKE_CA_ACCOUNT, ERROR_NONE, 429, "rateLimited", NULL, NULL },
			ERROR_RATE_LIMITED, NULL, "rateLimited: spoiled", REFUSED, MINUTE, HOUR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refusal(&cases[i]);
}

/* The CA that the test's "ca" is at. */
static const char *
contact(struct run *r)
{
	const char *text = fake_ca_contact(r->world.cas[0].ca, 0);

	return text ? text : "";
}

Test(account, a_changed_address_reaches_the_ca_also_after_failures_and_a_second_change)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider p = { 0 };
	const struct run_fault refusal = { .kind = FAKE_CA_ACCOUNT_UPDATE, .status = 400, .problem = "invalidContact" };
	const struct run_fault outage = { .kind = FAKE_CA_ACCOUNT_UPDATE, .failure = ERROR_NETWORK };

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'email':'new@a.test'}}"));
	world_run_until(w, world_now(w) + WAIT);
	cr_expect_str_eq(contact(&r), "mailto:new@a.test");
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE);
	cr_expect_not(p.has_new_email);
	cr_expect_eq(run_due(&r, SCHEDULE_ACCOUNT, p.o.id), 0);
	/* Refused: said with the field, and orders go on. */
	run_spoil(&r, &refusal);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'email':'bad@a.test'}}"));
	world_run_until(w, world_now(w) + WAIT);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_FAILED);
	cr_expect_str_eq(p.o.failure.field ? p.o.failure.field : "", "email");
	cr_expect_null(strstr(p.o.failure.message, REFUSED), "%s", p.o.failure.message);
	cr_expect_not_null(p.account_url);
	run_mend(&r);
	/* Another one, during an outage. */
	run_spoil(&r, &outage);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'email':'third@a.test'}}"));
	world_run_until(w, world_now(w) + WAIT);
	run_mend(&r);
	world_run_until(w, world_now(w) + HOUR);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE);
	cr_expect_str_eq(contact(&r), "mailto:third@a.test");
	run_end(&r);
}

Test(account, an_answer_that_is_no_account_is_not_taken_for_one)
{
	static const struct run_fault faults[] = {
		{ FAKE_CA_ACCOUNT, ERROR_NONE, 201, NULL, "{\"status\":7}", NULL },
		{ FAKE_CA_ACCOUNT, ERROR_NONE, 201, NULL, "<html>", NULL },
		{ FAKE_CA_ACCOUNT, ERROR_NONE, 201, NULL, "{\"status\":\"deactivated\"}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct run r;
		_cleanup_provider_ struct provider p = { 0 };

		run_begin(&r, 0);
		run_spoil(&r, &faults[i]);
		world_run_until(&r.world, world_now(&r.world) + WAIT);
		load(&r, &p);
		cr_expect(error_is_set(&p.o.failure), "case %zu", i);
		cr_expect_null(p.account_url, "case %zu: %s", i, p.account_url);
		cr_expect_neq(p.o.state, OBJECT_AVAILABLE, "case %zu", i);
		run_mend(&r);
		run_end(&r);
	}
}

static void
renew_now(struct run *r)
{
	cr_assert(world_call(&r->world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(&r->world, world_now(&r->world) + 2 * MINUTE);
}

/* Ends the test unless the auto-certificate has a certificate that is newer than @before. Return: its id. */
static char *
expect_renewed(struct run *r, const char *before)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(r, "a-90d", &a);
	cr_assert_not_null(a.last_certificate);
	cr_expect_not(error_is_set(&a.last_error), "%s", a.last_error.message);
	if (before)
		cr_expect_str_neq(a.last_certificate, before);
	return xstrdup(a.last_certificate);
}

Test(account, one_that_the_ca_has_forgotten_is_registered_again_with_the_same_key)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 }, p = { 0 };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	first = expect_renewed(&r, NULL);
	load(&r, &before);
	fake_ca_forget_accounts(w->cas[0].ca);
	renew_now(&r);
	second = expect_renewed(&r, first);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	cr_expect_str_neq(p.account_url, before.account_url);
	cr_expect_str_eq(p.account_thumbprint, before.account_thumbprint);
	cr_expect_eq(fake_ca_accounts(w->cas[0].ca), 2);
	run_end(&r);
}

/* Replicas of the CA lag: an account that is not known for some seconds is not registered again. */
Test(account, one_that_is_unknown_for_some_seconds_is_left_alone)
{
	static const struct run_fault find = { FAKE_CA_ACCOUNT, ERROR_NONE, 400, "accountDoesNotExist", NULL, NULL };
	static const struct run_fault lag = { FAKE_CA_ACCOUNT_UPDATE, ERROR_NONE, 400, "accountDoesNotExist", NULL,
		&find };
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider p = { 0 };
	unsigned asked;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	fake_ca_reset_counts(w->cas[0].ca);
	run_spoil(&r, &lag);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'email':'new@a.test'}}"));
	world_run_until(w, world_now(w) + 1);
	run_mend(&r);
	asked = fake_ca_count(w->cas[0].ca, FAKE_CA_ACCOUNT);
	cr_expect_geq(asked, 3, "it is looked for again: %u times", asked);
	world_run_until(w, world_now(w) + MINUTE);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	cr_expect_eq(fake_ca_accounts(w->cas[0].ca), 1);
	cr_expect_str_eq(contact(&r), "mailto:new@a.test");
	run_end(&r);
}

Test(account, one_that_the_ca_has_forgotten_fails_if_the_policy_says_so_until_it_is_changed)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	first = expect_renewed(&r, NULL);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'accountLost':'fail'}}"));
	fake_ca_forget_accounts(w->cas[0].ca);
	renew_now(&r);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_FAILED);
	cr_expect_eq(fake_ca_accounts(w->cas[0].ca), 1);
	cr_expect_not_null(strstr(p.o.failure.message, "certctl set provider ca --account-lost register"), "%s",
		p.o.failure.message);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'accountLost':'register'}}"));
	world_run_until(w, world_now(w) + 2 * MINUTE);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	second = expect_renewed(&r, first); /* without another call */
	run_end(&r);
}

/* No dead end: the message names the command, and it works. */
Test(account, one_that_is_deactivated_is_said_to_be_and_another_takes_its_place)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 }, p = { 0 };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;
	int64_t began_at;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	first = expect_renewed(&r, NULL);
	load(&r, &before);
	cr_expect_not(world_call(w, RPC_PROVIDER_NEW_ACCOUNT, "{'ref':'ca'}"), "its account is in use");
	fake_ca_deactivate(w->cas[0].ca, 0);
	began_at = world_now(w);
	renew_now(&r);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_FAILED);
	cr_expect_str_eq(p.account_status ? p.account_status : "", "deactivated");
	cr_expect_not_null(strstr(p.o.failure.message, "certctl new-account ca"), "%s", p.o.failure.message);
	cr_expect_geq(p.next_at, began_at + DAY, "nothing brings it back: %d s", (int)(p.next_at - began_at));
	cr_assert(world_call(w, RPC_PROVIDER_NEW_ACCOUNT, "{'ref':'ca'}"));
	world_run_until(w, world_now(w) + 2 * MINUTE);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	cr_expect_null(p.account_status);
	cr_expect_str_neq(p.account_thumbprint, before.account_thumbprint);
	second = expect_renewed(&r, first); /* without another call */
	run_end(&r);
}

Test(account, changed_terms_are_shown_with_their_address_and_accepted_by_the_command_that_is_printed)
{
	struct run r;
	struct world *w = &r.world;
	struct fake_ca_script *script;
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;
	_cleanup_free_ char *third = NULL;
	int64_t began_at;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	first = expect_renewed(&r, NULL);
	script = fake_ca_script(w->cas[0].ca);
	script->terms_changed = true;
	began_at = world_now(w);
	renew_now(&r);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_FAILED);
	cr_expect_str_eq(p.o.failure.problem ? p.o.failure.problem : "", "userActionRequired");
	cr_expect_str_eq(p.o.failure.field ? p.o.failure.field : "", "termsOfServiceAgreed");
	cr_expect_not_null(
		strstr(p.o.failure.message, "certctl set provider ca --agree-tos"), "%s", p.o.failure.message);
	cr_expect_not_null(strstr(p.o.failure.message, "https://ca0.sim.test/terms-2"), "%s", p.o.failure.message);
	/* certd does not agree by itself, not even after days and changes of other properties. */
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'maxOrders':3}}"));
	world_run_until(w, began_at + 3 * DAY);
	world_stop(w);
	world_start(w);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_FAILED);
	cr_expect(script->terms_changed);
	cr_expect_str_eq(p.o.failure.problem ? p.o.failure.problem : "", "userActionRequired");
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'termsOfServiceAgreed':true}}"));
	world_run_until(w, world_now(w) + 2 * MINUTE);
	cr_expect_not(script->terms_changed);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	cr_expect_eq(fake_ca_accounts(w->cas[0].ca), 1);
	second = expect_renewed(&r, first); /* without another call */
	/* Accepted at the CA's own page: the next order finds out. */
	script->terms_changed = true;
	renew_now(&r);
	script->terms_changed = false;
	renew_now(&r);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	third = expect_renewed(&r, second);
	run_end(&r);
}

/* Whatever happens to its request or answer, and at each commit. */
static bool
deactivate_with(bool is_lost, bool is_commit, uint64_t n)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider p = { 0 };
	uint64_t requests, commits;
	bool is_reached;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_not(world_call(w, RPC_PROVIDER_DEACTIVATE, "{'ref':'ca'}"), "an auto-certificate uses it");
	requests = w->requests + n;
	commits = world_commits(w) + n;
	w->lose_answer_of = is_lost ? requests : 0;
	w->stop_at = !is_lost && !is_commit ? requests : 0;
	w->stop_at_commit = is_commit ? commits : 0;
	cr_assert(world_call(w, RPC_PROVIDER_DEACTIVATE, "{'ref':'ca','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	is_reached = is_commit ? world_commits(w) >= commits : w->requests >= requests;
	w->stop_at = w->stop_at_commit = 0;
	if (!is_lost) {
		world_stop(w);
		world_start(w);
	}
	world_run_until(w, world_now(w) + HOUR);
	load(&r, &p);
	cr_expect(fake_ca_is_deactivated(w->cas[0].ca, 0), "step %d", (int)n);
	cr_expect_eq(p.o.state, OBJECT_FAILED);
	cr_expect_str_eq(p.account_status ? p.account_status : "", "deactivated");
	cr_expect_not(p.wants_end);
	cr_expect_not_null(strstr(p.o.failure.message, "certctl new-account ca"), "%s", p.o.failure.message);
	cr_expect_not(world_call(w, RPC_PROVIDER_DEACTIVATE, "{'ref':'ca','force':true}"), "it is already");
	cr_assert(world_call(w, RPC_PROVIDER_NEW_ACCOUNT, "{'ref':'ca'}"));
	renew_now(&r);
	free(expect_renewed(&r, NULL));
	cr_expect_eq(fake_ca_accounts(w->cas[0].ca), 2);
	run_end(&r);
	return is_reached;
}

Test(account, an_end_that_the_former_ca_has_not_heard_of_does_not_concern_the_next_one)
{
	_cleanup_provider_ struct provider p = { 0 };
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	world_set_weather(&w->cas[0], WEATHER_DOWN, 0);
	cr_assert(world_call(w, RPC_PROVIDER_DEACTIVATE, "{'ref':'ca','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert(world_call(
		w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'server':'%s/directory'}}", w->cas[1].url));
	world_run_until(w, world_now(w) + DAY);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	cr_expect_not(fake_ca_is_deactivated(w->cas[1].ca, 0));
	run_end(&r);
}

Test(account, one_that_is_deactivated_on_request_is_so_after_a_kill_or_a_lost_answer)
{
	enum { STEPS_MAX = 20 };

	for (int kind = 0; kind < 3; kind++) {
		uint64_t n = 1;

		while (n < STEPS_MAX && deactivate_with(kind == 0, kind == 1, n))
			n++;
		cr_expect_gt(n, 2, "%d: %d steps", kind, (int)n);
		cr_expect_lt(n, STEPS_MAX);
	}
}
