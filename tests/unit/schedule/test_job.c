/*
 * A kind of work that nothing else knows: what a new kind costs is a file like this one, and a line that registers it.
 */
#include "daemon/schedule/job.h"

#include "common/error.h"
#include "common/json.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/store/object.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEDULE_NAP = 200, NAPS_MAX = 4 };

/* A nap lasts until the test ends it. */
struct nap {
	struct naps *naps;
	char object[STORE_ID_SIZE];
	schedule_done_fn *done;
	void *arg;
};

struct naps {
	struct run run;
	struct nap *under_way[NAPS_MAX];
	unsigned started, cancelled;
	bool has_trouble;
	int64_t opens_at; /* of the lane "room" */
};

static void *
nap_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct naps *naps = env;
	struct nap *nap = xcalloc(1, sizeof(*nap));

	*nap = (struct nap){ .naps = naps, .done = done, .arg = arg };
	memcpy(nap->object, row->object, sizeof(nap->object));
	naps->under_way[naps->started++ % NAPS_MAX] = nap;
	return nap;
}

static void
nap_cancel(void *work)
{
	struct nap *nap = work;

	nap->naps->cancelled++;
	free(nap);
}

static int64_t
nap_lane_room(void *env, const char *lane, struct error *err)
{
	(void)env;
	(void)err;
	return lane[0] ? 1 : NAPS_MAX;
}

static int64_t
nap_lane_opens_at(void *env, const char *lane)
{
	return strcmp(lane, "room") == 0 ? ((struct naps *)env)->opens_at : 0;
}

static int64_t
nap_count_troubles(void *env)
{
	return ((struct naps *)env)->has_trouble;
}

static bool
nap_describe_trouble(void *env, const struct schedule_row *row, struct job_trouble *ret)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	(void)row;
	if (!((struct naps *)env)->has_trouble)
		return false;
	error_set(&why, ERROR_STATE, "the cat is on the bed");
	job_trouble_set(ret, "nap", "siesta", &why);
	return true;
}

static int64_t
nap_after_clock_change(void *env, const struct schedule_row *row, int64_t now)
{
	(void)env;
	return job_due_within(row, now, HOUR);
}

static const struct job_kind nap_job = {
	.kind = (enum schedule_kind)SCHEDULE_NAP,
	.word = "nap",
	.subject = "a guest",
	.start = nap_start,
	.cancel = nap_cancel,
	.lane_room = nap_lane_room,
	.lane_opens_at = nap_lane_opens_at,
	.after_clock_change = nap_after_clock_change,
	.count_troubles = nap_count_troubles,
	.describe_trouble = nap_describe_trouble,
};

static void
put(struct naps *naps, const char *object, const char *lane, int64_t due_in)
{
	struct world *w = &naps->run.world;

	schedule_set(w->store, store_begin(w->store), nap_job.kind, object, lane, world_now(w) + due_in);
}

static void
wait_sec(struct naps *naps, int64_t sec)
{
	world_run_until(&naps->run.world, world_now(&naps->run.world) + sec);
}

/* The last one that was started is over, and its row is gone. */
static void
end_last(struct naps *naps)
{
	struct world *w = &naps->run.world;
	struct nap *nap = naps->under_way[(naps->started - 1) % NAPS_MAX];

	schedule_del(w->store, store_begin(w->store), nap_job.kind, nap->object);
	nap->done(true, nap->arg);
	free(nap);
	wait_sec(naps, 1);
}

static void
begin(struct naps *naps)
{
	*naps = (struct naps){ .started = 0 };
	run_begin(&naps->run, 0);
	scheduler_register(naps->run.world.scheduler, &nap_job, naps);
	wait_sec(naps, MINUTE);
}

static void
on_answer(struct json_object *result, const struct error *err, void *arg)
{
	cr_assert_null(err);
	*(struct json_object **)arg = result;
}

/* Owned by the caller. */
static char *
answer_of(struct naps *naps, enum api_method_id method)
{
	static const struct peer peer = { .role = ROLE_ADMIN, .label = "uid:0" };
	_cleanup_json_ struct json_object *params = json_object_new_object();
	struct json_object *result = NULL;
	char *text;

	service_call(&naps->run.world.service, &peer, method, params, on_answer, &result);
	if (!result) /* lists are made in slices */
		loop_run_until(naps->run.world.loop, world_now(&naps->run.world), NULL);
	cr_assert_not_null(result);
	text = xstrdup(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
	json_object_put(result);
	return text;
}

Test(job, a_kind_runs_when_its_row_is_due_and_is_listed_until_then)
{
	struct naps naps;
	_cleanup_free_ char *before = NULL;
	_cleanup_free_ char *after = NULL;

	begin(&naps);
	put(&naps, "sofa", "", MINUTE);
	wait_sec(&naps, MINUTE - 1);
	cr_expect_eq(naps.started, 0);
	before = answer_of(&naps, RPC_SCHEDULE_LIST);
	cr_expect_not_null(
		strstr(before, "\"kind\":\"nap\",\"object\":{\"type\":\"nap\",\"id\":\"sofa\",\"name\":\"a guest\"}"),
		"%s", before);
	wait_sec(&naps, 2);
	cr_expect_eq(naps.started, 1);
	cr_expect_eq(scheduler_running(naps.run.world.scheduler, nap_job.kind), 1);
	end_last(&naps);
	cr_expect_eq(scheduler_running(naps.run.world.scheduler, nap_job.kind), 0);
	after = answer_of(&naps, RPC_SCHEDULE_LIST);
	cr_expect_null(strstr(after, "nap"), "%s", after);
	wait_sec(&naps, HOUR);
	cr_expect_eq(naps.started, 1);
	run_end(&naps.run);
}

Test(job, a_lane_that_is_closed_opens_by_itself)
{
	struct naps naps;

	begin(&naps);
	naps.opens_at = world_now(&naps.run.world) + HOUR;
	put(&naps, "sofa", "room", 0);
	put(&naps, "chair", "", 0);
	wait_sec(&naps, 1);
	cr_expect_eq(naps.started, 1, "the other lane is open");
	end_last(&naps);
	wait_sec(&naps, HOUR - 10);
	cr_expect_eq(naps.started, 1);
	wait_sec(&naps, 10);
	cr_expect_eq(naps.started, 2);
	end_last(&naps);
	run_end(&naps.run);
}

Test(job, a_job_that_is_cancelled_keeps_its_row)
{
	struct naps naps;

	begin(&naps);
	put(&naps, "sofa", "", 0);
	wait_sec(&naps, 1);
	cr_assert_not_null(scheduler_work(naps.run.world.scheduler, nap_job.kind, "sofa"));
	scheduler_cancel(naps.run.world.scheduler, nap_job.kind, "sofa");
	cr_expect_eq(naps.cancelled, 1);
	cr_expect_null(scheduler_work(naps.run.world.scheduler, nap_job.kind, "sofa"));
	wait_sec(&naps, 1);
	cr_expect_eq(naps.started, 2, "it is due still");
	end_last(&naps);
	scheduler_cancel(naps.run.world.scheduler, nap_job.kind, "sofa");
	cr_expect_eq(naps.cancelled, 1, "nothing is under way");
	run_end(&naps.run);
}

Test(job, a_job_is_begun_again_after_a_restart_and_waits_for_those_that_know_it)
{
	struct naps naps;

	begin(&naps);
	put(&naps, "sofa", "", 0);
	wait_sec(&naps, 1);
	cr_expect_eq(naps.started, 1);
	world_stop(&naps.run.world);
	cr_expect_eq(naps.cancelled, 1);

	world_start(&naps.run.world);
	wait_sec(&naps, MINUTE);
	cr_expect_eq(naps.started, 1, "this certd does not know the kind");
	scheduler_register(naps.run.world.scheduler, &nap_job, &naps);
	scheduler_kick(naps.run.world.scheduler);
	wait_sec(&naps, 1);
	cr_expect_eq(naps.started, 2);
	end_last(&naps);
	run_end(&naps.run);
}

Test(job, a_lane_has_as_much_room_as_its_kind_says)
{
	struct naps naps;

	begin(&naps);
	put(&naps, "left", "bed", 0);
	put(&naps, "right", "bed", 0);
	put(&naps, "sofa", "", 0);
	put(&naps, "armchair", "", 0);
	wait_sec(&naps, 1);
	cr_expect_eq(naps.started, 3, "two of the usual lane, and one of the bed");
	cr_expect_null(scheduler_work(naps.run.world.scheduler, nap_job.kind, "right"));
	end_last(&naps);
	cr_expect_not_null(scheduler_work(naps.run.world.scheduler, nap_job.kind, "right"));
	run_end(&naps.run);
}

Test(job, its_troubles_are_in_the_status)
{
	struct naps naps;
	_cleanup_free_ char *before = NULL;
	_cleanup_free_ char *after = NULL;

	begin(&naps);
	put(&naps, "sofa", "", HOUR);
	before = answer_of(&naps, RPC_SERVER_STATUS);
	cr_expect_null(strstr(before, "siesta"), "%s", before);
	naps.has_trouble = true;
	after = answer_of(&naps, RPC_SERVER_STATUS);
	cr_expect_not_null(strstr(after, "{\"object\":{\"type\":\"nap\",\"id\":\"sofa\",\"name\":\"siesta\"},"
					 "\"action\":\"nap\",\"message\":\"the cat is on the bed\""),
		"%s", after);
	run_end(&naps.run);
}

Test(job, a_row_that_a_wrong_clock_put_is_moved_as_its_kind_says)
{
	struct naps naps;

	begin(&naps);
	put(&naps, "sofa", "", 4000 * (int64_t)DAY);
	wait_sec(&naps, MINUTE);
	world_set_skew(&naps.run.world, -HOUR);
	wait_sec(&naps, 2 * HOUR);
	cr_expect_eq(naps.started, 1);
	end_last(&naps);
	run_end(&naps.run);
}

Test(job, a_kind_waits_for_the_one_that_it_excludes)
{
	static const struct job_kind doze = {
		.kind = (enum schedule_kind)(SCHEDULE_NAP + 1),
		.word = "doze",
		.excludes = (enum schedule_kind)SCHEDULE_NAP,
		.start = nap_start,
		.cancel = nap_cancel,
	};
	struct naps naps;
	struct world *w = &naps.run.world;
	struct nap *dozing;

	begin(&naps);
	scheduler_register(w->scheduler, &doze, &naps);
	put(&naps, "sofa", "", 0);
	wait_sec(&naps, 1);
	schedule_set(w->store, store_begin(w->store), doze.kind, "sofa", "", world_now(w));
	schedule_set(w->store, store_begin(w->store), doze.kind, "chair", "", world_now(w));
	wait_sec(&naps, MINUTE);
	cr_expect_eq(scheduler_running(w->scheduler, doze.kind), 1, "that of another object");
	cr_expect_null(scheduler_work(w->scheduler, doze.kind, "sofa"));
	dozing = scheduler_work(w->scheduler, doze.kind, "chair");
	cr_assert_not_null(dozing);
	schedule_del(w->store, store_begin(w->store), nap_job.kind, "sofa");
	naps.under_way[0]->done(true, naps.under_way[0]->arg);
	free(naps.under_way[0]);
	wait_sec(&naps, 1);
	cr_expect_not_null(scheduler_work(w->scheduler, doze.kind, "sofa"));
	cr_expect_eq(scheduler_running(w->scheduler, doze.kind), 2);
	run_end(&naps.run);
}

/* The end of a job that could not be stored is not its end: it would begin again at once. */
Test(job, a_store_that_cannot_be_written_holds_all_up_until_it_can)
{
	struct naps naps;
	struct world *w = &naps.run.world;
	struct scheduler_stats stats;
	struct nap *nap;

	begin(&naps);
	put(&naps, "sofa", "", 0);
	wait_sec(&naps, 1);
	nap = naps.under_way[0];
	nap->done(false, nap->arg);
	free(nap);
	put(&naps, "chair", "", 0);
	wait_sec(&naps, 5);
	scheduler_get_stats(w->scheduler, &stats);
	cr_expect(stats.is_store_failing);
	cr_expect_eq(stats.running, 1, "it is held");
	cr_expect_eq(naps.started, 1);
	cr_expect_null(scheduler_work(w->scheduler, nap_job.kind, "sofa"));
	wait_sec(&naps, MINUTE);
	scheduler_get_stats(w->scheduler, &stats);
	cr_expect_not(stats.is_store_failing);
	cr_expect_not(stats.is_waiting_for_date);
	cr_expect_eq(stats.running, 2);
	cr_expect_eq(naps.started, 3, "both");
	run_end(&naps.run);
}

Test(job, a_kind_that_is_not_known_has_no_troubles_and_its_rows_stay)
{
	struct naps naps;
	struct scheduler *s;
	struct job_trouble trouble = { .type = NULL };
	struct schedule_row row = { .kind = (enum schedule_kind)(SCHEDULE_NAP + 1), .due_at = INT64_MAX };

	begin(&naps);
	s = naps.run.world.scheduler;
	cr_expect_eq(scheduler_count_troubles(s, row.kind), -1);
	cr_expect_eq(scheduler_count_troubles(s, nap_job.kind), 0);
	cr_expect_not(scheduler_describe_trouble(s, &row, &trouble));
	cr_expect_eq(scheduler_due_after_clock_change(s, &row, 1000), INT64_MAX);
	cr_expect_not(scheduler_has_troubles(s));
	naps.has_trouble = true;
	cr_expect_eq(scheduler_count_troubles(s, nap_job.kind), 1);
	cr_expect(scheduler_has_troubles(s));
	row.kind = nap_job.kind;
	cr_expect_neq(scheduler_due_after_clock_change(s, &row, 1000), INT64_MAX);
	cr_assert(scheduler_describe_trouble(s, &row, &trouble));
	cr_expect_str_eq(trouble.type, "nap");
	cr_expect_str_eq(trouble.name, "siesta");
	cr_expect_eq(trouble.why.code, ERROR_STATE);
	job_trouble_clear(&trouble);
	cr_expect(!trouble.type && !trouble.name && !error_is_set(&trouble.why));
	run_end(&naps.run);
}

Test(job, what_is_due_too_late_goes_into_the_next_ten_minutes)
{
	static const struct {
		int64_t due_at, longest;
		int64_t low, high; /* of the answer */
	} cases[] = {
		{ -5, DAY, -5, -5 },
		{ 1000 + DAY, DAY, 1000 + DAY, 1000 + DAY },
		{ 1001 + DAY, DAY, 1000, 1599 },
		{ INT64_MAX, DAY, 1000, 1599 },
		{ 1061, MINUTE, 1000, 1059 },
		{ 1002, 1, 1000, 1000 },
		{ 1001, 0, 1000, 1000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t least = INT64_MAX, most = INT64_MIN;

		for (char c = ' '; c < '~'; c++) {
			struct schedule_row row = { .due_at = cases[i].due_at, .object = { c, (char)(c ^ 21) } };
			int64_t due_at = job_due_within(&row, 1000, cases[i].longest);

			cr_expect(due_at >= cases[i].low && due_at <= cases[i].high, "%zu: %lld", i, (long long)due_at);
			least = due_at < least ? due_at : least;
			most = due_at > most ? due_at : most;
		}
		cr_expect_geq(most - least, (cases[i].high - cases[i].low) / 2, "%zu: they are spread", i);
	}
}
