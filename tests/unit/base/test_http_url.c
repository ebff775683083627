#include "common/error.h"
#include "daemon/base/http_url.h"

#include <criterion/criterion.h>

Test(http_url, a_url_is_taken_apart)
{
	static const struct {
		const char *text;
		const char *host;
		const char *port;
		bool has_port, has_user, has_fragment, is_loopback;
	} cases[] = {
		{ "https://ca.example/directory", "ca.example", "443", false, false, false, false },
		{ "https://ca.example:14000/dir?a=b", "ca.example", "14000", true, false, false, false },
		{ "http://[::1]:8080/", "[::1]", "8080", true, false, false, true },
		{ "http://127.9.9.9", "127.9.9.9", "80", false, false, false, true },
		{ "https://LOCALHOST/#top", "LOCALHOST", "443", false, false, true, true },
		{ "https://127.0.0.1@evil.example/x", "evil.example", "443", false, true, false, false },
		{ "https://u:p@proxy.example:3128", "proxy.example", "3128", true, true, false, false },
		{ "https://127.0.0.1.example", "127.0.0.1.example", "443", false, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_http_url_ struct http_url url = { .scheme = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_assert_eq(http_url_parse(cases[i].text, &url, &err), 0, "%s: %s", cases[i].text, err.message);
		cr_expect_str_eq(url.host, cases[i].host);
		cr_expect_str_eq(url.port, cases[i].port, "%s", cases[i].text);
		cr_expect_eq(url.has_port, cases[i].has_port, "%s", cases[i].text);
		cr_expect_eq(url.has_user, cases[i].has_user, "%s", cases[i].text);
		cr_expect_eq(url.fragment != NULL, cases[i].has_fragment, "%s", cases[i].text);
		cr_expect_eq(http_url_is_loopback(&url), cases[i].is_loopback, "%s", cases[i].text);
	}
}

Test(http_url, what_is_no_url_is_refused_without_being_repeated)
{
	static const char *const cases[] = { "", "ca.example", "ftp://ca.example/", "file:///etc/passwd", "https://",
		"https:///path", "https:/ca.example/", "https:ca.example/", "https://%ca.example/",
		"https://ca.example:0x50/", "https://ca.example:70000/", "https://ca.example:/ x",
		"https://ca.example/\r\nX-Evil: 1", "https://ca.example/\xc3\xa4", "https://[::1].example/" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_http_url_ struct http_url url = { .scheme = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(http_url_parse(cases[i], &url, &err), -1, "%s", cases[i]);
		cr_assert_eq(err.code, ERROR_PROTOCOL, "%s", cases[i]);
		cr_expect_null(strstr(err.message, "Evil"), "%s", err.message);
	}
}
