/*
 * Runs due work. One pass looks at the head of each lane that has room, starts what is due, and arms the wall timer for
 * the earliest of the remaining rows. A row stays in the store while its work runs. The work itself moves or removes
 * it, so after a crash at any point it is still due.
 *
 * When the end of a job cannot be stored (disk full), its row is still due. Nothing is started then until the store
 * accepts a trial record: orders whose outcome is lost would be repeated without end.
 *
 * Memory is bounded by the running jobs, not by the stored rows: a lane's walk only skips its running rows.
 */
#include "daemon/schedule/scheduler.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/report/events.h"
#include "daemon/schedule/clock_change.h"
#include "daemon/schedule/time_guard.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	KINDS = 256,          /* one octet in the keys of rows */
	TRIAL_MS = 10 * 1000, /* costs one page of the store */
	LOOK_AGAIN_SEC = 60,  /* after the schedule could not be read */
};

/* A row whose work is running. */
struct job {
	struct scheduler *scheduler;
	const struct job_kind *kind;
	struct schedule_row row;
	void *work;   /* from start(); NULL: nothing, or it has ended */
	bool is_held; /* its end could not be stored: prevents an immediate second run */
	struct job *prev, *next;
};

struct scheduler {
	struct scheduler_config config;
	struct {
		const struct job_kind *kind;
		void *env;
	} kinds[KINDS];
	struct job *jobs;
	struct time_guard *guard;
	struct clock_change *clock_change;
	struct loop_timer trial; /* armed or running while the store fails */
	bool is_store_failing;
	/* Passes run in the next turn, so that jobs that end at once cannot occupy the loop. */
	struct loop_timer pass;
	bool is_closing;
	int64_t next_at;
};

void
scheduler_kick(struct scheduler *s)
{
	if (!s->is_closing)
		loop_timer_set(&s->pass, 0);
}

static void
row_was_put(struct store_txn *txn _unused_, enum store_db db _unused_, const void *old _unused_,
	const void *new _unused_, void *arg)
{
	scheduler_kick(arg);
}

/* --- kinds --- */

void
scheduler_register(struct scheduler *s, const struct job_kind *kind, void *env)
{
	s->kinds[kind->kind].kind = kind;
	s->kinds[kind->kind].env = env;
}

const struct job_kind *
scheduler_kind(const struct scheduler *s, enum schedule_kind kind)
{
	return s->kinds[kind].kind;
}

int64_t
scheduler_count_troubles(const struct scheduler *s, enum schedule_kind kind)
{
	const struct job_kind *job = scheduler_kind(s, kind);

	return job && job->count_troubles ? job->count_troubles(s->kinds[kind].env) : -1;
}

bool
scheduler_has_troubles(const struct scheduler *s)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct job_kind *kind = s->kinds[i].kind;

		if (kind && kind->count_troubles && kind->count_troubles(s->kinds[i].env) > 0)
			return true;
	}
	return false;
}

bool
scheduler_describe_trouble(const struct scheduler *s, const struct schedule_row *row, struct job_trouble *ret)
{
	const struct job_kind *kind = scheduler_kind(s, row->kind);

	return kind && kind->describe_trouble && kind->describe_trouble(s->kinds[row->kind].env, row, ret);
}

/* --- jobs --- */

static struct job *
job_find(const struct scheduler *s, enum schedule_kind kind, const char *object)
{
	struct job *job;

	DL_FOREACH(s->jobs, job) {
		if (job->row.kind == kind && strcmp(job->row.object, object) == 0)
			return job;
	}
	return NULL;
}

/* Is the row running, or another kind that works on the same record? */
static bool
row_is_busy(const struct scheduler *s, const struct job_kind *kind, const struct schedule_row *row)
{
	return job_find(s, kind->kind, row->object) || (kind->excludes && job_find(s, kind->excludes, row->object));
}

static void
job_free(struct job *job)
{
	DL_DELETE(job->scheduler->jobs, job);
	free(job);
}

static void
job_stop(struct job *job)
{
	if (job->work && job->kind->cancel)
		job->kind->cancel(job->work);
	job_free(job);
}

/* --- a store that cannot be written --- */

static void
trial_done(const struct error *err, void *arg)
{
	struct scheduler *s = arg;
	struct job *job, *tmp;

	if (err) {
		loop_timer_set(&s->trial, TRIAL_MS);
		return;
	}
	s->is_store_failing = false;
	DL_FOREACH_SAFE(s->jobs, job, tmp) {
		if (job->is_held)
			job_free(job);
	}
	scheduler_kick(s);
}

static void
trial_start(void *arg)
{
	static const char key[] = "trial";
	struct scheduler *s = arg;
	struct store_txn *txn = store_begin(s->config.store);

	store_put(txn, STORE_META, key, strlen(key), NULL, 0);
	store_then(txn, trial_done, s);
}

static void
job_end(bool is_stored, void *arg)
{
	struct job *job = arg;
	struct scheduler *s = job->scheduler;

	job->work = NULL;
	if (is_stored) {
		job_free(job);
		scheduler_kick(s);
		return;
	}
	job->is_held = true;
	if (!s->is_store_failing)
		loop_timer_set(&s->trial, TRIAL_MS);
	s->is_store_failing = true;
}

static void
job_start(struct scheduler *s, const struct job_kind *kind, const struct schedule_row *row)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->scheduler = s;
	job->kind = kind;
	job->row = *row;
	DL_APPEND(s->jobs, job);
	job->work = kind->start(s->kinds[row->kind].env, &job->row, job_end, job);
}

/* --- lanes --- */

static int64_t
lane_running(const struct scheduler *s, const char *lane)
{
	const struct job *job;
	int64_t n = 0;

	DL_FOREACH(s->jobs, job) {
		n += strcmp(job->row.lane, lane) == 0;
	}
	return n;
}

/* May another job of @kind start in @lane, where @running are running? */
static bool
lane_has_room(
	const struct scheduler *s, const struct job_kind *kind, const char *lane, int64_t running, struct error *err)
{
	int64_t room = kind->lane_room ? kind->lane_room(s->kinds[kind->kind].env, lane, err) : JOB_LANE_ROOM;

	return room > running;
}

static int64_t
lane_opens_at(const struct scheduler *s, const struct job_kind *kind, const char *lane)
{
	return kind->lane_opens_at ? kind->lane_opens_at(s->kinds[kind->kind].env, lane) : 0;
}

/*
 * Starts what is due in one lane; while the clock is suspect (@is_dated false), only date-independent work. Return: the
 * due time of the first future row, or the time at which the lane opens; INT64_MAX when there is none, or when the
 * lane is full (the end of a job starts another pass).
 */
static int64_t
lane_run(struct scheduler *s, const char *lane, int64_t now, bool is_dated, struct error *err)
{
	int64_t running = lane_running(s, lane);
	struct schedule_row row, at;
	bool is_first = true;

	while (schedule_next_in_lane(s->config.store, lane, is_first ? NULL : &at, &row, err) == 1) {
		const struct job_kind *kind = scheduler_kind(s, row.kind);

		is_first = false;
		at = row;
		if (!kind || row_is_busy(s, kind, &row))
			continue;
		if (row.due_at > now)
			return row.due_at;
		if (!is_dated && kind->needs_date)
			continue;
		if (lane_opens_at(s, kind, lane) > now)
			return lane_opens_at(s, kind, lane);
		if (s->is_store_failing || !lane_has_room(s, kind, lane, running, err))
			return INT64_MAX;
		job_start(s, kind, &row);
		running++;
	}
	return INT64_MAX;
}

static void
scheduler_pass(void *arg)
{
	struct scheduler *s = arg;
	int64_t now = loop_now(s->config.loop);
	char lane[STORE_ID_SIZE] = "";
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_dated = time_guard_allows(s->guard, now);
	bool is_after = false;

	s->next_at = INT64_MAX;
	while (schedule_next_lane(s->config.store, lane, is_after, lane, &err) == 1) {
		int64_t due = lane_run(s, lane, now, is_dated, &err);

		if (due < s->next_at)
			s->next_at = due;
		is_after = true;
	}
	if (error_is_set(&err)) {
		event_emit_error(s->config.events, NULL, EVENT_STORE_FAILED, NULL, &err, "schedule: %s", err.message);
		if (s->next_at > time_add(now, LOOK_AGAIN_SEC))
			s->next_at = time_add(now, LOOK_AGAIN_SEC);
	}
	loop_wall_set(s->config.loop, s->next_at);
}

/* --- the clock --- */

/* Rows were moved, or the clock is no longer suspect. */
static void
look_again(void *arg)
{
	scheduler_kick(arg);
}

int64_t
scheduler_due_after_clock_change(const struct scheduler *s, const struct schedule_row *row, int64_t now)
{
	const struct job_kind *kind = scheduler_kind(s, row->kind);

	return kind ? job_due_after_clock_change(kind, s->kinds[row->kind].env, row, now) : row->due_at;
}

/* Due times are wall times, so a pass also handles a clock that was set, and rows that were put meanwhile. */
static void
scheduler_wall(bool was_clock_set, void *arg)
{
	struct scheduler *s = arg;

	if (was_clock_set) {
		time_guard_forget(s->guard);
		clock_change_start(s->clock_change);
	}
	scheduler_kick(s);
}

/* --- life --- */

struct scheduler *
scheduler_new(const struct scheduler_config *config)
{
	struct scheduler *s = xcalloc(1, sizeof(*s));

	s->config = *config;
	s->next_at = INT64_MAX;
	loop_timer_init(&s->pass, config->loop, scheduler_pass, s);
	s->guard = time_guard_new(config, look_again, s);
	s->clock_change = clock_change_new(config, s, look_again, s);
	if (time_guard_was_ahead(s->guard, loop_now(config->loop)))
		clock_change_start(s->clock_change);
	loop_timer_init(&s->trial, config->loop, trial_start, s);
	loop_wall_init(config->loop, scheduler_wall, s);
	store_watch(config->store, STORE_SCHEDULE, row_was_put, s);
	return s;
}

void
scheduler_free(struct scheduler *s)
{
	struct job *job, *tmp;

	if (!s)
		return;
	s->is_closing = true;
	store_watch(s->config.store, STORE_SCHEDULE, NULL, NULL);
	loop_wall_init(s->config.loop, NULL, NULL);
	loop_wall_set(s->config.loop, INT64_MAX);
	loop_timer_cancel(&s->trial);
	store_forget(s->config.store, s);
	DL_FOREACH_SAFE(s->jobs, job, tmp) {
		job_stop(job);
	}
	loop_timer_cancel(&s->pass);
	clock_change_free(s->clock_change);
	time_guard_free(s->guard);
	free(s);
}

void *
scheduler_work(const struct scheduler *s, enum schedule_kind kind, const char *object)
{
	const struct job *job = job_find(s, kind, object);

	return job ? job->work : NULL;
}

unsigned
scheduler_running(const struct scheduler *s, enum schedule_kind kind)
{
	const struct job *job;
	unsigned n = 0;

	DL_FOREACH(s->jobs, job) {
		n += job->row.kind == kind;
	}
	return n;
}

void
scheduler_cancel(struct scheduler *s, enum schedule_kind kind, const char *object)
{
	struct job *job = job_find(s, kind, object);

	if (!job)
		return;
	job_stop(job);
	scheduler_kick(s);
}

void
scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *ret)
{
	const struct job *job;

	*ret = (struct scheduler_stats){
		.next_at = s->next_at,
		.is_store_failing = s->is_store_failing,
		.is_waiting_for_date = time_guard_is_waiting(s->guard),
	};
	DL_FOREACH(s->jobs, job) {
		ret->running++;
	}
}
