/* The two queues. The heap is for speed: millions of events; that of rows is what it must agree with. */
#include "tests/sim/queue.h"

#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/schedule/schedule.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_SIZE = 64 << 20 };

struct queue {
	/* heap */
	struct queue_row *heap;
	size_t *place; /* of each id in the heap, plus 1; 0: not in it */
	size_t count;
	/* rows */
	struct store *store;
	struct secret key;
};

/* --- heap --- */

struct queue *
queue_new_heap(size_t max)
{
	struct queue *q = xcalloc(1, sizeof(*q));

	q->heap = xcalloc(max, sizeof(*q->heap));
	q->place = xcalloc(max, sizeof(*q->place));
	return q;
}

static bool
is_before(const struct queue_row *a, const struct queue_row *b)
{
	return a->due_at != b->due_at ? a->due_at < b->due_at : a->id < b->id;
}

static void
heap_set(struct queue *q, size_t at, struct queue_row row)
{
	q->heap[at] = row;
	q->place[row.id] = at + 1;
}

static void
heap_put(struct queue *q, struct queue_row row)
{
	size_t at = q->place[row.id] ? q->place[row.id] - 1 : q->count++;

	for (size_t up; at > 0 && is_before(&row, &q->heap[up = (at - 1) / 2]); at = up)
		heap_set(q, at, q->heap[up]);
	for (size_t down; (down = 2 * at + 1) < q->count; at = down) {
		if (down + 1 < q->count && is_before(&q->heap[down + 1], &q->heap[down]))
			down++;
		if (is_before(&row, &q->heap[down]))
			break;
		heap_set(q, at, q->heap[down]);
	}
	heap_set(q, at, row);
}

/* --- rows --- */

static void
rows_open(struct queue *q)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	q->store = store_open_sized("store", &q->key, MAP_SIZE, &error);
	if (!q->store)
		errx(1, "%s", error.message);
}

struct queue *
queue_new_rows(void)
{
	static const unsigned char key[32] = "the master key of a simulation..";
	struct queue *q = xcalloc(1, sizeof(*q));

	secret_set(&q->key, key, sizeof(key));
	rows_open(q);
	return q;
}

static void
on_commit(const struct error *error, void *arg)
{
	(void)arg;
	if (error)
		errx(1, "%s", error->message);
}

static void
rows_put(struct queue *q, size_t id, const char *lane, int64_t due_at)
{
	struct store_txn *txn = store_begin(q->store);
	char object[STORE_ID_SIZE];

	snprintf(object, sizeof(object), "%08zu", id);
	schedule_set(q->store, txn, SCHEDULE_ISSUE, object, lane, due_at);
	store_then(txn, on_commit, q);
	store_commit(q->store);
}

static void
rows_first(struct queue *q, struct queue_row *ret)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	char lane[STORE_ID_SIZE] = "";

	*ret = (struct queue_row){ .due_at = INT64_MAX };
	while (schedule_next_lane(q->store, lane, true, lane, &error) == 1) {
		struct schedule_row row;
		struct queue_row first;

		if (schedule_next_in_lane(q->store, lane, NULL, &row, &error) != 1)
			break;
		first = (struct queue_row){ strtoul(row.object, NULL, 10), row.due_at };
		if (is_before(&first, ret))
			*ret = first;
	}
	if (error_is_set(&error) || ret->due_at == INT64_MAX)
		errx(1, "schedule: %s", error_is_set(&error) ? error.message : "it is empty");
}

/* --- both --- */

void
queue_put(struct queue *q, size_t id, const char *lane, int64_t due_at)
{
	if (q->store)
		rows_put(q, id, lane, due_at);
	else
		heap_put(q, (struct queue_row){ id, due_at });
}

void
queue_first(struct queue *q, struct queue_row *ret)
{
	if (q->store)
		rows_first(q, ret);
	else
		*ret = q->heap[0];
}

void
queue_restart(struct queue *q)
{
	if (!q->store)
		return;
	store_close(q->store);
	rows_open(q);
}

void
queue_free(struct queue *q)
{
	store_close(q->store);
	secret_clear(&q->key);
	free(q->heap);
	free(q->place);
	free(q);
}
