/*
 * The rollout machine. A run starts where the record says: it writes what is not written, notifies the consumers that
 * were not notified, then probes. Each step may be repeated. The record is saved once, at the end of a run, because
 * repeating steps after a crash does no harm.
 *
 * If the record has a newer generation at the end of a run, nothing is saved: the row is still due and the next run
 * rolls out the newest.
 */
#include "daemon/rollout/rollout_private.h"

#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/rollout/activate.h"
#include "daemon/rollout/probe.h"

#include <stdlib.h>
#include <string.h>

enum {
	DONE_MS = 10,    /* how long the end of a run may wait to share a commit */
	BATCH_ROOM = 500 /* certificates of one batch */
};

struct rollout *
rollout_new(const struct rollout_env *env)
{
	struct rollout *r = xcalloc(1, sizeof(*r));

	r->env = *env;
	return r;
}

static void
run_free(struct run *run)
{
	store_forget(run->rollout->env.store, run);
	if (run->write)
		run->write->run = NULL;
	activate_cancel(run->activation);
	probe_cancel(run->probe);
	subject_clear(&run->subject);
	certificate_clear(&run->cert);
	consumer_clear(&run->consumer);
	record_clear(&rollout_class, &run->state);
	free(run->directory);
	free(run);
}

void
rollout_free(struct rollout *r)
{
	free(r);
}

/* --- the end of a run --- */

static void
run_end(struct run *run, bool is_stored)
{
	schedule_done_fn *done = run->done;
	void *arg = run->arg;

	run_free(run);
	done(is_stored, arg);
}

static void
run_saved(const struct error *err, void *arg)
{
	struct run *run = arg;
	struct event_object object = run_object(run);

	if (err)
		event_emit_error(run->rollout->env.events, NULL, EVENT_STORE_FAILED, &object, err, "%s", err->message);
	run_end(run, !err);
}

/* Return: 1 the record (@ret) still has this run's generation, 0 newer or gone, -1 failed. */
static int
still_current(struct run *run, struct rollout_state *ret, struct error *err)
{
	int found = rollout_load(run->rollout, run->subject.id, ret, err);

	return found < 0 ? -1 : found == 1 && ret->generation == run->state.generation;
}

void
rollout_finish(struct run *run, struct store_txn *txn, const struct run_next *next)
{
	struct store *store = run->rollout->env.store;
	struct rollout_state old = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int current = still_current(run, &old, &err);

	store_relax(txn, DONE_MS); /* a run may be repeated */
	if (current == 1) {
		rollout_save(run->rollout, txn, run->subject.id, &old, &run->state);
		schedule_del(store, txn, run->kind, run->subject.id);
		if (next->due_at)
			schedule_set(
				store, txn, next->kind, run->subject.id, next->lane ? next->lane : "", next->due_at);
	} else if (current < 0) {
		store_fail(txn, &err);
	}
	record_clear(&rollout_class, &old);
	store_then(txn, run_saved, run);
}

int64_t
rollout_retry_at(const struct rollout *r, const char *subject_id, int64_t attempts)
{
	return retry_at(RETRY_LOCAL, clock_wall(loop_clock(r->env.loop)), attempts, subject_id);
}

/* --- begin --- */

/* Return: 1 there is work, 0 the subject of the row is gone, -1 failed. */
static int
run_load(struct run *run, const char *subject_id, struct error *err)
{
	struct store *store = run->rollout->env.store;
	int found = subject_load(store, subject_id, &run->subject, err);

	if (found == 1)
		found = rollout_load(run->rollout, subject_id, &run->state, err);
	if (found == 1)
		found = object_load(store, &certificate_class, run->state.certificate, &run->cert, err);
	return found;
}

/* Nothing to do, or unreadable: deletes the row, or moves it by an hour. */
static void
run_give_up(struct run *run, const char *subject_id, const struct error *err)
{
	struct rollout_env *env = &run->rollout->env;
	struct store_txn *txn = store_begin(env->store);

	if (error_is_set(err)) {
		event_emit_error(env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
		schedule_set(env->store, txn, run->kind, subject_id, "",
			rollout_retry_at(run->rollout, subject_id, INT64_MAX));
	} else {
		schedule_del(env->store, txn, run->kind, subject_id);
	}
	store_then(txn, run_saved, run);
}

void *
rollout_start(void *rollout, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct run *run = xcalloc(1, sizeof(*run));
	_cleanup_error_ struct error err = ERROR_INIT;

	run->rollout = rollout;
	run->kind = row->kind;
	memcpy(run->lane, row->lane, sizeof(run->lane));
	run->done = done;
	run->arg = arg;
	if (run_load(run, row->object, &err) != 1) {
		run_give_up(run, row->object, &err);
		return run;
	}
	run->directory = drop_directory(run->rollout->env.drops, run->subject.slug);
	if (row->kind == SCHEDULE_DEPLOY)
		rollout_deploy(run);
	else
		rollout_probe(run);
	return run;
}

void
rollout_cancel(void *run)
{
	run_free(run);
}

int64_t
rollout_after_clock_change(void *env _unused_, const struct schedule_row *row, int64_t now)
{
	return job_due_within(row, now, ROLLOUT_LONGEST_WAIT_SEC);
}

/*
 * Another lane than the default one is a consumer's (rollout_deploy.c): it is notified of one certificate at a time, or
 * of as many as wait.
 */
static int64_t
deploy_lane_room(void *rollout, const char *lane, struct error *err)
{
	struct rollout *r = rollout;
	_cleanup_consumer_ struct consumer c = { 0 };

	if (!*lane)
		return JOB_LANE_ROOM;
	if (object_peek(r->env.store, &consumer_class, lane, &c, err) < 0)
		return -1;
	return c.is_batch ? BATCH_ROOM : 1;
}

static int64_t
deploy_count_troubles(void *rollout)
{
	return rollout_count_failing(rollout);
}

static bool
deploy_describe_trouble(void *rollout, const struct schedule_row *row, struct job_trouble *ret)
{
	struct rollout *r = rollout;
	_cleanup_subject_ struct subject subject = { .type = NULL };
	struct rollout_state state = { 0 };
	bool has_trouble = rollout_load(r, row->object, &state, NULL) == 1 && rollout_failure(&state) &&
			   subject_load(r->env.store, row->object, &subject, NULL) == 1;

	if (has_trouble)
		job_trouble_set(ret, subject.type, subject.name, rollout_failure(&state));
	record_clear(&rollout_class, &state);
	return has_trouble;
}

/* Independent of the date, like the probe job; both save the rollout. */
static const struct job_kind deploy_job = {
	.kind = SCHEDULE_DEPLOY,
	.word = "deploy",
	.classes = { &autocert_class, &certificate_class },
	.excludes = SCHEDULE_PROBE,
	.start = rollout_start,
	.cancel = rollout_cancel,
	.lane_room = deploy_lane_room,
	.after_clock_change = rollout_after_clock_change,
	.count_troubles = deploy_count_troubles,
	.describe_trouble = deploy_describe_trouble,
};

void
rollout_register_jobs(struct scheduler *scheduler, struct rollout *rollout)
{
	scheduler_register(scheduler, &deploy_job, rollout);
	scheduler_register(scheduler, &probe_job, rollout);
	scheduler_register(scheduler, &remove_job, rollout);
}
