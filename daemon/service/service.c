/*
 * One door for every face: check the role, validate by the API table, run the handler, answer when what it changed is
 * durable. Deny by default: a peer without the role ends here.
 */
#include "daemon/service/service.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/report/refusals.h"
#include "daemon/service/access.h"

#include <stdlib.h>

struct store_txn *
call_txn(struct call *call)
{
	if (!call->txn)
		call->txn = store_begin(call->service->store);
	return call->txn;
}

int64_t
call_now(const struct call *call)
{
	return clock_wall(loop_clock(call->service->loop));
}

void
call_cancel(struct call *call, const char *id)
{
	if (!call->is_dry_run)
		strlist_add(&call->cancels, id);
}

void
call_forget_provider(struct call *call, const char *provider_id)
{
	if (call->is_dry_run)
		return;
	clients_forget(call->service->issue_env->clients, provider_id);
	/* Its settings of now count, not how an attempt with the old ones ends. */
	scheduler_cancel(call->service->scheduler, SCHEDULE_ACCOUNT, provider_id);
	scheduler_kick(call->service->scheduler);
}

void
call_set_effect(struct call *call, const struct effect *effect)
{
	json_object_put(call->effect);
	call->effect = effect_to_json(effect);
}

void
call_finish(struct call *call, struct json_object *result, const struct error *err)
{
	call->done(err ? NULL : result, err, call->arg);
	if (err)
		json_object_put(result);
	json_object_put(call->params);
	change_clear(&call->change);
	peer_clear(&call->caller);
	json_object_put(call->effect);
	strlist_clear(&call->cancels);
	free(call);
}

static void
call_durable(const struct error *err, void *arg)
{
	struct call *call = arg;

	call_finish(call, call->result, err);
}

/* The answer's members that are not the object's. */
static void
add_effect(struct call *call)
{
	if (!call->result)
		call->result = json_object_new_object();
	if (call->effect)
		json_object_object_add(call->result, "effect", json_object_get(call->effect));
	if (call->is_dry_run)
		json_add_bool(call->result, "dryRun", true);
}

/* Before the commit: what goes on until then would write over the call's changes. */
static void
cancel_all(struct call *call)
{
	for (size_t i = 0; i < call->cancels.count; i++) {
		scheduler_cancel(call->service->scheduler, SCHEDULE_ISSUE, call->cancels.items[i]);
		scheduler_cancel(call->service->scheduler, SCHEDULE_AUTHORIZE, call->cancels.items[i]);
	}
}

/* Nothing of it is kept; nobody waits for the commit. */
static void
forget_changes(struct call *call)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	error_set(&why, ERROR_CANCELLED, "a dry run changes nothing");
	store_fail(call->txn, &why);
	call->txn = NULL;
}

void
call_end(struct call *call, int rc, struct error *err)
{
	if (rc > 0)
		return;
	if (rc == 0)
		rc = change_record(call, err);
	if (rc == 0) {
		cancel_all(call);
		add_effect(call);
	}
	if (rc == 0 && call->is_dry_run && call->txn)
		forget_changes(call);
	if (rc < 0 && call->txn)
		store_fail(call->txn, err); /* nothing of a refused call is kept; the commit answers */
	if (call->txn)
		store_then(call->txn, call_durable, call);
	else
		call_finish(call, call->result, rc < 0 ? err : NULL);
}

static void
call_run(struct call *call)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	call_end(call, service_handlers[call->method](call, call->params, &err), &err);
}

/* An event, and a record of the audit log. Return: -1. */
static int
note_refusal(struct service *service, const struct peer *peer, const struct api_method *method,
	const struct error *err)
{
	const struct audit_entry entry = {
		.who = peer->label, .user_id = peer->user_id, .method = method->name
	};

	if (service->refusals)
		refusals_note(service->refusals, peer->label, err);
	if (service->audit)
		audit_refusal(service->audit, &entry, err->message);
	return -1;
}

void
service_unauthorized(struct service *service, const struct error *err)
{
	const struct audit_entry entry = { .who = "unknown", .method = "rest" };

	if (service->refusals)
		refusals_note(service->refusals, entry.who, err);
	if (service->audit)
		audit_refusal(service->audit, &entry, err->message);
}

static int
service_refuse(struct service *service, const struct peer *peer, const struct api_method *method,
	enum api_role role, const char *what, struct error *err)
{
	error_set(err, ERROR_DENIED, "%s needs the role %s; %s has %s", what, api_role_name(role),
		peer->label, api_role_name(peer->role));
	return note_refusal(service, peer, method, err);
}

int
call_require(const struct call *call, enum api_role role, const char *what, struct error *err)
{
	return call->peer->role < role ? service_refuse(call->service, call->peer, &api_methods[call->method],
						 role, what, err)
				       : 0;
}

static int
call_check(struct service *service, const struct peer *peer, enum api_method_id id,
	struct json_object *params, struct error *err)
{
	const struct api_method *method = &api_methods[id];

	if (peer->role < method->role)
		return service_refuse(service, peer, method, method->role, method->name, err);
	if (api_validate(id, params, err) < 0)
		return -1;
	if (access_check(service->store, peer, id, params, err) < 0)
		return err->code == ERROR_DENIED ? note_refusal(service, peer, method, err) : -1;
	return 0;
}

static bool
wants_dry_run(struct json_object *params)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(params, "dryRun", &value) && json_object_get_boolean(value);
}

void
service_call(struct service *service, const struct peer *peer, enum api_method_id method,
	struct json_object *params, call_done_fn *done, void *arg)
{
	service_call_passing(service, peer, NULL, method, params, done, arg);
}

void
service_call_passing(struct service *service, const struct peer *peer, struct passed *passed,
	enum api_method_id method, struct json_object *params, call_done_fn *done, void *arg)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *own = params ? json_object_get(params) : json_object_new_object();
	struct call *call;

	if (call_check(service, peer, method, own, &err) < 0) {
		done(NULL, &err, arg);
		return;
	}
	call = xcalloc(1, sizeof(*call));
	call->service = service;
	call->method = method;
	call->params = json_object_get(own);
	peer_copy(&call->caller, peer);
	call->peer = &call->caller;
	call->passed = passed;
	call->done = done;
	call->arg = arg;
	call->is_dry_run = wants_dry_run(own);
	call_run(call);
}
