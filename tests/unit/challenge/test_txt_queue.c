/* The order of changes, with a program that says when it begins and ends. */
#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/txt_queue.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	char *dir;
	struct clock *clock;
	struct dnsprovider_env env;
	struct txt_queue *queue;
	struct dnsprovider provider;
	int left; /* changes that are not done */
	int failed;
};

static void
setup(struct fixture *f)
{
	*f = (struct fixture){ .dir = scratch_new() };
	f->clock = clock_new_real();
	f->env.loop = loop_new(f->clock);
	f->queue = txt_queue_new(&f->env);
	f->provider.o.name = xstrdup("program");
	f->provider.kind = xstrdup("exec");
	f->provider.command = xasprintf("%s/program", f->dir);
	scratch_write(f->dir, "program",
		"#!/bin/sh\necho \"$1 $2\" >> %s/log\nsleep 0.05\necho end >> %s/log\n", f->dir, f->dir);
	cr_assert_eq(chmod(f->provider.command, 0700), 0);
}

static void
teardown(struct fixture *f)
{
	txt_queue_free(f->queue);
	dnsprovider_clear(&f->provider);
	loop_free(f->env.loop);
	clock_free(f->clock);
	scratch_remove(&f->dir);
}

static void
on_done(const struct error *err, void *arg)
{
	struct fixture *f = arg;

	f->failed += err != NULL;
	if (--f->left == 0)
		loop_stop(f->env.loop);
}

static struct txt_change *
change(struct fixture *f, const char *name, bool remove)
{
	struct dnsprovider_record record = { .name = name, .value = "v" };

	f->left++;
	return txt_change_start(f->queue, &f->provider, remove, &record, on_done, f);
}

static void
expect_log(struct fixture *f, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/log", f->dir);
	_cleanup_buf_ struct buf b = BUF_INIT;

	cr_assert_eq(loop_run(f->env.loop, NULL), 0);
	cr_assert_eq(buf_read_file(&b, AT_FDCWD, path, 1000, NULL), 0);
	cr_expect_str_eq(buf_str(&b), text);
}

Test(txt_queue, programs_run_one_after_another_in_order, .timeout = 30)
{
	struct fixture f;

	setup(&f);
	change(&f, "a", false);
	change(&f, "b", false);
	change(&f, "a", true);
	expect_log(&f, "present a.\nend\npresent b.\nend\ncleanup a.\nend\n");
	cr_expect_eq(f.failed, 0);
	teardown(&f);
}

Test(txt_queue, who_leaves_drops_what_has_not_begun_and_lets_the_rest_end, .timeout = 30)
{
	struct fixture f;
	struct txt_change *waiting;

	setup(&f);
	change(&f, "a", false);
	waiting = change(&f, "b", false);
	change(&f, "a", true);
	txt_change_leave(waiting);
	f.left--;
	expect_log(&f, "present a.\nend\ncleanup a.\nend\n");
	teardown(&f);
}

Test(txt_queue, a_provider_that_cannot_work_is_an_answer_and_holds_nobody_up, .timeout = 30)
{
	struct fixture f;

	setup(&f);
	str_replace(&f.provider.kind, "unheard-of");
	change(&f, "a", false);
	str_replace(&f.provider.kind, "rfc2136"); /* which needs a zone */
	change(&f, "a", false);
	str_replace(&f.provider.kind, "exec");
	change(&f, "a", true);
	expect_log(&f, "cleanup a.\nend\n");
	cr_expect_eq(f.failed, 2);
	teardown(&f);
}
