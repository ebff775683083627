/*
 * Walks over keys alone: keys on disk, read in batches, merged with the keys that were touched in this turn. No reader
 * stays open during a callback.
 */
#include "daemon/store/store_private.h"

#include <string.h>

enum { BATCH = 256 };

struct walk {
	const struct store_turn *turn;
	enum store_db db;
	const struct buf *end;           /* empty: none */
	const struct store_key *pending; /* the next touched key that is there or deleted; or NULL */
	store_key_fn *fn;
	void *arg;
	bool is_over;
	bool is_ended; /* by @fn */
};

static int
store_walk_compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
	size_t common = a_len < b_len ? a_len : b_len;
	int diff = common ? memcmp(a, b, common) : 0;

	return diff ? diff : (a_len > b_len) - (a_len < b_len);
}

static void
store_walk_tell(struct walk *w, const void *key, size_t len)
{
	if (w->end->len && store_walk_compare(key, len, w->end->data, w->end->len) >= 0)
		w->is_over = true;
	else if (!w->fn(key, len, w->arg))
		w->is_over = w->is_ended = true;
}

/* Reports the pending keys up to @key (NULL: all). Return: whether @key itself was one of them, reported or deleted. */
static bool
tell_pending(struct walk *w, const void *key, size_t len)
{
	while (!w->is_over && w->pending) {
		const struct store_key *p = w->pending;
		int diff = key ? store_walk_compare(p->octets, p->len, key, len) : -1;

		if (diff > 0)
			return false;
		w->pending = store_turn_seek(w->turn, w->db, LMDB_AFTER, p->octets, p->len);
		if (!store_key_change(p)->is_del)
			store_walk_tell(w, p->octets, p->len);
		if (diff == 0)
			return true;
	}
	return false;
}

/* @batch: as lmdb_keys() made it. @last: gets the last key. */
static void
tell_batch(struct walk *w, const struct buf *batch, struct buf *last)
{
	const char *p = batch->data;
	size_t len = 0;

	for (size_t at = 0; !w->is_over && at < batch->len; at += len) {
		memcpy(&len, p + at, sizeof(len));
		at += sizeof(len);
		if (!tell_pending(w, p + at, len) && !w->is_over)
			store_walk_tell(w, p + at, len);
		if (at + len == batch->len) {
			buf_reset(last);
			buf_add(last, p + at, len);
		}
	}
}

int
store_walk_keys(struct store *store, enum store_db db, const struct buf *from, bool is_after, const struct buf *end,
	store_key_fn *fn, void *arg, struct error *err)
{
	struct walk w = { .turn = store->turn, .db = db, .end = end, .fn = fn, .arg = arg };
	_cleanup_buf_ struct buf batch = BUF_INIT;
	_cleanup_buf_ struct buf last = BUF_INIT;
	enum lmdb_where where = is_after ? LMDB_AFTER : LMDB_AT;
	int n = BATCH;

	buf_add(&last, from->data, from->len);
	w.pending = store_turn_seek(store->turn, db, where, last.data, last.len);
	while (n == BATCH && !w.is_over) {
		n = lmdb_keys(store->lmdb, db, where, &last, BATCH, &batch, err);
		if (n < 0)
			return -1;
		tell_batch(&w, &batch, &last);
		where = LMDB_AFTER;
	}
	tell_pending(&w, NULL, 0);
	return w.is_ended;
}
