/*
 * The model of a disk is stricter than any file system: a name is durable when its directory was synced, and content
 * when its file was. The durable state is kept as a second tree, which each sync brings up to date.
 */
#include "tests/support/disk_points.h"

#include "common/alloc.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define POINTS "points"
#define DURABLE POINTS "/durable"

static struct {
	bool is_on;
	char *root; /* the present directory at the beginning, with "/" */
	const char *const *dirs;
	size_t n_dirs;
	size_t count;
	ino_t *synced; /* files whose content is durable */
	size_t n_synced;
} disk;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool is_inside; /* its own calls are no points */

const char *
disk_end_name(enum disk_end end)
{
	static const char *const names[] = { "killed", "cut", "torn" };

	return names[end];
}

/* --- files --- */

static bool
is_synced(const struct stat *st)
{
	for (size_t i = 0; i < disk.n_synced; i++)
		if (disk.synced[i] == st->st_ino)
			return true;
	return false;
}

static void
set_synced(int fd, bool is)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || is_synced(&st) == is)
		return;
	if (is) {
		disk.synced = xreallocarray(disk.synced, disk.n_synced + 1, sizeof(*disk.synced));
		disk.synced[disk.n_synced++] = st.st_ino;
		return;
	}
	for (size_t i = 0; i < disk.n_synced; i++)
		if (disk.synced[i] == st.st_ino)
			disk.synced[i] = disk.synced[--disk.n_synced];
}

static void
remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *name = xasprintf("%s/%s", path, entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlink(name) < 0)
			remove_tree(name);
	}
	if (dir)
		closedir(dir);
	if (dir && rmdir(path) < 0)
		err(1, "remove %s", path);
}

/* Without the holes: a store is large and nearly empty. */
static void
copy_content(const char *from, const char *to, const struct stat *st, bool has_content)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st->st_mode & 07777);
	off_t at = 0;

	if (in < 0 || out < 0 || fchmod(out, st->st_mode & 07777) < 0 ||
		ftruncate(out, has_content ? st->st_size : 0) < 0)
		err(1, "copy %s to %s", from, to);
	while (has_content && (at = lseek(in, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(in, at, SEEK_HOLE), out_at = at;

		while (at < end)
			if (copy_file_range(in, &at, out, &out_at, (size_t)(end - at), 0) <= 0)
				err(1, "copy %s to %s", from, to);
	}
	close(in);
	close(out);
}

static void
copy_link(const char *from, const char *to)
{
	char target[PATH_MAX];
	ssize_t len = readlink(from, target, sizeof(target) - 1);

	if (len < 0)
		err(1, "read %s", from);
	target[len] = '\0';
	if (symlink(target, to) < 0)
		err(1, "link %s", to);
}

/* What LMDB and certd make anew: locks, and space held in reserve. */
static bool
is_scaffolding(const char *name)
{
	static const char *const names[] = { ".", "..", "lock.mdb", "certd.lock", "reserve" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* @only_synced: other files are empty. @is_flat: without the content of directories below. @to: not there. */
static void
copy_tree(const char *from, const char *to, bool only_synced, bool is_flat)
{
	DIR *dir = opendir(from);
	struct dirent *entry;
	struct stat st;

	if (!dir || stat(from, &st) < 0 || (mkdir(to, 0700) < 0 && errno != EEXIST) ||
		chmod(to, st.st_mode & 07777) < 0)
		err(1, "copy %s to %s", from, to);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *source = xasprintf("%s/%s", from, entry->d_name);
		_cleanup_free_ char *dest = xasprintf("%s/%s", to, entry->d_name);

		if (is_scaffolding(entry->d_name) || lstat(source, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && !is_flat)
			copy_tree(source, dest, only_synced, false);
		else if (S_ISDIR(st.st_mode))
			mkdir(dest, st.st_mode & 07777); /* or it is there, with what is durable in it */
		else if (S_ISLNK(st.st_mode))
			copy_link(source, dest);
		else
			copy_content(source, dest, &st, !only_synced || is_synced(&st));
	}
	closedir(dir);
}

/* --- what is durable --- */

static void
remove_gone(const char *durable, const char *path)
{
	DIR *dir = opendir(durable);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *kept = xasprintf("%s/%s", durable, entry->d_name);
		_cleanup_free_ char *name = xasprintf("%s/%s", path, entry->d_name);
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (lstat(name, &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		if (unlink(kept) < 0)
			remove_tree(kept);
	}
	if (dir)
		closedir(dir);
}

/* Its names are durable, if it is itself. */
static void
directory_synced(const char *path)
{
	_cleanup_free_ char *durable = xasprintf(DURABLE "/%s", path);

	if (access(durable, F_OK) < 0)
		return;
	remove_gone(durable, path);
	copy_tree(path, durable, true, true);
}

/* The store is one file, which is there from the beginning. */
static void
content_synced(const char *path)
{
	_cleanup_free_ char *durable = xasprintf(DURABLE "/%s", path);
	struct stat st;

	if (access(durable, F_OK) == 0 && stat(path, &st) == 0)
		copy_content(path, durable, &st, true);
}

/* --- points --- */

/* Below one of the directories, as a path from the root. Owned by the caller; NULL: elsewhere. */
static char *
path_of(int fd)
{
	char proc[64], path[PATH_MAX];
	ssize_t len;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	len = readlink(proc, path, sizeof(path) - 1);
	if (len <= 0)
		return NULL;
	path[len] = '\0';
	if (strncmp(path, disk.root, strlen(disk.root)) != 0)
		return NULL;
	for (size_t i = 0; i < disk.n_dirs; i++) {
		const char *rest = path + strlen(disk.root);
		size_t n = strlen(disk.dirs[i]);

		if (strncmp(rest, disk.dirs[i], n) == 0 && (!rest[n] || rest[n] == '/') && !strstr(rest, "/lock.mdb"))
			return xstrdup(rest);
	}
	return NULL;
}

static void
keep_point(void)
{
	_cleanup_free_ char *point = xasprintf(POINTS "/%zu", disk.count++);

	if (mkdir(point, 0700) < 0)
		err(1, "%s", point);
	for (unsigned end = 0; end < DISK_END_COUNT; end++) {
		_cleanup_free_ char *to = xasprintf("%s/%s", point, disk_end_name(end));

		if (mkdir(to, 0700) < 0)
			err(1, "%s", to);
		for (size_t i = 0; i < disk.n_dirs; i++) {
			_cleanup_free_ char *dest = xasprintf("%s/%s", to, disk.dirs[i]);
			_cleanup_free_ char *durable = xasprintf(DURABLE "/%s", disk.dirs[i]);

			copy_tree(end == DISK_CUT ? durable : disk.dirs[i], dest, end == DISK_TORN, false);
		}
		if (end == DISK_TORN) { /* of a store, pages that were not synced are as they were */
			_cleanup_free_ char *store = xasprintf("%s/store/data.mdb", to);
			struct stat st;

			if (stat(DURABLE "/store/data.mdb", &st) == 0)
				copy_content(DURABLE "/store/data.mdb", store, &st, true);
		}
	}
}

/* Before a call on @fd. Return: its path, and the lock is held; NULL: it is none of ours. Ended by point_end(). */
static char *
point_begin(int fd)
{
	char *path;

	if (!disk.is_on || is_inside)
		return NULL;
	pthread_mutex_lock(&lock);
	is_inside = true;
	path = path_of(fd);
	if (path) {
		keep_point();
		return path;
	}
	is_inside = false;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void
point_end(char *path)
{
	if (!path)
		return;
	free(path);
	is_inside = false;
	pthread_mutex_unlock(&lock);
}

static void
mark_all_synced(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *name = xasprintf("%s/%s", path, entry->d_name);
		int fd;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_type == DT_DIR)
			mark_all_synced(name);
		fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		set_synced(fd, true);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

void
disk_points_begin(const char *const *dirs, size_t n)
{
	_cleanup_free_ char *here = getcwd(NULL, 0);

	disk.root = xasprintf("%s/", here);
	disk.dirs = dirs;
	disk.n_dirs = n;
	disk.count = 0;
	if (mkdir(POINTS, 0700) < 0 || mkdir(DURABLE, 0700) < 0)
		err(1, POINTS);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *durable = xasprintf(DURABLE "/%s", dirs[i]);

		copy_tree(dirs[i], durable, false, false);
		mark_all_synced(dirs[i]);
	}
	disk.is_on = true;
}

size_t
disk_points_count(void)
{
	return disk.count;
}

size_t
disk_points_end(void)
{
	disk.is_on = false;
	keep_point();
	return disk.count;
}

void
disk_points_restore(size_t point, enum disk_end end)
{
	for (size_t i = 0; i < disk.n_dirs; i++) {
		_cleanup_free_ char *from = xasprintf(POINTS "/%zu/%s/%s", point, disk_end_name(end), disk.dirs[i]);

		remove_tree(disk.dirs[i]);
		copy_tree(from, disk.dirs[i], false, false);
	}
}

void
disk_points_clear(void)
{
	remove_tree(POINTS);
	free(disk.root);
	free(disk.synced);
	disk.root = NULL;
	disk.synced = NULL;
	disk.n_synced = 0;
}

/* --- the calls --- */

ssize_t
write(int fd, const void *data, size_t len)
{
	char *path = point_begin(fd);
	ssize_t n = syscall(SYS_write, fd, data, len);

	if (path)
		set_synced(fd, false);
	point_end(path);
	return n;
}

/* LMDB writes what makes a change valid to a descriptor that syncs. */
ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	char *path = point_begin(fd);
	ssize_t n = syscall(SYS_pwrite64, fd, data, len, at);

	if (path && (fcntl(fd, F_GETFL) & O_DSYNC))
		content_synced(path);
	point_end(path);
	return n;
}

/* Of a directory, or of a file that is not written to any more. */
static int
sync_call(long number, int fd)
{
	char *path = point_begin(fd);
	int rc = (int)syscall(number, fd);
	struct stat st;

	if (path && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		directory_synced(path);
	} else if (path) {
		set_synced(fd, true);
		content_synced(path);
	}
	point_end(path);
	return rc;
}

int
fsync(int fd)
{
	return sync_call(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return sync_call(SYS_fdatasync, fd);
}

int
fchmod(int fd, mode_t mode)
{
	char *path = point_begin(fd);
	int rc = (int)syscall(SYS_fchmod, fd, mode);

	point_end(path);
	return rc;
}

int
renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	char *path = point_begin(to_fd);
	int rc = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);

	point_end(path);
	return rc;
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

int
linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	char *path = point_begin(to_fd);
	int rc = (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);

	point_end(path);
	return rc;
}

int
symlinkat(const char *target, int fd, const char *name)
{
	char *path = point_begin(fd);
	int rc = (int)syscall(SYS_symlinkat, target, fd, name);

	point_end(path);
	return rc;
}

int
unlinkat(int fd, const char *name, int flags)
{
	char *path = point_begin(fd);
	int rc = (int)syscall(SYS_unlinkat, fd, name, flags);

	point_end(path);
	return rc;
}

int
mkdirat(int fd, const char *name, mode_t mode)
{
	char *path = point_begin(fd);
	int rc = (int)syscall(SYS_mkdirat, fd, name, mode);

	point_end(path);
	return rc;
}

int
fchmodat(int fd, const char *name, mode_t mode, int flags)
{
	char *path = flags ? NULL : point_begin(fd);
	int rc = (int)syscall(SYS_fchmodat, fd, name, mode);

	point_end(path);
	return rc;
}
