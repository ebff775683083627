/*
 * daemon/control/session_private.h: shared by the two halves of a session: session.c reads frames and sends answers,
 * session_answers.c runs requests.
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
	struct loop_timer timer; /* of the frame being received, or of idleness */
	struct loop_timer end;   /* of a dead one */
	struct fair_user *user;
	struct fair_task work; /* handles received data */
	size_t held;           /* octets of answers, as fair_hold() knows them */
	struct buf in;
	uint64_t in_at;                    /* place of its first octet in all that the peer has sent */
	struct passed_fds_waiting waiting; /* descriptors of frames that are not begun yet */
	struct passed_fds passed;          /* of the message being read */
	struct buf out;
	size_t unsent_events;  /* octets of notifications in @out, at most */
	struct batch *batches; /* running */
	struct batch *reading; /* whose requests are begun one by one; or NULL */
	struct json_object *message;
	size_t next_request;
	unsigned queued;
	unsigned lists; /* of the queued ones */
	struct event_subscription *subscription;
	bool is_in_frame; /* the timer is the deadline of the frame being received */
	bool is_held;     /* received data waits for room, or for its turn */
	bool is_busy;     /* frames are being handled: freeing waits */
	bool is_eof;      /* nothing more is read: close when everything is answered and sent */
	bool is_dead;
	session_closed_fn *closed;
	void *arg;
};

/* --- session.c --- */

/* Sends pending output and updates the watched events. May free @session. */
void
session_settle(struct session *session);

/* Sends an event that was added to the output. */
void
session_told(struct session *session);

/* --- session_answers.c --- */

/* Starts @message, a request or a batch, which is taken; session_read_on() handles its requests. */
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

/* The session ends: later answers are discarded. */
void
session_forget(struct session *session);

#endif
