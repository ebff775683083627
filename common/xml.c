/*
 * One pass over the text with an explicit position, one function per construct. Recursion follows the elements and is
 * limited by MAX_DEPTH. What is not understood is an error: an API's answer is either as documented or worth a message.
 */
#include "common/xml.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32 };

struct xml {
	const char *at;
	const char *end;
};

static const char blanks[] = " \t\r\n";

static bool
xml_starts(const struct xml *xml, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(xml->end - xml->at) >= len && memcmp(xml->at, with, len) == 0;
}

/* Moves behind the next @what. Return: was it found? */
static bool
xml_skip_past(struct xml *xml, const char *what)
{
	for (; xml->at < xml->end; xml->at++) {
		if (xml_starts(xml, what)) {
			xml->at += strlen(what);
			return true;
		}
	}
	return false;
}

static void
xml_skip_blanks(struct xml *xml)
{
	while (xml->at < xml->end && *xml->at && strchr(blanks, *xml->at))
		xml->at++;
}

/* Comments and processing instructions. Return: 1 there was one, 0 there was none, -1 it does not end. */
static int
xml_skip_other(struct xml *xml)
{
	if (xml_starts(xml, "<!--"))
		return xml_skip_past(xml, "-->") ? 1 : -1;
	if (xml_starts(xml, "<?"))
		return xml_skip_past(xml, "?>") ? 1 : -1;
	return 0;
}

/* Return: is it one of a name's (ASCII; XML allows more)? */
static bool
xml_is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_:.-", c));
}

/* Return: owned by the caller; NULL if the input has no name here. */
static char *
xml_read_name(struct xml *xml)
{
	const char *start = xml->at;

	while (xml->at < xml->end && xml_is_name_char(*xml->at))
		xml->at++;
	return xml->at > start ? xstrndup(start, (size_t)(xml->at - start)) : NULL;
}

/* Appends code point @c as UTF-8. Return: is it a character? */
static bool
xml_add_code_point(struct buf *ret, unsigned long c)
{
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return false;
	if (c < 0x80) {
		buf_add_char(ret, (char)c);
	} else if (c < 0x800) {
		buf_add_char(ret, (char)(0xc0 | c >> 6));
		buf_add_char(ret, (char)(0x80 | (c & 0x3f)));
	} else {
		if (c < 0x10000) {
			buf_add_char(ret, (char)(0xe0 | c >> 12));
		} else {
			buf_add_char(ret, (char)(0xf0 | c >> 18));
			buf_add_char(ret, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_add_char(ret, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_char(ret, (char)(0x80 | (c & 0x3f)));
	}
	return true;
}

/* A reference, "&lt;" or "&#10;". Return: was it one? */
static bool
xml_read_reference(struct xml *xml, struct buf *ret)
{
	static const struct {
		const char *name;
		char c;
	} known[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' }, { "&apos;", '\'' } };
	bool is_hex = xml_starts(xml, "&#x");
	unsigned long code = 0;
	int digits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (xml_starts(xml, known[i].name)) {
			buf_add_char(ret, known[i].c);
			xml->at += strlen(known[i].name);
			return true;
		}
	}
	if (!xml_starts(xml, "&#"))
		return false;
	for (xml->at += is_hex ? 3 : 2; xml->at < xml->end && *xml->at != ';'; xml->at++, digits++) {
		static const char all[] = "0123456789abcdef0123456789ABCDEF";
		const char *digit = *xml->at ? strchr(all, *xml->at) : NULL;
		unsigned long value = digit ? (unsigned long)(digit - all) % 16 : 16;

		if (value >= (is_hex ? 16U : 10U) || digits >= 7)
			return false;
		code = code * (is_hex ? 16 : 10) + value;
	}
	return digits && xml->at++ < xml->end && xml_add_code_point(ret, code);
}

/* Text up to the next '<'. */
static int
xml_read_text(struct xml *xml, struct buf *ret, struct error *err)
{
	while (xml->at < xml->end && *xml->at != '<') {
		if (*xml->at == '&') {
			if (!xml_read_reference(xml, ret))
				return error_set(err, ERROR_PROTOCOL, "its XML contains an unknown reference");
		} else if (!*xml->at) {
			return error_set(err, ERROR_PROTOCOL, "its XML contains a NUL octet");
		} else {
			buf_add_char(ret, *xml->at++);
		}
	}
	return 0;
}

/* The rest of a start tag, attributes included. Return: 1 the element has an end tag, 0 it is empty, -1 error. */
static int
xml_end_tag_start(struct xml *xml, struct error *err)
{
	for (; xml->at < xml->end && *xml->at != '<'; xml->at++) {
		if (*xml->at == '"' || *xml->at == '\'') {
			const char quote[] = { *xml->at++, '\0' };

			if (!xml_skip_past(xml, quote))
				break;
			xml->at--;
		} else if (xml_starts(xml, "/>")) {
			xml->at += 2;
			return 0;
		} else if (*xml->at == '>') {
			xml->at++;
			return 1;
		}
	}
	return error_set(err, ERROR_PROTOCOL, "its XML has a tag without an end");
}

static int
xml_read_element(struct xml *xml, int depth, struct json_object *into, struct error *err);

/* Up to the end tag. @ret: owned by the caller. */
static int
xml_read_content(struct xml *xml, int depth, struct json_object **ret, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;

	while (!xml_starts(xml, "</")) {
		int other = xml_skip_other(xml);

		if (other < 0 || xml->at >= xml->end)
			return error_set(err, ERROR_PROTOCOL, "its XML ends within an element");
		if (other)
			continue;
		if (*xml->at != '<') {
			if (xml_read_text(xml, &text, err) < 0)
				return -1;
			continue;
		}
		if (!object)
			object = json_object_new_object();
		if (xml_read_element(xml, depth + 1, object, err) < 0)
			return -1;
	}
	*ret = object ? json_object_get(object) : json_object_new_string_len(buf_str(&text), (int)text.len);
	return 0;
}

/* One element, which joins the list of its name in @into. */
static int
xml_read_element(struct xml *xml, int depth, struct json_object *into, struct error *err)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ char *end = NULL;
	struct json_object *list = NULL;
	struct json_object *value = NULL;
	int has_end;

	if (depth > MAX_DEPTH)
		return error_set(err, ERROR_PROTOCOL, "its XML is nested too deeply");
	xml->at++; /* '<' */
	name = xml_read_name(xml);
	if (!name)
		return error_set(err, ERROR_PROTOCOL, "its answer is not XML, or of a kind that is not supported");
	has_end = xml_end_tag_start(xml, err);
	if (has_end < 0 || (has_end && xml_read_content(xml, depth, &value, err) < 0))
		return -1;
	if (has_end) {
		xml->at += 2; /* "</" */
		end = xml_read_name(xml);
		xml_skip_blanks(xml);
	}
	if (has_end && (!end || strcmp(end, name) != 0 || !xml_starts(xml, ">"))) {
		json_object_put(value);
		return error_set(err, ERROR_PROTOCOL, "its XML has an end tag that does not fit");
	}
	xml->at += has_end;
	if (!json_object_object_get_ex(into, name, &list)) {
		list = json_object_new_array();
		json_object_object_add(into, name, list);
	}
	json_object_array_add(list, value ? value : json_object_new_string(""));
	return 0;
}

/* What may be around the document element. */
static int
xml_skip_misc(struct xml *xml, struct error *err)
{
	int other;

	do {
		xml_skip_blanks(xml);
		other = xml_skip_other(xml);
	} while (other > 0);
	return other < 0 ? error_set(err, ERROR_PROTOCOL, "its XML ends within a comment") : 0;
}

struct json_object *
xml_parse(const char *text, size_t len, struct error *err)
{
	_cleanup_json_ struct json_object *document = json_object_new_object();
	struct xml xml = { .at = text, .end = text + len };

	if (!utf8_is_valid(text, len)) {
		error_set(err, ERROR_PROTOCOL, "its answer is not UTF-8");
		return NULL;
	}
	if (xml_skip_misc(&xml, err) < 0)
		return NULL;
	if (!xml_starts(&xml, "<")) {
		error_set(err, ERROR_PROTOCOL, "its answer is not XML");
		return NULL;
	}
	if (xml_read_element(&xml, 1, document, err) < 0 || xml_skip_misc(&xml, err) < 0)
		return NULL;
	if (xml.at < xml.end) {
		error_set(err, ERROR_PROTOCOL, "its XML has something after its end");
		return NULL;
	}
	return json_object_get(document);
}

void
xml_add_text(struct buf *ret, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			buf_add_str(ret, "&lt;");
		else if (*text == '&')
			buf_add_str(ret, "&amp;");
		else if (*text == '>')
			buf_add_str(ret, "&gt;");
		else
			buf_add_char(ret, *text);
	}
}
