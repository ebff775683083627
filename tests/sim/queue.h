/* tests/sim/queue.h: what is due next, on a heap or on the daemon's schedule rows. Equal times go by id. */
#ifndef TESTS_SIM_QUEUE_H
#define TESTS_SIM_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct queue;

struct queue_row {
	size_t id;
	int64_t due_at;
};

/* @max: ids are below it. */
struct queue *
queue_new_heap(size_t max);

/* In a store in the present directory. */
struct queue *
queue_new_rows(void);

void
queue_free(struct queue *queue);

/* Replaces the row of @id. */
void
queue_put(struct queue *queue, size_t id, const char *lane, int64_t due_at);

/* The earliest of all; there is always one. */
void
queue_first(struct queue *queue, struct queue_row *ret);

/* Rows: the store is closed and opened again. Heap: nothing. */
void
queue_restart(struct queue *queue);

#endif
