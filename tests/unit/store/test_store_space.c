/* A full disk, a file size limit: writes fail cleanly, reads go on, and it heals by itself. Needs root: own mounts. */
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static struct tmp_store t;

/* A small file system under the test's directory, in a mount namespace that ends with the test's process. */
static bool
start_on_small_disk(const char *size)
{
	char options[32];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	tmp_store_init_dir(&t);
	snprintf(options, sizeof(options), "size=%s", size);
	if (mount("tmpfs", t.dir, "tmpfs", MS_NODEV | MS_NOSUID, options) < 0) {
		tmp_store_clear(&t);
		return false;
	}
	tmp_store_reopen(&t);
	return true;
}

static void
end_on_small_disk(void)
{
	store_close(t.store);
	t.store = NULL;
	cr_assert_eq(umount(t.dir), 0);
	tmp_store_clear(&t);
}

/* One list with one value of @len octets. Return: how it ended. */
static enum error_code
write_value(unsigned number, size_t len)
{
	_cleanup_free_ char *value = xcalloc(1, len);
	struct outcome outcome = { .calls = 0 };
	struct store_txn *txn = store_begin(t.store);
	char key[16];

	snprintf(key, sizeof(key), "%u", number);
	store_put(txn, STORE_TOKEN, key, strlen(key), value, len);
	store_then(txn, note_outcome, &outcome);
	store_commit(t.store);
	cr_expect_eq(outcome.calls, 1);
	return outcome.code;
}

static struct store_stats
stats(void)
{
	struct store_stats s;

	store_get_stats(t.store, &s);
	return s;
}

static unsigned
fill_up(void)
{
	unsigned n = 0;

	while (write_value(n, 50000) == ERROR_NONE)
		cr_assert_lt(++n, 1000);
	return n;
}

Test(store_space, a_full_disk_uses_the_reserve_then_refuses_then_heals)
{
	unsigned n = 0;

	if (!start_on_small_disk("8m"))
		cr_skip_test("needs root");
	cr_expect(stats().has_reserve);
	while (!stats().is_full)
		cr_assert_eq(write_value(n++, 50000), ERROR_NONE, "the reserve takes the write that filled the disk");
	cr_expect_not(stats().has_reserve);
	while (write_value(n, 50000) == ERROR_NONE)
		n++;
	cr_expect_eq(write_value(n, 50000), ERROR_NO_SPACE);
	cr_expect(stats().is_full);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), n, "nothing of the failed ones");
	cr_expect(has_text(t.store, STORE_TOKEN, "0", ""), "reads go on");
	cr_assert_eq(mount(NULL, t.dir, NULL, MS_REMOUNT, "size=32m"), 0);
	cr_expect_eq(write_value(n, 50000), ERROR_NONE, "no restart is needed");
	cr_expect_not(stats().is_full);
	cr_expect(stats().has_reserve, "made again");
	tmp_store_reopen(&t);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), n + 1);
	end_on_small_disk();
}

/* What is in the record, and one "x" more. */
static int
add_one(struct store_txn *additions, void *calls, struct error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)err;
	++*(unsigned *)calls;
	cr_assert_geq(store_get(t.store, STORE_AUDIT, "chain", 5, &text, NULL), 0);
	buf_add_char(&text, 'x');
	put_text(additions, STORE_AUDIT, "chain", buf_str(&text));
	return 0;
}

Test(store_space, a_list_too_large_for_the_disk_does_not_take_small_ones_along)
{
	unsigned calls_of_large = 0, calls_of_small = 0;
	_cleanup_free_ char *value = xcalloc(1, 400000);
	struct outcome large = { .calls = 0 };
	struct outcome small = { .calls = 0 };
	struct store_txn *a;
	struct store_txn *b;

	if (!start_on_small_disk("8m"))
		cr_skip_test("needs root");
	a = store_begin(t.store);
	b = store_begin(t.store);
	for (char key = 'a'; key < 'a' + 26; key++)
		store_put(a, STORE_TOKEN, &key, 1, value, 400000);
	put_text(b, STORE_META, "small", "v");
	store_at_commit(a, add_one, &calls_of_large);
	store_at_commit(b, add_one, &calls_of_small);
	store_then(a, note_outcome, &large);
	store_then(b, note_outcome, &small);
	store_commit(t.store);
	cr_expect_eq(large.code, ERROR_NO_SPACE);
	cr_expect_eq(small.code, ERROR_NONE, "%s", small.message);
	tmp_store_reopen(&t);
	cr_expect(has_text(t.store, STORE_META, "small", "v"));
	cr_expect_eq(store_count(t.store, STORE_TOKEN), 0);
	cr_expect(has_text(t.store, STORE_AUDIT, "chain", "x"), "what the failed attempts added is forgotten");
	cr_expect_geq(calls_of_large, 2);
	cr_expect_geq(calls_of_small, 2);
	end_on_small_disk();
}

/* A list that has failed before builds on both: it is not written, so it does not tie them to each other. */
Test(store_space, a_failed_list_does_not_tie_a_small_one_to_a_large_one)
{
	_cleanup_free_ char *value = xcalloc(1, 400000);
	struct outcome large = { .calls = 0 }, small = { .calls = 0 }, failed = { .calls = 0 };
	_cleanup_error_ struct error refused = ERROR_INIT;
	struct store_txn *a;
	struct store_txn *b;
	struct store_txn *c;

	if (!start_on_small_disk("8m"))
		cr_skip_test("needs root");
	a = store_begin(t.store);
	b = store_begin(t.store);
	c = store_begin(t.store);
	for (char key = 'a'; key < 'a' + 26; key++)
		store_put(a, STORE_TOKEN, &key, 1, value, 400000);
	put_text(b, STORE_META, "small", "v");
	store_rely_on(c, STORE_TOKEN, "a", 1);
	store_rely_on(c, STORE_META, "small", strlen("small"));
	put_text(c, STORE_META, "failed", "v");
	error_set(&refused, ERROR_STATE, "not now");
	store_fail(c, &refused);
	store_then(a, note_outcome, &large);
	store_then(b, note_outcome, &small);
	store_then(c, note_outcome, &failed);
	store_commit(t.store);
	cr_expect_eq(large.code, ERROR_NO_SPACE);
	cr_expect_eq(small.code, ERROR_NONE, "%s", small.message);
	cr_expect_eq(failed.code, ERROR_STATE);
	tmp_store_reopen(&t);
	cr_expect(has_text(t.store, STORE_META, "small", "v"));
	cr_expect_null(get_text(t.store, STORE_META, "failed"));
	end_on_small_disk();
}

Test(store_space, a_full_disk_does_not_keep_the_store_from_opening)
{
	unsigned n;

	if (!start_on_small_disk("8m"))
		cr_skip_test("needs root");
	n = fill_up();
	tmp_store_reopen(&t);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), n);
	cr_expect_not(stats().has_reserve);
	end_on_small_disk();
}

Test(store_space, a_short_write_opens_the_environment_anew_and_goes_on_when_it_can)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	unsigned n = 0;

	tmp_store_init(&t, 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 400 * 1024 + 100;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (write_value(n, 3000) == ERROR_NONE)
		cr_assert_lt(++n, 1000);
	cr_expect_eq(write_value(n, 50000), ERROR_IO);
	cr_expect_geq(stats().reopens, 1);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), n);
	limit.rlim_cur = limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_expect_eq(write_value(n, 50000), ERROR_NONE);
	tmp_store_reopen(&t);
	cr_expect_eq(store_count(t.store, STORE_TOKEN), n + 1);
	tmp_store_clear(&t);
}
