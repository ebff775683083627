/*
 * daemon/challenge/txt_queue.h: changes of TXT values, one at a time per owner name (and per provider, if its driver is
 * serial), in the order they were asked for.
 * So a removal that is still under way never overtakes the adding of the same value by an order that was resumed, and
 * DNS APIs that replace whole record sets read what the change before them wrote. Only so many run at once; those that
 * wait hold no secrets.
 */
#ifndef DAEMON_CHALLENGE_TXT_QUEUE_H
#define DAEMON_CHALLENGE_TXT_QUEUE_H

#include "daemon/dnsprovider/dnsprovider.h"

struct txt_change;
struct txt_queue;

/* At most so many run at once, each with a copy of its provider's secrets; fewer when the secure heap is short of room. */
enum { TXT_RUNNING_PER_PROVIDER = 8, TXT_RUNNING = 32 };

/* @env, @store: borrowed; must outlive the queue. */
struct txt_queue *
txt_queue_new(const struct dnsprovider_env *env, struct store *store);

/* Cancels all; no done function is called. */
void
txt_queue_free(struct txt_queue *queue);

/*
 * @d: who is to do it, borrowed for the call; its secrets are not needed, as it is read from the store when the change
 * runs. @record: copied. @done: once, from the loop, never from inside the call.
 */
struct txt_change *
txt_change_start(struct txt_queue *queue, const struct dnsprovider *d, bool remove,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);

/*
 * @done is not called any more. A change that was sent already runs to its end, because nobody could say what became
 * of it; one that still waits is dropped. NULL is a no-op.
 */
void
txt_change_leave(struct txt_change *change);

#endif
