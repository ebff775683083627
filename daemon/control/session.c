/*
 * A connection. Frames are lines; each is a request or a batch. Requests may be answered in any order (changes wait
 * for their commit); a batch is answered when all of its requests are. The deadline of a frame is a timer of our own:
 * a read timeout would start anew with each octet.
 *
 * Requests are begun one by one and only while there is room: answers that the peer does not take, or too many that
 * wait for a commit, stop the reading; what lasts longer than a slice goes on in the next turn. A peer that has sent its
 * last octet is answered before the connection is closed.
 *
 * Descriptors belong to the frame whose first octet they came with. recvmsg() ends a read behind the piece of stream
 * that they came with, so it is the last frame that begins in what was read: exact for a peer that sends such a frame
 * by a sendmsg() of its own. What no method takes is closed when the frame is done with.
 */
#include "daemon/control/session.h"

#include "common/api/rpc.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/service/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
	READ_BLOCK = 8 * 1024, /* on the stack, and zeroed by the compiler's hardening at each read */
	FRAME_MS = 10 * 1000,
	IDLE_MS = 30 * 1000,
	MAX_UNSENT = 1024 * 1024,
	MAX_BATCH_ANSWER = 8 * 1024 * 1024,
	MAX_QUEUED = 64,
	SLICE_MS = 10, /* of a turn for one connection */
};

/* Answers that leave together: a batch, or a single request (is_single). */
struct batch {
	struct session *session; /* NULL: the connection is gone */
	struct buf text;         /* a line per answer */
	unsigned n_answers;
	unsigned open; /* requests without an answer, +1 while being read */
	bool is_single;
	struct batch *prev, *next;
};

/* One request that was handed to the service. */
struct request {
	struct batch *batch;
	struct json_object *id; /* owned; NULL: null */
	bool is_notification;   /* not answered */
	bool is_subscribe;
	bool is_list; /* may be long: those behind it wait, so that one is held in memory */
};

struct session {
	struct service *service;
	int fd;
	struct peer peer;
	struct session_limits limits;
	struct loop_fd *watch;
	struct loop_timer timer; /* of the frame that is coming in, or of idleness */
	struct loop_timer again; /* the next slice */
	struct buf in;
	uint64_t in_at;                /* place of its first octet in all that the peer has sent */
	struct passed_waiting waiting; /* descriptors of frames that are not begun yet */
	struct passed passed;          /* of the message that is being read */
	struct buf out;
	size_t unsent_events;  /* octets of notifications in @out, at most */
	struct batch *batches; /* under way */
	struct batch *reading; /* whose requests are begun one by one; or NULL */
	struct json_object *message;
	size_t next_request;
	unsigned queued;
	unsigned lists; /* of the queued ones */
	struct event_subscription *subscription;
	bool in_frame; /* the timer is the deadline of the frame that is coming in */
	bool is_held;  /* there was no room for what has come in */
	bool busy;     /* frames are being handled: freeing waits */
	bool is_eof;   /* nothing more is read: close when everything is answered and sent */
	bool dead;
	session_closed_fn *closed;
	void *arg;
};

/* --- end --- */

static void
batch_free(struct batch *b)
{
	buf_clear(&b->text);
	free(b);
}

void
session_free(struct session *s)
{
	struct batch *b, *tmp;

	if (!s)
		return;
	if (s->reading)
		s->reading->open--;
	DL_FOREACH_SAFE(s->batches, b, tmp)
	{
		b->session = NULL;
		if (b->open == 0)
			batch_free(b);
	}
	passed_begin(&s->passed, &s->waiting, UINT64_MAX);
	events_unsubscribe(s->subscription);
	json_object_put(s->message);
	loop_timer_cancel(&s->timer);
	loop_timer_cancel(&s->again);
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

	if (s->busy) {
		s->dead = true;
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

/* The peer has sent its last, and has got all that it asked for. */
static bool
session_is_over(const struct session *s)
{
	return s->is_eof && !s->is_held && !s->queued && !s->out.len;
}

static void
session_arm(struct session *s)
{
	bool in_frame = s->in.len && !s->is_held && !s->is_eof;

	if (in_frame && s->in_frame)
		return; /* absolute: set when its first octet came */
	s->in_frame = in_frame;
	if (in_frame)
		loop_timer_set(&s->timer, s->limits.frame_ms);
	else if (s->queued || (s->subscription && !s->is_eof))
		loop_timer_cancel(&s->timer);
	else
		loop_timer_set(&s->timer, s->limits.idle_ms);
}

static void
handle_input(struct session *s);

/* Handles frames that waited for room, sends what it can, settles what is waited for. May free @s. */
static void
session_settle(struct session *s)
{
	if (s->busy)
		return;
	handle_input(s);
	if (s->dead || session_flush(s) < 0 || session_is_over(s)) {
		session_close(s);
		return;
	}
	if (s->is_held && has_room(s))
		loop_timer_set(&s->again, 0);
	session_watch(s);
	session_arm(s);
}

/* The next slice. */
static void
session_again(void *arg)
{
	session_settle(arg);
}

/* @message: taken. */
static void
session_send(struct session *s, struct json_object *message)
{
	rpc_write(message, &s->out);
	json_object_put(message);
}

static void
session_event(struct json_object *event, void *arg)
{
	struct session *s = arg;
	size_t before = s->out.len;

	if (!access_sees_event(s->peer.scope, s->service->store, event))
		return;
	session_send(s, rpc_notification("event", json_object_get(event)));
	s->unsent_events += s->out.len - before;
	if (s->busy)
		return; /* sent when that is over */
	/* Who does not listen is not waited for. Ended in the next turn: others are being told this event. */
	if (session_flush(s) < 0 || s->unsent_events > s->limits.max_unsent)
		s->dead = true;
	if (s->dead)
		loop_timer_set(&s->again, 0);
	else
		session_watch(s);
}

/* --- answers --- */

static void
batch_send(struct session *s, struct batch *b)
{
	if (!b->n_answers)
		return;
	if (b->is_single) {
		buf_add(&s->out, b->text.data, b->text.len);
		return;
	}
	b->text.data[b->text.len - 1] = ']';
	buf_add_char(&s->out, '[');
	buf_add(&s->out, b->text.data, b->text.len);
	buf_add_char(&s->out, '\n');
}

static void
batch_settle(struct batch *b)
{
	struct session *s = b->session;

	if (b->open)
		return;
	if (s) {
		DL_DELETE(s->batches, b);
		batch_send(s, b);
	}
	batch_free(b);
	if (s)
		session_settle(s);
}

/* As text, so that a batch holds no trees. @answer: taken. */
static void
batch_answer(struct batch *b, struct json_object *answer)
{
	if (b->n_answers++)
		b->text.data[b->text.len - 1] = ','; /* was the newline */
	rpc_write(answer, &b->text);
	json_object_put(answer);
}

/* The method has checked the object and answered with its id; the subscription is the connection's. */
static void
session_subscribe(struct session *s, struct json_object *result)
{
	const char *object_id = NULL;

	json_get_string(result, "object", &object_id, NULL);
	events_unsubscribe(s->subscription);
	s->subscription = events_subscribe(s->service->events, object_id, session_event, s);
}

static void
request_done(struct json_object *result, const struct error *err, void *arg)
{
	struct request *r = arg;
	struct batch *b = r->batch;

	if (b->session && !err && r->is_subscribe)
		session_subscribe(b->session, result);
	if (!r->is_notification && b->session)
		batch_answer(b, err ? rpc_error(r->id, 0, err) : rpc_result(r->id, json_object_get(result)));
	json_object_put(result);
	b->open--;
	if (b->session) {
		b->session->queued--;
		b->session->lists -= r->is_list;
		if (b->session->is_held)
			loop_timer_set(&b->session->again, 0); /* there is room now */
	}
	json_object_put(r->id);
	free(r);
	batch_settle(b);
}

/* --- in --- */

static void
session_refuse_method(struct batch *b, const struct rpc_request *req)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *nearest = api_method_nearest(req->method);

	error_set(&err, ERROR_NOT_FOUND, "there is no method '%.64s'%s%s%s", req->method,
		nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	if (!req->is_notification)
		batch_answer(b, rpc_error(req->id, RPC_METHOD_NOT_FOUND, &err));
}

static void
handle_request(struct session *s, struct batch *b, struct json_object *message)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	enum api_method_id method;
	struct rpc_request req;
	struct request *r;

	if (rpc_request_read(message, &req, &err) < 0) {
		batch_answer(
			b, rpc_error(req.id, err.code == ERROR_PROTOCOL ? RPC_INVALID_REQUEST : 0, &err));
		return;
	}
	if (!api_method_find(req.method, &method)) {
		session_refuse_method(b, &req);
		return;
	}
	if (b->text.len > MAX_BATCH_ANSWER) {
		error_set(&err, ERROR_LIMIT, "the answers of this batch are too large: ask in several");
		if (!req.is_notification)
			batch_answer(b, rpc_error(req.id, 0, &err));
		return;
	}
	r = xcalloc(1, sizeof(*r));
	r->batch = b;
	r->id = json_object_get(req.id);
	r->is_notification = req.is_notification;
	r->is_subscribe = method == RPC_EVENT_SUBSCRIBE;
	r->is_list = api_methods[method].verb == API_LIST_ALL;
	b->open++;
	s->queued++;
	s->lists += r->is_list;
	service_call_passing(s->service, &s->peer, &s->passed, method, req.params, request_done, r);
}

static struct batch *
batch_new(struct session *s, bool is_single)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->session = s;
	b->is_single = is_single;
	b->open = 1;
	DL_APPEND(s->batches, b);
	return b;
}

static void
refuse_batch(struct session *s)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_PROTOCOL, "a batch holds 1 to %d requests", RPC_MAX_BATCH);
	session_send(s, rpc_error(NULL, RPC_INVALID_REQUEST, &err));
}

/* @message: taken. */
static void
begin_message(struct session *s, struct json_object *message)
{
	bool is_batch = json_object_is_type(message, json_type_array);
	size_t n = is_batch ? json_object_array_length(message) : 1;

	if (n == 0 || n > RPC_MAX_BATCH) {
		refuse_batch(s);
		json_object_put(message);
		return;
	}
	s->reading = batch_new(s, !is_batch);
	s->message = message;
	s->next_request = 0;
}

/* One request of the message that was begun. */
static void
go_on_reading(struct session *s)
{
	struct batch *b = s->reading;
	size_t n = b->is_single ? 1 : json_object_array_length(s->message);
	struct json_object *request = b->is_single ? s->message
						   : json_object_array_get_idx(s->message, s->next_request);

	handle_request(s, b, request);
	if (++s->next_request < n)
		return;
	json_object_put(s->message);
	s->message = NULL;
	s->reading = NULL;
	passed_clear(&s->passed);
	b->open--;
	batch_settle(b);
}

static void
handle_frame(struct session *s, const char *text, size_t len)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct json_object *message = json_parse(text, len, &err);

	if (message)
		begin_message(s, message);
	else
		session_send(s, rpc_error(NULL, RPC_PARSE_ERROR, &err));
}

static void
refuse_frame(struct session *s)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_LIMIT, "a message is at most %d octets", RPC_MAX_FRAME);
	session_send(s, rpc_error(NULL, RPC_INVALID_REQUEST, &err));
	buf_reset(&s->in);
	s->is_eof = true;
}

/* The next whole frame of @in from @done on. Return: its end, or NULL. */
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
	passed_begin(&s->passed, &s->waiting, s->in_at + done);
	if (len)
		handle_frame(s, start, len);
	if (!s->reading)
		passed_clear(&s->passed); /* nothing that could take them was in it */
	s->in_frame = false;              /* the next one has a deadline of its own */
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

static void
handle_input(struct session *s)
{
	const struct clock *clock = loop_clock(s->service->loop);
	int64_t until_ms = clock_boot_ms(clock) + SLICE_MS;
	size_t done = 0;
	const char *end = NULL;

	s->busy = true;
	while (!s->dead && done != SIZE_MAX) {
		end = frame_end(s, done);
		if ((!end && !s->reading) || !has_room(s) || clock_boot_ms(clock) >= until_ms)
			break;
		if (s->reading)
			go_on_reading(s);
		else
			done = take_frame(s, done, end);
	}
	s->is_held = s->reading || (end && done != SIZE_MAX);
	if (done == SIZE_MAX || (!end && s->in.len - done > RPC_MAX_FRAME))
		refuse_frame(s);
	else
		drop_input(s, done);
	s->busy = false;
}

/* Where the last frame begins that begins in @in: what came along is its. */
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
		char space[CMSG_SPACE(sizeof(int) * PASSED_MAX)];
	} control;
	struct iovec iov = { .iov_base = block, .iov_len = sizeof(block) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -1 : -2;
	buf_add(&s->in, block, (size_t)n);
	explicit_bzero(block, (size_t)n);
	passed_receive(&s->waiting, &msg, last_frame_at(s));
	return msg.msg_flags & MSG_CTRUNC ? -2 : n;
}

static void
session_ready(int fd, short what, void *arg)
{
	struct session *s = arg;
	ssize_t n;

	(void)fd;
	if (what & LOOP_READ) {
		n = session_receive(s);
		if (n == -2) {
			session_close(s);
			return;
		}
		if (n == 0)
			s->is_eof = true;
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
	loop_timer_init(&s->again, service->loop, session_again, s);
	s->watch = loop_fd_new(service->loop, fd, LOOP_READ, session_ready, s);
	session_arm(s);
	return s;
}
