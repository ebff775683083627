/*
 * JSON-RPC 2.0 messages to structs and back. Both sides use it, so an error reaches the operator's terminal unchanged:
 * the application code, field, CA problem and retry time are in `data`.
 */
#include "common/api/rpc.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/timefmt.h"

#include <string.h>

static int
check_version(struct json_object *message, struct error *err)
{
	const char *version = NULL;

	if (!json_object_is_type(message, json_type_object))
		return error_set(err, ERROR_PROTOCOL, "a JSON-RPC message must be an object");
	if (json_get_string(message, "jsonrpc", &version, err) < 0)
		return -1;
	if (!version || strcmp(version, "2.0") != 0)
		return error_set(err, ERROR_PROTOCOL, "\"jsonrpc\" must be \"2.0\"");
	return 0;
}

/* Section 4: string, number or null; fractions are discouraged, but returned like any number. */
static int
read_id(struct json_object *message, struct rpc_request *ret, struct error *err)
{
	struct json_object *id = NULL;

	ret->is_notification = !json_object_object_get_ex(message, "id", &id);
	switch (json_object_get_type(id)) {
	case json_type_null:
	case json_type_string:
	case json_type_int:
	case json_type_double:
		ret->id = id;
		return 0;
	default:
		return error_set(err, ERROR_PROTOCOL, "\"id\" must be a string, a number or null");
	}
}

static int
read_call(struct json_object *message, const char **ret_method, struct json_object **ret_params, struct error *err)
{
	struct json_object *params = NULL;
	int found = json_get_string(message, "method", ret_method, err);

	if (found < 0)
		return -1;
	if (found == 0 || **ret_method == '\0')
		return error_set(err, ERROR_PROTOCOL, "\"method\" is missing");
	if (json_object_object_get_ex(message, "params", &params) && params &&
		!json_object_is_type(params, json_type_object)) {
		return error_set_field(err, "params", "params must be an object");
	}
	*ret_params = params;
	return 0;
}

int
rpc_request_read(struct json_object *message, struct rpc_request *ret, struct error *err)
{
	*ret = (struct rpc_request){ .id = NULL };
	if (check_version(message, err) < 0 || read_id(message, ret, err) < 0)
		return -1;
	return read_call(message, &ret->method, &ret->params, err);
}

static struct json_object *
message_new(void)
{
	struct json_object *message = json_object_new_object();

	json_add_string(message, "jsonrpc", "2.0");
	return message;
}

struct json_object *
rpc_notification(const char *method, struct json_object *params)
{
	struct json_object *message = message_new();

	json_add_string(message, "method", method);
	if (params)
		json_object_object_add(message, "params", params);
	return message;
}

struct json_object *
rpc_request(int64_t id, const char *method, struct json_object *params)
{
	struct json_object *message = message_new();

	json_add_int(message, "id", id);
	json_add_string(message, "method", method);
	if (params)
		json_object_object_add(message, "params", params);
	return message;
}

struct json_object *
rpc_result(struct json_object *id, struct json_object *result)
{
	struct json_object *message = message_new();

	json_object_object_add(message, "id", json_object_get(id));
	json_object_object_add(message, "result", result);
	return message;
}

struct json_object *
rpc_error_to_json(const struct error *err)
{
	struct json_object *obj = json_object_new_object();

	json_add_string(obj, "code", error_code_name(err->code));
	json_add_string(obj, "message", err->message);
	json_add_string(obj, "field", err->field);
	json_add_string(obj, "problem", err->problem);
	if (err->may_retry)
		json_add_bool(obj, "retry", true);
	json_add_time(obj, "retryAt", err->retry_at);
	return obj;
}

static int
code_for(const struct error *err)
{
	switch (err->code) {
	case ERROR_INVALID:
		return RPC_INVALID_PARAMS;
	case ERROR_INTERNAL:
		return RPC_INTERNAL_ERROR;
	default:
		return RPC_APPLICATION_ERROR;
	}
}

struct json_object *
rpc_error(struct json_object *id, int rpc_code, const struct error *err)
{
	struct json_object *message = message_new();
	struct json_object *error = json_object_new_object();
	struct json_object *data = rpc_error_to_json(err);

	json_object_object_del(data, "message"); /* it is a member next to the code */
	json_add_int(error, "code", rpc_code ? rpc_code : code_for(err));
	json_add_string(error, "message", err->message ? err->message : error_code_name(err->code));
	json_object_object_add(error, "data", data);
	json_object_object_add(message, "id", json_object_get(id));
	json_object_object_add(message, "error", error);
	return message;
}

void
rpc_error_from_json(struct json_object *obj, struct error *ret)
{
	const char *code = NULL, *text = NULL, *field = NULL, *problem = NULL, *retry_at = NULL;

	if (!json_object_is_type(obj, json_type_object) || json_get_string(obj, "code", &code, NULL) < 0 ||
		json_get_string(obj, "message", &text, NULL) < 0 || json_get_string(obj, "field", &field, NULL) < 0 ||
		json_get_string(obj, "problem", &problem, NULL) < 0 ||
		json_get_string(obj, "retryAt", &retry_at, NULL) < 0) {
		error_set(ret, ERROR_PROTOCOL, "certd sent an unreadable error");
		return;
	}
	error_set(ret, code ? error_code_from_name(code) : ERROR_INTERNAL, "%s", text ? text : "unknown error");
	if (ret->code == ERROR_NONE)
		ret->code = ERROR_INTERNAL;
	str_replace(&ret->field, field);
	str_replace(&ret->problem, problem);
	json_get_bool(obj, "retry", &ret->may_retry, NULL);
	if (retry_at && time_parse_rfc3339(retry_at, &ret->retry_at) < 0)
		ret->retry_at = 0;
}

/* For answers without our `data`, from other servers. */
static enum error_code
code_from_rpc(int64_t rpc_code)
{
	switch (rpc_code) {
	case RPC_INVALID_PARAMS:
		return ERROR_INVALID;
	case RPC_INTERNAL_ERROR:
		return ERROR_INTERNAL;
	default:
		return ERROR_PROTOCOL;
	}
}

static int
read_error(struct json_object *error, struct error *err)
{
	struct json_object *data = NULL;
	const char *text = NULL;
	int64_t rpc_code = 0;

	if (json_get_string(error, "message", &text, err) < 0 ||
		json_get_int(error, "code", INT32_MIN, INT32_MAX, &rpc_code, err) < 0)
		return -1;
	if (!err)
		return -1;
	if (json_object_object_get_ex(error, "data", &data) && json_object_is_type(data, json_type_object))
		rpc_error_from_json(data, err);
	else
		error_set(err, code_from_rpc(rpc_code), "unknown error");
	if (text && err->code != ERROR_NONE)
		error_reword(err, text);
	return -1;
}

int
rpc_response_read(struct json_object *message, struct rpc_response *ret, struct error *err)
{
	struct json_object *error = NULL;
	struct json_object *id = NULL;
	int found;

	*ret = (struct rpc_response){ .id = -1 };
	if (check_version(message, err) < 0)
		return -1;
	if (json_object_object_get_ex(message, "method", NULL))
		return read_call(message, &ret->method, &ret->params, err);
	if (json_object_object_get_ex(message, "id", &id) && json_object_is_type(id, json_type_int))
		ret->id = json_object_get_int64(id);
	found = json_get_object(message, "error", &error, err);
	if (found < 0)
		return -1;
	if (found)
		return read_error(error, err);
	if (!json_object_object_get_ex(message, "result", &ret->result))
		return error_set(err, ERROR_PROTOCOL, "the answer contains neither a result nor an error");
	return 1;
}

void
rpc_write(struct json_object *message, struct buf *ret)
{
	json_write(message, ret);
	buf_add_char(ret, '\n');
}
