/* daemon/alert/alert_kind.h: a kind of alert destination: one file each, and a row in common/api/alert_kinds.h. */
#ifndef DAEMON_ALERT_ALERT_KIND_H
#define DAEMON_ALERT_ALERT_KIND_H

#include "common/api/alert_kinds.h"
#include "common/error.h"
#include "daemon/alert/message.h"
#include "daemon/store/object.h"

struct http;
struct mail;
struct loop;

/* All borrowed. */
struct alert_env {
	struct loop *loop;
	const struct http *http;
	const struct mail *mail;
	const char *host; /* name of this host */
};

/*
 * The end of a delivery: called once, from the loop. @err NULL: the destination has accepted the message;
 * ERROR_INVALID: it refuses this message, and would do so again. @answer: what it said, one printable line; may be
 * empty. Both are borrowed.
 */
typedef void
alert_done_fn(const struct error *err, const char *answer, void *arg);

struct alert_kind {
	const char *name;
	/* Are the settings, of which the required ones are there, valid? ERROR_INVALID with the setting. */
	int (*check)(const struct alert *a, struct error *err);
	/* Where it sends to, without what is secret. Owned by the caller. */
	char *(*endpoint)(const struct alert *a);
	/*
	 * @a, @m: borrowed for the call. @done is not called from inside. Return: the work, for cancel(), valid until
	 * @done is called; never NULL.
	 */
	void *(*start)(const struct alert_env *env, const struct alert *a, const struct message *m, alert_done_fn *done,
		void *arg);
	/* @done is not called. */
	void (*cancel)(void *work);
};

/* NULL: unknown. */
const struct alert_kind *
alert_kind_find(const char *name);

/* Checks all properties of @a, and sets its endpoint. ERROR_INVALID as above. Return: 0 or -1. */
int
alert_check(struct alert *a, struct error *err);

#endif
