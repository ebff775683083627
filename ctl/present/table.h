/* ctl/present/table.h: a table whose columns are as wide as their widest cell, or as the terminal allows. */
#ifndef CTL_PRESENT_TABLE_H
#define CTL_PRESENT_TABLE_H

#include "ctl/present/terminal.h"

#include <stdio.h>

struct table;

struct table *
table_new(void);

/* NULL is a no-op. */
void
table_free(struct table *table);

/*
 * table_column() - add a column, before the first row
 * @title: copied
 * @rank: when the table is too wide, the column with the highest rank is left out first; 0: never
 */
void
table_column(struct table *table, const char *title, unsigned rank);

/* Begins a row. @key: rows are sorted by it, copied; NULL: the row stays where it is. All rows have a key, or none. */
void
table_row(struct table *table, const char *key);

/* The next cell of the row, copied, with line breaks as blanks. */
void
table_cell(struct table *table, const char *text, enum tone tone);

/*
 * table_print() - print titles and rows; nothing when there are no rows
 * @width: no line is wider: columns are left out by their rank, long cells are cut; 0: any width
 */
void
table_print(const struct table *table, FILE *out, size_t width, bool has_colour);

#endif
