/* What the tests of the store have in common. */
#include "tests/unit/store/tmp_store.h"

#include "tests/support/store_invariants.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAP_SIZE = 256 << 20 };

void
tmp_store_key(struct secret *ret, unsigned char octet)
{
	unsigned char key[32];

	memset(key, octet, sizeof(key));
	secret_set(ret, key, sizeof(key));
}

static struct store *
open_or_fail(struct tmp_store *t, size_t map_size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store *store = store_open_sized(t->path, &t->key, map_size ? map_size : MAP_SIZE, &err);

	cr_assert_not_null(store, "%s", err.message);
	return store;
}

void
tmp_store_init_dir(struct tmp_store *t)
{
	memset(t, 0, sizeof(*t));
	CRYPTO_secure_malloc_init(1 << 20, 64);
	snprintf(t->dir, sizeof(t->dir), "/tmp/certd-test-XXXXXX");
	cr_assert_not_null(mkdtemp(t->dir));
	snprintf(t->path, sizeof(t->path), "%s/store", t->dir);
	tmp_store_key(&t->key, 7);
}

void
tmp_store_init(struct tmp_store *t, size_t map_size)
{
	tmp_store_init_dir(t);
	t->store = open_or_fail(t, map_size);
}

void
tmp_store_reopen(struct tmp_store *t)
{
	store_close(t->store);
	t->store = open_or_fail(t, 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Ends the whole program, because Criterion does not count what fails in the .fini function of a suite. */
static void
expect_invariants(struct tmp_store *t)
{
	_cleanup_free_ char *fault = t->store && !t->is_peculiar ? store_invariants_fault(t->store) : NULL;

	if (fault) {
		fprintf(stderr, "at the end of the test: %s\n", fault);
		kill(getppid(), SIGTERM);
		abort();
	}
}

void
tmp_store_clear(struct tmp_store *t)
{
	expect_invariants(t);
	store_close(t->store);
	secret_clear(&t->key);
	nftw(t->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void
put_text(struct store_txn *txn, enum store_db db, const char *key, const char *value)
{
	store_put(txn, db, key, strlen(key), value, strlen(value));
}

void
del_text(struct store_txn *txn, enum store_db db, const char *key)
{
	store_del(txn, db, key, strlen(key));
}

char *
get_text(struct store *store, enum store_db db, const char *key)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	int rc = store_get(store, db, key, strlen(key), &value, &err);

	cr_assert_geq(rc, 0, "%s: %s", key, err.message);
	return rc ? buf_steal(&value) : NULL;
}

bool
has_text(struct store *store, enum store_db db, const char *key, const char *value)
{
	_cleanup_free_ char *found = get_text(store, db, key);

	return found && strcmp(found, value) == 0;
}

void
note_outcome(const struct error *err, void *arg)
{
	struct outcome *o = arg;

	o->calls++;
	o->code = err ? err->code : ERROR_NONE;
	snprintf(o->message, sizeof(o->message), "%s", err ? err->message : "");
}
