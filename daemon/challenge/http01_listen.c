/*
 * From the text of `http-listen` to a socket. What goes wrong here is nearly always that a web server has the port
 * already or that certd may not bind it, so those two say what to do about it.
 */
#include "daemon/challenge/http01_listen.h"

#include "common/address.h"
#include "common/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 512 };

static const char unix_prefix[] = "unix:";

static bool
is_unix(const char *text)
{
	return strncmp(text, unix_prefix, sizeof(unix_prefix) - 1) == 0;
}

static const char *
unix_path(const char *text)
{
	return text + sizeof(unix_prefix) - 1;
}

static bool
parse_address(const char *text, struct address *ret)
{
	const char *path = unix_path(text);

	if (!is_unix(text))
		return address_parse(text, ret);
	if (path[0] != '/' || strlen(path) >= sizeof(ret->local.sun_path))
		return false;
	*ret = (struct address){ .local = { .sun_family = AF_UNIX }, .len = sizeof(ret->local) };
	memcpy(ret->local.sun_path, path, strlen(path));
	return true;
}

/* A socket file outlives the process that made it; only one that refuses connections may go. */
static void
http01_listen_remove_stale(const struct address *address)
{
	struct stat st;
	int fd;

	if (lstat(address->local.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, &address->any, address->len) < 0 && errno == ECONNREFUSED)
		unlink(address->local.sun_path);
	close(fd);
}

static int
bind_error(struct error *err, int errnum, const char *text)
{
	const char *colon = strrchr(text, ':');
	const char
		*other = "or set http-listen to another port and have a web server that owns this one pass "
			 "/.well-known/acme-challenge/ on (nginx-acme-challenge.conf, "
			 "haproxy-acme-challenge.cfg), or set webroot";

	if (errnum == EADDRINUSE && is_unix(text))
		error_set(err, ERROR_UNAVAILABLE,
			"http-listen %s: another program listens on that socket: stop it or set another path",
			text);
	else if (errnum == EADDRINUSE)
		error_set(err, ERROR_UNAVAILABLE,
			"http-listen %s: another program has that port (ss -ltnp 'sport = %s' shows which): "
			"stop it (or, if it is systemd, let certd-http.socket hand the port to certd), %s",
			text, colon, other);
	else if ((errnum == EACCES || errnum == EPERM) && !is_unix(text))
		error_set(err, ERROR_UNAVAILABLE,
			"http-listen %s: certd may not bind a port below 1024: let systemd do it (systemctl "
			"enable "
			"--now certd-http.socket), %s",
			text, other);
	else {
		error_set_errno(err, errnum, "http-listen %s", text);
		if (err)
			err->code = ERROR_UNAVAILABLE;
	}
	if (err)
		err->retry = true;
	return -1;
}

static int
bind_listen(int fd, const struct address *address)
{
	static const int on = 1;

	if (address->any.sa_family != AF_UNIX &&
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (address->any.sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	if (bind(fd, &address->any, address->len) < 0)
		return -1;
	if (address->any.sa_family == AF_UNIX && chmod(address->local.sun_path, 0666) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int
http01_listen(const char *text, struct error *err)
{
	struct address address;
	int fd;

	if (!parse_address(text, &address))
		return error_set(err, ERROR_INVALID,
			"http-listen '%s': not an address: write 0.0.0.0:80, [::]:80, 127.0.0.1:PORT or "
			"unix:/PATH",
			text);
	if (address.any.sa_family == AF_UNIX)
		http01_listen_remove_stale(&address);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		return error_set(err, ERROR_STATE, "http-listen %s: this machine has no IPv6", text);
	if (fd < 0)
		return bind_error(err, errno, text);
	if (bind_listen(fd, &address) < 0) {
		bind_error(err, errno, text);
		close(fd);
		return -1;
	}
	return fd;
}

void
http01_unlisten(const char *address)
{
	if (is_unix(address))
		unlink(unix_path(address));
}
