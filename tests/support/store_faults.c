#include "tests/support/store_faults.h"

#include "common/error.h"
#include "daemon/store/store_lmdb.h"

static uint64_t reads, fails_at;
static bool has_failed, writes_fail;

void
store_faults_begin(uint64_t n, bool fail_writes)
{
	reads = 0;
	fails_at = n;
	writes_fail = fail_writes;
	has_failed = false;
}

bool
store_faults_end(void)
{
	bool ret = has_failed;

	store_faults_begin(0, false);
	return ret;
}

static bool
read_fails(struct error *err)
{
	if (!fails_at || ++reads != fails_at)
		return false;
	has_failed = true;
	error_set(err, ERROR_IO, "a read " STORE_FAULT);
	return true;
}

/* The names that the linker gives to what is put before a function, and to the function. */
int
__real_lmdb_get(struct lmdb *l, enum store_db db, const void *key, size_t len, struct buf *ret, struct error *err);
int
__wrap_lmdb_get(struct lmdb *l, enum store_db db, const void *key, size_t len, struct buf *ret, struct error *err);
int
__real_lmdb_seek(struct lmdb *l, enum store_db db, enum lmdb_where where, const void *key, size_t len,
	struct buf *ret_key, struct buf *ret_value, struct error *err);
int
__wrap_lmdb_seek(struct lmdb *l, enum store_db db, enum lmdb_where where, const void *key, size_t len,
	struct buf *ret_key, struct buf *ret_value, struct error *err);
int
__real_lmdb_keys(struct lmdb *l, enum store_db db, enum lmdb_where where, const struct buf *key, size_t max,
	struct buf *ret, struct error *err);
int
__wrap_lmdb_keys(struct lmdb *l, enum store_db db, enum lmdb_where where, const struct buf *key, size_t max,
	struct buf *ret, struct error *err);
int
__real_lmdb_write(struct lmdb *l, lmdb_apply_fn *fn, void *arg, struct error *err);
int
__wrap_lmdb_write(struct lmdb *l, lmdb_apply_fn *fn, void *arg, struct error *err);

int
__wrap_lmdb_get(struct lmdb *l, enum store_db db, const void *key, size_t len, struct buf *ret, struct error *err)
{
	return read_fails(err) ? -1 : __real_lmdb_get(l, db, key, len, ret, err);
}

int
__wrap_lmdb_seek(struct lmdb *l, enum store_db db, enum lmdb_where where, const void *key, size_t len,
	struct buf *ret_key, struct buf *ret_value, struct error *err)
{
	return read_fails(err) ? -1 : __real_lmdb_seek(l, db, where, key, len, ret_key, ret_value, err);
}

int
__wrap_lmdb_keys(struct lmdb *l, enum store_db db, enum lmdb_where where, const struct buf *key, size_t max,
	struct buf *ret, struct error *err)
{
	return read_fails(err) ? -1 : __real_lmdb_keys(l, db, where, key, max, ret, err);
}

int
__wrap_lmdb_write(struct lmdb *l, lmdb_apply_fn *fn, void *arg, struct error *err)
{
	if (writes_fail)
		return error_set(err, ERROR_IO, "a write " STORE_FAULT);
	return __real_lmdb_write(l, fn, arg, err);
}
