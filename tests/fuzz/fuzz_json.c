/* JSON text: what is read can be written, and reads back as the same value. */
#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	json_write(obj, &text);
	again = json_parse(text.data, text.len, NULL);
	if (!again || !json_object_equal(obj, again))
		abort();
	return 0;
}
