/* The queues of consumers whose runs must not overlap. */
#include "daemon/rollout/consumer_queue.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/consumer_kind.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	QUIET_MS = 2000,        /* a batch starts when nothing has joined for that long */
	GATHER_MS = 60 * 1000,  /* or this long after its first certificate */
	VALUES_MAX = 96 * 1024, /* of a batch's names or directories: a program gets at most 128 KiB in one variable */
};

/* The queue of one consumer, in the list of all; exists while it has members. */
struct consumer_queue {
	struct consumer_queue **list;
	struct loop *loop;
	struct sdbus *bus;
	const struct queue_kind *kind;
	char consumer[STORE_ID_SIZE];
	struct queue_member *members; /* in the order in which they joined */
	void *run;                    /* NULL: none is running */
	struct loop_timer timer;      /* starts the next run */
	bool is_ending;               /* inside consumer_queue_end() */
	struct consumer_queue *prev, *next;
};

static void
member_free(struct queue_member *m)
{
	DL_DELETE(m->queue->members, m);
	strlist_clear(&m->settings);
	strlist_clear(&m->values);
	free(m->name);
	free(m->certificate);
	free(m->directory);
	free(m);
}

static struct queue_member *
running_from(struct queue_member *m)
{
	while (m && !m->is_running)
		m = m->next;
	return m;
}

const struct queue_member *
consumer_queue_next(const struct queue_member *m)
{
	return running_from(m->next);
}

const struct queue_member *
consumer_queue_first(const struct consumer_queue *queue)
{
	return running_from(queue->members);
}

void
consumer_queue_tested(struct consumer_queue *queue)
{
	for (struct queue_member *m = running_from(queue->members); m; m = running_from(m->next))
		activation_tested(m->activation);
}

struct loop *
consumer_queue_loop(const struct consumer_queue *queue)
{
	return queue->loop;
}

struct sdbus *
consumer_queue_bus(const struct consumer_queue *queue)
{
	return queue->bus;
}

/* Plans the next run; without members the queue ends. */
static void
queue_continue(struct consumer_queue *queue)
{
	const struct queue_member *first = queue->members;
	int64_t now_ms = clock_boot_ms(loop_clock(queue->loop));
	int64_t start_ms;

	if (queue->run || queue->is_ending)
		return;
	if (!first) {
		loop_timer_cancel(&queue->timer);
		DL_DELETE(*queue->list, queue);
		free(queue);
		return;
	}
	start_ms = first->prev->joined_ms + QUIET_MS; /* of the newest */
	if (start_ms > first->joined_ms + GATHER_MS)
		start_ms = first->joined_ms + GATHER_MS;
	loop_timer_set(&queue->timer, first->is_batch && start_ms > now_ms ? start_ms - now_ms : 0);
}

void
consumer_queue_end(struct consumer_queue *queue, const struct error *err)
{
	struct queue_member *m;

	queue->run = NULL;
	queue->is_ending = true;
	while ((m = running_from(queue->members)) != NULL) {
		struct activation *activation = m->activation;

		member_free(m);
		activation_end(activation, err);
	}
	queue->is_ending = false;
	queue_continue(queue);
}

/* Marks the members of the next run: the first, and for a batch those after it. */
static void
queue_choose(struct consumer_queue *queue)
{
	size_t names = 0, directories = 0;
	struct queue_member *m;

	queue->members->is_running = true;
	DL_FOREACH(queue->members, m) {
		names += strlen(m->name) + 1;
		directories += strlen(m->directory) + 1;
		if (!m->is_batch || names > VALUES_MAX || directories > VALUES_MAX)
			break;
		m->is_running = true;
	}
}

static void
queue_run(void *arg)
{
	struct consumer_queue *queue = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc;

	queue_choose(queue);
	rc = queue->kind->start(queue, running_from(queue->members), &queue->run, &err);
	if (rc <= 0)
		consumer_queue_end(queue, rc < 0 ? &err : NULL);
}

static struct consumer_queue *
queue_of(const struct queue_kind *kind, struct loop *loop, const struct activate_request *r)
{
	struct consumer_queue *queue;

	DL_FOREACH(*r->queues, queue) {
		if (queue->kind == kind && strcmp(queue->consumer, r->consumer->o.id) == 0)
			return queue;
	}
	queue = xcalloc(1, sizeof(*queue));
	queue->list = r->queues;
	queue->loop = loop;
	queue->bus = r->bus;
	queue->kind = kind;
	memcpy(queue->consumer, r->consumer->o.id, sizeof(queue->consumer));
	loop_timer_init(&queue->timer, loop, queue_run, queue);
	DL_APPEND(*r->queues, queue);
	return queue;
}

struct queue_member *
consumer_queue_join(const struct queue_kind *kind, struct activation *a, struct loop *loop,
	const struct activate_request *r, const struct strlist *settings)
{
	struct queue_member *m = xcalloc(1, sizeof(*m));

	m->activation = a;
	m->queue = queue_of(kind, loop, r);
	m->is_batch = consumer_is_batch(r->consumer);
	m->joined_ms = clock_boot_ms(loop_clock(loop));
	strlist_copy(&m->settings, settings);
	consumer_kind_describe(r, "CERTD_", &m->values);
	m->name = xstrdup(r->name);
	m->certificate = xstrdup(r->cert->o.id);
	m->directory = xstrdup(r->directory);
	DL_APPEND(m->queue->members, m);
	queue_continue(m->queue);
	return m;
}

void
consumer_queue_leave(void *member)
{
	struct queue_member *m = member;
	struct consumer_queue *queue = m->queue;

	member_free(m);
	if (queue->run && !running_from(queue->members)) {
		queue->kind->cancel(queue->run);
		queue->run = NULL;
	}
	queue_continue(queue);
}
