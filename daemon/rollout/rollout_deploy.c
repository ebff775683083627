/*
 * The first half of a run: the files are written, then each consumer is notified.
 *
 * A consumer that is notified of one certificate at a time has its own lane in the schedule, with room for one job, or
 * for those of a batch. A run that reaches such a consumer ends, and its row continues in that lane. A waiting row
 * holds no key and does not occupy a slot of other work. In the consumer's lane a run starts with that consumer; those
 * before it in the list were notified earlier in this attempt.
 */
#include "daemon/rollout/rollout_private.h"

#include "common/timefmt.h"
#include "daemon/rollout/consumer_kind.h"

#include <stdlib.h>
#include <string.h>

static void
deploy_done(struct run *run)
{
	struct rollout_env *env = &run->rollout->env;
	struct store_txn *txn = store_begin(env->store);
	struct event_object object = run_object(run);
	struct json_object *data = json_object_new_object();
	int64_t probe_at = run->state.targets.count ? time_add(run_now(run), ROLLOUT_SETTLE_SEC) : 0;

	run->state.attempts = 0;
	run->state.probes = 0;
	run->state.done_at = run_now(run);
	error_clear(&run->state.failure);
	json_add_string(data, "certificate", run->state.certificate);
	json_add_string(data, "directory", run->directory);
	event_emit(env->events, txn, EVENT_DEPLOY_DONE, &object, data, "files written to %s", run->directory);
	rollout_finish(run, txn, &(struct run_next){ .kind = SCHEDULE_PROBE, .due_at = probe_at });
}

static void
deploy_failed(struct run *run, const struct error *err)
{
	struct rollout_env *env = &run->rollout->env;
	struct store_txn *txn = store_begin(env->store);
	struct event_object object = run_object(run);
	_cleanup_error_ struct error why = ERROR_INIT;
	char when[TIME_RFC3339_SIZE];

	run->state.attempts++;
	error_copy(&why, err);
	/* What failed as a batch comes back at the same time, as a batch. */
	why.retry_at = rollout_retry_at(
		run->rollout, *run->failed_batch ? run->failed_batch : run->subject.id, run->state.attempts);
	time_format_rfc3339(why.retry_at, when);
	event_emit_error(
		env->events, txn, EVENT_DEPLOY_FAILED, &object, &why, "%s; next attempt %s", err->message, when);
	rollout_finish(run, txn, &(struct run_next){ .kind = SCHEDULE_DEPLOY, .due_at = why.retry_at });
}

static void
activate_next(struct run *run);

static void
is_notified(const struct error *err, void *arg)
{
	struct run *run = arg;
	struct rollout_target *t = rollout_target_at(&run->state, run->target);
	struct store_txn *txn = store_begin(run->rollout->env.store);

	run->activation = NULL;
	error_clear(&t->failure);
	t->is_notified = !err;
	if (err) {
		if (run->consumer.is_batch)
			memcpy(run->failed_batch, run->consumer.o.id, sizeof(run->failed_batch));
		rollout_consumer_failed(run->rollout, txn, t->consumer, run->subject.id, err);
		error_copy(&t->failure, err);
		error_wrap(&t->failure, "consumer '%s'", run->consumer.o.name);
	} else {
		rollout_consumer_recovered(run->rollout, txn, t->consumer, run->subject.id);
	}
	run->target++;
	activate_next(run);
}

static bool
needs_own_lane(const struct run *run)
{
	return consumer_kind_of(&run->consumer)->is_serial && strcmp(run->lane, run->consumer.o.id) != 0;
}

static void
deploy_in_lane(struct run *run, const char *consumer_id)
{
	rollout_finish(run, store_begin(run->rollout->env.store),
		&(struct run_next){ .kind = SCHEDULE_DEPLOY, .due_at = run_now(run), .lane = consumer_id });
}

static void
activate_next(struct run *run)
{
	const struct error *failure;

	for (; run->target < run->state.targets.count; run->target++) {
		struct rollout_target *t = rollout_target_at(&run->state, run->target);
		struct activate_request request = {
			.consumer = &run->consumer,
			.name = run->subject.name,
			.cert = &run->cert,
			.directory = run->directory,
			.generation = run->state.generation,
			.exec_queues = &run->rollout->exec_queues,
		};

		if (t->is_notified || object_load(run->rollout->env.store, &consumer_class, t->consumer, &run->consumer,
					      &t->failure) != 1)
			continue;
		if (needs_own_lane(run)) {
			deploy_in_lane(run, t->consumer);
			return;
		}
		if (run->consumer.directory)
			request.directory = run->consumer.directory;
		run->activation = activate_start(run->rollout->env.loop, &request, is_notified, run);
		return;
	}
	failure = rollout_consumer_failure(&run->state);
	if (failure)
		deploy_failed(run, failure);
	else
		deploy_done(run);
}

/* The files could not be written to the directory of a consumer. */
static void
note_directory(struct run *run, const char *directory, const struct error *err)
{
	struct rollout *r = run->rollout;

	for (size_t i = 0; i < run->state.targets.count; i++) {
		const char *id = rollout_target_at(&run->state, i)->consumer;
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_load(r->env.store, &consumer_class, id, &c, NULL) == 1 && c.directory &&
			strcmp(c.directory, directory) == 0)
			rollout_consumer_failed(r, store_begin(r->env.store), id, run->subject.id, err);
	}
}

static void
written(const struct error *err, const char *where, void *arg)
{
	struct write *w = arg;
	struct run *run = w->run;

	free(w);
	if (!run)
		return;
	run->write = NULL;
	if (err) {
		error_copy(&run->state.failure, err);
		if (where)
			note_directory(run, where, err);
		deploy_failed(run, err);
		return;
	}
	run->state.is_written = true;
	error_clear(&run->state.failure);
	activate_next(run);
}

/* In a consumer's lane, that consumer; a removed target is skipped, and all others are notified again. */
static size_t
first_target(const struct run *run)
{
	for (size_t i = 0; i < run->state.targets.count; i++)
		if (strcmp(rollout_target_at(&run->state, i)->consumer, run->lane) == 0)
			return i;
	return 0;
}

void
rollout_deploy(struct run *run)
{
	_cleanup_strlist_ struct strlist consumers = STRLIST_INIT;
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct drop_request request = {
		.slug = run->subject.slug,
		.cert = &run->cert,
		.generation = run->state.generation,
		.directories = &directories,
	};

	if (run->state.is_written) {
		secret_clear(&run->cert.key); /* many may wait here */
		run->target = first_target(run);
		activate_next(run);
		return;
	}
	for (size_t i = 0; i < run->state.targets.count; i++)
		strlist_add(&consumers, rollout_target_at(&run->state, i)->consumer);
	if (rollout_directories(run->rollout, &consumers, &directories, &err) < 0) {
		error_copy(&run->state.failure, &err);
		deploy_failed(run, &err);
		return;
	}
	run->write = xcalloc(1, sizeof(*run->write));
	run->write->run = run;
	drop_write(run->rollout->env.drops, &request, written, run->write);
}
