/*
 * From the text of `http-listen` to a socket. What goes wrong here is nearly always that a web server has the port
 * already or that certd may not bind it, so those two say what to do about it.
 */
#include "daemon/challenge/http01_listen.h"

#include "common/alloc.h"
#include "common/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 512 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

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
parse_port(const char *text, in_port_t *ret)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9')
		return false;
	port = strtoul(text, &end, 10);
	if (*end || port == 0 || port > UINT16_MAX)
		return false;
	*ret = htons((uint16_t)port);
	return true;
}

static bool
parse_inet(const char *text, union address *ret, socklen_t *ret_len)
{
	_cleanup_free_ char *host = xstrdup(text);
	char *colon = strrchr(host, ':');
	size_t len;

	if (!colon)
		return false;
	*colon = '\0';
	len = strlen(host);
	if (host[0] == '[' && len > 2 && host[len - 1] == ']') {
		host[len - 1] = '\0';
		ret->v6.sin6_family = AF_INET6;
		*ret_len = sizeof(ret->v6);
		return inet_pton(AF_INET6, host + 1, &ret->v6.sin6_addr) == 1 &&
		       parse_port(colon + 1, &ret->v6.sin6_port);
	}
	ret->v4.sin_family = AF_INET;
	*ret_len = sizeof(ret->v4);
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1 && parse_port(colon + 1, &ret->v4.sin_port);
}

static bool
parse_address(const char *text, union address *ret, socklen_t *ret_len)
{
	memset(ret, 0, sizeof(*ret));
	if (!is_unix(text))
		return parse_inet(text, ret, ret_len);
	if (unix_path(text)[0] != '/' || strlen(unix_path(text)) >= sizeof(ret->local.sun_path))
		return false;
	ret->local.sun_family = AF_UNIX;
	memcpy(ret->local.sun_path, unix_path(text), strlen(unix_path(text)));
	*ret_len = sizeof(ret->local);
	return true;
}

/* A socket file outlives the process that made it; only one that refuses connections may go. */
static void
remove_stale(const union address *address, socklen_t len)
{
	struct stat st;
	int fd;

	if (lstat(address->local.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, &address->any, len) < 0 && errno == ECONNREFUSED)
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
bind_listen(int fd, const union address *address, socklen_t len)
{
	static const int on = 1;

	if (address->any.sa_family != AF_UNIX &&
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (address->any.sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	if (bind(fd, &address->any, len) < 0)
		return -1;
	if (address->any.sa_family == AF_UNIX && chmod(address->local.sun_path, 0666) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

int
http01_listen(const char *text, struct error *err)
{
	union address address;
	socklen_t len = 0;
	int fd;

	if (!parse_address(text, &address, &len))
		return error_set(err, ERROR_INVALID,
			"http-listen '%s': not an address: write 0.0.0.0:80, [::]:80, 127.0.0.1:PORT or "
			"unix:/PATH",
			text);
	if (address.any.sa_family == AF_UNIX)
		remove_stale(&address, len);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		return error_set(err, ERROR_STATE, "http-listen %s: this machine has no IPv6", text);
	if (fd < 0)
		return bind_error(err, errno, text);
	if (bind_listen(fd, &address, len) < 0) {
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
