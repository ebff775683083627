/* The control socket: each connection that gets a place is a session; who gets none is told why in one error line. */
#include "daemon/control/server.h"

#include "common/api/rpc.h"
#include "daemon/control/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

struct connection {
	struct control *control;
	struct session *session;
	struct place *place;
	struct connection *prev, *next;
};

struct control {
	struct service *service;
	struct session_limits limits;
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
server_refuse(int fd, const struct error *err, void *arg)
{
	_cleanup_json_ struct json_object *message = rpc_error(NULL, 0, err);
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)arg;
	rpc_write(message, &text);
	if (send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0; /* it will see the end of the connection instead */
}

static void
accepted(int fd, const struct peer *peer, struct place *place, void *arg)
{
	struct control *c = arg;
	struct connection *conn = xcalloc(1, sizeof(*conn));

	conn->control = c;
	conn->place = place;
	DL_APPEND(c->connections, conn);
	conn->session = session_new(c->service, fd, peer, &c->limits, connection_closed, conn);
}

struct control *
control_new(struct service *service, const struct control_config *config, struct error *err)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->service = service;
	c->limits = config->limits;
	c->acceptor = acceptor_new(&(struct acceptor_config){
		.loop = service->loop,
		.max_connections = config->max_connections,
		.max_connections_per_user = config->max_connections_per_user,
		.roles = config->roles,
		.accepted = accepted,
		.refuse = server_refuse,
		.arg = c,
	});
	for (size_t i = 0; i < config->n_fds; i++)
		acceptor_add(c->acceptor, config->fds[i]);
	if (!config->n_fds && acceptor_add_path(c->acceptor, config->path, err) < 0) {
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
	DL_FOREACH_SAFE(c->connections, conn, tmp)
	{
		session_free(conn->session);
		acceptor_leave(conn->place);
		free(conn);
	}
	acceptor_free(c->acceptor);
	free(c);
}

unsigned
control_connections(const struct control *c)
{
	return acceptor_connections(c->acceptor);
}
