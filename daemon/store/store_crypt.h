/*
 * daemon/store/store_crypt.h: what the master key is for; private to the store. Two keys are derived from it: one
 * wraps the data keys of sealed secrets, one authenticates every value, because LMDB's pages have no checksum.
 */
#ifndef DAEMON_STORE_STORE_CRYPT_H
#define DAEMON_STORE_STORE_CRYPT_H

#include "common/buf.h"
#include "daemon/store/store.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct secret;
struct store_crypt;

enum { STORE_KEY_LEN = 32, STORE_TAG_LEN = 16 };

/* @master_key: STORE_KEY_LEN octets, copied. */
struct store_crypt *
store_crypt_new(const struct secret *master_key, struct error *err);

void
store_crypt_free(struct store_crypt *c);

/* Borrowed until it is freed. */
const struct secret *
store_crypt_master(const struct store_crypt *c);

/* Another one with the same keys, the former one's too: each is for one thread. */
struct store_crypt *
store_crypt_dup(const struct store_crypt *c, struct error *err);

/*
 * While the master key is changed (store_rekey.h): what @former wrote (taken, the one before is freed; NULL: none) is
 * read, checked and unsealed too.
 */
void
store_crypt_set_former(struct store_crypt *c, struct store_crypt *former);

bool
store_crypt_has_former(const struct store_crypt *c);

/* Is the tag at the end of @stored by @c itself, not by the former one? */
bool
store_crypt_is_own(
	struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *stored, size_t len);

/* Is the tag at the end of @stored right, by @c or by the former one? */
bool
store_crypt_verifies(
	struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *stored, size_t len);

/*
 * If @sealed is a secret that the former one sealed, wraps its data key with @c's key, in place. Return: whether it
 * did.
 */
bool
store_crypt_rewrap(struct store_crypt *c, enum store_db db, const char *id, unsigned char *sealed, size_t len);

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
