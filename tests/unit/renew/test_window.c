/* Renewals and rollouts wait for their windows, and what cannot wait does not. */
#include "common/timefmt.h"
#include "daemon/renew/trace.h"
#include "daemon/renew/window.h"
#include "daemon/schedule/schedule.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

#define NIGHT "Tue,Thu 02:00-05:00 Europe/Berlin"

static void
settle(struct run *r, int64_t seconds)
{
	world_run_until(&r->world, world_now(&r->world) + seconds);
}

static bool
set_auto(struct run *r, const char *properties)
{
	return world_call(&r->world, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{%s}}", properties);
}

/* a-90d has a certificate, and then @properties. */
static void
begin(struct run *r, const char *properties)
{
	run_begin(r, 0);
	settle(r, MINUTE);
	cr_assert_eq(r->world.issued, 1);
	cr_assert(set_auto(r, properties));
	settle(r, MINUTE);
}

static bool
is_at_night(int64_t at)
{
	struct calendar_item night = { .weekdays = 0 };
	struct calendar c = { .windows = &night, .n_windows = 1 };
	bool is_inside;

	cr_assert_eq(calendar_parse_window(NIGHT, &night, NULL), 0);
	is_inside = calendar_next(&c, at) == at;
	calendar_item_clear(&night);
	return is_inside;
}

/* When the newest certificate was issued. */
static int64_t
issued_at(struct run *r)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate c = { 0 };

	run_load(r, "a-90d", &a);
	cr_assert_eq(object_load(r->world.store, &certificate_class, a.last_certificate, &c, NULL), 1);
	return c.o.created_at;
}

static void
save(struct run *r, struct autocert *a)
{
	cr_assert_eq(object_save(r->world.store, store_begin(r->world.store), &autocert_class, a, NULL), 0);
	store_commit(r->world.store);
}

static void
take_answer(struct json_object *result, const struct error *err, void *arg)
{
	cr_assert_null(err, "%s", err->message);
	*(struct json_object **)arg = result;
}

static void
expect_explained(struct run *r, const char *text)
{
	static const struct peer peer = { .role = ROLE_ADMIN, .label = "uid:0" };
	_cleanup_json_ struct json_object *params = json_object_new_object(), *result = NULL;
	const char *answer;

	json_add_string(params, "ref", "a-90d");
	service_call(&r->world.service, &peer, RPC_AUTOCERTIFICATE_EXPLAIN, params, take_answer, &result);
	world_run_until(&r->world, world_now(&r->world));
	cr_assert_not_null(result);
	answer = json_object_to_json_string_ext(
		json_path(result, "reasons"), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	cr_expect_not_null(strstr(answer, text), "%s", answer);
}

Test(window, what_is_due_waits_for_its_window_but_not_longer_than_it_can)
{
	_cleanup_calendar_ struct calendar c = { .windows = NULL };
	_cleanup_strlist_ struct strlist windows = STRLIST_INIT;
	int64_t noon = 0, open = 0, due;

	strlist_add(&windows, "02:00-04:00");
	cr_assert_eq(calendar_add_windows(&c, &windows, NULL), 0);
	time_parse_rfc3339("2026-11-30T12:00:00Z", &noon);
	time_parse_rfc3339("2026-12-01T02:00:00Z", &open);
	due = window_due(&c, noon, noon + 10 * DAY, 12345);
	cr_expect(due >= open && due < open + HOUR);
	cr_expect_eq(window_due(&c, open + MINUTE, noon + 10 * DAY, 12345), open + MINUTE, "it is open");
	cr_expect_eq(window_due(&c, noon, open - 1, 0), open - 1, "no later than it can");
	cr_expect_eq(window_due(&c, noon, open, 0), open);
	cr_expect_eq(window_due(&c, noon, noon - DAY, 0), noon, "it is late already");
}

Test(window, a_renewal_is_planned_and_made_in_it_and_explained)
{
	_cleanup_autocert_ struct autocert before = { 0 }, a = { 0 };
	struct trace trace = { .items = { .items = NULL } };
	const struct trace_item *last;
	struct run r;

	run_begin(&r, 0);
	settle(&r, MINUTE);
	run_load(&r, "a-90d", &before);
	cr_assert(set_auto(&r, "'issueWindows':['" NIGHT "']"));
	settle(&r, MINUTE);
	run_load(&r, "a-90d", &a);
	cr_expect(is_at_night(a.next_at));
	cr_expect_geq(a.next_at, before.next_at);
	cr_expect_lt(a.next_at, before.next_at + 6 * DAY);
	cr_expect_eq(run_due(&r, SCHEDULE_ISSUE, a.o.id), a.next_at);
	cr_assert_eq(record_load(r.world.store, &trace_class, a.o.id, &trace, NULL), 1);
	last = (const struct trace_item *)trace.items.items + trace.items.count - 1;
	cr_expect_str_eq(last->rule, "window");
	expect_explained(&r, ", and waits for its window (" NIGHT ")");
	cr_expect_not_null(strstr(last->text, ", and waits for its window (" NIGHT ")"), "%s", last->text);
	record_clear(&trace_class, &trace);
	world_run_until(&r.world, a.next_at - 1);
	cr_expect_eq(r.world.issued, 1);
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 2);
	cr_expect(is_at_night(issued_at(&r)));
	cr_expect(check_calm(&r.world));
	run_end(&r);
}

Test(window, a_restart_at_any_commit_changes_nothing)
{
	for (uint64_t n = 1; n < 12; n++) {
		_cleanup_autocert_ struct autocert a = { 0 };
		struct run r;

		begin(&r, "'issueWindows':['" NIGHT "'],'rolloutWindows':['" NIGHT "']");
		run_load(&r, "a-90d", &a);
		world_run_until(&r.world, a.next_at - MINUTE);
		r.world.stop_at_commit = world_commits(&r.world) + n;
		settle(&r, HOUR);
		run_restart(&r);
		settle(&r, 8 * DAY);
		cr_expect_eq(r.world.issued, 2, "commit %d: issued %d times", (int)n, (int)r.world.issued);
		cr_expect(is_at_night(issued_at(&r)));
		cr_expect_eq(r.world.deployed, 2, "commit %d", (int)n);
		cr_expect(check_calm(&r.world));
		run_end(&r);
	}
}

Test(window, a_row_that_is_overdue_outside_waits_for_the_next)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct run r;

	begin(&r, "'issueWindows':['" NIGHT "']");
	run_load(&r, "a-90d", &a);
	world_run_until(&r.world, a.next_at - 12 * HOUR);
	cr_assert_not(is_at_night(world_now(&r.world)));
	a.next_at = world_now(&r.world); /* as after a night in which certd did not run */
	save(&r, &a);
	settle(&r, HOUR);
	cr_expect_eq(r.world.issued, 1);
	settle(&r, 2 * DAY);
	cr_expect_eq(r.world.issued, 2);
	cr_expect(is_at_night(issued_at(&r)));
	run_end(&r);
}

Test(window, a_retry_waits_for_it_too)
{
	static const struct run_fault broken = {
		.kind = FAKE_CA_NEW_ORDER, .status = 400, .problem = "rejectedIdentifier"
	};
	_cleanup_autocert_ struct autocert a = { 0 };
	struct run r;

	begin(&r, "'issueWindows':['" NIGHT "']");
	run_load(&r, "a-90d", &a);
	run_spoil(&r, &broken);
	world_run_until(&r.world, a.next_at + 12 * HOUR);
	cr_expect_geq(r.world.failed, 2);
	autocert_clear(&a);
	run_load(&r, "a-90d", &a);
	cr_expect(is_at_night(a.next_at));
	run_mend(&r);
	settle(&r, 6 * DAY);
	cr_expect(is_at_night(issued_at(&r)));
	run_end(&r);
}

Test(window, near_expiry_it_does_not_matter)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	int64_t latest;
	struct run r;

	begin(&r, "'freezes':['2000-01-01..2100-12-31']");
	run_load(&r, "a-90d", &a);
	latest = a.last_not_after_at - (a.last_not_after_at - a.last_not_before_at) / 20;
	cr_expect_eq(a.next_at, latest);
	world_run_until(&r.world, latest - 1);
	cr_expect_eq(r.world.issued, 1);
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 2);
	run_end(&r);
}

Test(window, a_caller_another_declaration_and_a_revocation_do_not_wait)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate c = { 0 };
	struct run r;

	begin(&r, "'freezes':['2000-01-01..2100-12-31']");
	cr_expect(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 2);
	cr_expect_eq(r.world.deployed, 2, "nor does its rollout");
	cr_expect(set_auto(&r, "'subjectAlternativeNames':['c.sim.test']"));
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 3);
	cr_expect_eq(r.world.deployed, 3);
	run_load(&r, "a-90d", &a);
	cr_expect_not(a.skips_windows, "the next renewal waits again");
	cr_assert_eq(object_load(r.world.store, &certificate_class, a.last_certificate, &c, NULL), 1);
	c.is_revoked = true;
	cr_assert_eq(object_save(r.world.store, store_begin(r.world.store), &certificate_class, &c, NULL), 0);
	a.next_at = world_now(&r.world); /* as crl.c does */
	save(&r, &a);
	settle(&r, MINUTE);
	cr_expect_eq(r.world.issued, 4);
	cr_expect_eq(r.world.deployed, 4);
	run_end(&r);
}

Test(window, the_window_of_the_ca_goes_before_and_both_are_used_if_they_meet)
{
	static const struct {
		const char *why;
		int64_t start, pick, end; /* in seconds, from a Monday at 12:00 UTC */
		bool is_night;
		int64_t expected; /* or 0: any */
	} cases[] = {
		{ "a night follows the choice", 0, HOUR, 2 * DAY, true, 0 },
		{ "a night is before the choice", 0, 20 * HOUR, DAY, true, 0 },
		{ "there is none: at its end", 0, HOUR, 3 * HOUR, false, 3 * HOUR },
		{ "it is over", -2 * DAY, -DAY - HOUR, -DAY, false, -DAY },
	};
	_cleanup_autocert_ struct autocert a = { 0 };
	int64_t monday = 0;
	struct run r;

	begin(&r, "'issueWindows':['" NIGHT "']");
	run_load(&r, "a-90d", &a);
	for (monday = world_now(&r.world) / DAY * DAY + 12 * HOUR; (monday / DAY + 3) % 7 != 0; monday += DAY)
		;
	world_run_until(&r.world, monday);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t at;

		a.ari_start_at = monday + cases[i].start;
		a.ari_pick_at = monday + cases[i].pick;
		a.ari_end_at = monday + cases[i].end;
		at = window_issue_at(&r.world.issue_env, &a, a.ari_pick_at);
		cr_expect_eq(is_at_night(at), cases[i].is_night, "%s", cases[i].why);
		cr_expect_leq(at, a.ari_end_at, "%s", cases[i].why);
		if (cases[i].expected)
			cr_expect_eq(at, monday + cases[i].expected, "%s: %d", cases[i].why, (int)(at - monday));
	}
	run_end(&r);
}

Test(window, a_rollout_waits_for_its_own)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct run r;
	int64_t due;

	begin(&r, "'rolloutWindows':['" NIGHT "']");
	run_load(&r, "a-90d", &a);
	if (is_at_night(a.next_at)) /* the renewal is not bound to it */
		a.next_at -= 6 * HOUR;
	save(&r, &a);
	world_run_until(&r.world, a.next_at + MINUTE);
	cr_expect_eq(r.world.issued, 2);
	cr_expect_eq(r.world.deployed, 1);
	due = run_due(&r, SCHEDULE_DEPLOY, a.o.id);
	cr_expect(is_at_night(due));
	expect_explained(&r, ": it waits for its window (" NIGHT ")");
	world_run_until(&r.world, due - 1);
	cr_expect_eq(r.world.deployed, 1);
	settle(&r, MINUTE);
	cr_expect_eq(r.world.deployed, 2);
	cr_expect(check_calm(&r.world));
	run_end(&r);
}

Test(window, those_of_the_provider_hold_for_what_declares_none_and_move_its_renewals)
{
	_cleanup_autocert_ struct autocert a = { 0 }, b = { 0 }, c = { 0 };
	struct run r;

	begin(&r, "");
	cr_assert(
		world_call(&r.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'issueWindows':['" NIGHT "']}}"));
	run_load(&r, "a-90d", &a);
	cr_expect(is_at_night(a.next_at));
	cr_expect_eq(run_due(&r, SCHEDULE_ISSUE, a.o.id), a.next_at);
	cr_assert(set_auto(&r, "'issueWindows':['Sat 10:00-11:00']"));
	run_load(&r, "a-90d", &b);
	cr_expect_not(is_at_night(b.next_at));
	cr_expect_eq((b.next_at / DAY + 3) % 7, 5, "Saturday");
	cr_assert(world_call(
		&r.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'freezes':['2000-01-01..2100-12-31']}}"));
	run_load(&r, "a-90d", &c);
	cr_expect_gt(c.next_at, b.next_at, "freezes add up");
	run_end(&r);
}

Test(window, what_cannot_be_read_is_refused)
{
	static const char *const cases[] = { "'issueWindows':['02:00']", "'rolloutWindows':['Mon 02:00-05:00 Nowhere']",
		"'freezes':['2026-12-24..2026-12-20']", "'freezes':['tomorrow']" };
	struct run r;

	begin(&r, "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_expect_not(set_auto(&r, cases[i]), "%s", cases[i]);
		cr_expect_not(world_call(&r.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{%s}}", cases[i]),
			"%s", cases[i]);
	}
	run_end(&r);
}
