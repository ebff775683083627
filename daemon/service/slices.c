#include "daemon/service/slices.h"

#include "daemon/service/call.h"

#include <utlist.h>

static void
slices_end(struct slices *s, struct json_object *result, struct error *err)
{
	struct call *call = s->call;

	DL_DELETE(call->service->slices, s);
	fair_task_cancel(&s->task);
	fair_leave(s->user);
	s->free(s);
	call->result = result;
	call_end(call, err ? -1 : 0, err);
}

static void
slices_run(void *arg)
{
	struct slices *s = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct json_object *result = NULL;
	int more = s->step(s, &result, &err);

	if (more > 0)
		fair_task_post(&s->task);
	else
		slices_end(s, result, more < 0 ? &err : NULL);
}

void
slices_begin(struct slices *s, struct call *call, slices_step_fn *step, slices_free_fn *free_fn)
{
	s->call = call;
	s->step = step;
	s->free = free_fn;
	s->user = fair_join(call->service->loop, call->peer->user_id, call->peer->role == ROLE_ADMIN);
	fair_task_init(&s->task, s->user, true, slices_run, s);
	DL_APPEND(call->service->slices, s);
	fair_task_post(&s->task);
}

void
slices_stop(struct service *service)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_CANCELLED, "certd is stopping");
	while (service->slices)
		slices_end(service->slices, NULL, &err);
}
