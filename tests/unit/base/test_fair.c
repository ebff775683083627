/* Whose turn it is, in virtual time: tasks that write down their names. */
#include "common/alloc.h"
#include "daemon/base/clock.h"
#include "daemon/base/fair.h"

#include <criterion/criterion.h>
#include <string.h>

struct job {
	struct fair_task task;
	char name;
	unsigned runs; /* that are left */
};

static struct rig {
	struct clock *clock;
	struct loop *loop;
	char order[64];
} r;

static void
setup(void)
{
	r = (struct rig){ .clock = clock_new_virtual(1700000000) };
	r.loop = loop_new(r.clock);
}

static void
teardown(void)
{
	loop_free(r.loop);
	clock_free(r.clock);
}

TestSuite(fair, .init = setup, .fini = teardown);

static void
work(void *arg)
{
	struct job *job = arg;

	r.order[strlen(r.order)] = job->name;
	if (--job->runs)
		fair_task_post(&job->task);
}

static void
begin(struct job *job, struct fair_user *user, bool is_long, char name, unsigned runs)
{
	job->name = name;
	job->runs = runs;
	fair_task_init(&job->task, user, is_long, work, job);
	fair_task_post(&job->task);
}

static void
run(void)
{
	cr_assert_eq(loop_run_until(r.loop, clock_wall(r.clock) + 1, NULL), 0);
}

Test(fair, users_alternate_however_many_tasks_one_has)
{
	struct fair_user *many = fair_join(r.loop, "1000", false), *few = fair_join(r.loop, "1001", false);
	struct job jobs[4], one;

	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
		begin(&jobs[i], many, false, 'm', 2);
	begin(&one, few, false, 'f', 2);
	run();
	cr_expect_str_eq(r.order, "mfmfmmmmmm");
	fair_leave(many);
	fair_leave(few);
}

Test(fair, the_privileged_have_every_other_task)
{
	struct fair_user *root = fair_join(r.loop, "0", true);
	struct fair_user *users[3];
	struct job jobs[3], job;

	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		users[i] = fair_join(r.loop, (char[]){ (char)('a' + i), '\0' }, false);
		begin(&jobs[i], users[i], false, (char)('a' + i), 2);
	}
	begin(&job, root, false, 'R', 3);
	run();
	cr_expect_str_eq(r.order, "aRbRcRabc");
	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		fair_leave(users[i]);
	fair_leave(root);
}

Test(fair, long_tasks_of_a_user_run_one_after_the_other_and_short_ones_in_between)
{
	struct fair_user *user = fair_join(r.loop, "1000", false);
	struct job first, second, small;

	begin(&first, user, true, '1', 3);
	begin(&second, user, true, '2', 2);
	begin(&small, user, false, 's', 9);
	run();
	cr_expect_str_eq(r.order, "ssss1ssss1s122");
	fair_leave(user);
}

Test(fair, who_does_not_take_answers_waits_and_root_does_not)
{
	struct fair_user *user = fair_join(r.loop, "1000", false), *same = fair_join(r.loop, "1000", false);
	struct fair_user *root = fair_join(r.loop, "0", true);
	struct job job, roots;

	cr_expect_eq(user, same);
	fair_hold(user, 0, FAIR_HELD_MAX + 1);
	fair_hold(root, 0, FAIR_HELD_MAX + 1);
	begin(&job, user, false, 'u', 1);
	begin(&roots, root, false, 'R', 1);
	run();
	cr_expect_str_eq(r.order, "R");
	fair_hold(user, FAIR_HELD_MAX + 1, 0);
	run();
	cr_expect_str_eq(r.order, "Ru");
	fair_leave(user);
	fair_leave(same);
	fair_leave(root);
}

Test(fair, a_cancelled_task_does_not_run)
{
	struct fair_user *user = fair_join(r.loop, "1000", false);
	struct job job;

	begin(&job, user, false, 'u', 1);
	fair_task_cancel(&job.task);
	fair_leave(user);
	run();
	cr_expect_str_eq(r.order, "");
}
