/*
 * Atomic replacement. The file has its final mode and its contents are on the disk before it has a name, so neither a
 * crash nor a reader ever sees an incomplete one. linkat() cannot replace an existing name: hence the temporary one.
 */
#include "daemon/rollout/drop_file.h"

#include "common/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Unique, because a directory is used by one worker at a time and a name is written once. */
static char *
temp_name(const char *name)
{
	return xasprintf(DROP_TEMP_PREFIX "%s", name);
}

static int
write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* For file systems without O_TMPFILE: the temporary name exists from the start. */
static int
open_temp(int dirfd, const char *temp, int *ret_named)
{
	int fd = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	*ret_named = 0;
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	*ret_named = 1;
	return openat(dirfd, temp, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int
link_temp(int fd, int dirfd, const char *temp)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dirfd, temp, AT_SYMLINK_FOLLOW);
}

/* In a directory with the set-group-ID bit it has the group already. */
static int
set_group(int fd, gid_t gid)
{
	struct stat st;

	if (gid == (gid_t)-1 || (fstat(fd, &st) == 0 && st.st_gid == gid))
		return 0;
	return fchown(fd, (uid_t)-1, gid);
}

int
drop_file_stage_for(
	int dirfd, const char *name, const void *data, size_t len, mode_t mode, gid_t gid, struct error *err)
{
	_cleanup_free_ char *temp = temp_name(name);
	int named, fd, failed;

	if (unlinkat(dirfd, temp, 0) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "remove '%s'", temp);
	fd = open_temp(dirfd, temp, &named);
	if (fd < 0)
		return error_set_errno(err, errno, "create '%s'", name);
	failed = set_group(fd, gid) < 0;
	if (failed && errno == EPERM)
		error_set(err, ERROR_DENIED,
			"'%s' cannot be given to its group, of which certd's user is not a member: let root create the "
			"directory for that group, with mode 2750",
			name);
	else if (failed)
		error_set_errno(err, errno, "set the group of '%s'", name);
	if (!failed && (failed = write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
				 (!named && link_temp(fd, dirfd, temp) < 0)))
		error_set_errno(err, errno, "write '%s'", name);
	if (close(fd) < 0 && !failed)
		failed = error_set_errno(err, errno, "close '%s'", name);
	if (failed)
		unlinkat(dirfd, temp, 0);
	return failed ? -1 : 0;
}

int
drop_file_stage(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct error *err)
{
	return drop_file_stage_for(dirfd, name, data, len, mode, (gid_t)-1, err);
}

void
drop_file_unstage(int dirfd, const char *name)
{
	_cleanup_free_ char *temp = temp_name(name);

	unlinkat(dirfd, temp, 0);
}

int
drop_file_stage_symlink(int dirfd, const char *name, const char *target, struct error *err)
{
	_cleanup_free_ char *temp = temp_name(name);

	drop_file_unstage(dirfd, name);
	return symlinkat(target, dirfd, temp) < 0 ? error_set_errno(err, errno, "create the link '%s'", name) : 0;
}

int
drop_file_stage_link(int dirfd, const char *name, int there_dirfd, const char *there)
{
	_cleanup_free_ char *temp = temp_name(name);

	if (unlinkat(dirfd, temp, 0) < 0 && errno != ENOENT)
		return -1;
	return linkat(there_dirfd, there, dirfd, temp, 0);
}

static int
drop_file_publish(int dirfd, const char *name, struct error *err)
{
	_cleanup_free_ char *temp = temp_name(name);

	if (renameat(dirfd, temp, dirfd, name) == 0)
		return 0;
	error_set_errno(err, errno, "rename to '%s'", name);
	unlinkat(dirfd, temp, 0);
	return -1;
}

/* How a name got its new contents, which decides how to restore the old. */
enum published {
	PUBLISHED_BY_EXCHANGE, /* the replaced file has the temporary name */
	PUBLISHED_AS_NEW,
	PUBLISHED_OVER, /* the file system cannot exchange names: the old contents are lost */
};

static int
publish_one(int dirfd, const char *name, enum published *ret, struct error *err)
{
	_cleanup_free_ char *temp = temp_name(name);
	struct stat st;
	int rc;

	/* A directory would be exchanged as well. */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return error_set_errno(err, EISDIR, "rename to '%s'", name);
	*ret = PUBLISHED_BY_EXCHANGE;
	rc = renameat2(dirfd, temp, dirfd, name, RENAME_EXCHANGE);
	if (rc < 0 && (errno == ENOENT || errno == EINVAL || errno == ENOSYS)) {
		*ret = errno == ENOENT ? PUBLISHED_AS_NEW : PUBLISHED_OVER;
		rc = renameat(dirfd, temp, dirfd, name);
	}
	return rc < 0 ? error_set_errno(err, errno, "rename to '%s'", name) : 0;
}

static void
publish_undo(int dirfd, const char *name, enum published how)
{
	_cleanup_free_ char *temp = temp_name(name);

	if (how == PUBLISHED_BY_EXCHANGE)
		renameat2(dirfd, temp, dirfd, name, RENAME_EXCHANGE);
	else if (how == PUBLISHED_AS_NEW)
		unlinkat(dirfd, name, 0);
}

int
drop_file_publish_all(int dirfd, const char *const *names, size_t n, struct error *err)
{
	enum published *how = xcalloc(n, sizeof(*how));
	size_t done = 0;

	while (done < n && publish_one(dirfd, names[done], &how[done], err) == 0)
		done++;
	for (size_t i = done; done < n && i-- > 0;)
		publish_undo(dirfd, names[i], how[i]);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *temp = temp_name(names[i]);

		unlinkat(dirfd, temp, 0); /* the replaced file, or one that was not published */
	}
	free(how);
	return done < n ? -1 : 0;
}

int
drop_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct error *err)
{
	if (drop_file_stage(dirfd, name, data, len, mode, err) < 0)
		return -1;
	return drop_file_publish(dirfd, name, err);
}

int
drop_file_sync_dir(int dirfd, const char *what, struct error *err)
{
	return fsync(dirfd) < 0 ? error_set_errno(err, errno, "sync '%s'", what) : 0;
}

DIR *
drop_file_list(int dirfd, struct error *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		error_set_errno(err, errno, "read a drop directory");
		if (fd >= 0)
			close(fd);
	}
	return dir;
}

int
drop_file_sweep(int dirfd, struct error *err)
{
	DIR *dir = drop_file_list(dirfd, err);
	struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, DROP_TEMP_PREFIX, strlen(DROP_TEMP_PREFIX)) == 0)
			unlinkat(dirfd, entry->d_name, 0);
	closedir(dir);
	return 0;
}
