/* A socket file outlives its process. It is replaced only if it is a socket that refuses connections. */
#include "daemon/base/listen.h"

#include "common/address.h"
#include "common/error.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 512 };

static const char unix_prefix[] = "unix:";

bool
listen_is_unix(const char *address)
{
	return strncmp(address, unix_prefix, sizeof(unix_prefix) - 1) == 0;
}

static const char *
listen_path(const char *address)
{
	return address + sizeof(unix_prefix) - 1;
}

static int
listen_parse(const char *text, struct address *ret, struct error *err)
{
	const char *path = listen_path(text);

	if (!listen_is_unix(text)) {
		if (address_parse(text, ret))
			return 0;
		return error_set(err, ERROR_CONFIG,
			"'%s' is not an address: write 127.0.0.1:PORT, [::1]:PORT or unix:/PATH", text);
	}
	if (path[0] != '/')
		return error_set(err, ERROR_CONFIG, "'%s': the path of a socket must begin with '/'", text);
	if (strlen(path) >= sizeof(ret->local.sun_path))
		return error_set(err, ERROR_CONFIG, "socket '%s': the path is longer than %zu characters", path,
			sizeof(ret->local.sun_path) - 1);
	*ret = (struct address){ .local = { .sun_family = AF_UNIX }, .len = sizeof(ret->local) };
	memcpy(ret->local.sun_path, path, strlen(path));
	return 0;
}

static int
listen_remove_stale(const struct address *address, struct error *err)
{
	const char *path = address->local.sun_path;
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_set_errno(err, errno, "examine '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_CONFIG, "'%s' exists and is not a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "socket");
	rc = connect(fd, &address->any, address->len);
	if (rc < 0 && errno == EAGAIN) /* its backlog is full */
		rc = 0;
	close(fd);
	if (rc == 0)
		return error_set(err, ERROR_IN_USE, "another program listens on '%s'", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "remove '%s'", path);
	return 0;
}

void
listen_remove(const char *text)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct address address;

	if (listen_is_unix(text) && listen_parse(text, &address, &err) == 0)
		listen_remove_stale(&address, &err);
}

static int
listen_bind(int fd, const struct address *address, mode_t mode)
{
	static const int on = 1;

	if (address->any.sa_family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (address->any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	if (bind(fd, &address->any, address->len) < 0)
		return -1;
	/* certd's umask excludes other users until then. */
	if (address->any.sa_family == AF_UNIX && chmod(address->local.sun_path, mode) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int
listen_on(const char *text, mode_t mode, struct error *err)
{
	struct address address;
	int fd;

	if (listen_parse(text, &address, err) < 0)
		return -1;
	if (address.any.sa_family == AF_UNIX && listen_remove_stale(&address, err) < 0)
		return -1;
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		return error_set(err, ERROR_STATE, "listen on %s: this machine has no IPv6", text);
	if (fd < 0)
		return error_set_errno(err, errno, "socket for %s", text);
	if (listen_bind(fd, &address, mode) < 0) {
		bool is_taken = errno == EADDRINUSE;

		error_set_errno(err, errno, "listen on %s", text);
		if (err && is_taken)
			err->code = ERROR_IN_USE;
		close(fd);
		return -1;
	}
	return fd;
}
