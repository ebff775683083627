/*
 * The queue is one list; a change runs when no earlier one stands in its way. It is walked from the front whenever
 * that may have changed; there are never more than challenges up.
 */
#include "daemon/challenge/txt_queue.h"

#include "common/error.h"
#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct txt_change {
	TAILQ_ENTRY(txt_change) next;
	struct txt_queue *queue;
	struct dnsprovider provider;
	const struct dnsprovider_driver *driver; /* NULL: unknown kind */
	struct dnsprovider_op *op;               /* NULL: not sent yet */
	struct loop_timer start;
	bool remove;
	char *zone;
	char *name;
	char *value;
	dnsprovider_done_fn *done; /* NULL: nobody waits any more */
	void *arg;
};

struct txt_queue {
	const struct dnsprovider_env *env;
	TAILQ_HEAD(, txt_change) changes;
};

struct txt_queue *
txt_queue_new(const struct dnsprovider_env *env)
{
	struct txt_queue *queue = xcalloc(1, sizeof(*queue));

	queue->env = env;
	TAILQ_INIT(&queue->changes);
	return queue;
}

static void
change_free(struct txt_change *c)
{
	TAILQ_REMOVE(&c->queue->changes, c, next);
	loop_timer_cancel(&c->start);
	dnsprovider_clear(&c->provider);
	free(c->zone);
	free(c->name);
	free(c->value);
	free(c);
}

void
txt_queue_free(struct txt_queue *queue)
{
	struct txt_change *c;

	if (!queue)
		return;
	while ((c = TAILQ_FIRST(&queue->changes))) {
		if (c->op)
			c->driver->cancel(c->op);
		change_free(c);
	}
	free(queue);
}

static bool
stands_in_the_way(const struct txt_change *earlier, const struct txt_change *c)
{
	if (strcmp(earlier->name, c->name) == 0)
		return true;
	return c->driver && c->driver->is_serial && strcmp(earlier->provider.o.id, c->provider.o.id) == 0;
}

static bool
is_free(const struct txt_change *c)
{
	const struct txt_change *earlier;

	TAILQ_FOREACH(earlier, &c->queue->changes, next)
		if (earlier == c || stands_in_the_way(earlier, c))
			return earlier == c;
	return false;
}

static void
start_free_ones(struct txt_queue *queue)
{
	struct txt_change *c;

	TAILQ_FOREACH(c, &queue->changes, next)
		if (!c->op && !loop_timer_is_armed(&c->start) && is_free(c))
			loop_timer_set(&c->start, 0);
}

/* Takes @c out and lets those that waited for it run. */
static void
change_end(struct txt_change *c)
{
	struct txt_queue *queue = c->queue;

	change_free(c);
	start_free_ones(queue);
}

static void
on_changed(const struct error *err, void *arg)
{
	struct txt_change *c = arg;
	dnsprovider_done_fn *done = c->done;
	void *done_arg = c->arg;

	change_end(c);
	if (done)
		done(err, done_arg);
}

static int
check(const struct txt_change *c, struct error *err)
{
	if (dnsprovider_check(&c->provider, err) < 0)
		return -1;
	if (c->driver->needs_zone && !c->zone)
		return error_set(err, ERROR_DNS, "no zone was found for '%s'", c->name);
	return 0;
}

static void
on_start(void *arg)
{
	struct txt_change *c = arg;
	struct dnsprovider_record record = { .zone = c->zone, .name = c->name, .value = c->value };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (check(c, &err) < 0) {
		error_wrap(&err, "DNS provider '%s'", c->provider.o.name);
		on_changed(&err, c);
		return;
	}
	c->op = c->driver->change(c->queue->env, &c->provider, c->remove, &record, on_changed, c);
}

struct txt_change *
txt_change_start(struct txt_queue *queue, const struct dnsprovider *d, bool remove,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	struct txt_change *c = xcalloc(1, sizeof(*c));

	c->queue = queue;
	record_copy(&dnsprovider_class, &c->provider, d);
	c->driver = dnsprovider_driver(d->kind);
	c->remove = remove;
	c->zone = xstrdup_null(record->zone);
	c->name = xstrdup(record->name);
	c->value = xstrdup(record->value);
	c->done = done;
	c->arg = arg;
	loop_timer_init(&c->start, queue->env->loop, on_start, c);
	TAILQ_INSERT_TAIL(&queue->changes, c, next);
	start_free_ones(queue);
	return c;
}

void
txt_change_leave(struct txt_change *change)
{
	if (!change)
		return;
	change->done = NULL;
	if (!change->op)
		change_end(change);
}
