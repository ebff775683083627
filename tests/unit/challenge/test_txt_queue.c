/* The order of changes, with a program that says when it begins and ends. */
#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/txt_queue.h"
#include "daemon/store/object.h"
#include "tests/support/process.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	char *dir;
	struct tmp_store store;
	struct clock *clock;
	struct dnsprovider_env env;
	struct txt_queue *queue;
	struct dnsprovider provider;
	int left; /* changes that are not done */
	int failed;
};

static void
save(struct fixture *f)
{
	cr_assert_eq(
		object_save(f->store.store, store_begin(f->store.store), &dnsprovider_class, &f->provider, NULL), 0);
	store_commit(f->store.store);
}

static void
setup(struct fixture *f)
{
	_cleanup_free_ char *program = NULL;

	*f = (struct fixture){ .dir = scratch_new() };
	program = xasprintf("%s/program", f->dir);
	f->clock = clock_new_real();
	f->env.loop = loop_new(f->clock);
	tmp_store_init(&f->store, 0);
	f->queue = txt_queue_new(&f->env, f->store.store);
	f->provider.o.name = xstrdup("program");
	f->provider.kind = xstrdup("exec");
	setting_put(&f->provider.settings, "command", program);
	scratch_write(f->dir, "program", "#!/bin/sh\necho \"$1 $2\" >> %s/log\nsleep 0.05\necho end >> %s/log\n",
		f->dir, f->dir);
	cr_assert_eq(chmod(program, 0700), 0);
	save(f);
}

static void
teardown(struct fixture *f)
{
	txt_queue_free(f->queue);
	dnsprovider_clear(&f->provider);
	loop_free(f->env.loop);
	tmp_store_clear(&f->store);
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
change(struct fixture *f, const char *name, bool is_removal)
{
	struct dnsprovider_record record = { .name = name, .value = "v" };

	f->left++;
	return txt_change_start(f->queue, &f->provider, is_removal, &record, on_done, f);
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

Test(txt_queue, programs_run_one_after_another_in_order, .timeout = 300)
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

Test(txt_queue, who_leaves_drops_what_has_not_begun_and_lets_the_rest_end, .timeout = 300)
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

/* Each is what the queue reads when it comes to the change. */
Test(txt_queue, a_provider_that_cannot_work_is_an_answer_and_holds_nobody_up, .timeout = 300)
{
	static const char *const kinds[] = { "unheard-of", "rfc2136" /* which needs a server and a zone */ };
	struct fixture f;

	setup(&f);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		str_replace(&f.provider.kind, kinds[i]);
		save(&f);
		change(&f, "a", false);
		cr_assert_eq(loop_run(f.env.loop, NULL), 0);
	}
	cr_expect_eq(f.failed, 2);
	str_replace(&f.provider.kind, "exec");
	save(&f);
	change(&f, "a", true);
	expect_log(&f, "cleanup a.\nend\n");
	cr_expect_eq(f.failed, 2);
	teardown(&f);
}

Test(txt_queue, a_provider_that_was_deleted_is_an_answer, .timeout = 300)
{
	struct fixture f;

	setup(&f);
	change(&f, "a", false);
	cr_assert_eq(
		object_delete(f.store.store, store_begin(f.store.store), &dnsprovider_class, f.provider.o.id, NULL), 0);
	store_commit(f.store.store);
	cr_assert_eq(loop_run(f.env.loop, NULL), 0);
	cr_expect_eq(f.failed, 1);
	teardown(&f);
}

/* --- many at once, of an API that is played --- */

enum { MANY = 300, TOKEN_LEN = 2048 };

struct api {
	struct http http;
	struct fixture *f;
	unsigned running, most;
};

struct call {
	struct api *api;
	struct loop_timer timer;
	http_done_fn *done;
	void *arg;
};

static void
refuse(void *arg)
{
	struct call *call = arg;
	struct http_response res = { .status = 403 };

	call->api->running--;
	call->done(&res, NULL, call->arg);
	http_response_clear(&res);
	free(call);
}

static void *
take(void *self, const struct http_request *req _unused_, http_done_fn *done, void *arg)
{
	struct api *api = self;
	struct call *call = xcalloc(1, sizeof(*call));

	*call = (struct call){ .api = api, .done = done, .arg = arg };
	if (++api->running > api->most)
		api->most = api->running;
	loop_timer_init(&call->timer, api->f->env.loop, refuse, call);
	loop_timer_set(&call->timer, 1);
	return call;
}

static void
forget(void *self _unused_, void *handle _unused_)
{
}

Test(txt_queue, of_many_asked_for_at_once_only_some_run_and_all_end, .timeout = 300)
{
	static const struct http_ops ops = { take, forget };
	char token[TOKEN_LEN];
	struct fixture f;
	struct api api = { .f = &f };

	secret_process_init(true, NULL);
	setup(&f);
	memset(token, 't', sizeof(token));
	api.http = (struct http){ &ops, &api };
	f.env.http = &api.http;
	str_replace(&f.provider.kind, "ionoscloud");
	setting_put(&f.provider.settings, "command", NULL);
	setting_put_secret(&f.provider.secrets, "token", token, sizeof(token));
	save(&f);
	for (unsigned i = 0; i < MANY; i++) {
		_cleanup_free_ char *name = xasprintf("_acme-challenge.n%u.example.com", i);
		struct dnsprovider_record record = { .zone = "example.com", .name = name, .value = "v" };

		f.left++;
		txt_change_start(f.queue, &f.provider, i % 2, &record, on_done, &f);
	}
	cr_expect(secret_has_room());
	cr_assert_eq(loop_run(f.env.loop, NULL), 0);
	cr_expect_eq(f.left, 0);
	cr_expect_eq(f.failed, MANY); /* what the API says; that it is asked at all is what counts */
	cr_expect_eq(api.most, TXT_RUNNING_PER_PROVIDER, "%u", api.most);
	teardown(&f);
}
