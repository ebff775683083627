/*
 * daemon/control/session.h: one client on the control socket: line-delimited JSON-RPC 2.0 with batches, with limits for
 * everything. It has its own recvmsg() reader, because messages may contain descriptors.
 */
#ifndef DAEMON_CONTROL_SESSION_H
#define DAEMON_CONTROL_SESSION_H

#include "daemon/service/service.h"

struct session;

struct session_limits {
	int64_t frame_ms;    /* first to last octet of a frame; 0: 10 s */
	int64_t idle_ms;     /* without a request, unless subscribed; 0: 30 s */
	size_t max_unsent;   /* octets that the peer has not taken, before it gets no more; 0: 1 MiB */
	unsigned max_queued; /* requests without an answer yet; 0: 64 */
};

/* Once: the connection is over; the session is free already. */
typedef void
session_closed_fn(void *arg);

/* @fd: taken, non-blocking; @peer: copied. */
struct session *
session_new(struct service *service, int fd, const struct peer *peer, const struct session_limits *limits,
	session_closed_fn *closed, void *arg);

/* Closes the connection; @closed is not called. */
void
session_free(struct session *session);

#endif
