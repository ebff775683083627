/*
 * Fitting: columns are left out, highest rank first, until the others fit with at least COLUMN_MIN each; then the
 * widest column gives way, one by one. A name and a state are still there on 60 columns.
 */
#include "ctl/present/table.h"

#include "common/strlist.h"
#include "ctl/present/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COLUMN_MIN = 16, COLUMN_MIN_HARD = 4, GAP = 2, COLUMNS_MAX = 64 };

struct table_column {
	char *title;   /* owned */
	unsigned rank; /* see table_column() */
	size_t width;  /* of the widest cell */
};

struct table_row {
	char *key;            /* owned; or NULL */
	struct strlist cells; /* owned */
	enum tone tones[COLUMNS_MAX];
};

struct table {
	struct table_column columns[COLUMNS_MAX];
	size_t n_columns;
	struct table_row *rows; /* owned */
	size_t n_rows;
};

struct table *
table_new(void)
{
	return xcalloc(1, sizeof(struct table));
}

void
table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n_columns; i++)
		free(table->columns[i].title);
	for (size_t i = 0; i < table->n_rows; i++) {
		free(table->rows[i].key);
		strlist_clear(&table->rows[i].cells);
	}
	free(table->rows);
	free(table);
}

void
table_column(struct table *table, const char *title, unsigned rank)
{
	if (table->n_columns == COLUMNS_MAX)
		return;
	table->columns[table->n_columns++] = (struct table_column){ xstrdup(title), rank, terminal_width(title) };
}

void
table_row(struct table *table, const char *key)
{
	table->rows = xreallocarray(table->rows, table->n_rows + 1, sizeof(*table->rows));
	table->rows[table->n_rows++] = (struct table_row){ .key = xstrdup_null(key) };
}

void
table_cell(struct table *table, const char *text, enum tone tone)
{
	struct table_row *row = &table->rows[table->n_rows - 1];
	struct table_column *column = &table->columns[row->cells.count];
	_cleanup_buf_ struct buf line = BUF_INIT;
	size_t width;

	if (row->cells.count == table->n_columns)
		return;
	text_line(&line, *text ? text : "-");
	width = terminal_width(buf_str(&line));
	column->width = width > column->width ? width : column->width;
	row->tones[row->cells.count] = tone;
	strlist_add(&row->cells, buf_str(&line));
}

/* --- fitting --- */

static size_t
table_total(const size_t *widths, size_t count, size_t at_most)
{
	size_t total = 0;
	size_t shown = 0;

	for (size_t i = 0; i < count; i++) {
		total += widths[i] < at_most ? widths[i] : at_most;
		shown += widths[i] > 0;
	}
	return total + (shown ? shown - 1 : 0) * GAP;
}

/* Leaves out the column of the highest rank. Return: false: all are needed. */
static bool
table_leave_out(const struct table *table, size_t *widths)
{
	size_t worst = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		if (widths[i] && (!widths[worst] || table->columns[i].rank > table->columns[worst].rank))
			worst = i;
	if (table->columns[worst].rank == 0)
		return false;
	widths[worst] = 0;
	return true;
}

static void
table_narrow(size_t *widths, size_t count, size_t width, size_t at_least)
{
	while (table_total(widths, count, SIZE_MAX) > width) {
		size_t widest = 0;

		for (size_t i = 1; i < count; i++)
			if (widths[i] > widths[widest])
				widest = i;
		if (widths[widest] <= at_least)
			return;
		widths[widest]--;
	}
}

/* @ret: the width of each column; 0: it is left out. */
static void
table_fit(const struct table *table, size_t width, size_t *ret)
{
	for (size_t i = 0; i < table->n_columns; i++)
		ret[i] = table->columns[i].width;
	if (!width)
		return;
	while (table_total(ret, table->n_columns, COLUMN_MIN) > width && table_leave_out(table, ret))
		;
	table_narrow(ret, table->n_columns, width, COLUMN_MIN);
	table_narrow(ret, table->n_columns, width, COLUMN_MIN_HARD);
	for (size_t i = table->n_columns; i > 1 && table_total(ret, table->n_columns, SIZE_MAX) > width; i--)
		ret[i - 1] = 0; /* hardly a terminal */
	table_narrow(ret, table->n_columns, width, 1);
}

/* --- printing --- */

static int
table_compare_rows(const void *a_row, const void *b_row)
{
	const struct table_row *const *a = a_row, *const *b = b_row;
	int diff = (*a)->key && (*b)->key ? strcasecmp((*a)->key, (*b)->key) : 0;

	return diff ? diff : (*a > *b) - (*a < *b);
}

/* @text: cut to @width, in the colour of @tone, and filled with blanks unless it is the last of its line. */
static void
table_print_cell(FILE *out, const char *text, size_t width, bool is_last, bool has_colour, enum tone tone)
{
	_cleanup_buf_ struct buf clipped = BUF_INIT;
	_cleanup_buf_ struct buf painted = BUF_INIT;

	terminal_clip(&clipped, text, width);
	terminal_paint(&painted, has_colour, tone, buf_str(&clipped));
	fputs(buf_str(&painted), out);
	if (is_last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", (int)(width - terminal_width(buf_str(&clipped)) + GAP), "");
}

void
table_print(const struct table *table, FILE *out, size_t width, bool has_colour)
{
	_cleanup_free_ const struct table_row **rows = xcalloc(table->n_rows + 1, sizeof(*rows));
	size_t widths[COLUMNS_MAX];
	size_t last = 0;

	if (table->n_rows == 0)
		return;
	table_fit(table, width, widths);
	for (size_t i = 0; i < table->n_columns; i++)
		last = widths[i] ? i : last;
	for (size_t i = 0; i < table->n_rows; i++)
		rows[i] = &table->rows[i];
	qsort(rows, table->n_rows, sizeof(*rows), table_compare_rows);
	for (size_t i = 0; i < table->n_columns; i++)
		if (widths[i])
			table_print_cell(out, table->columns[i].title, widths[i], i == last, false, TONE_NONE);
	for (size_t r = 0; r < table->n_rows; r++)
		for (size_t i = 0; i < table->n_columns && i < rows[r]->cells.count; i++)
			if (widths[i])
				table_print_cell(out, rows[r]->cells.items[i], widths[i], i == last, has_colour,
					rows[r]->tones[i]);
}
