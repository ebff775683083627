/* daemon/store/store_private.h: what store.c and store_commit.c share. */
#ifndef DAEMON_STORE_STORE_PRIVATE_H
#define DAEMON_STORE_STORE_PRIVATE_H

#include "daemon/store/store.h"
#include "daemon/store/store_crypt.h"
#include "daemon/store/store_dir.h"
#include "daemon/store/store_lmdb.h"
#include "daemon/store/store_turn.h"

struct store_watch {
	store_watch_fn *fn; /* or NULL */
	void *arg;
};

struct store {
	struct store_dir dir;
	struct store_crypt *crypt;
	struct lmdb *lmdb;
	struct store_turn *turn;    /* collects changes */
	struct store_turn *running; /* whose store_then functions are being called; or NULL */
	struct store_stats stats;
	int64_t counters[STORE_COUNTER_SLOTS]; /* as on disk */
	struct store_watch watches[STORE_DB_COUNT];
};

/* Ends the turn without writing: its lists fail with ERROR_CANCELLED. */
void
store_cancel_turn(struct store *store);

#endif
