/*
 * Rows by id. Only progress events say what an object is doing. They go to subscribers and are not stored, so a row
 * keeps showing a step until another event ends it.
 */
#include "ctl/present/live_table.h"

#include "common/api/event.h"
#include "ctl/present/table.h"
#include "ctl/present/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct live_table {
	struct ctl *ctl; /* borrowed */
	const struct api_resource *resource;
	struct columns columns;
	char *sort;                  /* owned; or NULL */
	struct json_object *objects; /* id -> object; owned */
	struct json_object *steps;   /* id -> current step; owned */
};

struct live_table *
live_table_new(struct ctl *ctl, const struct api_resource *resource, struct columns *columns, const char *sort)
{
	struct live_table *table = xcalloc(1, sizeof(*table));

	table->ctl = ctl;
	table->resource = resource;
	table->columns = *columns;
	table->sort = xstrdup_null(sort);
	table->objects = json_object_new_object();
	table->steps = json_object_new_object();
	*columns = (struct columns){ .count = 0 };
	return table;
}

void
live_table_free(struct live_table *table)
{
	if (!table)
		return;
	columns_clear(&table->columns);
	free(table->sort);
	json_object_put(table->objects);
	json_object_put(table->steps);
	free(table);
}

void
live_table_clear(struct live_table *table)
{
	json_object_put(table->objects);
	table->objects = json_object_new_object();
}

void
live_table_put(struct live_table *table, struct json_object *object)
{
	const char *id = ctl_text_at(object, "id");
	const char *progress = ctl_text_at(object, "metadata.progress");

	json_object_object_add(table->objects, id, json_object_get(object));
	if (*progress && !json_object_object_get_ex(table->steps, id, NULL)) /* it began before the first event */
		json_add_string(table->steps, id, progress);
}

void
live_table_remove(struct live_table *table, const char *id)
{
	json_object_object_del(table->objects, id);
	json_object_object_del(table->steps, id);
}

/* --- events --- */

bool
live_table_event(struct live_table *table, struct json_object *event)
{
	const char *id = ctl_text_at(event, "object.id");
	enum event_kind kind;

	if (strcmp(ctl_text_at(event, "object.type"), table->resource->type) != 0 ||
		!event_kind_find(ctl_text_at(event, "kind"), &kind))
		return false;
	if (event_is_transient(event_info(kind)))
		json_add_string(table->steps, id, ctl_text_at(event, "message"));
	else if (kind == EVENT_OBJECT_DELETED)
		live_table_remove(table, id);
	else if (kind != EVENT_OBJECT_UPDATED)
		json_object_object_del(table->steps, id);
	return true;
}

bool
live_table_is_busy(const struct live_table *table)
{
	return json_object_object_length(table->steps) > 0;
}

/* --- drawing --- */

struct row {
	struct json_object *object;
	const char *name; /* borrowed from it */
	int rank;
	size_t index;
};

static int
live_table_rank_of(const struct live_table *table, struct json_object *object)
{
	const char *state = ctl_text_at(object, "metadata.state");

	if (json_object_object_get_ex(table->steps, ctl_text_at(object, "id"), NULL))
		return 0;
	if (strcmp(state, "FAILED") == 0)
		return 1;
	return strcmp(state, "PROVISIONING") == 0 ? 2 : 3;
}

static int
live_table_compare_rows(const void *a_row, const void *b_row)
{
	const struct row *a = a_row, *b = b_row;

	if (a->rank != b->rank)
		return a->rank - b->rank;
	if (strcasecmp(a->name, b->name) != 0)
		return strcasecmp(a->name, b->name);
	return (a->index > b->index) - (a->index < b->index);
}

static void
live_table_rank_objects(const struct live_table *table, struct json_object *list)
{
	size_t count = json_object_array_length(list);
	_cleanup_free_ struct row *rows = xcalloc(count + 1, sizeof(*rows));

	for (size_t i = 0; i < count; i++) {
		struct json_object *object = json_object_array_get_idx(list, i);

		rows[i] = (struct row){ json_object_get(object), ctl_text_at(object, "properties.name"),
			live_table_rank_of(table, object), i };
	}
	qsort(rows, count, sizeof(*rows), live_table_compare_rows);
	for (size_t i = 0; i < count; i++)
		json_object_array_put_idx(list, i, rows[i].object);
}

/* In display order; owned by the caller. */
static struct json_object *
live_table_ordered(const struct live_table *table)
{
	struct json_object *list = json_object_new_array();

	json_object_object_foreach(table->objects, id, object) {
		(void)id;
		json_object_array_add(list, json_object_get(object));
	}
	if (table->sort)
		columns_sort(table->ctl, table->resource, table->sort, list, NULL);
	else
		live_table_rank_objects(table, list);
	return list;
}

/* The current step is next to the state. */
static bool
live_table_is_before_now(const struct live_table *table, size_t i)
{
	for (size_t j = 0; j < table->columns.count; j++)
		if (strcmp(table->columns.items[j].path, "metadata.state") == 0)
			return i == j;
	return i + 1 == table->columns.count;
}

static void
live_table_add_titles(const struct live_table *table, struct table *ret)
{
	for (size_t i = 0; i < table->columns.count; i++) {
		table_column(ret, table->columns.items[i].title, table->columns.items[i].rank);
		if (live_table_is_before_now(table, i))
			table_column(ret, "NOW", 0);
	}
}

static void
live_table_add_row(const struct live_table *table, struct json_object *object, struct table *ret)
{
	table_row(ret, NULL);
	for (size_t i = 0; i < table->columns.count; i++) {
		struct json_object *value = ctl_at(object, table->columns.items[i].path);
		_cleanup_buf_ struct buf cell = BUF_INIT;

		if (value)
			text_value(table->ctl, table->columns.items[i].field, value, &cell);
		table_cell(ret, buf_str(&cell), tone_of_member(table->ctl, table->columns.items[i].path, object));
		if (live_table_is_before_now(table, i))
			table_cell(ret, ctl_text_at(table->steps, ctl_text_at(object, "id")), TONE_NONE);
	}
}

static void
live_table_draw_summary(const struct live_table *table, const char *notice, unsigned width, struct buf *ret)
{
	_cleanup_free_ char *line = xasprintf("%s: %d, in progress: %d", table->resource->cli,
		json_object_object_length(table->objects), json_object_object_length(table->steps));

	terminal_clip(ret, notice ? notice : line, width);
	buf_add_char(ret, '\n');
}

void
live_table_draw(struct live_table *table, const char *notice, unsigned width, unsigned height, struct buf *ret)
{
	_cleanup_json_ struct json_object *list = live_table_ordered(table);
	_cleanup_free_ char *text = NULL;
	struct table *rows = table_new();
	size_t len = 0;
	FILE *out;

	live_table_draw_summary(table, notice, width, ret);
	live_table_add_titles(table, rows);
	for (size_t i = 0; i < json_object_array_length(list) && i + 2 < height; i++)
		live_table_add_row(table, json_object_array_get_idx(list, i), rows);
	out = open_memstream(&text, &len);
	if (!out)
		abort(); /* out of memory, as in xmalloc() */
	table_print(rows, out, width, table->ctl->has_colour);
	fclose(out);
	buf_add(ret, text, len);
	table_free(rows);
}
