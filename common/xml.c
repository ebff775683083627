/*
 * The only user of expat, with its dangerous features switched off: document types, and with them entities, are
 * refused, the encoding is always UTF-8, and the depth is limited. The caller limits the size of the text.
 */
#include "common/xml.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32 };

struct xml {
	XML_Parser parser;
	/* The elements that are open, the document first: what they have so far, NULL if only text. */
	struct json_object *open[MAX_DEPTH + 1];
	int depth;
	bool is_leaf;    /* the innermost element contains no other so far */
	struct buf text; /* of it */
	const char *refusal;
};

static void
xml_refuse(struct xml *xml, const char *why)
{
	xml->refusal = why;
	XML_StopParser(xml->parser, XML_FALSE);
}

static struct json_object *
xml_object(struct xml *xml)
{
	if (!xml->open[xml->depth])
		xml->open[xml->depth] = json_object_new_object();
	return xml->open[xml->depth];
}

static void
xml_on_start(void *arg, const char *name _unused_, const char **attributes)
{
	struct xml *xml = arg;

	if (xml->depth >= MAX_DEPTH)
		xml_refuse(xml, "is nested too deeply");
	if (xml->refusal)
		return;
	xml_object(xml);
	xml->is_leaf = true;
	buf_reset(&xml->text);
	xml->open[++xml->depth] = NULL;
	for (; attributes[0]; attributes += 2) {
		_cleanup_free_ char *member = xasprintf("@%s", attributes[0]);

		json_add_string(xml_object(xml), member, attributes[1]);
	}
}

/* The element joins the list of its name. Expat still calls this for an empty element that was refused. */
static void
xml_on_end(void *arg, const char *name)
{
	struct xml *xml = arg;
	struct json_object *value = xml->open[xml->depth];
	struct json_object *list = NULL;

	if (xml->refusal)
		return;
	if (xml->is_leaf && xml->text.len && value)
		json_add_string(value, "#text", buf_str(&xml->text));
	xml->open[xml->depth--] = NULL;
	if (!json_object_object_get_ex(xml->open[xml->depth], name, &list)) {
		list = json_object_new_array();
		json_object_object_add(xml->open[xml->depth], name, list);
	}
	json_object_array_add(list, value ? value : json_object_new_string(buf_str(&xml->text)));
	xml->is_leaf = false;
	buf_reset(&xml->text);
}

static void
xml_on_text(void *arg, const char *text, int len)
{
	struct xml *xml = arg;

	buf_add(&xml->text, text, (size_t)len);
}

static void
xml_on_doctype(void *arg, const char *name _unused_, const char *sysid _unused_, const char *pubid _unused_,
	int has_subset _unused_)
{
	xml_refuse(arg, "has a document type, which is not supported");
}

struct json_object *
xml_parse(const char *text, size_t len, struct error *err)
{
	struct xml xml = { .parser = XML_ParserCreate("UTF-8") };
	struct json_object *document = NULL;

	if (!xml.parser || len > INT_MAX) {
		xml.refusal = "is too large";
	} else {
		XML_SetUserData(xml.parser, &xml);
		XML_SetElementHandler(xml.parser, xml_on_start, xml_on_end);
		XML_SetCharacterDataHandler(xml.parser, xml_on_text);
		XML_SetStartDoctypeDeclHandler(xml.parser, xml_on_doctype);
		if (XML_Parse(xml.parser, text, (int)len, XML_TRUE) == XML_STATUS_OK)
			document = json_object_get(xml.open[0]);
		else if (!xml.refusal)
			xml.refusal = XML_ErrorString(XML_GetErrorCode(xml.parser));
	}
	if (!document)
		error_set(err, ERROR_PROTOCOL, "its answer is not XML, or not of a supported kind: %s", xml.refusal);
	for (int i = 0; i <= xml.depth; i++)
		json_object_put(xml.open[i]);
	buf_clear(&xml.text);
	XML_ParserFree(xml.parser);
	return document;
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
