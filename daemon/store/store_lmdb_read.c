/*
 * Reading the data file: one reader transaction and at most one cursor per call, all of it under the guard, and every
 * answer copied out before the transaction ends.
 */
#include "common/error.h"
#include "daemon/store/store_guard.h"
#include "daemon/store/store_lmdb.h"
#include "daemon/store/store_lmdb_private.h"

#include <string.h>

static int
reader_start(struct lmdb *l, struct error *err)
{
	int rc;

	if (!l->env && lmdb_env_open(l, err) < 0)
		return -1;
	rc = l->reader ? mdb_txn_renew(l->reader) : mdb_txn_begin(l->env, NULL, MDB_RDONLY, &l->reader);
	if (rc == MDB_READERS_FULL) {
		lmdb_check_readers(l);
		rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &l->reader);
	}
	return rc ? lmdb_error(l, rc, "read", err) : 0;
}

/* A damaged length must not make us read beyond the padding. */
static int
take_value(const MDB_val *value, struct buf *ret)
{
	if (value->mv_size > LMDB_VALUE_MAX)
		return MDB_CORRUPTED;
	buf_add(ret, value->mv_data, value->mv_size);
	return 0;
}

/* One read, under the guard. */
struct lmdb_read {
	struct lmdb *l;
	enum store_db db;
	enum lmdb_where where;
	MDB_val key;
	struct buf *ret_key;
	struct buf *ret_value;
	MDB_cursor *cursor; /* closed afterwards */
	MDB_val touched;    /* where it came to in the map */
	MDB_stat stat;
	size_t max; /* of read_keys() */
	size_t count;
	int rc;
};

/* Return: 1 found, 0 absent, -1 failed. */
static int
read_guarded(struct lmdb_read *r, void (*fn)(void *arg), struct error *err)
{
	if (reader_start(r->l, err) < 0)
		return -1;
	if (!store_guard_run(fn, r))
		r->rc = MDB_CORRUPTED;
	if (r->cursor)
		mdb_cursor_close(r->cursor);
	mdb_txn_reset(r->l->reader);
	if (r->rc == 0 && r->touched.mv_data)
		lmdb_touch(r->l, r->touched.mv_data, r->touched.mv_size);
	if (r->rc == MDB_NOTFOUND)
		return 0;
	return r->rc ? lmdb_error(r->l, r->rc, "read", err) : 1;
}

static void
read_get(void *arg)
{
	struct lmdb_read *r = arg;
	MDB_val v;

	r->rc = mdb_get(r->l->reader, r->l->dbis[r->db], &r->key, &v);
	if (r->rc)
		return;
	r->rc = take_value(&v, r->ret_value);
	r->touched = v;
}

int
lmdb_get(struct lmdb *l, enum store_db db, const void *key, size_t key_len, struct buf *ret, struct error *err)
{
	struct lmdb_read r = { .l = l, .db = db, .key = { key_len, (void *)(uintptr_t)key }, .ret_value = ret };

	if (key_len == 0 || key_len > LMDB_KEY_MAX)
		return 0;
	return read_guarded(&r, read_get, err);
}

static int
store_lmdb_read_compare(const MDB_val *a, const MDB_val *b)
{
	size_t common = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
	int diff = common ? memcmp(a->mv_data, b->mv_data, common) : 0;

	return diff ? diff : (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

static int
cursor_seek(MDB_cursor *cursor, enum lmdb_where where, const MDB_val *given, MDB_val *k, MDB_val *v)
{
	int rc;

	if (given->mv_size == 0)
		return mdb_cursor_get(cursor, k, v, where == LMDB_BEFORE ? MDB_LAST : MDB_FIRST);
	*k = *given;
	rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
	if (where == LMDB_BEFORE)
		return mdb_cursor_get(cursor, k, v, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
	if (rc == 0 && where == LMDB_AFTER && store_lmdb_read_compare(k, given) == 0)
		rc = mdb_cursor_get(cursor, k, v, MDB_NEXT);
	return rc;
}

/* In a damaged file keys may be out of order; a walk must end nevertheless. */
static bool
is_where_asked(enum lmdb_where where, const MDB_val *given, const MDB_val *k)
{
	int diff = store_lmdb_read_compare(k, given);

	if (where == LMDB_BEFORE)
		return diff < 0 || given->mv_size == 0;
	return where == LMDB_AT ? diff >= 0 : diff > 0;
}

static void
read_seek(void *arg)
{
	struct lmdb_read *r = arg;
	MDB_val k;
	MDB_val v;

	r->rc = mdb_cursor_open(r->l->reader, r->l->dbis[r->db], &r->cursor);
	if (r->rc == 0)
		r->rc = cursor_seek(r->cursor, r->where, &r->key, &k, &v);
	if (r->rc == 0 && !is_where_asked(r->where, &r->key, &k))
		r->rc = MDB_CORRUPTED;
	if (r->rc)
		return;
	buf_reset(r->ret_key);
	buf_reset(r->ret_value);
	buf_add(r->ret_key, k.mv_data, k.mv_size);
	r->rc = take_value(&v, r->ret_value);
	r->touched = v;
}

int
lmdb_seek(struct lmdb *l, enum store_db db, enum lmdb_where where, const void *key, size_t key_len, struct buf *ret_key,
	struct buf *ret_value, struct error *err)
{
	struct lmdb_read r = { .l = l,
		.db = db,
		.where = where,
		.key = { key_len, (void *)(uintptr_t)key },
		.ret_key = ret_key,
		.ret_value = ret_value };

	if (key_len > LMDB_KEY_MAX)
		return error_set(err, ERROR_LIMIT, "a key of %zu octets", key_len);
	return read_guarded(&r, read_seek, err);
}

/* Keys out of order are damage, and a walk must end nevertheless. */
static void
read_keys(void *arg)
{
	struct lmdb_read *r = arg;
	MDB_val last = r->key;
	MDB_val k;

	r->rc = mdb_cursor_open(r->l->reader, r->l->dbis[r->db], &r->cursor);
	if (r->rc == 0)
		r->rc = cursor_seek(r->cursor, r->where, &r->key, &k, NULL);
	while (r->rc == 0) {
		if (!is_where_asked(r->count ? LMDB_AFTER : r->where, &last, &k)) {
			r->rc = MDB_CORRUPTED;
			return;
		}
		buf_add(r->ret_key, &k.mv_size, sizeof(k.mv_size));
		buf_add(r->ret_key, k.mv_data, k.mv_size);
		r->touched = k;
		last = k; /* in the map, which stays until the reader ends */
		if (++r->count == r->max)
			return;
		r->rc = mdb_cursor_get(r->cursor, &k, NULL, MDB_NEXT);
	}
}

int
lmdb_keys(struct lmdb *l, enum store_db db, enum lmdb_where where, const struct buf *key, size_t max, struct buf *ret,
	struct error *err)
{
	struct lmdb_read r = {
		.l = l, .db = db, .where = where, .key = { key->len, key->data }, .ret_key = ret, .max = max
	};

	if (key->len > LMDB_KEY_MAX)
		return error_set(err, ERROR_LIMIT, "a key of %zu octets", key->len);
	buf_reset(ret);
	return read_guarded(&r, read_keys, err) < 0 ? -1 : (int)r.count;
}

static void
read_stat(void *arg)
{
	struct lmdb_read *r = arg;

	r->rc = mdb_stat(r->l->reader, r->l->dbis[r->db], &r->stat);
}

uint64_t
lmdb_count(struct lmdb *l, enum store_db db)
{
	struct lmdb_read r = { .l = l, .db = db };

	return read_guarded(&r, read_stat, NULL) == 1 ? r.stat.ms_entries : 0;
}
