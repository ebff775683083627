/*
 * Comparing declarations. The file is complete: a property that it omits returns to its default. There are two
 * exceptions: secrets, which certd never returns, and properties that can never change.
 */
#include "ctl/declare/plan.h"

#include "common/error.h"
#include "ctl/declare/declaration.h"

#include <stdlib.h>
#include <string.h>

void
plan_clear(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		json_object_put(plan->steps[i].before);
		json_object_put(plan->steps[i].after);
		json_object_put(plan->steps[i].send);
		json_object_put(plan->steps[i].waiting);
		json_object_put(plan->steps[i].effect);
		free(plan->steps[i].failure);
	}
	free(plan->steps);
	*plan = (struct plan){ .count = 0 };
}

size_t
plan_count(const struct plan *plan, enum plan_action action)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->steps[i].action == action;
	return count;
}

static struct plan_step *
plan_add_step(struct plan *plan, enum plan_action action, const struct api_resource *resource, const char *name)
{
	struct plan_step *step;

	if ((plan->count & (plan->count - 1)) == 0)
		plan->steps = xreallocarray(plan->steps, plan->count ? plan->count * 2 : 1, sizeof(*plan->steps));
	step = &plan->steps[plan->count++];
	*step = (struct plan_step){ .action = action, .resource = resource, .name = name };
	return step;
}

static struct json_object *
plan_member(struct json_object *obj, const char *name)
{
	struct json_object *value = NULL;

	return obj && json_object_object_get_ex(obj, name, &value) ? value : NULL;
}

/* --- one object --- */

static bool
plan_is_off(struct json_object *value)
{
	return !value || (json_object_is_type(value, json_type_boolean) && !json_object_get_boolean(value)) ||
	       (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0) ||
	       (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0);
}

static bool
plan_is_same(struct json_object *a, struct json_object *b)
{
	return (plan_is_off(a) && plan_is_off(b)) || json_object_equal(a, b);
}

/* The properties to send to certd. Return: NULL when there are none. */
static int
plan_differences(const struct plan_step *step, struct json_object **ret, struct error *err)
{
	struct json_object *send = json_object_new_object();

	*ret = send;
	for (const struct api_field *f = step->resource->properties; f->name; f++) {
		struct json_object *before = plan_member(step->before, f->name);
		struct json_object *after = plan_member(step->after, f->name);

		if ((f->flags & API_READ_ONLY) || strcmp(f->name, "name") == 0 || plan_is_same(before, after))
			continue;
		if ((f->type == API_SECRET || (f->flags & API_IMMUTABLE)) && !after)
			continue;
		if (f->type == API_SECRET && (f->flags & API_IMMUTABLE))
			continue; /* it was set at creation */
		if (f->flags & API_IMMUTABLE)
			return error_set(err, ERROR_INVALID,
				"%s '%s': %s cannot be changed from '%s' to '%s': use another name, or remove the "
				"object first",
				step->resource->title, step->name, f->name,
				before ? json_object_get_string(before) : "", json_object_get_string(after));
		json_object_object_add(send, f->name, json_object_get(after));
	}
	return 0;
}

static bool
plan_is_there(struct json_object *objects, struct json_object *name)
{
	return plan_member(objects, json_object_get_string(name)) != NULL;
}

/* Does @value of @field refer to an object that certd does not have? */
static bool
plan_waits_for_other(const struct api_field *field, struct json_object *value, struct json_object *present)
{
	const struct api_resource *target = field->resource && value ? api_resource_find(field->resource) : NULL;
	_cleanup_free_ char *key = target ? declaration_key(target) : NULL;
	struct json_object *there = key ? plan_member(present, key) : NULL;

	if (!key)
		return false;
	if (!json_object_is_type(value, json_type_array))
		return !plan_is_there(there, value);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!plan_is_there(there, json_object_array_get_idx(value, i)))
			return true;
	return false;
}

/* The names of these properties. Return: NULL when there are none. */
static struct json_object *
plan_waiting_properties(
	const struct api_resource *resource, struct json_object *properties, struct json_object *present)
{
	struct json_object *ret = NULL;

	for (const struct api_field *f = resource->properties; f->name; f++) {
		if (!plan_waits_for_other(f, plan_member(properties, f->name), present))
			continue;
		if (!ret)
			ret = json_object_new_object();
		json_object_object_add(ret, f->name, json_object_get(plan_member(properties, f->name)));
	}
	return ret;
}

static int
plan_object(struct plan *plan, const struct api_resource *resource, const char *name, struct json_object *wanted,
	struct json_object *before, struct json_object *present, struct error *err)
{
	struct plan_step *step = plan_add_step(plan, before ? PLAN_UPDATE : PLAN_CREATE, resource, name);

	step->before = json_object_get(before);
	step->after = json_object_get(plan_member(wanted, "properties"));
	step->waiting = plan_waiting_properties(resource, step->after, present);
	if (!before) {
		step->send = json_object_get(step->after);
		return 0;
	}
	if (plan_differences(step, &step->send, err) < 0)
		return -1;
	if (json_object_object_length(step->send) == 0)
		step->action = PLAN_NOTHING;
	return 0;
}

/* --- all --- */

static int
plan_collection(struct plan *plan, const struct api_resource *resource, struct json_object *wanted,
	struct json_object *present, struct error *err)
{
	_cleanup_free_ char *key = declaration_key(resource);
	struct json_object *objects = plan_member(wanted, key);
	struct json_object *there = plan_member(present, key);

	if (!objects)
		return 0;
	json_object_object_foreach(objects, name, object) {
		if (plan_object(plan, resource, name, object, plan_member(there, name), present, err) < 0)
			return -1;
	}
	return 0;
}

static void
plan_removals(struct plan *plan, const struct api_resource *resource, struct json_object *wanted,
	struct json_object *present, bool is_pruning)
{
	_cleanup_free_ char *key = declaration_key(resource);
	struct json_object *objects = plan_member(wanted, key);
	struct json_object *there = plan_member(present, key);

	if (!there)
		return;
	json_object_object_foreach(there, name, before) {
		if (plan_member(objects, name) || (objects && json_object_object_get_ex(objects, name, NULL)))
			continue;
		if (!is_pruning || !objects)
			plan->others++;
		else
			plan_add_step(plan, PLAN_DELETE, resource, name)->before = json_object_get(before);
	}
}

int
plan_make(struct json_object *wanted, struct json_object *present, bool is_pruning, struct plan *ret, struct error *err)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);

	*ret = (struct plan){ .count = 0 };
	for (size_t i = 0; i < count; i++)
		if (plan_collection(ret, resources[i], wanted, present, err) < 0)
			return -1;
	for (size_t i = count; i-- > 0;)
		plan_removals(ret, resources[i], wanted, present, is_pruning);
	return 0;
}

/* --- the difference, for people --- */

static struct json_object *
plan_shown(const struct api_field *field, struct json_object *value)
{
	return field->type == API_SECRET ? json_object_new_string("(secret)") : json_object_get(value);
}

static void
plan_add_changes(const struct api_field *fields, const char *outer, struct json_object *before,
	struct json_object *after, struct json_object *ret)
{
	for (; fields && fields->name; fields++) {
		struct json_object *a = plan_member(before, fields->name);
		struct json_object *b = plan_member(after, fields->name);
		_cleanup_free_ char *path = xasprintf("%s%s", outer, fields->name);
		struct json_object *change;

		if ((fields->flags & API_READ_ONLY) || plan_is_same(a, b))
			continue;
		if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s.", path);

			plan_add_changes(fields->fields, inner, a, b, ret);
			continue;
		}
		change = json_object_new_object();
		json_add_string(change, "property", path);
		if (!plan_is_off(a))
			json_object_object_add(change, "old", plan_shown(fields, a));
		if (!plan_is_off(b))
			json_object_object_add(change, "new", plan_shown(fields, b));
		json_object_array_add(ret, change);
	}
}

struct json_object *
plan_changes(const struct api_resource *resource, struct json_object *before, struct json_object *after)
{
	struct json_object *ret = json_object_new_array();

	plan_add_changes(resource->properties, "", before, after, ret);
	return ret;
}
