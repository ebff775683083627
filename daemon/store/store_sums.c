/*
 * STORE_SELF "sums": transaction (8) and a sum for each database in the order of enum store_db (8 each), big endian,
 * and a tag. It counts only when it was written in the last transaction: an earlier certd writes none, and then the
 * sums are computed again. It is read within each transaction, because one that failed may be durable nevertheless.
 */
#include "daemon/store/store_sums.h"

#include "common/error.h"
#include "daemon/store/store_private.h"

#include <endian.h>
#include <string.h>

static const char sums_key[] = "sums";

enum { SUMS_KEY_LEN = sizeof(sums_key) - 1 };

struct sums_record {
	uint64_t transaction;
	uint64_t of[STORE_DB_COUNT];
};

void
store_sums_before(struct store_sums *sums, struct lmdb_write *w, enum store_db db, const void *key, size_t key_len)
{
	sums->change[db] -= lmdb_write_sum(w, db, key, key_len);
}

void
store_sums_after(struct store_sums *sums, struct lmdb_write *w, enum store_db db, const void *key, size_t key_len)
{
	sums->change[db] += lmdb_write_sum(w, db, key, key_len);
}

/* Return: whether it is one, of that transaction. A later certd may have more databases. */
static bool
sums_decode(struct store_crypt *crypt, struct buf *stored, uint64_t transaction, struct sums_record *ret)
{
	_cleanup_error_ struct error unused = ERROR_INIT;
	uint64_t be[1 + STORE_DB_COUNT] = { 0 };

	if (store_crypt_check(crypt, STORE_SELF, sums_key, SUMS_KEY_LEN, stored, 0, &unused) < 0 ||
		stored->len < sizeof(be[0]) || stored->len > sizeof(be))
		return false;
	memcpy(be, stored->data, stored->len);
	ret->transaction = be64toh(be[0]);
	for (int db = 0; db < STORE_DB_COUNT; db++)
		ret->of[db] = be64toh(be[1 + db]);
	return ret->transaction == transaction;
}

static void
sums_put(struct lmdb_write *w, struct store_crypt *crypt, struct sums_record *record)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	unsigned char tag[STORE_TAG_LEN];
	uint64_t be[1 + STORE_DB_COUNT];

	be[0] = htobe64(lmdb_write_transaction(w));
	for (int db = 0; db < STORE_DB_COUNT; db++)
		be[1 + db] = htobe64(record->of[db]);
	buf_add(&value, be, sizeof(be));
	if (store_crypt_tag(crypt, STORE_SELF, sums_key, SUMS_KEY_LEN, value.data, value.len, tag, NULL) < 0)
		return; /* without it the next start takes the sums anew */
	buf_add(&value, tag, sizeof(tag));
	lmdb_put(w, STORE_SELF, sums_key, SUMS_KEY_LEN, value.data, value.len);
}

void
store_sums_write(const struct store_sums *sums, struct lmdb_write *w, struct store_crypt *crypt)
{
	_cleanup_buf_ struct buf stored = BUF_INIT;
	struct sums_record record = { .transaction = 0 };

	if (lmdb_write_get(w, STORE_SELF, sums_key, SUMS_KEY_LEN, &stored) == 0)
		return;
	if (!sums_decode(crypt, &stored, lmdb_write_transaction(w) - 1, &record)) {
		lmdb_del(w, STORE_SELF, sums_key, SUMS_KEY_LEN);
		return;
	}
	for (int db = 0; db < STORE_DB_COUNT; db++)
		record.of[db] += sums->change[db];
	sums_put(w, crypt, &record);
}

/* --- at the start --- */

struct sums_first {
	struct store *store;
	const struct lmdb_sums *found; /* NULL: none are kept */
};

static void
sums_write_first(struct lmdb_write *w, void *arg)
{
	struct sums_first *first = arg;
	struct sums_record record = { .transaction = 0 };

	if (!first->found) {
		lmdb_del(w, STORE_SELF, sums_key, SUMS_KEY_LEN);
		return;
	}
	memcpy(record.of, first->found->of, sizeof(record.of));
	sums_put(w, first->store->crypt, &record);
}

/* What cannot be written now, because the disk is full, is written at the next start. */
static void
sums_keep(struct store *store, const struct lmdb_sums *found)
{
	struct sums_first first = { store, found };
	_cleanup_error_ struct error unused = ERROR_INIT;

	lmdb_write(store->lmdb, sums_write_first, &first, &unused);
}

/* Return: how many records of @db do not verify. */
static uint64_t
count_damaged(struct store *store, enum store_db db)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	uint64_t n = 0;

	while (db != STORE_SELF && lmdb_seek(store->lmdb, db, LMDB_AFTER, key.data, key.len, &key, &value, NULL) == 1) {
		_cleanup_error_ struct error why = ERROR_INIT;

		n += store_crypt_check(store->crypt, db, key.data, key.len, &value, 0, &why) < 0;
	}
	return n;
}

/* @kept NULL: each database may differ from what was written last. Return: 0, or -1: one does, and without damage. */
static int
sums_compare(struct store *store, const struct sums_record *kept, const struct lmdb_sums *found, struct error *err)
{
	for (int db = 0; db < STORE_DB_COUNT; db++) {
		uint64_t damaged;

		if (kept && kept->of[db] == found->of[db])
			continue;
		damaged = count_damaged(store, (enum store_db)db);
		if (kept && !damaged)
			return error_set(err, ERROR_CORRUPT,
				"store '%s': database '%s' is partly older than its last write; " STORE_DAMAGE_ADVICE,
				store->dir.path, store_db_name((enum store_db)db));
		store->stats.damaged_records += damaged;
	}
	return 0;
}

/*
 * Of a store with a damaged record no sums are kept: the record may be rewritten, or read well again the next time, and
 * each start until then looks at all tags and says what it finds.
 */
int
store_sums_check(struct store *store, const struct lmdb_sums *found, struct error *err)
{
	_cleanup_buf_ struct buf stored = BUF_INIT;
	struct sums_record kept = { .transaction = 0 };
	int rc = lmdb_get(store->lmdb, STORE_SELF, sums_key, SUMS_KEY_LEN, &stored, err);
	bool is_kept;

	if (rc < 0)
		return -1;
	if (!found->is_known)
		return 0;
	is_kept = rc == 1 && sums_decode(store->crypt, &stored, lmdb_last_transaction(store->lmdb), &kept);
	if (sums_compare(store, is_kept ? &kept : NULL, found, err) < 0)
		return -1;
	if (store->stats.damaged_records == 0 && !is_kept)
		sums_keep(store, found);
	else if (store->stats.damaged_records && rc == 1)
		sums_keep(store, NULL);
	return 0;
}
