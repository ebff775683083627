#include "daemon/schedule/clock_change.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/renew/expiry.h"
#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(clock_change, what_is_due_later_than_may_be_goes_into_the_next_minutes_and_all_else_stays)
{
	static const struct {
		int64_t due_in, latest_in;
		int64_t least_in, most_in; /* where it has to be afterwards */
	} cases[] = {
		{ -HOUR, DAY, -HOUR, -HOUR },
		{ HOUR, DAY, HOUR, HOUR },
		{ DAY, DAY, DAY, DAY },
		{ DAY + 1, DAY, 0, 599 },
		{ 4000 * (int64_t)DAY, DAY, 0, 599 },
		{ DAY, 100, 0, 99 },
		{ DAY, 0, 0, 0 },
		{ DAY, -5, -5, -5 },
		{ INT64_MAX / 2, DAY, 0, 599 },
	};
	const int64_t now = 1700000000;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (uint64_t seed = 0; seed < 2000; seed += 7) {
			struct schedule_row row = { .due_at = now + cases[i].due_in };
			int64_t in;

			snprintf(row.object, sizeof(row.object), "%llu", (unsigned long long)seed);
			in = job_due_within(&row, now, cases[i].latest_in) - now;

			cr_assert(
				in >= cases[i].least_in && in <= cases[i].most_in, "case %zu: %lld", i, (long long)in);
		}
}

static void
count_call(void *arg)
{
	(*(unsigned *)arg)++;
}

/* A row of each kind far away; where it is after the walk, in seconds from now. */
static int64_t
moved_to(struct run *r, enum schedule_kind kind, const char *id, int64_t due_in, unsigned *ret_calls)
{
	struct world *w = &r->world;
	const struct scheduler_config config = { .loop = w->loop, .store = w->store, .events = w->events };
	struct clock_change *change;

	*ret_calls = 0;
	schedule_set(w->store, store_begin(w->store), kind, id, "", world_now(w) + due_in);
	store_commit(w->store);
	change = clock_change_new(&config, w->scheduler, count_call, ret_calls);
	clock_change_start(change);
	world_run_until(w, world_now(w) + 1);
	clock_change_free(change);
	return run_due(r, kind, id) - world_now(w);
}

Test(clock_change, no_row_waits_longer_than_its_kind_may)
{
	static const struct {
		enum schedule_kind kind;
		int64_t longest;
	} cases[] = {
		{ SCHEDULE_DEPLOY, 2 * HOUR }, { SCHEDULE_PROBE, DAY + DAY / 10 }, { SCHEDULE_CLEANUP, DAY + DAY / 10 },
		{ SCHEDULE_ACCOUNT, DAY + DAY / 10 }, { SCHEDULE_REMOVE, 2 * HOUR }, { SCHEDULE_REVOKE, 2 * DAY },
		{ SCHEDULE_ARI, DAY }, { SCHEDULE_PERSIST, DAY }, { SCHEDULE_CRL, 3 * DAY }, /* as it is set below */
	};
	const char *id = "00000000-0000-4000-8000-000000000009"; /* of nothing: the row alone counts */

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		unsigned calls;
		int64_t in;

		run_begin(&r, 0);
		world_run_until(&r.world, world_now(&r.world) + HOUR);
		r.world.issue_env.check_revocation_every = 3 * DAY;
		in = moved_to(&r, cases[i].kind, id, cases[i].longest - MINUTE, &calls);
		cr_expect_eq(in, cases[i].longest - MINUTE - 1, "kind %d stays", cases[i].kind);
		cr_expect_eq(calls, 0);
		in = moved_to(&r, cases[i].kind, id, cases[i].longest + DAY, &calls);
		cr_expect_lt(in, 600, "kind %d: %d s", cases[i].kind, (int)in);
		cr_expect_eq(calls, 1, "who waits for the schedule is told once");
		run_end(&r);
	}
}

Test(clock_change, renewal_and_purge_go_where_the_certificate_has_them)
{
	struct run r;
	_cleanup_autocert_ struct autocert a = { 0 };
	unsigned calls;
	int64_t renewal_at, purge_at;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	run_load(&r, "a-90d", &a);
	renewal_at = run_due(&r, SCHEDULE_ISSUE, a.o.id);
	purge_at = run_due(&r, SCHEDULE_PURGE, a.last_certificate);
	moved_to(&r, SCHEDULE_PURGE, a.last_certificate, 4000 * (int64_t)DAY, &calls);
	cr_expect_eq(run_due(&r, SCHEDULE_PURGE, a.last_certificate), purge_at);
	moved_to(&r, SCHEDULE_ISSUE, a.o.id, 4000 * (int64_t)DAY, &calls);
	cr_expect_eq(run_due(&r, SCHEDULE_ISSUE, a.o.id), renewal_at);
	run_end(&r);
}

Test(clock_change, what_waits_for_a_date_of_the_certificate_in_use_stays)
{
	const char *id = "00000000-0000-4000-8000-000000000009";
	struct run r;
	unsigned calls;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	cr_expect_eq(moved_to(&r, SCHEDULE_APPROVAL, id, 400 * (int64_t)DAY, &calls), 400 * (int64_t)DAY - 1);
	run_end(&r);
}

Test(clock_change, what_reports_an_expiry_goes_where_the_next_report_is_and_never_later)
{
	struct run r;
	_cleanup_autocert_ struct autocert a = { 0 };
	unsigned calls;
	int64_t report_at;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	run_load(&r, "a-90d", &a);
	report_at = expiry_next(a.last_not_after_at, world_now(&r.world));
	moved_to(&r, SCHEDULE_EXPIRY, a.last_certificate, 4000 * (int64_t)DAY, &calls);
	cr_expect_eq(run_due(&r, SCHEDULE_EXPIRY, a.last_certificate), report_at);
	cr_expect_eq(moved_to(&r, SCHEDULE_EXPIRY, a.last_certificate, HOUR, &calls), HOUR - 1);
	run_end(&r);
}
