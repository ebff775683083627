/* Declaration files from an operator, or generated ones. */
#include "common/alloc.h"
#include "common/error.h"
#include "ctl/declare/declaration.h"
#include "ctl/declare/yaml_file.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read can be written, and is read as the same again. */
static void
write_and_read(struct json_object *value)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_yaml_ struct yaml_file again = { .root = NULL };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out || yaml_write(value, out, &err) < 0 || fclose(out) != 0)
		abort();
	if (len < YAML_MAX_SIZE && (yaml_read(text, len, &again, &err) < 0 || !json_object_equal(again.root, value)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *declared = NULL;
	_cleanup_yaml_ struct yaml_file file = { .root = NULL };

	if (yaml_read((const char *)data, size, &file, &err) < 0) {
		if (file.root || !error_is_set(&err))
			abort();
		return 0;
	}
	write_and_read(file.root);
	if (declaration_check(&file, &declared, &err) < 0 && !error_is_set(&err))
		abort();
	return 0;
}
