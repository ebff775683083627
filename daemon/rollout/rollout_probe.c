/* The step after the activation, which is repeated: what do the endpoints of a consumer present? */
#include "daemon/rollout/rollout_private.h"

#include "daemon/rollout/probe.h"

#include <stdlib.h>
#include <string.h>

enum {
	PROBES_ROOM = 256, /* subjects at once: the prober bounds their connections, and many may be dead */
	PROBE_LONGEST_WAIT_SEC = 86400 + 8640, /* a day, with the most jitter */
};

static const enum event_kind probe_events[] = {
	[PROBE_SERVED] = EVENT_PROBE_SERVED,
	[PROBE_INCOMPLETE] = EVENT_PROBE_INCOMPLETE,
	[PROBE_STALE] = EVENT_PROBE_STALE,
	[PROBE_NOT_VALID] = EVENT_PROBE_INVALID,
	[PROBE_MISMATCH] = EVENT_PROBE_MISMATCH,
	[PROBE_UNREACHABLE] = EVENT_PROBE_UNREACHABLE,
};

/* What was presented, and what was expected to be. */
static struct json_object *
probe_event_data(const struct run *run, const struct probe_result *result, const struct probe_answer *answer)
{
	struct json_object *data = json_object_new_object();

	json_add_string(data, "consumer", run->consumer.o.name);
	json_add_string(data, "endpoint", result->endpoint);
	json_add_string(data, "address", answer->state == PROBE_SERVED ? NULL : answer->address);
	json_add_string(data, "sni", result->sni);
	json_add_string(data, "sha256Fingerprint", answer->sha256);
	if (answer->state == PROBE_UNREACHABLE) {
		json_add_string(data, "code", error_code_name(answer->error.code));
		json_add_string(data, "message", answer->error.message);
	} else if (answer->state != PROBE_SERVED && answer->serial) {
		json_add_string(data, "serial", answer->serial);
		json_add_string(data, "issuer", answer->issuer);
		json_add_strlist(data, "names", &answer->names);
		json_add_time(data, "notAfter", answer->not_after_at);
	}
	return data;
}

/*
 * The event of one endpoint. While a server may still be loading, only success is reported; what was served at the last
 * look as well is no news.
 */
static void
tell_probe(struct run *run, const struct probe_result *result, const struct probe_answer *answer)
{
	const struct rollout_target *t = rollout_target_at(&run->state, run->target);
	struct event_object object = run_object(run);
	struct json_object *data;

	if (answer->state == PROBE_SERVED ? rollout_target_is_served(t) && !t->is_asked
					  : t->step >= ROLLOUT_ACTIVATED && t->probes < ROLLOUT_PROBE_GRACE)
		return;
	data = probe_event_data(run, result, answer);
	if (answer->state == PROBE_SERVED)
		event_emit(run->rollout->env.events, NULL, EVENT_PROBE_SERVED, &object, data,
			"%s serves the newest certificate", result->endpoint);
	else
		event_emit(run->rollout->env.events, NULL, probe_events[answer->state], &object, data, "%s",
			answer->error.message);
}

static void
report_stuck(struct run *run, const struct rollout_target *t)
{
	struct rollout_env *env = &run->rollout->env;
	struct event_object object = run_object(run);
	struct json_object *data = json_object_new_object();

	json_add_string(data, "consumer", run->consumer.o.name);
	json_add_string(data, "served", t->served);
	json_add_int(data, "activations", t->activations);
	event_emit(env->events, store_begin(env->store), EVENT_CONSUMER_STALE, &object, data,
		"consumer '%s' is %s; certd probes it every hour, but a person has to look", run->consumer.o.name,
		t->served);
}

/* One bad endpoint makes the consumer bad. */
static void
keep_endpoint(struct rollout_target *t, const struct probe_result *result, const struct probe_answer *answer)
{
	struct rollout_endpoint *e = record_list_add(&rollout_endpoint_class, &t->endpoints);

	e->endpoint = xstrdup(result->endpoint);
	e->served = xstrdup(probe_state_name(answer->state));
	e->not_after_at = answer->not_after_at;
}

static void
looked(const struct probe_result *results, size_t n, void *arg)
{
	struct run *run = arg;
	struct rollout_target *t = rollout_target_at(&run->state, run->target);
	const struct probe_answer *worst = probe_worst(&results[0]);

	run->probe = NULL;
	record_list_clear(&rollout_endpoint_class, &t->endpoints);
	for (size_t i = 0; i < n; i++) {
		const struct probe_answer *answer = probe_worst(&results[i]);

		keep_endpoint(t, &results[i], answer);
		tell_probe(run, &results[i], answer);
		if (answer->state > worst->state)
			worst = answer;
	}
	if (rollout_target_probed(t, probe_state_name(worst->state), &worst->error, run_now(run), run->subject.id))
		report_stuck(run, t);
	if (t->step == ROLLOUT_WRITTEN)
		drop_generation_touch(run->rollout->env.drops); /* it is to be activated again */
	rollout_consider_rollback(run, t);
	rollout_step_ended(run, STEP_WAITS);
}

/* All endpoints of the consumer. */
enum step_result
rollout_probe(struct run *run, struct rollout_target *t)
{
	if (run->consumer.probes.count == 0) {
		t->next_at = 0;
		t->is_asked = false;
		return STEP_WAITS;
	}
	run->probe = probe_start(run->rollout->prober, &run->consumer.probes, &run->cert, looked, run);
	return STEP_RUNS;
}

/* The first consumer in lasting trouble whose next step a row of @kind takes; NULL: none. */
static const struct rollout_target *
first_unserved(const struct rollout_state *state, enum schedule_kind kind)
{
	for (size_t i = 0; i < state->targets.count; i++) {
		const struct rollout_target *t = rollout_target_at(state, i);

		if (t->is_unserved && (kind == SCHEDULE_PROBE) == (t->step >= ROLLOUT_ACTIVATED))
			return t;
	}
	return NULL;
}

static void
describe_unserved(struct rollout *r, const struct rollout_target *t, struct error *ret)
{
	_cleanup_consumer_ struct consumer c = { 0 };
	const char *name = object_load(r->env.store, &consumer_class, t->consumer, &c, NULL) == 1 ? c.o.name
												  : t->consumer;

	if (error_is_set(&t->failure)) {
		error_copy(ret, &t->failure);
		error_wrap(ret, "consumer '%s' is %s", name, t->served);
	} else { /* probed by an earlier certd */
		error_set(ret, ERROR_STATE, "consumer '%s' is %s", name, t->served);
	}
}

static int64_t
probe_count_troubles(void *rollout)
{
	return rollout_count_unserved(rollout);
}

bool
rollout_describe_unserved(void *rollout, const struct schedule_row *row, struct job_trouble *ret)
{
	struct rollout *r = rollout;
	_cleanup_subject_ struct subject subject = { .type = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	const struct rollout_target *t = NULL;

	if (rollout_load(r, row->object, &state, NULL) == 1 &&
		subject_load(r->env.store, row->object, &subject, NULL) == 1)
		t = first_unserved(&state, row->kind);
	if (t) {
		describe_unserved(r, t, &why);
		job_trouble_set(ret, subject.type, subject.name, &why);
	}
	return t;
}

static int64_t
probe_lane_room(void *env _unused_, const char *lane _unused_, struct error *err _unused_)
{
	return PROBES_ROOM;
}

/* Independent of the date, like the deploy job. */
const struct job_kind probe_job = {
	.kind = SCHEDULE_PROBE,
	.word = "probe",
	.classes = { &autocert_class, &certificate_class },
	.excludes = SCHEDULE_DEPLOY,
	.start = rollout_start,
	.cancel = rollout_cancel,
	.lane_room = probe_lane_room,
	.longest_sec = PROBE_LONGEST_WAIT_SEC,
	.count_troubles = probe_count_troubles,
	.describe_trouble = rollout_describe_unserved,
};
