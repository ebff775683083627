/* How an operator writes an endpoint, what certd gets, and what is shown. */
#include "common/api/endpoint.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

Test(endpoint, its_text_is_read_and_shown_in_the_same_form)
{
	static const struct {
		const char *text, *json;
		const char *shown; /* NULL: as it was written */
	} cases[] = {
		{ "www.example.com:443", "{\"host\":\"www.example.com\",\"port\":443}", NULL },
		{ "127.0.0.1:8443,www.example.com",
			"{\"host\":\"127.0.0.1\",\"port\":8443,\"sni\":\"www.example.com\"}", NULL },
		{ "[::1]:443", "{\"host\":\"::1\",\"port\":443}", NULL },
		{ "::1:443", "{\"host\":\"::1\",\"port\":443}", "[::1]:443" },
		{ "smtp://mail.example.com:25", "{\"protocol\":\"smtp\",\"host\":\"mail.example.com\",\"port\":25}",
			NULL },
		{ "smtp://mail.example.com", "{\"protocol\":\"smtp\",\"host\":\"mail.example.com\",\"port\":25}",
			"smtp://mail.example.com:25" },
		{ "submission://mail", "{\"protocol\":\"smtp\",\"host\":\"mail\",\"port\":587}", "smtp://mail:587" },
		{ "https://www.example.com", "{\"host\":\"www.example.com\",\"port\":443}", "www.example.com:443" },
		{ "imaps://[2001:db8::1]", "{\"host\":\"2001:db8::1\",\"port\":993}", "[2001:db8::1]:993" },
		{ "tls://ldap.example.com:636", "{\"host\":\"ldap.example.com\",\"port\":636}",
			"ldap.example.com:636" },
		{ "postgresql://db", "{\"protocol\":\"postgres\",\"host\":\"db\",\"port\":5432}",
			"postgres://db:5432" },
		{ "host:443@192.0.2.1,2001:db8::1",
			"{\"host\":\"host\",\"port\":443,\"addresses\":[\"192.0.2.1\",\"2001:db8::1\"]}", NULL },
		{ "xmpp://chat,example.com@[::1]",
			"{\"protocol\":\"xmpp\",\"host\":\"chat\",\"port\":5222,\"sni\":\"example.com\","
			"\"addresses\":[\"::1\"]}",
			"xmpp://chat:5222,example.com@::1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buf_ struct buf shown = BUF_INIT;
		_cleanup_json_ struct json_object *probe = json_object_new_object();

		cr_expect_eq(endpoint_parse(cases[i].text, probe, &err), 0, "%s: %s", cases[i].text, err.message);
		cr_expect_str_eq(json_object_to_json_string_ext(probe, JSON_C_TO_STRING_PLAIN), cases[i].json);
		endpoint_describe(probe, &shown);
		cr_expect_str_eq(buf_str(&shown), cases[i].shown ? cases[i].shown : cases[i].text);
	}
}

Test(endpoint, a_faulty_text_is_refused_with_the_form)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "host", "'host' is not " ENDPOINT_METAVAR },
		{ "", "'' is not " },
		{ ":443", "':443' is not " },
		{ "host:", "'host:' is not " },
		{ "[]:443", "'[]:443' is not " },
		{ "[::1:443", "'[::1:443' is not " },
		{ "smtp://", "'smtp://' is not " },
		{ "host:x", "'x' is not a whole number" },
		{ "host:443@", "an address is required after '@'" },
		{ "host:443,a,b", "too many values" },
		{ "smpt://host", "unknown protocol 'smpt'; did you mean smtp?" },
		{ "gopher://host", "unknown protocol 'gopher'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *probe = json_object_new_object();

		cr_expect_eq(endpoint_parse(cases[i].text, probe, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, ERROR_USAGE);
		cr_expect(err.message && strstr(err.message, cases[i].says), "%s: %s", cases[i].text, err.message);
	}
}

Test(endpoint, protocols_of_alpn_are_shown_after_it)
{
	_cleanup_json_ struct json_object *probe = json_tokener_parse(
		"{\"host\":\"h\",\"port\":443,\"alpn\":[\"h2\",\"http/1.1\"]}");
	_cleanup_buf_ struct buf shown = BUF_INIT;

	endpoint_describe(probe, &shown);
	cr_expect_str_eq(buf_str(&shown), "h:443 (ALPN h2,http/1.1)");
}
