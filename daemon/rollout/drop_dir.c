/*
 * The directories of drops. They will contain keys, so each must belong to certd or root, not be writable by others,
 * and not be reached through a link. Nearly every fault is fixed by the same line of tmpfiles.d(5). (Not by install(1)
 * run by root, which follows a link that certd's user, the owner of these directories, may have put there.)
 */
#include "daemon/rollout/drop_dir.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/strlist.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASSWD_MAX = 4096 };

/* The name of the user that certd runs as, or its number. Owned by the caller. */
static char *
own_user(void)
{
	char text[PASSWD_MAX];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 && found)
		return xstrdup(pw.pw_name);
	return xasprintf("%u", geteuid());
}

/* As a word of tmpfiles.d(5). Owned by the caller. */
static char *
tmpfiles_word(const char *path)
{
	struct buf word = BUF_INIT;
	bool is_plain = strspn(path, "/._-+@=:,~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
			strlen(path);

	buf_printf(&word, "%s", is_plain ? "" : "\"");
	for (const char *c = path; *c; c++)
		buf_printf(&word, "%s%c", *c == '%' ? "%" : *c == '"' || *c == '\\' ? "\\" : "", *c);
	buf_printf(&word, "%s", is_plain ? "" : "\"");
	return buf_steal(&word);
}

/* ERROR_DENIED with the line that fixes it. */
static int
unfit(struct error *err, const char *path, const char *what)
{
	_cleanup_free_ char *user = own_user();
	_cleanup_free_ char *word = tmpfiles_word(path);

	return error_set(err, ERROR_DENIED,
		"'%s' %s; as root, add the line 'd %s 2750 %s GROUP -' to /etc/tmpfiles.d/certd-drops.conf and run "
		"'systemd-tmpfiles --create certd-drops.conf' (GROUP is the group that reads the files)",
		path, what, word, user);
}

static int
not_opened(int dirfd, const char *name, const char *path, int errnum, struct error *err)
{
	struct stat st = { .st_mode = 0 };
	bool is_there = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (is_there && S_ISLNK(st.st_mode))
		return unfit(err, path, "is a symbolic link, which certd does not follow: remove it");
	if (is_there && !S_ISDIR(st.st_mode))
		return unfit(err, path, "is not a directory: move it away");
	if (errnum == EACCES)
		return unfit(err, path, "cannot be entered or read by certd's user");
	return error_set_errno(err, errnum, "open '%s'", path);
}

/* It must belong to us, and no other user may create names in it. */
static int
check(int fd, const char *path, struct stat *st, struct error *err)
{
	_cleanup_free_ char *what = NULL;

	if (fstat(fd, st) < 0)
		return error_set_errno(err, errno, "examine '%s'", path);
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
		/* The umask removes permissions that readers need; the mode of an existing directory is kept. */
		if (fchmodat(dirfd, name, mode, 0) < 0)
			return error_set_errno(err, errno, "set the mode of '%s'", path);
	} else if (errno != EEXIST) {
		return error_set_errno(err, errno, "create '%s'", path);
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? not_opened(dirfd, name, path, errno, err) : opened(fd, path, st, err);
}

/* --- the way to a directory that root prepared --- */

/*
 * May only root and certd replace the directories in this one? @above: its path; @path: the final directory. In a
 * sticky directory users cannot move what is not theirs.
 */
static int
check_above(const struct stat *st, const char *above, const char *path, struct error *err)
{
	bool is_sticky = st->st_mode & S_ISVTX;
	bool is_open = (st->st_mode & 02) || ((st->st_mode & 020) && st->st_gid != 0);

	if (st->st_uid != geteuid() && st->st_uid != 0)
		return error_set(err, ERROR_DENIED,
			"'%s' is below '%s', whose owner (uid %u) can replace it: use a directory below directories "
			"of root",
			path, above, st->st_uid);
	if (is_open && !is_sticky)
		return error_set(err, ERROR_DENIED,
			"'%s' is below '%s', which is writable by others (mode %04o), so that they can replace it: "
			"use a directory below directories of root",
			path, above, st->st_mode & 07777u);
	return 0;
}

static int
above_not_opened(int dirfd, const char *name, const char *above, const char *path, int errnum, struct error *err)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return error_set(err, ERROR_DENIED,
			"'%s': '%s' is a symbolic link, which certd does not follow: use the path without links", path,
			above);
	if (errnum == ENOENT) {
		unfit(err, path, "does not exist");
		if (err)
			err->code = ERROR_NOT_FOUND;
		return -1;
	}
	return error_set_errno(err, errnum, "open '%s' on the way to '%s'", above, path);
}

/* The path from the root of the file system to a directory prepared by root. */
struct way {
	const char *path;
	int own_fd;           /* certd's own drops */
	int fd;               /* the current directory; -1: failed */
	size_t base;          /* directories of @path behind that length are created */
	struct strlist *made; /* and listed; NULL: none is created */
};

/* Certd's own drops of all certificates: a consumer's directory may not be there. */
static bool
is_own(const struct way *way, const struct stat *st)
{
	static const char *const parts[] = { "live", "pem" };
	struct stat part;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (fstatat(way->own_fd, parts[i], &part, AT_SYMLINK_NOFOLLOW) == 0 && part.st_dev == st->st_dev &&
			part.st_ino == st->st_ino)
			return true;
	return false;
}

static int
way_check(const struct way *way, int fd, const char *above, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "examine '%s'", above);
	if (is_own(way, &st))
		return error_set(
			err, ERROR_DENIED, "'%s' is inside certd's own directories: use another directory", way->path);
	return check_above(&st, above, way->path, err);
}

/*
 * With its final mode from the start: chmod() would need the setgid bit, which the sandbox does not let certd set. So
 * this thread gets a umask of its own. If it cannot, the umask of the process removes permissions from the directory.
 */
static int
make_directory(int dirfd, const char *name)
{
	struct stat st;
	bool has_umask = unshare(CLONE_FS) == 0;
	mode_t umask_before = 0;
	int rc, errnum;

	if (fstat(dirfd, &st) < 0)
		return -1;
	if (has_umask)
		umask_before = umask(0);
	rc = mkdirat(dirfd, name, st.st_mode & S_ISGID ? 0750 : 0755);
	errnum = errno;
	if (has_umask)
		umask(umask_before);
	errno = errnum;
	return rc;
}

/* @above: the path of @name, which is missing from the current directory. */
static int
way_make(const struct way *way, const char *name, const char *above, struct error *err)
{
	_cleanup_free_ char *parent = xstrndup(above, (size_t)(strrchr(above, '/') - above));
	_cleanup_free_ char *base = xstrndup(way->path, way->base);

	if (make_directory(way->fd, name) == 0) {
		strlist_add(way->made, above);
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	if (errno == EROFS)
		return error_set(err, ERROR_DENIED,
			"'%s' is read-only for certd (systemd: ReadWritePaths=%s for certd.service)", parent, base);
	if (errno == EACCES || errno == EPERM)
		return unfit(err, parent, "is not writable by certd's user");
	return error_set_errno(err, errno, "create '%s'", above);
}

static bool
may_make(const struct way *way, const char *above)
{
	return way->made && strlen(above) > way->base;
}

/* Enters @name, which is in the directory with the path @above. */
static void
way_step(struct way *way, const char *name, const char *above, struct error *err)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(way->fd, name, flags);

	if (fd < 0 && errno == ENOENT && may_make(way, above)) {
		if (way_make(way, name, above, err) < 0) {
			close(way->fd);
			way->fd = -1;
			return;
		}
		fd = openat(way->fd, name, flags);
	}
	if (fd < 0) {
		above_not_opened(way->fd, name, above, way->path, errno, err);
	} else if (way_check(way, fd, above, err) < 0) {
		close(fd);
		fd = -1;
	}
	close(way->fd);
	way->fd = fd;
}

/* Walks to the parent of the last name. Return: that name, in the path; or NULL. */
static char *
way_walk(struct way *way, struct error *err)
{
	const char *at = way->path + strspn(way->path, "/");

	way->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	way_step(way, ".", "/", err);
	while (way->fd >= 0) {
		size_t len = strcspn(at, "/");
		const char *next = at + len + strspn(at + len, "/");
		_cleanup_free_ char *name = xasprintf("%.*s", (int)len, at);
		_cleanup_free_ char *above = xasprintf("%.*s", (int)(at + len - way->path), way->path);

		if (len == 0 || strcmp(name, "..") == 0) {
			error_set(err, ERROR_DENIED, "'%s' is not a plain absolute path of a directory", way->path);
			return NULL;
		}
		if (!*next)
			return xstrdup(name);
		way_step(way, name, above, err);
		at = next;
	}
	return NULL;
}

int
drop_dir_open_prepared(const char *path, int own_fd, struct stat *st, struct error *err)
{
	return drop_dir_open_below(path, strlen(path), own_fd, NULL, st, err);
}

int
drop_dir_open_below(
	const char *path, size_t base, int own_fd, struct strlist *ret_made, struct stat *st, struct error *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct way way = { .path = path, .own_fd = own_fd, .fd = -1, .base = base, .made = ret_made };
	_cleanup_free_ char *name = way_walk(&way, err);
	int fd = name ? openat(way.fd, name, flags) : -1;

	if (name && fd < 0 && errno == ENOENT && may_make(&way, path)) {
		if (way_make(&way, name, path, err) < 0) {
			close(way.fd);
			return -1;
		}
		fd = openat(way.fd, name, flags);
	}
	if (name && fd < 0 && errno == ENOENT)
		above_not_opened(way.fd, name, path, path, ENOENT, err);
	else if (name && fd < 0)
		not_opened(way.fd, name, path, errno, err);
	else if (name)
		fd = opened(fd, path, st, err);
	if (way.fd >= 0)
		close(way.fd);
	return fd;
}
