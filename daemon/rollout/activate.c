/* One consumer, told once. A timer at zero gives every kind the same shape: the answer comes from the loop. */
#include "daemon/rollout/activate.h"

#include "daemon/base/hook.h"
#include "daemon/base/loop.h"
#include "daemon/base/notify.h"

#include <stdlib.h>
#include <string.h>

struct activation {
	struct loop_timer timer;
	struct hook *hook;
	struct error error;
	activate_done_fn *done;
	void *arg;
};

void
activate_cancel(struct activation *a)
{
	if (!a)
		return;
	loop_timer_cancel(&a->timer);
	hook_cancel(a->hook);
	error_clear(&a->error);
	free(a);
}

static void
activation_end(void *arg)
{
	struct activation *a = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	activate_done_fn *done = a->done;
	void *done_arg = a->arg;

	error_move(&err, &a->error);
	activate_cancel(a);
	done(error_is_set(&err) ? &err : NULL, done_arg);
}

/* NAME=value lines with the given prefix. */
static void
activate_describe(const struct activate_request *r, const char *prefix, struct strlist *ret)
{
	_cleanup_free_ char *domains = strlist_join(&r->cert->names, " ");

	strlist_take(ret, xasprintf("%sNAME=%s", prefix, r->name));
	strlist_take(ret, xasprintf("%sCERTIFICATE=%s", prefix, r->cert->o.id));
	strlist_take(ret, xasprintf("%sDIRECTORY=%s", prefix, r->directory));
	strlist_take(ret, xasprintf("%sGENERATION=%lld", prefix, (long long)r->generation));
	strlist_take(ret, xasprintf("%sSERIAL=%s", prefix, r->cert->serial));
	strlist_take(ret, xasprintf("%sDOMAINS=%s", prefix, domains));
}

static void
notify_consumer(struct activation *a, const struct activate_request *r)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;

	activate_describe(r, "X_CERTD_", &lines);
	text = strlist_join(&lines, "\n");
	notify_send_to(r->consumer->socket, text, &a->error);
	loop_timer_set(&a->timer, 0);
}

static void
hook_done(const struct hook_result *result _unused_, const struct error *err, void *arg)
{
	struct activation *a = arg;

	a->hook = NULL;
	if (err)
		error_copy(&a->error, err);
	activation_end(a);
}

static void
exec_consumer(struct activation *a, struct loop *loop, const struct activate_request *r)
{
	_cleanup_strlist_ struct strlist env = STRLIST_INIT;
	_cleanup_free_ char *domains = strlist_join(&r->cert->names, " ");

	activate_describe(r, "CERTD_", &env);
	strlist_take(&env, xasprintf("RENEWED_LINEAGE=%s", r->directory));
	strlist_take(&env, xasprintf("RENEWED_DOMAINS=%s", domains));
	a->hook = hook_start(loop, &r->consumer->command, &env, 0, hook_done, a);
}

struct activation *
activate_start(struct loop *loop, const struct activate_request *request, activate_done_fn *done, void *arg)
{
	struct activation *a = xcalloc(1, sizeof(*a));
	const char *how = request->consumer->activate ? request->consumer->activate : "none";

	a->done = done;
	a->arg = arg;
	loop_timer_init(&a->timer, loop, activation_end, a);
	if (strcmp(how, "notify") == 0)
		notify_consumer(a, request);
	else if (strcmp(how, "exec") == 0)
		exec_consumer(a, loop, request);
	else
		loop_timer_set(&a->timer, 0);
	return a;
}
