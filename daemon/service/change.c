/* Old and new values of a call. A changed secret is only marked as changed: diff.c never sees a stored one. */
#include "daemon/service/change.h"

#include "daemon/service/diff.h"
#include "daemon/service/fields.h"

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
change_set_object(struct change *change, const struct record_class *cls, const struct object *o)
{
	change->type = cls->name;
	str_replace(&change->id, o->id);
	str_replace(&change->name, o->name);
}

void
change_found(struct change *change, const struct record_class *cls, const void *obj)
{
	if (change->type)
		return;
	change_set_object(change, cls, obj);
	change->before = fields_properties(cls, obj);
}

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

/* @after: its current properties; NULL: it was deleted. */
static void
change_set(struct change *change, const struct record_class *cls, const struct object *o, struct json_object *after)
{
	bool is_same = change->id && strcmp(change->id, o->id) == 0;

	json_object_put(change->changes);
	change->changes = diff_properties(
		api_resource_find(cls->name)->properties, is_same ? change->before : NULL, after);
	change_set_object(change, cls, o);
}

void
change_made(struct change *change, const struct record_class *cls, const void *obj, struct json_object *given)
{
	_cleanup_json_ struct json_object *after = fields_properties(cls, obj);

	change_add_secrets(api_resource_find(cls->name)->properties, given, after);
	change_set(change, cls, obj, after);
}

void
change_deleted(struct change *change, const struct record_class *cls, const void *obj)
{
	change_set(change, cls, obj, NULL);
}
