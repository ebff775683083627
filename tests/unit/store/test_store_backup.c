/* A backup, and stores that are restored from it. */
#include "common/crypto/sealed_stream.h"
#include "common/error.h"
#include "daemon/store/backup_file.h"
#include "daemon/store/object.h"
#include "daemon/store/store_backup.h"
#include "daemon/store/store_crypt.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HERE = 7, ELSEWHERE = 8, ROWS = 400, CREATED_AT = 1800000000 };

static struct tmp_store t;
static char other[96]; /* where it is restored to */
static struct secret passphrase;
static int file;
static char provider_id[STORE_ID_SIZE];

static void
setup(void)
{
	_cleanup_provider_ struct provider p = { .o.name = xstrdup("le"), .server = xstrdup("https://ca/") };
	struct store_txn *txn;

	tmp_store_init(&t, 0);
	t.is_peculiar = true;
	snprintf(other, sizeof(other), "%s/other", t.dir);
	secret_set(&passphrase, "correct horse", 13);
	file = memfd_create("backup", MFD_CLOEXEC);
	secret_set(&p.account_key, "the account key", 15);
	txn = store_begin(t.store);
	cr_assert_eq(object_save(t.store, txn, &provider_class, &p, NULL), 0);
	memcpy(provider_id, p.o.id, sizeof(provider_id));
	for (unsigned i = 0; i < ROWS; i++) {
		char key[16], value[1000];

		snprintf(key, sizeof(key), "row %u", i);
		memset(value, 'a' + (int)(i % 26), sizeof(value));
		store_put(txn, STORE_EVENT, key, strlen(key), value, sizeof(value));
	}
	cr_assert_eq(store_commit_now(t.store, txn, NULL), 0);
}

static void
teardown(void)
{
	close(file);
	secret_clear(&passphrase);
	tmp_store_clear(&t);
}

TestSuite(store_backup, .init = setup, .fini = teardown);

/* --- what becomes of a file before it is read back, and which records' tags are wrong --- */

enum harm {
	UNHARMED,
	OTHER_OCTET,
	OTHER_START,
	OTHER_END,
	SHORTER,
	LONGER,
	OTHER_TIME,
	OTHER_KEY,
	NO_KEY,
	CUT,
	ALTERED
};

static enum harm harm;
static size_t wrong_tags; /* of the rows of STORE_EVENT */

int
__real_backup_file_write(int fd, const struct secret *sealed_with, const struct backup_head *head,
	const unsigned char *data, uint64_t size, struct error *err);
int
__wrap_backup_file_write(int fd, const struct secret *sealed_with, const struct backup_head *head,
	const unsigned char *data, uint64_t size, struct error *err);
bool
__real_store_crypt_verifies(
	struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *stored, size_t len);
bool
__wrap_store_crypt_verifies(
	struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *stored, size_t len);

/* The file is good, but not of this store; or it is not even good. */
int
__wrap_backup_file_write(int fd, const struct secret *sealed_with, const struct backup_head *head,
	const unsigned char *data, uint64_t size, struct error *err)
{
	struct backup_head other_head = { .created_at = head->created_at + (harm == OTHER_TIME) };
	_cleanup_free_ unsigned char *copy = xcalloc(size + 1, 1);
	size_t at = harm == OTHER_START ? 0 : harm == OTHER_END ? size - 1 : size / 2;
	int rc;

	memcpy(copy, data, size);
	if (harm == OTHER_OCTET || harm == OTHER_START || harm == OTHER_END)
		copy[at] ^= 1;
	if (harm != NO_KEY)
		secret_copy(&other_head.master_key, &head->master_key);
	if (harm == OTHER_KEY)
		other_head.master_key.data[31] ^= 1;
	size = size + (harm == LONGER) - (harm == SHORTER);
	rc = __real_backup_file_write(fd, sealed_with, &other_head, copy, size, err);
	if (harm == CUT)
		cr_assert_eq(ftruncate(fd, (off_t)size / 2), 0);
	if (harm == ALTERED)
		cr_assert_eq(pwrite(fd, "x", 1, (off_t)size / 2), 1);
	secret_clear(&other_head.master_key);
	return rc;
}

bool
__wrap_store_crypt_verifies(
	struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *stored, size_t len)
{
	bool is_right = __real_store_crypt_verifies(c, db, key, key_len, stored, len);

	if (db == STORE_EVENT && wrong_tags) {
		wrong_tags--;
		return false;
	}
	return is_right;
}

static void
back_up(bool has_master_key)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_backup *b = store_backup_new(t.store, CREATED_AT, &err);
	struct store_backup_info info;

	cr_assert_not_null(b, "%s", err.message);
	cr_assert_eq(ftruncate(file, 0), 0);
	cr_assert_eq(lseek(file, 0, SEEK_SET), 0);
	cr_assert_eq(store_backup_run(b, file, &passphrase, has_master_key, &info, &err), 0, "%s", err.message);
	store_backup_free(b);
	cr_expect_eq(info.created_at, CREATED_AT);
	cr_expect_eq(info.records[STORE_PROVIDER], 1);
	cr_expect_eq(info.records[STORE_EVENT], ROWS);
	cr_expect_eq(info.damaged, 0);
}

/* Return: error code. */
static enum error_code
restore(const char *dir, unsigned char octet, bool may_replace, char **ret_kept, struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	struct store_backup_info info;

	tmp_store_key(&key, octet);
	error_clear(err);
	if (store_restore(dir, file, &passphrase, &key, may_replace, &info, ret_kept, err) == 0) {
		cr_expect_eq(info.records[STORE_PROVIDER], 1);
		cr_expect_eq(info.created_at, CREATED_AT);
	}
	return err->code;
}

static void
expect_restored(const char *dir, unsigned char octet)
{
	_cleanup_provider_ struct provider p = { .o.name = NULL };
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store *store;

	tmp_store_key(&key, octet);
	store = store_open_sized(dir, &key, 64 << 20, &err);
	cr_assert_not_null(store, "%s", err.message);
	cr_assert_eq(object_load(store, &provider_class, provider_id, &p, &err), 1, "%s", err.message);
	cr_expect_eq(p.account_key.len, 15);
	cr_expect_arr_eq(p.account_key.data, "the account key", 15);
	cr_expect_eq(store_count(store, STORE_EVENT), ROWS);
	store_close(store);
}

Test(store_backup, is_restored_on_another_host_under_that_hosts_master_key)
{
	_cleanup_free_ char *kept = NULL;
	_cleanup_free_ char *work = xasprintf("%s/restore", other);
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store *store;
	struct stat st;

	back_up(true);
	cr_assert_eq(restore(other, ELSEWHERE, false, &kept, &err), ERROR_NONE, "%s", err.message);
	cr_expect_null(kept);
	cr_expect_eq(stat(work, &st), -1, "nothing is left of the work");
	expect_restored(other, ELSEWHERE);
	store = store_open_sized(other, &t.key, 64 << 20, &err);
	cr_expect_null(store, "the master key of the first host is of no use there");
	store_close(store);
}

Test(store_backup, contains_no_secret_in_clear)
{
	char *text;
	struct stat st;

	back_up(true);
	cr_assert_eq(fstat(file, &st), 0);
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, file, 0);
	cr_expect_null(memmem(text, (size_t)st.st_size, "account key", 11));
	cr_expect_null(memmem(text, (size_t)st.st_size, "aaaaaaaa", 8), "the values are sealed too");
	cr_expect_null(memmem(text, (size_t)st.st_size, t.key.data, t.key.len));
	munmap(text, (size_t)st.st_size);
}

Test(store_backup, without_the_master_key_needs_it_configured)
{
	_cleanup_free_ char *kept = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;

	back_up(false);
	cr_expect_eq(restore(other, ELSEWHERE, false, &kept, &err), ERROR_CONFIG);
	cr_expect(strstr(err.message, "without its master key"), "%s", err.message);
	cr_assert_eq(restore(other, HERE, false, &kept, &err), ERROR_NONE, "%s", err.message);
	expect_restored(other, HERE);
}

Test(store_backup, that_was_altered_cut_off_or_is_another_file_changes_nothing)
{
	_cleanup_free_ char *kept = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct stat st;
	char octet;

	back_up(true);
	cr_assert_eq(fstat(file, &st), 0);
	cr_assert_gt(st.st_size, 5 * (SEALED_CHUNK + SEALED_CHUNK_TAG));
	for (off_t at = 10; at < st.st_size; at += SEALED_CHUNK / 3) {
		cr_assert_eq(pread(file, &octet, 1, at), 1);
		octet = (char)(octet ^ 1);
		cr_assert_eq(pwrite(file, &octet, 1, at), 1);
		cr_expect_eq(restore(other, ELSEWHERE, false, &kept, &err), ERROR_INVALID, "at %lld", (long long)at);
		octet = (char)(octet ^ 1);
		cr_assert_eq(pwrite(file, &octet, 1, at), 1);
	}
	/* At the end of a chunk, where only the mark of the last one tells. */
	for (off_t size = st.st_size - 1; size > 0; size = (size / 2) - 1) {
		off_t chunk = SEALED_CHUNK + SEALED_CHUNK_TAG;
		off_t whole = size <= SEALED_STREAM_HEAD
				      ? size
				      : SEALED_STREAM_HEAD + (size - SEALED_STREAM_HEAD) / chunk * chunk;

		cr_assert_eq(ftruncate(file, whole), 0);
		cr_expect_eq(restore(other, ELSEWHERE, false, &kept, &err), ERROR_INVALID, "%lld", (long long)whole);
	}
	secret_set(&passphrase, "correct horsf", 13);
	back_up(true);
	secret_set(&passphrase, "correct horse", 13);
	cr_expect_eq(restore(other, ELSEWHERE, false, &kept, &err), ERROR_INVALID);
	cr_expect_str_eq(err.field, "passphrase");
	cr_expect_null(kept);
}

Test(store_backup, replaces_objects_only_if_that_is_wanted_and_keeps_them)
{
	_cleanup_free_ char *kept = NULL;
	_cleanup_free_ char *again = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn;

	back_up(true);
	cr_expect_eq(restore(t.path, HERE, true, &kept, &err), ERROR_IN_USE, "a certd runs");
	txn = store_begin(t.store);
	put_text(txn, STORE_EVENT, "later", "lost");
	cr_assert_eq(store_commit_now(t.store, txn, NULL), 0);
	store_close(t.store);
	t.store = NULL;
	cr_expect_eq(restore(t.path, HERE, false, &kept, &err), ERROR_EXISTS);
	cr_expect_null(kept);
	cr_assert_eq(restore(t.path, HERE, true, &kept, &err), ERROR_NONE, "%s", err.message);
	cr_expect(kept && access(kept, F_OK) == 0);
	expect_restored(t.path, HERE);
	cr_assert_eq(restore(t.path, HERE, true, &again, &err), ERROR_NONE, "%s", err.message);
	cr_expect_str_neq(kept, again);
}

/* --- the comparison with what was written --- */

Test(store_backup, what_is_read_back_must_be_what_was_written)
{
	static const struct {
		enum harm harm;
		bool has_master_key;
		enum error_code code;
	} cases[] = {
		{ UNHARMED, true, ERROR_NONE },
		{ UNHARMED, false, ERROR_NONE },
		{ OTHER_OCTET, true, ERROR_CORRUPT },
		{ OTHER_START, true, ERROR_CORRUPT },
		{ OTHER_END, false, ERROR_CORRUPT },
		{ SHORTER, true, ERROR_CORRUPT },
		{ LONGER, true, ERROR_CORRUPT },
		{ OTHER_TIME, true, ERROR_CORRUPT },
		{ OTHER_KEY, true, ERROR_CORRUPT },
		{ NO_KEY, true, ERROR_CORRUPT },
		{ CUT, true, ERROR_INVALID },
		{ ALTERED, false, ERROR_INVALID },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct store_backup *b = store_backup_new(t.store, CREATED_AT, &err);
		struct store_backup_info info;

		cr_assert_eq(ftruncate(file, 0), 0);
		cr_assert_eq(lseek(file, 0, SEEK_SET), 0);
		harm = cases[i].harm;
		cr_expect_eq(store_backup_run(b, file, &passphrase, cases[i].has_master_key, &info, &err),
			cases[i].code ? -1 : 0, "%zu", i);
		cr_expect_eq(err.code, cases[i].code, "%zu: %s", i, err.message);
		if (cases[i].code == ERROR_CORRUPT)
			cr_expect_str_eq(err.message, "what was written is not what was read back", "%zu", i);
		cr_expect_eq(info.has_master_key, cases[i].has_master_key, "%zu", i);
		store_backup_free(b);
	}
}

Test(store_backup, records_that_are_damaged_are_counted_and_copied_as_they_are)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *kept = NULL;
	struct store_backup *b = store_backup_new(t.store, CREATED_AT, &err);
	struct store_backup_info info;

	wrong_tags = 3;
	cr_assert_eq(store_backup_run(b, file, &passphrase, true, &info, &err), 0, "%s", err.message);
	store_backup_free(b);
	cr_expect_eq(info.damaged, 3);
	cr_expect_eq(info.records[STORE_EVENT], ROWS);
	cr_expect_eq(info.records[STORE_PROVIDER], 1);
	cr_assert_eq(restore(other, ELSEWHERE, false, &kept, &err), ERROR_NONE, "%s", err.message);
	expect_restored(other, ELSEWHERE);
}

Test(store_backup, replaces_a_store_that_was_never_written_to_without_being_told)
{
	_cleanup_free_ char *kept = NULL;
	_cleanup_free_ char *data = xasprintf("%s/data.mdb", other);
	_cleanup_error_ struct error err = ERROR_INIT;

	back_up(true);
	cr_assert_eq(mkdir(other, 0700), 0);
	close(open(data, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_assert_eq(restore(other, ELSEWHERE, false, &kept, &err), ERROR_NONE, "%s", err.message);
	expect_restored(other, ELSEWHERE);
}
