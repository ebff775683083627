/* autoCertificate.check and server.check: would the next renewal succeed? */
#include "daemon/service/check.h"

#include "daemon/ready/ready.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <utlist.h>

struct check_call {
	struct call *call;
	struct ready_run *run;
	struct check_call *prev, *next;
};

static void
check_free(struct check_call *c)
{
	DL_DELETE(c->call->service->check_calls, c);
	free(c);
}

static void
check_ended(const struct ready_state *state, struct store_txn *txn _unused_, const struct error *err, void *arg)
{
	struct check_call *c = arg;
	struct call *call = c->call;
	_cleanup_error_ struct error why = ERROR_INIT;

	check_free(c);
	if (err)
		error_copy(&why, err);
	else if (!state)
		error_set(&why, ERROR_NOT_FOUND, "the auto-certificate was deleted");
	if (state) {
		call->result = json_object_new_object();
		json_add_string(call->result, "grade", ready_grade_name(state->grade));
		json_add_time(call->result, "checkedDate", state->checked_at);
		json_object_object_add(call->result, "findings", ready_findings_to_json(state));
	}
	call_end(call, state ? 0 : -1, &why);
}

int
autocert_check(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct check_call *c;

	if (resource_find_peek(call, &autocert_class, params, &a, err) < 0)
		return -1;
	if (!call->service->ready)
		return error_set(err, ERROR_UNAVAILABLE, "this certd does not check auto-certificates");
	c = xcalloc(1, sizeof(*c));
	c->call = call;
	DL_APPEND(call->service->check_calls, c);
	c->run = ready_start(call->service->ready, a.o.id, check_ended, c);
	return 1;
}

void
check_stop(struct service *service)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_CANCELLED, "certd is stopping");
	while (service->check_calls) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		struct check_call *c = service->check_calls;
		struct call *call = c->call;

		ready_cancel(c->run);
		check_free(c);
		call_finish(call, NULL, &err);
	}
}

/* Of the host, without its auto-certificates. */
int
server_check(struct call *call, struct json_object *params _unused_, struct error *err)
{
	struct record_list findings = { .items = NULL };
	struct scheduler_stats stats;
	int64_t grade;

	if (!call->service->ready)
		return error_set(err, ERROR_UNAVAILABLE, "this certd does not check its host");
	scheduler_get_stats(call->service->scheduler, &stats);
	grade = ready_check_host(call->service->ready, stats.is_waiting_for_date, &findings);
	call->result = json_object_new_object();
	json_add_string(call->result, "grade", ready_grade_name(grade));
	json_add_time(call->result, "checkedDate", call_now(call));
	json_object_object_add(call->result, "findings", ready_list_to_json(&findings));
	ready_findings_clear(&findings);
	return 0;
}
