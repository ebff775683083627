/* Two queues for each user, so that a page of a thousand certificates does not delay the same user's short requests. */
#include "daemon/base/fair.h"

#include "common/alloc.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop_private.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	TURN_MS = 2,
	SHORT_PER_LONG = 4 /* most requests only begin or end: many clients' must not wait for as many long slices */
};

struct fair_user {
	struct fair *fair;
	char *name;
	bool is_privileged;
	unsigned n_short; /* tasks since the last long one */
	unsigned holders;
	size_t held;
	struct fair_task *tasks[2]; /* short and long ones, in order */
	struct fair_user *prev, *next;
};

/* Owned by the loop; exists as long as there are users. */
struct fair {
	struct loop *loop;
	struct fair_user *users; /* the next one of each class first */
	bool is_privileged_next;
	struct loop_timer timer;
};

/* One more task of this user can run. */
static bool
fair_is_ready(const struct fair_user *user)
{
	return (user->tasks[false] || user->tasks[true]) && (user->is_privileged || user->held <= FAIR_HELD_MAX);
}

static struct fair_user *
fair_next(const struct fair *fair)
{
	struct fair_user *user, *first[2] = { NULL, NULL };

	DL_FOREACH(fair->users, user) {
		if (!first[user->is_privileged] && fair_is_ready(user))
			first[user->is_privileged] = user;
	}
	user = first[fair->is_privileged_next];
	return user ? user : first[!fair->is_privileged_next];
}

static void
fair_kick(struct fair *fair)
{
	if (fair_next(fair))
		loop_timer_set(&fair->timer, 0);
}

/* @user and its fair may be freed afterwards. */
static void
fair_run_one(struct fair_user *user)
{
	struct fair *fair = user->fair;
	struct fair_task *task;
	bool is_long;

	DL_DELETE(fair->users, user);
	DL_APPEND(fair->users, user);
	fair->is_privileged_next = !user->is_privileged;
	is_long = user->tasks[true] && (!user->tasks[false] || user->n_short >= SHORT_PER_LONG);
	task = user->tasks[is_long];
	user->n_short = is_long ? 0 : user->n_short + 1;
	fair_task_cancel(task);
	task->fn(task->arg);
}

static void
fair_run(void *arg)
{
	struct loop *loop = ((struct fair *)arg)->loop;
	int64_t until_ms = clock_boot_ms(loop_clock(loop)) + TURN_MS;
	struct fair_user *user;

	while (loop->fair && (user = fair_next(loop->fair)) && clock_boot_ms(loop_clock(loop)) < until_ms)
		fair_run_one(user);
	if (loop->fair)
		fair_kick(loop->fair);
}

struct fair_user *
fair_join(struct loop *loop, const char *name, bool is_privileged)
{
	struct fair *fair = loop->fair;
	struct fair_user *user;

	if (!fair) {
		fair = loop->fair = xcalloc(1, sizeof(*fair));
		fair->loop = loop;
		loop_timer_init(&fair->timer, loop, fair_run, fair);
	}
	DL_FOREACH(fair->users, user) {
		if (user->is_privileged == is_privileged && strcmp(user->name, name) == 0)
			break;
	}
	if (!user) {
		user = xcalloc(1, sizeof(*user));
		user->fair = fair;
		user->name = xstrdup(name);
		user->is_privileged = is_privileged;
		DL_APPEND(fair->users, user);
	}
	user->holders++;
	return user;
}

void
fair_leave(struct fair_user *user)
{
	struct fair *fair = user->fair;

	if (--user->holders)
		return;
	DL_DELETE(fair->users, user);
	free(user->name);
	free(user);
	if (fair->users)
		return;
	loop_timer_cancel(&fair->timer);
	fair->loop->fair = NULL;
	free(fair);
}

void
fair_hold(struct fair_user *user, size_t before, size_t after)
{
	user->held = user->held - before + after;
	if (after < before)
		fair_kick(user->fair);
}

void
fair_task_init(struct fair_task *task, struct fair_user *user, bool is_long, loop_fn *fn, void *arg)
{
	*task = (struct fair_task){ .user = user, .is_long = is_long, .fn = fn, .arg = arg };
}

void
fair_task_post(struct fair_task *task)
{
	struct fair_task **queue = &task->user->tasks[task->is_long];

	if (task->is_posted)
		return;
	task->is_posted = true;
	if (task->is_long && task->is_begun)
		DL_PREPEND(*queue, task);
	else
		DL_APPEND(*queue, task);
	task->is_begun = true;
	fair_kick(task->user->fair);
}

void
fair_task_cancel(struct fair_task *task)
{
	if (!task->is_posted)
		return;
	task->is_posted = false;
	DL_DELETE(task->user->tasks[task->is_long], task);
}
