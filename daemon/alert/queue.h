/*
 * daemon/alert/queue.h: the messages that wait for a destination (message.h), and the row of the schedule that delivers
 * them. The row of a destination is there exactly while it has messages.
 */
#ifndef DAEMON_ALERT_QUEUE_H
#define DAEMON_ALERT_QUEUE_H

#include "daemon/alert/message.h"
#include "daemon/schedule/schedule.h"

struct error;

/*
 * A queue holds at most this many messages. One more replaces the oldest about the same condition, or the oldest of
 * all, and says how many it stands for (.merged). The first one may be on its way, so it stays.
 */
enum { QUEUE_MAX = 200, QUEUE_KEY_SIZE = STORE_ID_SIZE + 17 };

/* The lane of the deliveries: a destination that does not answer holds up no other work. */
#define QUEUE_LANE "alert"

/* Adds @m, whose .merged may change, and puts the row, due @now, if the queue was empty. */
void
queue_put(struct store *store, struct store_txn *txn, const char *alert_id, struct message *m, int64_t now);

/* The first message and its key. @ret: zeroed. Return: 1, 0 there is none, -1 failed. */
int
queue_first(struct store *store, const char *alert_id, char ret_key[QUEUE_KEY_SIZE], struct message *ret,
	struct error *err);

/* Replaces the message of @key. */
void
queue_replace(struct store *store, struct store_txn *txn, const char *key, const struct message *m);

/* It was delivered, or given up. */
void
queue_remove(struct store_txn *txn, const char *key);

/* The next delivery is at @at; without messages the row is removed. */
void
queue_plan(struct store *store, struct store_txn *txn, const char *alert_id, int64_t at);

/* The destination is gone: removes its messages and its row. */
void
queue_forget(struct store *store, struct store_txn *txn, const char *alert_id);

/* How many wait, at most QUEUE_MAX + 1. */
size_t
queue_length(struct store *store, const char *alert_id);

#endif
