#include "daemon/rollout/output.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct output_values values = { .name = "_.example.com-2",
	.common_name = "*.example.com",
	.algorithm = "secp256r1",
	.issued_at = 1700000000,
	.number = 7 };

static void
expect_expanded(const char *template, const char *expected)
{
	_cleanup_free_ char *path = output_expand(template, &values);

	if (expected)
		cr_expect_str_eq(path ? path : "NULL", expected, "%s", template);
	else
		cr_expect_null(path, "%s: %s", template, path);
}

Test(output, placeholders_become_the_values_of_the_certificate)
{
	expect_expanded("{name}.pem", "_.example.com-2.pem");
	expect_expanded("a/{domain}.{type}", "a/_.example.com.ecdsa");
	expect_expanded("{cn}{ecc}/{cn}.key", "*.example.com_ecc/*.example.com.key");
	expect_expanded("archive/cert{number}.pem", "archive/cert7.pem");
	expect_expanded("cert-{time}.pem", "cert-1700000000.pem");
	expect_expanded("plain", "plain");
}

Test(output, the_kind_of_key_is_in_the_names)
{
	static const struct {
		const char *algorithm, *path;
	} cases[] = { { "rsa2048", "rsa/7" }, { "rsa4096", "rsa/7" }, { "secp256r1", "ecdsa_ecc/7" },
		{ "secp384r1", "ecdsa_ecc/7" }, { NULL, "ecdsa_ecc/7" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct output_values v = values;
		_cleanup_free_ char *path = NULL;

		v.algorithm = cases[i].algorithm;
		path = output_expand("{type}{ecc}/{number}", &v);
		cr_expect_str_eq(path ? path : "NULL", cases[i].path, "%s", v.algorithm ? v.algorithm : "unknown");
	}
}

Test(output, only_plain_paths_are_made)
{
	static const char *const bad[] = { "", "/a", "a/", "a//b", ".", "..", "a/../b", ".certd-x", "a/.hidden" };
	char longest[242], longer[243];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_expanded(bad[i], NULL);
	memset(longest, 'x', 240);
	longest[240] = '\0';
	expect_expanded(longest, longest);
	memset(longer, 'x', 241);
	longer[241] = '\0';
	expect_expanded(longer, NULL);
}

Test(output, a_name_from_outside_cannot_leave_the_directory)
{
	const struct output_values evil = { .name = "../x", .common_name = "../../x", .algorithm = "rsa2048" };

	cr_expect_null(output_expand("{name}", &evil));
	cr_expect_null(output_expand("{domain}", &evil));
	cr_expect_null(output_expand("{cn}", &evil));
}

/* The only output of a consumer that declares @text. Return: its error, owned by the caller; or NULL. */
static char *
parse(const char *text, struct output_list *ret)
{
	struct consumer c = { .layout = NULL };
	struct error err = ERROR_INIT;
	char *said = NULL;

	strlist_add(&c.outputs, text);
	if (output_list_of(&c, ret, &err) < 0) {
		cr_expect_str_eq(err.field, "properties.outputs[0]", "%s", text);
		said = xstrdup(err.message);
	}
	error_clear(&err);
	consumer_clear(&c);
	return said;
}

Test(output, mode_and_group_are_those_declared_or_those_of_the_format)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *group;
		bool has_mode;
	} cases[] = {
		{ "key:x", 0600, NULL, false },
		{ "cert:x", 0644, NULL, false },
		{ "bundle:x:0640", 0640, NULL, true },
		{ "jks:x:0440:java", 0440, "java", true },
		{ "pkcs12:x::java", 0600, "java", false },
		{ "cert-der:x:444", 0444, NULL, true },
		{ "cert:directory/{name}-{domain}.{type}", 0644, NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outputs_ struct output_list list = { .items = NULL };
		_cleanup_free_ char *said = parse(cases[i].text, &list);

		cr_assert_null(said, "%s: %s", cases[i].text, said);
		cr_expect_eq(list.items[0].mode, cases[i].mode, "%s", cases[i].text);
		cr_expect_eq(list.items[0].has_mode, cases[i].has_mode, "%s", cases[i].text);
		cr_expect_str_eq(list.items[0].group ? list.items[0].group : "", cases[i].group ? cases[i].group : "",
			"%s", cases[i].text);
	}
}

Test(output, what_is_not_a_file_of_a_consumer_is_refused)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "key", "must be FORMAT:PATH" },
		{ "key:", "must be FORMAT:PATH" },
		{ "pem:x", "is not a format" },
		{ "key:{number}", "placeholders" },
		{ "key:{name", "placeholders" },
		{ "key:x}", "placeholders" },
		{ "key:directory/{name}-{domain}.{type}{cn}", "placeholders" },
		{ "key:/x", "must be relative" },
		{ "key:x:0604", "everybody" },
		{ "bundle-cert-first:x:0644", "everybody" },
		{ "cert:x:0044", "is not the mode" },
		{ "cert:x:0664", "is not the mode" },
		{ "cert:x:1644", "is not the mode" },
		{ "cert:x:8", "is not the mode" },
		{ "cert:x:-1", "is not the mode" },
		{ "cert:x:0644:", "is not the name of a group" },
		{ "cert:x:0644:a:b", "is not the name of a group" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outputs_ struct output_list list = { .items = NULL };
		_cleanup_free_ char *said = parse(cases[i].text, &list);

		cr_expect(said && strstr(said, cases[i].said), "%s: %s", cases[i].text, said ? said : "accepted");
		cr_expect_eq(list.count, 0, "%s", cases[i].text);
	}
}

#define LAYOUT_WORD(id, word, files) word,

Test(output, the_names_of_every_layout_are_plain_and_may_be_of_several_certificates)
{
	static const char *const words[] = { OUTPUT_LAYOUTS(LAYOUT_WORD) };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		_cleanup_consumer_ struct consumer c = { .layout = xstrdup(words[i]) };
		_cleanup_outputs_ struct output_list list = { .items = NULL };

		cr_assert_eq(output_list_of(&c, &list, NULL), 0, "%s", words[i]);
		cr_expect_neq(output_list_scope(&list), OUTPUT_FOR_ONE, "%s", words[i]);
		for (size_t k = 0; k < list.count; k++) {
			_cleanup_free_ char *path = output_expand(list.items[k].path, &values);
			_cleanup_free_ char *link = list.items[k].link ? output_expand(list.items[k].link, &values)
								       : xstrdup("none");

			cr_expect(path && link && !strchr(path, '{') && !strchr(link, '{'), "%s: %s", words[i],
				list.items[k].path);
		}
	}
}

Test(output, a_layout_that_is_not_known_is_refused_with_its_field)
{
	struct consumer c = { .layout = (char[]){ "apache" } };
	_cleanup_outputs_ struct output_list list = { .items = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(output_list_of(&c, &list, &err), -1);
	cr_expect_str_eq(err.field, "properties.layout");
}

Test(output, fixed_names_are_for_one_certificate)
{
	static const struct {
		const char *text;
		enum output_scope scope;
	} cases[] = {
		{ "key:site.key", OUTPUT_FOR_ONE },
		{ "key:{domain}.key", OUTPUT_FOR_ONE },
		{ "key:{domain}.{type}", OUTPUT_FOR_DOMAIN },
		{ "key:{name}/{type}", OUTPUT_FOR_ALL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outputs_ struct output_list list = { .items = NULL };
		_cleanup_free_ char *said = parse(cases[i].text, &list);

		cr_expect_null(said);
		cr_expect_eq(output_list_scope(&list), cases[i].scope, "%s", cases[i].text);
	}
}
