/* ctl/present/text.h: how values are displayed: dates relative to now, names instead of ids. */
#ifndef CTL_PRESENT_TEXT_H
#define CTL_PRESENT_TEXT_H

#include "common/buf.h"
#include "ctl/base/ctl.h"

/* "in 29d", "3h ago", "now"; "-" for 0. */
void
text_relative(struct buf *ret, int64_t at, int64_t now);

/* Formats a value by its description in the API's table, on one line: names for references, lists joined. */
void
text_value(struct ctl *ctl, const struct api_field *field, struct json_object *value, struct buf *ret);

/* "auto www.example.com": certctl's noun and the name (or id) of a reference {type, id, name}; nothing for none. */
void
text_reference(struct json_object *object, struct buf *ret);

/* Appends @text with blanks in place of line breaks. */
void
text_line(struct buf *ret, const char *text);

/* Appends @text with the names of users in place of their ids: "changed by uid:1001" -> "changed by alice". */
void
text_users(struct buf *ret, const char *text);

/*
 * text_make_lines() - puts every string of @value on one line, except PEM certificates, and names users
 * A value that is displayed as one line must not contain line breaks: the rest could pass for other fields or messages.
 */
void
text_make_lines(struct json_object *value);

/* "resourceURN" -> "resource urn"; "caFile" -> "ca-file" with sep '-'. Consecutive capitals are one word. */
void
text_split_camel(const char *name, char sep, struct buf *ret);

#endif
