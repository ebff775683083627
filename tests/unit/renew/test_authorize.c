/* Manual authorizations: when they are deleted, and what continues their orders. */
#include "daemon/renew/authorize.h"

#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

#define NAME "hand.sim.test"

static void
load_provider(struct run *r, struct provider *ret)
{
	cr_assert_eq(object_find(r->world.store, &provider_class, "ca", ret, NULL), 1);
}

/* One of NAME as it is stored, its row due at @due_at. */
static void
add(struct run *r, const struct authorization *like, int64_t due_at)
{
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_authorization_ struct authorization a = { 0 };
	struct store *store = r->world.store;
	struct store_txn *txn = store_begin(store);

	load_provider(r, &p);
	record_copy(&authorization_class, &a, like);
	a.o.name = xstrdup(NAME);
	str_replace(&a.provider, p.o.id);
	cr_assert_eq(object_save(store, txn, &authorization_class, &a, NULL), 0);
	schedule_set(store, txn, SCHEDULE_AUTHORIZE, a.o.id, p.o.id, due_at);
}

static int
is_there(struct run *r, struct authorization *ret)
{
	return object_find(r->world.store, &authorization_class, NAME, ret, NULL);
}

Test(authorize, what_has_expired_or_failed_is_forgotten_when_its_row_is_due)
{
	static const struct {
		const char *why;
		struct authorization a;
		int64_t expires_in; /* 0: no date */
		bool stays;
	} cases[] = {
		{ "pending, expired", { .status = (char *)"pending", .txt = (char *)"x" }, HOUR, false },
		{ "valid, expired", { .status = (char *)"valid" }, HOUR, false },
		{ "failed", { .o.state = OBJECT_FAILED }, 0, false },
		{ "valid for longer than it seemed", { .status = (char *)"valid" }, 3 * DAY, true },
		{ "of an order that has its own row", { .status = (char *)"pending", .autocert = (char *)"" }, 3 * DAY,
			true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		struct authorization like = cases[i].a;
		_cleanup_authorization_ struct authorization a = { 0 };
		_cleanup_autocert_ struct autocert autocert = { 0 };
		int64_t due_at;
		uint64_t requests;

		run_begin(&r, 0);
		world_run_until(&r.world, world_now(&r.world) + 10 * MINUTE);
		run_load(&r, "a-90d", &autocert);
		due_at = world_now(&r.world) + HOUR;
		like.expires_at = cases[i].expires_in ? world_now(&r.world) + cases[i].expires_in : 0;
		if (like.autocert)
			like.autocert = autocert.o.id;
		add(&r, &like, due_at);
		requests = r.world.requests;
		world_run_until(&r.world, due_at - MINUTE);
		cr_expect_eq(is_there(&r, &a), 1, "%s: too early", cases[i].why);
		world_run_until(&r.world, due_at + MINUTE);
		cr_expect_eq(is_there(&r, &a), cases[i].stays, "%s", cases[i].why);
		cr_expect_eq(r.world.requests, requests, "%s: nobody is asked", cases[i].why);
		if (cases[i].stays)
			cr_expect_eq(run_due(&r, SCHEDULE_AUTHORIZE, a.o.id), like.expires_at, "%s", cases[i].why);
		run_end(&r);
	}
}

Test(authorize, an_order_is_given_to_the_certificate_of_that_name_alone)
{
	static const struct {
		const char *why;
		const char *challenge, *common_name, *san;
		bool has_order, is_failed, given;
	} cases[] = {
		{ "its name", "manual", NAME, NULL, true, false, true },
		{ "another name", "manual", "x.sim.test", NULL, true, false, false },
		{ "two names", "manual", NAME, "x.sim.test", true, false, false },
		{ "another challenge", "dns-01", NAME, NULL, true, false, false },
		{ "left to certd", NULL, NAME, NULL, true, false, false },
		{ "no order", "manual", NAME, NULL, false, false, false },
		{ "spent", "manual", NAME, NULL, true, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		_cleanup_autocert_ struct autocert a = { 0 };
		_cleanup_authorization_ struct authorization after = { 0 };
		_cleanup_provider_ struct provider p = { 0 };
		_cleanup_buf_ struct buf issue = BUF_INIT;
		const struct authorization like = {
			.o.state = cases[i].is_failed ? OBJECT_FAILED : OBJECT_AVAILABLE,
			.order_url = cases[i].has_order ? (char *)"https://ca.test/order/1" : NULL,
			.status = (char *)"valid",
			.expires_at = INT64_MAX,
		};

		run_begin(&r, 0);
		load_provider(&r, &p);
		add(&r, &like, INT64_MAX);
		store_new_id(a.o.id);
		a.provider = xstrdup(p.o.id);
		a.common_name = xstrdup(cases[i].common_name);
		a.challenge = xstrdup_null(cases[i].challenge);
		if (cases[i].san)
			strlist_add(&a.sans, cases[i].san);
		cr_assert_eq(authorize_give_order(&r.world.issue_env, store_begin(r.world.store), &a, NULL), 0);
		cr_expect_eq(store_get(r.world.store, STORE_ISSUE, a.o.id, strlen(a.o.id), &issue, NULL),
			cases[i].given, "%s", cases[i].why);
		cr_assert_eq(is_there(&r, &after), 1);
		cr_expect_eq(after.order_url == NULL, cases[i].given || !cases[i].has_order, "%s", cases[i].why);
		run_end(&r);
	}
}

Test(authorize, an_order_that_cannot_go_on_is_kept_and_one_that_cannot_begin_fails)
{
	static const struct {
		const char *why;
		struct run_fault fault;
		enum error_code code;
		bool is_tried_again;
	} cases[] = {
		{ "no network", { FAKE_CA_AUTHORIZATION, ERROR_NETWORK, 0, NULL, NULL, NULL }, ERROR_NETWORK, true },
		{ "no answer", { FAKE_CA_AUTHORIZATION, ERROR_TIMEOUT, 0, NULL, NULL, NULL }, ERROR_TIMEOUT, true },
		{ "no network, and no order yet", { FAKE_CA_NEW_ORDER, ERROR_NETWORK, 0, NULL, NULL, NULL },
			ERROR_NETWORK, false },
		{ "refused", { FAKE_CA_NEW_ORDER, ERROR_NONE, 403, "rejectedIdentifier", NULL, NULL }, ERROR_CA,
			false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		struct world *w = &r.world;
		_cleanup_authorization_ struct authorization a = { 0 }, later = { 0 };
		int64_t began_at;

		run_begin(&r, 0);
		world_run_until(w, world_now(w) + MINUTE);
		run_spoil(&r, &cases[i].fault);
		began_at = world_now(w);
		cr_assert(
			world_call(w, RPC_AUTHORIZATION_CREATE, "{'properties':{'name':'" NAME "','provider':'ca'}}"));
		world_run_until(w, began_at + 5 * MINUTE);
		cr_assert_eq(is_there(&r, &a), 1);
		cr_expect_eq(a.o.failure.code, cases[i].code, "%s: %s", cases[i].why, a.o.failure.message);
		cr_expect_eq(a.o.state, cases[i].is_tried_again ? OBJECT_PROVISIONING : OBJECT_FAILED, "%s: %d",
			cases[i].why, (int)a.o.state);
		cr_expect_eq(run_due(&r, SCHEDULE_AUTHORIZE, a.o.id), a.next_at, "%s", cases[i].why);
		if (cases[i].is_tried_again) {
			cr_expect_gt(a.attempts, 0, "%s", cases[i].why);
			cr_expect_gt(a.next_at, world_now(w), "%s", cases[i].why);
			cr_expect_leq(a.next_at, world_now(w) + 30 * MINUTE, "%s", cases[i].why);
			run_mend(&r);
			world_run_until(w, a.next_at + MINUTE);
			cr_assert_eq(is_there(&r, &later), 1);
			cr_expect_str_eq(later.status, "pending", "%s", cases[i].why);
			cr_expect_not_null(later.txt, "%s", cases[i].why);
		} else {
			cr_expect_null(a.order_url, "%s", cases[i].why);
			cr_expect_null(a.txt, "%s", cases[i].why);
		}
		run_end(&r);
	}
}
