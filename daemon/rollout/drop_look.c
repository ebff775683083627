/* Comparing files with what was written. Files that others may have put there are opened without side effects. */
#include "daemon/rollout/drop_look.h"

#include "common/crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_OCTETS_MAX = 512 * 1024 };

const char *
drop_seen_text(enum drop_seen seen)
{
	switch (seen) {
	case DROP_SAME:
		return "is unchanged";
	case DROP_MISSING:
		return "is missing";
	case DROP_OTHER:
		return "is another file";
	case DROP_CONTENT:
		return "has other contents";
	case DROP_MODE:
		return "has another mode or group";
	}
	return "differs";
}

char *
drop_look_target(int dirfd, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, target, sizeof(target));

	return len <= 0 || (size_t)len == sizeof(target) ? NULL : xstrndup(target, (size_t)len);
}

/* The whole file, into secure memory: it may be a key. Return: 0 or -1. */
static int
read_all(int fd, size_t size, struct secret *ret)
{
	size_t len = 0;

	secret_alloc(ret, size + 1);
	while (len <= size) {
		ssize_t n = read(fd, ret->data + len, size + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return len == size ? 0 : -1; /* it is being changed */
}

static bool
has_content(int fd, const struct stat *st, const char *sha256)
{
	_cleanup_secret_ struct secret data = SECRET_INIT;
	char digest[DIGEST_TEXT_SIZE];

	if (st->st_size > FILE_OCTETS_MAX || read_all(fd, (size_t)st->st_size, &data) < 0)
		return false;
	digest_sha256(data.data, (size_t)st->st_size, digest);
	return strcmp(digest, sha256) == 0;
}

static enum drop_seen
look_at_link(int dirfd, const char *name, const struct ledger_file *file)
{
	_cleanup_free_ char *target = drop_look_target(dirfd, name);
	struct stat st;

	if (target)
		return strcmp(target, file->target) == 0 ? DROP_SAME : DROP_OTHER;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT ? DROP_MISSING : DROP_OTHER;
}

static enum drop_seen
look_at_file(int fd, const struct ledger_file *file)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return DROP_OTHER;
	if (!has_content(fd, &st, file->sha256))
		return DROP_CONTENT;
	if ((st.st_mode & 07777) != file->mode || (file->gid != (gid_t)-1 && st.st_gid != file->gid))
		return DROP_MODE;
	return DROP_SAME;
}

/* @errnum: why it cannot be opened. */
static enum drop_seen
look_at_unreadable(int dirfd, const char *name, int errnum)
{
	struct stat st;
	bool is_own = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		      st.st_uid == geteuid();

	if (errnum == ENOENT)
		return DROP_MISSING;
	return errnum == EACCES && is_own ? DROP_MODE : DROP_OTHER;
}

enum drop_seen
drop_look(int dirfd, const char *name, const struct ledger_file *file)
{
	enum drop_seen seen;
	int fd;

	if (file->target)
		return look_at_link(dirfd, name, file);
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return look_at_unreadable(dirfd, name, errno);
	seen = look_at_file(fd, file);
	close(fd);
	return seen;
}

bool
drop_look_is_ours(int dirfd, const char *name, const struct ledger_file *file)
{
	enum drop_seen seen = drop_look(dirfd, name, file);

	return seen == DROP_SAME || seen == DROP_MODE;
}
