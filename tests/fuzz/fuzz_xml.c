/*
 * XML of web APIs: what is read has only objects, lists and texts, no deeper than is allowed, and each list an item;
 * attributes and the text beside them are texts.
 */
#include "common/error.h"
#include "common/json.h"
#include "common/xml.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct json_object *value, int depth)
{
	if (depth > 33)
		abort();
	if (json_object_is_type(value, json_type_string))
		return;
	if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) == 0)
		abort();
	json_object_object_foreach(value, name, list) {
		bool is_text = *name == '@' || strcmp(name, "#text") == 0;

		if (!*name || !json_object_is_type(list, is_text ? json_type_string : json_type_array) ||
			(!is_text && json_object_array_length(list) == 0))
			abort();
		if (is_text)
			continue;
		for (size_t i = 0; i < json_object_array_length(list); i++)
			check(json_object_array_get_idx(list, i), depth + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *document = xml_parse((const char *)data, size, &err);

	if (!document != error_is_set(&err))
		abort();
	if (!document)
		return 0;
	if (!json_object_is_type(document, json_type_object) || json_object_object_length(document) != 1)
		abort();
	check(document, 0);
	return 0;
}
