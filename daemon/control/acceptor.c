/* Accepting for both faces. Who a peer of a Unix socket is, is read right after accept; a TCP peer is his address. */
#include "daemon/control/acceptor.h"

#include "common/address.h"
#include "common/error.h"
#include "daemon/base/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

enum { MAX_CONNECTIONS = 128, MAX_PER_USER = 32, ROOT_SHARE = 3, BACKLOG = 128, REST_MS = 1000 };

struct place {
	struct acceptor *acceptor;
	char user[INET6_ADDRSTRLEN];    /* "1000", "192.0.2.1", "2001:db8::1" */
	char party[ADDRESS_PARTY_SIZE]; /* who it counts for: "1000", "192.0.2.1", "2001:db8::/64" */
	struct place *prev, *next;
};

struct listener {
	int fd;
	struct loop_fd *watch;
	struct listener *next;
};

struct acceptor {
	struct acceptor_config config;
	char *own_path; /* removed at the end; NULL: the service manager's */
	struct listener *listeners;
	struct place *places;
	unsigned count;
	struct loop_timer rest; /* out of descriptors or memory: the listeners are quiet until then */
};

static void
listeners_watch(struct acceptor *a)
{
	struct listener *l;
	bool has_room = a->count < a->config.max_connections && !loop_timer_is_armed(&a->rest);

	LL_FOREACH(a->listeners, l) {
		loop_fd_set(l->watch, has_room ? LOOP_READ : 0);
	}
}

static void
rested(void *arg)
{
	listeners_watch(arg);
}

const char *
acceptor_user(const struct place *place)
{
	return place->user;
}

void
acceptor_leave(struct place *place)
{
	struct acceptor *a = place->acceptor;

	DL_DELETE(a->places, place);
	a->count--;
	free(place);
	listeners_watch(a);
}

static unsigned
count_of_party(const struct acceptor *a, const char *party)
{
	const struct place *place;
	unsigned n = 0;

	DL_FOREACH(a->places, place) {
		if (strcmp(place->party, party) == 0)
			n++;
	}
	return n;
}

/* Who is there, in @peer and as words in @place. */
static int
identify(const struct acceptor *a, int fd, const struct address *address, struct peer *peer,
	struct place *place, struct error *err)
{
	static const int on = 1;

	if (address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6) {
		const void *ip = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
								   : (const void *)&address->v6.sin6_addr;

		peer->uid = (uid_t)-1;
		inet_ntop(address->any.sa_family, ip, place->user, sizeof(place->user));
		address_party(address, place->party);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		return 0;
	}
	if (peer_read(fd, a->config.roles, peer, err) < 0)
		return -1;
	snprintf(place->user, sizeof(place->user), "%u", peer->uid);
	snprintf(place->party, sizeof(place->party), "%u", peer->uid);
	return 0;
}

static int
admit(struct acceptor *a, int fd, const struct address *address, struct peer *peer, struct place *place,
	struct error *err)
{
	unsigned most = a->config.max_connections_per_user;

	if (identify(a, fd, address, peer, place, err) < 0)
		return -1;
	if (peer->uid == 0)
		most *= ROOT_SHARE;
	if (count_of_party(a, place->party) >= most)
		return error_set(err, ERROR_LIMIT,
			"%s%s has %u connections already (max-connections-per-user)",
			peer->uid == (uid_t)-1 ? "" : "uid:", place->party, most);
	return 0;
}

static void
accept_one(int listen_fd, short what, void *arg)
{
	struct acceptor *a = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct address address = { .any.sa_family = AF_UNSPEC, .len = sizeof(address.local) };
	struct place *place;
	_cleanup_peer_ struct peer peer = { .role = ROLE_NONE };
	int fd = accept4(listen_fd, &address.any, &address.len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0) {
		/* A waiting client that cannot be accepted would wake the loop again at once, for ever. */
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED) {
			loop_timer_set(&a->rest, REST_MS);
			listeners_watch(a);
		}
		return;
	}
	place = xcalloc(1, sizeof(*place));
	if (admit(a, fd, &address, &peer, place, &err) < 0) {
		a->config.refuse(fd, &err, a->config.arg);
		close(fd);
		free(place);
		return;
	}
	place->acceptor = a;
	DL_APPEND(a->places, place);
	a->count++;
	listeners_watch(a);
	a->config.accepted(fd, &peer, place, a->config.arg);
}

void
acceptor_add(struct acceptor *a, int fd)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->fd = fd;
	l->watch = loop_fd_new(a->config.loop, fd, LOOP_READ, accept_one, a);
	LL_PREPEND(a->listeners, l);
	listeners_watch(a);
}

/*
 * A socket nobody answers on is left from an earlier life; one that answers, or would if it were not so busy, is another
 * daemon's. Anything else that has the name is not ours to remove.
 */
static int
acceptor_remove_stale(const struct sockaddr_un *addr, struct error *err)
{
	struct stat st;
	int fd, rc;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : error_set_errno(err, errno, "look at '%s'", addr->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERROR_CONFIG, "'%s' is there and is no socket", addr->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "socket");
	rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	if (rc < 0 && errno == EAGAIN)
		rc = 0;
	close(fd);
	if (rc == 0)
		return error_set(err, ERROR_IN_USE, "another daemon answers on '%s'", addr->sun_path);
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "remove '%s'", addr->sun_path);
	return 0;
}

int
acceptor_add_path(struct acceptor *a, const char *path, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, ERROR_CONFIG, "socket '%s': a path has at most %zu characters", path,
			sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	if (acceptor_remove_stale(&addr, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "socket");
	mask = umask(0117); /* 0660 from its first moment */
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (rc < 0 || listen(fd, BACKLOG) < 0) {
		error_set_errno(err, errno, "listen on '%s'", path);
		close(fd);
		return -1;
	}
	str_replace(&a->own_path, path);
	acceptor_add(a, fd);
	return 0;
}

int
acceptor_add_address(struct acceptor *a, const char *text, struct error *err)
{
	static const int on = 1;
	struct address address;
	int fd;

	if (!address_parse(text, &address))
		return error_set(err, ERROR_CONFIG,
			"'%s' is no ADDRESS:PORT such as 127.0.0.1:8443 or [::1]:8443", text);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "socket for %s", text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &address.any, address.len) < 0 || listen(fd, BACKLOG) < 0) {
		error_set_errno(err, errno, "listen on %s", text);
		close(fd);
		return -1;
	}
	acceptor_add(a, fd);
	return 0;
}

struct acceptor *
acceptor_new(const struct acceptor_config *config)
{
	struct acceptor *a = xcalloc(1, sizeof(*a));

	a->config = *config;
	if (!a->config.max_connections)
		a->config.max_connections = MAX_CONNECTIONS;
	if (!a->config.max_connections_per_user)
		a->config.max_connections_per_user = MAX_PER_USER;
	loop_timer_init(&a->rest, config->loop, rested, a);
	return a;
}

void
acceptor_free(struct acceptor *a)
{
	struct listener *l, *tmp;

	if (!a)
		return;
	loop_timer_cancel(&a->rest);
	LL_FOREACH_SAFE(a->listeners, l, tmp)
	{
		loop_fd_free(l->watch);
		close(l->fd);
		free(l);
	}
	if (a->own_path)
		unlink(a->own_path);
	free(a->own_path);
	free(a);
}

unsigned
acceptor_connections(const struct acceptor *a)
{
	return a->count;
}
