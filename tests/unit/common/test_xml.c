#include "common/alloc.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/xml.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

Test(xml, documents_become_json)
{
	static const struct {
		const char *xml;
		const char *json;
	} cases[] = {
		{ "<a/>", "{\"a\":[\"\"]}" },
		{ "<?xml version=\"1.0\"?>\n<!-- - --><a x='1' y=\"/>\">t</a >\n<!--end-->",
			"{\"a\":[{\"@x\":\"1\",\"@y\":\"/>\",\"#text\":\"t\"}]}" },
		{ "<a x='1'>\n<b y='&lt;&#233;'/>\n<b y='2'>t</b>\n</a>",
			"{\"a\":[{\"@x\":\"1\",\"b\":[{\"@y\":\"<é\"},{\"@y\":\"2\",\"#text\":\"t\"}]}]}" },
		{ "<a x='1' x='2'/>", NULL },
		{ "<a><![CDATA[<x>]]></a>", "{\"a\":[\"<x>\"]}" },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", NULL },
		{ "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", NULL },
		{ "<a><b>x</b> <b/><c>1</c></a>", "{\"a\":[{\"b\":[\"x\",\"\"],\"c\":[\"1\"]}]}" },
		{ "<n:a> <!-- c --> </n:a>", "{\"n:a\":[\"  \"]}" },
		{ "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x20ac;&#128512;</a>", "{\"a\":[\"<>&\\\"'A€😀\"]}" },
		{ "<a>mixed<b>x</b></a>", "{\"a\":[{\"b\":[\"x\"]}]}" },
		{ "", NULL },
		{ "text", NULL },
		{ "<a>", NULL },
		{ "<a></b>", NULL },
		{ "<a></a", NULL },
		{ "<a/><b/>", NULL },
		{ "<a/>x", NULL },
		{ "<a", NULL },
		{ "<a x='>", NULL },
		{ "<a><!--</a>", NULL },
		{ "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", NULL },
		{ "<a>&e;</a>", NULL },
		{ "<a>&#0;</a>", NULL },
		{ "<a>&#xd800;</a>", NULL },
		{ "<a>&#x110000;</a>", NULL },
		{ "<a>&#;</a>", NULL },
		{ "<a>&#1a;</a>", NULL },
		{ "<a>&#65</a>", NULL },
		{ "<a>\xff</a>", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *document = xml_parse(cases[i].xml, strlen(cases[i].xml), &err);
		_cleanup_buf_ struct buf text = BUF_INIT;

		cr_assert_eq(document != NULL, cases[i].json != NULL, "%s: %s", cases[i].xml, err.message);
		if (!document) {
			cr_expect_eq(err.code, ERROR_PROTOCOL, "%s", cases[i].xml);
			continue;
		}
		json_write(document, &text);
		cr_expect_str_eq(buf_str(&text), cases[i].json);
	}
}

Test(xml, the_text_need_not_end_where_its_memory_does)
{
	_cleanup_json_ struct json_object *document = xml_parse("<a/><b/>", 4, NULL);

	cr_expect_not_null(document);
	cr_expect_null(xml_parse("<a></a>", 6, NULL));
	cr_expect_null(xml_parse("<a>\0</a>", 8, NULL));
}

Test(xml, depth_is_limited)
{
	for (int depth = 32; depth <= 33; depth++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_json_ struct json_object *document = NULL;

		for (int i = 0; i < depth; i++)
			buf_add_str(&text, "<a>");
		for (int i = 0; i < depth; i++)
			buf_add_str(&text, "</a>");
		document = xml_parse(buf_str(&text), text.len, NULL);
		cr_expect_eq(document != NULL, depth == 32, "%d", depth);
	}
}

Test(xml, text_is_escaped)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	xml_add_text(&text, "a<b>&\"c\"");
	cr_expect_str_eq(buf_str(&text), "a&lt;b&gt;&amp;\"c\"");
}

Test(xml, each_octet_may_be_in_a_name_or_not)
{
	for (int c = 1; c < 256; c++) {
		_cleanup_free_ char *text = xasprintf("<a%cb></a%cb>", c, c);
		_cleanup_json_ struct json_object *document = xml_parse(text, strlen(text), NULL);
		bool is_name = c < 128 && (isalnum(c) || strchr("_:.-", c));
		_cleanup_free_ char *name = xasprintf("a%cb", c);
		struct json_object *found = NULL;

		cr_expect_eq(document && json_object_object_get_ex(document, name, &found), is_name, "%d", c);
	}
}
