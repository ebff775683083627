#include "ctl/present/columns.h"

#include "tests/unit/ctl/scripted.h"

#include <criterion/criterion.h>
#include <string.h>

#define AUTO(id, name, metadata) \
	"{\"id\":\"" id "\",\"properties\":{\"name\":\"" name "\",\"provider\":\"p" id "\",\"renewBefore\":" id \
	"00},\"metadata\":{" metadata "}}"

/* In the order in which certd would send them. */
static const struct exchange script[] = {
	{ "autoCertificate.list",
		"{\"items\":[" AUTO("1", "b", "\"notAfter\":\"2026-12-21T10:30:00Z\",\"attempts\":10") "," AUTO(
			"2", "C", "\"lastError\":{\"code\":\"timeout\",\"message\":\"too late\"}") "," AUTO("3", "a",
			"\"notAfter\":\"2026-11-21T07:30:00Z\",\"attempts\":9") "]}",
		{ NULL } },
};

static void
expect_list(const char *const *words, const char *out)
{
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, words);

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, out);
}

Test(columns, any_member_is_a_column_by_path_by_name_or_by_title)
{
	expect_list(WORDS("list", "--columns", "name,lastError.message,metadata.attempts,EXPIRES,renewBefore,id"),
		"NAME  LAST ERROR MESSAGE  ATTEMPTS  EXPIRES  RENEW BEFORE  ID\n"
		"a     -                   9         3h ago   5m            3\n"
		"b     -                   10        in 30d   1m 40s        1\n"
		"C     too late            -         -        3m 20s        2\n");
}

Test(columns, lists_are_sorted_by_what_values_mean_and_what_is_missing_comes_last)
{
	static const struct {
		const char *sort, *names;
	} cases[] = {
		{ "name", "NAME\na\nb\nC\n" },
		{ "name:desc", "NAME\nC\nb\na\n" },
		{ "notAfter", "NAME\na\nb\nC\n" },
		{ "expires:desc", "NAME\nb\na\nC\n" },
		{ "attempts:asc", "NAME\na\nb\nC\n" },
		{ "metadata.attempts:desc", "NAME\nb\na\nC\n" },
		{ "renewBefore:desc", "NAME\na\nC\nb\n" },
		{ "profile", "NAME\nb\nC\na\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_list(WORDS("list", "--sort", cases[i].sort, "--columns", "name"), cases[i].names);
}

Test(columns, what_is_sorted_is_cut_afterwards)
{
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1,
		WORDS("list", "--sort", "name", "--offset", "1", "--limit", "1", "--state", "FAILED", "--columns",
			"name"));

	cr_expect_str_eq(o.out, "NAME\nb\n", "%s", o.err);
	cr_expect_str_eq(o.requests, "autoCertificate.list {\"state\":\"FAILED\",\"offset\":0,\"limit\":100}\n");
}

Test(columns, other_formats_have_nothing_but_the_columns_in_their_places)
{
	expect_list(WORDS("list", "-o", "keyvalue", "--columns", "name,lastError.code", "--sort", "name:desc"),
		"properties.name=C\nmetadata.lastError.code=timeout\n\nproperties.name=b\n\nproperties.name="
		"a\n");
	expect_list(WORDS("list", "-o", "json", "--columns", "notAfter", "--sort", "name", "--limit", "1"),
		"[\n{\n  \"metadata\": {\n    \"notAfter\": \"2026-11-21T07:30:00Z\"\n  }\n}\n]\n");
}

Test(columns, what_there_is_not_is_refused_before_anybody_is_asked)
{
	static const struct {
		const char *option, *value, *says;
	} cases[] = {
		{ "--columns", "name,notafterr",
			"certctl: --columns: auto has no 'notafterr'; did you mean 'notAfter'?\n" },
		{ "--sort", "nam", "certctl: --sort: auto has no 'nam'; did you mean 'name'?\n" },
		{ "--sort", "name:up", "certctl: --sort: 'name:up': write FIELD, FIELD:asc or FIELD:desc\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(
			NULL, 0, WORDS("list", "auto", cases[i].option, cases[i].value));

		cr_expect_eq(o.status, 64, "%s", cases[i].value);
		cr_expect_eq(strncmp(o.err, cases[i].says, strlen(cases[i].says)), 0, "%s", o.err);
		cr_expect_str_eq(o.out, "");
	}
}

Test(columns, secrets_are_no_columns_and_words_are_there_once)
{
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;

	columns_words(&api_resources[API_DNSPROVIDER], &words);
	cr_expect(strlist_has(&words, "tsigName"));
	cr_expect(strlist_has(&words, "state"));
	cr_expect_not(strlist_has(&words, "tsigKey"));
	cr_expect_not(strlist_has(&words, "token"));
	for (size_t i = 0; i < words.count; i++)
		for (size_t j = i + 1; j < words.count; j++)
			cr_expect_str_neq(words.items[i], words.items[j]);
}
