/*
 * Another key for an account. Whatever happens at whichever step, the stored key is the account's in the end, and
 * orders go on.
 */
#include "common/crypto/key.h"
#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

enum { STEPS_MAX = 30 };

static void
load(struct run *r, struct provider *ret)
{
	provider_clear(ret);
	cr_assert_eq(object_find(r->world.store, &provider_class, "ca", ret, NULL), 1);
}

static char *
certificate_of(struct run *r)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(r, "a-90d", &a);
	return xstrdup_null(a.last_certificate);
}

/* With an account and a certificate. */
static void
begin(struct run *r)
{
	run_begin(r, 0);
	world_run_until(&r->world, world_now(&r->world) + HOUR);
}

/* Does the CA have the key that is stored? */
static void
expect_one_key(struct run *r, const struct provider *p, const char *what)
{
	struct key *key = NULL;
	_cleanup_buf_ struct buf jwk = BUF_INIT;
	_cleanup_free_ char *thumbprint = NULL;

	cr_expect_eq(fake_ca_accounts(r->world.cas[0].ca), 1, "%s", what);
	cr_expect_eq(p->next_key.len, 0, "%s", what);
	cr_expect_not(p->wants_rollover, "%s", what);
	cr_assert_eq(key_from_der(&p->account_key, &key, NULL), 0);
	cr_assert_eq(key_jwk(key, &jwk, NULL), 0);
	cr_expect_str_eq(buf_str(&jwk), fake_ca_account_jwk(r->world.cas[0].ca, 0), "%s", what);
	thumbprint = key_thumbprint(key, NULL);
	cr_expect_str_eq(p->account_thumbprint, thumbprint, "%s", what);
	key_free(key);
}

/* @before: of the account before. */
static void
expect_rolled(struct run *r, const struct provider *before, const char *what)
{
	struct world *w = &r->world;
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_free_ char *first = certificate_of(r);
	_cleanup_free_ char *second = NULL;

	load(r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s: %s", what, p.o.failure.message);
	cr_expect_eq(run_due(r, SCHEDULE_ACCOUNT, p.o.id), 0, "%s", what);
	expect_one_key(r, &p, what);
	cr_expect_not(secret_equal(&p.account_key, &before->account_key), "%s: it is the old key", what);
	cr_expect_str_eq(p.account_url, before->account_url, "%s", what);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + 5 * MINUTE);
	second = certificate_of(r);
	cr_expect_str_neq(second, first, "%s: no order succeeds", what);
	cr_expect_null(fake_ca_complaint(w->cas[0].ca), "%s: %s", what, fake_ca_complaint(w->cas[0].ca));
}

Test(account_rollover, the_key_is_replaced_and_orders_go_on)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 };

	begin(&r);
	load(&r, &before);
	cr_assert(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(fake_ca_count(w->cas[0].ca, FAKE_CA_KEY_CHANGE), 1);
	expect_rolled(&r, &before, "once");
	run_end(&r);
}

enum end { END_AT_REQUEST, END_AT_COMMIT, LOSE_ANSWER, END_COUNT };

static const char *const end_names[] = { "killed at request", "killed after commit", "lost answer" };

/* Return: false when the rollover has fewer than @n such steps. */
static bool
roll_with(enum end end, uint64_t n)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 };
	_cleanup_free_ char *what = xasprintf("%s %d", end_names[end], (int)n);
	uint64_t commits, requests;
	bool is_reached;

	begin(&r);
	load(&r, &before);
	commits = world_commits(w) + n;
	requests = w->requests + n;
	if (end == END_AT_REQUEST)
		w->stop_at = requests;
	else if (end == END_AT_COMMIT)
		w->stop_at_commit = commits;
	else
		w->lose_answer_of = requests;
	cr_assert(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
	world_run_until(w, world_now(w) + MINUTE);
	is_reached = end == END_AT_COMMIT ? world_commits(w) >= commits : w->requests >= requests;
	w->stop_at = w->stop_at_commit = 0;
	if (end != LOSE_ANSWER) {
		world_stop(w);
		world_start(w);
	}
	world_run_until(w, world_now(w) + HOUR);
	expect_rolled(&r, &before, what);
	run_end(&r);
	return is_reached;
}

Test(account_rollover, at_each_step_a_kill_or_a_lost_answer_leaves_one_key_that_works)
{
	static const uint64_t least[] = { 3, 3, 3 };

	for (int end = 0; end < END_COUNT; end++) {
		uint64_t n = 1;

		while (n < STEPS_MAX && roll_with((enum end)end, n))
			n++;
		cr_expect_gt(n, least[end], "%s: only %d steps", end_names[end], (int)n);
		cr_expect_lt(n, STEPS_MAX, "%s", end_names[end]);
	}
}

Test(account_rollover, a_ca_that_refuses_it_keeps_the_old_key_which_stays_in_use)
{
	static const struct {
		struct run_fault fault;
		int64_t within;
	} cases[] = {
		{ { FAKE_CA_KEY_CHANGE, ERROR_NONE, 400, "badPublicKey", NULL, NULL }, 2 * MINUTE },
		{ { FAKE_CA_KEY_CHANGE, ERROR_NONE, 403, "unauthorized", NULL, NULL }, 2 * MINUTE },
		{ { FAKE_CA_KEY_CHANGE, ERROR_NONE, 500, "serverInternal", NULL, NULL }, 10 * DAY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		struct world *w = &r.world;
		_cleanup_provider_ struct provider before = { 0 }, p = { 0 };
		_cleanup_free_ char *first = NULL;
		_cleanup_free_ char *second = NULL;

		begin(&r);
		load(&r, &before);
		first = certificate_of(&r);
		run_spoil(&r, &cases[i].fault);
		cr_assert(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
		world_run_until(w, world_now(w) + cases[i].within);
		load(&r, &p);
		cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "case %zu: %s", i, p.o.failure.message);
		cr_expect_not_null(
			strstr(p.account_note ? p.account_note : "", "the key was not replaced"), "case %zu", i);
		cr_expect(secret_equal(&p.account_key, &before.account_key), "case %zu", i);
		expect_one_key(&r, &p, "refused");
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
		world_run_until(w, world_now(w) + 5 * MINUTE);
		second = certificate_of(&r);
		cr_expect_str_neq(second, first, "case %zu", i);
		run_end(&r);
	}
}

/* The answer of keyChange is lost, and newAccount knows no key but the old ones. */
static bool
lose_and_lag(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	(void)nth;
	(void)arg;
	if (phase == FAKE_CA_AFTER && kind == FAKE_CA_KEY_CHANGE)
		answer->failure = ERROR_NETWORK;
	if (phase != FAKE_CA_BEFORE || kind != FAKE_CA_ACCOUNT)
		return false;
	fake_ca_answer_problem(answer, 400, "accountDoesNotExist", "lag");
	return true;
}

/* The replica that is asked about the new key does not know of the change yet. */
Test(account_rollover, a_lost_answer_and_a_replica_that_lags_cost_neither_key)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 }, p = { 0 };

	begin(&r);
	load(&r, &before);
	fake_ca_script(w->cas[0].ca)->intercept = lose_and_lag;
	cr_assert(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
	world_run_until(w, world_now(w) + 30);
	load(&r, &p);
	cr_expect_gt(p.next_key.len, 0, "both keys are kept");
	run_mend(&r);
	world_run_until(w, world_now(w) + HOUR);
	expect_rolled(&r, &before, "after the lag");
	run_end(&r);
}

/* Then it is an account that was lost, and the old key is registered again. */
Test(account_rollover, a_ca_that_knows_neither_key_gets_the_old_one_again)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 }, p = { 0 };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;

	begin(&r);
	load(&r, &before);
	first = certificate_of(&r);
	fake_ca_forget_accounts(w->cas[0].ca);
	cr_assert(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
	world_run_until(w, world_now(w) + 3 * DAY);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + HOUR);
	load(&r, &p);
	cr_expect_eq(p.o.state, OBJECT_AVAILABLE, "%s", p.o.failure.message);
	cr_expect(secret_equal(&p.account_key, &before.account_key));
	second = certificate_of(&r);
	cr_expect_str_neq(second, first);
	run_end(&r);
}

/* The key authorizations of an order that runs are made with the old key. */
Test(account_rollover, an_order_that_runs_is_finished_before_and_none_is_begun)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 }, p = { 0 };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;

	begin(&r);
	load(&r, &before);
	first = certificate_of(&r);
	fake_ca_script(w->cas[0].ca)->issue_ms = 90 * 1000;
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + 5);
	cr_assert(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(fake_ca_count(w->cas[0].ca, FAKE_CA_KEY_CHANGE), 0, "the order runs");
	load(&r, &p);
	cr_expect(p.wants_rollover);
	world_run_until(w, world_now(w) + 5 * MINUTE);
	second = certificate_of(&r);
	cr_expect_str_neq(second, first);
	fake_ca_script(w->cas[0].ca)->issue_ms = 0;
	expect_rolled(&r, &before, "after an order");
	run_end(&r);
}

/* What else is changed meanwhile is not forgotten. */
Test(account_rollover, an_address_that_is_changed_meanwhile_reaches_the_ca)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider before = { 0 };
	const struct run_fault outage = { .kind = FAKE_CA_KEY_CHANGE, .failure = ERROR_NETWORK };

	begin(&r);
	load(&r, &before);
	run_spoil(&r, &outage);
	cr_assert(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
	world_run_until(w, world_now(w) + 5);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'email':'new@a.test'}}"));
	run_mend(&r);
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_str_eq(fake_ca_contact(w->cas[0].ca, 0), "mailto:new@a.test");
	expect_rolled(&r, &before, "with another address");
	run_end(&r);
}

Test(account_rollover, without_an_account_it_is_refused)
{
	struct run r;
	struct world *w = &r.world;

	begin(&r);
	fake_ca_deactivate(w->cas[0].ca, 0);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_not(world_call(w, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}"));
	run_end(&r);
}
