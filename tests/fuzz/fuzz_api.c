/* Parameters of every method against the table; the first line is the method. */
#include "common/api/api.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *params = NULL;
	const uint8_t *end = memchr(data, '\n', size);
	_cleanup_free_ char *name = end ? xstrndup((const char *)data, (size_t)(end - data)) : NULL;
	enum api_method_id method;

	if (!end)
		return 0;
	if (!api_method_find(name, &method)) {
		if (api_method_nearest(name) && !api_method_find(api_method_nearest(name), &method))
			abort();
		return 0;
	}
	params = json_parse((const char *)end + 1, size - 1 - (size_t)(end - data), &err);
	if (!params)
		return 0;
	if (api_validate(method, params, &err) < 0)
		return err.code == ERROR_INVALID && err.message ? 0 : (abort(), 0);
	/* What was accepted is accepted again: changing in place is done once and for all. */
	if (api_validate(method, params, &err) < 0)
		abort();
	return 0;
}
