/* daemon/store/store_rekey_private.h: for opening the store. */
#ifndef DAEMON_STORE_STORE_REKEY_PRIVATE_H
#define DAEMON_STORE_STORE_REKEY_PRIVATE_H

#include "daemon/store/store_private.h"

/*
 * store_rekey_open() - continue a change of the master key, if there is one
 * @is_present: the key that the store is opened with is the one of "key-check": the present one, or the former one
 * Return: 1 a change continues, 0 there is none, or it does not concern this key; -1 failed.
 */
int
store_rekey_open(struct store *store, bool is_present, struct error *err);

#endif
