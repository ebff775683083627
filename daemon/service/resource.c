/* The generic half of every resource: answers, declarations, and the common methods. */
#include "daemon/service/resource.h"

#include "common/api/api.h"
#include "common/name.h"
#include "common/nearest.h"
#include "daemon/service/access.h"
#include "daemon/service/fields.h"
#include "daemon/service/used_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX = 500, SAME_NAME_MAX = 1000 };

const char *
resource_state_name(int64_t state)
{
	switch ((enum object_state)state) {
	case OBJECT_PROVISIONING:
		return "PROVISIONING";
	case OBJECT_AVAILABLE:
		return "AVAILABLE";
	case OBJECT_FAILED:
		return "FAILED";
	}
	return "FAILED";
}

static void
resource_add_secrets(const struct resource_ops *ops, const struct object *o, struct json_object *metadata)
{
	_cleanup_strlist_ struct strlist secrets = STRLIST_INIT;

	fields_secrets(ops->cls, o, &secrets);
	if (secrets.count)
		json_add_strlist(metadata, "secrets", &secrets);
}

static struct json_object *
metadata_to_json(const struct api_resource *api, const struct object *o)
{
	_cleanup_free_ char *urn = xasprintf("certd:certificatemanager:::%s/%s", api->collection + 1, o->id);
	struct json_object *m = json_object_new_object();

	json_add_time(m, "createdDate", o->created_at);
	json_add_string(m, "createdBy", o->created_by);
	json_add_string(m, "createdByUserId", o->created_by_id);
	json_add_time(m, "lastModifiedDate", o->modified_at);
	json_add_string(m, "lastModifiedBy", o->modified_by);
	json_add_string(m, "lastModifiedByUserId", o->modified_by_id);
	json_add_string(m, "resourceURN", urn);
	json_add_string(m, "state", resource_state_name(o->state));
	json_add_string(m, "message", o->failure.message ? o->failure.message : "");
	return m;
}

enum object_state
resource_state(const char *name)
{
	for (int state = OBJECT_PROVISIONING; state < OBJECT_FAILED; state++)
		if (strcmp(name, resource_state_name(state)) == 0)
			return (enum object_state)state;
	return OBJECT_FAILED;
}

/* {id, type, href, metadata, properties}; secrets never. Owned by the caller. */
static struct json_object *
resource_to_json(struct service *service, const struct resource_ops *ops, const void *obj)
{
	const struct api_resource *api = &api_resources[ops->id];
	const struct object *o = obj;
	_cleanup_free_ char *href = xasprintf("%s/%s", api->collection, o->id);
	struct json_object *json = json_object_new_object();
	struct json_object *metadata = metadata_to_json(api, o);
	struct json_object *properties = fields_properties(ops->cls, obj);

	fields_add(ops->cls, api->metadata, obj, metadata);
	resource_add_secrets(ops, o, metadata);
	if (ops->describe)
		ops->describe(service, obj, properties, metadata);
	json_add_string(json, "id", o->id);
	json_add_string(json, "type", api->type);
	json_add_string(json, "href", href);
	json_object_object_add(json, "metadata", metadata);
	json_object_object_add(json, "properties", properties);
	return json;
}

/* Members of every answer whose value is unknown. */
static void
resource_add_empty(const struct api_field *fields, struct json_object *ret)
{
	static const struct strlist none = STRLIST_INIT;

	for (; fields && fields->name; fields++) {
		if (!(fields->flags & (API_REQUIRED | API_ALWAYS)) || fields->type == API_SECRET)
			continue;
		if (fields->type == API_BOOL)
			json_add_bool(ret, fields->name, false);
		else if (fields->type == API_TIME)
			json_object_object_add(ret, fields->name, json_new_time(0));
		else if (fields->type == API_STRLIST)
			json_add_strlist(ret, fields->name, &none);
		else
			json_add_string(ret, fields->name, "");
	}
}

struct json_object *
resource_damaged(const struct resource_ops *ops, const char *id, const struct error *err)
{
	const struct api_resource *api = &api_resources[ops->id];
	_cleanup_free_ char *href = xasprintf("%s/%s", api->collection, id);
	struct json_object *json = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	struct json_object *properties = json_object_new_object();

	resource_add_empty(api->metadata, metadata);
	resource_add_empty(api->properties, properties);
	json_add_string(metadata, "state", "FAILED");
	json_add_string(metadata, "message", err->message);
	json_add_string(json, "id", id);
	json_add_string(json, "type", api->type);
	json_add_string(json, "href", href);
	json_object_object_add(json, "metadata", metadata);
	json_object_object_add(json, "properties", properties);
	return json;
}

struct json_object *
resource_seen_by(const struct peer *peer, struct service *service, const struct resource_ops *ops, const void *obj)
{
	struct json_object *json = resource_to_json(service, ops, obj);

	access_strip(peer->scope, service->store, ops->cls, json);
	return json;
}

/* --- finding --- */

void
resource_outside(const struct call *call, const struct record_class *cls, const void *obj)
{
	const struct object *o = obj;
	const struct audit_entry entry = {
		.who = call->peer->label,
		.user_id = call->peer->user_id,
		.method = api_methods[call->method].name,
		.object = { cls->name, o->id, o->name },
	};

	if (call->service->audit)
		audit_refusal(call->service->audit, &entry, "it is outside the caller's scope");
}

typedef int
object_load_fn(struct store *store, const struct record_class *cls, const char *id, void *obj, struct error *err);

/* How something is looked up, and what for: access_covers() or access_may_use(). */
struct lookup {
	object_load_fn *load;
	access_fn *may;
};

static const struct lookup to_change = { object_load, access_covers };
static const struct lookup to_describe = { object_peek, access_covers };
static const struct lookup to_use = { object_peek, access_may_use };

/* Return: 1 the caller may see it, 0 not, -1 failed. */
static int
resource_load(const struct lookup *how, struct call *call, const struct record_class *cls, const char *id, void *obj,
	struct error *err)
{
	int found = how->load(call->service->store, cls, id, obj, err);

	if (found != 1 || how->may(call->peer->scope, call->service->store, cls, obj))
		return found;
	resource_outside(call, cls, obj);
	record_clear(cls, obj);
	return 0;
}

/* Ids of those that are there for the caller. */
static int
resource_ids_of_name(access_fn *may, struct call *call, const struct record_class *cls, const char *name,
	struct strlist *ret, struct error *err)
{
	struct store *store = call->service->store;
	const struct scope *scope = call->peer->scope;
	_cleanup_strlist_ struct strlist all = STRLIST_INIT;

	if (object_ids_of_name(store, cls, name, SAME_NAME_MAX, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		if (!scope || access_by_id(may, scope, store, cls, all.items[i]))
			strlist_add(ret, all.items[i]);
	if (all.count == 1 && ret->count == 0) /* the refusal is recorded when it is loaded */
		strlist_add(ret, all.items[0]);
	return 0;
}

/* Names of certificates are canonical unless they were chosen: a U-label, or upper case, finds the object as well. */
static int
resource_ids_of(access_fn *may, struct call *call, const struct record_class *cls, const char *ref, struct strlist *ret,
	struct error *err)
{
	_cleanup_free_ char *canonical = NULL;

	if (resource_ids_of_name(may, call, cls, ref, ret, err) < 0)
		return -1;
	if (ret->count || name_canonical(ref, true, &canonical, NULL) < 0 || strcmp(canonical, ref) == 0)
		return 0;
	return resource_ids_of_name(may, call, cls, canonical, ret, err);
}

/* Finds by id or name, among those that the caller may see. Return: 1 found, 0 absent, -1 failed. */
static int
resource_lookup(const struct lookup *how, struct call *call, const struct record_class *cls, const char *ref, void *obj,
	struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	int found = resource_load(how, call, cls, ref, obj, err);

	if (found != 0)
		return found;
	if (resource_ids_of(how->may, call, cls, ref, &ids, err) < 0)
		return -1;
	if (ids.count > 1)
		return object_ambiguous(cls, ref, &ids, err);
	return ids.count ? resource_load(how, call, cls, ids.items[0], obj, err) : 0;
}

static int
resource_ref_for(const struct lookup *how, struct call *call, const struct record_class *cls, const char *field,
	const char *ref, char **ret, struct error *err)
{
	void *obj = xcalloc(1, cls->size);
	int found = resource_lookup(how, call, cls, ref, obj, err);

	if (found == 1)
		str_replace(ret, ((struct object *)obj)->id);
	else if (found == 0)
		found = error_set_field(err, field, "there is no %s '%s'", api_title(cls->name), ref);
	else if (err && err->code == ERROR_INVALID)
		str_replace(&err->field, field);
	record_clear(cls, obj);
	free(obj);
	return found == 1 ? 0 : -1;
}

int
resource_ref(struct call *call, const struct record_class *cls, const char *field, const char *ref, char **ret,
	struct error *err)
{
	return resource_ref_for(&to_describe, call, cls, field, ref, ret, err);
}

int
resource_property_ref(struct call *call, const struct record_class *cls, const char *property, const char *ref,
	char **ret, struct error *err)
{
	_cleanup_free_ char *field = xasprintf("properties.%s", property);

	return resource_ref_for(&to_use, call, cls, field, ref, ret, err);
}

int
resource_refs(struct call *call, const struct record_class *cls, const char *property, struct strlist *refs,
	struct error *err)
{
	for (size_t i = 0; i < refs->count; i++) {
		_cleanup_free_ char *item = xasprintf("%s[%zu]", property, i);

		if (resource_property_ref(call, cls, item, refs->items[i], &refs->items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* "; did you mean 'www.example.com'?" or "". Owned by the caller. */
static char *
suggestion(struct store *store, const struct scope *scope, const struct record_class *cls, const char *ref)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct object *o = xcalloc(1, cls->size);
	char after[STORE_ID_SIZE] = "";
	const char *nearest;

	for (size_t n = 0; n < NEAREST_MAX && object_next_peek(store, cls, after, o, NULL) == 1; n++) {
		memcpy(after, o->id, sizeof(after));
		if (access_covers(scope, store, cls, o))
			strlist_add(&names, o->name);
	}
	record_clear(cls, o);
	free(o);
	nearest = nearest_word(ref, (const char *const *)names.items, names.count);
	return nearest ? xasprintf("; did you mean '%s'?", nearest) : xstrdup("");
}

int
resource_refused(struct error *err, const char *property)
{
	if (!err)
		return -1;
	if (err->field)
		property = err->field;
	if (property) {
		char *field = xasprintf("properties.%s", property);

		free(err->field);
		err->field = field;
	}
	return -1;
}

static int
find_by(const struct lookup *how, struct call *call, const struct record_class *cls, struct json_object *params,
	void *obj, struct error *err)
{
	const char *ref = NULL;
	int found;

	if (json_get_string(params, "ref", &ref, err) != 1)
		return -1;
	found = resource_lookup(how, call, cls, ref, obj, err);
	if (found == 0) {
		_cleanup_free_ char *hint = suggestion(call->service->store, call->peer->scope, cls, ref);

		error_set(err, ERROR_NOT_FOUND, "there is no %s '%s'%s", api_title(cls->name), ref, hint);
	}
	return found == 1 ? 0 : -1;
}

int
resource_find(
	struct call *call, const struct record_class *cls, struct json_object *params, void *obj, struct error *err)
{
	if (find_by(&to_change, call, cls, params, obj, err) < 0)
		return -1;
	change_found(&call->change, cls, obj);
	return 0;
}

int
resource_find_peek(
	struct call *call, const struct record_class *cls, struct json_object *params, void *obj, struct error *err)
{
	return find_by(&to_describe, call, cls, params, obj, err);
}

/* --- declaring --- */

static void
resource_stamp(const struct call *call, struct object *o, bool is_new)
{
	o->modified_at = call_now(call);
	str_replace(&o->modified_by, call->peer->label);
	str_replace(&o->modified_by_id, call->peer->user_id);
	if (!is_new)
		return;
	o->created_at = o->modified_at;
	str_replace(&o->created_by, call->peer->label);
	str_replace(&o->created_by_id, call->peer->user_id);
}

void
resource_created(struct call *call, struct object *o)
{
	resource_stamp(call, o, true);
}

void
resource_modified(struct call *call, struct object *o)
{
	resource_stamp(call, o, false);
}

/* ERROR_DENIED, recorded, when @obj as it would be stored is outside the caller's scope. Return: 0 or -1. */
static int
resource_check_scope(struct call *call, const struct record_class *cls, const void *obj, struct error *err)
{
	if (access_check(call->service->store, call->peer, cls, obj, err) == 0)
		return 0;
	return call_refused(call, err);
}

static int
resource_read(struct call *call, const void *old, struct object *o, struct error *err)
{
	struct json_object *properties = json_path(call->params, "properties");

	fields_from_json(call->ops->cls, properties, o);
	if (call->ops->read(call, old, o, properties, err) < 0)
		return -1;
	fields_keep_declared(call->ops->cls, properties, o);
	return resource_check_scope(call, call->ops->cls, o, err);
}

int
resource_declare(struct call *call, void *obj, struct error *err)
{
	struct object *o = obj;

	store_new_id(o->id);
	resource_stamp(call, o, true);
	return resource_read(call, NULL, o, err);
}

int
resource_redeclare(struct call *call, void *old, void *obj, struct effect *ret, struct error *err)
{
	const struct resource_ops *ops = call->ops;

	if (resource_find(call, ops->cls, call->params, old, err) < 0)
		return -1;
	record_copy(ops->cls, obj, old);
	if (resource_read(call, old, obj, err) < 0)
		return -1;
	effect_of(ops->id, ops->cls, old, obj, ret);
	if (used_files_check(call, ops->cls, old, obj, ret, err) < 0)
		return -1;
	call_set_effect(call, ret);
	if (ret->changed.count == 0) {
		call->result = resource_seen_by(call->peer, call->service, ops, old);
		return 0;
	}
	resource_modified(call, obj);
	return 1;
}

/* --- storing --- */

void
resource_event(struct call *call, enum event_kind kind, const struct object *o)
{
	const struct record_class *cls = call->ops->cls;
	struct event_object object = { cls->name, o->id, o->name };
	struct json_object *data;

	if (kind == EVENT_OBJECT_DELETED)
		change_deleted(&call->change, cls, o);
	else
		change_made(&call->change, cls, o, json_path(call->params, "properties"));
	if (!access_covers(call->peer->scope, call->service->store, cls, o))
		call->change.is_outside = true;
	if (call->is_dry_run)
		return;
	data = json_object_new_object();
	json_add_string(data, "by", call->peer->label);
	if (json_object_array_length(call->change.changes))
		json_object_object_add(data, "changes", json_object_get(call->change.changes));
	event_emit(call->service->events, call_txn(call), kind, &object, data, "%s by %s",
		kind == EVENT_OBJECT_CREATED   ? "created"
		: kind == EVENT_OBJECT_DELETED ? "deleted"
					       : "changed",
		call->peer->label);
}

int
resource_claim_name(struct call *call, const struct record_class *cls, struct object *o, struct error *err)
{
	struct json_object *allowed = json_path(call->params, "allowSameName");
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	o->may_share_name = allowed && json_object_get_boolean(allowed);
	if (cls == &authorization_class)
		o->may_share_name = true; /* each provider may have one, see res_authorization.c */
	if (o->may_share_name || !call->peer->scope)
		return 0;
	/* This caller may not learn whether another object has the name. */
	if (resource_ids_of_name(access_covers, call, cls, o->name, &ids, err) < 0)
		return -1;
	o->may_share_name = true;
	for (size_t i = 0; i < ids.count; i++)
		if (strcmp(ids.items[i], o->id) != 0 &&
			access_covers_id(call->peer->scope, call->service->store, cls, ids.items[i]))
			o->may_share_name = false;
	return 0;
}

int
resource_save(struct call *call, enum event_kind kind, void *obj, struct error *err)
{
	if (resource_claim_name(call, call->ops->cls, obj, err) < 0 ||
		object_save(call->service->store, call_txn(call), call->ops->cls, obj, err) < 0)
		return -1;
	resource_event(call, kind, obj);
	json_object_put(call->result);
	call->result = resource_seen_by(call->peer, call->service, call->ops, obj);
	return 0;
}

int
resource_remove(struct call *call, void *obj, struct error *err)
{
	const struct record_class *cls = call->ops->cls;
	struct object *o = obj;

	if (resource_find(call, cls, call->params, obj, err) < 0 ||
		object_delete(call->service->store, call_txn(call), cls, o->id, err) < 0)
		return -1;
	resource_event(call, EVENT_OBJECT_DELETED, o);
	return 0;
}

/* --- methods --- */

int
resource_create(struct call *call, struct json_object *params _unused_, struct error *err)
{
	const struct record_class *cls = call->ops->cls;
	struct object *obj = xcalloc(1, cls->size);
	int rc = resource_declare(call, obj, err);

	obj->state = OBJECT_AVAILABLE;
	if (rc == 0)
		rc = resource_save(call, EVENT_OBJECT_CREATED, obj, err);
	record_clear(cls, obj);
	free(obj);
	return rc;
}

int
resource_update(struct call *call, struct json_object *params _unused_, struct error *err)
{
	const struct record_class *cls = call->ops->cls;
	void *old = xcalloc(1, cls->size);
	void *obj = xcalloc(1, cls->size);
	_cleanup_effect_ struct effect effect = { 0 };
	int rc = resource_redeclare(call, old, obj, &effect, err);

	if (rc == 1)
		rc = resource_save(call, EVENT_OBJECT_UPDATED, obj, err);
	record_clear(cls, old);
	record_clear(cls, obj);
	free(old);
	free(obj);
	return rc;
}

int
resource_get(struct call *call, struct json_object *params, struct error *err)
{
	const struct record_class *cls = call->ops->cls;
	void *obj = xcalloc(1, cls->size);
	int rc = resource_find_peek(call, cls, params, obj, err);

	if (rc == 0)
		call->result = resource_seen_by(call->peer, call->service, call->ops, obj);
	record_clear(cls, obj);
	free(obj);
	return rc;
}

int
resource_delete(struct call *call, struct json_object *params _unused_, struct error *err)
{
	const struct record_class *cls = call->ops->cls;
	void *obj = xcalloc(1, cls->size);
	int rc = resource_remove(call, obj, err);

	record_clear(cls, obj);
	free(obj);
	return rc;
}
