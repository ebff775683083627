/*
 * common/rpc.h: JSON-RPC 2.0 messages, one per line (a batch is one line too). Pure: used by the server and certctl.
 *
 * Errors: JSON-RPC's own codes -32700, -32600, -32601, -32602, -32603; all else is -32000 with
 * data {"code": "not-found", "field": .., "problem": .., "retryAt": RFC 3339}, made from struct error and back.
 */
#ifndef COMMON_RPC_H
#define COMMON_RPC_H

#include "common/json.h"

struct buf;
struct error;

enum { RPC_MAX_FRAME = 256 * 1024, RPC_MAX_BATCH = 64 };

struct rpc_request {
	struct json_object *id;     /* borrowed from the message; NULL: a notification */
	const char *method;         /* borrowed */
	struct json_object *params; /* borrowed; NULL if absent; always an object */
};

/* Reads one request object (not a batch). -1: the answer to send is rpc_error() with the code -32600 or -32602. */
int
rpc_request_read(struct json_object *message, struct rpc_request *ret, struct error *err);

/* New message objects, owned by the caller; @params and @result are taken, @id is referenced. */
struct json_object *
rpc_request(int64_t id, const char *method, struct json_object *params);

struct json_object *
rpc_notification(const char *method, struct json_object *params);

struct json_object *
rpc_result(struct json_object *id, struct json_object *result);

/* @id NULL: null. @rpc_code 0: chosen from @err. */
struct json_object *
rpc_error(struct json_object *id, int rpc_code, const struct error *err);

/*
 * rpc_response_read() - what came back
 * Return: 1 and the result (borrowed from @message), 0 it is a notification (method and params in @ret_note),
 * -1 an error answer or no JSON-RPC: @err filled from it, codes and fields restored.
 */
int
rpc_response_read(struct json_object *message, struct json_object **ret_result, struct rpc_request *ret_note,
	struct error *err);

/* Appends the message and a newline. */
void
rpc_write(struct json_object *message, struct buf *ret);

#endif
