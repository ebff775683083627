/*
 * daemon/control/session_private.h: what the two halves of a session share: session.c reads frames and sends what is
 * ready, session_answers.c has requests answered.
 */
#ifndef DAEMON_CONTROL_SESSION_PRIVATE_H
#define DAEMON_CONTROL_SESSION_PRIVATE_H

#include "daemon/base/fair.h"
#include "daemon/control/session.h"

struct json_object;

/* Answers that leave together: a batch, or a single request (is_single). */
struct batch;

struct session {
	struct service *service;
	int fd;
	struct peer peer;
	struct session_limits limits;
	struct loop_fd *watch;
	struct loop_timer timer; /* of the frame that is coming in, or of idleness */
	struct loop_timer end;   /* of one that is dead */
	struct fair_user *user;
	struct fair_task work; /* handles what has come in */
	size_t held;           /* octets of answers, as fair_hold() knows them */
	struct buf in;
	uint64_t in_at;                    /* place of its first octet in all that the peer has sent */
	struct passed_fds_waiting waiting; /* descriptors of frames that are not begun yet */
	struct passed_fds passed;          /* of the message that is being read */
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
	bool is_held;  /* what has come in waits for room, or for its turn */
	bool busy;     /* frames are being handled: freeing waits */
	bool is_eof;   /* nothing more is read: close when everything is answered and sent */
	bool dead;
	session_closed_fn *closed;
	void *arg;
};

/* --- session.c --- */

/* Sends what it can and settles what is waited for next. May free @session. */
void
session_settle(struct session *session);

/* Sends an event that was added to what goes out. */
void
session_told(struct session *session);

/* --- session_answers.c --- */

/* Begins @message, a request or a batch, which is taken; session_read_on() handles its requests. */
void
session_begin_message(struct session *session, struct json_object *message);

/* One request of the message that was begun. */
void
session_read_on(struct session *session);

/* An error that answers no request in particular. */
void
session_send_error(struct session *session, int code, const struct error *err);

/* The octets of answers that wait for others of their batch. */
size_t
session_batched(const struct session *session);

/* The session ends: what is still answered goes nowhere. */
void
session_forget(struct session *session);

#endif
