/* JSON-RPC messages, as a hostile client or server may write them. */
#include "common/buf.h"
#include "common/error.h"
#include "common/rpc.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *message = NULL;
	_cleanup_json_ struct json_object *answer = NULL;
	struct rpc_request request;
	struct rpc_response response;

	if (size > RPC_MAX_FRAME)
		return 0;
	message = json_parse((const char *)data, size, &err);
	if (!message)
		return 0;
	if (rpc_request_read(message, &request, &err) == 0 && !request.method)
		abort();
	if (rpc_response_read(message, &response, &err) < 0 && !error_is_set(&err))
		abort();
	answer = rpc_error(request.id, 0, &err);
	rpc_write(answer, &text);
	/* What we write, we can read. */
	json_object_put(message);
	message = json_parse(text.data, text.len, &err);
	if (!message)
		abort();
	return 0;
}
