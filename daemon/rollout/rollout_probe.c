/* The second half of a run: probes each endpoint of each consumer, one after the other. */
#include "daemon/rollout/rollout_private.h"

#include "common/name.h"
#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/base/dns.h"
#include "daemon/rollout/probe.h"

#include <stdlib.h>
#include <string.h>

enum {
	PROBE_GRACE = 4, /* probes, ROLLOUT_SETTLE_SEC apart, before stale is reported */
	/* "Attempts" after which common/retry waits for an hour and for a day, with jitter. */
	HOURLY = 5,
	DAILY = 4,
	PROBE_LONGEST_WAIT_SEC = 86400 + 8640, /* DAILY with the most jitter */
};

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

static bool
is_served(const struct rollout_target *t)
{
	return t->served && strcmp(t->served, "served") == 0;
}

/*
 * When to look again. What is served today may be something else tomorrow: a server restarted with an old
 * configuration, a node put back from a backup. After trouble that lasted, sooner.
 */
static int64_t
next_probe_at(struct run *run, bool is_served_everywhere)
{
	int64_t now = run_now(run), probes = run->state.probes;

	run->state.probes = is_served_everywhere ? 0 : probes + 1;
	run->state.is_unserved = !is_served_everywhere && (run->state.is_unserved || probes >= PROBE_GRACE);
	run->state.is_asked = run->state.is_asked && !is_served_everywhere && probes < PROBE_GRACE;
	if (is_served_everywhere)
		return probes > PROBE_GRACE ? retry_at(RETRY_LOCAL, now, HOURLY, run->subject.id)
					    : retry_at(RETRY_REMOTE, now, DAILY, run->subject.id);
	if (probes < PROBE_GRACE)
		return time_add(now, ROLLOUT_SETTLE_SEC);
	return rollout_retry_at(run->rollout, run->subject.id, probes - PROBE_GRACE + 1);
}

static void
probes_done(struct run *run)
{
	struct store_txn *txn = store_begin(run->rollout->env.store);
	bool is_served_everywhere = true, has_endpoints = false;

	for (size_t i = 0; i < run->state.targets.count; i++) {
		const struct rollout_target *t = rollout_target_at(&run->state, i);

		has_endpoints = has_endpoints || t->served;
		is_served_everywhere = is_served_everywhere && (!t->served || is_served(t));
	}
	rollout_finish(run, txn,
		&(struct run_next){ .kind = SCHEDULE_PROBE,
			.due_at = has_endpoints ? next_probe_at(run, is_served_everywhere) : 0 });
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
	const struct error *err = answer->sha256 ? NULL : &answer->error;
	enum event_kind kind = is_served_here ? EVENT_PROBE_SERVED : err ? EVENT_PROBE_UNREACHABLE : EVENT_PROBE_STALE;
	struct event_object object = run_object(run);
	_cleanup_free_ char *endpoint = xasprintf("%s:%d", p->host, (int)p->port);
	struct json_object *data;

	if (is_served_here ? run->was_served && !run->state.is_asked : run->state.probes < PROBE_GRACE)
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
looked(const struct probe_answer *answers, size_t n, void *arg)
{
	struct run *run = arg;
	struct rollout_target *t = rollout_target_at(&run->state, run->target);
	const struct probe *p = (const struct probe *)run->consumer.probes.items + run->endpoint;
	const struct probe_answer *worst = worst_answer(run, answers, n);
	const char *served = !worst->sha256                                 ? "unreachable"
			     : strcmp(worst->sha256, run->cert.sha256) == 0 ? "served"
									    : "stale";

	run->probe = NULL;
	if (run->endpoint == 0)
		run->was_served = is_served(t);
	tell_probe(run, p, served, worst, n);
	/* One bad endpoint makes the consumer bad. */
	if (run->endpoint == 0 || strcmp(served, "served") != 0)
		str_replace(&t->served, served);
	if (run->endpoint == 0 || !worst->sha256)
		error_copy(&t->failure, &worst->error);
	t->probed_at = run_now(run);
	run->endpoint++;
	rollout_probe(run);
}

void
rollout_probe(struct run *run)
{
	for (; run->target < run->state.targets.count; run->target++, run->endpoint = 0) {
		const char *id = rollout_target_at(&run->state, run->target)->consumer;
		const struct probe *p;
		_cleanup_free_ char *sni = NULL;

		if (object_load(run->rollout->env.store, &consumer_class, id, &run->consumer, NULL) != 1 ||
			run->endpoint >= run->consumer.probes.count)
			continue;
		p = (const struct probe *)run->consumer.probes.items + run->endpoint;
		sni = probe_name(p, &run->cert);
		run->probe = probe_start(
			run->rollout->env.loop, run->rollout->env.dns, p->host, (int)p->port, sni, 0, looked, run);
		return;
	}
	probes_done(run);
}

/* The consumer with the first trouble; NULL: all is served, or unknown. */
static const struct rollout_target *
first_unserved(const struct rollout_state *state)
{
	for (size_t i = 0; i < state->targets.count; i++) {
		const struct rollout_target *t = rollout_target_at(state, i);

		if (t->served && !is_served(t))
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

static bool
probe_describe_trouble(void *rollout, const struct schedule_row *row, struct job_trouble *ret)
{
	struct rollout *r = rollout;
	_cleanup_subject_ struct subject subject = { .type = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;
	struct rollout_state state = { 0 };
	const struct rollout_target *t = NULL;

	if (rollout_load(r, row->object, &state, NULL) == 1 && state.is_unserved &&
		subject_load(r->env.store, row->object, &subject, NULL) == 1)
		t = first_unserved(&state);
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
	.describe_trouble = probe_describe_trouble,
};
