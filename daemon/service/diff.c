/* Compares two properties objects along the API table: write-only members never get into the result. */
#include "daemon/service/diff.h"

#include "common/buf.h"
#include "common/utf8.h"

#include <string.h>

enum { SHOWN_OF_LONG = 64 };

static bool
is_nothing(struct json_object *value)
{
	return !value || (json_object_is_type(value, json_type_boolean) && !json_object_get_boolean(value)) ||
	       (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0);
}

/* A member with a value, or NULL. Borrowed. */
static struct json_object *
diff_member(struct json_object *obj, const char *name)
{
	struct json_object *value = NULL;

	if (json_object_is_type(obj, json_type_object))
		json_object_object_get_ex(obj, name, &value);
	return is_nothing(value) ? NULL : value;
}

/* The value, or the beginning of a long one; owned by the caller. */
static struct json_object *
diff_shown(struct json_object *value)
{
	const char *text = json_object_is_type(value, json_type_string)
				   ? json_object_get_string(value)
				   : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
	size_t len = strlen(text);
	_cleanup_buf_ struct buf brief = BUF_INIT;

	if (len <= DIFF_VALUE_MAX)
		return json_object_get(value);
	buf_add(&brief, text, utf8_cut(text, len, SHOWN_OF_LONG));
	buf_printf(&brief, "... (%zu octets)", len);
	return json_object_new_string(buf_str(&brief));
}

static struct json_object *
diff_add_change(struct json_object *changes, const char *path)
{
	struct json_object *change = json_object_new_object();

	json_add_string(change, "field", path);
	json_object_array_add(changes, change);
	return change;
}

static void
diff_value(const char *path, struct json_object *old, struct json_object *new, struct json_object *changes)
{
	struct json_object *change;

	if ((!old && !new) || (old && new &&json_object_equal(old, new)))
		return;
	change = diff_add_change(changes, path);
	if (old)
		json_object_object_add(change, "old", diff_shown(old));
	if (new)
		json_object_object_add(change, "new", diff_shown(new));
}

static void
diff_fields(const struct api_field *fields, const char *outer, struct json_object *old, struct json_object *new,
	struct json_object *changes)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		_cleanup_free_ char *path = xasprintf("%s%s", outer, f->name);
		struct json_object *before = diff_member(old, f->name);
		struct json_object *after = diff_member(new, f->name);

		if (f->type == API_SECRET) {
			if (after)
				json_add_bool(diff_add_change(changes, path), "changed", true);
		} else if (f->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s.", path);

			diff_fields(f->fields, inner, before, after, changes);
		} else {
			diff_value(path, before, after, changes);
		}
	}
}

struct json_object *
diff_properties(const struct api_field *fields, struct json_object *old, struct json_object *new)
{
	struct json_object *changes = json_object_new_array();

	diff_fields(fields, "", old, new, changes);
	return changes;
}
