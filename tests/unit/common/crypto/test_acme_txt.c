/* Names and contents of TXT records, by the vectors of the drafts. */
#include "common/crypto/acme_txt.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

#define ACCOUNT "https://ca.example/acct/123"
#define THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define PREFIX "https://ca.example/account-hash/"

enum { NOW = 1800000000 };

Test(acme_txt, the_label_of_an_account_is_that_of_the_draft)
{
	_cleanup_free_ char *owner = acme_txt_account_owner(
		"https://example.com/acme/acct/ExampleAccount", "*.example.org");

	cr_expect_str_eq(owner, "_ujmmovf2vn55tgye._acme-challenge.example.org");
}

Test(acme_txt, the_hash_of_an_account_is_that_of_the_draft)
{
	_cleanup_free_ char *here = acme_txt_account_hash(PREFIX, "example.com", THUMBPRINT, ACCOUNT);
	_cleanup_free_ char *anywhere = acme_txt_account_hash(PREFIX, "*", THUMBPRINT, ACCOUNT);

	cr_expect_str_eq(here, PREFIX "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
	cr_expect_str_eq(anywhere, PREFIX "sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug");
}

Test(acme_txt, a_record_is_read_as_it_is_written)
{
	static const struct {
		bool is_wildcard;
		int64_t until_at;
		const char *text;
	} cases[] = {
		{ false, 0, "ca.example; accounturi=" ACCOUNT },
		{ true, 0, "ca.example; accounturi=" ACCOUNT "; policy=wildcard" },
		{ true, NOW, "ca.example; accounturi=" ACCOUNT "; policy=wildcard; persistUntil=1800000000" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_acme_persist_ struct acme_persist p = { .until_at = 0 };
		_cleanup_free_ char *text = NULL;

		cr_assert_eq(acme_persist_parse(cases[i].text, &p, NULL), 0);
		cr_expect_eq(p.is_wildcard, cases[i].is_wildcard);
		cr_expect_eq(p.until_at, cases[i].until_at);
		text = acme_persist_text(&p);
		cr_expect_str_eq(text, cases[i].text);
	}
}

Test(acme_txt, what_a_ca_refuses_is_refused)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "an empty part" },
		{ "ca.example", "no accounturi" },
		{ "ca.example; accounturi=" ACCOUNT ";", "an empty part" },
		{ "ca.example; accounturi=x; AccountURI=x", "accounturi twice" },
		{ "ca.example; accounturi=x; policy=wildcard; policy=wildcard", "policy twice" },
		{ "ca.example; accounturi", "not TAG=VALUE" },
		{ "ca.example; accounturi=x y", "not TAG=VALUE" },
		{ "ca.example; accounturi=x; persistUntil=soon", "persistUntil" },
		{ "ca.example; accounturi=x; persistUntil=-1", "persistUntil" },
		{ "ca.example; accounturi=x; persistUntil=", "persistUntil" },
		{ "ca.example; accounturi=x; persistUntil=99999999999999999999", "persistUntil" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_acme_persist_ struct acme_persist p = { .until_at = 0 };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(acme_persist_parse(cases[i].text, &p, &err), -1, "%s", cases[i].text);
		cr_expect(err.message && strstr(err.message, cases[i].says), "%s: %s", cases[i].text, err.message);
	}
}

Test(acme_txt, the_record_that_allows_the_name_is_found_or_the_closest_one_is_explained)
{
	static const struct {
		const char *values; /* separated by '|' */
		bool is_wildcard;
		int found; /* -1: none */
		const char *why;
	} cases[] = {
		{ "ca.example; accounturi=" ACCOUNT, false, 0, NULL },
		{ "CA.Example.;accounturi=" ACCOUNT "\t;x=y", false, 0, NULL },
		{ "other.example; accounturi=a|ca-two.example; accounturi=" ACCOUNT, false, 1, NULL },
		{ "ca.example; policy=WildCard; accounturi=" ACCOUNT, true, 0, NULL },
		{ "ca.example; accounturi=" ACCOUNT "; persistUntil=1800000001", false, 0, NULL },
		{ "ca.example; accounturi=" ACCOUNT "; persistUntil=1800000002|ca.example; accounturi=" ACCOUNT, false,
			1, NULL },
		{ "ca.example; accounturi=" ACCOUNT "; persistUntil=1800000003|ca.example; accounturi=" ACCOUNT
		  "; persistUntil=1800000002",
			false, 0, NULL },
		{ "", false, -1, "there is no such record" },
		{ "v=spf1 -all", false, -1, "another CA" },
		{ "ca.example.com; accounturi=" ACCOUNT, false, -1, "another CA" },
		{ "ca.example; accounturi=https://ca.example/acct/12|v=spf1", false, -1, "another account" },
		{ "v=spf1|ca.example; accounturi=https://ca.example/acct/12", false, -1, "another account" },
		{ "ca.example; accounturi=" ACCOUNT, true, -1, "lacks policy=wildcard" },
		{ "ca.example; accounturi=" ACCOUNT "; policy=other", true, -1, "lacks policy=wildcard" },
		{ "ca.example; accounturi=" ACCOUNT "; persistUntil=1800000000", false, -1,
			"has expired at 2027-01-15T08:00:00Z" },
		{ "ca.example; accounturi=" ACCOUNT ";", false, -1, "not valid: it has an empty part" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_acme_persist_ struct acme_persist want = { .is_wildcard = cases[i].is_wildcard };
		_cleanup_strlist_ struct strlist values = STRLIST_INIT;
		_cleanup_free_ char *why = NULL;
		size_t found = 99;

		strlist_add(&want.issuers, "ca.example");
		strlist_add(&want.issuers, "ca-two.example");
		strlist_add(&want.accounts, ACCOUNT);
		strlist_split(&values, cases[i].values, '|');
		cr_expect_eq(acme_persist_find(&want, &values, NOW, &found, &why), cases[i].found >= 0, "%s: %s",
			cases[i].values, why);
		if (cases[i].found >= 0)
			cr_expect_eq(found, (size_t)cases[i].found, "%s", cases[i].values);
		else
			cr_expect(why && strstr(why, cases[i].why), "%s: %s", cases[i].values, why);
	}
}

Test(acme_txt, a_long_content_is_several_strings_in_a_zone_file)
{
	_cleanup_free_ char *text = xcalloc(1, 300);
	_cleanup_free_ char *quoted = NULL, *small = acme_txt_quoted("a b");

	memset(text, 'x', 256);
	quoted = acme_txt_quoted(text);
	cr_expect_eq(strlen(quoted), 256 + 4 + 1);
	cr_expect_str_eq(quoted + 255, "x\" \"x\"");
	cr_expect_str_eq(small, "\"a b\"");
}
