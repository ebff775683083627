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
