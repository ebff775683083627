/* ctl/present/text.h: how values are displayed: tables, dates relative to now, names instead of ids. */
#ifndef CTL_PRESENT_TEXT_H
#define CTL_PRESENT_TEXT_H

#include "common/buf.h"
#include "ctl/base/ctl.h"

/* A table whose columns are as wide as their widest cell. */
struct table;

struct table *
table_new(void);

/* Adds a column; call before the first cell; copied. */
void
table_column(struct table *table, const char *title);

/* NULL is a no-op. */
void
table_free(struct table *table);

/* The next cell, copied; a full row starts the next one. */
void
table_cell(struct table *table, const char *text);

/* Prints nothing when there are no rows. */
void
table_print(const struct table *table, FILE *out);

/* "in 29d", "3h ago", "now"; "-" for 0. */
void
text_relative(struct buf *ret, int64_t at, int64_t now);

/* Formats a value by its description in the API's table, on one line: names for references, lists joined. */
void
text_value(struct ctl *ctl, const struct api_field *field, struct json_object *value, struct buf *ret);

/* Appends @text with blanks in place of line breaks. */
void
text_line(struct buf *ret, const char *text);

/*
 * text_make_lines() - puts every string of @value on one line, except PEM certificates
 * A value that is displayed as one line must not contain line breaks: the rest could pass for other fields or messages.
 */
void
text_make_lines(struct json_object *value);

/* "resourceURN" -> "resource urn"; "caFile" -> "ca-file" with sep '-'. Consecutive capitals are one word. */
void
text_split_camel(const char *name, char sep, struct buf *ret);

#endif
