/* JSON-RPC messages, as a hostile client or server may write them. */
#include "common/api/rpc.h"
#include "common/buf.h"
#include "common/error.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_again(const char *text, size_t len)
{
	_cleanup_json_ struct json_object *message = json_parse(text, len, NULL);

	if (!message)
		abort();
}

/* @message: taken. */
static void
read_again_and_free(struct json_object *message)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	rpc_write(message, &text);
	read_again(text.data, text.len);
	json_object_put(message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *message = NULL;
	_cleanup_json_ struct json_object *answer = NULL;
	_cleanup_error_ struct error carried = ERROR_INIT;
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
	rpc_error_from_json(message, &carried);
	if (!error_is_set(&carried))
		abort();
	answer = rpc_error(request.id, 0, &carried);
	rpc_write(answer, &text);
	/* What we write, we can read. */
	read_again(text.data, text.len);
	read_again_and_free(rpc_request(7, "x", json_object_get(message)));
	read_again_and_free(rpc_notification("x", json_object_get(message)));
	read_again_and_free(rpc_result(request.id, json_object_get(message)));
	return 0;
}
