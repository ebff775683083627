/*
 * The rollout machine. A run goes through the consumers of a subject and takes the steps that are due, each from where
 * its record says. The record is saved once, at the end of a run, because repeating steps after a crash does no harm.
 *
 * A consumer that is notified of one certificate at a time has its own lane in the schedule, with room for one job, or
 * for those of a batch. A run that reaches such a consumer does what else is due, and its row continues in that lane,
 * with that consumer. A waiting row holds no key and does not occupy a slot of other work.
 *
 * If the record has a newer generation at the end of a run, nothing is saved: the row is still due and the next run
 * rolls out the newest.
 */
#include "daemon/rollout/rollout_private.h"

#include "common/retry.h"
#include "daemon/base/sdbus.h"
#include "daemon/rollout/activate.h"
#include "daemon/rollout/consumer_kind.h"
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
	r->prober = prober_new(env->loop, env->dns, 0);
	r->bus = sdbus_new(env->loop);
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
	if (!r)
		return;
	prober_free(r->prober);
	sdbus_free(r->bus);
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

/* Somebody asked for a probe while this run was deploying. */
static void
keep_what_was_asked(struct run *run, const struct rollout_state *stored)
{
	for (size_t i = 0; run->kind == SCHEDULE_DEPLOY && i < stored->targets.count; i++)
		if (rollout_target_at(stored, i)->is_asked && i < run->state.targets.count)
			rollout_target_at(&run->state, i)->is_asked = true;
}

/* A rollback that somebody asked for, or a policy, is over. */
static void
note_resolved(struct run *run, struct store_txn *txn)
{
	struct event_object object = run_object(run);
	struct json_object *data;

	if (!rollout_is_resolved(&run->state))
		return;
	run->state.rolled_back_at = 0;
	error_clear(&run->state.rolled_back_why);
	data = json_object_new_object();
	json_add_string(data, "certificate", run->state.certificate);
	event_emit(run->rollout->env.events, txn, EVENT_DEPLOY_RESOLVED, &object, data,
		"the newest certificate is deployed; the rollback is over");
}

/* By the policy of the consumer, if there is an earlier certificate. */
static void
roll_back(struct run *run, struct store_txn *txn)
{
	struct rollout *r = run->rollout;
	_cleanup_certificate_ struct certificate earlier = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	struct event_object object = run_object(run);
	struct rollback back = { .subject = run->subject.id, .consumer = run->rolls_back, .why = &why };
	int rc = rollout_find_earlier(
		r->env.store, run->subject.id, run->state.certificate, run_now(run), &earlier, &err);

	error_set(&why, ERROR_STATE, "it does not serve the new certificate");
	for (size_t i = 0; i < run->state.targets.count; i++) {
		const struct rollout_target *t = rollout_target_at(&run->state, i);

		if (strcmp(t->consumer, run->rolls_back) == 0 && error_is_set(&t->failure))
			error_copy(&why, &t->failure);
	}
	back.certificate = earlier.o.id;
	if (rc == 1)
		rc = rollout_roll_back(r, txn, &back, run_now(run), &err);
	if (rc < 0)
		event_emit_error(r->env.events, NULL, EVENT_STORE_FAILED, &object, &err, "%s", err.message);
}

/* Saves the state, and the rows that follow from it, unless there is a newer generation; then ends. */
static void
run_finish(struct run *run)
{
	struct store_txn *txn = store_begin(run->rollout->env.store);
	_cleanup_rollout_state_ struct rollout_state old = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int current = still_current(run, &old, &err);

	store_relax(txn, DONE_MS); /* a run may be repeated */
	if (current == 1) {
		keep_what_was_asked(run, &old);
		rollout_note_done(run, txn);
		note_resolved(run, txn);
		rollout_save(run->rollout, txn, run->subject.id, &old, &run->state);
		rollout_set_rows(run->rollout, txn, run->subject.id, &run->state, run_now(run));
		if (*run->rolls_back)
			roll_back(run, txn);
		else if (*run->next_lane)
			schedule_set(run->rollout->env.store, txn, SCHEDULE_DEPLOY, run->subject.id, run->next_lane,
				run_now(run));
	} else if (current < 0) {
		store_fail(txn, &err);
	}
	store_then(txn, run_saved, run);
}

int64_t
rollout_retry_at(const struct rollout *r, const char *subject_id, int64_t attempts)
{
	return retry_at(RETRY_LOCAL, loop_now(r->env.loop), attempts, subject_id);
}

/* --- the steps --- */

static const struct {
	const char *name;
	rollout_step_fn *enter; /* what follows it */
} steps[] = {
	[ROLLOUT_STAGED] = { "staged", rollout_write },
	[ROLLOUT_WRITTEN] = { "written", rollout_test },
	[ROLLOUT_TESTED] = { "tested", rollout_activate },
	[ROLLOUT_ACTIVATED] = { "activated", rollout_probe },
	[ROLLOUT_PROBED] = { "probed", rollout_probe },
	[ROLLOUT_SERVED] = { "served", rollout_probe },
	[ROLLOUT_ROLLED_BACK] = { "rolled back", rollout_probe },
};
_Static_assert(ARRAY_SIZE(steps) == ROLLOUT_STEP_COUNT, "one row per step");

static size_t
step_index(int64_t step)
{
	return step >= 0 && step < ROLLOUT_STEP_COUNT ? (size_t)step : ROLLOUT_STAGED;
}

const char *
rollout_step_name(int64_t step)
{
	return steps[step_index(step)].name;
}

/* Must this consumer be notified in its own lane, which is not that of the row? */
static bool
needs_own_lane(const struct run *run, const struct rollout_target *t)
{
	const struct consumer_kind *kind = consumer_kind_of(&run->consumer);
	bool is_next = t->step == ROLLOUT_TESTED || (t->step == ROLLOUT_WRITTEN && kind->has_test);

	return run->kind == SCHEDULE_DEPLOY && is_next && kind->is_serial && strcmp(run->lane, t->consumer) != 0;
}

/* A consumer that cannot be read is retried like one that cannot be notified; one that is gone has nothing to do. */
static enum step_result
step_without_consumer(struct run *run, struct rollout_target *t, const struct error *err)
{
	if (run->kind == SCHEDULE_PROBE) {
		t->next_at = 0;
		t->is_asked = false;
		return STEP_WAITS;
	}
	if (error_is_set(err))
		return rollout_step_failed(run, t, err);
	rollout_target_advance(t, ROLLOUT_ACTIVATED, 0);
	return STEP_WAITS;
}

/* The certificate that the target is to have, without its key. Return: 1 found, 0 it was deleted, -1 failed. */
static int
load_certificate(struct run *run, const struct rollout_target *t, struct error *err)
{
	const char *id = rollout_certificate_of(&run->state, t);

	if (strcmp(run->cert.o.id, id) == 0)
		return 1;
	return object_peek(run->rollout->env.store, &certificate_class, id, &run->cert, err);
}

static enum step_result
step_enter(struct run *run, struct rollout_target *t)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	consumer_clear(&run->consumer); /* of the last target */
	if (load_certificate(run, t, &err) != 1) {
		if (!error_is_set(&err))
			error_set(&err, ERROR_NOT_FOUND, "the certificate was deleted");
		return step_without_consumer(run, t, &err);
	}

	if (object_load(run->rollout->env.store, &consumer_class, t->consumer, &run->consumer, &err) != 1)
		return step_without_consumer(run, t, &err);
	if (needs_own_lane(run, t)) {
		if (!*run->next_lane)
			memccpy(run->next_lane, t->consumer, '\0', sizeof(run->next_lane) - 1);
		return STEP_WAITS;
	}
	/* Somebody may ask for a probe before it is activated. */
	return run->kind == SCHEDULE_PROBE ? rollout_probe(run, t) : steps[step_index(t->step)].enter(run, t);
}

/* In a consumer's lane, that consumer is the first. */
static size_t
first_target(const struct run *run)
{
	for (size_t i = 0; i < run->state.targets.count; i++)
		if (strcmp(rollout_target_at(&run->state, i)->consumer, run->lane) == 0)
			return i;
	return 0;
}

static void
run_steps(struct run *run)
{
	size_t first = first_target(run), n = run->state.targets.count;

	for (; run->seen < n; run->seen++) {
		struct rollout_target *t;
		enum step_result result = STEP_ADVANCED;

		run->target = (first + run->seen) % n;
		t = rollout_target_at(&run->state, run->target);
		while (result == STEP_ADVANCED && rollout_target_is_due(t, run->kind, run->started_at))
			result = step_enter(run, t);
		if (result == STEP_RUNS)
			return;
	}
	run_finish(run);
}

void
rollout_step_ended(struct run *run, enum step_result result)
{
	if (result == STEP_WAITS)
		run->seen++;
	run_steps(run);
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
		found = object_peek(store, &certificate_class, run->state.certificate, &run->cert, err);
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
	run->started_at = run_now(run);
	if (row->kind != SCHEDULE_DEPLOY || run->state.is_written || run->state.next_at > run->started_at ||
		rollout_write_live(run) != STEP_RUNS)
		run_steps(run);
	return run;
}

void
rollout_cancel(void *run)
{
	run_free(run);
}

/* Another lane than the default one is a consumer's: it is notified of one certificate at a time, or of a batch. */
static int64_t
deploy_lane_room(void *rollout, const char *lane, struct error *err)
{
	struct rollout *r = rollout;
	_cleanup_consumer_ struct consumer c = { 0 };

	if (!*lane)
		return JOB_LANE_ROOM;
	if (object_peek(r->env.store, &consumer_class, lane, &c, err) < 0)
		return -1;
	return consumer_is_batch(&c) ? BATCH_ROOM : 1;
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
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	bool has_trouble = rollout_load(r, row->object, &state, NULL) == 1 && rollout_failure(&state) &&
			   subject_load(r->env.store, row->object, &subject, NULL) == 1;

	if (has_trouble)
		job_trouble_set(ret, subject.type, subject.name, rollout_failure(&state));
	/* Or it waits for another activation. */
	return has_trouble || rollout_describe_unserved(rollout, row, ret);
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
	.longest_sec = ROLLOUT_LONGEST_WAIT_SEC,
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
