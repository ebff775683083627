/*
 * daemon/store/store_crypt.h: what the master key is for; private to the store. Two keys are derived from it: one
 * wraps the data keys of sealed secrets, one authenticates every value, because LMDB's pages have no checksum.
 */
#ifndef DAEMON_STORE_STORE_CRYPT_H
#define DAEMON_STORE_STORE_CRYPT_H

#include "common/buf.h"
#include "daemon/store/store.h"

#include <stddef.h>

struct error;
struct secret;
struct store_crypt;

enum { STORE_KEY_LEN = 32, STORE_TAG_LEN = 16 };

/* @master_key: STORE_KEY_LEN octets; not needed any more afterwards. */
struct store_crypt *
store_crypt_new(const struct secret *master_key, struct error *err);

void
store_crypt_free(struct store_crypt *c);

/* store_seal() and store_unseal() without the store. */
int
store_crypt_seal(struct store_crypt *c, enum store_db db, const char *id, const struct secret *secret, struct buf *ret,
	struct error *err);

int
store_crypt_unseal(struct store_crypt *c, enum store_db db, const char *id, const void *sealed, size_t len,
	struct secret *ret, struct error *err);

/* Tag of a value: over database, key and value, so that a value moved to another key does not verify. */
int
store_crypt_tag(struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *value,
	size_t value_len, unsigned char ret[STORE_TAG_LEN], struct error *err);

/* Checks the tag at the end of @stored (from offset @from on) and removes it. ERROR_CORRUPT names the record. */
int
store_crypt_check(struct store_crypt *c, enum store_db db, const void *key, size_t key_len, struct buf *stored,
	size_t from, struct error *err);

#endif
