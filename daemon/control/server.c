/* The control socket: each admitted connection is a session; a refused one gets the reason in one error line. */
#include "daemon/control/server.h"

#include "common/api/rpc.h"
#include "daemon/base/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum { SOCKET_MODE = 0660 };

struct connection {
	struct control *control;
	struct session *session;
	struct place *place;
	struct connection *prev, *next;
};

struct control {
	struct service *service;
	struct session_limits limits;
	const struct role_map *roles;
	struct acceptor *acceptor;
	struct connection *connections;
};

static void
connection_closed(void *arg)
{
	struct connection *conn = arg;

	DL_DELETE(conn->control->connections, conn);
	acceptor_leave(conn->place);
	free(conn);
}

static void
server_refuse(int fd, const struct error *err)
{
	_cleanup_json_ struct json_object *message = rpc_error(NULL, 0, err);
	_cleanup_buf_ struct buf text = BUF_INIT;

	rpc_write(message, &text);
	if (send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0; /* it will see the end of the connection instead */
}

static bool
server_is_privileged(int fd, void *arg)
{
	const struct control *c = arg;
	_cleanup_peer_ struct peer peer = { .role = ROLE_NONE };

	return peer_read(fd, c->roles, &peer, NULL) == 0 && peer.role == ROLE_ADMIN;
}

static void *
server_accepted(int fd, struct place *place, void *arg)
{
	struct control *c = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_peer_ struct peer peer = { .role = ROLE_NONE };
	struct connection *conn;

	if (acceptor_refusal(place))
		error_copy(&err, acceptor_refusal(place));
	if (error_is_set(&err) || peer_read(fd, c->roles, &peer, &err) < 0) {
		server_refuse(fd, &err);
		close(fd);
		acceptor_leave(place);
		return NULL;
	}
	conn = xcalloc(1, sizeof(*conn));
	conn->control = c;
	conn->place = place;
	DL_APPEND(c->connections, conn);
	conn->session = session_new(c->service, fd, &peer, &c->limits, connection_closed, conn);
	return conn;
}

struct control *
control_new(struct service *service, const struct control_config *config, struct error *err)
{
	_cleanup_free_ char *address = xasprintf("unix:%s", config->path);
	struct control *c = xcalloc(1, sizeof(*c));

	c->service = service;
	c->roles = config->roles;
	c->limits = config->limits;
	c->acceptor = acceptor_new(&(struct acceptor_config){
		.loop = service->loop,
		.limits = {
			.max_connections = config->max_connections,
			.max_per_user = config->max_connections_per_user,
		},
		.accepted = server_accepted,
		.is_privileged = server_is_privileged,
		.arg = c,
	});
	for (size_t i = 0; i < config->n_fds; i++)
		acceptor_add(c->acceptor, config->fds[i]);
	if (!config->n_fds && acceptor_listen(c->acceptor, address, SOCKET_MODE, err) < 0) {
		control_free(c);
		return NULL;
	}
	return c;
}

void
control_free(struct control *c)
{
	struct connection *conn, *tmp;

	if (!c)
		return;
	DL_FOREACH_SAFE(c->connections, conn, tmp) {
		session_free(conn->session);
		acceptor_leave(conn->place);
		free(conn);
	}
	acceptor_free(c->acceptor);
	free(c);
}
