/*
 * ctl/present/live_table.h: the objects of a resource as they are at the moment, with what each is doing, as the lines of a
 * screen. Values in, text out: who asks and who draws is cmd_watch.c.
 */
#ifndef CTL_PRESENT_LIVE_TABLE_H
#define CTL_PRESENT_LIVE_TABLE_H

#include "common/buf.h"
#include "ctl/present/columns.h"

struct live_table;

/* @columns: taken; @sort: as of columns_sort(), which accepted it, or NULL: what is under way or failed first; copied. */
struct live_table *
live_table_new(struct ctl *ctl, const struct api_resource *resource, struct columns *columns, const char *sort);

/* NULL is a no-op. */
void
live_table_free(struct live_table *table);

/* Forgets all objects, not what they are doing. */
void
live_table_clear(struct live_table *table);

/* One object as certd answered it; copied. */
void
live_table_put(struct live_table *table, struct json_object *object);

void
live_table_remove(struct live_table *table, const char *id);

/*
 * live_table_event() - note what an event says about what an object is doing
 * Return: true when the event is about an object of this table.
 */
bool
live_table_event(struct live_table *table, struct json_object *event);

/* Is anything under way? Then time is shown passing. */
bool
live_table_is_busy(const struct live_table *table);

/*
 * live_table_draw() - a summary, titles and rows; no line is wider than @width characters, and there are at most @height
 * @notice: a line in place of the summary, or NULL
 */
void
live_table_draw(struct live_table *table, const char *notice, unsigned width, unsigned height, struct buf *ret);

#endif
