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
	bool is_former_key; /* the master key that it was opened with is being replaced (store_rekey.h) */
};

/* STORE_FORMAT_REKEY: some records are under another master key; an earlier certd would find them damaged. */
enum { STORE_FORMAT = 1, STORE_FORMAT_REKEY = 2 };

struct store_backup_info;

/* Checks the data file in @map and counts its records; tags too, unless @crypt is NULL. */
int
store_backup_look(const char *dir, struct store_crypt *crypt, const void *map, size_t size,
	struct store_backup_info *ret, struct error *err);

/* The value of "key-check"; appended. */
int
store_seal_key_check(struct store *store, struct buf *ret, struct error *err);

/* In a transaction of its own: the counters, tagged anew. */
void
store_write_counters(struct lmdb_write *w, struct store *store, const int64_t *counters);

/* Ends the turn without writing: its lists fail with ERROR_CANCELLED. */
void
store_cancel_turn(struct store *store);

#endif
