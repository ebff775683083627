#include "common/error.h"
#include "common/name.h"
#include "common/strlist.h"

#include <criterion/criterion.h>
#include <string.h>

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

Test(name, one_canonical_form_comes_out)
{
	static const struct {
		const char *text, *canonical;
		bool may_be_ip;
	} cases[] = {
		{ "Example.COM", "example.com", false },
		{ "example.com.", "example.com", false },
		{ "*.Example.com", "*.example.com", false },
		{ "bücher.example", "xn--bcher-kva.example", false },
		{ "BÜCHER.example", "xn--bcher-kva.example", false },
		{ "bu\xcc\x88"
		  "cher.example",
			"xn--bcher-kva.example", false },
		{ "*.bücher.example", "*.xn--bcher-kva.example", false },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example", false },
		{ "faß.example", "xn--fa-hia.example", false },
		{ "例え。テスト", "xn--r8jz45g.xn--zckzah", false },
		{ "localhost", "localhost", false },
		{ "xn--zn8h.example.com", "xn--zn8h.example.com", false }, /* a cat, which IDNA 2008 does not know */
		{ "XN--ZN8H.example.com.", "xn--zn8h.example.com", false },
		{ "*.xn--i-7iq.example.com", "*.xn--i-7iq.example.com", false },
		{ "xn--53hy7af013i.bücher.example", "xn--53hy7af013i.xn--bcher-kva.example", false },
		{ "in-addr.example", "in-addr.example", false },
		{ "in-addr.arpa.example", "in-addr.arpa.example", false },
		{ "a-b.c3.example", "a-b.c3.example", false },
		{ "1.2.3.4.example", "1.2.3.4.example", true },
		{ L63 ".example", L63 ".example", false },
		{ L63 "." L63 "." L63 ".a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e",
			L63 "." L63 "." L63 ".a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", true },
		{ "2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_assert_eq(name_canonical(cases[i].text, cases[i].may_be_ip, &name, &err), 0, "%s: %s", cases[i].text,
			err.message);
		cr_expect_str_eq(name, cases[i].canonical);
	}
}

Test(name, what_is_no_host_name_is_refused_with_a_reason)
{
	static const struct {
		const char *text, *says;
		bool may_be_ip;
	} cases[] = {
		{ "", "empty", false },
		{ ".", "", false },
		{ ".example.com", "", false },
		{ "a..example.com", "", false },
		{ "example.com..", "", false },
		{ "com", "only one label", false },
		{ "*.com", "top-level domain", false },
		{ "*", "'*'", false },
		{ "*.", "", false },
		{ "*.*.example.com", "'*'", false },
		{ "www.*.example.com", "'*'", false },
		{ "w*.example.com", "'*'", false },
		{ "_.example.com", "the shell expanded *", false },
		{ "_acme-challenge.example.com", "", false },
		{ "-a.example.com", "", false },
		{ "a-.example.com", "", false },
		{ "a b.example.com", "space or control", false },
		{ "a\x1b[2J.example.com", "space or control", false },
		{ "a\xc2\x9b"
		  "2J.example.com",
			"space or control", false },
		{ "a/b.example.com", "", false },
		{ "../../etc.example", "", false },
		{ "a,b.example.com", "", false },
		{ "\xff\xfe.example.com", "not UTF-8", false },
		{ L63 "4.example", "", false },
		{ L63 "." L63 "." L63 ".a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f", "", false },
		{ "*." L63 "." L63 "." L63 ".a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e", "253",
			false },
		{ "xn--a.example", "", false },
		{ "ab--cd.example", "", false },
		{ "192.0.2.1", "IP address", false },
		{ "2001:db8::1", "IP address", false },
		{ "192.0.2", "number", true },
		{ "192.0.2.256", "number", true },
		{ "192.0.2.1.", "number", true },
		{ "host.123", "number", false },
		{ "*.192.0.2.1", "number", true },
		{ "fe80::1%eth0", "", true },
		{ "[2001:db8::1]", "", true },
		{ "https://example.com", "", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(name_canonical(cases[i].text, cases[i].may_be_ip, &name, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, ERROR_INVALID, "%s", cases[i].text);
		cr_expect(err.message && strstr(err.message, cases[i].says), "%s: %s", cases[i].text, err.message);
		cr_expect_null(name);
	}
}

Test(name, a_text_of_any_length_is_refused_before_it_costs_time)
{
	_cleanup_free_ char *text = xmalloc(1000001);

	memset(text, 'a', 1000000);
	text[1000000] = '\0';
	for (size_t i = 2; i < 1000000; i += 3)
		text[i] = '.';
	cr_expect_eq(name_canonical(text, true, &(char *){ NULL }, NULL), -1);
}

Test(name, a_canonical_name_stays_as_it_is)
{
	static const char *const names[] = { "example.com", "*.example.com", "xn--fa-hia.example", "192.0.2.1",
		"2001:db8::1", "localhost" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *name = NULL;

		cr_assert_eq(name_canonical(names[i], true, &name, NULL), 0, "%s", names[i]);
		cr_expect_str_eq(name, names[i]);
	}
}

Test(name, a_name_knows_its_type_base_zone_and_file_name)
{
	static const struct {
		const char *name;
		enum name_type type;
		bool is_wildcard;
		const char *base, *slug;
	} cases[] = {
		{ "example.com", NAME_DNS, false, "example.com", "example.com" },
		{ "*.example.com", NAME_DNS, true, "example.com", "_.example.com" },
		{ "192.0.2.1", NAME_IP, false, "192.0.2.1", "192.0.2.1" },
		{ "2001:db8::1", NAME_IP, false, "2001:db8::1", "2001_db8__1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *slug = name_slug(cases[i].name);

		cr_expect_eq(name_type_of(cases[i].name), cases[i].type, "%s", cases[i].name);
		cr_expect_eq(name_is_wildcard(cases[i].name), cases[i].is_wildcard, "%s", cases[i].name);
		cr_expect_str_eq(name_base(cases[i].name), cases[i].base);
		cr_expect_str_eq(slug, cases[i].slug);
	}
}

Test(name, a_file_name_comes_out_of_any_text)
{
	static const struct {
		const char *text, *slug;
	} cases[] = {
		{ "../../etc/passwd", "_._.._etc_passwd" },
		{ ".", "_" },
		{ "", "" },
		{ "-rf", "_rf" },
		{ "my shop\n", "my_shop_" },
		{ "m\xc3\xbcller", "m__ller" },
	};
	char longest[300];
	_cleanup_free_ char *cut = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *slug = name_slug(cases[i].text);

		cr_expect_str_eq(slug, cases[i].slug, "%s", slug);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cut = name_slug(longest);
	cr_expect_eq(strlen(cut), 200);
}

Test(name, a_zone_holds_itself_and_what_lies_below_but_no_lookalike)
{
	cr_expect(name_in_zone("example.com", "example.com"));
	cr_expect(name_in_zone("a.b.example.com", "example.com"));
	cr_expect(name_in_zone("*.example.com", "example.com"));
	cr_expect_not(name_in_zone("badexample.com", "example.com"));
	cr_expect_not(name_in_zone("com", "example.com"));
	cr_expect_not(name_in_zone("example.com.evil.org", "example.com"));
	cr_expect_not(name_in_zone("example.com", ""));
}

Test(name, a_list_is_canonical_in_order_and_without_duplicates)
{
	_cleanup_strlist_ struct strlist sans = STRLIST_INIT;
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_free_ char *joined = NULL;

	strlist_split(&sans, "*.example.com,WWW.example.com,example.com.,a.example.com", ',');
	cr_assert_eq(name_list("www.Example.com", &sans, 4, false, &list, NULL), 0);
	joined = strlist_join(&list, " ");
	cr_expect_str_eq(joined, "www.example.com *.example.com example.com a.example.com");
}

Test(name, a_list_says_which_entry_is_at_fault)
{
	static const struct {
		const char *common_name, *sans, *field;
		unsigned max;
		enum error_code code;
	} cases[] = {
		{ "bad name", "", "commonName", 9, ERROR_INVALID },
		{ "a.example", "b.example,_.example", "subjectAlternativeNames[1]", 9, ERROR_INVALID },
		{ "a.example", "b.example,a.example,c.example", "subjectAlternativeNames[2]", 2, ERROR_LIMIT },
		{ "a.example", "", "commonName", 0, ERROR_LIMIT },
		{ NULL, "", "commonName", 9, ERROR_INVALID },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist sans = STRLIST_INIT;
		_cleanup_strlist_ struct strlist list = STRLIST_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		strlist_split(&sans, cases[i].sans, ',');
		cr_expect_eq(name_list(cases[i].common_name, &sans, cases[i].max, false, &list, &err), -1);
		cr_expect_str_eq(err.field, cases[i].field);
		cr_expect_eq(err.code, cases[i].code, "%s", cases[i].field);
		cr_expect_eq(list.count, 0);
	}
}

Test(name, reverse_names_and_broken_punycode_are_refused)
{
	static const char *const cases[] = { "1.2.0.192.in-addr.arpa", "in-addr.arpa", "*.2.0.192.in-addr.arpa",
		"8.b.d.0.1.0.0.2.ip6.arpa", "ip6.arpa", "X.IP6.ARPA.", "xn--99999999.example", "xn--0.pt",
		"xn--example-.com", "xn--.example", "a.xn--99999999.example" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *canonical = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(name_canonical(cases[i], true, &canonical, &err), -1, "%s", cases[i]);
		cr_expect_eq(err.code, ERROR_INVALID, "%s", cases[i]);
	}
}

Test(name, a_plain_name_is_fit_for_programs_and_messages)
{
	static const struct {
		const char *text;
		bool is_plain;
	} cases[] = {
		{ "www.example.com", true },
		{ "_acme-challenge.x_y.Example", true },
		{ "ns1", true },
		{ "", false },
		{ "-rf", false },
		{ ".example", false },
		{ "a b", false },
		{ "a\nb", false },
		{ "a/../b", false },
		{ "M\xc3\xbcnchen.example", false },
	};
	char long_name[255];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(name_is_plain(cases[i].text), cases[i].is_plain, "'%s'", cases[i].text);
	memset(long_name, 'a', sizeof(long_name));
	long_name[254] = '\0';
	cr_expect_not(name_is_plain(long_name));
	long_name[253] = '\0';
	cr_expect(name_is_plain(long_name));
}

Test(name, the_challenge_of_a_wildcard_is_at_the_name_below_it)
{
	_cleanup_free_ char *plain = name_of_challenge("www.example.com");
	_cleanup_free_ char *is_wildcard = name_of_challenge("*.example.com");

	cr_expect_str_eq(plain, "_acme-challenge.www.example.com");
	cr_expect_str_eq(is_wildcard, "_acme-challenge.example.com");
}
