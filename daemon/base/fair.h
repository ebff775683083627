/*
 * daemon/base/fair.h: work for many users, shared fairly. Requests of users run as tasks of a few milliseconds. In each
 * turn of the loop tasks run for about 2 ms, then all other work. Privileged users (root and administrators) and the
 * others alternate, and within each class the users alternate, however many tasks one of them has. Of one user's tasks
 * up to four short ones run before each slice of a long one.
 */
#ifndef DAEMON_BASE_FAIR_H
#define DAEMON_BASE_FAIR_H

#include "daemon/base/loop.h"

struct fair_user;

/* Octets of answers that a user has not read yet. Above it the user's tasks wait, except those of privileged users. */
enum { FAIR_HELD_MAX = 16 * 1024 * 1024 };

/*
 * fair_join() - the user with that name, shared by all that join with it
 * @name: copied. Left by fair_leave().
 */
struct fair_user *
fair_join(struct loop *loop, const char *name, bool is_privileged);

/* The caller's tasks must have been cancelled. */
void
fair_leave(struct fair_user *user);

/* The memory held for the user changes from @before to @after octets. */
void
fair_hold(struct fair_user *user, size_t before, size_t after);

/* Embedded in its owner; fair_task_init() before anything else. */
struct fair_task {
	struct fair_user *user;
	loop_fn *fn;
	void *arg;
	bool is_long;  /* needs many runs, and memory: a user's long tasks run one after the other */
	bool is_begun; /* was posted before */
	bool is_posted;
	struct fair_task *prev, *next;
};

/* @user: borrowed. */
void
fair_task_init(struct fair_task *task, struct fair_user *user, bool is_long, loop_fn *fn, void *arg);

/* Runs @task once, in one of the next turns. A no-op when it is queued already. */
void
fair_task_post(struct fair_task *task);

void
fair_task_cancel(struct fair_task *task);

#endif
