/*
 * All objects that certd has, fetched in pages. Ids differ between daemons, so code that compares or writes
 * declarations uses names.
 */
#include "ctl/declare/current.h"

#include "common/buf.h"
#include "common/error.h"
#include "ctl/base/pages.h"
#include "ctl/declare/declaration.h"

/* Collects the objects of one resource. */
struct fetch {
	struct ctl *ctl;
	struct json_object *objects;
};

/* Two objects with one name, which REST allows: the second one is noted in the first. */
static void
current_note_same_name(struct json_object *object, const char *id)
{
	struct json_object *ids = NULL;

	if (!json_object_object_get_ex(object, "sameName", &ids)) {
		ids = json_object_new_array();
		json_object_object_add(object, "sameName", ids);
	}
	json_object_array_add(ids, json_object_new_string(id));
}

int
current_check_name(const struct api_resource *resource, struct json_object *object, struct error *err)
{
	_cleanup_buf_ struct buf ids = BUF_INIT;
	struct json_object *others = NULL;

	if (!object || !json_object_object_get_ex(object, "sameName", &others))
		return 0;
	buf_add_str(&ids, ctl_text_at(object, "id"));
	for (size_t i = 0; i < json_object_array_length(others); i++)
		buf_printf(&ids, ", %s", json_object_get_string(json_object_array_get_idx(others, i)));
	return error_set(err, ERROR_EXISTS,
		"more than one %s has the name '%s', so a declaration cannot refer to one: rename or delete one by "
		"its id (%s)",
		resource->title, ctl_text_at(object, "properties.name"), buf_str(&ids));
}

static void
current_take_object(struct json_object *object, void *arg)
{
	struct fetch *fetch = arg;
	const char *name = ctl_text_at(object, "properties.name");
	struct json_object *same = NULL;

	json_add_string(fetch->ctl->names, ctl_text_at(object, "id"), name);
	if (ctl_at(object, "metadata.variantOf"))
		return; /* certd derives it from another declaration */
	if (json_object_object_get_ex(fetch->objects, name, &same))
		current_note_same_name(same, ctl_text_at(object, "id"));
	else
		json_object_object_add(fetch->objects, name, json_object_get(object));
}

static int
current_fetch_all(struct ctl *ctl, const struct api_resource *resource, struct json_object *objects, struct error *err)
{
	_cleanup_json_ struct json_object *all = json_object_new_object();
	struct fetch fetch = { ctl, objects };
	enum api_method_id method = RPC_PROVIDER_LIST;

	api_method_of(resource, API_LIST_ALL, &method);
	return pages_each(ctl, method, all, current_take_object, &fetch, err);
}

int
current_fetch(struct ctl *ctl, struct json_object **ret, struct error *err)
{
	_cleanup_json_ struct json_object *all = json_object_new_object();
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *key = declaration_key(resources[i]);
		struct json_object *objects = json_object_new_object();

		json_object_object_add(all, key, objects);
		if (current_fetch_all(ctl, resources[i], objects, err) < 0)
			return -1;
	}
	*ret = json_object_get(all);
	return 0;
}

/* --- what is declared of it --- */

static bool
current_is_unset(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(value);
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_object:
		return json_object_object_length(value) == 0;
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	default:
		return false;
	}
}

static struct json_object *
current_members(struct ctl *ctl, const struct api_field *fields, struct json_object *values);

static struct json_object *
current_list(struct ctl *ctl, const struct api_field *field, struct json_object *list)
{
	struct json_object *ret = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (field->type == API_LIST)
			item = current_members(ctl, field->fields, item);
		else if (field->type == API_REFLIST)
			item = json_object_new_string(ctl_name_of(ctl, field->resource, json_object_get_string(item)));
		else
			item = json_object_get(item);
		json_object_array_add(ret, item);
	}
	return ret;
}

static struct json_object *
current_value(struct ctl *ctl, const struct api_field *field, struct json_object *value)
{
	if (field->type == API_REF)
		return json_object_new_string(ctl_name_of(ctl, field->resource, json_object_get_string(value)));
	if (field->type == API_OBJECT)
		return current_members(ctl, field->fields, value);
	if (json_object_is_type(value, json_type_array))
		return current_list(ctl, field, value);
	return json_object_get(value);
}

static struct json_object *
current_members(struct ctl *ctl, const struct api_field *fields, struct json_object *values)
{
	struct json_object *ret = json_object_new_object();

	for (; fields && fields->name; fields++) {
		struct json_object *value = NULL;

		if ((fields->flags & API_READ_ONLY) || fields->type == API_SECRET ||
			!json_object_object_get_ex(values, fields->name, &value) || current_is_unset(value))
			continue;
		json_object_object_add(ret, fields->name, current_value(ctl, fields, value));
	}
	return ret;
}

struct json_object *
current_properties(struct ctl *ctl, const struct api_resource *resource, struct json_object *object)
{
	struct json_object *ret = current_members(ctl, resource->properties, ctl_at(object, "properties"));

	json_object_object_del(ret, "name");
	return ret;
}
