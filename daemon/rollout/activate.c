/* Notifies one consumer once. A timer at zero makes all kinds alike: the result is always delivered from the loop. */
#include "daemon/rollout/activate.h"

#include "daemon/base/loop.h"
#include "daemon/rollout/consumer_kind.h"

#include <stdlib.h>

struct activation {
	struct loop_timer timer; /* for kinds that answer at once */
	struct error error;
	bool is_tested;
	const struct consumer_kind *kind;
	void *work; /* of the kind; NULL: not running */
	activate_done_fn *done;
	void *arg;
};

void
activate_cancel(struct activation *a)
{
	if (!a)
		return;
	loop_timer_cancel(&a->timer);
	if (a->work)
		a->kind->cancel(a->work);
	error_clear(&a->error);
	free(a);
}

void
activation_end(struct activation *a, const struct error *failed)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	activate_done_fn *done = a->done;
	void *done_arg = a->arg;
	bool is_tested = a->is_tested || !failed;

	if (failed)
		error_copy(&err, failed);
	a->work = NULL;
	activate_cancel(a);
	done(failed ? &err : NULL, is_tested, done_arg);
}

void
activation_tested(struct activation *a)
{
	a->is_tested = true;
}

static void
activation_answer(void *arg)
{
	struct activation *a = arg;

	activation_end(a, error_is_set(&a->error) ? &a->error : NULL);
}

struct activation *
activate_start(struct loop *loop, const struct activate_request *request, activate_done_fn *done, void *arg)
{
	struct activation *a = xcalloc(1, sizeof(*a));

	a->kind = consumer_kind_of(request->consumer);
	a->done = done;
	a->arg = arg;
	loop_timer_init(&a->timer, loop, activation_answer, a);
	if (!a->kind->start || a->kind->start(a, loop, request, &a->work, &a->error) <= 0)
		loop_timer_set(&a->timer, 0);
	return a;
}
