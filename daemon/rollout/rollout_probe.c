/* The step after the activation, which is repeated: what do the endpoints of a consumer present? */
#include "daemon/rollout/rollout_private.h"

#include "common/name.h"
#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/base/dns.h"
#include "daemon/rollout/probe.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_LONGEST_WAIT_SEC = 86400 + 8640 }; /* a day, with the most jitter */

/*
 * The name that a client would ask for: the declared one, else the first that is not a wildcard, else one below the
 * wildcard.
 */
static char *
probe_name(const struct probe *p, const struct certificate *cert)
{
	if (p->sni)
		return xstrdup(p->sni);
	for (size_t i = 0; i < cert->names.count; i++)
		if (!name_is_wildcard(cert->names.items[i]) && name_type_of(cert->names.items[i]) == NAME_DNS)
			return xstrdup(cert->names.items[i]);
	if (cert->names.count && name_is_wildcard(cert->names.items[0]))
		return xasprintf("probe.%s", name_base(cert->names.items[0]));
	return NULL;
}

/* Of the addresses of an endpoint, that which is told: a stale one before one that does not answer. */
static const struct probe_answer *
worst_answer(const struct run *run, const struct probe_answer *answers, size_t n)
{
	const struct probe_answer *worst = &answers[0];

	for (size_t i = 0; i < n; i++) {
		if (answers[i].sha256 && strcmp(answers[i].sha256, run->cert.sha256) != 0)
			return &answers[i];
		if (!answers[i].sha256)
			worst = &answers[i];
	}
	return worst;
}

/*
 * The event of one endpoint. While a server may still be loading, only success is reported; what was served at the last
 * look as well is no news.
 */
static void
tell_probe(struct run *run, const struct probe *p, const char *served, const struct probe_answer *answer, size_t n)
{
	bool is_served_here = strcmp(served, "served") == 0;
	const struct rollout_target *t = rollout_target_at(&run->state, run->target);
	const struct error *err = answer->sha256 ? NULL : &answer->error;
	enum event_kind kind = is_served_here ? EVENT_PROBE_SERVED : err ? EVENT_PROBE_UNREACHABLE : EVENT_PROBE_STALE;
	struct event_object object = run_object(run);
	_cleanup_free_ char *endpoint = xasprintf("%s:%d", p->host, (int)p->port);
	struct json_object *data;

	if (is_served_here ? rollout_target_is_served(t) && !t->is_asked
			   : t->step >= ROLLOUT_ACTIVATED && t->probes < ROLLOUT_PROBE_GRACE)
		return;
	data = json_object_new_object();
	json_add_string(data, "consumer", run->consumer.o.name);
	json_add_string(data, "endpoint", endpoint);
	json_add_string(data, "address", is_served_here ? NULL : answer->address);
	json_add_string(data, "sni", p->sni);
	json_add_string(data, "sha256Fingerprint", answer->sha256);
	if (err) {
		json_add_string(data, "code", error_code_name(err->code));
		json_add_string(data, "message", err->message);
	}
	if (is_served_here)
		event_emit(run->rollout->env.events, NULL, kind, &object, data, "%s serves the newest certificate",
			endpoint);
	else if (err)
		event_emit(run->rollout->env.events, NULL, kind, &object, data, "%s", err->message);
	else
		event_emit(run->rollout->env.events, NULL, kind, &object, data,
			"%s%s%s serves another certificate than the newest", endpoint, n > 1 ? " at " : "",
			n > 1 ? answer->address : "");
}

static void
probe_next_endpoint(struct run *run);

static void
looked(const struct probe_answer *answers, size_t n, void *arg)
{
	struct run *run = arg;
	const struct probe *p = (const struct probe *)run->consumer.probes.items + run->endpoint;
	const struct probe_answer *worst = worst_answer(run, answers, n);
	const char *served = !worst->sha256                                 ? "unreachable"
			     : strcmp(worst->sha256, run->cert.sha256) == 0 ? "served"
									    : "stale";

	run->probe = NULL;
	tell_probe(run, p, served, worst, n);
	/* One bad endpoint makes the consumer bad. */
	if (run->endpoint == 0 || strcmp(served, "served") != 0)
		str_replace(&run->worst, served);
	if (!worst->sha256)
		error_copy(&run->unreached, &worst->error);
	run->endpoint++;
	probe_next_endpoint(run);
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

static void
probe_next_endpoint(struct run *run)
{
	struct rollout_target *t = rollout_target_at(&run->state, run->target);
	const struct probe *p = (const struct probe *)run->consumer.probes.items + run->endpoint;
	_cleanup_free_ char *sni = NULL;

	if (run->endpoint == run->consumer.probes.count) {
		if (rollout_target_probed(t, run->worst, &run->unreached, run_now(run), run->subject.id))
			report_stuck(run, t);
		rollout_step_ended(run, STEP_WAITS);
		return;
	}
	sni = probe_name(p, &run->cert);
	run->probe = probe_start(
		run->rollout->env.loop, run->rollout->env.dns, p->host, (int)p->port, sni, 0, looked, run);
}

/* Each endpoint of the consumer, one after the other. */
enum step_result
rollout_probe(struct run *run, struct rollout_target *t)
{
	run->endpoint = 0;
	error_clear(&run->unreached);
	if (run->consumer.probes.count == 0) {
		t->next_at = 0;
		t->is_asked = false;
		return STEP_WAITS;
	}
	probe_next_endpoint(run);
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
		error_wrap(ret, "consumer '%s'", name);
	} else {
		error_set(ret, ERROR_STATE, "consumer '%s' is stale: it serves another certificate than the newest",
			name);
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
	struct rollout_state state = { 0 };
	const struct rollout_target *t = NULL;

	if (rollout_load(r, row->object, &state, NULL) == 1 &&
		subject_load(r->env.store, row->object, &subject, NULL) == 1)
		t = first_unserved(&state, row->kind);
	if (t) {
		describe_unserved(r, t, &why);
		job_trouble_set(ret, subject.type, subject.name, &why);
	}
	record_clear(&rollout_class, &state);
	return t;
}

static int64_t
probe_after_clock_change(void *env _unused_, const struct schedule_row *row, int64_t now)
{
	return job_due_within(row, now, PROBE_LONGEST_WAIT_SEC);
}

/* Independent of the date, like the deploy job. */
const struct job_kind probe_job = {
	.kind = SCHEDULE_PROBE,
	.word = "probe",
	.classes = { &autocert_class, &certificate_class },
	.excludes = SCHEDULE_DEPLOY,
	.start = rollout_start,
	.cancel = rollout_cancel,
	.after_clock_change = probe_after_clock_change,
	.count_troubles = probe_count_troubles,
	.describe_trouble = rollout_describe_unserved,
};
