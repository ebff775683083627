/*
 * JSON. json-c builds the tree but is too lenient, so two checks surround it. The text is scanned first (NUL octets and
 * escapes, which would cut member names short; control characters; single quotes; overlong UTF-8). The tree is walked
 * afterwards (limits of depth, count and length; numbers that JSON does not have).
 */
#include "common/json.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/strlist.h"
#include "common/timefmt.h"
#include "common/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
tokener_freep(struct json_tokener **tok)
{
	if (!*tok)
		return;
	explicit_bzero((*tok)->pb->buf, (size_t)(*tok)->pb->size); /* the buffer has held strings: keys, passwords */
	json_tokener_free(*tok);
}

/* Return: NULL, or the fault. */
static const char *
scan_text(const char *text, size_t len)
{
	bool is_in_string = false;
	bool is_escaped = false;
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		char c = text[i];

		step = (unsigned char)c < 0x80 ? 1 : utf8_length(text + i, len - i);
		if (step == 0)
			return "is not UTF-8";
		if (c == '\0')
			return "contains a NUL character";
		if (!is_in_string && c == '\'')
			return "contains single quotes";
		if (is_in_string && c > 0 && c < ' ')
			return "contains a control character in a string";
		if (is_escaped && len - i >= 5 && memcmp(text + i, "u0000", 5) == 0)
			return "contains an escaped NUL";
		if (c == '"' && !is_escaped)
			is_in_string = !is_in_string;
		is_escaped = is_in_string && c == '\\' && !is_escaped;
	}
	return NULL;
}

/* @depth: of arrays and objects around @obj; the tokener stops one level further. Return: NULL, or the fault. */
static const char *
walk_tree(struct json_object *obj, unsigned depth)
{
	const char *wrong = NULL;

	switch (json_object_get_type(obj)) {
	case json_type_double:
		return isfinite(json_object_get_double(obj)) ? NULL : "contains a number that is out of range";
	case json_type_string:
		return json_object_get_string_len(obj) > JSON_MAX_STRING ? "contains a string that is too long" : NULL;
	case json_type_array:
		if (depth == JSON_MAX_DEPTH)
			return "is nested too deeply";
		if (json_object_array_length(obj) > JSON_MAX_ITEMS)
			return "contains an array with too many items";
		for (size_t i = 0; !wrong && i < json_object_array_length(obj); i++)
			wrong = walk_tree(json_object_array_get_idx(obj, i), depth + 1);
		return wrong;
	case json_type_object:
		if (depth == JSON_MAX_DEPTH)
			return "is nested too deeply";
		if (json_object_object_length(obj) > JSON_MAX_ITEMS)
			return "contains an object with too many members";
		json_object_object_foreach(obj, name, value) {
			wrong = strlen(name) > JSON_MAX_STRING ? "contains a name that is too long"
							       : walk_tree(value, depth + 1);
			if (wrong)
				return wrong;
		}
		return NULL;
	case json_type_null:
	case json_type_boolean:
	case json_type_int:
		break;
	}
	return NULL;
}

/* Return: the tree, or NULL and the fault. */
static struct json_object *
read_tree(const char *text, size_t len, const char **ret_wrong)
{
	_cleanup_(tokener_freep) struct json_tokener *tok = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	struct json_object *obj;

	if (!tok)
		abort();
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) == json_tokener_continue)
		obj = json_tokener_parse_ex(tok, "", 1); /* the NUL ends a number at the top level */
	if (json_tokener_get_error(tok) != json_tokener_success) {
		*ret_wrong = json_tokener_error_desc(json_tokener_get_error(tok));
		return NULL;
	}
	if (!obj)
		*ret_wrong = "is null";
	return obj;
}

struct json_object *
json_parse(const char *text, size_t len, struct error *err)
{
	_cleanup_json_ struct json_object *obj = NULL;
	const char *wrong;
	struct json_object *ret;

	while (len && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	wrong = len > INT32_MAX ? "is too long" : scan_text(text, len);
	if (!wrong)
		obj = read_tree(text, len, &wrong);
	if (obj)
		wrong = walk_tree(obj, 0);
	if (wrong) {
		error_set(err, ERROR_PROTOCOL, "the JSON text %s", wrong);
		return NULL;
	}
	ret = obj;
	obj = NULL;
	return ret;
}

/* Return: 1 and the member (borrowed), 0 absent or null, -1 it or @obj has another type. */
static int
get(struct json_object *obj, const char *name, enum json_type type, struct json_object **ret, struct error *err)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(obj, json_type_object)) {
		error_set_field(err, name, "'%s' is missing because its parent is not an object", name);
	} else if (!json_object_object_get_ex(obj, name, &value) || !value) {
		return 0;
	} else if (json_object_is_type(value, type)) {
		*ret = value;
		return 1;
	} else {
		error_set_field(err, name, "'%s' must be %s, not %s", name, json_type_to_name(type),
			json_type_to_name(json_object_get_type(value)));
	}
	if (err)
		err->code = ERROR_PROTOCOL;
	return -1;
}

int
json_get_string(struct json_object *obj, const char *name, const char **ret, struct error *err)
{
	struct json_object *value;
	int rc = get(obj, name, json_type_string, &value, err);

	if (rc == 1)
		*ret = json_object_get_string(value);
	return rc;
}

int
json_get_int(struct json_object *obj, const char *name, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
	struct json_object *value;
	int rc = get(obj, name, json_type_int, &value, err);
	int64_t number;

	if (rc != 1)
		return rc;
	number = json_object_get_int64(value); /* saturates */
	if (number < min || number > max) {
		error_set_field(err, name, "'%s' must be from %lld to %lld", name, (long long)min, (long long)max);
		if (err)
			err->code = ERROR_PROTOCOL;
		return -1;
	}
	*ret = number;
	return 1;
}

int
json_get_bool(struct json_object *obj, const char *name, bool *ret, struct error *err)
{
	struct json_object *value;
	int rc = get(obj, name, json_type_boolean, &value, err);

	if (rc == 1)
		*ret = json_object_get_boolean(value);
	return rc;
}

int
json_get_object(struct json_object *obj, const char *name, struct json_object **ret, struct error *err)
{
	return get(obj, name, json_type_object, ret, err);
}

int
json_get_array(struct json_object *obj, const char *name, struct json_object **ret, struct error *err)
{
	return get(obj, name, json_type_array, ret, err);
}

int
json_get_strlist(struct json_object *obj, const char *name, struct strlist *ret, struct error *err)
{
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	struct json_object *array;
	int rc = get(obj, name, json_type_array, &array, err);

	if (rc != 1)
		return rc;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if (!json_object_is_type(item, json_type_string)) {
			error_set_field(err, name, "'%s[%zu]' must be a string, not %s", name, i,
				json_type_to_name(json_object_get_type(item)));
			if (err)
				err->code = ERROR_PROTOCOL;
			return -1;
		}
		strlist_add(&list, json_object_get_string(item));
	}
	strlist_clear(ret);
	*ret = list;
	list = (struct strlist)STRLIST_INIT;
	return 1;
}

/* json-c only fails when memory is exhausted. */
void
json_put(struct json_object *obj, const char *name, bool is_lasting, struct json_object *value)
{
	unsigned flags = is_lasting ? JSON_C_OBJECT_ADD_CONSTANT_KEY : 0;

	if (!value || json_object_object_add_ex(obj, name, value, flags) < 0)
		abort();
}

struct json_object *
json_new_time(int64_t at)
{
	char text[TIME_RFC3339_SIZE];

	time_format_rfc3339(at, text);
	return json_object_new_string(text);
}

struct json_object *
json_new_strlist(const struct strlist *list)
{
	struct json_object *array = json_object_new_array_ext((int)list->count);

	for (size_t i = 0; i < list->count; i++) {
		struct json_object *item = json_object_new_string(list->items[i]);

		if (!array || !item || json_object_array_add(array, item) < 0)
			abort();
	}
	return array;
}

/* The number of ASCII octets from @p, in multiples of eight; utf8_length() reads the rest. */
static size_t
ascii_len(const char *p, size_t len)
{
	size_t n = 0;
	uint64_t eight;

	for (; len - n >= sizeof(eight); n += sizeof(eight)) {
		memcpy(&eight, p + n, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	return n;
}

void
json_write(struct json_object *obj, struct buf *ret)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	if (!text)
		abort();
	buf_add(ret, text, len);
	/* JSON's own syntax is ASCII, so replacing a stray octet (of a hook's output, say) by '?' keeps it valid. */
	for (size_t i = ret->len - len + ascii_len(text, len); i < ret->len;) {
		size_t step = utf8_length(ret->data + i, ret->len - i);

		if (step == 0)
			ret->data[i] = '?';
		i += step ? step : 1;
	}
}

struct json_object *
json_new_text(struct json_object *obj, size_t *ret_len)
{
	struct json_object *text = json_object_new_boolean(false);
	struct buf written = BUF_INIT;

	if (!text)
		abort();
	json_write(obj, &written);
	json_object_put(obj);
	*ret_len = written.len;
	json_object_set_serializer(
		text, json_object_userdata_to_json_string, buf_steal(&written), json_object_free_userdata);
	return text;
}

struct json_object *
json_path(struct json_object *obj, const char *path)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	strlist_split(&names, path, '.');
	for (size_t i = 0; i < names.count; i++)
		if (!json_object_is_type(obj, json_type_object) ||
			!json_object_object_get_ex(obj, names.items[i], &obj))
			return NULL;
	return obj;
}
