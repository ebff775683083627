/*
 * daemon/store/compromised.h: keys that are known to others. They are remembered for ever, by the hash of the public
 * half, and nothing may use them: reuseKey, imports and account keys ask here.
 */
#ifndef DAEMON_STORE_COMPROMISED_H
#define DAEMON_STORE_COMPROMISED_H

#include "daemon/store/store.h"

struct key;

/* @certificate_id: the certificate that was revoked for it. Return: 0 or -1 (ERROR_INTERNAL). */
int
compromised_note(struct store_txn *txn, const struct key *key, const char *certificate_id, struct error *err);

/* Return: 1 the key is compromised, 0 it is not, -1 failed. */
int
compromised_has(struct store *store, const struct key *key, struct error *err);

#endif
