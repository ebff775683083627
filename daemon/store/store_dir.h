/* daemon/store/store_dir.h: the store's directory: owner and mode, our lock, the reserve; private to the store. */
#ifndef DAEMON_STORE_STORE_DIR_H
#define DAEMON_STORE_STORE_DIR_H

#include "common/alloc.h"

#include <stdbool.h>

struct error;

/* Below a store: where a backup is unpacked. */
#define STORE_DIR_WORK "restore"

struct store_dir {
	char *path;  /* owned */
	int fd;      /* -1: not open */
	int lock_fd; /* holds the flock; -1: not held */
	bool has_reserve;
};

/* Makes the directory (0700) when it is not there, and takes the lock: ERROR_IN_USE when another daemon has it. */
int
store_dir_open(struct store_dir *dir, const char *path, struct error *err);

void
store_dir_close(struct store_dir *dir);

/*
 * Return: 1 data.mdb is there, 0 the store is yet to be made, -1 failed: ERROR_CORRUPT when it was made once and
 * data.mdb is gone or empty (LMDB would silently begin an empty one).
 */
int
store_dir_check_data(struct store_dir *dir, struct error *err);

/* Was store_dir_mark_made() ever called for it? */
bool
store_dir_was_made(const struct store_dir *dir);

/* The store is made: directory entries and a note in the lock file are durable. */
int
store_dir_mark_made(struct store_dir *dir, struct error *err);

/*
 * The reserve: 1 MiB of disk that is given back when the disk is full, so that work in progress can be recorded.
 * store_dir_keep_reserve() makes it when there is plenty of space; store_dir_free_reserve() returns whether it gave
 * any space back.
 */
void
store_dir_keep_reserve(struct store_dir *dir);

bool
store_dir_free_reserve(struct store_dir *dir);

/* Removes STORE_DIR_WORK: a restore that was interrupted leaves it. */
void
store_dir_remove_work(const struct store_dir *dir);

#endif
