/* ctl/present/text.h: how values look to people: tables, dates beside now, names instead of ids. */
#ifndef CTL_PRESENT_TEXT_H
#define CTL_PRESENT_TEXT_H

#include "common/buf.h"
#include "ctl/base/ctl.h"

/* Rows of text, printed with columns as wide as what is in them. */
struct table;

struct table *
table_new(void);

/* One more column, before the first cell; copied. */
void
table_column(struct table *table, const char *title);

/* NULL is a no-op. */
void
table_free(struct table *table);

/* The next cell, copied; rows begin by themselves. */
void
table_cell(struct table *table, const char *text);

/* Nothing at all when there is no row. */
void
table_print(const struct table *table, FILE *out);

/* "in 29d", "3h ago", "now"; "-" for 0. */
void
text_relative(struct buf *ret, int64_t at, int64_t now);

/* A value by what the table says about it, on one line: names for references, lists joined. */
void
text_value(struct ctl *ctl, const struct api_field *field, struct json_object *value, struct buf *ret);

/* Adds @text with blanks for its line ends. */
void
text_line(struct buf *ret, const char *text);

/*
 * text_make_lines() - puts every string of @value on one line, but for the PEM of certificates
 * What is shown as one line must not bring lines of its own, which could be taken for other fields or messages.
 */
void
text_make_lines(struct json_object *value);

/* "resourceURN" -> "resource urn"; "caFile" -> "ca-file" with sep '-'. A run of capitals is one word. */
void
text_split_camel(const char *name, char sep, struct buf *ret);

#endif
