/* What the store finds on disk, and what it refuses: directories, locks, keys, formats, damage. */
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tmp_store t;

static void
setup(void)
{
	tmp_store_init(&t, 0);
}

static void
teardown(void)
{
	tmp_store_clear(&t);
}

TestSuite(store_disk, .init = setup, .fini = teardown);

static void
path_of(const char *name, char ret[128])
{
	snprintf(ret, 128, "%s/%s", t.path, name);
}

static void
close_store(void)
{
	store_close(t.store);
	t.store = NULL;
}

static void
expect_refused(enum error_code code, const char *part)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store *store = store_open_sized(t.path, &t.key, 64 << 20, &err);

	cr_assert_null(store, "expected: %s", part);
	cr_expect_eq(err.code, code, "%s", err.message);
	cr_expect_not_null(strstr(err.message, part), "%s", err.message);
	cr_expect_null(strchr(err.message, '\n'));
}

static void
fill(unsigned n)
{
	struct store_txn *txn = store_begin(t.store);
	char key[16];
	char value[400];

	memset(value, 'v', sizeof(value));
	for (unsigned i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%05u", i);
		store_put(txn, STORE_TOKEN, key, 5, value, sizeof(value));
	}
	store_commit(t.store);
}

Test(store_disk, a_second_daemon_is_refused)
{
	expect_refused(ERROR_IN_USE, "in use by another certd");
}

Test(store_disk, a_wrong_master_key_is_refused_and_changes_nothing)
{
	close_store();
	tmp_store_key(&t.key, 8);
	expect_refused(ERROR_CONFIG, "it was created with another master key");
	tmp_store_key(&t.key, 7);
	tmp_store_reopen(&t);
	secret_set(&t.key, "short", 5);
	close_store();
	expect_refused(ERROR_CONFIG, "master key has 5 octets");
}

/* Flips a bit of each copy of the record that shows whether the master key is the right one. */
static void
damage_key_check(void)
{
	static const char name[] = "key-check";
	_cleanup_buf_ struct buf file = BUF_INIT;
	unsigned copies = 0;
	char path[128];
	char *at;

	path_of("data.mdb", path);
	cr_assert_eq(buf_read_file(&file, AT_FDCWD, path, 64 << 20, NULL), 0);
	for (size_t from = 0; (at = memmem(file.data + from, file.len - from, name, strlen(name)));
		from = (size_t)(at - file.data) + strlen(name), copies++)
		at[strlen(name) + 20] ^= 4;
	cr_assert_gt(copies, 0);
	int fd = open(path, O_WRONLY);
	cr_assert_eq(pwrite(fd, file.data, file.len, 0), (ssize_t)file.len);
	close(fd);
}

Test(store_disk, a_damaged_record_of_the_master_key_is_not_taken_for_another_key)
{
	store_counter_add(store_begin(t.store), STORE_TOKEN, 0, 1);
	store_commit(t.store);
	close_store();
	damage_key_check();
	expect_refused(ERROR_CORRUPT, "damaged record of the master key");
	tmp_store_key(&t.key, 8);
	expect_refused(ERROR_CONFIG, "it was created with another master key");
	tmp_store_key(&t.key, 7);
	damage_key_check(); /* as it was */
	tmp_store_reopen(&t);
	store_counter_add(store_begin(t.store), STORE_TOKEN, 0, -1);
	store_commit(t.store);
}

Test(store_disk, a_directory_open_to_others_is_refused)
{
	close_store();
	chmod(t.path, 0750);
	expect_refused(ERROR_DENIED, "chmod 0700");
	chmod(t.path, 0700);
	if (geteuid() == 0) {
		cr_assert_eq(chown(t.path, 12345, 12345), 0);
		expect_refused(ERROR_DENIED, "belongs to user 12345");
		cr_assert_eq(chown(t.path, 0, 0), 0);
	}
	tmp_store_reopen(&t);
}

Test(store_disk, a_symbolic_link_is_no_store)
{
	char link[128];

	close_store();
	snprintf(link, sizeof(link), "%s/link", t.dir);
	cr_assert_eq(symlink(t.path, link), 0);
	snprintf(t.path, sizeof(t.path), "%s/link", t.dir);
	expect_refused(ERROR_IO, "link");
}

Test(store_disk, files_are_private_and_every_descriptor_is_closed_on_exec)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat st;
	unsigned ours = 0;
	char path[128];

	while ((entry = readdir(dir))) {
		char link[300];
		char target[300] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%s", entry->d_name);
		if (readlink(link, target, sizeof(target) - 1) < 0 || !strstr(target, t.path))
			continue;
		ours++;
		cr_expect(fcntl((int)strtol(entry->d_name, NULL, 10), F_GETFD) & FD_CLOEXEC, "%s", target);
	}
	closedir(dir);
	cr_expect_geq(ours, 4, "directory, lock, data, LMDB's lock: %u", ours);
	path_of("data.mdb", path);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(stat(t.path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0700);
}

Test(store_disk, a_missing_or_empty_data_file_is_not_taken_for_a_new_store)
{
	char data[128];
	char aside[128];

	close_store();
	path_of("data.mdb", data);
	path_of("aside", aside);
	cr_assert_eq(rename(data, aside), 0);
	expect_refused(ERROR_CORRUPT, "data.mdb is gone");
	close(open(data, O_WRONLY | O_CREAT, 0600));
	expect_refused(ERROR_CORRUPT, "data.mdb is empty");
	cr_assert_eq(rename(aside, data), 0);
	tmp_store_reopen(&t);
}

/* In a child, because what is tried here is whether it dies. Return: its wait status. */
static int
in_child(void (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* Opens and reads everything; refusals and damaged records are fine. */
static void
open_and_walk(void)
{
	struct store *store = store_open_sized(t.path, &t.key, 64 << 20, NULL);
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;

	if (!store)
		return;
	for (int db = 0; db < STORE_DB_COUNT; db++) {
		buf_reset(&key);
		while (store_next(store, (enum store_db)db, key.data, key.len, true, &key, &value, NULL) == 1)
			;
		store_get(store, (enum store_db)db, "00017", 5, &value, NULL);
		store_prev(store, (enum store_db)db, "", 0, &key, &value, NULL);
	}
	store_close(store);
}

Test(store_disk, a_file_cut_off_anywhere_is_refused_and_never_kills, .timeout = 300)
{
	char data[128];
	struct store_stats stats;

	fill(200);
	store_get_stats(t.store, &stats);
	close_store();
	path_of("data.mdb", data);
	for (uint64_t size = stats.used_bytes - 1; size > 4096; size -= 2048) {
		cr_assert_eq(truncate(data, (off_t)size), 0);
		expect_refused(ERROR_CORRUPT, "data.mdb was cut off");
	}
	for (off_t size = 4096; size > 0; size /= 2) {
		cr_assert_eq(truncate(data, size), 0);
		expect_refused(ERROR_CORRUPT, "store");
	}
}

static void
flip(int fd, off_t at, unsigned bit)
{
	unsigned char octet = 0;

	cr_assert_eq(pread(fd, &octet, 1, at), 1);
	octet ^= (unsigned char)(1u << bit);
	cr_assert_eq(pwrite(fd, &octet, 1, at), 1);
}

/* Every bit of the page headers and of the first offsets, then one in each 61 octets. */
Test(store_disk, a_flipped_bit_is_refused_or_found_and_never_kills, .timeout = 300)
{
	char data[128];
	struct store_stats stats;
	unsigned died = 0;
	int fd;

	fill(30);
	store_get_stats(t.store, &stats);
	close_store();
	path_of("data.mdb", data);
	fd = open(data, O_RDWR | O_CLOEXEC);
	for (off_t at = 0; at < (off_t)stats.used_bytes; at += at % 4096 < 40 ? 1 : 61) {
		unsigned bit = (unsigned)(at * 7 % 8);
		int status;

		flip(fd, at, bit);
		status = in_child(open_and_walk);
		flip(fd, at, bit);
		if (status != 0 && died++ < 10)
			cr_log_error("octet %ld bit %u: wait status %d", (long)at, bit, status);
	}
	close(fd);
	cr_expect_eq(died, 0, "%u deaths", died);
	tmp_store_reopen(&t);
}

Test(store_disk, a_changed_value_is_found_by_its_tag)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf file = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	char data[128];
	char *where;
	int fd;

	put_text(store_begin(t.store), STORE_PROVIDER, "some-id", "needle in the data file");
	store_commit(t.store);
	close_store();
	path_of("data.mdb", data);
	cr_assert_eq(buf_read_file(&file, AT_FDCWD, data, 64 << 20, NULL), 0);
	where = memmem(file.data, file.len, "needle", 6);
	cr_assert_not_null(where);
	fd = open(data, O_RDWR | O_CLOEXEC);
	flip(fd, where - file.data, 0);
	close(fd);
	tmp_store_reopen(&t);
	cr_expect_eq(store_get(t.store, STORE_PROVIDER, "some-id", 7, &value, &err), -1);
	cr_expect_eq(err.code, ERROR_CORRUPT);
	cr_expect_str_eq(err.message, "record 'some-id' of 'provider' is damaged in the store");
	cr_expect_eq(store_next(t.store, STORE_PROVIDER, "", 0, false, &file, &value, &err), -1);
}

Test(store_disk, a_newer_format_is_refused_and_says_so)
{
	_cleanup_buf_ struct buf file = BUF_INIT;
	char data[128];
	int fd;

	close_store();
	path_of("data.mdb", data);
	cr_assert_eq(buf_read_file(&file, AT_FDCWD, data, 64 << 20, NULL), 0);
	fd = open(data, O_RDWR | O_CLOEXEC);
	for (char *p = file.data; (p = memmem(p, file.len - (size_t)(p - file.data), "format1", 7)); p++)
		cr_assert_eq(pwrite(fd, "9", 1, p - file.data + 6), 1);
	close(fd);
	expect_refused(ERROR_CONFIG, "format 9 of a newer certd");
}

Test(store_disk, a_used_up_map_grows)
{
	struct store_stats stats;

	tmp_store_clear(&t);
	tmp_store_init(&t, 1 << 20);
	fill(5000);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), 5000);
	store_get_stats(t.store, &stats);
	cr_expect_gt(stats.map_bytes, 1 << 20);
	cr_expect_eq(stats.failed_lists, 0);
	tmp_store_reopen(&t);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), 5000);
}

/* KiB of data.mdb that this process has mapped in. */
static long
mapped_kib(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool is_store = false;
	long all = 0;

	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[strcspn(line, ": ")] != ':') /* no field: the next mapping */
			is_store = strstr(line, "data.mdb") != NULL;
		else if (is_store && strncmp(line, "Rss:", 4) == 0)
			all += strtol(line + 4, NULL, 10);
	}
	fclose(f);
	return all;
}

Test(store_disk, pages_that_were_read_are_given_back)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	long most = 0;

	fill(20000);
	while (store_next(t.store, STORE_TOKEN, key.data, key.len, true, &key, NULL, NULL) == 1)
		;
	most = mapped_kib();
	store_rest(t.store);
	cr_expect_lt(mapped_kib(), 300, "%ld KiB, before %ld", mapped_kib(), most);
}

#ifndef __SANITIZE_ADDRESS__ /* which needs terabytes of address space */
static void
limit_address_space(rlim_t octets)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = octets;
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static rlim_t
address_space_in_use(void)
{
	_cleanup_buf_ struct buf statm = BUF_INIT;

	cr_assert_eq(buf_read_file(&statm, AT_FDCWD, "/proc/self/statm", 4096, NULL), 0);
	return strtoul(buf_str(&statm), NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

Test(store_disk, a_little_address_space_gets_a_map_that_fits)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_stats stats;

	close_store();
	limit_address_space((rlim_t)3 << 30);
	t.store = store_open(t.path, &t.key, &err);
	cr_assert_not_null(t.store, "%s", err.message);
	store_get_stats(t.store, &stats);
	cr_expect_eq(stats.map_bytes, UINT64_C(3) << 29);
	fill(100);
	close_store();
	limit_address_space(address_space_in_use() + (4 << 20));
	expect_refused(ERROR_LIMIT, "LimitAS=");
	limit_address_space(RLIM_INFINITY);
	t.store = store_open(t.path, &t.key, &err);
	cr_expect_not_null(t.store, "%s", err.message);
}
#endif

/* A store that was there must not be replaced by an empty one: accounts, keys and certificates would be forgotten. */
Test(store_disk, data_that_is_gone_is_refused_if_the_store_was_made_before)
{
	enum { GONE, EMPTY, DIRECTORY };
	static const struct {
		const char *why;
		int data;
		const char *note; /* in the lock file; NULL: as it was */
		bool opens;
		const char *says;
	} cases[] = {
		{ "gone", GONE, NULL, false, "is gone although the store was created before" },
		{ "empty", EMPTY, NULL, false, "is empty although the store was created before" },
		{ "another note", GONE, "xertd store\n", true, NULL },
		{ "a shorter note", GONE, "certd", true, NULL },
		{ "no note", EMPTY, "", true, NULL },
		{ "no file", DIRECTORY, "", false, "is not a file" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tmp_store own;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *data = NULL, *lock = NULL;

		tmp_store_init(&own, 0);
		data = xasprintf("%s/data.mdb", own.path);
		lock = xasprintf("%s/certd.lock", own.path);
		store_close(own.store);
		cr_assert_eq(unlink(data), 0);
		if (cases[i].data == EMPTY)
			close(open(data, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		if (cases[i].data == DIRECTORY)
			cr_assert_eq(mkdir(data, 0700), 0);
		if (cases[i].note) {
			int fd = open(lock, O_WRONLY | O_TRUNC | O_CLOEXEC);

			cr_assert_eq(write(fd, cases[i].note, strlen(cases[i].note)), (ssize_t)strlen(cases[i].note));
			close(fd);
		}
		own.store = store_open_sized(own.path, &own.key, 64 << 20, &err);
		cr_expect_eq(own.store != NULL, cases[i].opens, "%s: %s", cases[i].why, err.message);
		if (!cases[i].opens) {
			cr_expect_eq(err.code, ERROR_CORRUPT, "%s", cases[i].why);
			cr_expect(
				err.message && strstr(err.message, cases[i].says), "%s: %s", cases[i].why, err.message);
		}
		tmp_store_clear(&own);
	}
}
