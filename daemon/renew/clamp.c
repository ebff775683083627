/* The walk over the schedule after the clock was set. It is rare, so it has no index of its own: slices keep it polite. */
#include "daemon/renew/clamp.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/renew/policy.h"
#include "daemon/store/schedule.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLICE = 200,
	LONGEST_WAIT_SEC = 24 * 3600 + 24 * 360, /* backoff_due(): a day and its jitter */
	SPREAD_SEC = 600,                        /* moved rows do not all begin in one second */
};

struct clamp {
	const struct issue_env *env;
	struct loop_timer timer;
	char lane[STORE_ID_SIZE];
	bool in_lane; /* @at is a row of @lane that was looked at */
	struct schedule_row at;
	size_t moved_rows;
	void (*moved)(void *arg);
	void *arg;
};

int64_t
clamp_due(int64_t now, int64_t due_at, bool is_retry, uint64_t seed)
{
	if (!is_retry || due_at <= time_add(now, LONGEST_WAIT_SEC))
		return due_at;
	return time_add(now, (int64_t)(seed % SPREAD_SEC));
}

static bool
is_retry(struct clamp *c, const struct schedule_row *row)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	switch (row->kind) {
	case SCHEDULE_PURGE:
		return false;
	case SCHEDULE_ISSUE:
		return object_load(c->env->store, &autocert_class, row->object, &a, NULL) == 1 &&
		       a.attempts > 0;
	case SCHEDULE_DEPLOY:
	case SCHEDULE_PROBE:
	case SCHEDULE_CLEANUP:
	case SCHEDULE_ACCOUNT:
		return true;
	}
	return false;
}

static void
look_at(struct clamp *c, const struct schedule_row *row)
{
	int64_t now = clock_wall(loop_clock(c->env->loop));
	int64_t due_at;

	if (row->due_at <= time_add(now, LONGEST_WAIT_SEC))
		return;
	due_at = clamp_due(now, row->due_at, is_retry(c, row), policy_seed(row->object));
	if (due_at == row->due_at)
		return;
	schedule_set(c->env->store, store_begin(c->env->store), row->kind, row->object, row->lane, due_at);
	c->moved_rows++;
}

/* Return: true while there is a row. */
static bool
step(struct clamp *c)
{
	struct schedule_row row;

	while (schedule_next_in_lane(c->env->store, c->lane, c->in_lane ? &c->at : NULL, &row, NULL) != 1) {
		if (schedule_next_lane(c->env->store, c->lane, true, c->lane, NULL) != 1)
			return false;
		c->in_lane = false;
	}
	c->at = row;
	c->in_lane = true;
	look_at(c, &row);
	return true;
}

static void
slice(void *arg)
{
	struct clamp *c = arg;

	for (int i = 0; i < SLICE; i++) {
		if (step(c))
			continue;
		if (c->moved_rows)
			c->moved(c->arg);
		return;
	}
	loop_timer_set(&c->timer, 0);
}

struct clamp *
clamp_new(const struct issue_env *env, void (*moved)(void *arg), void *arg)
{
	struct clamp *c = xcalloc(1, sizeof(*c));

	c->env = env;
	c->moved = moved;
	c->arg = arg;
	loop_timer_init(&c->timer, env->loop, slice, c);
	return c;
}

void
clamp_start(struct clamp *c)
{
	c->lane[0] = '\0';
	c->in_lane = false;
	c->moved_rows = 0;
	loop_timer_set(&c->timer, 0);
}

void
clamp_free(struct clamp *c)
{
	if (!c)
		return;
	loop_timer_cancel(&c->timer);
	free(c);
}
