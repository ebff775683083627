/*
 * The queue is one list. A change runs when no earlier change of its place remains and its provider has room. Its place
 * is its name, or its zone if a driver writes whole zones, whichever provider has it. The list
 * is walked from the front whenever that may have changed; it is never longer than the number of published challenges.
 * Changes refer to their provider and read it when they run: an order may request a hundred at once, and the secure
 * heap has no room for as many copies of an API token.
 */
#include "daemon/challenge/txt_queue.h"

#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/meter.h"
#include "daemon/store/object.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Changes of one provider; exists while it has any. */
struct lane {
	struct lane *prev, *next;
	char provider[STORE_ID_SIZE];
	bool has_whole_zones; /* as its driver */
	unsigned room;        /* for running changes */
	unsigned running;
	unsigned changes;
};

struct txt_change {
	struct txt_change *prev, *next;
	struct txt_queue *queue;
	struct lane *lane;
	char *provider_name;
	const struct dnsprovider_driver *driver; /* of .op */
	struct dnsprovider_op *op;               /* NULL: not sent yet */
	bool is_running;                         /* sent, or about to be */
	int64_t begun_us;                        /* boot time */
	struct loop_timer start;
	bool is_removal;
	char *zone;
	char *name;
	char *value;
	char *domain;
	char *key_authorization;
	dnsprovider_done_fn *done; /* NULL: disowned */
	void *arg;
};

struct txt_queue {
	const struct dnsprovider_env *env;
	struct store *store;
	unsigned running;
	struct lane *lanes;
	struct txt_change *changes;
};

struct txt_queue *
txt_queue_new(const struct dnsprovider_env *env, struct store *store)
{
	struct txt_queue *queue = xcalloc(1, sizeof(*queue));

	queue->env = env;
	queue->store = store;
	return queue;
}

static struct lane *
lane_enter(struct txt_queue *queue, const struct dnsprovider *d)
{
	const struct dnsprovider_driver *driver = dnsprovider_driver(d->kind);
	struct lane *lane;

	DL_FOREACH(queue->lanes, lane)
		if (strcmp(lane->provider, d->o.id) == 0)
			break;
	if (!lane) {
		lane = xcalloc(1, sizeof(*lane));
		memcpy(lane->provider, d->o.id, sizeof(lane->provider));
		lane->room = driver && driver->is_serial ? 1 : TXT_RUNNING_PER_PROVIDER;
		lane->has_whole_zones = driver && driver->has_whole_zones;
		DL_PREPEND(queue->lanes, lane);
	}
	lane->changes++;
	return lane;
}

static void
lane_leave(struct txt_queue *queue, struct lane *lane)
{
	if (--lane->changes)
		return;
	DL_DELETE(queue->lanes, lane);
	free(lane);
}

static void
set_running(struct txt_change *c, bool is_running)
{
	c->lane->running += (unsigned)is_running - (unsigned)c->is_running;
	c->queue->running += (unsigned)is_running - (unsigned)c->is_running;
	c->is_running = is_running;
}

static void
change_free(struct txt_change *c)
{
	DL_DELETE(c->queue->changes, c);
	loop_timer_cancel(&c->start);
	set_running(c, false);
	lane_leave(c->queue, c->lane);
	free(c->provider_name);
	free(c->zone);
	free(c->name);
	free(c->value);
	free(c->domain);
	free(c->key_authorization);
	free(c);
}

void
txt_queue_free(struct txt_queue *queue)
{
	struct txt_change *c;

	if (!queue)
		return;
	while ((c = queue->changes)) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		if (c->op)
			c->driver->cancel(c->op);
		change_free(c);
	}
	free(queue);
}

/* Would either of these changes, made at the same time, lose what the other one writes? */
static bool
is_overlap(const struct txt_change *a, const struct txt_change *b)
{
	bool is_same_zone = a->zone && b->zone && strcmp(a->zone, b->zone) == 0;

	return strcmp(a->name, b->name) == 0 ||
	       (is_same_zone && (a->lane->has_whole_zones || b->lane->has_whole_zones));
}

static bool
is_first_of_place(const struct txt_change *c)
{
	const struct txt_change *earlier;

	DL_FOREACH(c->queue->changes, earlier)
		if (is_overlap(earlier, c))
			return earlier == c;
	return false;
}

static void
start_free_ones(struct txt_queue *queue)
{
	struct txt_change *c;

	DL_FOREACH(queue->changes, c) {
		if (queue->running >= TXT_RUNNING)
			return;
		if (c->is_running || c->lane->running >= c->lane->room || !is_first_of_place(c))
			continue;
		set_running(c, true);
		loop_timer_set(&c->start, 0);
	}
}

/* Removes @c and starts the changes that waited for it. */
static void
change_end(struct txt_change *c)
{
	struct txt_queue *queue = c->queue;

	change_free(c);
	start_free_ones(queue);
}

static int64_t
txt_queue_clock_us(const struct txt_queue *queue)
{
	return clock_boot_us(loop_clock(queue->env->loop));
}

/* A change that was not begun is a failure of the provider too: it was deleted, or its settings are refused. */
static void
txt_queue_count(const struct txt_change *c, const struct error *err)
{
	struct meter *meter = meters_get(c->queue->env->meters, METER_DNS, c->provider_name);

	meter_request(meter, txt_queue_clock_us(c->queue) - c->begun_us);
	if (err)
		meter_error(meter, error_code_name(err->code));
}

static void
on_changed(const struct error *err, void *arg)
{
	struct txt_change *c = arg;
	dnsprovider_done_fn *done = c->done;
	void *done_arg = c->arg;

	txt_queue_count(c, err);
	change_end(c);
	if (done)
		done(err, done_arg);
}

static int
txt_queue_load(const struct txt_change *c, struct dnsprovider *d, struct error *err)
{
	int found = object_load(c->queue->store, &dnsprovider_class, c->lane->provider, d, err);

	if (found == 0)
		return error_set(err, ERROR_NOT_FOUND, "was deleted");
	if (found < 0 || dnsprovider_check(d, err) < 0)
		return -1;
	if (dnsprovider_driver(d->kind)->needs_zone && !c->zone)
		return error_set(err, ERROR_DNS, "no zone was found for '%s'", c->name);
	return 0;
}

static void
txt_queue_on_start(void *arg)
{
	struct txt_change *c = arg;
	struct dnsprovider_record record = {
		.zone = c->zone,
		.name = c->name,
		.value = c->value,
		.domain = c->domain,
		.key_authorization = c->key_authorization,
	};
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	/* Out of room for long secrets: it continues when another change ends. */
	if (c->queue->running > 1 && !secret_has_room()) {
		set_running(c, false);
		return;
	}
	c->begun_us = txt_queue_clock_us(c->queue);
	if (txt_queue_load(c, &d, &err) < 0) {
		error_wrap(&err, "DNS provider '%s'", c->provider_name);
		on_changed(&err, c);
		return;
	}
	c->driver = dnsprovider_driver(d.kind);
	c->op = c->driver->change(c->queue->env, &d, c->is_removal, &record, on_changed, c);
}

struct txt_change *
txt_change_start(struct txt_queue *queue, const struct dnsprovider *d, bool is_removal,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	struct txt_change *c = xcalloc(1, sizeof(*c));

	c->queue = queue;
	c->lane = lane_enter(queue, d);
	c->provider_name = xstrdup(d->o.name);
	c->is_removal = is_removal;
	c->zone = xstrdup_null(record->zone);
	c->name = xstrdup(record->name);
	c->value = xstrdup(record->value);
	c->domain = xstrdup_null(record->domain);
	c->key_authorization = xstrdup_null(record->key_authorization);
	c->done = done;
	c->arg = arg;
	loop_timer_init(&c->start, queue->env->loop, txt_queue_on_start, c);
	DL_APPEND(queue->changes, c);
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
