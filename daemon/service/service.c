/*
 * One entry for all protocols: checks the role, validates by the API table, runs the handler, answers when the changes
 * are durable. Denies by default: a peer without the role ends here.
 */
#include "daemon/service/service.h"

#include "daemon/report/refusals.h"

#include <stdlib.h>

void
service_unauthorized(struct service *service, const struct error *err)
{
	const struct audit_entry entry = { .who = "unknown", .method = "rest" };

	if (service->refusals)
		refusals_note(service->refusals, entry.who, err);
	if (service->audit)
		audit_refusal(service->audit, &entry, err->message);
}

/* Objects that a method reaches through others are checked there: resource.h, access.h. */
static int
service_check(struct call *call, struct error *err)
{
	const struct api_method *method = &api_methods[call->method];

	if (call_require(call, method->role, method->name, err) < 0 ||
		api_validate(call->method, call->params, err) < 0)
		return -1;
	if (!call->peer->scope || (method->flags & API_SCOPED))
		return 0;
	error_set(err, ERROR_DENIED, "%s is not restricted to single certificates, but %s has a scope", method->name,
		call->peer->label);
	return call_refused(call, err);
}

static bool
service_wants_dry_run(struct json_object *params)
{
	struct json_object *value = json_path(params, "dryRun");

	return value && json_object_get_boolean(value);
}

void
service_call(struct service *service, const struct peer *peer, enum api_method_id method, struct json_object *params,
	call_done_fn *done, void *arg)
{
	service_call_passing(service, peer, NULL, method, params, done, arg);
}

void
service_call_passing(struct service *service, const struct peer *peer, struct passed_fds *passed,
	enum api_method_id method, struct json_object *params, call_done_fn *done, void *arg)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct call *call = xcalloc(1, sizeof(*call));
	int rc;

	call->service = service;
	call->method = method;
	call->ops = service->methods[method].ops;
	call->params = params ? json_object_get(params) : json_object_new_object();
	peer_copy(&call->caller, peer);
	call->peer = &call->caller;
	call->passed = passed;
	call->done = done;
	call->arg = arg;
	rc = service_check(call, &err);
	call->is_dry_run = service_wants_dry_run(call->params);
	if (rc == 0)
		rc = service->methods[method].run(call, call->params, &err);
	call_end(call, rc, &err);
}
