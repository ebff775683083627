/*
 * A connection. Frames are lines; each is a request or a batch. Requests may be answered in any order (changes wait for
 * their commit); a batch is answered when all of its requests are. The deadline of a frame is a timer of our own,
 * because a read timeout would restart with each octet.
 *
 * Requests are started one by one and only while there is room: unread answers, or too many that wait for a commit,
 * stop the reading; work longer than a slice continues in the next turn. A peer that has closed its sending side is
 * answered before the connection is closed.
 *
 * Descriptors belong to the frame with whose first octet they were sent. recvmsg() ends a read after the data that they
 * were sent with, so it is the last frame that starts in that data: exact for a peer that sends such a frame with its
 * own sendmsg(). Descriptors that no method takes are closed with the frame.
 */
#include "daemon/control/session_private.h"

#include "common/api/rpc.h"
#include "daemon/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_BLOCK = 8 * 1024, /* on the stack, and zeroed by the compiler's hardening at each read */
	FRAME_MS = 10 * 1000,
	IDLE_MS = 30 * 1000,
	MAX_UNSENT = 1024 * 1024,
	MAX_QUEUED = 64,
	SLICE_MS = 2, /* of a turn for one connection */
};

/* --- end --- */

void
session_free(struct session *s)
{
	if (!s)
		return;
	session_forget(s);
	passed_fds_begin(&s->passed, &s->waiting, UINT64_MAX);
	loop_timer_cancel(&s->timer);
	loop_timer_cancel(&s->end);
	fair_task_cancel(&s->work);
	fair_hold(s->user, s->held, 0);
	fair_leave(s->user);
	loop_fd_free(s->watch);
	close(s->fd);
	peer_clear(&s->peer);
	buf_clear(&s->in);
	buf_clear(&s->out);
	free(s);
}

static void
session_close(struct session *s)
{
	session_closed_fn *closed = s->closed;
	void *arg = s->arg;

	if (s->is_busy) {
		s->is_dead = true;
		return;
	}
	session_free(s);
	closed(arg);
}

/* --- out --- */

static bool
has_room(const struct session *s)
{
	return s->queued < s->limits.max_queued && !s->lists && s->out.len <= s->limits.max_unsent;
}

static void
session_watch(struct session *s)
{
	short what = 0;

	if (!s->is_eof && !s->is_held)
		what |= LOOP_READ;
	if (s->out.len)
		what |= LOOP_WRITE;
	loop_fd_set(s->watch, what);
}

/* Return: 0, or -1 when the connection is broken. */
static int
session_flush(struct session *s)
{
	size_t sent = 0;

	while (sent < s->out.len) {
		ssize_t n = send(s->fd, s->out.data + sent, s->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			return -1;
		sent += (size_t)n;
	}
	buf_drop(&s->out, sent);
	if (s->unsent_events > s->out.len)
		s->unsent_events = s->out.len;
	return 0;
}

/* The peer has closed its sending side, and has all answers. */
static bool
session_is_over(const struct session *s)
{
	return s->is_eof && !s->is_held && !s->queued && !s->out.len;
}

static void
session_arm(struct session *s)
{
	bool is_in_frame = s->in.len && !s->is_held && !s->is_eof;

	if (is_in_frame && s->is_in_frame)
		return; /* absolute: set when its first octet arrived */
	s->is_in_frame = is_in_frame;
	if (is_in_frame)
		loop_timer_set(&s->timer, s->limits.frame_ms);
	else if (s->queued || (s->is_held && !s->out.len) || (s->subscription && !s->is_eof))
		loop_timer_cancel(&s->timer);
	else
		loop_timer_set(&s->timer, s->limits.idle_ms);
}

/* The user is accountable for unread answers (fair.h). */
static void
session_count_held(struct session *s)
{
	size_t held = s->out.len + session_batched(s);

	fair_hold(s->user, s->held, held);
	s->held = held;
}

void
session_settle(struct session *s)
{
	if (s->is_busy)
		return;
	if (s->is_dead || session_flush(s) < 0 || session_is_over(s)) {
		session_close(s);
		return;
	}
	session_count_held(s);
	if (s->is_held && has_room(s))
		fair_task_post(&s->work);
	session_watch(s);
	session_arm(s);
}

static void
session_end(void *arg)
{
	session_settle(arg);
}

void
session_told(struct session *s)
{
	if (s->is_busy)
		return; /* sent when that is over */
	/*
	 * A subscriber that does not read is disconnected. Ended in the next turn: the event is being passed to others.
	 */
	if (session_flush(s) < 0 || s->unsent_events > s->limits.max_unsent)
		s->is_dead = true;
	session_count_held(s);
	if (s->is_dead)
		loop_timer_set(&s->end, 0);
	else
		session_watch(s);
}

/* --- in --- */

static void
handle_frame(struct session *s, const char *text, size_t len)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct json_object *message = json_parse(text, len, &err);

	if (message)
		session_begin_message(s, message);
	else
		session_send_error(s, RPC_PARSE_ERROR, &err);
}

static void
refuse_frame(struct session *s)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_LIMIT, "a message is at most %d octets", RPC_MAX_FRAME);
	session_send_error(s, RPC_INVALID_REQUEST, &err);
	buf_reset(&s->in);
	s->is_eof = true;
}

/* The next complete frame of @in from @done on. Return: its end, or NULL. */
static const char *
frame_end(const struct session *s, size_t done)
{
	return s->in.len > done ? memchr(s->in.data + done, '\n', s->in.len - done) : NULL;
}

/* Return: octets of @in that are done with; SIZE_MAX: the frame is too long. */
static size_t
take_frame(struct session *s, size_t done, const char *end)
{
	const char *start = s->in.data + done;
	size_t len = (size_t)(end - start);

	if (len > RPC_MAX_FRAME)
		return SIZE_MAX;
	passed_fds_begin(&s->passed, &s->waiting, s->in_at + done);
	if (len)
		handle_frame(s, start, len);
	if (!s->reading)
		passed_fds_clear(&s->passed); /* nothing that could take them was in it */
	s->is_in_frame = false;               /* the next one has its own deadline */
	return done + len + 1;
}

/* A frame may have had a key or a password in it. */
static void
drop_input(struct session *s, size_t done)
{
	if (done)
		explicit_bzero(s->in.data, done);
	s->in_at += done;
	buf_drop(&s->in, done);
}

/* Complete frames, or data that is too long for one, wait for session_work(). */
static bool
has_work(const struct session *s)
{
	return s->reading || frame_end(s, 0) || s->in.len > RPC_MAX_FRAME;
}

static void
handle_input(struct session *s)
{
	const struct clock *clock = loop_clock(s->service->loop);
	int64_t until_ms = clock_boot_ms(clock) + SLICE_MS;
	size_t done = 0;
	const char *end = NULL;

	s->is_busy = true;
	while (!s->is_dead && done != SIZE_MAX) {
		end = frame_end(s, done);
		if ((!end && !s->reading) || !has_room(s) || clock_boot_ms(clock) >= until_ms)
			break;
		if (s->reading)
			session_read_on(s);
		else
			done = take_frame(s, done, end);
	}
	s->is_held = s->reading || (end && done != SIZE_MAX);
	if (done == SIZE_MAX || (!end && s->in.len - done > RPC_MAX_FRAME))
		refuse_frame(s);
	else
		drop_input(s, done);
	s->is_busy = false;
}

/* Handles a slice of the received data, when it is this user's turn. */
static void
session_work(void *arg)
{
	struct session *s = arg;

	handle_input(s);
	session_settle(s);
}

/* Finds the start of the last frame in @in, to which descriptors belong. */
static uint64_t
last_frame_at(const struct session *s)
{
	const char *end = s->in.len > 1 ? memrchr(s->in.data, '\n', s->in.len - 1) : NULL;

	return s->in_at + (end ? (uint64_t)(end + 1 - s->in.data) : 0);
}

/* Return: octets, 0 end, -1 nothing now, -2 broken. */
static ssize_t
session_receive(struct session *s)
{
	char block[READ_BLOCK];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * PASSED_FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = block, .iov_len = sizeof(block) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)
	};
	ssize_t n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -1 : -2;
	buf_add(&s->in, block, (size_t)n);
	explicit_bzero(block, (size_t)n);
	passed_fds_receive(&s->waiting, &msg, last_frame_at(s));
	return msg.msg_flags & MSG_CTRUNC ? -2 : n;
}

static void
session_ready(int fd _unused_, short what, void *arg)
{
	struct session *s = arg;
	ssize_t n;

	if (what & LOOP_READ) {
		n = session_receive(s);
		if (n == -2) {
			session_close(s);
			return;
		}
		if (n == 0)
			s->is_eof = true;
		s->is_held = has_work(s);
	}
	session_settle(s);
}

static void
session_timeout(void *arg)
{
	session_close(arg);
}

struct session *
session_new(struct service *service, int fd, const struct peer *peer, const struct session_limits *limits,
	session_closed_fn *closed, void *arg)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->service = service;
	s->fd = fd;
	peer_copy(&s->peer, peer);
	s->limits = (struct session_limits){
		.frame_ms = limits->frame_ms ? limits->frame_ms : FRAME_MS,
		.idle_ms = limits->idle_ms ? limits->idle_ms : IDLE_MS,
		.max_unsent = limits->max_unsent ? limits->max_unsent : MAX_UNSENT,
		.max_queued = limits->max_queued ? limits->max_queued : MAX_QUEUED,
	};
	s->closed = closed;
	s->arg = arg;
	loop_timer_init(&s->timer, service->loop, session_timeout, s);
	loop_timer_init(&s->end, service->loop, session_end, s);
	s->user = fair_join(service->loop, peer->user_id, peer->role == ROLE_ADMIN);
	fair_task_init(&s->work, s->user, false, session_work, s);
	s->watch = loop_fd_new(service->loop, fd, LOOP_READ, session_ready, s);
	session_arm(s);
	return s;
}
