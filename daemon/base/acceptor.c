/*
 * Accepting for all listeners. Each turn accepts one connection per listener, so that existing connections get their
 * turns too.
 *
 * When all slots are taken, the network with the most anonymous peers makes room: an attacker with few addresses loses
 * its connections first, and a client from elsewhere gets in. The grace period lets a burst of honest clients finish
 * their handshakes: they wait in the kernel instead of displacing one another.
 */
#include "daemon/base/acceptor.h"

#include "common/address.h"
#include "common/error.h"
#include "common/strlist.h"
#include "daemon/base/clock.h"
#include "daemon/base/listen.h"
#include "daemon/base/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum { MAX_CONNECTIONS = 128, MAX_PER_USER = 32, PAUSE_MS = 1000 };

/* The origin of anonymous peers: a /24 or /48, or a uid. */
struct network {
	char name[ADDRESS_CLIENT_SIZE];
	unsigned anonymous; /* never 0 */
	struct network *prev, *next;
};

struct place {
	struct acceptor *acceptor;
	void *connection;
	char user[INET6_ADDRSTRLEN];      /* "1000", "192.0.2.1", "2001:db8::1" */
	char client[ADDRESS_CLIENT_SIZE]; /* the unit it counts for: "1000", "192.0.2.1", "2001:db8::/64" */
	struct network *network;          /* NULL: the peer is known */
	int64_t since_ms;
	struct error refusal;
	struct place *prev, *next;
};

struct listener {
	struct acceptor *acceptor;
	int fd;
	char *address; /* NULL: passed by the service manager */
	struct loop_fd *watch;
	struct listener *next;
};

struct acceptor {
	struct acceptor_config config;
	struct listener *listeners;
	struct place *places; /* oldest first */
	struct network *networks;
	unsigned count;
	struct loop_timer pause; /* out of descriptors or slots: nothing is accepted until then */
	bool is_full;            /* paused until an anonymous peer may be evicted */
};

static unsigned
acceptor_capacity(const struct acceptor *a)
{
	return a->config.limits.max_connections + (a->config.is_privileged ? ACCEPTOR_RESERVE : 0);
}

static void
acceptor_watch(struct acceptor *a)
{
	bool has_room = a->count < acceptor_capacity(a) || a->networks;
	struct listener *l;

	LL_FOREACH(a->listeners, l) {
		loop_fd_set(l->watch, has_room && !loop_timer_is_armed(&a->pause) ? LOOP_READ : 0);
	}
}

static void
acceptor_pause(struct acceptor *a, int64_t ms, bool is_full)
{
	a->is_full = is_full;
	loop_timer_set(&a->pause, ms);
	acceptor_watch(a);
}

static void
acceptor_on_pause_over(void *arg)
{
	acceptor_watch(arg);
}

/* --- places --- */

const char *
acceptor_user(const struct place *place)
{
	return place->user;
}

const struct error *
acceptor_refusal(const struct place *place)
{
	return error_is_set(&place->refusal) ? &place->refusal : NULL;
}

/* @name: the network's. */
static void
acceptor_join_network(struct place *place, const char *name)
{
	struct acceptor *a = place->acceptor;
	struct network *n;

	DL_FOREACH(a->networks, n) {
		if (strcmp(n->name, name) == 0)
			break;
	}
	if (!n) {
		n = xcalloc(1, sizeof(*n));
		memcpy(n->name, name, sizeof(n->name));
		DL_APPEND(a->networks, n);
	}
	n->anonymous++;
	place->network = n;
}

void
acceptor_identified(struct place *place)
{
	struct network *n = place->network;

	place->network = NULL;
	if (!n || --n->anonymous)
		return;
	DL_DELETE(place->acceptor->networks, n);
	free(n);
	acceptor_watch(place->acceptor); /* that was the last anonymous peer that could make room */
}

void
acceptor_leave(struct place *place)
{
	struct acceptor *a = place->acceptor;

	acceptor_identified(place);
	DL_DELETE(a->places, place);
	a->count--;
	error_clear(&place->refusal);
	free(place);
	if (a->is_full)
		loop_timer_cancel(&a->pause);
	acceptor_watch(a);
}

static unsigned
acceptor_count_client(const struct acceptor *a, const char *client)
{
	const struct place *place;
	unsigned n = 0;

	DL_FOREACH(a->places, place) {
		n += !error_is_set(&place->refusal) && strcmp(place->client, client) == 0;
	}
	return n;
}

/* The oldest anonymous peer of the network with the most of them; NULL: none. */
static struct place *
acceptor_least_worthy(const struct acceptor *a)
{
	const struct network *n, *largest = a->networks;
	struct place *place;

	DL_FOREACH(a->networks, n) {
		if (n->anonymous > largest->anonymous)
			largest = n;
	}
	DL_FOREACH(a->places, place) {
		if (place->network && place->network == largest)
			return place;
	}
	return NULL;
}

/* Is there a free slot? If not, pauses. */
static bool
acceptor_make_room(struct acceptor *a)
{
	struct place *place;
	int64_t age_ms;

	if (a->count < acceptor_capacity(a))
		return true;
	place = acceptor_least_worthy(a);
	if (!place)
		return false; /* acceptor_watch() resumes it */
	age_ms = clock_boot_ms(loop_clock(a->config.loop)) - place->since_ms;
	if (age_ms < a->config.limits.grace_ms) {
		acceptor_pause(a, a->config.limits.grace_ms - age_ms, true);
		return false;
	}
	a->config.evict(place->connection, a->config.arg);
	return true;
}

/* --- accepting --- */

/* Return: 0, or -1 the peer cannot be identified. */
static int
acceptor_identify(struct place *place, int fd, const struct address *address)
{
	static const int on = 1;
	const struct acceptor *a = place->acceptor;
	char network[ADDRESS_CLIENT_SIZE] = "";
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6) {
		const void *ip = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
								   : (const void *)&address->v6.sin6_addr;

		inet_ntop(address->any.sa_family, ip, place->user, sizeof(place->user));
		address_client(address, place->client);
		address_network(address, network);
		acceptor_join_network(place, network);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -1;
	snprintf(place->user, sizeof(place->user), "%u", cred.uid);
	memcpy(place->client, place->user, sizeof(place->user));
	if (a->config.is_anonymous)
		acceptor_join_network(place, place->client);
	return 0;
}

static void
acceptor_admit(struct place *place, int fd, bool is_unix)
{
	struct acceptor *a = place->acceptor;
	const struct acceptor_limits *limits = &a->config.limits;
	bool is_privileged = is_unix && a->config.is_privileged && a->config.is_privileged(fd, a->config.arg);
	unsigned most = limits->max_per_user * (is_privileged ? ACCEPTOR_PRIVILEGED_SHARE : 1);

	if (acceptor_count_client(a, place->client) >= most)
		error_set(&place->refusal, ERROR_LIMIT, "%s%s has %u connections already (max-connections-per-user)",
			is_unix ? "uid:" : "", place->client, most);
	else if (!is_privileged && a->config.is_privileged && a->count >= limits->max_connections)
		error_set(&place->refusal, ERROR_LIMIT, "certd has %u connections already (max-connections)", a->count);
	if (acceptor_refusal(place) && !place->network && a->config.evict)
		acceptor_join_network(place, place->client); /* kept only to send the reason */
}

static void
acceptor_accept(int listen_fd, short what _unused_, void *arg)
{
	struct acceptor *a = ((struct listener *)arg)->acceptor;
	struct address address = { .any.sa_family = AF_UNSPEC, .len = sizeof(address.local) };
	struct place *place;
	void *connection;
	int fd;

	if (!acceptor_make_room(a))
		return;
	fd = accept4(listen_fd, &address.any, &address.len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* A waiting client that cannot be accepted would make the loop spin. */
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED)
			acceptor_pause(a, PAUSE_MS, false);
		return;
	}
	place = xcalloc(1, sizeof(*place));
	place->acceptor = a;
	place->since_ms = clock_boot_ms(loop_clock(a->config.loop));
	if (acceptor_identify(place, fd, &address) < 0) {
		close(fd);
		free(place);
		return;
	}
	acceptor_admit(place, fd, address.any.sa_family == AF_UNIX || address.any.sa_family == AF_UNSPEC);
	DL_APPEND(a->places, place);
	a->count++;
	connection = a->config.accepted(fd, place, a->config.arg);
	if (connection)
		place->connection = connection;
	acceptor_watch(a);
}

/* @address: NULL or copied. */
static void
acceptor_start(struct acceptor *a, int fd, const char *address)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->acceptor = a;
	l->fd = fd;
	l->address = xstrdup_null(address);
	l->watch = loop_fd_new(a->config.loop, fd, LOOP_READ, acceptor_accept, l);
	LL_PREPEND(a->listeners, l);
	acceptor_watch(a);
}

void
acceptor_add(struct acceptor *a, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	acceptor_start(a, fd, NULL);
}

int
acceptor_listen(struct acceptor *a, const char *address, mode_t mode, struct error *err)
{
	int fd = listen_on(address, mode, err);

	if (fd < 0)
		return -1;
	acceptor_start(a, fd, address);
	return 0;
}

int
acceptor_listen_all(struct acceptor *a, struct strlist *addresses, mode_t mode, size_t *ret_failed, struct error *err)
{
	_cleanup_strlist_ struct strlist left = STRLIST_INIT;
	_cleanup_error_ struct error first = ERROR_INIT;

	for (size_t i = 0; i < addresses->count; i++) {
		_cleanup_error_ struct error why = ERROR_INIT;

		if (acceptor_listen(a, addresses->items[i], mode, &why) == 0)
			continue;
		strlist_add(&left, addresses->items[i]);
		if (error_is_set(&first) && first.code != ERROR_STATE)
			continue;
		error_move(&first, &why);
		*ret_failed = left.count - 1;
	}
	strlist_copy(addresses, &left);
	if (!left.count)
		return 0;
	if (err)
		error_move(err, &first);
	return -1;
}

size_t
acceptor_listeners(const struct acceptor *a)
{
	const struct listener *l;
	size_t n;

	LL_COUNT(a->listeners, l, n);
	return n;
}

struct acceptor *
acceptor_new(const struct acceptor_config *config)
{
	struct acceptor *a = xcalloc(1, sizeof(*a));
	struct acceptor_limits *limits = &a->config.limits;

	a->config = *config;
	limits->max_connections = limits->max_connections ? limits->max_connections : MAX_CONNECTIONS;
	limits->max_per_user = limits->max_per_user ? limits->max_per_user : MAX_PER_USER;
	loop_timer_init(&a->pause, config->loop, acceptor_on_pause_over, a);
	return a;
}

void
acceptor_free(struct acceptor *a)
{
	struct listener *l, *tmp;

	if (!a)
		return;
	loop_timer_cancel(&a->pause);
	LL_FOREACH_SAFE(a->listeners, l, tmp) {
		loop_fd_free(l->watch);
		close(l->fd);
		if (l->address)
			listen_remove(l->address);
		free(l->address);
		free(l);
	}
	free(a);
}
