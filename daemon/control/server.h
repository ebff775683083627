/* daemon/control/server.h: the control socket: accepts, caps connections, and lets sessions run. */
#ifndef DAEMON_CONTROL_SERVER_H
#define DAEMON_CONTROL_SERVER_H

#include "daemon/control/session.h"

struct control;

struct control_config {
	const char *path; /* certd's own socket when no descriptor was passed: mode 0660, a stale one is replaced */
	const int *fds;   /* listening sockets of the service manager; taken */
	size_t n_fds;
	unsigned max_connections;          /* 0: 128 */
	unsigned max_connections_per_user; /* 0: 32; root has three times as many */
	struct session_limits limits;
	const struct role_map *roles; /* borrowed; may change between turns (reload) */
};

/* @service: borrowed. */
struct control *
control_new(struct service *service, const struct control_config *config, struct error *err);

/* Closes all sessions, removes certd's own socket. NULL is a no-op. */
void
control_free(struct control *control);

#endif
