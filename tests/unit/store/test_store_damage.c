/*
 * A store that a disk, a file system or a hand has damaged: pages with flipped bits, swapped, zeroed, cut off, full of
 * noise, or put back as they were some transactions ago. In each case the store opens with every record that it ever
 * says is there intact, and takes changes; or it is refused in words. Seeded, so that a failure repeats.
 */
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DBS = 6, KEYS = 60, TURNS = 14, CASES = 700, PAGE = 4096, VALUE_MOST = 9000 };

/* How a child ended. */
enum { IS_FINE, IS_REFUSED, IS_OLDER, IS_REFUSED_WITHOUT_WORDS, IS_LOST, IS_OTHER, IS_NOT_KEPT, ENDS };

static const char *const end_names[ENDS] = { "fine", "refused", "refused as older", "refused without words",
	"a record is gone", "a record is another one", "changes are not kept" };

static struct tmp_store t;
static unsigned versions[DBS][KEYS]; /* of each record; 0: none */
static struct buf snapshots[TURNS];  /* of the file, after each turn */

static unsigned
dice(uint64_t *state, unsigned sides)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*state >> 33) % sides;
}

static enum store_db
db_of(unsigned i)
{
	static const enum store_db dbs[DBS] = { STORE_PROVIDER, STORE_AUTOCERT, STORE_INDEX, STORE_EVENT,
		STORE_SCHEDULE, STORE_TOKEN };

	return dbs[i];
}

static void
key_of(unsigned key, char ret[32])
{
	snprintf(ret, 32, "%02u-%u-some-key", key * 37 % KEYS, key);
}

/* Small ones stay in their leaf, others get pages of their own. */
static void
value_of(unsigned db, unsigned key, unsigned version, struct buf *ret)
{
	uint64_t state = db * 1000003u + key * 1009u + version;
	unsigned len = dice(&state, 4) ? dice(&state, 120) : dice(&state, VALUE_MOST);

	buf_reset(ret);
	buf_printf(ret, "%u/%u/%u:", db, key, version);
	for (unsigned i = 0; i < len; i++)
		buf_add_char(ret, (char)dice(&state, 256));
}

static void
write_version(struct store_txn *txn, unsigned db, unsigned key)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	char name[32];

	key_of(key, name);
	if (versions[db][key]) {
		value_of(db, key, versions[db][key], &value);
		store_put(txn, db_of(db), name, strlen(name), value.data, value.len);
	} else {
		store_del(txn, db_of(db), name, strlen(name));
	}
}

/* Some records are made, changed or deleted. */
static void
make_turn(struct store *store, unsigned turn, uint64_t *state)
{
	struct store_txn *txn = store_begin(store);

	/* The last ones change little, as most transactions do: an old page then looks like the new one. */
	for (unsigned i = turn + 4 < TURNS ? DBS * KEYS / 3 : 3; i; i--) {
		unsigned db = dice(state, DBS), key = dice(state, KEYS);

		versions[db][key] = dice(state, 5) ? turn + 1 : 0;
		write_version(txn, db, key);
	}
}

static void
data_path(char ret[128])
{
	snprintf(ret, 128, "%s/data.mdb", t.path);
}

static void
put_file(const struct buf *file)
{
	char path[128];
	int fd;

	data_path(path);
	fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
	cr_assert_eq(write(fd, file->data, file->len), (ssize_t)file->len);
	close(fd);
}

static void
take_snapshot(unsigned turn)
{
	struct store_stats stats;
	char path[128];

	data_path(path);
	store_get_stats(t.store, &stats);
	cr_assert_eq(buf_read_file(&snapshots[turn], AT_FDCWD, path, 64 << 20, NULL), 0);
	snapshots[turn].len = stats.used_bytes;
}

static void
setup(void)
{
	uint64_t state = 47;

	tmp_store_init(&t, 64 << 20);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		make_turn(t.store, turn, &state);
		store_commit(t.store);
		take_snapshot(turn);
	}
	store_close(t.store);
	t.store = NULL;
}

static void
teardown(void)
{
	for (unsigned turn = 0; turn < TURNS; turn++)
		buf_clear(&snapshots[turn]);
	tmp_store_clear(&t);
}

TestSuite(store_damage, .init = setup, .fini = teardown);

/* --- what a child does --- */

/* A record may be damaged and say so; it may not be gone or another one. */
static int
read_record(struct store *store, unsigned db, unsigned key, bool may_be_damaged)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	_cleanup_buf_ struct buf wanted = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	char name[32];
	int found;

	key_of(key, name);
	found = store_get(store, db_of(db), name, strlen(name), &value, &err);
	if (found < 0)
		return may_be_damaged && err.code == ERROR_CORRUPT ? IS_FINE : IS_NOT_KEPT;
	if (found != (versions[db][key] != 0))
		return IS_LOST;
	value_of(db, key, versions[db][key], &wanted);
	if (found && (value.len != wanted.len || memcmp(value.data, wanted.data, wanted.len) != 0))
		return IS_OTHER;
	return IS_FINE;
}

static int
read_all(struct store *store, bool may_be_damaged)
{
	int end = IS_FINE;

	for (unsigned db = 0; db < DBS; db++)
		for (unsigned key = 0; key < KEYS && end == IS_FINE; key++)
			end = read_record(store, db, key, may_be_damaged);
	return end;
}

/* Every record is written anew, so that every page is freed and used again. */
static int
change_all(struct store *store)
{
	for (unsigned round = 0; round < 6; round++) {
		struct store_txn *txn = store_begin(store);
		unsigned failed_before, failed;
		struct store_stats stats;

		for (unsigned db = 0; db < DBS; db++)
			for (unsigned key = round % 3; key < KEYS; key += 3) {
				versions[db][key] = (key + round) % 4 ? 100 + round : 0;
				write_version(txn, db, key);
			}
		store_get_stats(store, &stats);
		failed_before = (unsigned)stats.failed_lists;
		store_commit(store);
		store_get_stats(store, &stats);
		failed = (unsigned)stats.failed_lists;
		if (failed != failed_before)
			return IS_NOT_KEPT;
	}
	return IS_FINE;
}

static int
use_store(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store *store = store_open_sized(t.path, &t.key, 64 << 20, &err);
	struct store_stats stats;
	int end;

	if (!store && (!strstr(err.message, t.path) || strchr(err.message, '\n')))
		return IS_REFUSED_WITHOUT_WORDS;
	if (!store)
		return strstr(err.message, "partly older") ? IS_OLDER : IS_REFUSED;
	end = read_all(store, true);
	store_get_stats(store, &stats);
	if (end == IS_LOST && stats.damaged_records)
		end = IS_REFUSED; /* its key is damaged, and certd says that a record is */
	if (end == IS_FINE)
		end = change_all(store);
	if (end == IS_FINE)
		end = read_all(store, false);
	store_close(store);
	if (end != IS_FINE)
		return end;
	store = store_open_sized(t.path, &t.key, 64 << 20, &err);
	end = store ? read_all(store, false) : IS_NOT_KEPT;
	store_close(store);
	return end;
}

/* Return: the end, or -1: by a signal. */
static int
end_of_child(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(use_store());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- damage --- */

static char *
page_of(struct buf *file, uint64_t *state, unsigned *ret)
{
	*ret = dice(state, (unsigned)(file->len / PAGE));
	return file->data + (size_t)*ret * PAGE;
}

static void
fill_noise(char *at, size_t len, uint64_t *state)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (char)dice(state, 256);
}

static void
flip_bit(struct buf *file, uint64_t *state)
{
	unsigned page;
	char *at = page_of(file, state, &page);

	at[dice(state, 3) ? dice(state, 64) : dice(state, PAGE)] ^= (char)(1u << dice(state, 8));
}

static void
swap_pages(struct buf *file, uint64_t *state)
{
	char other[PAGE];
	unsigned a, b;
	char *from = page_of(file, state, &a), *to = page_of(file, state, &b);

	memcpy(other, to, PAGE);
	memcpy(to, from, PAGE);
	memcpy(from, other, PAGE);
}

/* A write that went to another page than it was meant for; with the other page's number all the same. */
static void
misdirect(struct buf *file, uint64_t *state)
{
	unsigned a, b;
	char *from = page_of(file, state, &a), *to = page_of(file, state, &b);

	memcpy(to + 8, from + 8, PAGE - 8);
}

static void
zero_some(struct buf *file, uint64_t *state)
{
	unsigned page;
	char *at = page_of(file, state, &page);

	if (dice(state, 2))
		memset(at, 0, PAGE);
	else
		memset(at + dice(state, 8) * 512, 0, 512);
}

static void
add_noise(struct buf *file, uint64_t *state)
{
	unsigned page;
	char *at = page_of(file, state, &page);

	if (dice(state, 3) == 0)
		fill_noise(at, PAGE, state);
	else
		fill_noise(at + 16 + dice(state, PAGE - 32), dice(state, 16), state);
}

static void
cut_off(struct buf *file, uint64_t *state)
{
	file->len = dice(state, (unsigned)file->len);
}

/* One to three pages, or one and all behind it, are what they were some turns ago. */
static void
put_back_old_pages(struct buf *file, uint64_t *state)
{
	const struct buf *old = &snapshots[dice(state, TURNS - 1)];
	unsigned count = 1 + dice(state, 3);

	for (unsigned i = 0; i < count; i++) {
		unsigned page = 2 + dice(state, (unsigned)(old->len / PAGE) - 2);

		memcpy(file->data + (size_t)page * PAGE, old->data + (size_t)page * PAGE, PAGE);
	}
}

static void (*const kinds[])(struct buf *file, uint64_t *state) = { flip_bit, swap_pages, misdirect, zero_some,
	add_noise, cut_off, put_back_old_pages };
static const char *const kind_names[] = { "bit", "swap", "misdirected", "zero", "noise", "cut off", "old pages" };

Test(store_damage, is_refused_in_words_or_does_no_harm, .timeout = 600)
{
	unsigned ends[ARRAY_SIZE(kinds)][ENDS] = { { 0 } };
	unsigned bad = 0;

	put_file(&snapshots[TURNS - 1]);
	cr_assert_eq(end_of_child(), IS_FINE, "the undamaged one");
	for (unsigned i = 0; i < CASES; i++) {
		_cleanup_buf_ struct buf file = BUF_INIT;
		uint64_t state = 1000 + i;
		unsigned kind = i % (unsigned)ARRAY_SIZE(kinds);
		int end;

		buf_add(&file, snapshots[TURNS - 1].data, snapshots[TURNS - 1].len);
		kinds[kind](&file, &state);
		put_file(&file);
		end = end_of_child();
		if (end >= 0 && end < ENDS)
			ends[kind][end]++;
		if (end != IS_FINE && end != IS_REFUSED && end != IS_OLDER && bad++ < 20)
			cr_log_error("case %u (%s): %s", i, kind_names[kind],
				end >= 0 && end < ENDS ? end_names[end] : "a signal");
	}
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		cr_log_info(
			"%-12s %3u fine, %3u refused", kind_names[kind], ends[kind][IS_FINE], ends[kind][IS_REFUSED]);
	cr_expect_eq(bad, 0, "%u of %d", bad, CASES);
}

/*
 * Writes that a disk has acknowledged and lost: a page holds what it held before. LMDB uses few pages in turn, so that
 * is often an earlier state of the same records, and nothing in the page itself is wrong.
 */
Test(store_damage, a_lost_write_is_refused_or_does_no_harm, .timeout = 600)
{
	enum { SMALL_TURNS = 20 };
	struct buf late[SMALL_TURNS] = { BUF_INIT };
	unsigned older = 0;

	tmp_store_clear(&t);
	tmp_store_init(&t, 64 << 20);
	tmp_store_reopen(&t);
	memset(versions, 0, sizeof(versions));
	for (unsigned turn = 0; turn < SMALL_TURNS; turn++) {
		for (unsigned key = 0; key < 3; key++) {
			versions[4][key] = 200 + turn;
			write_version(store_begin(t.store), 4, key);
		}
		store_commit(t.store);
		take_snapshot(0);
		late[turn] = snapshots[0];
		snapshots[0] = (struct buf)BUF_INIT;
	}
	store_close(t.store);
	t.store = NULL;
	for (unsigned turn = 0; turn + 1 < SMALL_TURNS; turn++) {
		const struct buf *now = &late[SMALL_TURNS - 1], *old = &late[turn];

		for (size_t at = 2 * PAGE; at + PAGE <= old->len && at + PAGE <= now->len; at += PAGE) {
			_cleanup_buf_ struct buf file = BUF_INIT;
			int end;

			if (memcmp(now->data + at, old->data + at, PAGE) == 0)
				continue;
			buf_add(&file, now->data, now->len);
			memcpy(file.data + at, old->data + at, PAGE);
			put_file(&file);
			end = end_of_child();
			cr_expect(end == IS_FINE || end == IS_REFUSED || end == IS_OLDER, "page %zu of turn %u: %s",
				at / PAGE, turn, end >= 0 && end < ENDS ? end_names[end] : "a signal");
			older += end == IS_OLDER;
		}
	}
	cr_expect_gt(older, 0, "no page held an earlier state of its records");
	for (unsigned turn = 0; turn < SMALL_TURNS; turn++)
		buf_clear(&late[turn]);
}

/* --- damage while it is open --- */

#ifndef __SANITIZE_ADDRESS__ /* which ends the process where LMDB reads beyond a page before the store can */

/* The map shows at once what is written to the file; LMDB trusts it. */
static int
write_after_damage(uint64_t seed)
{
	struct store *store = store_open_sized(t.path, &t.key, 64 << 20, NULL);
	_cleanup_buf_ struct buf file = BUF_INIT;
	uint64_t state = seed;
	char path[128];
	int fd;

	if (!store)
		return IS_NOT_KEPT;
	data_path(path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	buf_add(&file, snapshots[TURNS - 1].data, snapshots[TURNS - 1].len);
	for (size_t at = 2 * PAGE; at < file.len; at += PAGE)
		if (dice(&state, 2))
			fill_noise(file.data + at + 8, 16 + dice(&state, 40), &state);
	if (pwrite(fd, file.data + 2 * PAGE, file.len - 2 * PAGE, 2 * PAGE) < 0)
		return IS_NOT_KEPT;
	close(fd);
	change_all(store);
	read_all(store, true);
	store_close(store);
	return IS_FINE;
}

Test(store_damage, of_an_open_store_ends_a_write_in_words_rather_than_by_a_signal, .timeout = 300)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < 40; i++) {
		int status = -1;
		pid_t pid;

		put_file(&snapshots[TURNS - 1]);
		pid = fork();
		if (pid == 0) {
			if (!freopen("/dev/null", "w", stderr))
				_exit(IS_NOT_KEPT);
			_exit(write_after_damage(i));
		}
		waitpid(pid, &status, 0);
		cr_assert(WIFEXITED(status), "seed %u: wait status %d", i, status);
		ended += WEXITSTATUS(status) == error_exit_status(ERROR_CORRUPT);
		cr_assert(WEXITSTATUS(status) == IS_FINE || WEXITSTATUS(status) == error_exit_status(ERROR_CORRUPT));
	}
	cr_expect_gt(ended, 0, "no write has met the damage");
}
#endif
