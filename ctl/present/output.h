/*
 * ctl/present/output.h: one writer for text, json and keyvalue.
 * A command starts a view, adds each object as certd returned it, and ends the view, so every command has every format.
 */
#ifndef CTL_PRESENT_OUTPUT_H
#define CTL_PRESENT_OUTPUT_H

#include "ctl/base/ctl.h"

enum view_kind {
	VIEW_OBJECT, /* one; json: an object */
	VIEW_LIST,   /* any number; json: an array */
	VIEW_STREAM  /* items as they arrive; json: an object per line */
};

struct columns;
struct output;
struct table;

/* How an item is shown as text. Any member may be NULL. */
struct view {
	enum view_kind kind;
	void (*item)(struct output *output, struct json_object *item);
	void (*end)(struct output *output);
};

struct output {
	struct ctl *ctl; /* borrowed */
	const struct view *view;
	const struct api_resource *resource; /* the items' resource; or NULL */
	const struct columns *columns;       /* of view_table; borrowed; NULL: the resource's default columns */
	const char *title;                   /* borrowed; or NULL */
	bool is_by_name;                     /* rows of a text table are sorted by name */
	size_t count;                        /* items so far */
	struct table *table;                 /* text tables; owned */
};

void
output_start(struct output *output, struct ctl *ctl, const struct view *view, const struct api_resource *resource);

void
output_item(struct output *output, struct json_object *item);

void
output_end(struct output *output);

/* Writes one object: start, item, end. */
void
output_object(struct ctl *ctl, const struct view *view, const struct api_resource *resource, struct json_object *item);

/* output_object() of the answer of @method. @params: taken. Return: 0 or -1. */
int
output_call(struct ctl *ctl, enum api_method_id method, struct json_object *params, const struct view *view,
	const struct api_resource *resource, struct error *err);

/* Parses the value of -o. Return: 1, or 0 when it is unknown. */
int
output_format_find(const char *word, enum ctl_format *ret);

/* NULL-terminated, for help and completion. */
extern const char *const output_format_names[];

#endif
