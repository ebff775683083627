/* ctl/present/columns.h: which members of an object a table shows, and what it is sorted by. */
#ifndef CTL_PRESENT_COLUMNS_H
#define CTL_PRESENT_COLUMNS_H

#include "common/strlist.h"
#include "ctl/base/ctl.h"

struct column {
	char *title;                   /* owned */
	char *path;                    /* "metadata.state"; owned */
	const struct api_field *field; /* what the table says about it */
};

struct columns {
	struct column *items; /* owned */
	size_t count;
};

/* The resource's own. */
void
columns_default(const struct api_resource *resource, struct columns *ret);

/*
 * columns_read() - "name,notAfter,metadata.lastError.message": paths, members of properties or metadata by their name
 * alone, or titles of the resource's own columns
 * ERROR_USAGE that suggests the nearest.
 */
int
columns_read(const struct api_resource *resource, const char *text, struct columns *ret, struct error *err);

void
columns_clear(struct columns *columns);
#define _cleanup_columns_ _cleanup_(columns_clear)

/* @item with nothing but these members; owned by the caller. */
struct json_object *
columns_pick(const struct columns *columns, struct json_object *item);

/*
 * columns_sort() - sort @items (an array) by "notAfter" or "notAfter:desc", as a column is named
 * Dates and numbers by their value, references by name; what is not there comes last either way, what is equal keeps
 * its order.
 */
int
columns_sort(struct ctl *ctl, const struct api_resource *resource, const char *text, struct json_object *items,
	struct error *err);

/* Words for --columns and --sort; appended to @ret. */
void
columns_words(const struct api_resource *resource, struct strlist *ret);

#endif
