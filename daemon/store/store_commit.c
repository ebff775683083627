/*
 * The commit that ends a turn: all lists in one LMDB transaction; when that fails, each group of lists with common keys
 * separately, so that only the owner gets the error.
 */
#include "common/error.h"
#include "common/timefmt.h"
#include "daemon/store/store_private.h"
#include "daemon/store/store_sums.h"

#include <stdlib.h>
#include <string.h>

/* Lists that fail in a row, each alone, before the rest is given up: a full disk is full for all of them. */
enum { GIVE_UP_AFTER = 8 };

/* What one LMDB transaction writes: the lists of a group, or of all groups (SIZE_MAX). */
struct batch {
	struct store *store;
	struct store_turn *turn;
	size_t group;
	struct store_turn *additions;          /* by the hooks of the lists; for one attempt */
	int64_t counters[STORE_COUNTER_SLOTS]; /* as they will be */
	struct store_sums sums;                /* what it changes of them */
	struct buf value;                      /* being written */
};

static void
put_tagged(
	struct lmdb_write *w, struct store *store, enum store_db db, const void *key, size_t key_len, struct buf *value)
{
	unsigned char tag[STORE_TAG_LEN];

	if (store_crypt_tag(store->crypt, db, key, key_len, value->data, value->len, tag, NULL) < 0)
		abort(); /* HMAC over memory: cannot fail but for want of memory */
	buf_add(value, tag, sizeof(tag));
	lmdb_put(w, db, key, key_len, value->data, value->len);
}

static void
store_commit_write_key(struct lmdb_write *w, struct batch *batch, const struct store_key *key)
{
	const struct store_change *c = store_key_change(key);

	store_sums_before(&batch->sums, w, key->db, key->octets, key->len);
	if (c->is_del) {
		lmdb_del(w, key->db, key->octets, key->len);
		return;
	}
	buf_reset(&batch->value);
	buf_add(&batch->value, c->value, c->len);
	put_tagged(w, batch->store, key->db, key->octets, key->len, &batch->value);
	store_sums_after(&batch->sums, w, key->db, key->octets, key->len);
}

void
store_write_counters(struct lmdb_write *w, struct store *store, const int64_t *counters)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	for (size_t i = 0; i < STORE_COUNTER_SLOTS; i++)
		for (int shift = 56; shift >= 0; shift -= 8)
			buf_add_char(&value, (char)((uint64_t)counters[i] >> shift & 0xff));
	put_tagged(w, store, STORE_SELF, "counters", 8, &value);
}

static bool
is_in_batch(const struct batch *batch, const struct store_txn *txn)
{
	return !error_is_set(&txn->failure) && (batch->group == SIZE_MAX || txn->group == batch->group);
}

/* The newest change of each key is what counts, whichever list it is of. Return: whether a counter changes. */
static bool
write_list(struct lmdb_write *w, struct batch *batch, const struct store_txn *txn)
{
	for (size_t k = 0; k < txn->n_keys; k++)
		store_commit_write_key(w, batch, txn->keys[k]);
	for (size_t k = 0; k < txn->n_deltas; k++)
		batch->counters[txn->deltas[k].slot] += txn->deltas[k].delta;
	return txn->n_deltas > 0;
}

static void
write_batch(struct lmdb_write *w, void *arg)
{
	struct batch *batch = arg;
	bool has_deltas = false;

	batch->sums = (struct store_sums){ .change = { 0 } };
	memcpy(batch->counters, batch->store->counters, sizeof(batch->counters));
	for (size_t i = 0; i < batch->turn->n_txns; i++)
		if (is_in_batch(batch, batch->turn->txns[i]))
			has_deltas |= write_list(w, batch, batch->turn->txns[i]);
	if (batch->additions->n_txns)
		has_deltas |= write_list(w, batch, batch->additions->txns[0]);
	if (has_deltas)
		store_write_counters(w, batch->store, batch->counters);
	store_sums_write(&batch->sums, w, batch->store->crypt);
}

/* Return: false when one of them failed: its list is dropped, and other hooks have already seen what it had added. */
static bool
run_hooks(const struct batch *batch)
{
	struct store_txn *additions = NULL;

	for (size_t i = 0; i < batch->turn->n_hooks; i++) {
		const struct store_hook *hook = &batch->turn->hooks[i];
		_cleanup_error_ struct error err = ERROR_INIT;

		if (!is_in_batch(batch, hook->txn))
			continue;
		if (!additions)
			additions = store_turn_begin(batch->additions);
		if (hook->fn(additions, hook->arg, &err) == 0 && !error_is_set(&additions->failure))
			continue;
		store_fail(hook->txn, error_is_set(&err) ? &err : &additions->failure);
		store_turn_settle(batch->turn);
		return false;
	}
	return true;
}

/* Reads see the additions, and not the lists of the next turn, while hooks run. */
static void
make_additions(struct batch *batch)
{
	struct store_turn *next = batch->store->turn;
	bool is_done = false;

	while (!is_done) {
		store_turn_free(batch->additions);
		batch->additions = batch->store->turn = store_turn_new();
		is_done = run_hooks(batch);
	}
	batch->store->turn = next;
}

static bool
has_changes(const struct store_turn *turn)
{
	for (size_t i = 0; i < turn->n_txns; i++)
		if ((turn->txns[i]->n_keys || turn->txns[i]->n_deltas) && !error_is_set(&turn->txns[i]->failure))
			return true;
	for (size_t i = 0; i < turn->n_hooks; i++)
		if (!error_is_set(&turn->hooks[i].txn->failure))
			return true;
	return false;
}

/* With one more try on the space of the reserve when the disk is full. */
static int
write_lists(struct store *store, struct store_turn *turn, size_t group, struct error *err)
{
	struct batch batch = { .store = store, .turn = turn, .group = group, .additions = store_turn_new() };
	int rc;

	make_additions(&batch);
	rc = lmdb_write(store->lmdb, write_batch, &batch, err);
	store->stats.is_full = rc < 0 && err->code == ERROR_NO_SPACE;
	if (store->stats.is_full && store_dir_free_reserve(&store->dir))
		rc = lmdb_write(store->lmdb, write_batch, &batch, err);
	if (rc == 0) {
		store->stats.commits++;
		memcpy(store->counters, batch.counters, sizeof(store->counters));
	}
	store_turn_free(batch.additions);
	buf_clear(&batch.value);
	return rc;
}

static void
fail_group(struct store_turn *turn, size_t group, const struct error *err)
{
	for (size_t i = 0; i < turn->n_txns; i++)
		if (group == SIZE_MAX || turn->txns[i]->group == group)
			store_fail(turn->txns[i], err);
}

/* The common transaction failed (say, one list is too large for the disk): tries each group separately. */
static void
write_one_by_one(struct store *store, struct store_turn *turn)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	unsigned failed_in_a_row = 0;

	for (size_t i = 0; i < turn->n_txns && failed_in_a_row < GIVE_UP_AFTER; i++) {
		size_t group = turn->txns[i]->group;

		if (group != i || error_is_set(&turn->txns[i]->failure))
			continue;
		if (write_lists(store, turn, group, &err) == 0) {
			failed_in_a_row = 0;
			turn->txns[i]->is_written = true;
			continue;
		}
		failed_in_a_row++;
		fail_group(turn, group, &err);
	}
	for (size_t i = 0; i < turn->n_txns; i++)
		if (!turn->txns[turn->txns[i]->group]->is_written)
			store_fail(turn->txns[i], &err);
}

static void
write_turn(struct store *store, struct store_turn *turn)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	store_turn_settle(turn);
	if (!has_changes(turn) || write_lists(store, turn, SIZE_MAX, &err) == 0)
		return;
	store_turn_group(turn);
	if (turn->n_txns > 1)
		write_one_by_one(store, turn);
	else
		fail_group(turn, SIZE_MAX, &err);
}

static void
take_time(struct store *store, int64_t started_us)
{
	store->stats.last_us = time_monotonic_us() - started_us;
	if (store->stats.last_us > store->stats.max_us)
		store->stats.max_us = store->stats.last_us;
}

/* Functions may begin lists (of the next commit) and store_forget(). */
static bool
run_waiters(struct store *store, struct store_turn *turn)
{
	bool has_run = false;

	store->running = turn;
	for (size_t i = 0; i < turn->n_waiters; i++) {
		struct store_waiter w = turn->waiters[i];

		if (!w.fn)
			continue;
		has_run = true;
		w.fn(error_is_set(&w.txn->failure) ? &w.txn->failure : NULL, w.arg);
	}
	store->running = NULL;
	return has_run;
}

bool
store_commit(struct store *store)
{
	struct store_turn *turn = store->turn;
	uint64_t commits = store->stats.commits;
	int64_t started_us = time_monotonic_us();
	bool has_run;

	if (turn->n_txns == 0)
		return false;
	store->turn = store_turn_new();
	write_turn(store, turn);
	if (store->stats.commits != commits) {
		take_time(store, started_us);
		store_dir_keep_reserve(&store->dir);
	}
	for (size_t i = 0; i < turn->n_txns; i++)
		store->stats.failed_lists += error_is_set(&turn->txns[i]->failure);
	has_run = run_waiters(store, turn);
	store_turn_free(turn);
	return has_run;
}

static void
store_commit_note_failure(const struct error *err, void *arg)
{
	if (err)
		error_copy(arg, err);
}

int
store_commit_now(struct store *store, struct store_txn *txn, struct error *err)
{
	struct error failure = ERROR_INIT;

	store_then(txn, store_commit_note_failure, &failure);
	store_commit(store);
	if (!error_is_set(&failure))
		return 0;
	if (err)
		error_move(err, &failure);
	error_clear(&failure);
	return -1;
}

void
store_cancel_turn(struct store *store)
{
	_cleanup_error_ struct error cancelled = ERROR_INIT;
	struct store_turn *turn = store->turn;

	error_set(&cancelled, ERROR_CANCELLED, "certd is stopping");
	for (size_t i = 0; i < turn->n_txns; i++)
		store_fail(turn->txns[i], &cancelled);
	store->turn = store_turn_new();
	run_waiters(store, turn);
	store_turn_free(turn);
}
