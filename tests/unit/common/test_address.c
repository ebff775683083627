#include "common/address.h"
#include "common/alloc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

Test(address, an_address_with_its_port_is_taken_and_nothing_else)
{
	static const struct {
		const char *text;
		int family; /* AF_UNSPEC: refused */
		unsigned port;
		bool is_loopback;
	} cases[] = {
		{ "0.0.0.0:80", AF_INET, 80, false },
		{ "127.9.8.7:1", AF_INET, 1, true },
		{ "192.0.2.1:65535", AF_INET, 65535, false },
		{ "[::]:80", AF_INET6, 80, false },
		{ "[::1]:8443", AF_INET6, 8443, true },
		{ "[2001:db8::1]:80", AF_INET6, 80, false },
		{ "", AF_UNSPEC, 0, false },
		{ ":80", AF_UNSPEC, 0, false },
		{ "80", AF_UNSPEC, 0, false },
		{ "192.0.2.1", AF_UNSPEC, 0, false },
		{ "192.0.2.1:", AF_UNSPEC, 0, false },
		{ "192.0.2.1:0", AF_UNSPEC, 0, false },
		{ "192.0.2.1:65536", AF_UNSPEC, 0, false },
		{ "192.0.2.1:+80", AF_UNSPEC, 0, false },
		{ "192.0.2.1:80x", AF_UNSPEC, 0, false },
		{ "192.0.2:80", AF_UNSPEC, 0, false },
		{ "localhost:80", AF_UNSPEC, 0, false },
		{ "::1:80", AF_UNSPEC, 0, false },
		{ "[::1]", AF_UNSPEC, 0, false },
		{ "[]:80", AF_UNSPEC, 0, false },
		{ "[:80", AF_UNSPEC, 0, false },
		{ "[192.0.2.1]:80", AF_UNSPEC, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct address address = { .len = 0 };
		bool ok = address_parse(cases[i].text, &address);

		cr_expect_eq(ok, cases[i].family != AF_UNSPEC, "%s", cases[i].text);
		cr_expect_eq(address.any.sa_family, cases[i].family, "%s", cases[i].text);
		/* Both families have the port at the same place. */
		cr_expect_eq(ntohs(address.v4.sin_port), cases[i].port, "%s", cases[i].text);
		cr_expect_eq(ok && address_is_loopback(&address), cases[i].is_loopback, "%s", cases[i].text);
	}
}

Test(address, a_party_is_an_address_or_all_that_one_host_may_have)
{
	static const struct {
		const char *text;
		const char *party;
	} cases[] = {
		{ "192.0.2.1:80", "192.0.2.1" },
		{ "192.0.2.2:80", "192.0.2.2" },
		{ "[2001:db8:1:2::1]:80", "2001:db8:1:2::/64" },
		{ "[2001:db8:1:2:ffff:ffff:ffff:ffff]:81", "2001:db8:1:2::/64" },
		{ "[2001:db8:1:3::1]:80", "2001:db8:1:3::/64" },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80", "ffff:ffff:ffff:ffff::/64" },
		{ "[::1]:80", "::/64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct address address;
		char party[ADDRESS_CLIENT_SIZE];

		cr_assert(address_parse(cases[i].text, &address), "%s", cases[i].text);
		address_client(&address, party);
		cr_expect_str_eq(party, cases[i].party, "%s", cases[i].text);
	}
}

Test(address, a_port_is_a_number_of_sixteen_bits_and_nothing_else)
{
	static const char *const bad[] = { "", "0", "65536", "99999999999999999999", "-1", "+1", " 1", "1 ", "1a",
		"0x50" };
	uint16_t port = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(address_parse_port(bad[i], &port), "'%s'", bad[i]);
	cr_expect_eq(port, 7);
	cr_expect(address_parse_port("65535", &port));
	cr_expect_eq(port, 65535);
	cr_expect(address_parse_port("1", &port));
	cr_expect_eq(port, 1);
}
