/* The walk over the schedule after the clock was set. It is rare, so it has no index of its own: slices keep it polite. */
#include "daemon/renew/clamp.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/renew/expiry.h"
#include "daemon/renew/policy.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum {
	DAY = 24 * 3600,
	SLICE = 200,
	SPREAD_SEC = 600,                    /* moved rows do not all begin in one second */
	LONGEST_WAIT_SEC = DAY + DAY / 10,   /* registrations, removals: a day and its jitter */
	LONGEST_ROLLOUT_WAIT_SEC = 2 * 3600, /* more than the last step of its table */
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
clamp_due(int64_t now, int64_t due_at, int64_t latest_at, uint64_t seed)
{
	int64_t spread = time_add(latest_at, -now);

	if (due_at <= latest_at)
		return due_at;
	if (spread > SPREAD_SEC)
		spread = SPREAD_SEC;
	return spread > 0 ? time_add(now, (int64_t)(seed % (uint64_t)spread)) : latest_at;
}

static int64_t
clamp_now_of(const struct clamp *c)
{
	return clock_wall(loop_clock(c->env->loop));
}

/* A retry by what the backoff may have said, a renewal by the certificate. */
static int64_t
issue_due(struct clamp *c, const struct schedule_row *row, const struct autocert *a)
{
	struct backoff_in in = {
		.now = clamp_now_of(c),
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.retry_at = a->last_error.retry_at,
	};

	int64_t renewal_at;

	if (a->attempts > 0)
		return clamp_due(in.now, row->due_at, backoff_latest(&in), policy_seed(row->object));
	renewal_at = issue_renewal_at(c->env, a);
	return renewal_at < row->due_at ? renewal_at : row->due_at;
}

static void
clamp_put(struct clamp *c, struct store_txn *txn, const struct schedule_row *row, int64_t due_at)
{
	schedule_set(c->env->store, txn, row->kind, row->object, row->lane, due_at);
	c->moved_rows++;
}

static void
clamp_look_at_issue(struct clamp *c, const struct schedule_row *row)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn;
	int64_t due_at;

	if (row->due_at <= clamp_now_of(c) ||
		object_load(c->env->store, &autocert_class, row->object, &a, &err) != 1)
		return; /* one that cannot be read says so when its turn comes */
	due_at = issue_due(c, row, &a);
	if (due_at == row->due_at)
		return;
	txn = store_begin(c->env->store);
	clamp_put(c, txn, row, due_at);
	a.next_at = due_at;
	if (object_save(c->env->store, txn, &autocert_class, &a, &err) < 0)
		store_fail(txn, &err);
}

static void
look_at_purge(struct clamp *c, const struct schedule_row *row)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	int64_t latest_at = time_add(clamp_now_of(c), LONGEST_WAIT_SEC);
	int64_t by_date_at;

	if (row->due_at <= latest_at ||
		object_load(c->env->store, &certificate_class, row->object, &cert, NULL) != 1)
		return;
	by_date_at = time_add(cert.not_after_at, c->env->purge_after);
	if (row->due_at > by_date_at)
		clamp_put(c, store_begin(c->env->store), row, by_date_at);
}

static void
look_at_expiry(struct clamp *c, const struct schedule_row *row)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	int64_t due_at;

	if (object_peek(c->env->store, &certificate_class, row->object, &cert, NULL) != 1)
		return;
	due_at = expiry_next(cert.not_after_at, clamp_now_of(c));
	if (row->due_at > due_at)
		clamp_put(c, store_begin(c->env->store), row, due_at);
}

static void
look_at_wait(struct clamp *c, const struct schedule_row *row, int64_t longest_sec)
{
	int64_t due_at = clamp_due(clamp_now_of(c), row->due_at, time_add(clamp_now_of(c), longest_sec),
		policy_seed(row->object));

	if (due_at != row->due_at)
		clamp_put(c, store_begin(c->env->store), row, due_at);
}

static void
clamp_look_at(struct clamp *c, const struct schedule_row *row)
{
	switch (row->kind) {
	case SCHEDULE_ISSUE:
		clamp_look_at_issue(c, row);
		return;
	case SCHEDULE_PURGE:
		look_at_purge(c, row);
		return;
	case SCHEDULE_EXPIRY:
		look_at_expiry(c, row);
		return;
	case SCHEDULE_DEPLOY:
	case SCHEDULE_PROBE:
	case SCHEDULE_REMOVE:
		look_at_wait(c, row, LONGEST_ROLLOUT_WAIT_SEC);
		return;
	case SCHEDULE_CLEANUP:
	case SCHEDULE_ACCOUNT:
		look_at_wait(c, row, LONGEST_WAIT_SEC);
		return;
	case SCHEDULE_AUTHORIZE: /* the CA forgets by its own clock */
		return;
	}
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
	clamp_look_at(c, &row);
	return true;
}

static void
clamp_slice(void *arg)
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
	loop_timer_init(&c->timer, env->loop, clamp_slice, c);
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
