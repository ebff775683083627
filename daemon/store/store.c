/*
 * Opening the store, and reads that see the turn's pending changes over what is on disk. Every value on disk ends with
 * a tag over database, key and value, so that damage shows as ERROR_CORRUPT of one record. What the store keeps about
 * itself (STORE_SELF) has none, so that a newer format and a wrong master key are not reported as damage:
 *
 *   "format"     "1"; "2" while the master key is changed: see store_rekey.c
 *   "key-check"  a sealed constant
 *   "counters"   8 octets each, big endian; tagged; see store_counter()
 *   "sums"       see store_sums.c
 */
#include "daemon/store/store.h"

#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/random.h"
#include "daemon/store/store_private.h"
#include "daemon/store/store_rekey_private.h"
#include "daemon/store/store_sums.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_CHECK_TEXT "certd store key check"

static const size_t default_map_size = (size_t)16 << 30;

/* Opening */

struct first_records {
	char format[16];
	struct buf key_check;
};

static void
put_first_records(struct lmdb_write *w, void *arg)
{
	const struct first_records *first = arg;

	lmdb_put(w, STORE_SELF, "format", 6, first->format, strlen(first->format));
	lmdb_put(w, STORE_SELF, "key-check", 9, first->key_check.data, first->key_check.len);
}

int
store_seal_key_check(struct store *store, struct buf *ret, struct error *err)
{
	_cleanup_secret_ struct secret constant = SECRET_INIT;

	secret_set(&constant, KEY_CHECK_TEXT, strlen(KEY_CHECK_TEXT));
	return store_seal(store, STORE_SELF, "key-check", &constant, ret, err);
}

static int
make_store(struct store *store, struct error *err)
{
	struct first_records first = { .key_check = BUF_INIT };
	int rc;

	snprintf(first.format, sizeof(first.format), "%d", STORE_FORMAT);
	rc = store_seal_key_check(store, &first.key_check, err);
	if (rc == 0)
		rc = lmdb_write(store->lmdb, put_first_records, &first, err);
	buf_clear(&first.key_check);
	return rc;
}

/* Tags are made with the master key: one that is right shows that the key is. */
static bool
store_has_tag_of_key(struct store *store)
{
	_cleanup_buf_ struct buf record = BUF_INIT;

	return lmdb_get(store->lmdb, STORE_SELF, "counters", 8, &record, NULL) == 1 &&
	       store_crypt_check(store->crypt, STORE_SELF, "counters", 8, &record, 0, NULL) == 0;
}

static int
store_check_key(struct store *store, struct error *err)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	_cleanup_secret_ struct secret constant = SECRET_INIT;
	int rc = lmdb_get(store->lmdb, STORE_SELF, "key-check", 9, &sealed, err);

	if (rc < 0)
		return -1;
	if (rc == 1 && store_unseal(store, STORE_SELF, "key-check", sealed.data, sealed.len, &constant, NULL) == 0 &&
		constant.len == strlen(KEY_CHECK_TEXT) && memcmp(constant.data, KEY_CHECK_TEXT, constant.len) == 0)
		return store_rekey_open(store, true, err) < 0 ? -1 : 0;
	if (rc == 1)
		rc = store_rekey_open(store, false, err);
	if (rc < 0)
		return -1;
	if (rc == 1)
		return 0;
	if (store_has_tag_of_key(store))
		return error_set(err, ERROR_CORRUPT,
			"store '%s': damaged record of the master key; restore the state directory from a backup, see "
			"certd(8)",
			store->dir.path);
	return error_set(err, ERROR_CONFIG, "store '%s': it was created with another master key", store->dir.path);
}

/* A later certd may keep more of them. A damaged record does not prevent the start: counting starts again. */
static int
load_counters(struct store *store, struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	_cleanup_error_ struct error unused = ERROR_INIT;
	int rc = lmdb_get(store->lmdb, STORE_SELF, "counters", 8, &record, err);

	if (rc <= 0)
		return rc;
	if (store_crypt_check(store->crypt, STORE_SELF, "counters", 8, &record, 0, &unused) < 0)
		return 0;
	for (size_t i = 0; i < STORE_COUNTER_SLOTS && (i + 1) * 8 <= record.len; i++) {
		uint64_t u = 0;

		for (size_t k = 0; k < 8; k++)
			u = u << 8 | (unsigned char)record.data[i * 8 + k];
		store->counters[i] = (int64_t)u;
	}
	return 0;
}

/* A data file without a format record is one whose making was cut off before anything was stored. */
static int
check_format(struct store *store, struct error *err)
{
	_cleanup_buf_ struct buf format = BUF_INIT;
	int rc = lmdb_get(store->lmdb, STORE_SELF, "format", 6, &format, err);
	char *end = NULL;
	long number;

	if (rc < 0)
		return -1;
	if (rc == 0 && store_dir_was_made(&store->dir))
		return error_set(err, ERROR_CORRUPT, "store '%s': its format record is missing", store->dir.path);
	if (rc == 0)
		return make_store(store, err);
	number = strtol(buf_str(&format), &end, 10);
	if (number < 1 || *end)
		return error_set(err, ERROR_CORRUPT, "store '%s': damaged format record", store->dir.path);
	if (number > STORE_FORMAT_REKEY)
		return error_set(err, ERROR_CONFIG,
			"store '%s' has format %ld of a newer certd, and this one supports %d: install the newer certd "
			"again, or restore a backup from before the upgrade",
			store->dir.path, number, STORE_FORMAT_REKEY);
	return store_check_key(store, err);
}

static int
open_parts(struct store *store, const char *dir, const struct secret *master_key, size_t map_size, struct error *err)
{
	struct lmdb_sums found;

	if (store_dir_open(&store->dir, dir, err) < 0 || store_dir_check_data(&store->dir, err) < 0)
		return -1;
	store->crypt = store_crypt_new(master_key, err);
	if (!store->crypt)
		return -1;
	store->lmdb = lmdb_open(dir, map_size, &found, err);
	if (!store->lmdb || check_format(store, err) < 0 || store_sums_check(store, &found, err) < 0 ||
		load_counters(store, err) < 0 || store_dir_mark_made(&store->dir, err) < 0)
		return -1;
	store_dir_remove_work(&store->dir);
	store_dir_keep_reserve(&store->dir);
	return 0;
}

struct store *
store_open_sized(const char *dir, const struct secret *master_key, size_t map_size, struct error *err)
{
	struct store *store = xcalloc(1, sizeof(*store));

	store->turn = store_turn_new();
	if (open_parts(store, dir, master_key, map_size, err) == 0)
		return store;
	store_close(store);
	return NULL;
}

struct store *
store_open(const char *dir, const struct secret *master_key, struct error *err)
{
	return store_open_sized(dir, master_key, default_map_size, err);
}

/* Reading */

int
store_get(struct store *store, enum store_db db, const void *key, size_t key_len, struct buf *ret, struct error *err)
{
	const struct store_change *c = store_turn_find(store->turn, db, key, key_len);
	size_t from = ret->len;
	int rc;

	if (c && c->is_del)
		return 0;
	if (c) {
		buf_add(ret, c->value, c->len);
		return 1;
	}
	rc = lmdb_get(store->lmdb, db, key, key_len, ret, err);
	if (rc == 1 && store_crypt_check(store->crypt, db, key, key_len, ret, from, err) < 0)
		return -1;
	return rc;
}

static int
store_compare(const struct store_key *a, const struct buf *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int diff = common ? memcmp(a->octets, b->data, common) : 0;

	return diff ? diff : (a->len > b->len) - (a->len < b->len);
}

/*
 * Merges disk and pending changes: the nearer key wins, the pending one when both have the same key. A key that is
 * deleted in this turn hides the one on disk, and the search continues after it.
 */
static int
seek_merged(struct store *store, enum store_db db, enum lmdb_where where, const void *key, size_t key_len,
	struct buf *ret_key, struct buf *ret_value, bool *ret_is_pending, struct error *err)
{
	const struct store_key *pending = store_turn_seek(store->turn, db, where, key, key_len);
	enum lmdb_where onward = where == LMDB_BEFORE ? LMDB_BEFORE : LMDB_AFTER;
	int on_disk = lmdb_seek(store->lmdb, db, where, key, key_len, ret_key, ret_value, err);

	while (on_disk >= 0 && pending) {
		const struct store_change *c = store_key_change(pending);
		int diff = on_disk ? store_compare(pending, ret_key) : 0;

		if (onward == LMDB_BEFORE ? diff < 0 : diff > 0)
			break;
		if (!c->is_del) {
			buf_reset(ret_key);
			buf_reset(ret_value);
			buf_add(ret_key, pending->octets, pending->len);
			buf_add(ret_value, c->value, c->len);
			*ret_is_pending = true;
			return 1;
		}
		if (on_disk && diff == 0)
			on_disk = lmdb_seek(
				store->lmdb, db, onward, pending->octets, pending->len, ret_key, ret_value, err);
		pending = store_turn_seek(store->turn, db, onward, pending->octets, pending->len);
	}
	return on_disk;
}

/* A record that does not begin with @prefix (NULL: any may follow) is the end: it is not checked, which costs most. */
static int
seek(struct store *store, enum store_db db, enum lmdb_where where, const void *key, size_t key_len,
	const struct buf *prefix, struct buf *ret_key, struct buf *ret_value, struct error *err)
{
	_cleanup_buf_ struct buf unused = BUF_INIT;
	struct buf *value = ret_value ? ret_value : &unused;
	bool is_pending = false;
	int rc = seek_merged(store, db, where, key, key_len, ret_key, value, &is_pending, err);

	if (rc != 1)
		return rc;
	if (prefix && (ret_key->len < prefix->len || memcmp(ret_key->data, prefix->data, prefix->len) != 0))
		return 0;
	if (!is_pending && store_crypt_check(store->crypt, db, ret_key->data, ret_key->len, value, 0, err) < 0)
		return -1;
	return 1;
}

int
store_next(struct store *store, enum store_db db, const void *key, size_t key_len, bool is_after, struct buf *ret_key,
	struct buf *ret_value, struct error *err)
{
	return seek(store, db, is_after ? LMDB_AFTER : LMDB_AT, key, key_len, NULL, ret_key, ret_value, err);
}

int
store_next_with(struct store *store, enum store_db db, const struct buf *prefix, struct buf *key, struct buf *ret_value,
	struct error *err)
{
	return seek(store, db, LMDB_AFTER, key->data, key->len, prefix, key, ret_value, err);
}

int
store_prev(struct store *store, enum store_db db, const void *key, size_t key_len, struct buf *ret_key,
	struct buf *ret_value, struct error *err)
{
	return seek(store, db, LMDB_BEFORE, key, key_len, NULL, ret_key, ret_value, err);
}

static int64_t
pending_delta(const struct store_txn *txn, size_t slot)
{
	for (size_t i = 0; !error_is_set(&txn->failure) && i < txn->n_deltas; i++)
		if (txn->deltas[i].slot == slot)
			return txn->deltas[i].delta;
	return 0;
}

int64_t
store_counter(struct store *store, enum store_db db, unsigned which)
{
	size_t slot = (size_t)db * STORE_COUNTERS_PER_DB + which;
	int64_t sum = store->counters[slot];

	for (size_t i = 0; i < store->turn->n_txns; i++)
		sum += pending_delta(store->turn->txns[i], slot);
	return sum;
}

uint64_t
store_count(struct store *store, enum store_db db)
{
	return lmdb_count(store->lmdb, db);
}

/* Changing */

struct store_txn *
store_begin(struct store *store)
{
	return store_turn_begin(store->turn);
}

int
store_patience_ms(const struct store *store)
{
	const struct store_turn *turn = store->turn;
	unsigned least = INT_MAX;

	for (size_t i = 0; i < turn->n_txns; i++)
		if (turn->txns[i]->patience_ms < least)
			least = turn->txns[i]->patience_ms;
	return turn->n_txns ? (int)least : -1;
}

static void
forget_in(struct store_turn *turn, const void *arg)
{
	for (size_t i = 0; turn && i < turn->n_waiters; i++)
		if (turn->waiters[i].arg == arg)
			turn->waiters[i].fn = NULL;
}

void
store_forget(struct store *store, const void *arg)
{
	forget_in(store->turn, arg);
	forget_in(store->running, arg);
}

void
store_rest(struct store *store)
{
	lmdb_give_back_pages(store->lmdb);
}

void
store_get_stats(const struct store *store, struct store_stats *ret)
{
	struct lmdb_stats lmdb;

	lmdb_get_stats(store->lmdb, &lmdb);
	*ret = store->stats;
	ret->has_reserve = store->dir.has_reserve;
	ret->reopens = lmdb.reopens;
	ret->used_bytes = lmdb.used_bytes;
	ret->map_bytes = lmdb.map_bytes;
}

void
store_close(struct store *store)
{
	if (!store)
		return;
	store_cancel_turn(store);
	store_turn_free(store->turn);
	lmdb_close(store->lmdb);
	store_crypt_free(store->crypt);
	store_dir_close(&store->dir);
	free(store);
}

/* Ids and secrets */

void
store_new_id(char ret[STORE_ID_SIZE])
{
	unsigned char r[16];

	random_octets(r, sizeof(r));
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	snprintf(ret, STORE_ID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
		r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

int
store_seal(struct store *store, enum store_db db, const char *id, const struct secret *secret, struct buf *ret,
	struct error *err)
{
	return store_crypt_seal(store->crypt, db, id, secret, ret, err);
}

int
store_unseal(struct store *store, enum store_db db, const char *id, const void *sealed, size_t len, struct secret *ret,
	struct error *err)
{
	return store_crypt_unseal(store->crypt, db, id, sealed, len, ret, err);
}

void
store_watch(struct store *store, enum store_db db, store_watch_fn *fn, void *arg)
{
	store->watches[db] = (struct store_watch){ fn, arg };
}

void
store_changed(struct store *store, struct store_txn *txn, enum store_db db, const void *old, const void *new)
{
	const struct store_watch *watch = &store->watches[db];

	if (watch->fn)
		watch->fn(txn, db, old, new, watch->arg);
}
