#include "common/api/rpc.h"

#include "common/buf.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

static struct json_object *
parse(const char *text)
{
	struct json_object *obj = json_parse(text, strlen(text), NULL);

	cr_assert_not_null(obj, "%s", text);
	return obj;
}

Test(rpc, a_request_is_read_as_it_was_written)
{
	_cleanup_json_ struct json_object *params = parse("{\"ref\":\"www\"}");
	_cleanup_json_ struct json_object *message = rpc_request(7, "autoCertificate.get", json_object_get(params));
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *again = NULL;
	struct rpc_request req;

	rpc_write(message, &text);
	cr_expect_str_eq(buf_str(&text), "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"autoCertificate.get\","
					 "\"params\":{\"ref\":\"www\"}}\n");
	again = json_parse(text.data, text.len, NULL);
	cr_assert_eq(rpc_request_read(again, &req, NULL), 0);
	cr_expect_str_eq(req.method, "autoCertificate.get");
	cr_expect_eq(json_object_get_int(req.id), 7);
	cr_expect_not(req.is_notification);
	cr_expect_not_null(req.params);
}

Test(rpc, what_is_no_request_is_refused_with_the_right_class)
{
	static const struct {
		const char *text;
		enum error_code code;
		bool has_id;
	} cases[] = {
		{ "1", ERROR_PROTOCOL, false },
		{ "[]", ERROR_PROTOCOL, false },
		{ "{}", ERROR_PROTOCOL, false },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}", ERROR_PROTOCOL, false },
		{ "{\"jsonrpc\":2,\"id\":1,\"method\":\"a\"}", ERROR_PROTOCOL, false },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"a\"}", ERROR_PROTOCOL, false },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", ERROR_PROTOCOL, true },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}", ERROR_PROTOCOL, true },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", ERROR_PROTOCOL, true },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":[1]}", ERROR_INVALID, true },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":\"x\"}", ERROR_INVALID, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *message = parse(cases[i].text);
		_cleanup_error_ struct error err = ERROR_INIT;
		struct rpc_request req;

		cr_expect_eq(rpc_request_read(message, &req, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].text, err.message);
		cr_expect_eq(req.id != NULL, cases[i].has_id, "%s", cases[i].text);
	}
}

Test(rpc, only_a_missing_id_makes_a_notification)
{
	_cleanup_json_ struct json_object *null = parse("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"a\"}");
	_cleanup_json_ struct json_object *none = parse("{\"jsonrpc\":\"2.0\",\"method\":\"a\"}");
	struct rpc_request req;

	cr_assert_eq(rpc_request_read(null, &req, NULL), 0);
	cr_expect_not(req.is_notification);
	cr_assert_eq(rpc_request_read(none, &req, NULL), 0);
	cr_expect(req.is_notification);
}

Test(rpc, an_error_arrives_as_it_left)
{
	_cleanup_error_ struct error sent = ERROR_INIT;
	_cleanup_error_ struct error got = ERROR_INIT;
	_cleanup_json_ struct json_object *id = json_object_new_int(3);
	_cleanup_json_ struct json_object *message = NULL;
	struct rpc_response response;

	error_set(&sent, ERROR_RATE_LIMITED, "too many certificates");
	sent.may_retry = true;
	sent.retry_at = 1795257000;
	sent.problem = xstrdup("rateLimited");
	sent.field = xstrdup("properties.commonName");
	message = rpc_error(id, 0, &sent);
	cr_expect_eq(rpc_response_read(message, &response, &got), -1);
	cr_expect_eq(response.id, 3);
	cr_expect_eq(got.code, ERROR_RATE_LIMITED);
	cr_expect_str_eq(got.message, "too many certificates");
	cr_expect_str_eq(got.problem, "rateLimited");
	cr_expect_str_eq(got.field, "properties.commonName");
	cr_expect(got.may_retry);
	cr_expect_eq(got.retry_at, 1795257000);
}

Test(rpc, the_json_rpc_code_follows_the_error)
{
	static const struct {
		enum error_code code;
		int given, expected;
	} cases[] = {
		{ ERROR_INVALID, 0, RPC_INVALID_PARAMS },
		{ ERROR_INTERNAL, 0, RPC_INTERNAL_ERROR },
		{ ERROR_NOT_FOUND, 0, RPC_APPLICATION_ERROR },
		{ ERROR_PROTOCOL, 0, RPC_APPLICATION_ERROR },
		{ ERROR_PROTOCOL, RPC_PARSE_ERROR, RPC_PARSE_ERROR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *message = NULL;
		struct json_object *error = NULL;
		int64_t code = 0;

		error_set(&err, cases[i].code, "x");
		message = rpc_error(NULL, cases[i].given, &err);
		cr_assert_eq(json_get_object(message, "error", &error, NULL), 1);
		cr_assert_eq(json_get_int(error, "code", INT32_MIN, INT32_MAX, &code, NULL), 1);
		cr_expect_eq(code, cases[i].expected);
		cr_expect(json_object_object_get_ex(message, "id", NULL), "id is there, as null");
	}
}

Test(rpc, answers_notifications_and_nonsense_are_told_apart)
{
	static const struct {
		const char *text;
		int rc;
		int64_t id;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}", 1, 4 },
		{ "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":null}", 1, 4 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}", 0, -1 },
		{ "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":-32601,\"message\":\"no\"}}", -1, 4 },
		{ "{\"jsonrpc\":\"2.0\",\"id\":4}", -1, 4 },
		{ "{\"id\":4,\"result\":{}}", -1, -1 },
		{ "[]", -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *message = parse(cases[i].text);
		_cleanup_error_ struct error err = ERROR_INIT;
		struct rpc_response response;

		cr_expect_eq(rpc_response_read(message, &response, &err), cases[i].rc, "%s", cases[i].text);
		cr_expect_eq(response.id, cases[i].id, "%s", cases[i].text);
		cr_expect_eq(error_is_set(&err), cases[i].rc < 0, "%s", cases[i].text);
	}
}

Test(rpc, error_answers_of_any_shape_give_an_error)
{
	static const struct {
		const char *text;
		enum error_code code;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", ERROR_PROTOCOL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":5}", ERROR_PROTOCOL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"x\"}}", ERROR_PROTOCOL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"m\"}}", ERROR_INVALID },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":{}}}",
			ERROR_INTERNAL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":{"
		  "\"code\":"
		  "\"none\"}}}",
			ERROR_INTERNAL },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":{"
		  "\"code\":"
		  "\"in-use\"}}}",
			ERROR_IN_USE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *message = parse(cases[i].text);
		_cleanup_error_ struct error err = ERROR_INIT;
		struct rpc_response response;

		cr_expect_eq(rpc_response_read(message, &response, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, cases[i].code, "%s", cases[i].text);
		cr_expect_not_null(err.message, "%s", cases[i].text);
	}
}

Test(rpc, stray_octets_are_written_as_valid_utf8)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "gr\xfc", "gr?" },
		{ "\xc3", "?" },
		{ "\xe0\x80\x80", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf0\x9f\x94\x92", "\xf0\x9f\x94\x92" },
		{ "\xf4\x90\x80\x80", "????" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *obj = json_object_new_object();
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_free_ char *expected = xasprintf("{\"v\":\"%s\"}\n", cases[i].written);

		json_object_object_add(obj, "v", json_object_new_string(cases[i].value));
		rpc_write(obj, &text);
		cr_expect_str_eq(buf_str(&text), expected);
	}
}
