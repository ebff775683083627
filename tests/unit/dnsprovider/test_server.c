#include "common/alloc.h"
#include "daemon/dnsprovider/server.h"

#include <criterion/criterion.h>

Test(server, texts_are_split_as_operators_write_them)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: refused */
		int port;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", 53 },
		{ "127.0.0.1:5353", "127.0.0.1", 5353 },
		{ "::1", "::1", 53 },
		{ "[::1]", "::1", 53 },
		{ "[2001:db8::1]:5353", "2001:db8::1", 5353 },
		{ "ns1.example.com", "ns1.example.com", 53 },
		{ "ns1.example.com:54", "ns1.example.com", 54 },
		{ "", NULL, 0 },
		{ ":53", NULL, 0 },
		{ "127.0.0.1:", NULL, 0 },
		{ "127.0.0.1:0", NULL, 0 },
		{ "127.0.0.1:65536", NULL, 0 },
		{ "127.0.0.1:53:53", NULL, 0 },
		{ "127.0.0.1: 53", NULL, 0 },
		{ "[::1", NULL, 0 },
		{ "[::1]53", NULL, 0 },
		{ "[localhost]:53", NULL, 0 },
		{ "a b", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *host = NULL;
		int port = 0;

		cr_expect_eq(server_split(cases[i].text, &host, &port), cases[i].host != NULL, "'%s'", cases[i].text);
		if (!cases[i].host || !host)
			continue;
		cr_expect_str_eq(host, cases[i].host);
		cr_expect_eq(port, cases[i].port, "'%s'", cases[i].text);
	}
}

Test(server, addresses_are_joined_so_that_they_split_again)
{
	_cleanup_free_ char *v4 = server_join("127.0.0.1", 53);
	_cleanup_free_ char *v6 = server_join("::1", 5353);

	cr_expect_str_eq(v4, "127.0.0.1:53");
	cr_expect_str_eq(v6, "[::1]:5353");
	cr_expect(server_is_address("::1"));
	cr_expect_not(server_is_address("localhost"));
}
