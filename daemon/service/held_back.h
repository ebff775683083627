/*
 * daemon/service/held_back.h: imported certificates that are not deployed, because servers or clients would refuse
 * them.
 * Each has a row in STORE_INDEX, "h" id -> "", for the status.
 */
#ifndef DAEMON_SERVICE_HELD_BACK_H
#define DAEMON_SERVICE_HELD_BACK_H

#include "daemon/store/object.h"

/* Puts or removes the row. @old, @new: before and after; NULL: absent. */
void
held_back_note(struct store_txn *txn, const struct certificate *old, const struct certificate *new);

/* A line for each of the first @max; appended to @ret. Return: their number (1000 means at least 1000). */
size_t
held_back_warnings(struct store *store, size_t max, struct strlist *ret);

#endif
