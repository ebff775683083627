/*
 * Files in a directory that other users may write to. The root is opened once as the operator named it; from there
 * on every step is one name that may be no link, so that whoever owns the tree can spoil his own challenge but not make
 * certd write elsewhere. (openat2() would say the same in one call, but RestrictSUIDSGID= of our unit forbids it, as a
 * filter cannot look into its argument.) The file is made in place (O_EXCL), not renamed into place: nobody is told of it before it is complete,
 * and O_TMPFILE is missing on some of the file systems that web servers live on (overlay, NFS).
 */
#include "daemon/challenge/webroot.h"

#include "common/buf.h"
#include "common/error.h"
#include "daemon/challenge/http01.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define _cleanup_fd_ _cleanup_(close_fd)

/* The directory @name, one component, in @dirfd; ELOOP when it is a link. */
static int
open_beneath(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 || errno != ENOTDIR)
		return fd;
	errno = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
	return -1;
}

/* Mode by fchmod: the process's umask keeps others out by default. */
static int
webroot_make_dir(int dirfd, const char *name)
{
	_cleanup_fd_ int fd = -1;

	if (mkdirat(dirfd, name, 0755) < 0)
		return errno == EEXIST ? 0 : -1;
	fd = open_beneath(dirfd, name, O_RDONLY);
	return fd < 0 ? -1 : fchmod(fd, 0755);
}

static int
open_dir(int dirfd, const char *name, bool make)
{
	int fd = open_beneath(dirfd, name, O_PATH);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	if (webroot_make_dir(dirfd, name) < 0)
		return -1;
	return open_beneath(dirfd, name, O_PATH);
}

static int
webroot_error(struct error *err, int errnum, const char *root, const char *what)
{
	static const char dir[] = ".well-known/acme-challenge";

	if (errnum == ELOOP)
		return error_set(err, ERROR_DENIED,
			"webroot '%s': %s holds a symbolic link, which certd does not follow: make it a "
			"directory, "
			"or set the webroot to the place it points to",
			root, dir);
	error_set_errno(err, errnum, "webroot '%s': %s%s", root, dir, what);
	if (errnum == EROFS)
		error_wrap(err, "certd may not write here (systemd: ReadWritePaths=%s for certd.service)", root);
	return -1;
}

/* Return: 1 and the directory of the challenges, 0 absent (unless @make), -1 failed. */
static int
open_challenge_dir(const char *root, bool make, int *ret, struct error *err)
{
	_cleanup_fd_ int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int well_known = -1;

	if (root_fd < 0)
		return error_set_errno(err, errno, "webroot '%s'", root);
	well_known = open_dir(root_fd, ".well-known", make);
	*ret = well_known < 0 ? -1 : open_dir(well_known, "acme-challenge", make);
	if (*ret >= 0)
		return 1;
	if (errno == ENOENT && !make)
		return 0;
	return webroot_error(err, errno, root, "");
}

static int
webroot_check_token(const char *token, struct error *err)
{
	if (http01_is_token(token, strlen(token)))
		return 0;
	return error_set(err, ERROR_PROTOCOL, "the token of the challenge is not fit for a file name");
}

static int
write_file(int fd, const char *text, struct error *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (fchmod(fd, 0644) < 0)
		return error_set_errno(err, errno, "set the mode");
	buf_add_str(&b, text);
	return buf_write_fd(&b, fd, err);
}

static int
make_file(int dir, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags, 0644);

	if (fd >= 0 || errno != EEXIST)
		return fd;
	if (unlinkat(dir, name, 0) < 0)
		return -1;
	return openat(dir, name, flags, 0644);
}

int
webroot_put(const char *root, const char *token, const char *key_authorization, struct error *err)
{
	_cleanup_fd_ int dir = -1;
	_cleanup_fd_ int fd = -1;

	if (webroot_check_token(token, err) < 0 || open_challenge_dir(root, true, &dir, err) < 0)
		return -1;
	fd = make_file(dir, token);
	if (fd < 0)
		return webroot_error(err, errno, root, ": make a file");
	if (write_file(fd, key_authorization, err) < 0) {
		unlinkat(dir, token, 0);
		return error_wrap(err, "webroot '%s'", root);
	}
	return 0;
}

int
webroot_remove(const char *root, const char *token, struct error *err)
{
	_cleanup_fd_ int dir = -1;
	int found;

	if (webroot_check_token(token, err) < 0)
		return -1;
	found = open_challenge_dir(root, false, &dir, err);
	if (found <= 0)
		return found;
	if (unlinkat(dir, token, 0) < 0 && errno != ENOENT)
		return webroot_error(err, errno, root, ": remove a file");
	return 0;
}
