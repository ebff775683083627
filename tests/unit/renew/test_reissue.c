/* A reissue of many certificates: which, in what order, how fast, and that it survives the end of certd. */
#include "common/timefmt.h"
#include "daemon/renew/reissue.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { AUTOS = 6 }; /* a-90d and x0-91d to x4-95d, which expire in this order */

struct scene {
	struct run run;
	char *first[AUTOS]; /* ids of their first certificates */
};

static void
pass(struct scene *s, int64_t sec)
{
	world_run_until(&s->run.world, world_now(&s->run.world) + sec);
}

static const char *
name_of(size_t i)
{
	static const char *const names[AUTOS] = { "a-90d", "x0-91d", "x1-92d", "x2-93d", "x3-94d", "x4-95d" };

	return names[i];
}

static void
begin(struct scene *s)
{
	*s = (struct scene){ .first = { NULL } };
	run_begin(&s->run, 0);
	for (size_t i = 1; i < AUTOS; i++)
		cr_assert(world_call(&s->run.world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'%s','provider':'ca','commonName':'%s.sim.test'%s}}", name_of(i),
			name_of(i), i % 2 ? ",'labels':['odd'],'reuseKey':true" : ""));
	pass(s, HOUR);
	cr_assert_eq(s->run.world.issued, AUTOS);
	for (size_t i = 0; i < AUTOS; i++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		run_load(&s->run, name_of(i), &a);
		s->first[i] = xstrdup(a.last_certificate);
	}
}

static void
end(struct scene *s)
{
	run_end(&s->run);
	for (size_t i = 0; i < AUTOS; i++)
		free(s->first[i]);
}

static bool
is_replaced(struct scene *s, size_t i)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(&s->run, name_of(i), &a);
	return strcmp(a.last_certificate, s->first[i]) != 0;
}

/* "110000": the first two are replaced. Owned by the caller. */
static char *
replaced(struct scene *s)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < AUTOS; i++)
		buf_add_char(&b, is_replaced(s, i) ? '1' : '0');
	return buf_steal(&b);
}

/* --- calls --- */

struct answer {
	bool has_come;
	struct json_object *result; /* NULL: refused */
};

static void
on_answer(struct json_object *result, const struct error *err, void *arg)
{
	struct answer *answer = arg;

	answer->has_come = true;
	answer->result = err ? NULL : result;
}

/* NULL: it was refused. Owned by the caller. @domain: the caller's scope; NULL: none. */
static struct json_object *
call_as(struct scene *s, const char *domain, enum api_method_id method, const char *params)
{
	struct peer peer = { .role = ROLE_OPERATOR, .label = "uid:1", .user_id = "1" };
	struct scope_rule rule = { .domains = { .items = NULL } };
	struct answer answer = { .has_come = false };
	_cleanup_json_ struct json_object *json = NULL;
	_cleanup_free_ char *text = xstrdup(params);
	int64_t at = world_now(&s->run.world);

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (domain) {
		peer.scope = scope_new();
		strlist_add(&rule.domains, domain);
		scope_add(peer.scope, &rule);
	}
	json = json_parse(text, strlen(text), NULL);
	service_call(&s->run.world.service, &peer, method, json, on_answer, &answer);
	while (!answer.has_come)
		loop_run_until(s->run.world.loop, at, NULL);
	scope_rule_clear(&rule);
	scope_release(peer.scope);
	return answer.result;
}

static bool
reissue_as(struct scene *s, const char *domain, const char *params)
{
	_cleanup_json_ struct json_object *result = call_as(s, domain, RPC_SERVER_REISSUE, params);

	return result != NULL;
}

static bool
reissue(struct scene *s, const char *how)
{
	_cleanup_free_ char *params = xasprintf("{%s}", how);

	return reissue_as(s, NULL, params);
}

/* "running: 2 of 6 ordered, 1 replaced, 1 in progress, 0 failing, 4 to come, 0 paused". Owned by the caller. */
static char *
status_as(struct scene *s, const char *domain, const char *params)
{
	static const char *const members[] = { "started", "total", "replaced", "inProgress", "failing", "toCome",
		"paused" };
	static const char *const words[] = { ": ", " of ", " ordered, ", " replaced, ", " in progress, ", " failing, ",
		" to come, " };
	_cleanup_json_ struct json_object *result = call_as(s, domain, RPC_SERVER_REISSUE_STATUS, params);
	struct buf b = BUF_INIT;

	if (!result)
		return xstrdup("refused");
	buf_add_str(&b, json_object_get_string(json_path(result, "state")));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		buf_printf(&b, "%s%d", words[i], json_object_get_int(json_path(result, members[i])));
	buf_add_str(&b, " paused");
	return buf_steal(&b);
}

static void
expect_status(struct scene *s, const char *wanted)
{
	_cleanup_free_ char *have = status_as(s, NULL, "{}");

	cr_expect_str_eq(have, wanted, "%s", have);
}

static void
expect_replaced(struct scene *s, const char *wanted, const char *why)
{
	_cleanup_free_ char *have = replaced(s);

	cr_expect_str_eq(have, wanted, "%s", why);
}

/* --- the tests --- */

Test(reissue, goes_by_expiry_and_evenly_at_its_rate)
{
	struct scene s;

	begin(&s);
	cr_assert(reissue(&s, "'all':true,'rate':2"));
	pass(&s, 20);
	expect_replaced(&s, "100000", "one each half minute");
	expect_status(&s, "running: 1 of 6 ordered, 1 replaced, 0 in progress, 0 failing, 5 to come, 0 paused");
	pass(&s, MINUTE);
	expect_replaced(&s, "111000", "after the first minute");
	pass(&s, 2 * MINUTE);
	expect_replaced(&s, "111111", "the end");
	pass(&s, 5 * MINUTE);
	expect_status(&s, "done: 6 of 6 ordered, 6 replaced, 0 in progress, 0 failing, 0 to come, 0 paused");
	cr_expect_eq(run_due(&s.run, SCHEDULE_REISSUE, "all"), 0);
	pass(&s, DAY);
	cr_expect_eq(s.run.world.issued, 2 * AUTOS);
	cr_expect(check_calm(&s.run.world));
	cr_expect(reissue(&s, "'all':true"), "once more");
	pass(&s, 5 * MINUTE);
	cr_expect_eq(s.run.world.issued, 3 * AUTOS);
	end(&s);
}

Test(reissue, replaces_what_was_selected)
{
	static const struct {
		const char *how, *replaced;
	} cases[] = {
		{ "'label':'odd'", "010101" },
		{ "'provider':'ca'", "111111" },
		{ "'intermediate':'Fake Intermediate'", "111111" },
		{ "'issuer':'Fake Intermediate','label':'odd'", "010101" },
		{ "'intermediate':'Other'", "000000" },
		{ "'issuer':'Other'", "000000" },
		{ "'keyAlgorithm':'secp256r1'", "111111" },
		{ "'keyAlgorithm':'rsa2048'", "000000" },
		{ "'profile':'short'", "000000" },
		{ "'issuedBefore':'2026-01-01T00:00:00Z'", "000000" },
		{ "'issuedBefore':'2026-01-02T00:00:00Z'", "111111" },
		{ "'all':true,'dryRun':true", "000000" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool is_none = strcmp(cases[i].replaced, "000000") == 0 && !strstr(cases[i].how, "dryRun");
		struct scene s;

		begin(&s);
		cr_expect_eq(reissue(&s, cases[i].how), !is_none, "%s", cases[i].how);
		pass(&s, 5 * MINUTE);
		expect_replaced(&s, cases[i].replaced, cases[i].how);
		end(&s);
	}
}

/* One that was issued in the very second of the begin may be one that has to go. */
Test(reissue, includes_what_was_issued_in_the_second_of_its_begin)
{
	_cleanup_json_ struct json_object *dry = NULL;
	_cleanup_certificate_ struct certificate c = { 0 };
	struct store_txn *txn;
	struct scene s;

	begin(&s);
	cr_assert_eq(object_load(s.run.world.store, &certificate_class, s.first[0], &c, NULL), 1);
	c.o.created_at = world_now(&s.run.world);
	txn = store_begin(s.run.world.store);
	cr_assert_eq(object_save(s.run.world.store, txn, &certificate_class, &c, NULL), 0);
	dry = call_as(&s, NULL, RPC_SERVER_REISSUE, "{'all':true,'dryRun':true}");
	cr_expect_eq(json_object_get_int(json_path(dry, "toCome")), AUTOS);
	end(&s);
}

Test(reissue, refuses_what_is_unclear)
{
	static const char *const refused[] = { "", "'all':true,'label':'odd'", "'all':false", "'provider':'none'",
		"'issuedBefore':'soon'", "'pause':true", "'resume':true", "'cancel':true", "'pause':true,'resume':true",
		"'cancel':true,'all':true", "'pause':true,'dryRun':true", "'all':true,'rate':0",
		"'all':true,'owner':'1'" };
	_cleanup_free_ char *status = NULL;
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		cr_expect_not(reissue(&s, refused[i]), "%s", refused[i]);
	status = status_as(&s, NULL, "{}");
	cr_expect_str_eq(status, "refused");
	end(&s);
}

/* What a caller sees before it begins: the number, the order, and how long it will take. */
Test(reissue, estimates_by_the_rate_and_by_the_limits_of_the_ca)
{
	_cleanup_json_ struct json_object *free_of_limits = NULL;
	_cleanup_json_ struct json_object *limited = NULL;
	_cleanup_json_ struct json_object *usual = NULL;
	int64_t now, at;
	struct scene s;

	begin(&s);
	now = world_now(&s.run.world);
	free_of_limits = call_as(&s, NULL, RPC_SERVER_REISSUE, "{'all':true,'rate':2,'dryRun':true}");
	cr_assert(free_of_limits);
	cr_expect_eq(json_object_get_int(json_path(free_of_limits, "toCome")), AUTOS);
	cr_expect_str_eq(json_object_get_string(json_path(free_of_limits, "state")), "dryRun");
	cr_assert_eq(json_object_array_length(json_path(free_of_limits, "items")), AUTOS);
	for (size_t i = 0; i < AUTOS; i++)
		cr_expect_str_eq(json_object_get_string(json_path(
					 json_object_array_get_idx(json_path(free_of_limits, "items"), i), "name")),
			name_of(i));
	cr_assert_eq(time_parse_rfc3339(json_object_get_string(json_path(free_of_limits, "expectedDate")), &at), 0);
	cr_expect_eq(at, now + 3 * MINUTE);
	usual = call_as(&s, NULL, RPC_SERVER_REISSUE, "{'all':true,'dryRun':true}");
	cr_expect_eq(json_object_get_int(json_path(usual, "rate")), 60);
	cr_assert(world_call(
		&s.run.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'rateLimits':['orders=2/1h']}}"));
	limited = call_as(&s, NULL, RPC_SERVER_REISSUE, "{'all':true,'dryRun':true}");
	cr_assert_eq(time_parse_rfc3339(json_object_get_string(json_path(limited, "expectedDate")), &at), 0);
	cr_expect_eq(at, now + 3 * HOUR);
	cr_expect(reissue(&s, "'all':true"));
	pass(&s, 10 * MINUTE);
	expect_status(&s, "running: 6 of 6 ordered, 2 replaced, 4 in progress, 0 failing, 0 to come, 0 paused");
	pass(&s, 4 * HOUR);
	expect_status(&s, "done: 6 of 6 ordered, 6 replaced, 0 in progress, 0 failing, 0 to come, 0 paused");
	cr_expect_eq(reissue_usual_rate(1), 60);
	cr_expect_eq(reissue_usual_rate(100000), 84, "within 20 hours");
	end(&s);
}

Test(reissue, can_be_paused_resumed_and_cancelled)
{
	struct scene s;

	begin(&s);
	cr_assert(reissue(&s, "'all':true,'rate':1"));
	pass(&s, 50);
	cr_expect_not(reissue(&s, "'all':true"), "another one at the same time");
	cr_assert(reissue(&s, "'pause':true"));
	cr_expect_not(reissue(&s, "'pause':true"), "it is paused");
	pass(&s, HOUR);
	expect_replaced(&s, "100000", "paused");
	expect_status(&s, "paused: 1 of 6 ordered, 1 replaced, 0 in progress, 0 failing, 5 to come, 0 paused");
	cr_assert(reissue(&s, "'resume':true"));
	cr_expect_not(reissue(&s, "'resume':true"));
	pass(&s, 80);
	expect_replaced(&s, "111000", "resumed");
	cr_assert(reissue(&s, "'cancel':true"));
	pass(&s, HOUR);
	expect_replaced(&s, "111000", "cancelled");
	expect_status(&s, "cancelled: 3 of 6 ordered, 3 replaced, 0 in progress, 0 failing, 3 to come, 0 paused");
	cr_expect_not(reissue(&s, "'resume':true"), "it is over");
	cr_expect(reissue(&s, "'all':true"));
	end(&s);
}

Test(reissue, leaves_out_what_is_paused_until_it_is_resumed_and_gives_new_keys_on_request)
{
	for (int is_new = 0; is_new < 2; is_new++) {
		_cleanup_certificate_ struct certificate before = { 0 };
		_cleanup_certificate_ struct certificate after = { 0 };
		_cleanup_autocert_ struct autocert a = { 0 };
		struct scene s;

		begin(&s);
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
		cr_assert(reissue(&s, is_new ? "'all':true,'newKeys':true" : "'all':true"));
		pass(&s, 5 * MINUTE);
		expect_replaced(&s, "011111", "one is paused");
		expect_status(&s, "done: 5 of 5 ordered, 5 replaced, 0 in progress, 0 failing, 0 to come, 1 paused");
		run_load(&s.run, "x0-91d", &a); /* with reuseKey */
		cr_assert_eq(object_load(s.run.world.store, &certificate_class, s.first[1], &before, NULL), 1);
		cr_assert_eq(object_load(s.run.world.store, &certificate_class, a.last_certificate, &after, NULL), 1);
		cr_expect_eq(
			before.key.len != after.key.len || memcmp(before.key.data, after.key.data, before.key.len) != 0,
			is_new);
		end(&s);
	}
}

/* One that fails is retried by its own rules; the reissue ends, and says so. */
Test(reissue, lists_what_fails_and_ends)
{
	static const struct run_fault refused = { .kind = FAKE_CA_NEW_ORDER, .status = 403, .problem = "caa" };
	_cleanup_json_ struct json_object *status = NULL;
	_cleanup_json_ struct json_object *events = NULL;
	_cleanup_autocert_ struct autocert a = { 0 };
	struct scene s;

	begin(&s);
	run_spoil(&s.run, &refused);
	cr_assert(reissue(&s, "'label':'odd','rate':600"));
	pass(&s, 20);
	expect_status(&s, "running: 3 of 3 ordered, 0 replaced, 0 in progress, 3 failing, 0 to come, 0 paused");
	pass(&s, 5 * MINUTE);
	status = call_as(&s, NULL, RPC_SERVER_REISSUE_STATUS, "{}");
	cr_expect_str_eq(json_object_get_string(json_path(status, "state")), "done");
	cr_assert_eq(json_object_array_length(json_path(status, "failingItems")), 3);
	cr_expect(strstr(json_object_get_string(
				 json_path(json_object_array_get_idx(json_path(status, "failingItems"), 0), "message")),
		"caa"));
	run_mend(&s.run);
	pass(&s, 3 * HOUR);
	expect_replaced(&s, "010101", "each by its own retries");
	expect_status(&s, "done: 3 of 3 ordered, 3 replaced, 0 in progress, 0 failing, 0 to come, 0 paused");
	run_load(&s.run, "x0-91d", &a);
	cr_expect_null(a.reissue);
	events = events_list(s.run.world.events, NULL, -1, 1000, NULL);
	cr_expect(strstr(json_object_to_json_string_ext(events, JSON_C_TO_STRING_PLAIN),
		"\"by\":\"uid:1\",\"state\":\"done\",\"certificates\":3,\"orders\":3,\"failing\":3"));
	end(&s);
}

/* The CA has said when it accepts another order: a reissue does not make it ask sooner. */
Test(reissue, obeys_the_time_that_the_ca_demands)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_autocert_ struct autocert a = { 0 };
	struct store_txn *txn;
	int64_t retry_at;
	struct scene s;

	begin(&s);
	run_load(&s.run, "x0-91d", &a);
	retry_at = world_now(&s.run.world) + HOUR;
	error_set(&a.last_error, ERROR_RATE_LIMITED, "too many failed authorizations");
	a.last_error.retry_at = a.next_at = retry_at;
	a.attempts = 1;
	txn = store_begin(s.run.world.store);
	cr_assert_eq(object_save(s.run.world.store, txn, &autocert_class, &a, &why), 0);
	cr_assert(reissue(&s, "'label':'odd'"));
	pass(&s, 5 * MINUTE);
	expect_replaced(&s, "000101", "the first one waits");
	pass(&s, HOUR);
	expect_replaced(&s, "010101", "until the CA allows it");
	end(&s);
}

/* A caller with a scope replaces and sees its own only, and does not learn of others. */
Test(reissue, of_a_caller_with_a_scope_is_its_own)
{
	_cleanup_free_ char *own = NULL, *hidden = NULL, *of_other = NULL;
	_cleanup_json_ struct json_object *dry = NULL;
	_cleanup_json_ struct json_object *status = NULL;
	struct scene s;

	begin(&s);
	cr_assert(reissue(&s, "'label':'odd','rate':1"));
	hidden = status_as(&s, "x1-92d.sim.test", "{}");
	cr_expect_str_eq(hidden, "refused", "%s", hidden);
	cr_expect_not(reissue_as(&s, "x1-92d.sim.test", "{'cancel':true}"), "that is of somebody else");
	cr_expect_not(reissue_as(&s, "x1-92d.sim.test", "{'cancel':true,'owner':'all'}"), "by any name");
	dry = call_as(&s, "x1-92d.sim.test", RPC_SERVER_REISSUE, "{'all':true,'dryRun':true}");
	cr_expect_eq(json_object_get_int(json_path(dry, "toCome")), 1);
	cr_assert(reissue_as(&s, "x1-92d.sim.test", "{'all':true,'rate':1}"), "also while another runs");
	pass(&s, 50);
	expect_replaced(&s, "011000", "the first of each");
	status = call_as(&s, NULL, RPC_SERVER_STATUS, "{}");
	cr_expect_eq(json_object_array_length(json_path(status, "reissues")), 2, "an operator sees both");
	of_other = status_as(&s, NULL, "{'owner':'1'}");
	cr_expect_str_eq(of_other, "running: 1 of 1 ordered, 1 replaced, 0 in progress, 0 failing, 0 to come, 0 paused",
		"%s", of_other);
	cr_expect(reissue(&s, "'pause':true,'owner':'1'"));
	pass(&s, 10 * MINUTE);
	expect_replaced(&s, "011101", "all of both");
	own = status_as(&s, "x1-92d.sim.test", "{}");
	cr_expect_str_eq(
		own, "paused: 1 of 1 ordered, 1 replaced, 0 in progress, 0 failing, 0 to come, 0 paused", "%s", own);
	end(&s);
}

/* Killed after each commit in turn: each certificate is replaced, and none twice. */
Test(reissue, survives_the_end_of_certd_after_every_commit, .timeout = 240)
{
	for (uint64_t n = 1; n < 120; n++) {
		struct scene s;
		struct world *w = &s.run.world;
		bool is_over;

		begin(&s);
		w->stop_at_commit = world_commits(w) + n;
		if (!reissue(&s, "'all':true,'rate':4,'newKeys':true"))
			cr_assert_fail("refused");
		pass(&s, 5 * MINUTE);
		is_over = !run_restart(&s.run);
		pass(&s, HOUR);
		expect_replaced(&s, "111111", "after the restart");
		cr_expect_eq(w->issued, 2 * AUTOS, "commit %d: issued %d", (int)n, (int)w->issued);
		expect_status(&s, "done: 6 of 6 ordered, 6 replaced, 0 in progress, 0 failing, 0 to come, 0 paused");
		end(&s);
		if (is_over) {
			cr_assert_gt(n, 8);
			return;
		}
	}
	cr_assert_fail("there is no end of commits");
}
