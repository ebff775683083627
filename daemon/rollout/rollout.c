/*
 * The rollout machine. A run enters where the record says: write what is not written, activate who is not activated,
 * then look. Each step may be repeated; the record is saved once, at the end of a run, because a crash before that
 * only repeats what is harmless to repeat.
 *
 * A run that ends when the record has got a new generation meanwhile saves nothing: the row is due still and the next
 * run rolls out what is newest.
 */
#include "daemon/rollout/rollout_private.h"

#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/activate.h"
#include "daemon/rollout/probe.h"
#include "daemon/rollout/subject.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	/* A server needs a moment to load: until then "stale" is no news. */
	PROBE_FIRST_SEC = 2,
	DONE_MS = 10,    /* how long the end of a run may wait for a commit to take it along */
	PROBE_GRACE = 4, /* looks, PROBE_FIRST_SEC apart, before stale is said */
};

static const struct record_field target_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct rollout_target, consumer, NULL),
	RECORD_FIELD(RECORD_BOOL, 2, struct rollout_target, activated, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct rollout_target, served, NULL),
	RECORD_FIELD(RECORD_INT, 4, struct rollout_target, probed_at, NULL),
	RECORD_FIELD(RECORD_ERROR, 5, struct rollout_target, failure, NULL),
};

static const struct record_class target_class = {
	.name = "rollout target",
	.db = STORE_ROLLOUT,
	.size = sizeof(struct rollout_target),
	.fields = target_fields,
	.n_fields = ARRAY_SIZE(target_fields),
};

static const struct record_field rollout_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct rollout_state, certificate, NULL),
	RECORD_FIELD(RECORD_INT, 2, struct rollout_state, generation, NULL),
	RECORD_FIELD(RECORD_BOOL, 3, struct rollout_state, written, NULL),
	RECORD_FIELD_LIST(4, struct rollout_state, targets, NULL, &target_class),
	RECORD_FIELD(RECORD_INT, 5, struct rollout_state, attempts, NULL),
	RECORD_FIELD(RECORD_ERROR, 6, struct rollout_state, failure, NULL),
	RECORD_FIELD(RECORD_INT, 7, struct rollout_state, done_at, NULL),
	RECORD_FIELD(RECORD_INT, 8, struct rollout_state, probes, NULL),
};

const struct record_class rollout_class = {
	.name = "rollout",
	.db = STORE_ROLLOUT,
	.size = sizeof(struct rollout_state),
	.fields = rollout_fields,
	.n_fields = ARRAY_SIZE(rollout_fields),
};

/* One row being run. */
struct run {
	struct rollout *rollout;
	enum schedule_kind kind;
	struct subject subject;
	struct certificate cert;
	struct rollout_state state;
	char *directory; /* of the drop, for consumers */
	struct write *write;
	struct activation *activation;
	struct probe_run *probe;
	struct consumer consumer; /* of the present target */
	size_t target;            /* index */
	size_t endpoint;          /* of the present target's consumer */
	schedule_done_fn *done;
	void *arg;
	struct run *prev, *next;
};

/* A drop that is being written outlives its run. */
struct write {
	struct run *run; /* NULL: gone */
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
	DL_DELETE(run->rollout->runs, run);
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
	struct run *run, *tmp;

	if (!r)
		return;
	DL_FOREACH_SAFE(r->runs, run, tmp)
	{
		run_free(run);
	}
	withdraw_cancel_all(r);
	free(r);
}

static int64_t
run_now(const struct run *run)
{
	return clock_wall(loop_clock(run->rollout->env.loop));
}

static struct event_object
run_object(const struct run *run)
{
	return (struct event_object){ run->subject.type, run->subject.id, run->subject.name };
}

/* --- the record --- */

int
rollout_load(struct rollout *r, const char *subject_id, struct rollout_state *ret, struct error *err)
{
	_cleanup_buf_ struct buf octets = BUF_INIT;
	int found = store_get(r->env.store, STORE_ROLLOUT, subject_id, strlen(subject_id), &octets, err);

	if (found != 1)
		return found;
	return record_decode(r->env.store, &rollout_class, subject_id, octets.data, octets.len, ret, err) < 0
		       ? -1
		       : 1;
}

/* The one counter of STORE_ROLLOUT: those that are tried again. */
enum { COUNTER_FAILING };

static void
count_failing(struct store_txn *txn, const struct rollout_state *old, const struct rollout_state *new)
{
	int64_t delta = (new->attempts > 0) - (old->attempts > 0);

	if (delta)
		store_counter_add(txn, STORE_ROLLOUT, COUNTER_FAILING, delta);
}

int64_t
rollout_count_failing(struct rollout *r)
{
	return store_counter(r->env.store, STORE_ROLLOUT, COUNTER_FAILING);
}

void
rollout_forget(struct rollout *r, struct store_txn *txn, const char *subject_id)
{
	const struct rollout_state none = { 0 };
	struct rollout_state state = { 0 };

	if (rollout_load(r, subject_id, &state, NULL) == 1)
		count_failing(txn, &state, &none);
	record_clear(&rollout_class, &state);
	store_del(txn, STORE_ROLLOUT, subject_id, strlen(subject_id));
	schedule_del(r->env.store, txn, SCHEDULE_DEPLOY, subject_id);
	schedule_del(r->env.store, txn, SCHEDULE_PROBE, subject_id);
}

const char *
rollout_served(struct rollout *r, const char *subject_id)
{
	static const char *const words[] = { "unreachable", "stale", "served" };
	struct rollout_state state = { 0 };
	size_t worst = ARRAY_SIZE(words);

	if (rollout_load(r, subject_id, &state, NULL) == 1)
		for (size_t i = 0; i < state.targets.count; i++) {
			const struct rollout_target *t = (const struct rollout_target *)state.targets.items +
							 i;

			for (size_t k = 0; t->served && k < worst; k++)
				if (strcmp(words[k], t->served) == 0)
					worst = k;
		}
	record_clear(&rollout_class, &state);
	return worst < ARRAY_SIZE(words) ? words[worst] : NULL;
}

/* @old: what it replaces */
static void
rollout_save(struct rollout *r, struct store_txn *txn, const char *subject_id,
	const struct rollout_state *old, const struct rollout_state *state)
{
	_cleanup_buf_ struct buf octets = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (record_encode(r->env.store, &rollout_class, subject_id, state, &octets, &err) < 0)
		store_fail(txn, &err);
	store_put(txn, STORE_ROLLOUT, subject_id, strlen(subject_id), octets.data, octets.len);
	count_failing(txn, old, state);
}

static struct rollout_target *
target_at(const struct rollout_state *state, size_t i)
{
	return (struct rollout_target *)state->targets.items + i;
}

/* A new generation: nothing of the old one counts, not even what was served. */
void
rollout_request_for(struct rollout *r, struct store_txn *txn, const char *subject_id,
	const struct strlist *consumers, const char *certificate_id, int64_t now)
{
	struct rollout_state old = { 0 };
	struct rollout_state state = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (rollout_load(r, subject_id, &old, &err) < 0)
		store_fail(txn, &err);
	state.certificate = xstrdup(certificate_id);
	state.generation = old.generation + 1;
	for (size_t i = 0; i < consumers->count; i++) {
		struct rollout_target *t = record_list_add(&target_class, &state.targets);

		t->consumer = xstrdup(consumers->items[i]);
	}
	rollout_save(r, txn, subject_id, &old, &state);
	schedule_del(r->env.store, txn, SCHEDULE_PROBE, subject_id);
	schedule_set(r->env.store, txn, SCHEDULE_DEPLOY, subject_id, "", now);
	record_clear(&rollout_class, &old);
	record_clear(&rollout_class, &state);
}

void
rollout_request(struct rollout *r, struct store_txn *txn, const struct autocert *autocert,
	const char *certificate_id, int64_t now)
{
	rollout_request_for(r, txn, autocert->o.id, &autocert->consumers, certificate_id, now);
}

void
rollout_hand_over(struct rollout *r, struct store_txn *txn, const char *from_id, const char *to_id)
{
	const struct rollout_state none = { 0 };
	struct rollout_state state = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = rollout_load(r, from_id, &state, &err);

	if (found < 0)
		store_fail(txn, &err);
	if (found == 1)
		rollout_save(r, txn, to_id, &none, &state);
	rollout_forget(r, txn, from_id);
	record_clear(&rollout_class, &state);
}

/* --- the end of a run --- */

static void
run_end(struct run *run, bool stored)
{
	schedule_done_fn *done = run->done;
	void *arg = run->arg;

	run_free(run);
	done(stored, arg);
}

static void
run_saved(const struct error *err, void *arg)
{
	struct run *run = arg;
	struct event_object object = run_object(run);

	if (err)
		event_emit_error(
			run->rollout->env.events, NULL, EVENT_STORE_FAILED, &object, err, "%s", err->message);
	run_end(run, !err);
}

/* Return: 1 the record (@ret) is still of this run's generation, 0 newer or gone, -1 failed. */
static int
still_current(struct run *run, struct rollout_state *ret, struct error *err)
{
	int found = rollout_load(run->rollout, run->subject.id, ret, err);

	return found < 0 ? -1 : found == 1 && ret->generation == run->state.generation;
}

/* Saves the state and what comes next (@next_at 0: nothing), unless a newer generation came; then ends. */
static void
run_finish(struct run *run, struct store_txn *txn, enum schedule_kind next, int64_t next_at)
{
	struct store *store = run->rollout->env.store;
	struct rollout_state old = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int current = still_current(run, &old, &err);

	store_relax(txn, DONE_MS); /* a run may be repeated */
	if (current == 1) {
		rollout_save(run->rollout, txn, run->subject.id, &old, &run->state);
		schedule_del(store, txn, run->kind, run->subject.id);
		if (next_at)
			schedule_set(store, txn, next, run->subject.id, "", next_at);
	} else if (current < 0) {
		store_fail(txn, &err);
	}
	record_clear(&rollout_class, &old);
	store_then(txn, run_saved, run);
}

int64_t
rollout_retry_at(const struct rollout *r, int64_t attempts)
{
	static const int64_t steps[] = { 60, 120, 300, 900, 3600 };
	size_t i = attempts < (int64_t)ARRAY_SIZE(steps) ? (size_t)(attempts > 0 ? attempts - 1 : 0)
							 : ARRAY_SIZE(steps) - 1;

	return time_add(clock_wall(loop_clock(r->env.loop)), steps[i]);
}

/* --- deploy: write, activate --- */

static void
deploy_done(struct run *run)
{
	struct rollout_env *env = &run->rollout->env;
	struct store_txn *txn = store_begin(env->store);
	struct event_object object = run_object(run);
	int64_t probe_at = run->state.targets.count ? time_add(run_now(run), PROBE_FIRST_SEC) : 0;

	run->state.attempts = 0;
	run->state.probes = 0;
	run->state.done_at = run_now(run);
	error_clear(&run->state.failure);
	event_emit(env->events, txn, EVENT_DEPLOY_DONE, &object, NULL, "files written to %s", run->directory);
	run_finish(run, txn, SCHEDULE_PROBE, probe_at);
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
	why.retry_at = rollout_retry_at(run->rollout, run->state.attempts);
	time_format_rfc3339(why.retry_at, when);
	event_emit_error(env->events, txn, EVENT_DEPLOY_FAILED, &object, &why, "%s; next attempt %s",
		err->message, when);
	run_finish(run, txn, SCHEDULE_DEPLOY, why.retry_at);
}

/* Among the consumers. */
static const struct error *
first_failure(const struct rollout_state *state)
{
	for (size_t i = 0; i < state->targets.count; i++)
		if (!target_at(state, i)->activated && error_is_set(&target_at(state, i)->failure))
			return &target_at(state, i)->failure;
	return NULL;
}

const struct error *
rollout_failure(const struct rollout_state *state)
{
	return error_is_set(&state->failure) ? &state->failure : first_failure(state);
}

static void
activate_next(struct run *run);

static void
activated(const struct error *err, void *arg)
{
	struct run *run = arg;
	struct rollout_target *t = target_at(&run->state, run->target);

	run->activation = NULL;
	error_clear(&t->failure);
	t->activated = !err;
	if (err) {
		error_copy(&t->failure, err);
		error_wrap(&t->failure, "consumer '%s'", run->consumer.o.name);
	}
	run->target++;
	activate_next(run);
}

static void
activate_next(struct run *run)
{
	const struct error *failure;

	for (; run->target < run->state.targets.count; run->target++) {
		struct rollout_target *t = target_at(&run->state, run->target);
		struct activate_request request = {
			.consumer = &run->consumer,
			.name = run->subject.name,
			.cert = &run->cert,
			.directory = run->directory,
			.generation = run->state.generation,
		};

		if (t->activated || object_load(run->rollout->env.store, &consumer_class, t->consumer,
					    &run->consumer, &t->failure) != 1)
			continue;
		if (run->consumer.directory)
			request.directory = run->consumer.directory;
		run->activation = activate_start(run->rollout->env.loop, &request, activated, run);
		return;
	}
	failure = first_failure(&run->state);
	if (failure)
		deploy_failed(run, failure);
	else
		deploy_done(run);
}

static void
written(const struct error *err, void *arg)
{
	struct write *w = arg;
	struct run *run = w->run;

	free(w);
	if (!run)
		return;
	run->write = NULL;
	if (err) {
		error_copy(&run->state.failure, err);
		deploy_failed(run, err);
		return;
	}
	run->state.written = true;
	error_clear(&run->state.failure);
	activate_next(run);
}

int
rollout_directories(
	struct rollout *r, const struct strlist *consumers, struct strlist *ret, struct error *err)
{
	for (size_t i = 0; i < consumers->count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_load(r->env.store, &consumer_class, consumers->items[i], &c, err) < 0)
			return -1;
		if (c.directory)
			strlist_add(ret, c.directory);
	}
	return 0;
}

static void
deploy(struct run *run)
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

	if (run->state.written) {
		activate_next(run);
		return;
	}
	for (size_t i = 0; i < run->state.targets.count; i++)
		strlist_add(&consumers, target_at(&run->state, i)->consumer);
	if (rollout_directories(run->rollout, &consumers, &directories, &err) < 0) {
		error_copy(&run->state.failure, &err);
		deploy_failed(run, &err);
		return;
	}
	run->write = xcalloc(1, sizeof(*run->write));
	run->write->run = run;
	drop_write(run->rollout->env.drops, &request, written, run->write);
}

/* --- probe: look --- */

/* What a client would ask for: the declared name, else the first that is no wildcard, else one below the wildcard. */
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
	bool all_served = true;
	int64_t next_at = 0;

	for (size_t i = 0; i < run->state.targets.count; i++) {
		const char *served = target_at(&run->state, i)->served;

		if (served && strcmp(served, "served") != 0)
			all_served = false;
	}
	if (!all_served) {
		next_at = in_grace(run) ? time_add(run_now(run), PROBE_FIRST_SEC)
					: rollout_retry_at(run->rollout, run->state.probes - PROBE_GRACE + 1);
		run->state.probes++;
	}
	run_finish(run, txn, SCHEDULE_PROBE, next_at);
}

static void
probe_next(struct run *run);

/* The event of one endpoint; while a server may still be loading, only good news is told. */
static void
tell_probe(struct run *run, const struct probe *p, const char *served, const char *sha256,
	const struct error *err)
{
	bool good = strcmp(served, "served") == 0;
	enum event_kind kind = good ? EVENT_PROBE_SERVED : err ? EVENT_PROBE_UNREACHABLE : EVENT_PROBE_STALE;
	struct event_object object = run_object(run);
	_cleanup_free_ char *endpoint = xasprintf("%s:%d", p->host, (int)p->port);
	struct json_object *data;

	if (!good && in_grace(run))
		return;
	data = json_object_new_object();
	json_add_string(data, "consumer", run->consumer.o.name);
	json_add_string(data, "endpoint", endpoint);
	json_add_string(data, "sni", p->sni);
	json_add_string(data, "sha256Fingerprint", sha256);
	event_emit(run->rollout->env.events, NULL, kind, &object, data, "%s %s", endpoint,
		good  ? "serves the newest certificate"
		: err ? err->message
		      : "serves another certificate than the newest");
}

static void
looked(const char *sha256, const struct error *err, void *arg)
{
	struct run *run = arg;
	struct rollout_target *t = target_at(&run->state, run->target);
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
	probe_next(run);
}

static void
probe_next(struct run *run)
{
	for (; run->target < run->state.targets.count; run->target++, run->endpoint = 0) {
		const char *id = target_at(&run->state, run->target)->consumer;
		const struct probe *p;
		_cleanup_free_ char *sni = NULL;

		if (object_load(run->rollout->env.store, &consumer_class, id, &run->consumer, NULL) != 1 ||
			run->endpoint >= run->consumer.probes.count)
			continue;
		p = (const struct probe *)run->consumer.probes.items + run->endpoint;
		sni = probe_name(p, &run->cert);
		run->probe = probe_start(run->rollout->env.loop, run->rollout->env.dns, p->host, (int)p->port,
			sni, 0, looked, run);
		return;
	}
	probes_done(run);
}

/* --- begin --- */

/* Return: 1 there is something to do, 0 what the row is about is gone, -1 failed. */
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

/* Nothing to do, or unreadable: the row goes, or is looked at again in an hour. */
static void
run_give_up(struct run *run, const char *subject_id, const struct error *err)
{
	struct rollout_env *env = &run->rollout->env;
	struct store_txn *txn = store_begin(env->store);

	if (error_is_set(err)) {
		event_emit_error(env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
		schedule_set(env->store, txn, run->kind, subject_id, "",
			rollout_retry_at(run->rollout, INT64_MAX));
	} else {
		schedule_del(env->store, txn, run->kind, subject_id);
	}
	store_then(txn, run_saved, run);
}

void
rollout_run(
	struct rollout *r, enum schedule_kind kind, const char *subject_id, schedule_done_fn *done, void *arg)
{
	struct run *run = xcalloc(1, sizeof(*run));
	_cleanup_error_ struct error err = ERROR_INIT;

	run->rollout = r;
	run->kind = kind;
	run->done = done;
	run->arg = arg;
	DL_APPEND(r->runs, run);
	if (run_load(run, subject_id, &err) != 1) {
		run_give_up(run, subject_id, &err);
		return;
	}
	run->directory = drop_directory(r->env.drops, run->subject.slug);
	if (kind == SCHEDULE_DEPLOY)
		deploy(run);
	else
		probe_next(run);
}
