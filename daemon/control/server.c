/*
 * Listening and admission. A connection over a cap is told why in one error line before it is closed; at the total cap
 * the listener rests until somebody leaves, so that waiting clients queue in the kernel.
 */
#include "daemon/control/server.h"

#include "common/rpc.h"
#include "daemon/base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

enum { MAX_CONNECTIONS = 128, MAX_PER_USER = 32, ROOT_SHARE = 3, BACKLOG = 128, REST_MS = 1000 };

struct connection {
	struct control *control;
	struct session *session;
	uid_t uid;
	struct connection *prev, *next;
};

struct listener {
	int fd;
	struct loop_fd *watch;
	struct listener *next;
};

struct control {
	struct service *service;
	struct control_config config;
	char *own_path; /* removed at the end; NULL: the service manager's */
	struct listener *listeners;
	struct connection *connections;
	unsigned count;
	struct loop_timer rest; /* out of descriptors or memory: the listeners are quiet until then */
};

static void
listeners_watch(struct control *c)
{
	struct listener *l;
	bool has_room = c->count < c->config.max_connections && !loop_timer_is_armed(&c->rest);

	LL_FOREACH(c->listeners, l) {
		loop_fd_set(l->watch, has_room ? LOOP_READ : 0);
	}
}

static void
rested(void *arg)
{
	listeners_watch(arg);
}

static void
connection_closed(void *arg)
{
	struct connection *conn = arg;
	struct control *c = conn->control;

	DL_DELETE(c->connections, conn);
	c->count--;
	free(conn);
	listeners_watch(c);
}

static unsigned
count_of_user(const struct control *c, uid_t uid)
{
	const struct connection *conn;
	unsigned n = 0;

	DL_FOREACH(c->connections, conn) {
		if (conn->uid == uid)
			n++;
	}
	return n;
}

static int
admit(struct control *c, int fd, struct peer *peer, struct error *err)
{
	unsigned most = c->config.max_connections_per_user;

	if (peer_read(fd, c->config.roles, peer, err) < 0)
		return -1;
	if (peer->uid == 0)
		most *= ROOT_SHARE;
	if (count_of_user(c, peer->uid) >= most)
		return error_set(err, ERROR_LIMIT, "%s has %u connections already (max-connections-per-user)",
			peer->label, most);
	return 0;
}

static void
refuse(int fd, const struct error *err)
{
	_cleanup_json_ struct json_object *message = rpc_error(NULL, 0, err);
	_cleanup_buf_ struct buf text = BUF_INIT;

	rpc_write(message, &text);
	if (send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0; /* it will see the end of the connection instead */
	close(fd);
}

static void
accept_one(int listen_fd, short what, void *arg)
{
	struct control *c = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_peer_ struct peer peer = { .role = ROLE_NONE };
	struct connection *conn;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0) {
		/* A waiting client that cannot be accepted would wake the loop again at once, for ever. */
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED) {
			loop_timer_set(&c->rest, REST_MS);
			listeners_watch(c);
		}
		return;
	}
	if (admit(c, fd, &peer, &err) < 0) {
		refuse(fd, &err);
		return;
	}
	conn = xcalloc(1, sizeof(*conn));
	conn->control = c;
	conn->uid = peer.uid;
	DL_APPEND(c->connections, conn);
	c->count++;
	conn->session = session_new(c->service, fd, &peer, &c->config.limits, connection_closed, conn);
	listeners_watch(c);
}

static void
listener_add(struct control *c, int fd)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->fd = fd;
	l->watch = loop_fd_new(c->service->loop, fd, LOOP_READ, accept_one, c);
	LL_PREPEND(c->listeners, l);
}

/*
 * A socket nobody answers on is left from an earlier life; one that answers, or would if it were not so busy, is another
 * daemon's. Anything else that has the name is not ours to remove.
 */
static int
remove_stale(const struct sockaddr_un *addr, struct error *err)
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

static int
listen_on_path(struct control *c, const char *path, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, ERROR_CONFIG, "control socket '%s': a path has at most %zu characters",
			path, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	if (remove_stale(&addr, err) < 0)
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
	c->own_path = xstrdup(path);
	listener_add(c, fd);
	return 0;
}

struct control *
control_new(struct service *service, const struct control_config *config, struct error *err)
{
	struct control *c = xcalloc(1, sizeof(*c));

	c->service = service;
	c->config = *config;
	loop_timer_init(&c->rest, service->loop, rested, c);
	if (!c->config.max_connections)
		c->config.max_connections = MAX_CONNECTIONS;
	if (!c->config.max_connections_per_user)
		c->config.max_connections_per_user = MAX_PER_USER;
	for (size_t i = 0; i < config->n_fds; i++)
		listener_add(c, config->fds[i]);
	if (!config->n_fds && listen_on_path(c, config->path, err) < 0) {
		control_free(c);
		return NULL;
	}
	return c;
}

void
control_free(struct control *c)
{
	struct connection *conn, *conn_tmp;
	struct listener *l, *l_tmp;

	if (!c)
		return;
	DL_FOREACH_SAFE(c->connections, conn, conn_tmp)
	{
		session_free(conn->session);
		free(conn);
	}
	loop_timer_cancel(&c->rest);
	LL_FOREACH_SAFE(c->listeners, l, l_tmp)
	{
		loop_fd_free(l->watch);
		close(l->fd);
		free(l);
	}
	if (c->own_path)
		unlink(c->own_path);
	free(c->own_path);
	free(c);
}

unsigned
control_connections(const struct control *c)
{
	return c->count;
}
