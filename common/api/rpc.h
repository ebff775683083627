/*
 * common/api/rpc.h: JSON-RPC 2.0 messages, one per line (a batch is also one line). Pure: used by the server and
 * certctl.
 *
 * Errors: JSON-RPC's own codes below; all others are -32000. Each has data {"code": "not-found", "field", "problem",
 * "retry", "retryAt": RFC 3339}, converted from and to struct error.
 */
#ifndef COMMON_API_RPC_H
#define COMMON_API_RPC_H

#include "common/json.h"

struct buf;
struct error;

enum { RPC_MAX_FRAME = 256 * 1024, RPC_MAX_BATCH = 64 };

/* JSON-RPC 2.0 section 5.1. */
enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_APPLICATION_ERROR = -32000
};

struct rpc_request {
	struct json_object *id;     /* borrowed from the message; NULL: null, or a notification */
	bool is_notification;       /* without an id: it is not answered */
	const char *method;         /* borrowed */
	struct json_object *params; /* borrowed; NULL if absent; always an object */
};

/*
 * rpc_request_read() - read one request object (not a batch)
 * Return: 0, or -1: answer with rpc_error(ret->id, 0, err). @ret->id is also set then, if it could be read.
 * ERROR_INVALID: the parameters are not an object (RPC_INVALID_PARAMS); ERROR_PROTOCOL: not a request (answer with
 * RPC_INVALID_REQUEST).
 */
int
rpc_request_read(struct json_object *message, struct rpc_request *ret, struct error *err);

/* New message objects, owned by the caller; @params and @result are taken (NULL: omitted, null), @id is referenced. */
struct json_object *
rpc_request(int64_t id, const char *method, struct json_object *params);

struct json_object *
rpc_notification(const char *method, struct json_object *params);

struct json_object *
rpc_result(struct json_object *id, struct json_object *result);

/* @id NULL: null. @rpc_code 0: RPC_INVALID_PARAMS, RPC_INTERNAL_ERROR or RPC_APPLICATION_ERROR by @err. */
struct json_object *
rpc_error(struct json_object *id, int rpc_code, const struct error *err);

/* {code, message, field, problem, retry, retryAt} as in error answers and events; owned by the caller. */
struct json_object *
rpc_error_to_json(const struct error *err);

/* The inverse; unknown codes are ERROR_INTERNAL, an unreadable @obj gives ERROR_PROTOCOL. */
void
rpc_error_from_json(struct json_object *obj, struct error *ret);

struct rpc_response {
	int64_t id;                 /* of our request; -1: a notification or an answer without a number */
	struct json_object *result; /* borrowed; NULL: null */
	const char *method;         /* notification; borrowed; else NULL */
	struct json_object *params; /* notification; borrowed; NULL if absent */
};

/*
 * rpc_response_read() - read an answer or a notification
 * Return: 1 a result, 0 a notification, -1 an error answer (@ret->id is set, @err restored from it) or not JSON-RPC
 * (ERROR_PROTOCOL, @ret->id is -1).
 */
int
rpc_response_read(struct json_object *message, struct rpc_response *ret, struct error *err);

/* Appends the message and a newline. */
void
rpc_write(struct json_object *message, struct buf *ret);

#endif
