/*
 * daemon/control/acceptor.h: listening sockets and who gets in: a cap on all connections, at which the listeners rest
 * until somebody leaves so that clients wait in the kernel, and one for each user or party (address_party()), beyond which
 * he is told why.
 */
#ifndef DAEMON_CONTROL_ACCEPTOR_H
#define DAEMON_CONTROL_ACCEPTOR_H

#include "daemon/service/peer.h"

struct acceptor;
struct loop;
struct place; /* that a connection has until acceptor_leave() */

/* @fd: taken, non-blocking; @peer: borrowed for the call. */
typedef void
acceptor_fn(int fd, const struct peer *peer, struct place *place, void *arg);

/* Tells a client that gets no place why; @fd is closed afterwards. */
typedef void
acceptor_refuse_fn(int fd, const struct error *err, void *arg);

struct acceptor_config {
	struct loop *loop;
	unsigned max_connections;          /* 0: 128 */
	unsigned max_connections_per_user; /* 0: 32; root has three times as many */
	const struct role_map *roles;      /* borrowed; may change between turns (reload) */
	acceptor_fn *accepted;
	acceptor_refuse_fn *refuse;
	void *arg;
};

struct acceptor *
acceptor_new(const struct acceptor_config *config);

/* Closes the listeners, removes a socket file of its own. All places were left before. NULL is a no-op. */
void
acceptor_free(struct acceptor *acceptor);

/* @fd: a listening socket, taken. */
void
acceptor_add(struct acceptor *acceptor, int fd);

/*
 * Binds @path with mode 0660 from its first moment. A socket nobody answers on is replaced; ERROR_IN_USE: another daemon
 * answers there.
 */
int
acceptor_add_path(struct acceptor *acceptor, const char *path, struct error *err);

/* Binds "127.0.0.1:8443" or "[::1]:8443" (IPv6 alone). Peers that come by it have no role and the uid -1. */
int
acceptor_add_address(struct acceptor *acceptor, const char *address, struct error *err);

/* Whose place it is: "1000" (uid), "192.0.2.1" or "2001:db8::1". Borrowed. */
const char *
acceptor_user(const struct place *place);

/* The connection is over. */
void
acceptor_leave(struct place *place);

unsigned
acceptor_connections(const struct acceptor *acceptor);

#endif
