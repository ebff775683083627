/* An auto-certificate with two keys: whenever certd ends, the second one follows the first, and the files agree. */
#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS_MAX = 60 };

static bool
is_there(const char *file)
{
	_cleanup_free_ char *path = xasprintf("drops/live/%s", file);

	return access(path, F_OK) == 0;
}

static bool
includes_the_other(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	cr_assert_geq(buf_read_file(&text, AT_FDCWD, "drops/live/a-90d/nginx.conf", 4096, NULL), 0);
	return strstr(buf_str(&text), "/live/a-90d-rsa/nginx.con[f]\";");
}

/* With its first certificate, and one key. */
static void
begin_pair(struct run *r)
{
	run_begin(r, 0);
	world_run_until(&r->world, world_now(&r->world) + HOUR);
}

static void
declare(struct run *r, const char *algorithms)
{
	cr_assert(world_call(&r->world, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'keyAlgorithms':[%s]}}", algorithms));
}

/* certd ends after the @n-th commit and starts again. Return: false when there were fewer. */
static bool
end_after_commit(struct run *r, uint64_t n)
{
	struct world *w = &r->world;
	bool is_reached;

	w->stop_at_commit = world_commits(w) + n;
	world_run_until(w, world_now(w) + HOUR);
	is_reached = run_restart(r);
	world_run_until(w, world_now(w) + HOUR);
	return is_reached;
}

static void
expect_pair(struct run *r, int n)
{
	_cleanup_autocert_ struct autocert a = { 0 }, v = { 0 };

	run_load(r, "a-90d", &a);
	run_load(r, "a-90d-rsa", &v);
	cr_expect_str_eq(a.variant, v.o.id, "commit %d", n);
	cr_expect_str_eq(v.variant_of, a.o.id, "commit %d", n);
	cr_expect_eq(v.o.state, OBJECT_AVAILABLE, "commit %d", n);
	cr_expect_not_null(v.last_certificate, "commit %d", n);
	cr_expect(is_there("a-90d-rsa/nginx.conf"), "commit %d", n);
	cr_expect(includes_the_other(), "commit %d", n);
}

static void
expect_one(struct run *r, const char *id, int n)
{
	cr_expect_eq(object_count(r->world.store, &autocert_class, OBJECT_AVAILABLE), 1, "commit %d", n);
	for (int kind = 1; kind < 32; kind++)
		cr_expect_eq(run_due(r, (enum schedule_kind)kind, id), 0, "commit %d: kind %d", n, kind);
	cr_expect_not(is_there("a-90d-rsa"), "commit %d", n);
	cr_expect_not(includes_the_other(), "commit %d", n);
}

Test(pair, the_end_of_certd_after_each_commit_leaves_both_or_one, .timeout = 120)
{
	uint64_t n = 1;

	for (bool more = true; more && n < STEPS_MAX; n++) {
		_cleanup_autocert_ struct autocert v = { 0 };
		struct run r;

		begin_pair(&r);
		declare(&r, "'secp256r1','rsa2048'");
		more = end_after_commit(&r, n);
		expect_pair(&r, (int)n);
		run_load(&r, "a-90d-rsa", &v);
		declare(&r, "'secp256r1'");
		more = end_after_commit(&r, n) || more;
		expect_one(&r, v.o.id, (int)n);
		run_end(&r);
	}
	cr_expect_gt(n, 3, "%d commits", (int)n);
	cr_expect_lt(n, STEPS_MAX);
}

Test(pair, a_fallback_that_is_not_declared_any_more_is_left_by_both)
{
	_cleanup_autocert_ struct autocert v = { 0 }, after = { 0 };
	struct run r;
	struct world *w = &r.world;

	begin_pair(&r);
	cr_assert(world_call(w, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'second','email':'a@b.test','server':'%s/directory',"
		"'termsOfServiceAgreed':true}}",
		w->cas[1].url));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'keyAlgorithms':['secp256r1','rsa2048'],"
		"'fallbackProviders':['second']}}"));
	world_run_until(w, world_now(w) + HOUR);
	run_load(&r, "a-90d-rsa", &v);
	cr_assert_eq(v.fallbacks.count, 1);
	v.provider_now = xstrdup(v.fallbacks.items[0]); /* as after failures */
	cr_assert_eq(object_save(w->store, store_begin(w->store), &autocert_class, &v, NULL), 0);
	store_commit(w->store);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'fallbackProviders':[]}}"));
	run_load(&r, "a-90d-rsa", &after);
	cr_expect_eq(after.fallbacks.count, 0);
	cr_expect_null(after.provider_now);
	run_end(&r);
}

Test(pair, each_is_renewed_in_time_and_together_with_the_first)
{
	_cleanup_autocert_ struct autocert a = { 0 }, v = { 0 };
	struct run r;
	struct world *w = &r.world;
	uint64_t issued;

	begin_pair(&r);
	declare(&r, "'secp256r1','rsa2048'");
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->issued, 2);
	world_run_until(w, world_now(w) + 70 * DAY);
	cr_expect_eq(w->issued, 4);
	issued = w->issued;
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	world_run_until(w, world_now(w) + HOUR);
	cr_expect_eq(w->issued, issued + 2);
	run_load(&r, "a-90d", &a);
	run_load(&r, "a-90d-rsa", &v);
	cr_expect_str_neq(a.last_certificate, v.last_certificate);
	run_end(&r);
}

static const struct run_fault pausing = { .kind = FAKE_CA_NEW_ORDER,
	.status = 429,
	.body = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"Your account is temporarily "
		"prevented from requesting certificates for a-90d.sim.test. Please visit: "
		"https://portal.letsencrypt.org/unpause?jwt=x\"}" };

static const struct run_fault refusing = { .kind = FAKE_CA_NEW_ORDER, .status = 400, .problem = "rejectedIdentifier" };

/* Orders for the second key fail. The first has its certificate. */
static void
begin_failing(struct run *r, const struct run_fault *fault)
{
	begin_pair(r);
	run_spoil(r, fault);
	declare(r, "'secp256r1','rsa2048'");
	world_run_until(&r->world, world_now(&r->world) + 30);
}

/* After "certctl resume @name", the order for the second key is due. */
static void
expect_resumed(const char *name)
{
	_cleanup_autocert_ struct autocert v = { 0 }, after = { 0 };
	struct run r;
	struct world *w = &r.world;

	begin_failing(&r, &pausing);
	run_load(&r, "a-90d-rsa", &v);
	cr_assert_not_null(v.unpause_url);
	cr_assert_gt(v.next_at, world_now(w) + HOUR);
	run_mend(&r);
	cr_expect(world_call(w, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'%s'}", name), "%s", name);
	run_load(&r, "a-90d-rsa", &after);
	cr_expect_null(after.unpause_url, "%s", name);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->issued, 2, "%s: no order", name);
	run_end(&r);
}

Test(pair, a_pause_of_the_second_key_at_the_ca_is_ended_by_either_name)
{
	expect_resumed("a-90d");
	expect_resumed("a-90d-rsa");
}

Test(pair, a_retry_of_the_second_key_follows_at_once_when_both_are_resumed)
{
	struct run r;
	struct world *w = &r.world;

	begin_pair(&r);
	declare(&r, "'secp256r1','rsa2048'");
	world_run_until(w, world_now(w) + HOUR);
	cr_assert_eq(w->issued, 2);
	run_spoil(&r, &refusing);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	world_run_until(w, world_now(w) + 30);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	world_run_until(w, world_now(w) + HOUR);
	run_mend(&r);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->issued, 4, "%d issued", (int)w->issued);
	run_end(&r);
}

static void
keep_answer(struct json_object *result, const struct error *err, void *arg)
{
	cr_assert_null(err, "%s", err->message);
	str_replace(arg, json_object_to_json_string_ext(result, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(result);
}

/* Owned by the caller. */
static char *
explain(struct run *r, const char *name)
{
	static const struct peer peer = { .role = ROLE_ADMIN, .label = "uid:0" };
	_cleanup_json_ struct json_object *params = json_object_new_object();
	char *ret = NULL;

	json_add_string(params, "ref", name);
	service_call(&r->world.service, &peer, RPC_AUTOCERTIFICATE_EXPLAIN, params, keep_answer, &ret);
	world_run_until(&r->world, world_now(&r->world));
	cr_assert_not_null(ret);
	return ret;
}

Test(pair, advice_to_resume_names_the_first_which_is_what_can_be_resumed)
{
	_cleanup_free_ char *text = NULL;
	struct run r;
	struct world *w = &r.world;

	begin_pair(&r);
	declare(&r, "'secp256r1','rsa2048'");
	world_run_until(w, world_now(w) + HOUR);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	text = explain(&r, "a-90d-rsa");
	cr_expect_not_null(strstr(text, "certctl resume a-90d\""), "%s", text);
	run_end(&r);
}
