/*
 * daemon/store/store_turn.h: the changes of one turn of the loop, in memory; private to the store. Lists of put and
 * del (struct store_txn), found by key, newest first, with those of failed lists unseen.
 */
#ifndef DAEMON_STORE_STORE_TURN_H
#define DAEMON_STORE_STORE_TURN_H

#include "common/error.h"
#include "daemon/store/store.h"
#include "daemon/store/store_lmdb.h"

#include <bsd/sys/tree.h>

/* One put or del. */
struct store_change {
	struct store_change *older; /* of the same key; owned */
	struct store_txn *txn;
	bool is_del;
	size_t len;
	unsigned char value[];
};

/* A key that was touched in this turn. */
struct store_key {
	RB_ENTRY(store_key) node;
	struct store_change *newest; /* owned */
	enum store_db db;
	size_t len;
	const unsigned char *octets; /* behind the struct when it is in a tree */
};

/* What a list adds to a counter. */
struct store_delta {
	size_t slot; /* db * STORE_COUNTERS_PER_DB + which: position in the counters' record */
	int64_t delta;
};

enum { STORE_COUNTER_SLOTS = STORE_DB_COUNT * STORE_COUNTERS_PER_DB };

struct store_txn {
	struct store_turn *turn;
	struct store_key **keys; /* touched by it; borrowed from the tree */
	size_t n_keys;
	struct store_delta *deltas;
	size_t n_deltas;
	struct error failure; /* set: nothing of it is stored */
	size_t index;         /* in turn->txns */
	size_t group;         /* index of the first list that it must be written with; see store_turn_group() */
	unsigned patience_ms; /* its commit can wait for so long */
	bool is_written;      /* that first list's group was written by itself */
};

struct store_waiter {
	struct store_txn *txn;
	store_then_fn *fn; /* NULL: forgotten */
	void *arg;
};

/* What a list adds when it is written. */
struct store_hook {
	struct store_txn *txn;
	store_hook_fn *fn;
	void *arg;
};

/* @newer touched a key that @older had changed. */
struct store_link {
	struct store_txn *older;
	struct store_txn *newer;
};

RB_HEAD(store_keys, store_key); /* in order of their octets; owned */

struct store_turn {
	struct store_keys touched[STORE_DB_COUNT];
	struct store_txn **txns; /* owned, each owned */
	size_t n_txns;
	struct store_waiter *waiters;
	size_t n_waiters;
	struct store_hook *hooks;
	size_t n_hooks;
	struct store_link *links;
	size_t n_links;
};

struct store_turn *
store_turn_new(void);

void
store_turn_free(struct store_turn *turn);

/* The newest change of @key by a list that has not failed, or NULL. */
const struct store_change *
store_key_change(const struct store_key *key);

/* store_key_change() of exactly this key. */
const struct store_change *
store_turn_find(const struct store_turn *turn, enum store_db db, const void *key, size_t key_len);

/* The nearest touched key with a change that counts; NULL: none. */
const struct store_key *
store_turn_seek(
	const struct store_turn *turn, enum store_db db, enum lmdb_where where, const void *key, size_t key_len);

struct store_txn *
store_turn_begin(struct store_turn *turn);

/* A list that builds on a failed one fails too. To be called once, before writing. */
void
store_turn_settle(struct store_turn *turn);

/* Sets group so that lists which touched common keys are in one; afterwards groups have no key in common. */
void
store_turn_group(struct store_turn *turn);

#endif
