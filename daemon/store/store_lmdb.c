/*
 * Opening, writing and space of the data file. Short transactions only: a reader lives for one call, a writer for one
 * commit. No flag that weakens durability is set; MDB_NOTLS only unbinds readers from threads.
 *
 * LMDB reads through a map of the file: a page beyond the end of the file is a SIGBUS. So the file's size is checked
 * against its meta page before anything is read, and the file always extends (as a hole, which costs no disk) beyond
 * its last page by more than one value, so that a damaged length on the last page cannot reach past the end either.
 * Other damage inside a page is caught by the guard (store_guard.h) under which all reads are made.
 */
#include "daemon/store/store_lmdb.h"

#include "common/error.h"
#include "common/timefmt.h"
#include "daemon/store/store_check.h"
#include "daemon/store/store_guard.h"
#include "daemon/store/store_lmdb_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAD_MIN = 2 << 20,          /* more than LMDB_VALUE_MAX plus what a 16-bit offset reaches */
	PAD_STEP = 8 << 20,         /* extended by this much at a time */
	PROBE_SIZE = 256 << 10,     /* see explain_eio() */
	READER_CHECK_SEC = 60 * 60, /* killed readers pin pages */
	GIVE_BACK_AFTER = 256       /* touches; each may have mapped sixteen pages */
};

struct lmdb_write {
	struct lmdb *l;
	MDB_txn *txn;
	int rc; /* first failure */
};

/* On disk: never changed. */
static const char *const db_names[] = {
	[STORE_META] = "meta",
	[STORE_PROVIDER] = "provider",
	[STORE_AUTOCERT] = "autocertificate",
	[STORE_CERTIFICATE] = "certificate",
	[STORE_DNSPROVIDER] = "dnsprovider",
	[STORE_CONSUMER] = "consumer",
	[STORE_ISSUE] = "issue",
	[STORE_ROLLOUT] = "rollout",
	[STORE_CLEANUP] = "cleanup",
	[STORE_INDEX] = "index",
	[STORE_SCHEDULE] = "schedule",
	[STORE_SCHEDULE_ROW] = "schedule-row",
	[STORE_EVENT] = "event",
	[STORE_TOKEN] = "token",
	[STORE_AUDIT] = "audit",
	[STORE_SELF] = "store",
	[STORE_AUTHZ] = "authorization",
	[STORE_REMOVAL] = "removal",
	[STORE_ALERT] = "alert",
	[STORE_CONDITION] = "condition",
	[STORE_MESSAGE] = "message",
	[STORE_TRACE] = "trace",
	[STORE_READY] = "ready",
	[STORE_CRL] = "crl",
	[STORE_RATE] = "rate",
	[STORE_REISSUE] = "reissue",
	[STORE_CT] = "ct",
};
_Static_assert(ARRAY_SIZE(db_names) == STORE_DB_COUNT, "one name per database");

const char *
store_db_name(enum store_db db)
{
	return db_names[db];
}

int
lmdb_error(const struct lmdb *l, int rc, const char *what, struct error *err)
{
	switch (rc) {
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CURSOR_FULL:
		return error_set(err, ERROR_CORRUPT, "store '%s': %s: damaged (%s)", l->dir, what, mdb_strerror(rc));
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case MDB_BAD_VALSIZE:
		return error_set(err, ERROR_LIMIT, "store '%s': %s: %s", l->dir, what, mdb_strerror(rc));
	default:
		if (rc > 0)
			return error_set_errno(err, rc, "store '%s': %s", l->dir, what);
		return error_set(err, ERROR_IO, "store '%s': %s: %s", l->dir, what, mdb_strerror(rc));
	}
}

/* LMDB leaves its data descriptor open to programs that we start. */
static int
set_cloexec(struct lmdb *l, int fd, struct error *err)
{
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return error_set_errno(err, errno, "store '%s': close-on-exec", l->dir);
	return 0;
}

static uint64_t
used_bytes(MDB_env *env)
{
	MDB_envinfo info;
	MDB_stat stat;

	mdb_env_info(env, &info);
	mdb_env_stat(env, &stat);
	return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

/* Before the first page is read. */
static int
check_size(struct lmdb *l, int fd, struct error *err)
{
	MDB_stat stat;
	struct stat st;

	mdb_env_stat(l->env, &stat);
	if (stat.ms_psize < 512 || (stat.ms_psize & (stat.ms_psize - 1)) != 0)
		return error_set(err, ERROR_CORRUPT, "store '%s': damaged page size %u", l->dir, stat.ms_psize);
	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "store '%s'", l->dir);
	l->file_size = (uint64_t)st.st_size;
	l->used_bytes = used_bytes(l->env);
	if (l->file_size < l->used_bytes)
		return error_set(err, ERROR_CORRUPT,
			"store '%s': data.mdb was cut off: %llu octets where %llu were written", l->dir,
			(unsigned long long)l->file_size, (unsigned long long)l->used_bytes);
	return 0;
}

/* See the head of this file. A hole: fails only on a file system limit, and the store works without it. */
static void
pad_file(struct lmdb *l)
{
	uint64_t want = l->used_bytes + PAD_STEP;
	int fd = -1;

	if (l->file_size >= l->used_bytes + PAD_MIN)
		return;
	mdb_env_get_fd(l->env, &fd);
	if (ftruncate(fd, (off_t)want) == 0)
		l->file_size = want;
}

static int
open_dbs(struct lmdb *l, unsigned txn_flags, unsigned db_flags)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(l->env, NULL, txn_flags, &txn);

	for (int i = 0; rc == 0 && i < STORE_DB_COUNT; i++) {
		unsigned flags = 0;

		rc = mdb_dbi_open(txn, db_names[i], db_flags, &l->dbis[i]);
		if (rc == 0)
			rc = mdb_dbi_flags(txn, l->dbis[i], &flags);
		if (rc == 0 && flags != 0)
			rc = MDB_CORRUPTED; /* ours are plain: sorted duplicates would need cursors of their own */
		if (rc)
			mdb_txn_abort(txn);
	}
	return rc ? rc : mdb_txn_commit(txn);
}

/* Nothing is written when all databases are there. */
static int
open_or_make_dbs(struct lmdb *l)
{
	int rc = open_dbs(l, MDB_RDONLY, 0);

	return rc == MDB_NOTFOUND ? open_dbs(l, 0, MDB_CREATE) : rc;
}

void
lmdb_check_readers(struct lmdb *l)
{
	int dead;

	mdb_reader_check(l->env, &dead);
	l->readers_checked = time_monotonic_us() / 1000000;
}

/* Both ends are in the map, whose address LMDB does not reveal, and so is everything between them. */
void
lmdb_give_back_pages(struct lmdb *l)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = l->touched_from & ~(page - 1);

	if (l->touched_to > from)
		madvise((void *)from, ((l->touched_to + page - 1) & ~(page - 1)) - from, MADV_DONTNEED);
	l->touches = 0;
}

void
lmdb_touch(struct lmdb *l, const void *at, size_t len)
{
	uintptr_t from = (uintptr_t)at;

	if (l->touched_to == 0 || from < l->touched_from)
		l->touched_from = from;
	if (from + len > l->touched_to)
		l->touched_to = from + len;
	if (++l->touches >= GIVE_BACK_AFTER)
		lmdb_give_back_pages(l);
}

/* The map is another one now. */
static void
forget_touched(struct lmdb *l)
{
	l->touched_from = l->touched_to = 0;
	l->touches = 0;
}

int
lmdb_copy(struct lmdb *l, int fd, struct error *err)
{
	int rc = MDB_PANIC;

	pthread_mutex_lock(&l->copying);
	if (l->env)
		rc = mdb_env_copyfd2(l->env, fd, MDB_CP_COMPACT);
	pthread_mutex_unlock(&l->copying);
	return rc ? lmdb_error(l, rc, "copy", err) : 0;
}

static void
env_close(struct lmdb *l)
{
	forget_touched(l);
	if (l->reader)
		mdb_txn_abort(l->reader);
	l->reader = NULL;
	if (l->env)
		mdb_env_close(l->env);
	l->env = NULL;
}

/* LMDB's own checks end in abort(); a read is left instead, and a write ends in words. */
static void
on_assert(MDB_env *env _unused_, const char *message _unused_)
{
	store_guard_leave();
}

static int
no_address_space(const struct lmdb *l, size_t size, struct error *err)
{
	return error_set(err, ERROR_LIMIT,
		"store '%s': %zu MiB of address space are not available; raise the limit (ulimit -v, LimitAS=)", l->dir,
		(size >> 20) + 1);
}

static int
env_start(struct lmdb *l, struct error *err)
{
	int fd = -1;
	int rc = mdb_env_create(&l->env);

	if (rc == 0)
		rc = mdb_env_set_mapsize(l->env, l->map_size);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(l->env, STORE_DB_COUNT);
	if (rc == 0)
		rc = mdb_env_set_assert(l->env, on_assert);
	if (rc == 0)
		rc = mdb_env_open(l->env, l->dir, MDB_NOTLS, 0600);
	if (rc == 0)
		rc = mdb_env_get_fd(l->env, &fd);
	if (rc == ENOMEM)
		return no_address_space(l, l->map_size, err);
	if (rc)
		return lmdb_error(l, rc, "open", err);
	if (set_cloexec(l, fd, err) < 0 || check_size(l, fd, err) < 0)
		return -1;
	pad_file(l);
	lmdb_check_readers(l);
	rc = open_or_make_dbs(l);
	return rc ? lmdb_error(l, rc, "open the databases", err) : 0;
}

struct start {
	struct lmdb *l;
	struct error *err;
	int rc;
};

static void
env_start_guarded(void *arg)
{
	struct start *start = arg;

	start->rc = env_start(start->l, start->err);
}

static int
env_open(struct lmdb *l, struct error *err)
{
	struct start start = { .l = l, .err = err };

	env_close(l);
	store_guard_install();
	if (!store_guard_run(env_start_guarded, &start)) {
		l->env = NULL; /* in an unknown state: lost rather than closed */
		return lmdb_error(l, MDB_CORRUPTED, "open", err);
	}
	if (start.rc < 0)
		env_close(l);
	return start.rc;
}

int
lmdb_env_open(struct lmdb *l, struct error *err)
{
	int rc;

	pthread_mutex_lock(&l->copying);
	rc = env_open(l, err);
	pthread_mutex_unlock(&l->copying);
	return rc;
}

/*
 * A limit of address space (ulimit -v, LimitAS=) is shared with threads and the heap: the map takes at most half of it.
 * Data that needs more gets it from LMDB, which never maps less than there is.
 */
static size_t
fitting_map_size(size_t wanted)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || wanted <= limit.rlim_cur / 2)
		return wanted;
	return (size_t)limit.rlim_cur / 2 & ~(page - 1);
}

/* store_visit_fn */
static void
add_to_sum(const char *name, size_t name_len, const void *key, size_t key_len, const void *value, size_t value_len,
	void *arg)
{
	struct lmdb_sums *sums = arg;

	for (int db = 0; db < STORE_DB_COUNT; db++)
		if (db != STORE_SELF && strlen(db_names[db]) == name_len && memcmp(db_names[db], name, name_len) == 0)
			sums->of[db] += store_check_sum(key, key_len, value, value_len);
}

/* An empty file is one that LMDB has not begun yet. */
static int
check_data_file(const struct lmdb *l, int fd, struct lmdb_sums *sums, struct error *err)
{
	struct stat st;
	size_t size;
	void *map;
	int rc;

	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "store '%s': data.mdb", l->dir);
	size = (size_t)st.st_size;
	sums->is_known = size <= LMDB_SUM_MOST;
	if (size == 0)
		return 0;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno == ENOMEM ? no_address_space(l, size, err)
				       : error_set_errno(err, errno, "store '%s': map data.mdb", l->dir);
	rc = store_check_octets(l->dir, map, size, LMDB_VALUE_MAX, sums->is_known ? add_to_sum : NULL, sums, err);
	munmap(map, size);
	return rc;
}

/* LMDB is not let near a damaged file. Data and lock are other files: closing this descriptor drops no lock. */
static int
check_data(const struct lmdb *l, struct lmdb_sums *sums, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s/data.mdb", l->dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc;

	*sums = (struct lmdb_sums){ .is_known = true };
	if (fd < 0)
		return errno == ENOENT ? 0 : error_set_errno(err, errno, "store '%s': data.mdb", l->dir);
	rc = check_data_file(l, fd, sums, err);
	close(fd);
	return rc;
}

struct lmdb *
lmdb_open(const char *dir, size_t map_size, struct lmdb_sums *ret_sums, struct error *err)
{
	struct lmdb *l = xcalloc(1, sizeof(*l));

	l->dir = xstrdup(dir);
	pthread_mutex_init(&l->copying, NULL);
	l->map_size = fitting_map_size(map_size);
	if (check_data(l, ret_sums, err) == 0 && lmdb_env_open(l, err) == 0)
		return l;
	lmdb_close(l);
	return NULL;
}

void
lmdb_close(struct lmdb *l)
{
	if (!l)
		return;
	env_close(l);
	pthread_mutex_destroy(&l->copying);
	free(l->dir);
	free(l);
}

void
lmdb_put(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len, const void *value, size_t value_len)
{
	MDB_val k = { key_len, (void *)(uintptr_t)key };
	MDB_val v = { value_len, (void *)(uintptr_t)value };

	if (w->rc == 0)
		w->rc = mdb_put(w->txn, w->l->dbis[db], &k, &v, 0);
}

void
lmdb_del(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len)
{
	MDB_val k = { key_len, (void *)(uintptr_t)key };
	int rc;

	if (w->rc)
		return;
	rc = mdb_del(w->txn, w->l->dbis[db], &k, NULL);
	if (rc != MDB_NOTFOUND)
		w->rc = rc;
}

int
lmdb_write_get(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len, struct buf *ret)
{
	MDB_val k = { key_len, (void *)(uintptr_t)key };
	MDB_val v;

	if (w->rc || mdb_get(w->txn, w->l->dbis[db], &k, &v) != 0)
		return 0;
	buf_add(ret, v.mv_data, v.mv_size);
	return 1;
}

uint64_t
lmdb_write_sum(struct lmdb_write *w, enum store_db db, const void *key, size_t key_len)
{
	MDB_val k = { key_len, (void *)(uintptr_t)key };
	MDB_val v;

	if (w->rc || mdb_get(w->txn, w->l->dbis[db], &k, &v) != 0)
		return 0;
	return store_check_sum(key, key_len, v.mv_data, v.mv_size);
}

uint64_t
lmdb_write_transaction(const struct lmdb_write *w)
{
	return mdb_txn_id(w->txn);
}

uint64_t
lmdb_last_transaction(const struct lmdb *l)
{
	MDB_envinfo info;

	mdb_env_info(l->env, &info);
	return info.me_last_txnid;
}

static int
write_unguarded(struct lmdb *l, lmdb_apply_fn *fn, void *arg)
{
	struct lmdb_write w = { .l = l };
	int rc = mdb_txn_begin(l->env, NULL, 0, &w.txn);

	if (rc)
		return rc;
	fn(&w, arg);
	if (w.rc) {
		mdb_txn_abort(w.txn);
		return w.rc;
	}
	return mdb_txn_commit(w.txn);
}

static int
write_once(struct lmdb *l, lmdb_apply_fn *fn, void *arg)
{
	int rc;

	store_guard_set_writing(true);
	rc = write_unguarded(l, fn, arg);
	store_guard_set_writing(false);
	return rc;
}

/* No transaction may be open: the kept reader goes first. */
static int
grow_map(struct lmdb *l)
{
	int rc;

	if (l->map_size > SIZE_MAX / 4)
		return -1;
	if (l->reader)
		mdb_txn_abort(l->reader);
	l->reader = NULL;
	forget_touched(l);
	pthread_mutex_lock(&l->copying);
	rc = mdb_env_set_mapsize(l->env, l->map_size * 2);
	if (rc == 0)
		l->map_size *= 2;
	else
		mdb_env_set_mapsize(l->env, l->map_size); /* the old map is gone already */
	pthread_mutex_unlock(&l->copying);
	return rc;
}

/*
 * A failed meta write or fsync leaves an environment whose state on disk is not known: open it anew, which checks it,
 * and drive the same changes again.
 */
static bool
needs_reopen(int rc)
{
	return rc == MDB_PANIC || rc == EIO;
}

/* The data file's descriptor, and its size as it is now: a failed write may have extended it. */
static int
data_fd(const struct lmdb *l, off_t *ret_size)
{
	struct stat st;
	int fd = -1;

	mdb_env_get_fd(l->env, &fd);
	*ret_size = fstat(fd, &st) == 0 ? st.st_size : 0;
	return fd;
}

/*
 * LMDB makes EIO of a short write, and a disk that is nearly full gives short writes: ask the file system, by
 * allocating a little behind the end of the file. Return: ENOSPC, EDQUOT, or @rc.
 */
static int
explain_eio(struct lmdb *l, int rc)
{
	off_t size;
	int fd;

	if (rc != EIO)
		return rc;
	fd = data_fd(l, &size);
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, size, PROBE_SIZE) == 0)
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, size, PROBE_SIZE);
	else if (errno == ENOSPC || errno == EDQUOT)
		rc = errno;
	return rc;
}

/* What a failed write put behind the last page in use goes back to the disk, for smaller writes and for others. */
static void
give_back(struct lmdb *l)
{
	off_t used = (off_t)used_bytes(l->env);
	off_t size;
	int fd = data_fd(l, &size);

	if (size > used)
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, used, size - used);
}

static int
write_with_repair(struct lmdb *l, lmdb_apply_fn *fn, void *arg, struct error *err)
{
	bool did_reopen = false;

	for (;;) {
		int rc = explain_eio(l, write_once(l, fn, arg));

		if (rc == 0)
			return 0;
		if (rc == MDB_MAP_FULL && grow_map(l) == 0)
			continue;
		if (needs_reopen(rc) && !did_reopen) {
			did_reopen = true;
			l->reopens++;
			if (lmdb_env_open(l, err) < 0)
				return -1;
		} else {
			if (rc == ENOSPC || rc == EDQUOT)
				give_back(l);
			return lmdb_error(l, rc, "write", err);
		}
	}
}

int
lmdb_write(struct lmdb *l, lmdb_apply_fn *fn, void *arg, struct error *err)
{
	if (!l->env && lmdb_env_open(l, err) < 0)
		return -1;
	if (time_monotonic_us() / 1000000 - l->readers_checked >= READER_CHECK_SEC)
		lmdb_check_readers(l);
	if (write_with_repair(l, fn, arg, err) < 0)
		return -1;
	l->used_bytes = used_bytes(l->env);
	pad_file(l);
	return 0;
}

void
lmdb_get_stats(const struct lmdb *l, struct lmdb_stats *ret)
{
	*ret = (struct lmdb_stats){
		.used_bytes = l->used_bytes,
		.map_bytes = l->map_size,
		.reopens = l->reopens,
	};
}
