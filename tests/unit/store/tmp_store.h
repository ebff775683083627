/* tests/unit/store/tmp_store.h: a store in a directory of its own, for one test. */
#ifndef TESTS_UNIT_STORE_TMP_STORE_H
#define TESTS_UNIT_STORE_TMP_STORE_H

#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/store/store.h"

#include <stdbool.h>

struct tmp_store {
	char dir[64];  /* the test's own directory; the store is in "store" below it */
	char path[80]; /* of the store */
	struct secret key;
	struct store *store; /* open, or NULL */
	bool is_peculiar;    /* the test puts what no certd would: its objects need not agree with their indexes */
};

/* The directory and the key; the store itself is made by tmp_store_reopen(). */
void
tmp_store_init_dir(struct tmp_store *t);

/* @map_size 0: the usual one. Ends the test when it cannot be made. */
void
tmp_store_init(struct tmp_store *t, size_t map_size);

/* Closes and opens again with the same key: what is seen then is on disk. */
void
tmp_store_reopen(struct tmp_store *t);

/* Closes it and removes the directory. The test fails if the store is not consistent (store_invariants.h). */
void
tmp_store_clear(struct tmp_store *t);

/* The key that all of them have. */
void
tmp_store_key(struct secret *ret, unsigned char octet);

/* Short forms with text keys and values. */
void
put_text(struct store_txn *txn, enum store_db db, const char *key, const char *value);

void
del_text(struct store_txn *txn, enum store_db db, const char *key);

/* The value as text, owned by the caller; NULL: absent. Anything else ends the test. */
char *
get_text(struct store *store, enum store_db db, const char *key);

bool
has_text(struct store *store, enum store_db db, const char *key, const char *value);

/* A store_then function: @arg is a struct outcome. */
struct outcome {
	unsigned calls;
	enum error_code code;
	char message[256];
};

void
note_outcome(const struct error *err, void *arg);

#endif
