/*
 * Directories of drops. Keys go there, so each must be ours or root's and closed to the writing of others, and no link
 * is followed. Nearly all that can be wrong with one is mended by the same line, run by root.
 */
#include "daemon/rollout/drop_dir.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { PASSWD_MAX = 4096 };

/* The user that certd runs as, by name if it has one. Owned by the caller. */
static char *
own_user(void)
{
	char text[PASSWD_MAX];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 && found)
		return xstrdup(pw.pw_name);
	return xasprintf("%u", geteuid());
}

/* ERROR_DENIED with the line that mends it. */
static int
unfit(struct error *err, const char *path, const char *what)
{
	_cleanup_free_ char *user = own_user();

	return error_set(err, ERROR_DENIED,
		"'%s' %s: install -d -o %s -g GROUP -m 2750 %s (as root; GROUP is who reads the files)", path, what,
		user, path);
}

static int
not_opened(int dirfd, const char *name, const char *path, int errnum, struct error *err)
{
	struct stat st = { .st_mode = 0 };
	bool is_there = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (is_there && S_ISLNK(st.st_mode))
		return unfit(err, path, "is a symbolic link, which certd does not follow; remove it, then");
	if (is_there && !S_ISDIR(st.st_mode))
		return unfit(err, path, "is not a directory; move it away, then");
	if (errnum == EACCES)
		return unfit(err, path, "may not be entered or read by certd's user");
	return error_set_errno(err, errnum, "open '%s'", path);
}

/* Ours, and nobody else may put names into it. */
static int
check(int fd, const char *path, struct stat *st, struct error *err)
{
	_cleanup_free_ char *what = NULL;

	if (fstat(fd, st) < 0)
		return error_set_errno(err, errno, "look at '%s'", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		what = xasprintf("belongs to uid %u and not to certd's user", st->st_uid);
	else if (st->st_mode & 022)
		what = xasprintf("is writable by its group or others (mode %04o)", st->st_mode & 07777u);
	else if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	else if (errno == EROFS)
		return error_set(err, ERROR_DENIED,
			"'%s' is read-only for certd (systemd: ReadWritePaths=%s for certd.service)", path, path);
	else
		what = xasprintf("is not writable by certd's user (it belongs to uid %u, mode %04o)", st->st_uid,
			st->st_mode & 07777u);
	return unfit(err, path, what);
}

static int
opened(int fd, const char *path, struct stat *st, struct error *err)
{
	if (check(fd, path, st, err) == 0)
		return fd;
	close(fd);
	return -1;
}

int
drop_dir_open(int dirfd, const char *name, const char *path, mode_t mode, struct stat *st, struct error *err)
{
	int fd;

	if (mkdirat(dirfd, name, 0700) == 0) {
		/* The umask takes what the readers need; a directory that was there keeps its mode. */
		if (fchmodat(dirfd, name, mode, 0) < 0)
			return error_set_errno(err, errno, "set the mode of '%s'", path);
	} else if (errno != EEXIST) {
		return error_set_errno(err, errno, "make '%s'", path);
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? not_opened(dirfd, name, path, errno, err) : opened(fd, path, st, err);
}

int
drop_dir_open_prepared(const char *path, struct stat *st, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		unfit(err, path, "does not exist");
		if (err)
			err->code = ERROR_NOT_FOUND;
		return -1;
	}
	return fd < 0 ? not_opened(AT_FDCWD, path, path, errno, err) : opened(fd, path, st, err);
}
