#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/strlist.h"

#include <criterion/criterion.h>
#include <string.h>

static struct json_object *
parse(const char *text)
{
	return json_parse(text, strlen(text), NULL);
}

Test(json, one_whole_value_is_read)
{
	static const char *const cases[] = { "{}", " \r\n\t{\"a\":[1,2.5,-3e2,true,null,\"\\u00e9\\\\u0000\"]}\n", "[]",
		"\"text\"", "[\"'é€😀\\\"\\\\\"]", "12", "false", "{\"\":0}" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *obj = parse(cases[i]);

		cr_expect_not_null(obj, "%s", cases[i]);
	}
}

Test(json, text_need_not_end_where_its_memory_does)
{
	_cleanup_json_ struct json_object *obj = json_parse("[1234]", 5, NULL);
	_cleanup_json_ struct json_object *number = json_parse("1234", 2, NULL);

	cr_expect_null(obj, "the bracket lies behind the end");
	cr_expect_eq(json_object_get_int64(number), 12);
}

Test(json, what_is_not_exactly_json_is_refused)
{
	static const struct {
		const char *why, *text;
		size_t len;
	} cases[] = {
#define TEXT(s) s, sizeof(s) - 1
		{ "empty", TEXT("") },
		{ "only blanks", TEXT(" \n") },
		{ "lone null", TEXT("null") },
		{ "cut", TEXT("{\"a\":1") },
		{ "two values", TEXT("{}{}") },
		{ "two numbers", TEXT("1 2") },
		{ "tail", TEXT("{} x") },
		{ "trailing comma", TEXT("[1,]") },
		{ "comment", TEXT("{/* */}") },
		{ "single quotes", TEXT("{'a':1}") },
		{ "bare name", TEXT("{a:1}") },
		{ "leading zero", TEXT("[01]") },
		{ "plus sign", TEXT("[+1]") },
		{ "capital literal", TEXT("[True]") },
		{ "NaN", TEXT("[NaN]") },
		{ "Infinity", TEXT("[Infinity]") },
		{ "-Infinity", TEXT("[-Infinity]") },
		{ "a number beyond all", TEXT("[1e999]") },
		{ "NUL behind", TEXT("{}\0") },
		{ "NUL inside", TEXT("{\"a\0b\":1}") },
		{ "escaped NUL in a value", TEXT("{\"a\":\"x\\u0000y\"}") },
		{ "escaped NUL in a name", TEXT("{\"a\\u0000b\":1}") },
		{ "escaped NUL behind a backslash", TEXT("[\"\\\\\\u0000\"]") },
		{ "newline in a string", TEXT("[\"a\nb\"]") },
		{ "escaped newline in a string", TEXT("[\"a\\\nb\"]") },
		{ "unknown escape", TEXT("[\"\\x41\"]") },
		{ "bad UTF-8", TEXT("[\"\xc3\"]") },
		{ "cut UTF-8", TEXT("\"\xe2\x82") },
		{ "surrogate in UTF-8", TEXT("[\"\xed\xa0\x80\"]") },
		{ "behind the last character of Unicode", TEXT("[\"\xf4\x90\x80\x80\"]") },
		{ "bare second octet", TEXT("[\"\x80\"]") },
		{ "overlong UTF-8", TEXT("[\"\xc0\x80\"]") },
		{ "byte order mark", TEXT("\xef\xbb\xbf{}") },
#undef TEXT
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *obj = json_parse(cases[i].text, cases[i].len, &err);

		cr_expect_null(obj, "%s", cases[i].why);
		cr_expect_eq(err.code, ERROR_PROTOCOL, "%s", cases[i].why);
	}
}

static struct json_object *
parse_repeated(const char *head, const char *part, size_t count, const char *tail)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, head);
	for (size_t i = 0; i < count; i++)
		buf_add_str(&text, part);
	buf_add_str(&text, tail);
	return json_parse(text.data, text.len, NULL);
}

Test(json, depth_count_and_length_are_limited_and_the_limit_itself_is_fine)
{
	static const struct {
		const char *why, *head, *part, *tail;
		size_t max;
	} cases[] = {
		{ "array items", "[0", ",0", "]", JSON_MAX_ITEMS - 1 },
		{ "octets of a string", "[\"", "x", "\"]", JSON_MAX_STRING },
		{ "octets of a name", "{\"", "x", "\":0}", JSON_MAX_STRING },
		{ "depth", "[[[[[[[[[[[[[[[", "[]", "]]]]]]]]]]]]]]]", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *most = parse_repeated(
			cases[i].head, cases[i].part, cases[i].max, cases[i].tail);
		_cleanup_json_ struct json_object *more = i == 3 ? parse("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]")
								 : parse_repeated(cases[i].head, cases[i].part,
									   cases[i].max + 1, cases[i].tail);

		cr_expect_not_null(most, "%s", cases[i].why);
		cr_expect_null(more, "%s", cases[i].why);
	}
}

Test(json, an_object_with_too_many_members_is_refused)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *obj = NULL;

	for (int i = 0; i <= JSON_MAX_ITEMS; i++)
		buf_printf(&text, "%c\"%d\":0", i ? ',' : '{', i);
	buf_add_char(&text, '}');
	obj = json_parse(text.data, text.len, NULL);
	cr_expect_null(obj);
}

Test(json, a_member_is_there_absent_or_of_the_wrong_type)
{
	_cleanup_json_ struct json_object *obj = parse("{\"s\":\"x\",\"i\":7,\"b\":true,\"o\":{},\"a\":["
						       "\"p\",\"q\"],\"n\":null,\"d\":1.0,\"m\":[\"p\",1]}");
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *s = NULL;
	int64_t i = 0;
	bool b = false;
	struct json_object *o = NULL;

	cr_expect_eq(json_get_string(obj, "s", &s, &err), 1);
	cr_expect_str_eq(s, "x");
	cr_expect_eq(json_get_int(obj, "i", 0, 9, &i, &err), 1);
	cr_expect_eq(i, 7);
	cr_expect_eq(json_get_bool(obj, "b", &b, &err), 1);
	cr_expect(b);
	cr_expect_eq(json_get_object(obj, "o", &o, &err), 1);
	cr_expect_eq(json_get_array(obj, "a", &o, &err), 1);
	cr_expect_eq(json_get_strlist(obj, "a", &list, &err), 1);
	cr_expect_eq(list.count, 2);
	cr_expect_eq(json_get_string(obj, "absent", &s, &err), 0);
	cr_expect_eq(json_get_string(obj, "n", &s, &err), 0);
	cr_expect_not(error_is_set(&err));

	cr_expect_eq(json_get_string(obj, "i", &s, &err), -1);
	cr_expect_str_eq(err.field, "i");
	cr_expect_eq(err.code, ERROR_PROTOCOL);
	cr_expect_eq(json_get_int(obj, "d", 0, 9, &i, &err), -1, "1.0 is not an integer");
	cr_expect_eq(json_get_int(obj, "s", 0, 9, &i, &err), -1);
	cr_expect_eq(json_get_bool(obj, "i", &b, &err), -1);
	cr_expect_eq(json_get_object(obj, "a", &o, &err), -1);
	cr_expect_eq(json_get_array(obj, "o", &o, &err), -1);
	cr_expect_eq(json_get_strlist(obj, "m", &list, &err), -1);
	cr_expect_str_eq(err.field, "m");
	cr_expect_eq(list.count, 2, "untouched on failure");
	cr_expect_eq(json_get_string(json_object_object_get(obj, "a"), "s", &s, &err), -1, "not an object");
}

Test(json, integers_have_a_range)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = { { "{\"i\":-1}", -1 }, { "{\"i\":0}", 1 }, { "{\"i\":100}", 1 }, { "{\"i\":101}", -1 },
		{ "{\"i\":18446744073709551615}", -1 }, { "{\"i\":99999999999999999999999}", -1 },
		{ "{\"i\":-99999999999999999999999}", -1 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *obj = parse(cases[i].text);
		int64_t value = 55;

		cr_assert_not_null(obj, "%s", cases[i].text);
		cr_expect_eq(json_get_int(obj, "i", 0, 100, &value, NULL), cases[i].rc, "%s", cases[i].text);
	}
}

Test(json, what_is_written_keeps_its_order_and_its_slashes)
{
	_cleanup_json_ struct json_object *obj = json_object_new_object();
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	strlist_split(&list, "a,b", ',');
	json_add_string(obj, "url", "https://ca/x");
	json_add_string(obj, "none", NULL);
	json_add_int(obj, "i", INT64_MIN);
	json_add_bool(obj, "b", false);
	json_add_time(obj, "at", 1795257000);
	json_add_time(obj, "never", 0);
	json_add_strlist(obj, "l", &list);
	json_write(obj, &text);
	cr_expect_str_eq(buf_str(&text), "{\"url\":\"https://ca/x\",\"i\":-9223372036854775808,\"b\":false,"
					 "\"at\":\"2026-11-21T10:30:00Z\",\"l\":[\"a\",\"b\"]}");
}

Test(json, a_part_that_is_text_already_is_written_as_it_is)
{
	_cleanup_json_ struct json_object *items = json_object_new_array();
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *item = json_object_new_object();
	size_t len;

	json_add_string(item, "a/b", "\"\n\xff");
	json_object_array_add(items, json_new_text(item, &len));
	json_object_array_add(items, json_object_new_int(7));
	cr_expect_eq(len, strlen("{\"a/b\":\"\\\"\\n?\"}"));
	json_write(items, &text);
	cr_expect_str_eq(buf_str(&text), "[{\"a/b\":\"\\\"\\n?\"},7]");
}
