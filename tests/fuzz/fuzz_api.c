/* Parameters of every method against the table; the first octet chooses the method. */
#include "common/api.h"
#include "common/error.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *params = NULL;
	enum api_method_id method;

	if (size < 1)
		return 0;
	method = (enum api_method_id)((size_t)(data[0] - '0') % API_METHOD_COUNT);
	params = json_parse((const char *)data + 1, size - 1, &err);
	if (!params)
		return 0;
	if (api_validate(method, params, &err) < 0)
		return err.code == ERROR_INVALID && err.message ? 0 : (abort(), 0);
	/* What was accepted is accepted again: changing in place is done once and for all. */
	if (api_validate(method, params, &err) < 0)
		abort();
	return 0;
}
