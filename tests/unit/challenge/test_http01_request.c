#include "common/alloc.h"
#include "daemon/challenge/http01_request.h"

#include <criterion/criterion.h>
#include <string.h>

#define LONG_TOKEN \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"0123456789012345678901234567890123456789012345678901234567890123"

Test(http01_request, the_request_line_alone_decides)
{
	static const struct {
		const char *text;
		int status;
		const char *token;
	} cases[] = {
		{ "GET /.well-known/acme-challenge/abc-_9 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "abc-_9" },
		{ "GET /.well-known/acme-challenge/abc HTTP/1.0\r\n\r\n", 200, "abc" },
		{ "GET /.well-known/acme-challenge/abc HTTP/1.1\n\n", 200, "abc" },
		{ "HEAD /.well-known/acme-challenge/abc HTTP/1.1\r\n\r\nrest", 200, "abc" },
		{ "GET /.well-known/acme-challenge/" LONG_TOKEN " HTTP/1.1\r\n\r\n", 200, LONG_TOKEN },
		{ "GET /.well-known/acme-challenge/" LONG_TOKEN "x HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET /.well-known/acme-challenge/ HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET /.well-known/acme-challenge HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET / HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET //.well-known/acme-challenge/abc HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET /.well-known/acme-challenge/../abc HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET /.well-known/acme-challenge/a%62c HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET /.well-known/acme-challenge/abc?x HTTP/1.1\r\n\r\n", 404, NULL },
		{ "GET /.well-known/acme-challenge/abc/ HTTP/1.1\r\n\r\n", 404, NULL },
		{ "POST /.well-known/acme-challenge/abc HTTP/1.1\r\n\r\n", 405, NULL },
		{ "get /.well-known/acme-challenge/abc HTTP/1.1\r\n\r\n", 405, NULL },
		{ "GET /.well-known/acme-challenge/abc\r\n\r\n", 400, NULL },
		{ "GET /.well-known/acme-challenge/abc HTTP/2.0\r\n\r\n", 400, NULL },
		{ "GET  /.well-known/acme-challenge/abc HTTP/1.1\r\n\r\n", 400, NULL },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, NULL },
		{ "\r\n\r\n", 400, NULL },
		{ "\n\n", 400, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http01_request r;

		cr_assert(
			http01_request_parse(cases[i].text, strlen(cases[i].text), &r), "%s", cases[i].text);
		cr_expect_eq(r.status, cases[i].status, "%d for %s", r.status, cases[i].text);
		if (cases[i].token)
			cr_expect(r.token_len == strlen(cases[i].token) &&
					  memcmp(r.token, cases[i].token, r.token_len) == 0,
				"%s", cases[i].text);
		else
			cr_expect_null(r.token, "%s", cases[i].text);
	}
}

Test(http01_request, waits_for_the_whole_header_up_to_its_cap)
{
	static const char text[] = "HEAD /.well-known/acme-challenge/abc HTTP/1.1\r\nA: b\r\n\r\n";
	static char big[HTTP01_HEADER_MAX];
	struct http01_request r;

	for (size_t len = 0; len < sizeof(text) - 1; len++)
		cr_expect_not(http01_request_parse(text, len, &r), "complete after %zu octets", len);
	cr_assert(http01_request_parse(text, sizeof(text) - 1, &r));
	cr_expect(r.is_head);
	memset(big, 'x', sizeof(big));
	cr_expect_not(http01_request_parse(big, sizeof(big) - 1, &r));
	cr_assert(http01_request_parse(big, sizeof(big), &r));
	cr_expect_eq(r.status, 431);
}
