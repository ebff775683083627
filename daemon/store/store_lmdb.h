/*
 * daemon/store/store_lmdb.h: a thin wrapper that keeps LMDB's rules (security facts, section 9); private to the
 * store. Octets in, octets out: what they mean, sealing and pending changes are the business of store.c.
 */
#ifndef DAEMON_STORE_STORE_LMDB_H
#define DAEMON_STORE_STORE_LMDB_H

#include "common/buf.h"
#include "daemon/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct lmdb;
struct lmdb_write; /* a running write transaction */

/* Keys and values beyond these are refused before they get here. */
enum { LMDB_KEY_MAX = 511, LMDB_VALUE_MAX = 1 << 20 };

/* Of the records of each database: store_check_sum(). */
struct lmdb_sums {
	bool is_known; /* a file of more than LMDB_SUM_MOST octets is not added up: that would take seconds */
	uint64_t of[STORE_DB_COUNT];
};

enum { LMDB_SUM_MOST = 256 << 20 };

/*
 * lmdb_open() - open data.mdb in @dir, made when it is not there
 * @map_size: address space to reserve; grows by itself when it is used up
 * @ret_sums: what was found
 * Refused (ERROR_CORRUPT): a file that is not what LMDB wrote (store_check.h). Return: NULL on failure.
 */
struct lmdb *
lmdb_open(const char *dir, size_t map_size, struct lmdb_sums *ret_sums, struct error *err);

/* Of the last transaction that was written. */
uint64_t
lmdb_last_transaction(const struct lmdb *l);

void
lmdb_close(struct lmdb *l);

/* Return: 1 found (appended to @ret), 0 absent, -1 failed. */
int
lmdb_get(struct lmdb *l, enum store_db db, const void *key, size_t key_len, struct buf *ret, struct error *err);

/* Which record lmdb_seek() looks for. */
enum lmdb_where {
	LMDB_AT,     /* the first with a key >= the one given */
	LMDB_AFTER,  /* the first with a key > the one given */
	LMDB_BEFORE, /* the last with a key < the one given; no key (length 0): the last of all */
};

/* Both results are replaced; @key may be inside @ret_key. Return: 1 found, 0 none, -1 failed. */
int
lmdb_seek(struct lmdb *l, enum store_db db, enum lmdb_where where, const void *key, size_t key_len, struct buf *ret_key,
	struct buf *ret_value, struct error *err);

/*
 * lmdb_keys() - the next @max keys at or behind @key (LMDB_AT, LMDB_AFTER), without their values
 * @ret: replaced; each key as one size_t, its length, and its octets
 * Return: how many; less than @max: that was the last. -1 failed.
 */
int
lmdb_keys(struct lmdb *l, enum store_db db, enum lmdb_where where, const struct buf *key, size_t max, struct buf *ret,
	struct error *err);

uint64_t
lmdb_count(struct lmdb *l, enum store_db db);

/*
 * lmdb_copy() - write data.mdb as it is at this moment to @fd, without what is not in use
 * May be called on a worker. Meanwhile the loop reads and writes; only if it has to map the file anew, it waits.
 */
int
lmdb_copy(struct lmdb *l, int fd, struct error *err);

/* Makes the changes by lmdb_put() and lmdb_del(); may be called again when a transaction has to be repeated. */
typedef void
lmdb_apply_fn(struct lmdb_write *w, void *arg);

/*
 * lmdb_write() - one durable transaction
 * A used-up map is grown, an environment that a failed write left unusable is opened again; then the transaction is
 * repeated. ERROR_NO_SPACE: the disk is full and the store is as it was before.
 */
int
lmdb_write(struct lmdb *l, lmdb_apply_fn *fn, void *arg, struct error *err);

/* The first failure sticks and ends the transaction; later calls do nothing. */
void
lmdb_put(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len, const void *value, size_t value_len);

/* No failure when the key is not there. */
void
lmdb_del(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len);

/* As the transaction has it. Return: 1 (appended to @ret), 0 absent or failed. */
int
lmdb_write_get(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len, struct buf *ret);

/* store_check_sum() of the record as the transaction has it; 0: it is not there. */
uint64_t
lmdb_write_sum(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len);

/* The number of the transaction. */
uint64_t
lmdb_write_transaction(const struct lmdb_write *w);

/*
 * lmdb_give_back_pages() - unmap the pages of the file that were read
 * The kernel maps sixteen around each page that is touched, and they would count as certd's memory: half a
 * gigabyte for 100,000 certificates. They stay in the page cache. Also called internally every few hundred reads.
 */
void
lmdb_give_back_pages(struct lmdb *l);

struct lmdb_stats {
	uint64_t used_bytes; /* of the data file */
	uint64_t map_bytes;
	uint64_t reopens; /* after failed writes */
};

void
lmdb_get_stats(const struct lmdb *l, struct lmdb_stats *ret);

#endif
