/* ctl/present/columns.h: which members of an object a table shows, and how it is sorted. */
#ifndef CTL_PRESENT_COLUMNS_H
#define CTL_PRESENT_COLUMNS_H

#include "common/strlist.h"
#include "ctl/base/ctl.h"

struct column {
	char *title;                   /* owned */
	char *path;                    /* "metadata.state"; owned */
	const struct api_field *field; /* from the API's table; static */
	unsigned rank;                 /* of api_column; 0 for a column that was chosen */
};

struct columns {
	struct column *items; /* owned */
	size_t count;
};

/* The columns that the resource shows by default. */
void
columns_default(const struct api_resource *resource, struct columns *ret);

/*
 * columns_read() - parse the value of --columns, such as "name,notAfter,metadata.lastError.message"
 * Each word is a path, the bare name of a property or metadata member, or the title of a default column.
 * ERROR_USAGE: a word is unknown; the message suggests the nearest.
 */
int
columns_read(const struct api_resource *resource, const char *text, struct columns *ret, struct error *err);

void
columns_clear(struct columns *columns);
#define _cleanup_columns_ _cleanup_(columns_clear)

/* A copy of @item with only these members; owned by the caller. */
struct json_object *
columns_pick(const struct columns *columns, struct json_object *item);

/*
 * columns_sort() - sort @items (an array) by a column: "notAfter" or "notAfter:desc"
 * Dates and numbers sort by value, references by name. Items without the member come last in both directions. The
 * sort is stable.
 */
int
columns_sort(struct ctl *ctl, const struct api_resource *resource, const char *text, struct json_object *items,
	struct error *err);

/* Candidates for --columns and --sort; appended to @ret. */
void
columns_words(const struct api_resource *resource, struct strlist *ret);

#endif
