/*
 * A program that changes records, called as lego's exec provider calls it, so that scripts written for lego work:
 *
 *   COMMAND present "_acme-challenge.example.com." VALUE      and likewise     COMMAND cleanup ...
 *
 * Exit status 0 is done. The name has its aliases followed and ends with a dot. The program may be called again for
 * what is done already, and `cleanup` for what is not there. It runs without a shell, by daemon/base/hook, one at a
 * time, as lego does it, and has propagationTimeout to end.
 */
#include "common/error.h"
#include "daemon/base/hook.h"
#include "daemon/dnsprovider/drivers.h"

#include <stdlib.h>
#include <string.h>

/* Such scripts often wait until the record is out before they end. */
enum { DEFAULT_TIMEOUT_SEC = 120, OUTPUT_SHOWN = 200 };

struct dnsprovider_op {
	struct hook *hook;
	dnsprovider_done_fn *done;
	void *arg;
	char *call; /* for messages */
};

static void
exec_op_free(struct dnsprovider_op *op)
{
	free(op->call);
	free(op);
}

/* The last line that a program wrote, as one line of text: it mostly says why it failed. */
static char *
exec_last_line(const struct buf *out)
{
	size_t end = out->len;
	size_t start;
	char *line;

	while (end > 0 && (unsigned char)out->data[end - 1] <= ' ')
		end--;
	for (start = end; start > 0 && out->data[start - 1] != '\n' && end - start < OUTPUT_SHOWN;)
		start--;
	line = xstrndup(end ? out->data + start : "", end - start);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return line;
}

static void
on_hook(const struct hook_result *result, const struct error *err, void *arg)
{
	struct dnsprovider_op *op = arg;
	_cleanup_error_ struct error failure = ERROR_INIT;

	if (err) {
		_cleanup_free_ char *line = result ? exec_last_line(&result->out) : xstrdup("");

		error_set(&failure, err->code, "%s: %s%s%s", op->call, err->message, *line ? ": " : "", line);
		failure.retry = err->retry;
	}
	op->done(err ? &failure : NULL, op->arg);
	exec_op_free(op);
}

static struct dnsprovider_op *
exec_change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool remove,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	struct dnsprovider_op *op = xcalloc(1, sizeof(*op));
	const char *command = setting_text(&d->settings, "command");
	int64_t timeout = d->propagation_timeout > 0 ? d->propagation_timeout : DEFAULT_TIMEOUT_SEC;
	_cleanup_strlist_ struct strlist argv = STRLIST_INIT;
	const struct strlist no_env = STRLIST_INIT;

	strlist_add(&argv, command);
	strlist_add(&argv, remove ? "cleanup" : "present");
	strlist_take(&argv, xasprintf("%s.", record->name));
	strlist_add(&argv, record->value);
	op->done = done;
	op->arg = arg;
	op->call = xasprintf("%s %s %s.", command, remove ? "cleanup" : "present", record->name);
	op->hook = hook_start(env->loop, &argv, &no_env, timeout * 1000, on_hook, op);
	return op;
}

static void
exec_cancel(struct dnsprovider_op *op)
{
	hook_cancel(op->hook);
	exec_op_free(op);
}

const struct dnsprovider_driver dnsprovider_exec = {
	.is_serial = true,
	.change = exec_change,
	.cancel = exec_cancel,
};
