/*
 * Files in a directory that other users may write to. The root is opened once as the operator configured it. From there
 * every step opens a single name that must not be a link, so the owner of the tree can spoil its own challenge but not
 * make certd write elsewhere. (openat2() would do so in one call, but RestrictSUIDSGID= of certd's unit forbids it, as
 * a filter cannot inspect its argument.) The file is created in place (O_EXCL), not renamed into place: the CA learns
 * of it only when it is complete, and O_TMPFILE is missing on some file systems that web servers use (overlay, NFS).
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

/* Sets the mode by fchmod, because the process's umask excludes other users. */
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
open_dir(int dirfd, const char *name, bool may_make)
{
	int fd = open_beneath(dirfd, name, O_PATH);

	if (fd >= 0 || errno != ENOENT || !may_make)
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
			"webroot '%s': %s is or contains a symbolic link, which certd does not follow: make it a "
			"directory, or set the webroot to the link's target",
			root, dir);
	error_set_errno(err, errnum, "webroot '%s': %s%s", root, dir, what);
	if (errnum == EROFS)
		error_wrap(err, "certd may not write here (systemd: ReadWritePaths=%s for certd.service)", root);
	return -1;
}

/* Return: 1 and the directory of the challenges, 0 absent (unless @may_make), -1 failed. */
static int
open_challenge_dir(const char *root, bool may_make, int *ret, struct error *err)
{
	_cleanup_fd_ int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int well_known = -1;

	if (root_fd < 0)
		return error_set_errno(err, errno, "webroot '%s'", root);
	well_known = open_dir(root_fd, ".well-known", may_make);
	*ret = well_known < 0 ? -1 : open_dir(well_known, "acme-challenge", may_make);
	if (*ret >= 0)
		return 1;
	if (errno == ENOENT && !may_make)
		return 0;
	return webroot_error(err, errno, root, "");
}

static int
webroot_check_token(const char *token, struct error *err)
{
	if (http01_is_token(token, strlen(token)))
		return 0;
	return error_set(err, ERROR_PROTOCOL, "the token of the challenge is not valid as a file name");
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
		return webroot_error(err, errno, root, ": create a file");
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
