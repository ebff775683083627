/*
 * daemon/base/acceptor.h: listening sockets and admission. Each connection has a place. The number of all places is
 * limited, and that of each user (or address, or IPv6 /64).
 *
 * A peer on a Unix socket is known by its uid. Others are anonymous until acceptor_identified(). When all places are
 * taken, the oldest anonymous peer of the network with the most of them makes room for the next connection. If there
 * are only known peers, clients wait in the kernel.
 */
#ifndef DAEMON_BASE_ACCEPTOR_H
#define DAEMON_BASE_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct acceptor;
struct error;
struct loop;
struct place; /* of a connection; valid until acceptor_leave() */
struct strlist;

/*
 * @fd: taken, non-blocking
 * @place: the connection's until acceptor_leave()
 * Return: the connection, for evict(); or NULL: it has ended already and left its place.
 */
typedef void *
acceptor_fn(int fd, struct place *place, void *arg);

/* The connection must make room now: close it and leave its place. */
typedef void
acceptor_evict_fn(void *connection, void *arg);

/* Is this peer on a Unix socket root or an administrator? */
typedef bool
acceptor_privileged_fn(int fd, void *arg);

struct acceptor_limits {
	unsigned max_connections; /* 0: 128 */
	unsigned max_per_user;    /* 0: 32 */
	int64_t grace_ms;         /* minimum time that an anonymous peer keeps its place */
};

enum { ACCEPTOR_RESERVE = 16, ACCEPTOR_PRIVILEGED_SHARE = 3 };

struct acceptor_config {
	struct loop *loop;
	struct acceptor_limits limits;
	bool is_anonymous; /* peers on Unix sockets are anonymous too */
	acceptor_fn *accepted;
	acceptor_evict_fn *evict; /* NULL: no peer is anonymous */
	/*
	 * Privileged peers have ACCEPTOR_RESERVE extra places, and ACCEPTOR_PRIVILEGED_SHARE times as many per user.
	 * NULL: none.
	 */
	acceptor_privileged_fn *is_privileged;
	void *arg;
};

struct acceptor *
acceptor_new(const struct acceptor_config *config);

/* Closes the listeners and removes their socket files. All places must have been left. NULL is a no-op. */
void
acceptor_free(struct acceptor *acceptor);

/* @fd: a listening socket passed by the service manager, taken. */
void
acceptor_add(struct acceptor *acceptor, int fd);

/* Binds @address with @mode; errors of listen_on(). */
int
acceptor_listen(struct acceptor *acceptor, const char *address, mode_t mode, struct error *err);

/*
 * acceptor_listen_all() - bind @addresses, and remove those that are bound from the list
 * Return: 0 the list is empty, or -1 and the first error, that of @addresses' item *ret_failed. A lack of IPv6 is
 * reported only if there is no other error.
 */
int
acceptor_listen_all(
	struct acceptor *acceptor, struct strlist *addresses, mode_t mode, size_t *ret_failed, struct error *err);

/* The number of listening sockets. */
size_t
acceptor_listeners(const struct acceptor *acceptor);

/* The owner of the place: "1000" (uid), "192.0.2.1" or "2001:db8::1". Borrowed. */
const char *
acceptor_user(const struct place *place);

/* Why the connection may not be served (ERROR_LIMIT): send it to the peer and close. NULL: it may. Borrowed. */
const struct error *
acceptor_refusal(const struct place *place);

/* The peer is authenticated: it cannot be evicted any more. */
void
acceptor_identified(struct place *place);

/* The connection has ended. */
void
acceptor_leave(struct place *place);

#endif
