/*
 * daemon/store/store_rekey.h: changing the master key of an open store.
 *
 * From store_rekey_begin() to store_rekey_finish() the store can be opened with either key, because each is kept in it,
 * sealed with the other. What is written is under the new key at once; a walk in slices rewrites the rest. It can be
 * interrupted at any point: the next one continues with what is left.
 */
#ifndef DAEMON_STORE_STORE_REKEY_H
#define DAEMON_STORE_STORE_REKEY_H

#include "common/buf.h"
#include "daemon/store/store.h"

enum store_rekey {
	STORE_REKEY_NONE,
	STORE_REKEY_FORMER, /* the next start has the former key, as far as is known: it must not be forgotten yet */
	STORE_REKEY_NEW,    /* the next start has the new key */
};

enum store_rekey
store_rekey_state(const struct store *store);

/*
 * store_rekey_begin() - durable when it returns; ERROR_STATE: a change is in progress
 * @new_key: 32 octets, copied; ERROR_INVALID: it is the present one, or has another length
 */
int
store_rekey_begin(struct store *store, const struct secret *new_key, struct error *err);

/* The new master key, or the only one; borrowed until the next change. */
const struct secret *
store_master_key(const struct store *store);

/* The next start has the new key: what is installed is its file. Not durable. */
void
store_rekey_installed(struct store *store);

/* A walk; zeroed by the caller, released by buf_clear(&.after). */
struct store_rekey_walk {
	int db;           /* being walked */
	struct buf after; /* key of the last record of it that was looked at; empty: none */
	bool has_changed; /* in this pass over all records */
};

/*
 * store_rekey_slice() - look at up to @max records, and put those into @txn that are under the former key
 * The caller commits. Return: 1 there may be more; 0 a whole pass found nothing; -1 failed, to be continued later.
 */
int
store_rekey_slice(
	struct store *store, struct store_txn *txn, struct store_rekey_walk *walk, size_t max, struct error *err);

/* Forgets the former key, after store_rekey_slice() returned 0 and in the state STORE_REKEY_NEW. Durable. */
int
store_rekey_finish(struct store *store, struct error *err);

#endif
