/*
 * The client side of the control socket: lines of JSON-RPC, with absolute deadlines. All messages about an unreachable
 * certd, and what to do about it, are here.
 */
#include "ctl/base/client.h"

#include "common/api/rpc.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 5 * 1000, READ_BLOCK = 64 * 1024, MAX_ANSWER = 32 * 1024 * 1024 };

struct client {
	int fd;
	int64_t last_id;
	struct buf in;
	size_t scanned;             /* octets of @in already searched for a newline */
	struct json_object *events; /* array: notifications received while waiting for an answer */
	bool has_answered;
};

/* --- connecting --- */

static int
client_explain_absence(const char *path, struct error *err)
{
	const char *how = access("/run/systemd/system", F_OK) == 0 ? "systemctl start certd.socket certd"
								   : "certd --foreground";

	return error_set(
		err, ERROR_UNAVAILABLE, "certd is not running (nothing listens on %s); start it with: %s", path, how);
}

static int
client_explain_denial(const char *path, struct error *err)
{
	struct stat st;
	const struct group *group = stat(path, &st) == 0 ? getgrgid(st.st_gid) : NULL;

	if (!group || st.st_gid == 0)
		return error_set(err, ERROR_DENIED, "no access to %s: run certctl as root or as certd's user", path);
	return error_set(err, ERROR_DENIED,
		"no access to %s: run certctl as root, or join the group %s (adduser USER %s, then log in again)", path,
		group->gr_name, group->gr_name);
}

static int
client_explain_connect(const char *path, int errnum, struct error *err)
{
	switch (errnum) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		return client_explain_absence(path, err);
	case EACCES:
	case EPERM:
		return client_explain_denial(path, err);
	case EAGAIN:
		return error_set(err, ERROR_UNAVAILABLE, "certd does not accept connections on %s", path);
	default:
		return error_set_errno(err, errnum, "connect to %s", path);
	}
}

static int
client_connect_unix(const char *path, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = CONNECT_MS / 1000 };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, ERROR_USAGE, "the socket path is longer than %zu octets: %s",
			sizeof(addr.sun_path) - 1, path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)); /* connect() obeys it (unix(7)) */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		client_explain_connect(path, errno, err);
		close(fd);
		return -1;
	}
	return fd;
}

struct client *
client_open(const char *path, struct error *err)
{
	struct client *client;
	int fd = client_connect_unix(path, err);

	if (fd < 0)
		return NULL;
	client = xcalloc(1, sizeof(*client));
	client->fd = fd;
	client->events = json_object_new_array();
	return client;
}

void
client_close(struct client *client)
{
	if (!client)
		return;
	close(client->fd);
	buf_clear(&client->in);
	json_object_put(client->events);
	free(client);
}

/* --- octets --- */

/*
 * The command to diagnose with. Before the first answer, systemd may hold the socket for a certd that fails to start.
 */
#define LOOK "systemctl status certd, journalctl -u certd"

static int
client_gone(const struct client *client, struct error *err)
{
	if (!client->has_answered)
		return error_set(err, ERROR_UNAVAILABLE,
			"certd closed the connection before it answered; it may be failing to start (" LOOK ")");
	return error_set(err, ERROR_UNAVAILABLE, "certd closed the connection; it may be stopping or restarting");
}

static int
client_silent(const struct client *client, int64_t timeout_ms, struct error *err)
{
	return error_set(err, ERROR_TIMEOUT, "certd did not answer within %g s; %s (" LOOK ")",
		(double)timeout_ms / 1000, client->has_answered ? "it may hang" : "it may be failing to start");
}

/* Return: 1 @fd is ready, 0 timed out or @interrupt_fd is ready, -1 failed. */
static int
client_wait_ready(int fd, short what, int interrupt_fd, int64_t deadline_ms, struct error *err)
{
	struct pollfd fds[] = { { .fd = fd, .events = what }, { .fd = interrupt_fd, .events = POLLIN } };

	for (;;) {
		int64_t left = deadline_ms - time_monotonic_us() / 1000;
		int n = poll(fds, ARRAY_SIZE(fds), left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left);

		if (n < 0 && errno != EINTR)
			return error_set_errno(err, errno, "poll");
		if (n > 0)
			return fds[1].revents ? 0 : 1;
		if (n == 0 && left <= 1000000)
			return 0;
	}
}

/* @pass: sent with the first octet; -1: none. */
static ssize_t
client_send_some(int fd, const struct buf *text, int pass)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = text->data, .iov_len = text->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pass >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &pass, sizeof(pass));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int
client_send_all(struct client *client, struct buf *text, int pass, int64_t deadline_ms, struct error *err)
{
	while (text->len) {
		ssize_t n = client_send_some(client->fd, text, pass);
		int rc;

		if (n >= 0) {
			pass = -1;
			explicit_bzero(text->data, (size_t)n); /* it may contain a key or a password */
			buf_drop(text, (size_t)n);
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return client_gone(client, err);
		if (errno != EAGAIN && errno != EINTR)
			return error_set_errno(err, errno, "send to certd");
		rc = client_wait_ready(client->fd, POLLOUT, -1, deadline_ms, err);
		if (rc <= 0)
			return rc < 0 ? -1 : error_set(err, ERROR_TIMEOUT, "certd does not read its socket");
	}
	return 0;
}

/* Return: 1 received data, 0 timed out, -1 failed or closed. */
static int
client_receive(struct client *client, int interrupt_fd, int64_t deadline_ms, struct error *err)
{
	char block[READ_BLOCK];
	ssize_t n;
	int rc = client_wait_ready(client->fd, POLLIN, interrupt_fd, deadline_ms, err);

	if (rc <= 0)
		return rc;
	n = recv(client->fd, block, sizeof(block), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return client_gone(client, err);
	if (n < 0)
		return error_set_errno(err, errno, "receive from certd");
	if (client->in.len > MAX_ANSWER)
		return error_set(err, ERROR_PROTOCOL, "certd's answer is larger than %d octets", MAX_ANSWER);
	buf_add(&client->in, block, (size_t)n);
	return 1;
}

/* --- words of others --- */

/* Text from a CA or a program may contain escape sequences, which a terminal would obey. */
static void
client_clean_string(struct json_object *value)
{
	size_t len = (size_t)json_object_get_string_len(value);
	const char *text = json_object_get_string(value);
	_cleanup_free_ char *lines = NULL;

	if (printable_is_line(text, len))
		return;
	lines = printable_lines(text, len);
	json_object_set_string(value, lines);
}

/* Member names are words of the API; a name with anything else is dropped. */
static bool
client_is_word(const char *name)
{
	for (; *name; name++)
		if (*name <= ' ' || *name > '~')
			return false;
	return true;
}

/* The parser bounds the depth. */
static void
client_clean(struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		client_clean_string(value);
	for (size_t i = 0; json_object_is_type(value, json_type_array) && i < json_object_array_length(value); i++)
		client_clean(json_object_array_get_idx(value, i));
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member) {
			if (client_is_word(name))
				client_clean(member);
			else
				json_object_object_del(value, name); /* safe: the loop already has its next member */
		}
	}
}

/* Return: 1 and the next message, 0 timed out, -1 failed. */
static int
client_next_message(
	struct client *client, int interrupt_fd, int64_t deadline_ms, struct json_object **ret, struct error *err)
{
	for (;;) {
		char *from = client->in.data ? client->in.data + client->scanned : NULL;
		char *end = from ? memchr(from, '\n', client->in.len - client->scanned) : NULL;
		int rc;

		if (end) {
			size_t len = (size_t)(end - client->in.data);

			*ret = json_parse(client->in.data, len, err);
			buf_drop(&client->in, len + 1);
			client->scanned = 0;
			if (!*ret)
				return error_wrap(err, "certd's answer");
			client_clean(*ret);
			return 1;
		}
		client->scanned = client->in.len;
		rc = client_receive(client, interrupt_fd, deadline_ms, err);
		if (rc <= 0)
			return rc;
	}
}

/* --- calls and events --- */

static void
client_keep_event(struct client *client, const struct rpc_response *note)
{
	if (strcmp(note->method, "event") == 0 && note->params)
		json_object_array_add(client->events, json_object_get(note->params));
}

/*
 * The next answer, to any request. Return: 0, and its @ret (owned by the caller) or @ret_error; -1.
 * @ret_id: of the request
 */
static int
client_next_answer(struct client *client, int64_t timeout_ms, int64_t deadline_ms, int64_t *ret_id,
	struct json_object **ret, struct error *ret_error, struct error *err)
{
	for (;;) {
		_cleanup_json_ struct json_object *message = NULL;
		struct rpc_response response;
		int rc = client_next_message(client, -1, deadline_ms, &message, err);

		if (rc <= 0)
			return rc < 0 ? -1 : client_silent(client, timeout_ms, err);
		client->has_answered = true;
		rc = rpc_response_read(message, &response, ret_error);
		if (rc == 0) {
			client_keep_event(client, &response);
			continue;
		}
		*ret_id = response.id;
		if (rc > 0)
			*ret = json_object_get(response.result);
		return 0;
	}
}

static int
client_await_answer(
	struct client *client, int64_t timeout_ms, int64_t deadline_ms, struct json_object **ret, struct error *err)
{
	_cleanup_error_ struct error refusal = ERROR_INIT;
	int64_t id;

	if (client_next_answer(client, timeout_ms, deadline_ms, &id, ret, &refusal, err) < 0)
		return -1;
	if (error_is_set(&refusal)) {
		if (err)
			error_move(err, &refusal);
		return -1;
	}
	if (id == client->last_id)
		return 0;
	json_object_put(*ret);
	*ret = NULL;
	return error_set(err, ERROR_PROTOCOL, "certd answered a different request");
}

/* @params: taken. */
static int
client_request(struct client *client, const char *method, struct json_object *params, int pass, int64_t deadline_ms,
	struct error *err)
{
	_cleanup_json_ struct json_object *request = rpc_request(++client->last_id, method, params);
	_cleanup_buf_ struct buf text = BUF_INIT;

	rpc_write(request, &text);
	if (text.len > RPC_MAX_FRAME)
		return error_set(err, ERROR_LIMIT, "the request is larger than %d octets", RPC_MAX_FRAME);
	return client_send_all(client, &text, pass, deadline_ms, err);
}

static int
client_exchange(struct client *client, const char *method, struct json_object *params, int pass, int64_t timeout_ms,
	struct json_object **ret, struct error *err)
{
	int64_t deadline_ms;

	if (!timeout_ms)
		timeout_ms = CLIENT_CALL_MS;
	deadline_ms = time_monotonic_us() / 1000 + timeout_ms;
	if (client_request(client, method, params, pass, deadline_ms, err) < 0)
		return -1;
	return client_await_answer(client, timeout_ms, deadline_ms, ret, err);
}

int
client_call(struct client *client, const char *method, struct json_object *params, int64_t timeout_ms,
	struct json_object **ret, struct error *err)
{
	return client_exchange(client, method, params, -1, timeout_ms, ret, err);
}

int
client_call_passing(struct client *client, const char *method, struct json_object *params, int fd, int64_t timeout_ms,
	struct json_object **ret, struct error *err)
{
	return client_exchange(client, method, params, fd, timeout_ms, ret, err);
}

/* --- several calls at once --- */

/* Those that are sent, and whose answer was not passed on: a ring. */
struct client_window {
	struct {
		struct json_object *result;
		struct error err;
		bool is_answered;
	} calls[CLIENT_CALLS_AT_ONCE];
	size_t sent, given; /* indexes of the next ones */
	int64_t first_id;   /* of index 0 */
};

static int
client_window_receive(struct client *client, struct client_window *w, struct error *err)
{
	_cleanup_error_ struct error refusal = ERROR_INIT;
	_cleanup_json_ struct json_object *result = NULL;
	int64_t deadline_ms = time_monotonic_us() / 1000 + CLIENT_CALL_MS, id;
	size_t index;

	if (client_next_answer(client, CLIENT_CALL_MS, deadline_ms, &id, &result, &refusal, err) < 0)
		return -1;
	index = (size_t)(id - w->first_id) % CLIENT_CALLS_AT_ONCE;
	if (id < w->first_id + (int64_t)w->given || id >= w->first_id + (int64_t)w->sent || w->calls[index].is_answered)
		return error_set(err, ERROR_PROTOCOL, "certd answered a different request");
	w->calls[index].is_answered = true;
	w->calls[index].result = result;
	result = NULL;
	error_move(&w->calls[index].err, &refusal);
	return 0;
}

static int
client_window_give(struct client_window *w, client_answer_fn *answer, void *arg, struct error *err)
{
	size_t index = w->given % CLIENT_CALLS_AT_ONCE;
	_cleanup_json_ struct json_object *result = w->calls[index].result;
	_cleanup_error_ struct error refusal = ERROR_INIT;

	error_move(&refusal, &w->calls[index].err);
	w->calls[index].result = NULL;
	w->calls[index].is_answered = false;
	if (answer(w->given++, result, &refusal, arg) == 0)
		return 0;
	error_move(err, &refusal);
	return -1;
}

int
client_calls(struct client *client, const char *method, struct json_object *params, client_answer_fn *answer, void *arg,
	struct error *err)
{
	struct client_window w = { .first_id = client->last_id + 1 };
	size_t n = json_object_array_length(params);
	int rc = 0;

	while (rc == 0 && w.given < n) {
		if (w.sent < n && w.sent - w.given < CLIENT_CALLS_AT_ONCE)
			rc = client_request(client, method,
				json_object_get(json_object_array_get_idx(params, w.sent++)), -1,
				time_monotonic_us() / 1000 + CLIENT_CALL_MS, err);
		else if (w.calls[w.given % CLIENT_CALLS_AT_ONCE].is_answered)
			rc = client_window_give(&w, answer, arg, err);
		else
			rc = client_window_receive(client, &w, err);
	}
	for (size_t i = 0; i < CLIENT_CALLS_AT_ONCE; i++) {
		json_object_put(w.calls[i].result);
		error_clear(&w.calls[i].err);
	}
	return rc;
}

int
client_event(struct client *client, int interrupt_fd, int64_t timeout_ms, struct json_object **ret, struct error *err)
{
	int64_t deadline_ms = time_monotonic_us() / 1000 + timeout_ms;

	while (json_object_array_length(client->events) == 0) {
		_cleanup_json_ struct json_object *message = NULL;
		struct rpc_response response;
		int rc = client_next_message(client, interrupt_fd, deadline_ms, &message, err);

		if (rc <= 0)
			return rc;
		rc = rpc_response_read(message, &response, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			client_keep_event(client, &response);
	}
	*ret = json_object_get(json_object_array_get_idx(client->events, 0));
	json_object_array_del_idx(client->events, 0, 1);
	return 1;
}

void
client_drop_events(struct client *client)
{
	json_object_put(client->events);
	client->events = json_object_new_array();
}
