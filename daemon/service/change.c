/* Old -> new of a call, and who did it. Secrets are told as "changed": diff.c never sees a stored one. */
#include "daemon/service/change.h"

#include "daemon/service/access.h"

#include "daemon/service/diff.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <string.h>

void
change_clear(struct change *change)
{
	free(change->id);
	free(change->name);
	json_object_put(change->before);
	json_object_put(change->changes);
	*change = (struct change){ .type = NULL };
}

static void
set_object(struct change *change, const struct record_class *cls, const struct object *o)
{
	change->type = cls->name;
	str_replace(&change->id, o->id);
	str_replace(&change->name, o->name);
}

void
change_found(struct call *call, const struct record_class *cls, const void *obj)
{
	struct change *change = &call->change;

	if (change->type)
		return;
	set_object(change, cls, obj);
	change->before = resource_properties(cls, obj);
}

/* Members that can only be written are in no object: what of them is in the request counts as changed. */
static void
change_add_secrets(const struct api_field *fields, struct json_object *from, struct json_object *to)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		struct json_object *given = json_path(from, f->name);
		struct json_object *inner = NULL;

		if (!given)
			continue;
		if (f->type == API_SECRET)
			json_object_object_add(to, f->name, json_object_get(given));
		if (f->type != API_OBJECT)
			continue;
		if (!json_object_object_get_ex(to, f->name, &inner)) {
			inner = json_object_new_object();
			json_object_object_add(to, f->name, inner);
		}
		change_add_secrets(f->fields, given, inner);
	}
}

void
change_outside(struct call *call, const struct record_class *cls, const void *obj)
{
	const struct object *o = obj;
	const struct audit_entry entry = {
		.who = call->peer->label,
		.user_id = call->peer->user_id,
		.method = api_methods[call->method].name,
		.object = { cls->name, o->id, o->name },
	};

	if (call->service->audit)
		audit_refusal(call->service->audit, &entry, "it is outside of the caller's scope");
}

void
change_made(struct call *call, const struct record_class *cls, const void *obj, bool is_deleted)
{
	const struct api_field *fields = api_resource_find(cls->name)->properties;
	const struct object *o = obj;
	struct change *change = &call->change;
	bool is_same = change->id && strcmp(change->id, o->id) == 0;
	_cleanup_json_ struct json_object *after = is_deleted ? NULL : resource_properties(cls, obj);

	if (after)
		change_add_secrets(fields, json_path(call->params, "properties"), after);
	json_object_put(change->changes);
	change->changes = diff_properties(fields, is_same ? change->before : NULL, after);
	set_object(change, cls, o);
	change->is_outside |= !access_covers(call->peer->scope, call->service->store, cls, obj);
}

static bool
is_change(const struct call *call)
{
	const struct api_method *method = &api_methods[call->method];

	return call->txn ||
	       (method->verb == API_CALL && method->role > ROLE_VIEWER && !(method->flags & API_READS));
}

int
change_record(struct call *call, struct error *err)
{
	const struct audit_entry entry = {
		.who = call->peer->label,
		.user_id = call->peer->user_id,
		.method = api_methods[call->method].name,
		.object = { call->change.type, call->change.id, call->change.name },
		.changes = call->change.changes,
	};

	/* Whatever a method made of its parameters: nothing is declared that its declarer would not see. */
	if (call->change.is_outside)
		return error_set(err, ERROR_DENIED, "%s '%s' would be outside of the scope of %s",
			call->change.type, call->change.name, call->peer->label);
	if (!call->service->audit || call->is_dry_run || !is_change(call))
		return 0;
	return audit_change(call->service->audit, call_txn(call), &entry, err);
}
