/*
 * The directory of LMDB's files. The lock is a separate file: opening and closing LMDB's lock file a second time would
 * drop the first one's lock. Its content says that the store was created once, because LMDB accepts an empty or missing
 * data.mdb, whereas for certd that means the loss of every account key.
 */
#include "daemon/store/store_dir.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOCK_NAME "certd.lock"
#define DATA_NAME "data.mdb"
#define RESERVE_NAME "reserve"
#define MADE_NOTE "certd store\n"

enum {
	RESERVE_SIZE = 1 << 20,
	RESERVE_FACTOR = 4 /* it is made only when this many times its size is free */
};

static int
sync_parent(const char *path, struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return error_set_errno(err, errno, "store '%s': open its directory", path);
	rc = fsync(fd);
	if (rc < 0)
		error_set_errno(err, errno, "store '%s': sync its directory", path);
	close(fd);
	return rc;
}

static int
check_owner(const struct store_dir *dir, struct error *err)
{
	struct stat st;

	if (fstat(dir->fd, &st) < 0)
		return error_set_errno(err, errno, "store '%s'", dir->path);
	if (st.st_uid != geteuid())
		return error_set(err, ERROR_DENIED,
			"store '%s' belongs to user %u, not to user %u, as which certd runs", dir->path,
			(unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 077)
		return error_set(err, ERROR_DENIED,
			"store '%s' is open to others (mode %04o); run as its owner: chmod 0700 '%s'", dir->path,
			(unsigned)(st.st_mode & 07777), dir->path);
	return 0;
}

static int
take_lock(struct store_dir *dir, struct error *err)
{
	dir->lock_fd = openat(dir->fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (dir->lock_fd < 0)
		return error_set_errno(err, errno, "store '%s': " LOCK_NAME, dir->path);
	if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return error_set(err, ERROR_IN_USE, "store '%s' is in use by another certd", dir->path);
	return error_set_errno(err, errno, "store '%s': lock", dir->path);
}

int
store_dir_open(struct store_dir *dir, const char *path, struct error *err)
{
	*dir = (struct store_dir){ .path = xstrdup(path), .fd = -1, .lock_fd = -1 };
	if (mkdir(path, 0700) == 0) {
		if (sync_parent(path, err) < 0)
			return -1;
	} else if (errno != EEXIST) {
		return error_set_errno(err, errno, "store '%s'", path);
	}
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir->fd < 0)
		return error_set_errno(err, errno, "store '%s'", path);
	if (check_owner(dir, err) < 0)
		return -1;
	return take_lock(dir, err);
}

void
store_dir_close(struct store_dir *dir)
{
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	if (dir->fd >= 0)
		close(dir->fd);
	dir->lock_fd = dir->fd = -1;
	free(dir->path);
	dir->path = NULL;
}

bool
store_dir_was_made(const struct store_dir *dir)
{
	char note[sizeof(MADE_NOTE)] = "";

	return pread(dir->lock_fd, note, sizeof(note) - 1, 0) == sizeof(note) - 1 && strcmp(note, MADE_NOTE) == 0;
}

int
store_dir_check_data(struct store_dir *dir, struct error *err)
{
	struct stat st;
	bool is_there = fstatat(dir->fd, DATA_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (!is_there && errno != ENOENT)
		return error_set_errno(err, errno, "store '%s': " DATA_NAME, dir->path);
	if (is_there && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_CORRUPT, "store '%s': " DATA_NAME " is not a file", dir->path);
	if (is_there && st.st_size > 0)
		return 1;
	if (store_dir_was_made(dir))
		return error_set(err, ERROR_CORRUPT,
			"store '%s': " DATA_NAME
			" is %s although the store was created before: restore it, or remove the whole directory to "
			"start anew",
			dir->path, is_there ? "empty" : "gone");
	return 0;
}

int
store_dir_mark_made(struct store_dir *dir, struct error *err)
{
	static const char note[] = MADE_NOTE;

	if (store_dir_was_made(dir))
		return 0;
	if (fsync(dir->fd) < 0)
		return error_set_errno(err, errno, "store '%s': sync", dir->path);
	if (pwrite(dir->lock_fd, note, sizeof(note) - 1, 0) != sizeof(note) - 1 || fsync(dir->lock_fd) < 0)
		return error_set_errno(err, errno, "store '%s': " LOCK_NAME, dir->path);
	return 0;
}

static bool
has_plenty(const struct store_dir *dir)
{
	struct statvfs fs;

	return fstatvfs(dir->fd, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize >= (uint64_t)RESERVE_SIZE * RESERVE_FACTOR;
}

void
store_dir_keep_reserve(struct store_dir *dir)
{
	int fd;

	if (dir->has_reserve || !has_plenty(dir))
		return;
	fd = openat(dir->fd, RESERVE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	dir->has_reserve = posix_fallocate(fd, 0, RESERVE_SIZE) == 0;
	close(fd);
	if (!dir->has_reserve)
		unlinkat(dir->fd, RESERVE_NAME, 0);
}

bool
store_dir_free_reserve(struct store_dir *dir)
{
	bool had_reserve = unlinkat(dir->fd, RESERVE_NAME, 0) == 0;

	dir->has_reserve = false;
	return had_reserve;
}

void
store_dir_remove_work(const struct store_dir *dir)
{
	static const char *const names[] = { DATA_NAME, "lock.mdb", LOCK_NAME, RESERVE_NAME };
	struct stat st;

	if (fstatat(dir->fd, STORE_DIR_WORK, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = xasprintf(STORE_DIR_WORK "/%s", names[i]);

		unlinkat(dir->fd, path, 0);
	}
	unlinkat(dir->fd, STORE_DIR_WORK, AT_REMOVEDIR);
}
