/*
 * The interface to the service manager: state and watchdog out, descriptors and credentials in. Without a manager
 * libsystemd does nothing and reports success, so callers need not check. Notify sockets of other programs use the same
 * datagrams, so that any program with an sd_notify(3) reader can follow certd.
 */
#include "daemon/base/notify.h"

#include "common/error.h"
#include "common/timefmt.h"
#include "daemon/base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

void
notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void
notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, time_monotonic_us());
}

void
notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

/* A line end would begin another assignment. */
static void
make_one_line(char *s)
{
	while ((s = strpbrk(s, "\r\n")))
		*s = ' ';
}

void
notify_status(const char *fmt, ...)
{
	_cleanup_free_ char *status = NULL;
	va_list ap;

	va_start(ap, fmt);
	status = xvasprintf(fmt, ap);
	va_end(ap);
	make_one_line(status);
	sd_notifyf(0, "STATUS=%s", status);
}

void
notify_field(const char *name, const char *value)
{
	_cleanup_free_ char *copy = xstrdup(value);

	make_one_line(copy);
	sd_notifyf(0, "X_CERTD_%s=%s", name, copy);
}

void
notify_extend_timeout(unsigned seconds)
{
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, (uint64_t)seconds * 1000000);
}

struct watchdog {
	struct loop_timer timer;
	int64_t period_ms;
};

static void
watchdog_ping(void *arg)
{
	struct watchdog *watchdog = arg;

	sd_notify(0, "WATCHDOG=1");
	loop_timer_set(&watchdog->timer, watchdog->period_ms);
}

static void
watchdog_free(void *arg)
{
	struct watchdog *watchdog = arg;

	loop_timer_cancel(&watchdog->timer);
	free(watchdog);
}

void
notify_watchdog_start(struct loop *loop)
{
	struct watchdog *watchdog;
	uint64_t limit_us = 0;

	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return;
	watchdog = xcalloc(1, sizeof(*watchdog));
	watchdog->period_ms = (int64_t)(limit_us / 2000);
	if (watchdog->period_ms < 1)
		watchdog->period_ms = 1;
	loop_timer_init(&watchdog->timer, loop, watchdog_ping, watchdog);
	loop_at_free(loop, watchdog_free, watchdog);
	watchdog_ping(watchdog);
}

/* Return: 0 or -1; an abstract name is all octets after the leading NUL, without a terminating NUL. */
static int
address_of(const char *socket_path, struct sockaddr_un *ret_addr, socklen_t *ret_len, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(socket_path);
	bool is_abstract = socket_path[0] == '@';

	if (!is_abstract && socket_path[0] != '/')
		return error_set(
			err, ERROR_INVALID, "'%s' is neither an absolute path nor '@' and a name", socket_path);
	if (len < 2 || len > sizeof(addr.sun_path) - 1)
		return error_set(err, ERROR_INVALID, "'%s': the path of a socket has 2 to %zu characters", socket_path,
			sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, socket_path, len);
	if (is_abstract)
		addr.sun_path[0] = '\0';
	*ret_addr = addr;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (is_abstract ? 0 : 1));
	return 0;
}

int
notify_send_to(const char *socket_path, const char *assignments, struct error *err)
{
	struct sockaddr_un addr;
	socklen_t addr_len;
	ssize_t n;
	int errnum;
	int fd;

	if (address_of(socket_path, &addr, &addr_len, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "socket");
	n = sendto(fd, assignments, strlen(assignments), MSG_NOSIGNAL, (const struct sockaddr *)&addr, addr_len);
	errnum = errno;
	close(fd);
	if (n >= 0)
		return 0;
	if (errnum == EAGAIN)
		return error_set(err, ERROR_UNAVAILABLE, "notify '%s': the reader is too slow and its buffer is full",
			socket_path);
	return error_set_errno(err, errnum, "notify '%s'", socket_path);
}

/* The manager passes them in blocking mode, and accept() would wait for a client that has already gone. */
static void
notify_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

size_t
notify_listen_fds(const char *name, int *ret_fds, size_t max)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(0, &names);
	size_t count = 0;

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (strcmp(names[i], name) == 0 && count < max) {
			notify_set_nonblocking(fd);
			ret_fds[count++] = fd;
		}
		free(names[i]);
	}
	free(names);
	return count;
}

char *
notify_credential_path(const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path;

	if (!dir || !*dir || strchr(name, '/'))
		return NULL;
	path = xasprintf("%s/%s", dir, name);
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}
