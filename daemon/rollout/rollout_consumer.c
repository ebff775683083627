/*
 * The state of a consumer: FAILED with the reason from the moment when it could not be given a certificate (its
 * directory, or the notification) until it was given that one, or is to have it no more. Success with other
 * certificates says nothing about that one.
 */
#include "daemon/rollout/rollout_private.h"

#include <stdlib.h>
#include <string.h>

static void
rollout_consumer_save(struct rollout *r, struct store_txn *txn, struct consumer *c)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (object_save(r->env.store, txn, &consumer_class, c, &err) < 0)
		store_fail(txn, &err);
}

static bool
is_failing_with(const struct consumer *c, const char *subject_id)
{
	return c->failing && strcmp(c->failing, subject_id) == 0;
}

void
rollout_consumer_failed(struct rollout *r, struct store_txn *txn, const char *consumer_id, const char *subject_id,
	const struct error *why)
{
	_cleanup_consumer_ struct consumer c = { 0 };

	if (object_load(r->env.store, &consumer_class, consumer_id, &c, NULL) != 1)
		return;
	if (is_failing_with(&c, subject_id) && c.o.state == OBJECT_FAILED && c.o.failure.message &&
		strcmp(c.o.failure.message, why->message) == 0)
		return;
	c.o.state = OBJECT_FAILED;
	error_copy(&c.o.failure, why);
	str_replace(&c.failing, subject_id);
	rollout_consumer_save(r, txn, &c);
}

void
rollout_consumer_recovered(struct rollout *r, struct store_txn *txn, const char *consumer_id, const char *subject_id)
{
	_cleanup_consumer_ struct consumer c = { 0 };

	if (object_load(r->env.store, &consumer_class, consumer_id, &c, NULL) != 1 || !is_failing_with(&c, subject_id))
		return;
	c.o.state = OBJECT_AVAILABLE;
	error_clear(&c.o.failure);
	free(c.failing);
	c.failing = NULL;
	rollout_consumer_save(r, txn, &c);
}

void
rollout_consumers_released(struct rollout *r, struct store_txn *txn, const char *subject_id,
	const struct rollout_state *state, const struct strlist *kept)
{
	for (size_t i = 0; i < state->targets.count; i++) {
		const char *id = rollout_target_at(state, i)->consumer;

		if (!kept || !strlist_has(kept, id))
			rollout_consumer_recovered(r, txn, id, subject_id);
	}
}
