/*
 * Kind exec: the consumer's program, without a shell. For hooks that were written for certbot the environment also has
 * RENEWED_LINEAGE (the directory) and RENEWED_DOMAINS.
 *
 * It runs once for each certificate or, for a consumer with the setting batch, once for all that wait.
 */
#include "daemon/rollout/consumer_kind.h"

#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/hook.h"
#include "daemon/rollout/consumer_queue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
consumer_exec_check(const struct consumer *c, struct error *err)
{
	const char *program = setting_list(&c->settings, "command")->items[0];
	_cleanup_error_ struct error why = ERROR_INIT;

	if (program[0] != '/')
		return error_set_field(err, "command",
			"must be the absolute path of the program, which is run without a shell and without a search "
			"path");
	if (hook_check(program, &why) < 0)
		return error_set_field(err, "command", "%s", why.message);
	return 0;
}

/*
 * Whether the program ended because only root may do what it tried: its last line says so, in the words of systemctl,
 * sudo, Postfix and others.
 */
static bool
consumer_exec_needed_root(const struct error *err)
{
	static const char *const words[] = { "systemctl", "authentication required", "no new privileges", "superuser",
		"must be root" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): an error has a message */
		if (strstr(err->message, words[i]))
			return true;
	return false;
}

/* Adds what to do instead. */
static void
consumer_exec_advise(struct error *err)
{
	_cleanup_free_ char *message = NULL;

	if (!error_is_set(err) || geteuid() == 0 || !consumer_exec_needed_root(err))
		return;
	message = xasprintf("%s; certd runs it as its own user in its sandbox: to reload a service of the system, use "
			    "--activate unit instead (see UNITS in certd(8))",
		err->message);
	str_replace(&err->message, message);
}

static void
consumer_exec_done(const struct hook_result *result _unused_, const struct error *err, void *arg)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	consumer_exec_advise(&why);
	consumer_queue_end(arg, err ? &why : NULL);
}

/* One line for each certificate of the run, in the same order in each variable. */
static void
consumer_exec_batch(const struct queue_member *m, struct strlist *env)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	_cleanup_buf_ struct buf certificates = BUF_INIT;
	_cleanup_buf_ struct buf directories = BUF_INIT;
	const char *sep = "";

	for (; m; m = consumer_queue_next(m)) {
		buf_printf(&names, "%s%s", sep, m->name);
		buf_printf(&certificates, "%s%s", sep, m->certificate);
		buf_printf(&directories, "%s%s", sep, m->directory);
		sep = "\n";
	}
	strlist_take(env, xasprintf("CERTD_NAMES=%s", buf_str(&names)));
	strlist_take(env, xasprintf("CERTD_CERTIFICATES=%s", buf_str(&certificates)));
	strlist_take(env, xasprintf("CERTD_DIRECTORIES=%s", buf_str(&directories)));
}

/* The values under the names that certbot's hooks expect, too. */
static void
consumer_exec_single(const struct queue_member *m, struct strlist *env)
{
	static const char domains[] = "CERTD_DOMAINS=";

	strlist_copy(env, &m->values);
	strlist_take(env, xasprintf("RENEWED_LINEAGE=%s", m->directory));
	for (size_t i = 0; i < m->values.count; i++)
		if (strncmp(m->values.items[i], domains, strlen(domains)) == 0)
			strlist_take(env, xasprintf("RENEWED_DOMAINS=%s", m->values.items[i] + strlen(domains)));
}

static int
consumer_exec_run(
	struct consumer_queue *queue, const struct queue_member *first, void **ret_run, struct error *err _unused_)
{
	_cleanup_strlist_ struct strlist env = STRLIST_INIT;

	if (first->is_batch)
		consumer_exec_batch(first, &env);
	else
		consumer_exec_single(first, &env);
	*ret_run = hook_start(consumer_queue_loop(queue), &first->settings, &env, 0, consumer_exec_done, queue);
	return 1;
}

static void
consumer_exec_stop(void *run)
{
	hook_cancel(run);
}

static const struct queue_kind exec_runs = { consumer_exec_run, consumer_exec_stop };

static int
consumer_exec_start(struct activation *a, struct loop *loop, const struct activate_request *r, void **ret_work,
	struct error *err _unused_)
{
	*ret_work = consumer_queue_join(&exec_runs, a, loop, r, setting_list(&r->consumer->settings, "command"));
	return 1;
}

const struct consumer_kind consumer_kind_exec = {
	.name = "exec",
	.is_serial = true,
	.check = consumer_exec_check,
	.start = consumer_exec_start,
	.cancel = consumer_queue_leave,
};
