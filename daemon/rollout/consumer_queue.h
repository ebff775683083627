/*
 * daemon/rollout/consumer_queue.h: what waits for a consumer whose runs must not overlap: its program, its unit, the
 * signal to its process.
 *
 * Each consumer has a queue, so nothing that reloads it need guard against itself. There is one run for each
 * certificate or, for a batch, one for all that wait, which starts when nothing has joined for a moment. What waits is
 * still due in the schedule, so a run that is interrupted is repeated with all its certificates.
 */
#ifndef DAEMON_ROLLOUT_CONSUMER_QUEUE_H
#define DAEMON_ROLLOUT_CONSUMER_QUEUE_H

#include "daemon/rollout/activate.h"

struct consumer_queue;

/* A certificate that waits for a run, or is in it. */
struct queue_member {
	struct activation *activation;
	struct consumer_queue *queue;
	bool is_batch;
	bool is_running;
	int64_t joined_ms;       /* boot clock */
	struct strlist settings; /* those of the consumer that its kind's run needs */
	struct strlist values;   /* NAME=value of this certificate, as consumer_kind_describe() with CERTD_ */
	char *name;
	char *certificate;
	char *directory;
	struct queue_member *prev, *next;
};

/* How a kind runs; compared by address. */
struct queue_kind {
	/*
	 * Starts the run of the members that are running; @first is the first of them. consumer_queue_next() gives the
	 * others.
	 * Return: 0 done, -1 failed, 1 running: *@ret_run is set, and consumer_queue_end() follows, from the loop.
	 */
	int (*start)(struct consumer_queue *queue, const struct queue_member *first, void **ret_run, struct error *err);
	/* Ends a run without consumer_queue_end(). NULL if start() never returns 1. */
	void (*cancel)(void *run);
};

/*
 * consumer_queue_join() - @request waits for a run
 * @settings: copied
 * Return: the work of the activation, for consumer_queue_leave(); activation_end() follows.
 */
struct queue_member *
consumer_queue_join(const struct queue_kind *kind, struct activation *activation, struct loop *loop,
	const struct activate_request *request, const struct strlist *settings);

/* struct consumer_kind's cancel(). Others may be in the same run, which then goes on. */
void
consumer_queue_leave(void *member);

/* The next member of the same run; NULL: none. */
const struct queue_member *
consumer_queue_next(const struct queue_member *member);

struct loop *
consumer_queue_loop(const struct consumer_queue *queue);

struct sdbus *
consumer_queue_bus(const struct consumer_queue *queue);

/* The consumer has accepted the files of all members of the run: activation_tested(). */
void
consumer_queue_tested(struct consumer_queue *queue);

/* The first member of the run. */
const struct queue_member *
consumer_queue_first(const struct consumer_queue *queue);

/* The run has ended. @err: NULL, or why it failed. */
void
consumer_queue_end(struct consumer_queue *queue, const struct error *err);

#endif
