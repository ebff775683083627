/*
 * daemon/store/store_lmdb_private.h: shared by the files of the LMDB wrapper, the only ones that include it or lmdb.h.
 */
#ifndef DAEMON_STORE_STORE_LMDB_PRIVATE_H
#define DAEMON_STORE_STORE_LMDB_PRIVATE_H

#include "daemon/store/store_lmdb.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

struct lmdb {
	MDB_env *env;    /* NULL after a reopening that failed */
	MDB_txn *reader; /* kept between reads in its reset state; or NULL */
	MDB_dbi dbis[STORE_DB_COUNT];
	char *dir;
	pthread_mutex_t copying; /* held by lmdb_copy(), and while the map or the environment is replaced */
	size_t map_size;
	uint64_t file_size;
	uint64_t used_bytes;
	uint64_t reopens;
	int64_t readers_checked;            /* seconds, monotonic */
	uintptr_t touched_from, touched_to; /* addresses in the map that reads have touched; equal: none */
	unsigned touches;                   /* since the pages were given back */
};

/* @rc: of LMDB, or an errno. Return: -1. */
int
lmdb_error(const struct lmdb *l, int rc, const char *what, struct error *err);

/* Opens the environment (again): also the recovery after a failed write that LMDB cannot continue from. */
int
lmdb_env_open(struct lmdb *l, struct error *err);

/* A read came there. What was touched often enough is given back: lmdb_give_back_pages(). */
void
lmdb_touch(struct lmdb *l, const void *at, size_t len);

/* Clears the slots of readers that are gone. */
void
lmdb_check_readers(struct lmdb *l);

#endif
