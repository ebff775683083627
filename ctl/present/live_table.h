/*
 * ctl/present/live_table.h: the current objects of a resource and what each is doing, as the lines of a screen.
 * Values in, text out: cmd_watch.c does the polling and drawing.
 */
#ifndef CTL_PRESENT_LIVE_TABLE_H
#define CTL_PRESENT_LIVE_TABLE_H

#include "common/buf.h"
#include "ctl/present/columns.h"

struct live_table;

/*
 * @columns: taken
 * @sort: accepted by columns_sort(), copied; NULL: objects in progress first, then those that failed
 */
struct live_table *
live_table_new(struct ctl *ctl, const struct api_resource *resource, struct columns *columns, const char *sort);

/* NULL is a no-op. */
void
live_table_free(struct live_table *table);

/* Forgets all objects, but keeps their current steps. */
void
live_table_clear(struct live_table *table);

/* One object as certd returned it; copied. */
void
live_table_put(struct live_table *table, struct json_object *object);

void
live_table_remove(struct live_table *table, const char *id);

/*
 * live_table_event() - record what an event says about an object's current step
 * Return: true when the event is about an object of this table.
 */
bool
live_table_event(struct live_table *table, struct json_object *event);

/* Whether any object is in progress; the elapsed time is then redrawn. */
bool
live_table_is_busy(const struct live_table *table);

/*
 * live_table_draw() - a summary, titles and rows
 * No line is wider than @width characters, and there are at most @height lines.
 * @notice: a line in place of the summary, or NULL
 */
void
live_table_draw(struct live_table *table, const char *notice, unsigned width, unsigned height, struct buf *ret);

#endif
