/*
 * Kind command: runs a program, without a shell. It gets the message as JSON on its standard input, and its members in
 * environment variables. Status 0 means that the message was delivered.
 */
#include "daemon/alert/alert_kind.h"

#include "common/printable.h"
#include "common/strlist.h"
#include "daemon/base/hook.h"

#include <stdlib.h>

static int
alert_command_check(const struct alert *a, struct error *err)
{
	const char *program = setting_list(&a->settings, "command")->items[0];

	if (program[0] != '/')
		return error_set_field(err, "command",
			"must be the absolute path of the program, which is run without a shell and without a search "
			"path");
	if (hook_check(program, err) < 0) {
		if (err)
			str_replace(&err->field, "command");
		return -1;
	}
	return 0;
}

static char *
alert_command_endpoint(const struct alert *a)
{
	return xstrdup(setting_list(&a->settings, "command")->items[0]);
}

/* --- delivery --- */

enum { COMMAND_TIMEOUT_MS = 60 * 1000, COMMAND_ANSWER_MAX = 300 };

struct command_run {
	struct hook *hook;
	alert_done_fn *done;
	void *arg;
};

static void
command_ended(const struct hook_result *result, const struct error *err, void *arg)
{
	struct command_run *run = arg;
	alert_done_fn *done = run->done;
	void *done_arg = run->arg;
	_cleanup_free_ char *answer = printable_last_line(buf_str(&result->out), result->out.len, COMMAND_ANSWER_MAX);

	free(run);
	done(err, answer, done_arg);
}

static void
add_variable(struct strlist *env, const char *name, const char *value)
{
	strlist_take(env, xasprintf("CERTD_ALERT_%s=%s", name, value ? value : ""));
}

static void
command_environment(const struct message *m, const char *host, struct strlist *ret)
{
	_cleanup_free_ char *subject = message_subject(m);

	add_variable(ret, "ID", m->id);
	add_variable(ret, "INCIDENT", m->incident);
	add_variable(ret, "STATUS", m->status);
	add_variable(ret, "CONDITION", m->condition);
	add_variable(ret, "SEVERITY", m->severity);
	add_variable(ret, "SUBJECT", subject);
	add_variable(ret, "MESSAGE", m->text);
	add_variable(ret, "TYPE", m->type);
	add_variable(ret, "NAME", m->name);
	add_variable(ret, "HOST", host);
}

static void *
alert_command_start(
	const struct alert_env *env, const struct alert *a, const struct message *m, alert_done_fn *done, void *arg)
{
	struct command_run *run = xcalloc(1, sizeof(*run));
	_cleanup_strlist_ struct strlist variables = STRLIST_INIT;
	_cleanup_json_ struct json_object *json = message_to_json(m, env->host);
	_cleanup_buf_ struct buf input = BUF_INIT;

	*run = (struct command_run){ .done = done, .arg = arg };
	command_environment(m, env->host, &variables);
	json_write(json, &input);
	buf_add_char(&input, '\n');
	run->hook = hook_start_with_input(env->loop, setting_list(&a->settings, "command"), &variables, &input,
		COMMAND_TIMEOUT_MS, command_ended, run);
	return run;
}

static void
alert_command_cancel(void *work)
{
	struct command_run *run = work;

	hook_cancel(run->hook);
	free(run);
}

const struct alert_kind alert_kind_command = {
	.name = "command",
	.check = alert_command_check,
	.endpoint = alert_command_endpoint,
	.start = alert_command_start,
	.cancel = alert_command_cancel,
};
