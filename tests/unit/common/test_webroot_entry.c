/* Which webroots a name has. What certd.conf refuses is in test_conf.c. */
#include "common/webroot_entry.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(webroot_entry, a_name_has_the_roots_that_fit_it_best)
{
	static const struct {
		const char *entries, *name, *paths;
	} cases[] = {
		{ "", "www.example.com", "" },
		{ "/a, /b", "www.example.com", "/a /b" },
		{ "/a, /a", "www.example.com", "/a" },
		{ "/a, /shop shop.example.com", "www.example.com", "/a" },
		{ "/a, /shop shop.example.com", "shop.example.com", "/shop" },
		{ "/shop   SHOP.example.com , /a", "shop.example.com", "/shop" },
		{ "/shop shop.example.com *.shop.example.com", "a.b.shop.example.com", "/shop" },
		{ "/shop shop.example.com *.shop.example.com", "www.example.com", "" },
		{ "/shop *.shop.example.com", "shop.example.com", "" },
		{ "/a *.example.com, /b *.shop.example.com, /c", "x.shop.example.com", "/b" },
		{ "/a x.example.com, /b *.example.com", "x.example.com", "/a" },
		{ "/b *.example.com, /a x.example.com, /c x.example.com", "x.example.com", "/a /c" },
		{ "/a 192.0.2.1 2001:db8::1", "2001:db8::1", "/a" },
		{ "/a b\xc3\xbc.example", "xn--b-eha.example", "/a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist entries = STRLIST_INIT, paths = STRLIST_INIT;
		_cleanup_free_ char *text = NULL;

		strlist_split(&entries, cases[i].entries, ',');
		webroot_entries_of(&entries, cases[i].name, &paths);
		text = strlist_join(&paths, " ");
		cr_expect_str_eq(text, cases[i].paths, "%s in %s: %s", cases[i].name, cases[i].entries, text);
	}
}

Test(webroot_entry, what_is_there_already_is_not_added_again)
{
	_cleanup_strlist_ struct strlist entries = STRLIST_INIT, paths = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;

	strlist_split(&entries, "/a, /b b.example, /c c.example", ',');
	webroot_entries_of(&entries, "b.example", &paths);
	webroot_entries_of(&entries, "d.example", &paths);
	webroot_entries_of(&entries, "b.example", &paths);
	text = strlist_join(&paths, " ");
	cr_expect_str_eq(text, "/b /a");
}
