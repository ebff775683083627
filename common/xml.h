/* common/xml.h: small XML documents, as some web APIs answer with, read into JSON. */
#ifndef COMMON_XML_H
#define COMMON_XML_H

#include <stddef.h>

struct buf;
struct error;
struct json_object;

/*
 * xml_parse() - read a document as JSON
 * An element that has elements or attributes is an object, in which each name is a list of all elements with that name,
 * "@NAME" is an attribute and "#text" the text of an element without elements; another element is its text. So
 * <a><b>x</b><b/><c d="1">y</c></a> is {"a": [{"b": ["x", ""], "c": [{"@d": "1", "#text": "y"}]}]}. Comments and
 * processing instructions are skipped. Names keep their prefix. Documents are read as UTF-8. Document type
 * declarations, and with them entities other than the five of XML, are refused; the depth of elements is limited.
 *
 * Return: the document, owned by the caller, or NULL with ERROR_PROTOCOL.
 */
struct json_object *
xml_parse(const char *text, size_t len, struct error *err);

/* Appends @text, escaped for an element (XML s2.4). */
void
xml_add_text(struct buf *ret, const char *text);

#endif
