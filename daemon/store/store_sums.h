/*
 * daemon/store/store_sums.h: is each database what was written last? Private to the store. A tag shows that a record is
 * damaged, but not that it is missing, nor that its page is one of an earlier time, which a disk, a cache or a partial
 * restore can put back. So a sum over all records (store_check_sum()) is kept with each transaction.
 */
#ifndef DAEMON_STORE_STORE_SUMS_H
#define DAEMON_STORE_STORE_SUMS_H

#include "daemon/store/store_crypt.h"
#include "daemon/store/store_lmdb.h"

struct store;

/* What one transaction changes of the sums. */
struct store_sums {
	uint64_t change[STORE_DB_COUNT];
};

/* Before and after a record is written: subtract its old value from the sum, add its new one. */
void
store_sums_before(struct store_sums *sums, struct lmdb_write *w, enum store_db db, const void *key, size_t key_len);

void
store_sums_after(struct store_sums *sums, struct lmdb_write *w, enum store_db db, const void *key, size_t key_len);

/* The last of a transaction. */
void
store_sums_write(const struct store_sums *sums, struct lmdb_write *w, struct store_crypt *crypt);

/*
 * store_sums_check() - compare what is kept with what was found when the file was read
 * A record that does not verify by its tag explains a difference: it is counted in the statistics, and certd goes on
 * with the others. Return: 0; -1 (ERROR_CORRUPT): nothing explains it.
 */
int
store_sums_check(struct store *store, const struct lmdb_sums *found, struct error *err);

#endif
