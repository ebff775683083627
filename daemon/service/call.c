/* A call from its handler to its answer: refused, discarded (a dry run), or durable. */
#include "daemon/service/call.h"

#include "daemon/base/loop.h"
#include "daemon/report/refusals.h"

#include <stdlib.h>
#include <utlist.h>

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
	return loop_now(call->service->loop);
}

int64_t
call_int(struct json_object *params, const char *name, int64_t fallback)
{
	struct json_object *value = json_path(params, name);

	return value ? json_object_get_int64(value) : fallback;
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
	/* The current settings count, not the result of an attempt with the old ones. */
	scheduler_cancel(call->service->scheduler, SCHEDULE_ACCOUNT, provider_id);
	scheduler_kick(call->service->scheduler);
}

void
call_set_effect(struct call *call, const struct effect *effect)
{
	json_object_put(call->effect);
	call->effect = effect_to_json(effect);
}

int
call_refused(const struct call *call, const struct error *err)
{
	struct service *s = call->service;
	const struct audit_entry entry = {
		.who = call->peer->label, .user_id = call->peer->user_id, .method = api_methods[call->method].name
	};

	if (s->refusals)
		refusals_note(s->refusals, call->peer->label, err);
	if (s->audit)
		audit_refusal(s->audit, &entry, err->message);
	return -1;
}

int
call_require(const struct call *call, enum api_role role, const char *what, struct error *err)
{
	bool has_groups = call->peer->uid != (uid_t)-1; /* the role of a token never changes */

	if (call->peer->role >= role)
		return 0;
	error_set(err, ERROR_DENIED, "%s needs the role %s; %s has %s%s%s%s", what, api_role_name(role),
		call->peer->label, api_role_name(call->peer->role), has_groups ? " (see " : "",
		has_groups ? api_role_name(role) : "", has_groups ? "-groups in certd.conf)" : "");
	return call_refused(call, err);
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
	secret_clear(&call->token_key);
	dnsprovider_account_clear(&call->account);
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
call_add_effect(struct call *call)
{
	if (!call->result)
		call->result = json_object_new_object();
	if (call->effect)
		json_object_object_add(call->result, "effect", json_object_get(call->effect));
	if (call->is_dry_run)
		json_add_bool(call->result, "dryRun", true);
}

/* Before the commit: work that continues until then would overwrite the call's changes. */
static void
call_cancel_all(struct call *call)
{
	for (size_t i = 0; i < call->cancels.count; i++) {
		scheduler_cancel(call->service->scheduler, SCHEDULE_ISSUE, call->cancels.items[i]);
		scheduler_cancel(call->service->scheduler, SCHEDULE_AUTHORIZE, call->cancels.items[i]);
		scheduler_cancel(call->service->scheduler, SCHEDULE_REHEARSE, call->cancels.items[i]);
	}
}

/* Nothing is stored, and the answer does not wait for the commit. */
static void
call_forget_changes(struct call *call)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	error_set(&why, ERROR_CANCELLED, "a dry run changes nothing");
	store_fail(call->txn, &why);
	call->txn = NULL;
}

/* A call that changes something, or makes certd act. */
static bool
call_is_change(const struct call *call)
{
	const struct api_method *method = &api_methods[call->method];

	return call->txn || (method->verb == API_CALL && method->role > ROLE_VIEWER && !(method->flags & API_READS));
}

/* A change that cannot be recorded must not be made. */
static int
call_record(struct call *call, struct error *err)
{
	struct change *change = &call->change;
	const struct audit_entry entry = {
		.who = call->peer->label,
		.user_id = call->peer->user_id,
		.method = api_methods[call->method].name,
		.object = { change->type, change->id, change->name },
		.changes = change->changes,
	};

	/* Whatever a method made of its parameters: a caller must be able to see what it declares. */
	if (change->is_outside)
		return error_set(err, ERROR_DENIED, "%s '%s' would be outside the scope of %s", change->type,
			change->name, call->peer->label);
	if (call->service->audit && !call->is_dry_run && call_is_change(call))
		audit_change(call->service->audit, call_txn(call), &entry);
	return 0;
}

void
call_end(struct call *call, int rc, struct error *err)
{
	if (rc > 0)
		return;
	if (rc == 0)
		rc = call_record(call, err);
	if (rc == 0) {
		call_cancel_all(call);
		call_add_effect(call);
	}
	if (rc == 0 && call->is_dry_run && call->txn)
		call_forget_changes(call);
	if (rc < 0 && call->txn)
		store_fail(call->txn, err); /* nothing of a refused call is stored; the commit answers */
	if (call->txn)
		store_then(call->txn, call_durable, call);
	else
		call_finish(call, call->result, rc < 0 ? err : NULL);
}

/* --- waiting --- */

void
call_wait_begin(struct call_wait *wait, struct call *call, service_fn *handler, void (*free_fn)(struct call_wait *wait))
{
	wait->call = call;
	wait->handler = handler;
	wait->free = free_fn;
	DL_APPEND(call->service->waits, wait);
}

static struct call *
call_wait_free(struct call_wait *wait)
{
	struct call *call = wait->call;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is on the list, so its neighbours are */
	DL_DELETE(call->service->waits, wait);
	wait->free(wait);
	return call;
}

void
call_wait_end(struct call_wait *wait, int rc, struct error *err)
{
	service_fn *handler = wait->handler;
	struct call *call = call_wait_free(wait);

	if (rc == 0 && handler)
		rc = handler(call, call->params, err);
	call_end(call, rc, err);
}

void
call_waits_stop(struct service *service)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_CANCELLED, "certd is stopping");
	while (service->waits)
		call_finish(call_wait_free(service->waits), NULL, &err);
}
