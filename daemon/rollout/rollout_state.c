/*
 * The state of a rollout, a record for each subject: the generation, the finished steps, and for each consumer whether
 * it was notified and what it serves.
 */
#include "daemon/rollout/rollout_private.h"

#include "daemon/rollout/probe.h"
#include "daemon/rollout/rollout_check.h"

#include <stdlib.h>
#include <string.h>

static const struct record_field endpoint_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct rollout_endpoint, endpoint, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct rollout_endpoint, served, NULL),
	RECORD_FIELD(RECORD_INT, 3, struct rollout_endpoint, not_after_at, NULL),
};

const struct record_class rollout_endpoint_class = RECORD_CLASS(
	"rollout endpoint", STORE_ROLLOUT, struct rollout_endpoint, endpoint_fields, unknown);

static const struct record_field target_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct rollout_target, consumer, NULL),
	RECORD_FIELD(RECORD_BOOL, 2, struct rollout_target, was_notified, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct rollout_target, served, NULL),
	RECORD_FIELD(RECORD_INT, 4, struct rollout_target, probed_at, NULL),
	RECORD_FIELD(RECORD_ERROR, 5, struct rollout_target, failure, NULL),
	RECORD_FIELD(RECORD_INT, 6, struct rollout_target, step, NULL),
	RECORD_FIELD(RECORD_INT, 7, struct rollout_target, attempts, NULL),
	RECORD_FIELD(RECORD_INT, 8, struct rollout_target, next_at, NULL),
	RECORD_FIELD(RECORD_INT, 9, struct rollout_target, probes, NULL),
	RECORD_FIELD(RECORD_BOOL, 10, struct rollout_target, is_unserved, NULL),
	RECORD_FIELD(RECORD_BOOL, 11, struct rollout_target, is_asked, NULL),
	RECORD_FIELD(RECORD_INT, 12, struct rollout_target, served_at, NULL),
	RECORD_FIELD(RECORD_INT, 13, struct rollout_target, activations, NULL),
	RECORD_FIELD(RECORD_BOOL, 14, struct rollout_target, is_stuck, NULL),
	RECORD_FIELD_LIST(15, struct rollout_target, endpoints, NULL, &rollout_endpoint_class),
	RECORD_FIELD(RECORD_STRING, 16, struct rollout_target, earlier, NULL),
};

static const struct record_class target_class = RECORD_CLASS(
	"rollout target", STORE_ROLLOUT, struct rollout_target, target_fields, unknown);

static const struct record_field rollout_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct rollout_state, certificate, NULL),
	RECORD_FIELD(RECORD_INT, 2, struct rollout_state, generation, NULL),
	RECORD_FIELD(RECORD_BOOL, 3, struct rollout_state, is_written, NULL),
	RECORD_FIELD_LIST(4, struct rollout_state, targets, NULL, &target_class),
	RECORD_FIELD(RECORD_INT, 5, struct rollout_state, attempts, NULL),
	RECORD_FIELD(RECORD_ERROR, 6, struct rollout_state, failure, NULL),
	RECORD_FIELD(RECORD_INT, 7, struct rollout_state, done_at, NULL),
	RECORD_FIELD(RECORD_INT, 8, struct rollout_state, former_probes, NULL),
	RECORD_FIELD(RECORD_BOOL, 9, struct rollout_state, was_asked, NULL),
	RECORD_FIELD(RECORD_BOOL, 10, struct rollout_state, was_unserved, NULL),
	RECORD_FIELD(RECORD_INT, 11, struct rollout_state, next_at, NULL),
	RECORD_FIELD(RECORD_STRING, 12, struct rollout_state, earlier, NULL),
	RECORD_FIELD(RECORD_INT, 13, struct rollout_state, rolled_back_at, NULL),
	RECORD_FIELD(RECORD_ERROR, 14, struct rollout_state, rolled_back_why, NULL),
};

const struct record_class rollout_class = RECORD_CLASS(
	"rollout", STORE_ROLLOUT, struct rollout_state, rollout_fields, unknown);

/* --- records of an earlier certd, in which the consumers shared attempts and probes --- */

static void
target_from_former(struct rollout_target *t, const struct rollout_state *s)
{
	bool is_served = rollout_target_is_served(t);

	if (t->was_notified) {
		t->step = !t->served ? ROLLOUT_ACTIVATED : is_served ? ROLLOUT_SERVED : ROLLOUT_PROBED;
		t->next_at = 1; /* its row knows; a consumer without endpoints has no such row */
		t->probes = is_served ? 0 : s->former_probes;
		t->is_unserved = t->served && !is_served && s->was_unserved;
		t->is_asked = s->was_asked;
		t->served_at = is_served ? t->probed_at : 0;
		t->was_notified = false;
	} else if (s->is_written && t->step == ROLLOUT_STAGED && error_is_set(&t->failure) && !t->attempts) {
		t->step = ROLLOUT_TESTED;
		t->attempts = s->attempts;
	}
}

static bool
is_former(const struct rollout_state *s)
{
	bool is_former = s->former_probes || s->was_unserved || s->was_asked || (s->is_written && s->attempts);

	for (size_t i = 0; i < s->targets.count; i++)
		is_former = is_former || rollout_target_at(s, i)->was_notified;
	return is_former;
}

static void
rollout_from_former(struct rollout_state *s)
{
	if (!is_former(s))
		return;
	for (size_t i = 0; i < s->targets.count; i++)
		target_from_former(rollout_target_at(s, i), s);
	if (s->is_written)
		s->attempts = 0;
	s->former_probes = 0;
	s->was_unserved = s->was_asked = false;
}

int
rollout_load(struct rollout *r, const char *subject_id, struct rollout_state *ret, struct error *err)
{
	int found = record_load(r->env.store, &rollout_class, subject_id, ret, err);

	if (found == 1)
		rollout_from_former(ret);
	return found;
}

/* --- how many have trouble --- */

static bool
is_failing(const struct rollout_state *s)
{
	return rollout_failure(s);
}

bool
rollout_is_unserved(const struct rollout_state *s)
{
	for (size_t i = 0; i < s->targets.count; i++)
		if (rollout_target_at(s, i)->is_unserved)
			return true;
	return false;
}

static bool
is_stuck(const struct rollout_state *s)
{
	for (size_t i = 0; i < s->targets.count; i++)
		if (rollout_target_at(s, i)->is_stuck)
			return true;
	return false;
}

/* The counters of STORE_ROLLOUT. */
enum {
	COUNTER_FAILING, /* rollouts that are retried */
	COUNTER_UNSERVED,
	COUNTER_STUCK
};

static void
count_change(struct store_txn *txn, unsigned counter, bool was, bool is)
{
	if (was != is)
		store_counter_add(txn, STORE_ROLLOUT, counter, is - was);
}

static void
rollout_count(struct store_txn *txn, const struct rollout_state *old, const struct rollout_state *new)
{
	count_change(txn, COUNTER_FAILING, is_failing(old), is_failing(new));
	count_change(txn, COUNTER_UNSERVED, rollout_is_unserved(old), rollout_is_unserved(new));
	count_change(txn, COUNTER_STUCK, is_stuck(old), is_stuck(new));
}

int64_t
rollout_count_failing(struct rollout *r)
{
	return store_counter(r->env.store, STORE_ROLLOUT, COUNTER_FAILING);
}

int64_t
rollout_count_stuck(struct rollout *r)
{
	return store_counter(r->env.store, STORE_ROLLOUT, COUNTER_STUCK);
}

int64_t
rollout_count_unserved(struct rollout *r)
{
	return store_counter(r->env.store, STORE_ROLLOUT, COUNTER_UNSERVED);
}

void
rollout_forget(struct rollout *r, struct store_txn *txn, const char *subject_id)
{
	const struct rollout_state none = { 0 };
	_cleanup_rollout_state_ struct rollout_state state = { 0 };

	if (rollout_load(r, subject_id, &state, NULL) == 1) {
		rollout_count(txn, &state, &none);
		rollout_note_rollback(txn, subject_id, &state, &none);
	}
	rollout_consumers_released(r, txn, subject_id, &state, NULL);
	store_del(txn, STORE_ROLLOUT, subject_id, strlen(subject_id));
	store_changed(r->env.store, txn, STORE_ROLLOUT, subject_id, NULL);
	rollout_changed_forget(txn, subject_id);
	schedule_del(r->env.store, txn, SCHEDULE_DEPLOY, subject_id);
	schedule_del(r->env.store, txn, SCHEDULE_PROBE, subject_id);
}

const char *
rollout_served_of(const struct rollout_state *s)
{
	enum probe_state found, worst = PROBE_SERVED;
	bool is_known = false;

	for (size_t i = 0; i < s->targets.count; i++) {
		const char *served = rollout_target_at(s, i)->served;

		if (!served || !probe_state_find(served, &found))
			continue;
		worst = found > worst ? found : worst;
		is_known = true;
	}
	if (rollout_is_rolled_back(s) && worst == PROBE_SERVED)
		return "rolled back";
	return is_known ? probe_state_name(worst) : NULL;
}

void
rollout_save(struct rollout *r, struct store_txn *txn, const char *subject_id, const struct rollout_state *old,
	const struct rollout_state *state)
{
	record_save(r->env.store, txn, &rollout_class, subject_id, state);
	rollout_count(txn, old, state);
	store_changed(r->env.store, txn, STORE_ROLLOUT, subject_id, subject_id);
	rollout_note_rollback(txn, subject_id, old, state);
}

void
rollout_restage_live(struct rollout_state *s)
{
	s->is_written = false;
	s->attempts = 0;
	s->next_at = 0;
	error_clear(&s->failure);
}

void
rollout_restage_target(struct rollout_target *t)
{
	struct rollout_target kept = { .consumer = t->consumer, .unknown = t->unknown };

	t->consumer = NULL;
	t->unknown = (struct buf)BUF_INIT;
	record_clear(&target_class, t);
	*t = kept;
}

static void
set_row(struct rollout *r, struct store_txn *txn, enum schedule_kind kind, const char *subject_id, int64_t due_at,
	int64_t now)
{
	if (due_at)
		schedule_set(r->env.store, txn, kind, subject_id, "", due_at > 1 ? due_at : now);
	else
		schedule_del(r->env.store, txn, kind, subject_id);
}

void
rollout_set_rows(struct rollout *r, struct store_txn *txn, const char *subject_id, const struct rollout_state *state,
	int64_t now)
{
	set_row(r, txn, SCHEDULE_DEPLOY, subject_id, rollout_deploy_at(state), now);
	set_row(r, txn, SCHEDULE_PROBE, subject_id, rollout_probe_at(state), now);
}

static const struct rollout_target *
target_of(const struct rollout_state *s, const char *consumer_id)
{
	for (size_t i = 0; i < s->targets.count; i++)
		if (strcmp(rollout_target_at(s, i)->consumer, consumer_id) == 0)
			return rollout_target_at(s, i);
	return NULL;
}

/* A consumer that is new reads what is in live/<slug>; its own directory gets the same. */
static void
keep_rollback(struct rollout_state *s, const struct rollout_state *old)
{
	s->earlier = xstrdup_null(old->earlier);
	for (size_t i = 0; i < s->targets.count; i++) {
		struct rollout_target *t = rollout_target_at(s, i);
		const struct rollout_target *was = target_of(old, t->consumer);

		t->earlier = xstrdup_null(was ? was->earlier : old->earlier);
	}
}

/* A new generation: resets the state of the old one, including what was served. */
static void
rollout_stage(struct rollout *r, struct store_txn *txn, const char *subject_id, const struct strlist *consumers,
	const char *certificate_id, bool is_newest, int64_t now)
{
	_cleanup_rollout_state_ struct rollout_state old = { 0 };
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (rollout_load(r, subject_id, &old, &err) < 0)
		store_fail(txn, &err);
	state.certificate = xstrdup(certificate_id);
	state.generation = old.generation + 1;
	for (size_t i = 0; i < consumers->count; i++) {
		struct rollout_target *t = record_list_add(&target_class, &state.targets);

		t->consumer = xstrdup(consumers->items[i]);
	}
	state.rolled_back_at = old.rolled_back_at;
	error_copy(&state.rolled_back_why, &old.rolled_back_why);
	if (!is_newest && old.certificate && strcmp(old.certificate, certificate_id) == 0)
		keep_rollback(&state, &old);
	rollout_save(r, txn, subject_id, &old, &state);
	rollout_consumers_released(r, txn, subject_id, &old, consumers);
	schedule_del(r->env.store, txn, SCHEDULE_PROBE, subject_id);
	schedule_set(r->env.store, txn, SCHEDULE_DEPLOY, subject_id, "", now);
}

void
rollout_request_for(struct rollout *r, struct store_txn *txn, const char *subject_id, const struct strlist *consumers,
	const char *certificate_id, int64_t now)
{
	rollout_stage(r, txn, subject_id, consumers, certificate_id, false, now);
}

void
rollout_request_newest(struct rollout *r, struct store_txn *txn, const char *subject_id,
	const struct strlist *consumers, const char *certificate_id, int64_t now)
{
	rollout_stage(r, txn, subject_id, consumers, certificate_id, true, now);
}

void
rollout_request(struct rollout *r, struct store_txn *txn, const struct autocert *autocert, const char *certificate_id,
	int64_t now)
{
	rollout_request_for(r, txn, autocert->o.id, &autocert->consumers, certificate_id, now);
}

void
rollout_request_probe(struct rollout *r, struct store_txn *txn, const char *subject_id, int64_t now)
{
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = rollout_load(r, subject_id, &state, &err);

	if (found < 0)
		store_fail(txn, &err);
	for (size_t i = 0; i < state.targets.count; i++) {
		struct rollout_target *t = rollout_target_at(&state, i);

		t->is_asked = true;
		if (t->step >= ROLLOUT_ACTIVATED)
			t->next_at = now;
	}
	if (found == 1) {
		record_save(r->env.store, txn, &rollout_class, subject_id, &state);
		schedule_set(r->env.store, txn, SCHEDULE_PROBE, subject_id, "", now);
	}
}

void
rollout_hand_over(struct rollout *r, struct store_txn *txn, const char *from_id, const char *to_id)
{
	const struct rollout_state none = { 0 };
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = rollout_load(r, from_id, &state, &err);

	if (found < 0)
		store_fail(txn, &err);
	if (found == 1)
		rollout_save(r, txn, to_id, &none, &state);
	rollout_forget(r, txn, from_id);
}

int64_t
rollout_attempts(const struct rollout_state *s)
{
	int64_t attempts = s->attempts;

	for (size_t i = 0; i < s->targets.count; i++)
		if (rollout_target_at(s, i)->attempts > attempts)
			attempts = rollout_target_at(s, i)->attempts;
	return attempts;
}

const struct error *
rollout_failure(const struct rollout_state *s)
{
	if (s->attempts > 0)
		return &s->failure;
	for (size_t i = 0; i < s->targets.count; i++)
		if (rollout_target_at(s, i)->attempts > 0)
			return &rollout_target_at(s, i)->failure;
	return NULL;
}

int
rollout_directories(struct rollout *r, const struct strlist *consumers, struct strlist *ret, struct error *err)
{
	for (size_t i = 0; i < consumers->count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_load(r->env.store, &consumer_class, consumers->items[i], &c, err) < 0)
			return -1;
		if (c.directory && !output_are_declared(&c))
			strlist_add(ret, c.directory);
	}
	return 0;
}

void
rollout_sets_clear(struct rollout_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		drop_output_set_clear(&sets->items[i]);
	free(sets->items);
	*sets = (struct rollout_sets){ .items = NULL };
}

int
rollout_sets_of(struct rollout *r, const struct rollout_state *state, const char *directory, struct rollout_sets *ret,
	struct error *err)
{
	ret->items = xcalloc(state->targets.count + 1, sizeof(*ret->items));
	for (size_t i = 0; i < state->targets.count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };
		struct drop_output_set *set = &ret->items[ret->count];

		if (object_load(r->env.store, &consumer_class, rollout_target_at(state, i)->consumer, &c, err) < 0)
			return -1;
		if (!c.directory || strcmp(c.directory, directory) != 0 || !output_are_declared(&c))
			continue;
		if (output_list_of(&c, &set->list, err) < 0)
			return -1;
		set->directory = xstrdup(directory);
		secret_move(&set->password, &c.password);
		ret->count++;
	}
	return 0;
}

int
rollout_declared_directories(
	struct rollout *r, const struct rollout_state *state, struct strlist *ret, struct error *err)
{
	for (size_t i = 0; i < state->targets.count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_peek(r->env.store, &consumer_class, rollout_target_at(state, i)->consumer, &c, err) < 0)
			return -1;
		if (c.directory && output_are_declared(&c))
			strlist_add(ret, c.directory);
	}
	return 0;
}
