#include "common/error.h"
#include "common/scope.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

Test(scope, a_label_is_a_word_or_a_key_with_a_value)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "web", 0 },
		{ "team=web", 0 },
		{ "a/b.c-d_e=1", 0 },
		{ "", -1 },
		{ "=web", -1 },
		{ "team=", -1 },
		{ "a=b=c", -1 },
		{ "-web", -1 },
		{ "we b", -1 },
		{ "we,b", -1 },
		{ "w\xc3\xa9", -1 },
		{ "a:b", -1 },
	};
	char too_long[LABEL_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(label_check(cases[i].text, NULL), cases[i].rc, "%s", cases[i].text);
	memset(too_long, 'a', sizeof(too_long));
	too_long[LABEL_MAX + 1] = '\0';
	cr_expect_eq(label_check(too_long, NULL), -1);
	too_long[LABEL_MAX] = '\0';
	cr_expect_eq(label_check(too_long, NULL), 0);
}

Test(scope, each_octet_may_be_in_a_label_or_not)
{
	for (int c = 1; c < 256; c++) {
		bool is_word = c < 128 && isalnum(c);
		const char first[] = { (char)c, 'b', '\0' }, inner[] = { 'a', (char)c, 'b', '\0' };

		cr_expect_eq(label_check(first, NULL), is_word ? 0 : -1, "first %d", c);
		cr_expect_eq(label_check(inner, NULL), is_word || strchr("-_./=", c) ? 0 : -1, "inside %d", c);
	}
}

Test(scope, a_pattern_is_a_name_or_all_that_is_below_one)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} cases[] = {
		{ "www.example.com", "www.example.com", true },
		{ "www.example.com", "a.www.example.com", false },
		{ "example.com", "*.example.com", false },
		{ "*.example.com", "www.example.com", true },
		{ "*.example.com", "a.b.example.com", true },
		{ "*.example.com", "*.example.com", true },
		{ "*.example.com", "*.b.example.com", true },
		{ "*.example.com", "example.com", false },
		{ "*.example.com", "badexample.com", false },
		{ "*.example.com", "www.example.com.evil.org", false },
		{ "192.0.2.1", "192.0.2.1", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(pattern_matches(cases[i].pattern, cases[i].name), cases[i].matches, "%s %s",
			cases[i].pattern, cases[i].name);
}

Test(scope, patterns_become_canonical_or_are_refused)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "WWW.Example.com.", "www.example.com" },
		{ "*.EXAMPLE.com", "*.example.com" },
		{ "*.b\xc3\xbc"
		  "cher.example",
			"*.xn--bcher-kva.example" },
		{ "*", NULL },
		{ "*.", NULL },
		{ "*.*.example.com", NULL },
		{ "w*.example.com", NULL },
		{ "", NULL },
		{ "*.192.0.2.1", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *canonical = NULL;
		int rc = pattern_canonical(cases[i].text, &canonical, NULL);

		cr_expect_eq(rc, cases[i].canonical ? 0 : -1, "%s", cases[i].text);
		if (rc == 0 && cases[i].canonical)
			cr_expect_str_eq(canonical, cases[i].canonical);
	}
}

static void
fill(struct strlist *list, const char *text)
{
	if (text)
		strlist_split(list, text, ' ');
}

Test(scope, all_kinds_must_hold_of_each_one_value_and_every_name)
{
	static const struct {
		const char *why, *domains, *providers, *labels;
		const char *names, *provider, *has;
		bool covers;
	} cases[] = {
		{ "asks for nothing", NULL, NULL, NULL, "a.org", "p1", NULL, true },
		{ "one of two domains", "*.x.org *.y.org", NULL, NULL, "a.y.org", NULL, NULL, true },
		{ "names in both", "*.x.org *.y.org", NULL, NULL, "a.y.org b.x.org", NULL, NULL, true },
		{ "one name is outside", "*.x.org", NULL, NULL, "a.x.org a.z.org", NULL, NULL, false },
		{ "no name at all", "*.x.org", NULL, NULL, NULL, NULL, NULL, false },
		{ "provider", NULL, "p1 p2", NULL, "a.org", "p2", NULL, true },
		{ "another provider", NULL, "p1", NULL, "a.org", "p2", NULL, false },
		{ "imported: no provider", NULL, "p1", NULL, "a.org", NULL, NULL, false },
		{ "one label of two", NULL, NULL, "web db", "a.org", NULL, "x db", true },
		{ "not a label", NULL, NULL, "web", "a.org", NULL, NULL, false },
		{ "labels are compared as a whole", NULL, NULL, "team=web", "a.org", NULL, "team=webb", false },
		{ "domain but not label", "*.x.org", NULL, "web", "a.x.org", NULL, "db", false },
		{ "domain and label", "*.x.org", NULL, "web", "a.x.org", NULL, "web", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scope_rule rule = { .domains = STRLIST_INIT };
		_cleanup_strlist_ struct strlist names = STRLIST_INIT;
		_cleanup_strlist_ struct strlist labels = STRLIST_INIT;

		fill(&rule.domains, cases[i].domains);
		fill(&rule.providers, cases[i].providers);
		fill(&rule.labels, cases[i].labels);
		fill(&names, cases[i].names);
		fill(&labels, cases[i].has);
		cr_expect_eq(scope_rule_covers(&rule, &names, cases[i].provider, &labels), cases[i].covers, "%s",
			cases[i].why);
		scope_rule_clear(&rule);
	}
}

Test(scope, entries_of_the_configuration_are_read_or_refused_whole)
{
	static const struct {
		const char *text, *group, *domain, *provider, *label;
	} cases[] = {
		{ "ops:domain=*.Example.com", "ops", "*.example.com", NULL, NULL },
		{ "4711:provider=le", "4711", NULL, "le", NULL },
		{ "ops:label=team=web", "ops", NULL, NULL, "team=web" },
		{ "ops", NULL, NULL, NULL, NULL },
		{ ":label=x", NULL, NULL, NULL, NULL },
		{ "ops:label=", NULL, NULL, NULL, NULL },
		{ "ops:label=a b", NULL, NULL, NULL, NULL },
		{ "ops:colour=red", NULL, NULL, NULL, NULL },
		{ "ops:domain=*", NULL, NULL, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct scope_rule rule = { .domains = STRLIST_INIT };
		_cleanup_free_ char *group = NULL;
		int rc = scope_entry_read(cases[i].text, &group, &rule, &err);

		cr_expect_eq(rc, cases[i].group ? 0 : -1, "%s", cases[i].text);
		cr_expect_eq(rule.domains.count, cases[i].domain ? 1 : 0, "%s", cases[i].text);
		cr_expect_eq(rule.providers.count, cases[i].provider ? 1 : 0, "%s", cases[i].text);
		cr_expect_eq(rule.labels.count, cases[i].label ? 1 : 0, "%s", cases[i].text);
		if (rc < 0)
			cr_expect_eq(err.code, ERROR_CONFIG);
		else
			cr_expect_str_eq(group, cases[i].group);
		if (cases[i].domain && rule.domains.count)
			cr_expect_str_eq(rule.domains.items[0], cases[i].domain);
		scope_rule_clear(&rule);
	}
}
