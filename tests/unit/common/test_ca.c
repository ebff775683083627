/* Rate limits of CAs and what they are counted by. Announced lifetimes are tested with the forecast. */
#include "common/ca.h"
#include "common/domain.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

Test(ca, a_registered_domain_is_below_the_public_suffix)
{
	static const char *const cases[][2] = {
		{ "example.com", "example.com" },
		{ "*.example.com", "example.com" },
		{ "a.b.example.co.uk", "example.co.uk" },
		{ "www.xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "a.city.kawasaki.jp", "city.kawasaki.jp" }, /* an exception of the list */
		{ "a.b.c.kawasaki.jp", "b.c.kawasaki.jp" },   /* a wildcard */
		{ "me.github.io", "me.github.io" },           /* a private suffix */
		{ "co.uk", "co.uk" },                         /* a suffix itself */
		{ "localhost", "localhost" },
		{ "www.internal", "www.internal" }, /* not in the list */
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8:1:2:3::4", "2001:db8:1:2::/64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *domain = domain_registered(cases[i][0]);

		cr_expect_str_eq(domain, cases[i][1], "%s: %s", cases[i][0], domain);
	}
}

Test(ca, limits_are_those_that_the_ca_has_published)
{
	struct ca_limits limits;

	ca_limits_of(ca_find("letsencrypt")->url, &limits);
	cr_expect(limits.spares_renewals);
	cr_expect_eq(limits.of[CA_LIMIT_ORDERS].count, 300);
	cr_expect_eq(limits.of[CA_LIMIT_ORDERS].period, 3 * 3600);
	cr_expect_eq(limits.of[CA_LIMIT_DUPLICATES].count, 5);
	ca_limits_of("https://acme.example/directory", &limits);
	for (enum ca_limit_kind i = 0; i < CA_LIMIT_COUNT; i++)
		cr_expect_eq(limits.of[i].count, 0, "%s", ca_limit_name(i));
	cr_expect_not(limits.spares_renewals);
}

Test(ca, one_limit_is_changed_by_its_name)
{
	struct ca_limits limits = { .of = { [CA_LIMIT_DOMAIN] = { 50, 60 } } };

	cr_expect_eq(ca_limits_set(&limits, "orders=20/1h30m", NULL), 0);
	cr_expect_eq(limits.of[CA_LIMIT_ORDERS].count, 20);
	cr_expect_eq(limits.of[CA_LIMIT_ORDERS].period, 5400);
	cr_expect_eq(limits.of[CA_LIMIT_DOMAIN].count, 50);
	cr_expect_eq(ca_limits_set(&limits, "domain=none", NULL), 0);
	cr_expect_eq(limits.of[CA_LIMIT_DOMAIN].count, 0);
}

Test(ca, anything_else_is_refused)
{
	static const char *const cases[] = { "", "orders", "orders=", "orders=5", "orders=5/", "orders=0/1h",
		"orders=-1/1h", "orders=5/0", "orders=5/401d", "orders=1000001/1h", "orders= 5/1h", "orders=5/1h ",
		"order=5/1h", "ordersx=5/1h", "=5/1h", "orders=None", "orders=99999999999999999999/1h" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ca_limits limits = { .of = { [CA_LIMIT_ORDERS] = { 7, 7 } } };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(ca_limits_set(&limits, cases[i], &err), -1, "'%s'", cases[i]);
		cr_expect_eq(err.code, ERROR_INVALID);
		cr_expect_eq(limits.of[CA_LIMIT_ORDERS].count, 7);
	}
}

Test(ca, a_staging_environment_is_known_of_those_that_have_one)
{
	const char *url = ca_find("letsencrypt")->url;

	cr_expect_str_eq(ca_staging_of(url), ca_find("letsencrypt-staging")->url);
	cr_expect_null(ca_staging_of(ca_find("letsencrypt-staging")->url), "it is one itself");
	cr_expect_null(ca_staging_of(ca_find("zerossl")->url));
	cr_expect_null(ca_staging_of("https://acme.example/directory"));
}
