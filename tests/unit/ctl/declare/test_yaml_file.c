#include "ctl/declare/yaml_file.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(yaml_file, what_a_person_writes_becomes_values)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{ "a: 1\nb: -7\nc: 0\n", "{\"a\":1,\"b\":-7,\"c\":0}" },
		{ "a: 007\nb: 1.5\nc: 0x10\nd: +1\ne: 1234567890123456789\n",
			"{\"a\":\"007\",\"b\":\"1.5\",\"c\":\"0x10\",\"d\":\"+1\",\"e\":"
			"\"1234567890123456789\"}" },
		{ "a: true\nb: 'true'\nc: yes\nd: NO\n", "{\"a\":true,\"b\":\"true\",\"c\":\"yes\",\"d\":\"NO\"}" },
		{ "a:\nb: ~\nc: null\nd: ''\n", "{\"a\":null,\"b\":null,\"c\":null,\"d\":\"\"}" },
		{ "a: [x, 'y', \"*.z\"]\nb:\n- {k: v}\n", "{\"a\":[\"x\",\"y\",\"*.z\"],\"b\":[{\"k\":\"v\"}]}" },
		{ "# remark\na: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}" },
		{ "{\"a\":{\"b\":[1,true,null]},\"c\":\"\\u00fc\"}",
			"{\"a\":{\"b\":[1,true,null]},\"c\":\"\xc3\xbc\"}" },
		{ "\"*.example.com\": x\n", "{\"*.example.com\":\"x\"}" },
		{ "\xef\xbb\xbf# by Notepad\r\na:\r\n  b: x\r\n", "{\"a\":{\"b\":\"x\"}}" },
		{ "\xef\xbb\xbf{\"a\": 1}\r\n", "{\"a\":1}" },
		{ "a: |\r\n  one\r\n  two\r\n", "{\"a\":\"one\\ntwo\\n\"}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_yaml_ struct yaml_file file;

		cr_expect_eq(yaml_read(cases[i].text, strlen(cases[i].text), &file, &err), 0, "%s: %s", cases[i].text,
			err.message);
		cr_expect_str_eq(json_object_to_json_string_ext(
					 file.root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			cases[i].json);
	}
}

Test(yaml_file, what_is_no_declaration_is_refused_with_its_line)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "line 1: the file is empty" },
		{ "# only a remark\n", "line 2: the file is empty" },
		{ "a: 1\nb: [\n", "line 3: while parsing a flow node did not find expected node content" },
		{ "a: 1\n\tb: 2\n", "line 2: while scanning a plain scalar found a tab character that "
				    "violates indentation" },
		{ "a: &x 1\n", "line 1: anchors (&) and tags (!) are not supported" },
		{ "a: &x [1]\n", "line 1: anchors (&) and tags (!) are not supported" },
		{ "&x a: 1\n", "line 1: anchors (&) and tags (!) are not supported" },
		{ "a: 1\nb: !!str 2\n", "line 2: anchors (&) and tags (!) are not supported" },
		{ "a: 1\nb: *a\n", "line 2: aliases (*) are not supported; quote a name that begins "
				   "with *" },
		{ "a: 1\n*b : 2\n", "line 2: a key must be plain text" },
		{ "a: 1\n? [x]\n: 2\n", "line 2: a key must be plain text" },
		{ "a: 1\nb: 2\na: 3\n", "line 3: 'a' is given twice" },
		{ "a: \"\\0\"\n", "line 1: it contains a NUL character" },
		{ "\"a\\0\": 1\n", "line 1: it contains a NUL character" },
		{ "- a\n", "line 1: expected a mapping, such as 'providers:'" },
		{ "a: 1\n---\nb: 2\n", "line 2: there is a second document; put each document into a file of its own" },
		{ "%TAG ! tag:x,2000:\n---\na: 1\n", "line 1: directives (%) are not supported" },
		{ "a: \xff\n", "line 1: invalid leading UTF-8 octet" },
		{ "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "line 1: it is nested too deeply" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct yaml_file file;

		cr_expect_eq(yaml_read(cases[i].text, strlen(cases[i].text), &file, &err), -1, "%s", cases[i].text);
		cr_expect_str_eq(err.message, cases[i].says, "%s", cases[i].text);
		cr_expect_null(file.root);
	}
}

Test(yaml_file, a_text_that_is_too_large_is_not_looked_at)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char *text = xcalloc(1, YAML_MAX_SIZE + 1);
	struct yaml_file file;

	memset(text, '#', YAML_MAX_SIZE + 1);
	cr_expect_eq(yaml_read(text, YAML_MAX_SIZE + 1, &file, &err), -1);
	cr_expect_eq(err.code, ERROR_LIMIT);
	free(text);
}

Test(yaml_file, keys_know_their_lines_and_what_has_none_is_where_its_mapping_is)
{
	static const char text[] = "a:\n  b:\n    c: 1\n\n    d: [1,\n     2]\n";
	_cleanup_yaml_ struct yaml_file file;

	cr_assert_eq(yaml_read(text, strlen(text), &file, NULL), 0);
	cr_expect_eq(yaml_line(&file, "a"), 1);
	cr_expect_eq(yaml_line(&file, "a/b/c"), 3);
	cr_expect_eq(yaml_line(&file, "a/b/d/1"), 5);
	cr_expect_eq(yaml_line(&file, ""), 0);
	cr_expect_eq(yaml_line(&file, "a/b/x"), 2);
	cr_expect_eq(yaml_line(&file, "x"), 0);
}

Test(yaml_file, what_is_written_is_read_as_the_same)
{
	static const char *const values[] = {
		"{}",
		"{\"a\":{},\"b\":[],\"c\":[[],{}]}",
		"{\"a\":\"true\",\"b\":true,\"c\":\"null\",\"d\":null,\"e\":\"\",\"f\":\"~\"}",
		"{\"a\":\"7\",\"b\":7,\"c\":\"-7\",\"d\":\"007\",\"7\":1,\"null\":2,\"true\":3,\"\":4}",
		"{\"*.example.com\":\"*\",\"&a\":\"!x\",\"- b\":\"# c\",\"d: e\":\": "
		"f\",\"g\":\"[h\",\"i\":\"{j\"}",
		"{\"a\":\"two\\nlines\\n\",\"b\":\" blank \",\"c\":\"\\ttab\",\"d\":\"it's \\\"quoted\\\" "
		"\\\\\"}",
		"{\"b\xc3\xbc"
		"cher\":\"\xf0\x9f\x94\x91 \xe2\x80\xa8\",\"long\":\"x x x x x x x x x x x x x x x x x x x "
		"x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x "
		"x\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_json_ struct json_object *value = json_parse(values[i], strlen(values[i]), NULL);
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_yaml_ struct yaml_file file = { .root = NULL };
		_cleanup_free_ char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);

		cr_assert_not_null(value, "%s", values[i]);
		cr_assert_eq(yaml_write(value, out, &err), 0, "%s", err.message);
		fclose(out);
		cr_expect_eq(yaml_read(text, len, &file, &err), 0, "%s: %s", text, err.message);
		cr_expect(json_object_equal(file.root, value), "%s", text);
	}
}
