/*
 * The walk over the schedule after the clock was set. It is rare, so it has no index; working in slices keeps the loop
 * responsive.
 */
#include "daemon/schedule/clock_change.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <stdlib.h>

enum { SLICE = 200 };

struct clock_change {
	struct scheduler_config config;
	struct loop_timer timer;
	char lane[STORE_ID_SIZE];
	bool is_in_lane; /* @at is a row of @lane that was visited */
	struct schedule_row at;
	size_t moved_rows;
	const struct scheduler *scheduler;
	void (*moved)(void *arg);
	void *arg;
};

static void
clock_change_look_at(struct clock_change *c, const struct schedule_row *row)
{
	struct store *store = c->config.store;
	int64_t now = loop_now(c->config.loop);
	int64_t due_at = scheduler_due_after_clock_change(c->scheduler, row, now);

	if (due_at == row->due_at)
		return;
	schedule_set(store, store_begin(store), row->kind, row->object, row->lane, due_at);
	c->moved_rows++;
}

/* Return: true while there is a row. */
static bool
clock_change_step(struct clock_change *c)
{
	struct store *store = c->config.store;
	struct schedule_row row;

	while (schedule_next_in_lane(store, c->lane, c->is_in_lane ? &c->at : NULL, &row, NULL) != 1) {
		if (schedule_next_lane(store, c->lane, true, c->lane, NULL) != 1)
			return false;
		c->is_in_lane = false;
	}
	c->at = row;
	c->is_in_lane = true;
	clock_change_look_at(c, &row);
	return true;
}

static void
clock_change_slice(void *arg)
{
	struct clock_change *c = arg;

	for (int i = 0; i < SLICE; i++) {
		if (clock_change_step(c))
			continue;
		if (c->moved_rows)
			c->moved(c->arg);
		return;
	}
	loop_timer_set(&c->timer, 0);
}

struct clock_change *
clock_change_new(
	const struct scheduler_config *config, const struct scheduler *scheduler, void (*moved)(void *arg), void *arg)
{
	struct clock_change *c = xcalloc(1, sizeof(*c));

	c->config = *config;
	c->scheduler = scheduler;
	c->moved = moved;
	c->arg = arg;
	loop_timer_init(&c->timer, config->loop, clock_change_slice, c);
	return c;
}

void
clock_change_start(struct clock_change *c)
{
	c->lane[0] = '\0';
	c->is_in_lane = false;
	c->moved_rows = 0;
	loop_timer_set(&c->timer, 0);
}

void
clock_change_free(struct clock_change *c)
{
	if (!c)
		return;
	loop_timer_cancel(&c->timer);
	free(c);
}
