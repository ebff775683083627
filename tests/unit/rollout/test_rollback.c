/* Rolling back, by hand and by policy, in the world of the simulation. */
#include "daemon/alert/alert_list.h"
#include "daemon/rollout/rollout_back.h"
#include "daemon/rollout/rollout_check.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct seen {
	unsigned rolled_back, resolved;
};

static void
count_rollbacks(struct json_object *event, void *arg)
{
	struct seen *seen = arg;
	const char *kind = "";

	json_get_string(event, "kind", &kind, NULL);
	seen->rolled_back += strcmp(kind, event_info(EVENT_DEPLOY_ROLLED_BACK)->name) == 0;
	seen->resolved += strcmp(kind, event_info(EVENT_DEPLOY_RESOLVED)->name) == 0;
}

struct back {
	struct run run;
	struct world *w;
	struct event_subscription *subscription;
	struct seen seen;
	char ids[4][STORE_ID_SIZE]; /* of the certificates, in order of issue */
};

static void
note_newest(struct back *b, size_t i)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(&b->run, "a-90d", &a);
	memccpy(b->ids[i], a.last_certificate, '\0', STORE_ID_SIZE);
}

static void
renew(struct back *b, size_t i)
{
	cr_assert(world_call(b->w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(b->w, world_now(b->w) + MINUTE);
	note_newest(b, i);
}

/* Two certificates; consumer "notified", which has a policy if @policy. */
static void
begin(struct back *b, const char *policy)
{
	*b = (struct back){ .w = &b->run.world };
	run_begin(&b->run, 0);
	cr_assert(world_call(b->w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'notified','activate':'notify','socket':'%s','rollback':'%s'}}",
		b->w->notify_path, policy));
	cr_assert(world_call(
		b->w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['notified']}}"));
	world_run_until(b->w, world_now(b->w) + HOUR);
	b->subscription = events_subscribe(b->w->events, NULL, count_rollbacks, &b->seen);
	note_newest(b, 0);
	renew(b, 1);
	cr_assert_eq(b->w->issued, 2);
}

static void
end(struct back *b)
{
	events_unsubscribe(b->subscription);
	run_end(&b->run);
}

static void
load(struct back *b, struct rollout_state *ret)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(&b->run, "a-90d", &a);
	cr_assert_eq(rollout_load(b->w->rollout, a.o.id, ret, NULL), 1);
}

/* The files are those of the certificate @i, and the state says whether it is an earlier one. */
static void
expect_deployed(struct back *b, size_t i, bool is_rolled_back, const char *why)
{
	struct rollout_state s = { 0 };
	char on_disk[STORE_ID_SIZE] = "";

	load(b, &s);
	cr_expect_eq(drop_current(b->w->drops, "a-90d", on_disk, NULL), 1, "%s", why);
	cr_expect_str_eq(on_disk, b->ids[i], "%s", why);
	cr_expect_eq(rollout_is_rolled_back(&s), is_rolled_back, "%s", why);
	cr_expect(rollout_uses(&s, b->ids[i]), "%s", why);
	for (size_t k = 0; k < s.targets.count; k++)
		cr_expect_eq(((struct rollout_target *)s.targets.items)[k].step,
			is_rolled_back ? ROLLOUT_ROLLED_BACK : ROLLOUT_ACTIVATED, "%s", why);
	record_clear(&rollout_class, &s);
}

/* Is it shown, by status and alerts, that an earlier certificate is deployed? */
static bool
is_shown(struct back *b)
{
	size_t count;
	_cleanup_json_ struct json_object *list = alerts_list(b->w->issue_env.alerts, 10, &count);
	bool is_found = false;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);

		is_found = is_found || strcmp(json_object_get_string(json_path(c, "condition")), "rolledback") == 0;
	}
	return is_found;
}

static bool
roll_back(struct back *b)
{
	bool is_done = world_call(b->w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d'}");

	world_run_until(b->w, world_now(b->w) + MINUTE);
	return is_done;
}

Test(rollback, the_earlier_certificate_is_a_new_generation_and_shown_until_the_newest_is_back)
{
	struct back b;
	struct rollout_state before = { 0 }, after = { 0 };
	uint64_t notified;

	begin(&b, "never");
	load(&b, &before);
	notified = b.w->notified;
	cr_assert(roll_back(&b));
	load(&b, &after);
	cr_expect_eq(after.generation, before.generation + 1, "generations only grow");
	cr_expect_eq(b.w->notified, notified + 1);
	expect_deployed(&b, 0, true, "by hand");
	cr_expect(is_shown(&b));
	cr_expect_eq(b.seen.rolled_back, 1);
	cr_expect_not(roll_back(&b), "there is none before the first");
	cr_assert(world_call(b.w, RPC_CONSUMER_DEPLOY, "{'ref':'notified'}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_deployed(&b, 1, false, "deploy");
	cr_expect_not(is_shown(&b));
	cr_expect_eq(b.seen.resolved, 1);
	cr_expect(check_calm(b.w));
	record_clear(&rollout_class, &before);
	record_clear(&rollout_class, &after);
	end(&b);
}

Test(rollback, nothing_but_a_new_certificate_or_a_person_undoes_it)
{
	struct back b;

	begin(&b, "never");
	cr_assert(roll_back(&b));
	cr_assert(world_call(b.w, RPC_CONSUMER_CREATE, "{'properties':{'name':'other'}}"));
	cr_assert(world_call(
		b.w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['notified','other']}}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_deployed(&b, 0, true, "another consumer");
	cr_assert(world_call(b.w, RPC_CONSUMER_UPDATE, "{'ref':'other','properties':{'activate':'none','probes':[]}}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_deployed(&b, 0, true, "a changed consumer");
	events_unsubscribe(b.subscription);
	world_stop(b.w);
	cr_assert_eq(unlink("drops/live/a-90d/manifest.json"), 0);
	world_start(b.w);
	b.subscription = events_subscribe(b.w->events, NULL, count_rollbacks, &b.seen);
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_deployed(&b, 0, true, "files that were missing at the start");
	renew(&b, 2);
	expect_deployed(&b, 2, false, "a renewal");
	cr_expect_eq(b.seen.resolved, 1, "which is deployed: it is over");
	cr_expect_not(is_shown(&b));
	cr_expect(check_calm(b.w));
	end(&b);
}

Test(rollback, a_renewal_that_fails_as_well_does_not_hide_it)
{
	struct back b;

	begin(&b, "never");
	cr_assert(roll_back(&b));
	cr_assert_eq(rename(b.w->notify_path, "elsewhere"), 0);
	renew(&b, 2);
	cr_expect(is_shown(&b), "shown until a new one is deployed");
	cr_expect_eq(b.seen.resolved, 0);
	cr_assert_eq(rename("elsewhere", b.w->notify_path), 0);
	world_run_until(b.w, world_now(b.w) + HOUR);
	cr_expect_not(is_shown(&b));
	cr_expect_eq(b.seen.resolved, 1);
	end(&b);
}

Test(rollback, the_certificate_can_be_chosen_but_not_an_expired_or_revoked_one)
{
	struct back b;
	_cleanup_certificate_ struct certificate c = { 0 };

	begin(&b, "never");
	renew(&b, 2);
	cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','certificate':'%s'}", b.ids[0]));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_deployed(&b, 0, true, "the oldest");
	cr_expect_not(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','certificate':'%s'}", b.ids[0]));
	cr_expect_not(world_call(b.w, RPC_CERTIFICATE_DELETE, "{'ref':'%s'}", b.ids[0]), "it is in use");
	cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','certificate':'%s'}", b.ids[2]));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_deployed(&b, 2, false, "the newest ends it");
	cr_assert_eq(object_load(b.w->store, &certificate_class, b.ids[1], &c, NULL), 1);
	c.is_revoked = true;
	cr_assert_eq(object_save(b.w->store, store_begin(b.w->store), &certificate_class, &c, NULL), 0);
	store_commit(b.w->store);
	cr_expect_not(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','certificate':'%s'}", b.ids[1]));
	cr_assert(roll_back(&b));
	expect_deployed(&b, 0, true, "the revoked one is skipped");
	cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	cr_assert(world_call(b.w, RPC_CONSUMER_DEPLOY, "{'ref':'notified'}"));
	world_run_until(b.w, world_now(b.w) + 91 * DAY);
	cr_expect_not(roll_back(&b), "all have expired");
	end(&b);
}

Test(rollback, a_consumer_that_cannot_be_activated_is_rolled_back_if_that_is_its_policy)
{
	static const char *const policies[] = { "never", "onFailure" };

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		bool is_expected = strcmp(policies[i], "onFailure") == 0;
		struct back b;
		struct rollout_state s = { 0 };

		begin(&b, policies[i]);
		cr_assert_eq(rename(b.w->notify_path, "elsewhere"), 0);
		renew(&b, 2);
		cr_expect_eq(b.seen.rolled_back, 0, "one failure is not enough");
		world_run_until(b.w, world_now(b.w) + HOUR);
		cr_expect_eq(b.seen.rolled_back, is_expected, "%s: once", policies[i]);
		load(&b, &s);
		cr_expect_eq(rollout_is_rolled_back(&s), is_expected);
		cr_expect_eq(error_is_set(&s.rolled_back_why), is_expected, "the reason is kept");
		cr_assert_eq(rename("elsewhere", b.w->notify_path), 0);
		world_run_until(b.w, world_now(b.w) + 2 * HOUR);
		expect_deployed(&b, is_expected ? 1 : 2, is_expected, policies[i]);
		record_clear(&rollout_class, &s);
		end(&b);
	}
}

Test(rollback, a_server_that_never_answers_with_the_new_certificate_is_rolled_back_once)
{
	struct back b;
	struct rollout_state s = { 0 };

	begin(&b, "never");
	cr_assert(world_call(b.w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'dead','rollback':'onFailure','probes':[{'host':'127.0.0.1','port':1}]}}"));
	cr_assert(world_call(
		b.w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['notified','dead']}}"));
	world_run_until(b.w, world_now(b.w) + 2 * MINUTE);
	cr_expect_eq(b.seen.rolled_back, 0, "it may be starting");
	world_run_until(b.w, world_now(b.w) + DAY);
	cr_expect_eq(b.seen.rolled_back, 1, "and not to ever earlier ones");
	load(&b, &s);
	cr_expect_str_eq(s.earlier, b.ids[0], "both consumers read the same files");
	cr_expect_eq(rollout_count_stuck(b.w->rollout), 1, "nor does it hide that nothing is served");
	cr_expect(is_shown(&b));
	record_clear(&rollout_class, &s);
	end(&b);
}

/* The record as it would be at that step; certd is not running. */
static void
put_step(struct back *b, enum rollout_step step, bool is_written)
{
	struct rollout_state s = { 0 };
	struct rollout_target *t;
	_cleanup_autocert_ struct autocert a = { 0 };

	run_load(&b->run, "a-90d", &a);
	load(b, &s);
	t = s.targets.items;
	t->step = step;
	t->next_at = 0;
	s.is_written = is_written;
	s.done_at = 0;
	record_save(b->w->store, store_begin(b->w->store), &rollout_class, a.o.id, &s);
	store_commit(b->w->store);
	record_clear(&rollout_class, &s);
}

/* Whatever the newest certificate had reached. */
Test(rollback, it_is_possible_at_every_step)
{
	static const struct {
		enum rollout_step step;
		bool is_written;
	} cases[] = {
		{ ROLLOUT_STAGED, false },
		{ ROLLOUT_STAGED, true },
		{ ROLLOUT_WRITTEN, true },
		{ ROLLOUT_TESTED, true },
		{ ROLLOUT_ACTIVATED, true },
		{ ROLLOUT_PROBED, true },
		{ ROLLOUT_SERVED, true },
		{ ROLLOUT_ROLLED_BACK, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *step = rollout_step_name(cases[i].step);
		size_t to = cases[i].step == ROLLOUT_ROLLED_BACK ? 0 : 1;
		struct back b;

		begin(&b, "never");
		renew(&b, 2);
		if (cases[i].step == ROLLOUT_ROLLED_BACK)
			cr_assert(roll_back(&b));
		put_step(&b, cases[i].step, cases[i].is_written);
		cr_expect(
			world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','certificate':'%s'}", b.ids[to]),
			"%s", step);
		world_run_until(b.w, world_now(b.w) + MINUTE);
		expect_deployed(&b, to, true, step);
		cr_expect(is_shown(&b), "%s", step);
		cr_assert(
			world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','certificate':'%s'}", b.ids[2]));
		world_run_until(b.w, world_now(b.w) + MINUTE);
		expect_deployed(&b, 2, false, step);
		cr_expect_not(is_shown(&b), "%s", step);
		cr_expect(check_calm(b.w), "%s", step);
		end(&b);
	}
}

/* The steps at which something can fail, each in its own way, until the policy has enough of it. */
Test(rollback, a_policy_acts_on_a_failure_of_each_step)
{
	static const struct {
		const char *why, *properties;
		enum rollout_step step;
	} cases[] = {
		{ "its directory is missing", "'directory':'/nonexistent'", ROLLOUT_STAGED },
		{ "it cannot be notified", "'activate':'notify','socket':'/nonexistent'", ROLLOUT_TESTED },
		{ "it does not answer", "'probes':[{'host':'127.0.0.1','port':1}]", ROLLOUT_PROBED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct back b;
		struct rollout_state s = { 0 };
		const struct rollout_target *t;

		begin(&b, "never");
		cr_assert(world_call(b.w, RPC_CONSUMER_CREATE,
			"{'properties':{'name':'bad','rollback':'onFailure',%s}}", cases[i].properties));
		cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_UPDATE,
			"{'ref':'a-90d','force':true,'properties':{'consumers':['bad']}}"));
		world_run_until(b.w, world_now(b.w) + 10);
		load(&b, &s);
		t = s.targets.items;
		cr_expect_eq(t->step, cases[i].step, "%s: %s", cases[i].why, rollout_step_name(t->step));
		cr_expect_eq(b.seen.rolled_back, 0, "%s: once is not enough", cases[i].why);
		record_clear(&rollout_class, &s);
		world_run_until(b.w, world_now(b.w) + DAY);
		load(&b, &s);
		t = s.targets.items;
		cr_expect_eq(b.seen.rolled_back, 1, "%s", cases[i].why);
		cr_assert_not_null(t->earlier, "%s", cases[i].why);
		cr_expect_str_eq(t->earlier, b.ids[0], "%s", cases[i].why);
		cr_expect(error_is_set(&s.rolled_back_why), "%s", cases[i].why);
		record_clear(&rollout_class, &s);
		end(&b);
	}
}

/* Each directory is compared with the certificate that it has. */
Test(rollback, its_files_are_not_taken_for_changed_ones)
{
	struct back b;
	struct rollout_state before = { 0 }, after = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_free_ char *here = NULL;

	begin(&b, "never");
	run_load(&b.run, "a-90d", &a);
	here = getcwd(NULL, 0);
	cr_assert_eq(mkdir("own", 0750), 0);
	cr_assert(world_call(b.w, RPC_CONSUMER_CREATE, "{'properties':{'name':'own','directory':'%s/own'}}", here));
	cr_assert(world_call(
		b.w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['notified','own']}}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	for (int part = 0; part < 2; part++) {
		cr_assert(world_call(
			b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d'%s}", part ? ",'consumer':'own'" : ""));
		world_run_until(b.w, world_now(b.w) + MINUTE);
		load(&b, &before);
		events_unsubscribe(b.subscription);
		world_stop(b.w);
		world_start(b.w);
		b.subscription = events_subscribe(b.w->events, NULL, count_rollbacks, &b.seen);
		world_run_until(b.w, world_now(b.w) + MINUTE);
		load(&b, &after);
		cr_expect_eq(after.generation, before.generation, "%d: nothing is written again", part);
		cr_expect_null(rollout_changed_text(b.w->store, a.o.id, NULL, NULL), "%d", part);
		record_clear(&rollout_class, &before);
		record_clear(&rollout_class, &after);
		cr_assert(world_call(b.w, RPC_CONSUMER_DEPLOY, "{'ref':'notified'}"));
		world_run_until(b.w, world_now(b.w) + MINUTE);
	}
	/* And what is changed is found, wherever it is. */
	cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','consumer':'own'}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	events_unsubscribe(b.subscription);
	world_stop(b.w);
	cr_assert_eq(truncate("own/cert.pem", 0), 0);
	cr_assert_eq(truncate("drops/live/a-90d/chain.pem", 0), 0);
	world_start(b.w);
	b.subscription = events_subscribe(b.w->events, NULL, count_rollbacks, &b.seen);
	world_run_until(b.w, world_now(b.w) + MINUTE);
	{
		_cleanup_free_ char *text = rollout_changed_text(b.w->store, a.o.id, NULL, NULL);

		cr_assert_not_null(text);
		cr_expect(strstr(text, "/own/cert.pem has other contents"), "%s", text);
		cr_expect(strstr(text, "a-90d/chain.pem has other contents"), "%s", text);
	}
	end(&b);
}

Test(rollback, a_directory_is_rolled_back_alone_and_shared_files_only_together)
{
	struct back b;
	struct rollout_state s = { 0 };
	const struct rollout_target *targets;

	begin(&b, "never");
	cr_assert(world_call(b.w, RPC_CONSUMER_CREATE, "{'properties':{'name':'shared'}}"));
	cr_assert(world_call(b.w, RPC_CONSUMER_CREATE, "{'properties':{'name':'own','directory':'/nonexistent'}}"));
	cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'consumers':['notified','shared','own']}}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	cr_expect_not(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','consumer':'notified'}"),
		"'shared' reads the same files");
	cr_expect_not(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','consumer':'nobody'}"));
	cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d','consumer':'own'}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	load(&b, &s);
	targets = s.targets.items;
	cr_assert_eq(s.targets.count, 3);
	cr_expect_null(s.earlier);
	cr_expect_null(targets[0].earlier);
	cr_expect_eq(targets[0].step, ROLLOUT_ACTIVATED, "the others keep what they have");
	cr_expect_str_eq(targets[2].earlier, b.ids[0]);
	cr_expect(rollout_is_rolled_back(&s));
	record_clear(&rollout_class, &s);
	end(&b);
}

Test(rollback, only_a_certificate_of_its_own_that_is_good_comes_back)
{
	static const char foreign[] =
		"'c' was neither issued for this auto-certificate nor replaced by this certificate";
	static const struct {
		const char *autocert;
		bool is_revoked;
		int64_t not_after_at;
		enum error_code code;
		const char *says;
	} cases[] = {
		{ "one", false, 1001, ERROR_NONE, "" },
		{ "one", false, 1000, ERROR_STATE, "'c' expired at 1970-01-01T00:16:40Z" },
		{ "one", false, 999, ERROR_STATE, "'c' expired at 1970-01-01T00:16:39Z" },
		{ "one", true, 2000, ERROR_STATE, "'c' was revoked" },
		{ "two", false, 2000, ERROR_INVALID, foreign },
		{ NULL, false, 2000, ERROR_INVALID, foreign },
	};
	struct back b;

	begin(&b, "never");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct certificate c = { .o.name = (char *)"c",
			.autocert = (char *)cases[i].autocert,
			.is_revoked = cases[i].is_revoked,
			.not_after_at = cases[i].not_after_at };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(
			rollout_check_earlier(b.w->store, &c, "one", 1000, &err), cases[i].code ? -1 : 0, "%zu", i);
		cr_expect_eq(err.code, cases[i].code, "%zu: %s", i, error_code_name(err.code));
		cr_expect_str_eq(err.message ? err.message : "", cases[i].says);
	}
	end(&b);
}

/* --- imported certificates --- */

#define SHOP(n) "0000000" #n "-0000-4000-8000-000000000000"

/* Imports the issued certificate @i under the name "shop", in place of the one before if @n is not 0. */
static void
import(struct back *b, unsigned n, size_t i, const char *consumer)
{
	static const char *const ids[] = { SHOP(0), SHOP(1), SHOP(2) };
	struct store_txn *txn = store_begin(b->w->store);
	_cleanup_certificate_ struct certificate c = { 0 }, old = { 0 };
	_cleanup_consumer_ struct consumer to = { 0 };
	struct error err = ERROR_INIT;

	b->w->is_peculiar = true; /* nothing holds its slug */
	cr_assert_eq(object_load(b->w->store, &certificate_class, b->ids[i], &c, NULL), 1);
	cr_assert_eq(object_find(b->w->store, &consumer_class, consumer, &to, NULL), 1);
	if (n) {
		cr_assert_eq(object_load(b->w->store, &certificate_class, ids[n - 1], &old, NULL), 1);
		free(old.o.name);
		old.o.name = xasprintf("shop %u", n);
		free(old.slug);
		old.slug = NULL;
		strlist_clear(&old.consumers);
		cr_assert_eq(object_save(b->w->store, txn, &certificate_class, &old, &err), 0, "%s", err.message);
		c.replaces = xstrdup(ids[n - 1]);
	}
	memcpy(c.o.id, ids[n], STORE_ID_SIZE);
	str_replace(&c.o.name, "shop");
	free(c.autocert);
	free(c.provider);
	c.autocert = c.provider = NULL;
	c.slug = xstrdup("shop");
	c.o.created_at = world_now(b->w);
	strlist_add(&c.consumers, to.o.id);
	cr_assert_eq(object_save(b->w->store, txn, &certificate_class, &c, &err), 0, "%s", err.message);
	store_commit(b->w->store);
	world_run_until(b->w, world_now(b->w) + MINUTE);
}

/* live/shop has the files of the import @n, and @current is the one that is asked for. */
static void
expect_shop(struct back *b, unsigned current, unsigned n, const char *why)
{
	static const char *const ids[] = { SHOP(0), SHOP(1), SHOP(2) };
	struct rollout_state s = { 0 };
	char on_disk[STORE_ID_SIZE] = "";

	cr_assert_eq(rollout_load(b->w->rollout, ids[current], &s, NULL), 1, "%s", why);
	cr_expect_eq(drop_current(b->w->drops, "shop", on_disk, NULL), 1, "%s", why);
	cr_expect_str_eq(on_disk, ids[n], "%s", why);
	cr_expect_str_eq(s.certificate, ids[current], "%s", why);
	cr_expect_eq(rollout_is_rolled_back(&s), n != current, "%s", why);
	cr_expect_eq(s.rolled_back_at != 0, n != current, "%s", why);
	record_clear(&rollout_class, &s);
}

Test(rollback, an_imported_certificate_goes_back_to_the_one_that_it_replaced)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct back b;

	begin(&b, "never");
	import(&b, 0, 1, "notified");
	expect_shop(&b, 0, 0, "the first");
	cr_expect_not(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop'}"), "there is none before");
	import(&b, 1, 0, "notified"); /* an older file, by mistake */
	expect_shop(&b, 1, 1, "the second");
	cr_assert(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop'}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_shop(&b, 1, 0, "rolled back");
	cr_expect_eq(b.seen.rolled_back, 1);
	cr_expect_not(world_call(b.w, RPC_CERTIFICATE_DELETE, "{'ref':'shop 1'}"), "it is in use");
	cr_expect_eq(rollout_needs(b.w->rollout, SHOP(0), &err), 1);
	cr_expect_not(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop 1'}"), "it has no files");
	cr_expect_not(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'%s'}", b.ids[0]), "it was issued");
	cr_assert(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop','certificate':'shop'}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_shop(&b, 1, 1, "the newest again");
	cr_expect_eq(b.seen.resolved, 1);
	cr_expect_eq(rollout_needs(b.w->rollout, SHOP(0), &err), 0);
	cr_assert(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop'}"));
	import(&b, 2, 1, "notified");
	expect_shop(&b, 2, 2, "another import ends it");
	cr_expect_not(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop','certificate':'%s'}", b.ids[0]));
	cr_assert(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop','certificate':'shop 1'}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	expect_shop(&b, 2, 0, "to the first");
	end(&b);
}

Test(rollback, what_an_import_was_rolled_back_to_is_not_purged)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	struct back b;

	begin(&b, "never");
	import(&b, 0, 0, "notified");
	import(&b, 1, 1, "notified");
	cr_assert(world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop'}"));
	world_run_until(b.w, world_now(b.w) + 200 * DAY);
	cr_expect_eq(object_peek(b.w->store, &certificate_class, SHOP(0), &c, NULL), 1);
	cr_expect_not(
		world_call(b.w, RPC_CERTIFICATE_ROLLBACK, "{'ref':'shop','certificate':'shop'}"), "it has expired");
	end(&b);
}

Test(rollback, an_imported_certificate_is_rolled_back_by_policy)
{
	struct back b;

	begin(&b, "onFailure");
	import(&b, 0, 0, "notified");
	cr_assert_eq(rename(b.w->notify_path, "elsewhere"), 0);
	import(&b, 1, 1, "notified");
	cr_expect_eq(b.seen.rolled_back, 0, "one failure is not enough");
	world_run_until(b.w, world_now(b.w) + HOUR);
	cr_expect_eq(b.seen.rolled_back, 1);
	cr_assert_eq(rename("elsewhere", b.w->notify_path), 0);
	world_run_until(b.w, world_now(b.w) + 2 * HOUR);
	expect_shop(&b, 1, 0, "by policy");
	end(&b);
}

Test(rollback, consumers_share_files_by_their_directory)
{
	static const struct {
		const char *a, *b;
		bool share;
	} cases[] = {
		{ NULL, NULL, true },
		{ "/a", "/a", true },
		{ "/a", "/b", false },
		{ "/a", NULL, false },
		{ NULL, "/a", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *b_own = xstrdup_null(cases[i].b);
		const struct consumer a = { .directory = (char *)cases[i].a }, b = { .directory = b_own };

		cr_expect_eq(rollout_share_files(&a, &b), cases[i].share, "%zu", i);
	}
}

/* Certificates that are used are not purged. */
Test(rollback, a_certificate_is_used_where_it_is_or_was_rolled_back_to)
{
	static const struct {
		const char *certificate, *earlier, *first, *second; /* of the rollout and of its targets */
		const char *uses;
		bool is_rolled_back;
	} cases[] = {
		{ "new", NULL, NULL, NULL, "new", false },
		{ "new", "old", NULL, NULL, "new old", true },
		{ "new", NULL, "old", NULL, "new old", true },
		{ "new", NULL, NULL, "old", "new old", true },
		{ "new", NULL, "old", "older", "new old older", true },
		{ NULL, NULL, NULL, NULL, "", false },
	};
	static const char *const all[] = { "new", "old", "older" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rollout_target targets[] = { { .earlier = (char *)cases[i].first },
			{ .earlier = (char *)cases[i].second } };
		const struct rollout_state state = { .certificate = (char *)cases[i].certificate,
			.earlier = (char *)cases[i].earlier,
			.targets = { .items = targets, .count = ARRAY_SIZE(targets) } };
		_cleanup_strlist_ struct strlist uses = STRLIST_INIT;

		strlist_split(&uses, cases[i].uses, ' ');
		for (size_t k = 0; k < ARRAY_SIZE(all); k++)
			cr_expect_eq(rollout_uses(&state, all[k]), strlist_has(&uses, all[k]), "%zu: %s", i, all[k]);
		cr_expect_eq(rollout_is_rolled_back(&state), cases[i].is_rolled_back, "%zu", i);
	}
}
