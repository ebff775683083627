#include "common/error.h"
#include "daemon/base/httpd_head.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 1000 };

static bool
parse(const char *text, struct httpd_head *ret)
{
	return httpd_head_parse(text, strlen(text), BODY_MAX, ret);
}

#define GET "GET /a HTTP/1.1\r\nHost: h\r\n"

Test(httpd_head, what_is_wrong_has_its_status)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ GET "\r\n", 200 },
		{ "GET /a HTTP/1.0\n\n", 200 },
		{ GET "Content-Length: 1000\r\n\r\n", 200 },
		{ GET "Content-Length: 1001\r\n\r\n", 413 },
		{ GET "Content-Length: 99999999999999999999999\r\n\r\n", 413 },
		{ GET "Content-Length: -1\r\n\r\n", 400 },
		{ GET "Content-Length: +1\r\n\r\n", 400 },
		{ GET "Content-Length: 1,1\r\n\r\n", 400 },
		{ GET "Content-Length:\r\n\r\n", 400 },
		{ GET "Content-Length: 1\r\ncontent-length: 1\r\n\r\n", 400 },
		{ GET "Transfer-Encoding: chunked\r\n\r\n", 411 },
		{ GET "Content-Length: 1\r\nTransfer-Encoding: identity\r\n\r\n", 411 },
		{ GET "Content-Length : 1\r\n\r\n", 400 },
		{ GET " Content-Length: 1\r\n\r\n", 400 },
		{ GET "no colon\r\n\r\n", 400 },
		{ GET ": nothing\r\n\r\n", 400 },
		{ GET "X: a\rContent-Length: 1\r\n\r\n", 400 },
		{ GET "X: a\r\r\n\r\n", 400 },
		{ GET "X: \r\r\n\r\n", 400 },
		{ "GET a HTTP/1.1\r\n\r\n", 400 },
		{ "GET  HTTP/1.1\r\n\r\n", 400 },
		{ "GET /a\r\n\r\n", 400 },
		{ "GET /a b HTTP/1.1\r\n\r\n", 400 },
		{ "GET /\x80 HTTP/1.1\r\n\r\n", 400 },
		{ "G(T /a HTTP/1.1\r\n\r\n", 400 },
		{ "GET /a HTTP/2.0\r\n\r\n", 505 },
		{ "GET /a http/1.1\r\n\r\n", 400 },
		{ "OPTIONS * HTTP/1.1\r\n\r\n", 400 },
		{ "GET /a HTTP/1.1\r\n\r\n", 400 },
		{ "GET http://h/a HTTP/1.1\r\n\r\n", 400 },
		{ GET "Host: h\r\n\r\n", 400 },
		{ GET "hOST: other\r\n\r\n", 400 },
		{ "GET /a HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400 },
		{ "GET /a HTTP/1.1\r\nHost:\r\n\r\n", 200 },
		{ "GET ftp://h/a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
		{ "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 200 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct httpd_head head;

		cr_assert(parse(cases[i].text, &head), "%s", cases[i].text);
		cr_expect_eq(head.status, cases[i].status, "%s: %d", cases[i].text, head.status);
		cr_expect_eq(head.why == NULL, cases[i].status == 200, "%s", cases[i].text);
	}
}

Test(httpd_head, it_is_read_when_it_is_whole_and_not_before)
{
	static const char text[] = "POST http://h:1/providers?a=1 HTTP/1.1\r\nHost: other\r\n"
				   "content-type: application/json; charset=utf-8\r\nContent-Length: 2\r\n"
				   "Expect: 100-Continue\r\nAuthorization: Bearer x\r\nConnection: x, Close\r\n\r\n{}";
	const size_t whole = sizeof(text) - 1 - strlen("{}");
	struct httpd_head head;

	for (size_t len = 0; len < whole; len++)
		cr_expect(!httpd_head_parse(text, len, BODY_MAX, &head), "%zu", len);
	cr_assert(httpd_head_parse(text, whole, BODY_MAX, &head));
	cr_expect_eq(head.status, 200);
	cr_expect_eq(head.len, whole);
	cr_expect_eq(head.body_len, 2);
	cr_expect(httpd_text_is(head.method, "POST"));
	cr_expect(httpd_text_is(head.path, "/providers"));
	cr_expect(httpd_text_is(head.query, "a=1"));
	cr_expect(httpd_text_is(head.host, "h:1"));
	cr_expect(httpd_text_is(head.content_type, "application/json"));
	cr_expect(httpd_text_is(head.authorization, "Bearer x"));
	cr_expect(head.expects_continue);
	cr_expect(!head.keeps_alive);
}

Test(httpd_head, connections_last_as_the_version_and_the_peer_say)
{
	static const struct {
		const char *text;
		bool keeps_alive;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
		{ "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct httpd_head head;

		cr_assert(parse(cases[i].text, &head));
		cr_expect_eq(head.keeps_alive, cases[i].keeps_alive, "%s", cases[i].text);
	}
}

Test(httpd_head, a_head_without_an_end_is_refused)
{
	static char text[HTTPD_HEAD_MAX + 1];
	_cleanup_free_ char *many = xcalloc(1, HTTPD_HEAD_MAX);
	struct httpd_head head;

	memset(text, 'x', HTTPD_HEAD_MAX);
	cr_expect(!httpd_head_parse(text, HTTPD_HEAD_MAX - 1, BODY_MAX, &head));
	cr_assert(httpd_head_parse(text, HTTPD_HEAD_MAX, BODY_MAX, &head));
	cr_expect_eq(head.status, 431);
	memcpy(many, GET, strlen(GET));
	for (size_t i = 0; i <= HTTPD_HEAD_FIELDS; i++)
		memcpy(many + strlen(many), "a: b\r\n", 6);
	memcpy(many + strlen(many), "\r\n", 2);
	cr_assert(parse(many, &head));
	cr_expect_eq(head.status, 431);
}

static struct httpd_text
as_text(const char *text)
{
	return (struct httpd_text){ text, strlen(text) };
}

Test(httpd_path, each_octet_of_a_segment_may_be_written_in_digits_of_either_case)
{
	for (int c = 1; c < 256; c++)
		for (int is_upper = 0; is_upper <= 1; is_upper++) {
			char path[16];
			_cleanup_strlist_ struct strlist segments = STRLIST_INIT;
			int rc;

			snprintf(path, sizeof(path), is_upper ? "/a%%%02X" : "/a%%%02x", (unsigned)c);
			rc = httpd_path_split(as_text(path), &segments, NULL);
			cr_expect_eq(rc, c < 128 ? 0 : -1, "%s", path); /* alone it is not UTF-8 */
			if (rc == 0)
				cr_expect(segments.items[0][0] == 'a' && segments.items[0][1] == (char)c, "%s", path);
			snprintf(path, sizeof(path), "/%%4%c", c);
			cr_expect_eq(httpd_path_split(as_text(path), &segments, NULL), isxdigit(c) && c < 128 ? 0 : -1,
				"%s", path);
		}
}

Test(httpd_path, segments_are_decoded_or_refused)
{
	static const struct {
		const char *path;
		const char *segments; /* joined by '|'; NULL: refused */
	} cases[] = {
		{ "/providers", "providers" },
		{ "/providers/a%20b%2Fc", "providers|a b/c" },
		{ "/a/%2a.example.com", "a|*.example.com" },
		{ "/a/+", "a|+" },
		{ "/%C3%A4", "\xc3\xa4" },
		{ "/..", ".." },
		{ "/", NULL },
		{ "/a/", NULL },
		{ "//a", NULL },
		{ "/%", NULL },
		{ "/%4", NULL },
		{ "/%zz", NULL },
		{ "/%00", NULL },
		{ "/%ff", NULL },
		{ "/%c0%80", NULL },
		{ "/%ed%a0%80", NULL },
		{ "/%f4%90%80%80", NULL },
		{ "/%e4", NULL },
		{ "/1/2/3/4/5/6/7/8/9", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist segments = STRLIST_INIT;
		_cleanup_free_ char *joined = NULL;
		int rc = httpd_path_split(as_text(cases[i].path), &segments, NULL);

		cr_expect_eq(rc, cases[i].segments ? 0 : -1, "%s", cases[i].path);
		joined = strlist_join(&segments, "|");
		if (cases[i].segments)
			cr_expect_str_eq(joined, cases[i].segments, "%s", cases[i].path);
	}
}

Test(httpd_query, the_last_of_a_name_counts)
{
	struct httpd_query query = { .names = STRLIST_INIT };

	cr_assert_eq(
		httpd_query_split(as_text("a=1&b=x+%2B&&=z&a=2&empty=&flag&filter.commonName=%2a.example.com&a+b=1"),
			&query, NULL),
		0);
	cr_expect_str_eq(httpd_query_get(&query, "a"), "2");
	cr_expect_str_eq(httpd_query_get(&query, "b"), "x +");
	cr_expect_str_eq(httpd_query_get(&query, "filter.commonName"), "*.example.com");
	cr_expect_str_eq(httpd_query_get(&query, "a b"), "1");
	cr_expect_str_eq(httpd_query_get(&query, "empty"), "");
	cr_expect_str_eq(httpd_query_get(&query, "flag"), "");
	cr_expect_null(httpd_query_get(&query, "none"));
	httpd_query_clear(&query);
}

Test(httpd_query, what_is_refused_leaves_no_name_without_a_value)
{
	static const char *const bad[] = { "a=%2", "a=1&b=%zz", "%=1", "a=1&%00=2", "a=%ff" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct httpd_query query = { .names = STRLIST_INIT };

		cr_expect_eq(httpd_query_split(as_text(bad[i]), &query, NULL), -1, "%s", bad[i]);
		cr_expect_eq(query.names.count, query.values.count, "%s", bad[i]);
		cr_expect_null(httpd_query_get(&query, "b"));
		httpd_query_clear(&query);
	}
}
