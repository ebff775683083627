/* Signals the process of a pid file; never another one. */
#include "daemon/base/pid_file.h"

#include "common/alloc.h"
#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	FIRST_LINE_MAX = 32,
	STAT_MAX = 1024,
	FIELD_STARTTIME = 22, /* proc(5), /proc/PID/stat; in clock ticks since boot */
	SLACK_SEC = 2         /* the two clocks are read one after the other, ticks are cut to whole ones */
};

/* Return: octets read, with a NUL after them; -1: failed, with errno. */
static ssize_t
read_some(int fd, char *ret, size_t size)
{
	ssize_t n = read(fd, ret, size - 1);

	if (n >= 0)
		ret[n] = '\0';
	return n;
}

static int
check_file(const char *path, const struct stat *st, struct error *err)
{
	if (!S_ISREG(st->st_mode))
		return error_set(err, ERROR_INVALID, "%s is not a regular file", path);
	if ((st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & S_IWOTH))
		return error_set(err, ERROR_INVALID,
			"%s can be written by other users, who could name any process of certd's user in it", path);
	return 0;
}

/* Return: the process number, and when the file was written in @ret_written; -1: failed. */
static pid_t
pid_file_read(const char *path, time_t *ret_written, struct error *err)
{
	char text[FIRST_LINE_MAX], *end;
	struct stat st;
	unsigned long pid;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open the pid file %s", path);
	if (fstat(fd, &st) < 0 || (n = S_ISREG(st.st_mode) ? read_some(fd, text, sizeof(text)) : 0) < 0) {
		error_set_errno(err, errno, "cannot read the pid file %s", path);
		close(fd);
		return -1;
	}
	close(fd);
	if (check_file(path, &st, err) < 0)
		return -1;
	errno = 0;
	pid = strtoul(text, &end, 10);
	if (n == 0 || text[0] < '0' || text[0] > '9' || errno || (*end && !strchr(" \t\r\n", *end)) || pid < 2 ||
		pid > INT32_MAX)
		return error_set(err, ERROR_INVALID, "%s does not begin with the number of a process", path);
	*ret_written = st.st_mtime;
	return (pid_t)pid;
}

/* Return: UNIX seconds; -1: unknown. */
static int64_t
process_start(pid_t pid)
{
	struct timespec wall, boot;
	char text[STAT_MAX], *field;
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read_some(fd, text, sizeof(text));
	close(fd);
	field = n > 0 ? strrchr(text, ')') : NULL; /* the second: the name in it may contain anything */
	for (int i = 2; field && i < FIELD_STARTTIME; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		return -1;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (int64_t)(wall.tv_sec - boot.tv_sec) +
	       (int64_t)(strtoull(field + 1, NULL, 10) / (unsigned long long)sysconf(_SC_CLK_TCK));
}

static int
send_to(int pidfd, pid_t pid, int signo, const char *path, struct error *err)
{
	if (pidfd_send_signal(pidfd, signo, NULL, 0) == 0)
		return 0;
	if (errno == EPERM)
		return error_set(err, ERROR_DENIED,
			"process %d of %s belongs to another user, and certd may not send it a signal; use --activate "
			"unit instead",
			(int)pid, path);
	if (errno == ESRCH)
		return error_set(err, ERROR_STATE, "%s names process %d, which does not run", path, (int)pid);
	return error_set_errno(err, errno, "cannot send a signal to process %d of %s", (int)pid, path);
}

int
pid_file_signal(const char *path, int signo, struct error *err)
{
	time_t written = 0;
	pid_t pid = pid_file_read(path, &written, err);
	int64_t started;
	int pidfd, rc;

	if (pid < 0)
		return -1;
	if (pid == getpid())
		return error_set(err, ERROR_INVALID, "%s names certd itself", path);
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0 && (errno == ESRCH || errno == EINVAL)) /* EINVAL: a thread */
		return error_set(err, ERROR_STATE, "%s names process %d, which does not run", path, (int)pid);
	if (pidfd < 0)
		return error_set_errno(err, errno, "cannot open process %d of %s", (int)pid, path);
	/* The permission comes first: /proc may hide processes of other users. */
	rc = send_to(pidfd, pid, 0, path, err);
	if (rc == 0) {
		started = process_start(pid);
		if (started < 0 || started > (int64_t)written + SLACK_SEC)
			rc = error_set(err, ERROR_STATE,
				"%s is stale: process %d was started after the file was written", path, (int)pid);
	}
	if (rc == 0 && signo)
		rc = send_to(pidfd, pid, signo, path, err);
	close(pidfd);
	return rc;
}
