/*
 * Authorizations: names that are validated manually, in two steps that may be days apart. Creating one asks the CA for
 * the TXT record; validating it asks the CA to check the record. In between certd only stores it.
 */
#include "daemon/service/res_authorization.h"

#include "common/api/rpc.h"
#include "common/name.h"
#include "common/shell.h"
#include "daemon/service/access.h"
#include "daemon/service/handlers.h"
#include "daemon/service/resource.h"

#include <string.h>

/* Each is an order at the CA with a manual step: more are a mistake. */
enum { AUTHORIZATIONS_MAX = 10000 };

static void
authorization_describe(struct service *service _unused_, const void *obj, struct json_object *properties _unused_,
	struct json_object *metadata)
{
	const struct authorization *a = obj;

	if (a->txt)
		json_add_string(metadata, "recordType", "TXT");
	if (error_is_set(&a->o.failure))
		json_object_object_add(metadata, "lastError", rpc_error_to_json(&a->o.failure));
}

static int
res_authorization_canonical_name(struct authorization *a, struct error *err)
{
	_cleanup_free_ char *name = NULL;

	if (name_canonical(a->o.name, true, &name, err) < 0)
		return resource_refused(err, "name");
	if (name_type_of(name) == NAME_IP)
		return error_set_field(
			err, "properties.name", "'%s' is an address; a TXT record is only for names", name);
	str_replace(&a->o.name, name);
	return 0;
}

static int
authorization_read(struct call *call, const void *old _unused_, void *obj, struct json_object *properties _unused_,
	struct error *err)
{
	struct authorization *a = obj;

	if (res_authorization_canonical_name(a, err) < 0)
		return -1;
	return resource_property_ref(call, &provider_class, "provider", a->provider, &a->provider, err);
}

const struct resource_ops authorization_ops = {
	.id = API_AUTHORIZATION,
	.cls = &authorization_class,
	.describe = authorization_describe,
	.read = authorization_read,
};

static bool
is_same_challenge(const struct authorization *a, const struct authorization *b)
{
	const char *of_a = a->challenge ? a->challenge : "manual";

	return strcmp(of_a, b->challenge ? b->challenge : "manual") == 0;
}

/*
 * One that has failed or expired, or is by another challenge, is replaced; one in progress is not. Those of other
 * providers do not matter.
 */
static int
take_place_of(struct call *call, struct authorization *a, struct error *err)
{
	_cleanup_authorization_ struct authorization old = { 0 };
	int found = authorization_find(call->service->store, a->o.name, a->provider, &old, err);

	if (found < 0)
		return -1;
	if (found == 0) {
		if (store_count(call->service->store, STORE_AUTHZ) >= AUTHORIZATIONS_MAX)
			return error_set(err, ERROR_LIMIT, "there are already %d authorizations", AUTHORIZATIONS_MAX);
		return 0;
	}
	if (old.o.state != OBJECT_FAILED && is_same_challenge(&old, a) &&
		(!old.expires_at || old.expires_at > call_now(call))) {
		_cleanup_free_ char *show = shell_certctl("show authorization", a->o.name, NULL);

		return error_set(err, ERROR_EXISTS, "'%s' is already being authorized; see: %s", a->o.name, show);
	}
	call_cancel(call, old.o.id);
	return object_delete(call->service->store, call_txn(call), &authorization_class, old.o.id, err);
}

int
authorization_create(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_authorization_ struct authorization a = { 0 };

	if (resource_declare(call, &a, err) < 0 || take_place_of(call, &a, err) < 0)
		return -1;
	a.next_at = call_now(call);
	return resource_save(call, EVENT_OBJECT_CREATED, &a, err);
}

/* The record belongs to the order of an auto-certificate, which continues. */
static int
go_on_with_autocert(struct call *call, const char *id, const char *name, struct error *err)
{
	_cleanup_free_ char *rm = shell_certctl("rm authorization", name, NULL);
	_cleanup_autocert_ struct autocert a = { 0 };
	int found = object_load(call->service->store, &autocert_class, id, &a, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return error_set(
			err, ERROR_STATE, "the auto-certificate that required it was deleted; delete it too: %s", rm);
	if (!access_covers(call->peer->scope, call->service->store, &autocert_class, &a)) {
		resource_outside(call, &autocert_class, &a);
		return error_set(err, ERROR_DENIED, "the auto-certificate that requires it is outside the scope of %s",
			call->peer->label);
	}
	issue_plan_renewal(call->service->issue_env, &a, true);
	return object_save(call->service->store, call_txn(call), &autocert_class, &a, err);
}

int
authorization_validate(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_authorization_ struct authorization a = { 0 };
	struct json_object *force = json_path(params, "force");

	if (resource_find(call, &authorization_class, params, &a, err) < 0)
		return -1;
	if (a.o.state == OBJECT_FAILED)
		return error_set(
			err, ERROR_STATE, "'%s' has failed: %s; authorize it again", a.o.name, a.o.failure.message);
	if (a.status && strcmp(a.status, "valid") == 0 && !a.autocert) {
		call->result = resource_seen_by(call->peer, call->service, &authorization_ops, &a);
		return 0;
	}
	a.is_forced = force && json_object_get_boolean(force);
	if (!a.autocert)
		a.next_at = call_now(call);
	else if (go_on_with_autocert(call, a.autocert, a.o.name, err) < 0)
		return -1;
	resource_modified(call, &a.o);
	return resource_save(call, EVENT_OBJECT_UPDATED, &a, err);
}

int
authorization_delete(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_authorization_ struct authorization a = { 0 };

	if (resource_remove(call, &a, err) < 0)
		return -1;
	call_cancel(call, a.o.id);
	return 0;
}

int
authorizations_forget(struct call *call, const char *autocert_id, struct error *err)
{
	struct store *store = call->service->store;
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (object_referrers(store, &authorization_class, autocert_id, AUTHORIZATIONS_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		if (object_delete(store, call_txn(call), &authorization_class, ids.items[i], err) < 0)
			return -1;
	}
	return 0;
}
