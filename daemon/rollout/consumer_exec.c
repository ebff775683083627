/*
 * Kind exec: the consumer's program, without a shell. For hooks that were written for certbot the environment also has
 * RENEWED_LINEAGE (the directory) and RENEWED_DOMAINS. It runs once for each certificate, one instance at a time, so a
 * program that reloads a server need not guard against itself.
 */
#include "daemon/rollout/consumer_kind.h"

#include "common/error.h"
#include "daemon/base/hook.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
consumer_exec_check(const struct consumer *c, struct error *err)
{
	if (c->command.count == 0)
		return error_set_field(err, "properties.command", "activate exec requires the program to run");
	if (hook_check(c->command.items[0], err) < 0) {
		if (err)
			str_replace(&err->field, "properties.command");
		return -1;
	}
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
		if (strstr(err->message, words[i]))
			return true;
	return false;
}

static void
consumer_exec_done(const struct hook_result *result _unused_, const struct error *err, void *arg)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_free_ char *message = NULL;

	if (!err || geteuid() == 0 || !consumer_exec_needed_root(err)) {
		activation_end(arg, err);
		return;
	}
	error_copy(&why, err);
	message = xasprintf(
		"%s; certd runs it as its own user in its sandbox: to reload a service of the system, enable "
		"certd-reload@SERVICE.path instead (see UNITS in certd(8))",
		err->message);
	str_replace(&why.message, message);
	activation_end(arg, &why);
}

static int
consumer_exec_start(struct activation *a, struct loop *loop, const struct activate_request *r, void **ret_work,
	struct error *err _unused_)
{
	_cleanup_strlist_ struct strlist env = STRLIST_INIT;
	_cleanup_free_ char *domains = strlist_join(&r->cert->names, " ");

	consumer_kind_describe(r, "CERTD_", &env);
	strlist_take(&env, xasprintf("RENEWED_LINEAGE=%s", r->directory));
	strlist_take(&env, xasprintf("RENEWED_DOMAINS=%s", domains));
	*ret_work = hook_start(loop, &r->consumer->command, &env, 0, consumer_exec_done, a);
	return 1;
}

static void
consumer_exec_cancel(void *work)
{
	hook_cancel(work);
}

const struct consumer_kind consumer_kind_exec = {
	.name = "exec",
	.is_serial = true,
	.check = consumer_exec_check,
	.start = consumer_exec_start,
	.cancel = consumer_exec_cancel,
};
