/* The second half of a run: probes each endpoint of each consumer, one after the other. */
#include "daemon/rollout/rollout_private.h"

#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/base/dns.h"
#include "daemon/rollout/probe.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_GRACE = 4 }; /* probes, ROLLOUT_SETTLE_SEC apart, before stale is reported */

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
in_grace(const struct run *run)
{
	return run->state.probes < PROBE_GRACE;
}

static void
probes_done(struct run *run)
{
	struct rollout_env *env = &run->rollout->env;
	struct store_txn *txn = store_begin(env->store);
	bool is_served = true;
	int64_t next_at = 0;

	for (size_t i = 0; i < run->state.targets.count; i++) {
		const char *served = rollout_target_at(&run->state, i)->served;

		if (served && strcmp(served, "served") != 0)
			is_served = false;
	}
	if (!is_served) {
		next_at = in_grace(run) ? time_add(run_now(run), ROLLOUT_SETTLE_SEC)
					: rollout_retry_at(
						  run->rollout, run->subject.id, run->state.probes - PROBE_GRACE + 1);
		run->state.probes++;
	}
	rollout_finish(run, txn, &(struct run_next){ .kind = SCHEDULE_PROBE, .due_at = next_at });
}

/* The event of one endpoint; while a server may still be loading, only success is reported. */
static void
tell_probe(struct run *run, const struct probe *p, const char *served, const char *sha256, const struct error *err)
{
	bool is_served_here = strcmp(served, "served") == 0;
	enum event_kind kind = is_served_here ? EVENT_PROBE_SERVED : err ? EVENT_PROBE_UNREACHABLE : EVENT_PROBE_STALE;
	struct event_object object = run_object(run);
	_cleanup_free_ char *endpoint = xasprintf("%s:%d", p->host, (int)p->port);
	struct json_object *data;

	if (!is_served_here && in_grace(run))
		return;
	data = json_object_new_object();
	json_add_string(data, "consumer", run->consumer.o.name);
	json_add_string(data, "endpoint", endpoint);
	json_add_string(data, "sni", p->sni);
	json_add_string(data, "sha256Fingerprint", sha256);
	if (err) {
		json_add_string(data, "code", error_code_name(err->code));
		json_add_string(data, "message", err->message);
	}
	event_emit(run->rollout->env.events, NULL, kind, &object, data, "%s %s", endpoint,
		is_served_here ? "serves the newest certificate"
		: err          ? err->message
			       : "serves another certificate than the newest");
}

static void
looked(const char *sha256, const struct error *err, void *arg)
{
	struct run *run = arg;
	struct rollout_target *t = rollout_target_at(&run->state, run->target);
	const struct probe *p = (const struct probe *)run->consumer.probes.items + run->endpoint;
	const char *served = err ? "unreachable" : strcmp(sha256, run->cert.sha256) == 0 ? "served" : "stale";

	run->probe = NULL;
	tell_probe(run, p, served, sha256, err);
	/* One bad endpoint makes the consumer bad. */
	if (run->endpoint == 0 || strcmp(served, "served") != 0)
		str_replace(&t->served, served);
	error_clear(&t->failure);
	if (err)
		error_copy(&t->failure, err);
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
