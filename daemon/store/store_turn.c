/*
 * The turn's overlay. A key that was touched is a node of an ordered tree (tree(3bsd)), one tree per database; its
 * changes hang on it newest first, so that a failed list is skipped without being taken out.
 */
#include "daemon/store/store_turn.h"

#include <stdlib.h>
#include <string.h>

static int
compare_keys(const struct store_key *a, const struct store_key *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int diff = common ? memcmp(a->octets, b->octets, common) : 0;

	if (diff)
		return diff;
	return (a->len > b->len) - (a->len < b->len);
}

RB_PROTOTYPE(store_keys, store_key, node, compare_keys)
RB_GENERATE(store_keys, store_key, node, compare_keys)

/* The tree's functions take no const, and change nothing when they search. */
static struct store_keys *
keys_of(const struct store_turn *turn, enum store_db db)
{
	return (struct store_keys *)(uintptr_t)&turn->touched[db];
}

struct store_turn *
store_turn_new(void)
{
	return xcalloc(1, sizeof(struct store_turn));
}

const struct store_change *
store_key_change(const struct store_key *key)
{
	const struct store_change *c = key->newest;

	while (c && error_is_set(&c->txn->failure))
		c = c->older;
	return c;
}

const struct store_change *
store_turn_find(const struct store_turn *turn, enum store_db db, const void *key, size_t key_len)
{
	struct store_key search = { .db = db, .len = key_len, .octets = key };
	const struct store_key *found = RB_FIND(store_keys, keys_of(turn, db), &search);

	return found ? store_key_change(found) : NULL;
}

/* The nearest one from @key on, behind it or before it; before an empty key is the last of all. */
static struct store_key *
nearest_key(struct store_keys *keys, struct store_key *key, enum lmdb_where where)
{
	struct store_key *next = RB_NFIND(store_keys, keys, key); /* not below */

	if (where == LMDB_BEFORE && (!next || key->len == 0))
		return RB_MAX(store_keys, keys);
	if (where == LMDB_BEFORE)
		return RB_PREV(store_keys, keys, next);
	if (where == LMDB_AFTER && next && compare_keys(next, key) == 0)
		return RB_NEXT(store_keys, keys, next);
	return next;
}

const struct store_key *
store_turn_seek(const struct store_turn *turn, enum store_db db, enum lmdb_where where, const void *key, size_t key_len)
{
	struct store_key search = { .db = db, .len = key_len, .octets = key };
	struct store_keys *keys = keys_of(turn, db);
	struct store_key *found = nearest_key(keys, &search, where);

	while (found && !store_key_change(found))
		found = where == LMDB_BEFORE ? RB_PREV(store_keys, keys, found) : RB_NEXT(store_keys, keys, found);
	return found;
}

struct store_txn *
store_turn_begin(struct store_turn *turn)
{
	struct store_txn *txn = xcalloc(1, sizeof(*txn));

	txn->turn = turn;
	txn->index = turn->n_txns;
	if ((turn->n_txns & (turn->n_txns - 1)) == 0)
		turn->txns = xreallocarray(turn->txns, turn->n_txns ? turn->n_txns * 2 : 1, sizeof(*turn->txns));
	turn->txns[turn->n_txns++] = txn;
	return txn;
}

/* @change: NULL or what @txn builds on */
static void
link_to(struct store_txn *txn, const struct store_change *change)
{
	struct store_turn *turn = txn->turn;
	struct store_link *last = turn->n_links ? &turn->links[turn->n_links - 1] : NULL;

	if (!change || change->txn == txn || (last && last->older == change->txn && last->newer == txn))
		return;
	if ((turn->n_links & (turn->n_links - 1)) == 0)
		turn->links = xreallocarray(turn->links, turn->n_links ? turn->n_links * 2 : 1, sizeof(*turn->links));
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it grows at 0, 1, 2, 4, ... */
	turn->links[turn->n_links++] = (struct store_link){ change->txn, txn };
}

void
store_rely_on(struct store_txn *txn, enum store_db db, const void *key, size_t key_len)
{
	link_to(txn, store_turn_find(txn->turn, db, key, key_len));
}

static struct store_key *
touch_key(struct store_turn *turn, enum store_db db, const void *key, size_t key_len)
{
	struct store_key search = { .db = db, .len = key_len, .octets = key };
	struct store_key *node = RB_FIND(store_keys, &turn->touched[db], &search);

	if (node)
		return node;
	node = xmalloc(sizeof(*node) + key_len);
	*node = search;
	node->octets = memcpy(node + 1, key, key_len);
	RB_INSERT(store_keys, &turn->touched[db], node);
	return node;
}

static void
note_key(struct store_txn *txn, struct store_key *key)
{
	if ((txn->n_keys & (txn->n_keys - 1)) == 0)
		txn->keys = xreallocarray(txn->keys, txn->n_keys ? txn->n_keys * 2 : 1, sizeof(*txn->keys));
	txn->keys[txn->n_keys++] = key;
}

static void
store_turn_add_change(struct store_txn *txn, enum store_db db, const void *key, size_t key_len, bool is_del,
	const void *value, size_t len)
{
	struct store_key *node;
	struct store_change *c;

	if (error_is_set(&txn->failure))
		return;
	if (key_len == 0 || key_len > LMDB_KEY_MAX || len > STORE_VALUE_MAX) {
		error_set(&txn->failure, ERROR_LIMIT, "%s: a key of %zu or a value of %zu octets", store_db_name(db),
			key_len, len);
		return;
	}
	node = touch_key(txn->turn, db, key, key_len);
	link_to(txn, store_key_change(node));
	c = xmalloc(sizeof(*c) + len);
	c->txn = txn;
	c->is_del = is_del;
	c->len = len;
	if (len)
		memcpy(c->value, value, len);
	c->older = node->newest;
	if (c->older && c->older->txn == txn) { /* replaced within its own list */
		c->older = node->newest->older;
		free(node->newest);
	} else {
		note_key(txn, node);
	}
	node->newest = c;
}

void
store_put(struct store_txn *txn, enum store_db db, const void *key, size_t key_len, const void *value, size_t value_len)
{
	store_turn_add_change(txn, db, key, key_len, false, value, value_len);
}

void
store_del(struct store_txn *txn, enum store_db db, const void *key, size_t key_len)
{
	store_turn_add_change(txn, db, key, key_len, true, NULL, 0);
}

void
store_counter_add(struct store_txn *txn, enum store_db db, unsigned which, int64_t delta)
{
	size_t slot = (size_t)db * STORE_COUNTERS_PER_DB + which;

	for (size_t i = 0; i < txn->n_deltas; i++) {
		if (txn->deltas[i].slot == slot) {
			txn->deltas[i].delta += delta;
			return;
		}
	}
	txn->deltas = xreallocarray(txn->deltas, txn->n_deltas + 1, sizeof(*txn->deltas));
	txn->deltas[txn->n_deltas++] = (struct store_delta){ slot, delta };
}

void
store_then(struct store_txn *txn, store_then_fn *fn, void *arg)
{
	struct store_turn *turn = txn->turn;

	if ((turn->n_waiters & (turn->n_waiters - 1)) == 0)
		turn->waiters = xreallocarray(
			turn->waiters, turn->n_waiters ? turn->n_waiters * 2 : 1, sizeof(*turn->waiters));
	turn->waiters[turn->n_waiters++] = (struct store_waiter){ txn, fn, arg };
}

void
store_at_commit(struct store_txn *txn, store_hook_fn *fn, void *arg)
{
	struct store_turn *turn = txn->turn;

	if ((turn->n_hooks & (turn->n_hooks - 1)) == 0)
		turn->hooks = xreallocarray(turn->hooks, turn->n_hooks ? turn->n_hooks * 2 : 1, sizeof(*turn->hooks));
	turn->hooks[turn->n_hooks++] = (struct store_hook){ txn, fn, arg };
}

void
store_relax(struct store_txn *txn, unsigned ms)
{
	txn->patience_ms = ms;
}

void
store_fail(struct store_txn *txn, const struct error *err)
{
	if (!error_is_set(&txn->failure))
		error_copy(&txn->failure, err);
}

/* Links are in order of time, so one pass mostly does it; circles take another one. */
void
store_turn_settle(struct store_turn *turn)
{
	bool must_repeat = true;

	while (must_repeat) {
		must_repeat = false;
		for (size_t i = 0; i < turn->n_links; i++) {
			const struct store_link *l = &turn->links[i];

			if (!error_is_set(&l->older->failure) || error_is_set(&l->newer->failure))
				continue;
			error_copy(&l->newer->failure, &l->older->failure);
			error_wrap(&l->newer->failure, "builds on a change that was not stored");
			must_repeat = true;
		}
	}
}

static size_t
group_root(struct store_turn *turn, size_t i)
{
	while (turn->txns[i]->group != i) {
		turn->txns[i]->group = turn->txns[turn->txns[i]->group]->group;
		i = turn->txns[i]->group;
	}
	return i;
}

void
store_turn_group(struct store_turn *turn)
{
	for (size_t i = 0; i < turn->n_txns; i++)
		turn->txns[i]->group = i;
	for (size_t i = 0; i < turn->n_links; i++) {
		const struct store_link *l = &turn->links[i];
		size_t a = group_root(turn, l->older->index);
		size_t b = group_root(turn, l->newer->index);

		/* One that has failed is not written, and holds together nothing that is. */
		if (error_is_set(&l->older->failure) || error_is_set(&l->newer->failure))
			continue;
		turn->txns[a > b ? a : b]->group = a > b ? b : a;
	}
	for (size_t i = 0; i < turn->n_txns; i++)
		turn->txns[i]->group = group_root(turn, i);
}

static void
free_key(struct store_key *key)
{
	while (key->newest) {
		struct store_change *c = key->newest;

		key->newest = c->older;
		free(c);
	}
	free(key);
}

void
store_turn_free(struct store_turn *turn)
{
	for (int db = 0; db < STORE_DB_COUNT; db++) {
		struct store_keys *keys = &turn->touched[db];
		struct store_key *key;

		while ((key = RB_MIN(store_keys, keys))) {
			RB_REMOVE(store_keys, keys, key);
			free_key(key);
		}
	}
	for (size_t i = 0; i < turn->n_txns; i++) {
		free(turn->txns[i]->keys);
		free(turn->txns[i]->deltas);
		error_clear(&turn->txns[i]->failure);
		free(turn->txns[i]);
	}
	free(turn->txns);
	free(turn->waiters);
	free(turn->hooks);
	free(turn->links);
	free(turn);
}
