/* The steps before a certificate can be probed: the files are written, tested, and their consumers notified. */
#include "daemon/rollout/rollout_private.h"

#include "common/timefmt.h"
#include "daemon/rollout/activate.h"
#include "daemon/rollout/consumer_kind.h"

#include <stdlib.h>
#include <string.h>

/* --- the outcome --- */

void
rollout_note_done(struct run *run, struct store_txn *txn)
{
	struct event_object object = run_object(run);
	struct json_object *data;

	if (run->state.done_at || !rollout_is_deployed(&run->state))
		return;
	run->state.done_at = run_now(run);
	data = json_object_new_object();
	json_add_string(data, "certificate", rollout_certificate_of(&run->state, NULL));
	json_add_string(data, "directory", run->directory);
	event_emit(
		run->rollout->env.events, txn, EVENT_DEPLOY_DONE, &object, data, "files written to %s", run->directory);
}

/* @t: NULL: the files of live/<slug> could not be written. */
static void
report_failure(struct run *run, const struct rollout_target *t, const struct error *err, int64_t retry_at)
{
	struct rollout_env *env = &run->rollout->env;
	struct event_object object = run_object(run);
	_cleanup_error_ struct error why = ERROR_INIT;
	struct json_object *data;
	char when[TIME_RFC3339_SIZE];

	error_copy(&why, err);
	why.retry_at = retry_at;
	time_format_rfc3339(retry_at, when);
	data = event_error_data(&why);
	if (t) {
		json_add_string(data, "consumer", run->consumer.o.name);
		json_add_string(data, "step", rollout_step_name(t->step));
	}
	event_emit(env->events, store_begin(env->store), EVENT_DEPLOY_FAILED, &object, data, "%s; next attempt %s",
		err->message, when);
}

/* What failed as a batch comes back at the same time, as a batch. */
static int64_t
target_retry_at(const struct run *run, const struct rollout_target *t)
{
	return rollout_retry_at(run->rollout, consumer_is_batch(&run->consumer) ? run->consumer.o.id : run->subject.id,
		t->attempts + 1);
}

void
rollout_consider_rollback(struct run *run, const struct rollout_target *t)
{
	const char *policy = run->consumer.rollback;

	if (policy && strcmp(policy, "onFailure") == 0 && !*run->rolls_back && rollout_may_roll_back(t))
		memccpy(run->rolls_back, t->consumer, '\0', sizeof(run->rolls_back) - 1);
}

enum step_result
rollout_step_failed(struct run *run, struct rollout_target *t, const struct error *err)
{
	struct rollout *r = run->rollout;
	int64_t retry_at = target_retry_at(run, t);
	_cleanup_error_ struct error why = ERROR_INIT;

	rollout_consumer_failed(r, store_begin(r->env.store), t->consumer, run->subject.id, err);
	error_copy(&why, err);
	error_wrap(&why, "consumer '%s'", run->consumer.o.name ? run->consumer.o.name : t->consumer);
	report_failure(run, t, &why, retry_at);
	rollout_target_failed(t, &why, retry_at);
	rollout_consider_rollback(run, t);
	return STEP_WAITS;
}

/* --- writing --- */

static void
live_written(struct run *run, const struct error *err)
{
	struct rollout_state *s = &run->state;

	if (!err) {
		s->is_written = true;
		s->attempts = 0;
		s->next_at = 0;
		error_clear(&s->failure);
		return;
	}
	s->attempts++;
	s->next_at = rollout_retry_at(run->rollout, run->subject.id, s->attempts);
	error_copy(&s->failure, err);
	report_failure(run, NULL, err, s->next_at);
}

static enum step_result
target_written(struct run *run, struct rollout_target *t, const struct error *err)
{
	if (err)
		return rollout_step_failed(run, t, err);
	rollout_target_advance(t, ROLLOUT_WRITTEN, 0);
	return STEP_ADVANCED;
}

static void
written(const struct error *err, const char *where _unused_, void *arg)
{
	struct write *w = arg;
	struct run *run = w->run;
	bool is_of_target = w->is_of_target;
	enum step_result result = STEP_ADVANCED;

	free(w);
	if (!run)
		return;
	run->write = NULL;
	if (is_of_target)
		result = target_written(run, rollout_target_at(&run->state, run->target), err);
	else
		live_written(run, err);
	rollout_step_ended(run, result);
}

/* What is written to @directory, NULL: to live/<slug>. @sets and @names: empty, cleared by the caller. */
static int
fill_request(struct run *run, const char *directory, struct drop_request *request, struct rollout_sets *sets,
	struct strlist *names, struct error *err)
{
	if (!directory) {
		request->declared = names;
		return rollout_declared_directories(run->rollout, &run->state, names, err);
	}
	request->is_partial = true;
	if (output_are_declared(&run->consumer)) {
		if (rollout_sets_of(run->rollout, &run->state, directory, sets, err) < 0)
			return -1;
		request->sets = sets->items;
		request->n_sets = sets->count;
	} else {
		request->directories = names;
		strlist_add(names, directory);
	}
	return 0;
}

/* @directory: the only one that is written to; NULL: live/<slug>. The key is unsealed for the call only. */
static int
write_start(struct run *run, const char *directory, struct error *err)
{
	struct rollout *r = run->rollout;
	_cleanup_certificate_ struct certificate cert = { 0 };
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct rollout_sets sets = { .items = NULL };
	struct drop_request request = {
		.subject_id = run->subject.id,
		.slug = run->subject.slug,
		.variant = run->subject.variant,
		.cert = &cert,
		.generation = run->state.generation,
	};
	const char *id = rollout_certificate_of(
		&run->state, directory ? rollout_target_at(&run->state, run->target) : NULL);
	int found = object_load(r->env.store, &certificate_class, id, &cert, err);

	if (found != 1)
		return found < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "the certificate was deleted");
	if (fill_request(run, directory, &request, &sets, &names, err) < 0) {
		rollout_sets_clear(&sets);
		return -1;
	}
	run->write = xcalloc(1, sizeof(*run->write));
	run->write->run = run;
	run->write->is_of_target = directory;
	drop_write(r->env.drops, &request, written, run->write);
	rollout_sets_clear(&sets);
	return 0;
}

enum step_result
rollout_write_live(struct run *run)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (write_start(run, NULL, &err) == 0)
		return STEP_RUNS;
	live_written(run, &err);
	return STEP_WAITS;
}

/* Without its own directory the consumer reads live/<slug>. */
enum step_result
rollout_write(struct run *run, struct rollout_target *t)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (run->consumer.directory) {
		if (write_start(run, run->consumer.directory, &err) == 0)
			return STEP_RUNS;
		return rollout_step_failed(run, t, &err);
	}
	if (!run->state.is_written) {
		t->next_at = run->state.next_at;
		return STEP_WAITS;
	}
	return target_written(run, t, NULL);
}

/* --- testing and notifying --- */

/*
 * A consumer that tests the files does so when it is notified: certd itself may not read a server's configuration. Its
 * step says afterwards which of the two failed. With the others there is nothing to test.
 */
enum step_result
rollout_test(struct run *run, struct rollout_target *t)
{
	if (consumer_kind_of(&run->consumer)->has_test)
		return rollout_activate(run, t);
	rollout_target_advance(t, ROLLOUT_TESTED, 0);
	return STEP_ADVANCED;
}

static void
activated(const struct error *err, bool is_tested, void *arg)
{
	struct run *run = arg;
	struct rollout *r = run->rollout;
	struct rollout_target *t = rollout_target_at(&run->state, run->target);

	run->activation = NULL;
	if (err) {
		if (consumer_kind_of(&run->consumer)->has_test)
			t->step = is_tested ? ROLLOUT_TESTED : ROLLOUT_WRITTEN;
		rollout_step_failed(run, t, err);
	} else {
		rollout_consumer_recovered(r, store_begin(r->env.store), t->consumer, run->subject.id);
		rollout_target_advance(t, ROLLOUT_ACTIVATED,
			run->consumer.probes.count ? time_add(run_now(run), ROLLOUT_SETTLE_SEC) : 0);
	}
	rollout_step_ended(run, STEP_WAITS);
}

enum step_result
rollout_activate(struct run *run, struct rollout_target *t _unused_)
{
	struct activate_request request = {
		.consumer = &run->consumer,
		.name = run->subject.name,
		.cert = &run->cert,
		.directory = run->consumer.directory ? run->consumer.directory : run->directory,
		.generation = run->state.generation,
		.queues = &run->rollout->queues,
		.bus = run->rollout->bus,
	};

	run->activation = activate_start(run->rollout->env.loop, &request, activated, run);
	return STEP_RUNS;
}
