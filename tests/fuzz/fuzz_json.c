/* JSON text: what is read can be written, and reads back as the same value. */
#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/strlist.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A member fits one of the readers, or none if it is null; a reader that refuses says which member. */
static void
read_member(struct json_object *obj, const char *name)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	const char *text;
	int64_t number;
	bool flag;
	struct json_object *inner;
	int results[] = { json_get_string(obj, name, &text, &err), json_get_bool(obj, name, &flag, &err),
		json_get_int(obj, name, INT64_MIN, INT64_MAX, &number, &err), json_get_object(obj, name, &inner, &err),
		json_get_array(obj, name, &inner, &err) };
	int found = 0;
	int refused = 0;

	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		found += results[i] == 1;
		refused += results[i] == -1;
	}
	if (found > 1 || (found == 1 && refused != (int)ARRAY_SIZE(results) - 1))
		abort();
	if (refused && (err.code != ERROR_PROTOCOL || !err.field))
		abort();
	if (results[4] == 1 && json_get_strlist(obj, name, &list, &err) == 1 &&
		list.count != json_object_array_length(inner))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *obj = json_parse((const char *)data, size, &err);
	_cleanup_json_ struct json_object *again = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!obj != error_is_set(&err))
		abort();
	if (!obj)
		return 0;
	if (json_object_is_type(obj, json_type_object)) {
		json_object_object_foreach(obj, name, value) {
			read_member(obj, name);
			(void)value;
		}
	}
	json_write(obj, &text);
	again = json_parse(text.data, text.len, NULL);
	if (!again || !json_object_equal(obj, again))
		abort();
	return 0;
}
