/*
 * daemon/challenge/txt_queue.h: changes of TXT values, one at a time per owner name (per zone, if a driver writes
 * whole zones; per provider, if its driver is serial), in the order of the requests.
 * So a running removal never overtakes the addition of the same value by a resumed order, and DNS APIs that replace
 * whole record sets or zones read the result of the preceding change. The number of concurrent changes is limited;
 * waiting changes hold no secrets.
 */
#ifndef DAEMON_CHALLENGE_TXT_QUEUE_H
#define DAEMON_CHALLENGE_TXT_QUEUE_H

#include "daemon/dnsprovider/dnsprovider.h"

struct txt_change;
struct txt_queue;

/*
 * The maximum of concurrent changes, each with a copy of its provider's secrets; fewer when the secure heap is short of
 * room.
 */
enum { TXT_RUNNING_PER_PROVIDER = 8, TXT_RUNNING = 32 };

/* @env, @store: borrowed; must outlive the queue. */
struct txt_queue *
txt_queue_new(const struct dnsprovider_env *env, struct store *store);

/* Cancels all; no callback is called. */
void
txt_queue_free(struct txt_queue *queue);

/*
 * @d: the provider, borrowed for the call; its secrets are not needed, as it is read from the store when the change
 * runs.
 * @record: copied. @done: once, from the loop, never from inside the call.
 */
struct txt_change *
txt_change_start(struct txt_queue *queue, const struct dnsprovider *d, bool is_removal,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg);

/*
 * @done is not called any more. A change that was sent runs to its end, because its effect would be unknown otherwise;
 * one that still waits is dropped. NULL is a no-op.
 */
void
txt_change_leave(struct txt_change *change);

#endif
