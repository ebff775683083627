/*
 * ctl/present/output.h: the one writer behind which text, json and keyvalue live. A command starts a view, hands over each
 * object as certd answered it, and ends: so every command has every format.
 */
#ifndef CTL_PRESENT_OUTPUT_H
#define CTL_PRESENT_OUTPUT_H

#include "ctl/base/ctl.h"

enum view_kind {
	VIEW_OBJECT, /* one; json: an object */
	VIEW_LIST,   /* any number; json: an array */
	VIEW_STREAM  /* shown one by one as they come; json: an object per line */
};

struct columns;
struct output;
struct table;

/* How text shows it. Any may be NULL. */
struct view {
	enum view_kind kind;
	void (*item)(struct output *output, struct json_object *item);
	void (*end)(struct output *output);
};

struct output {
	struct ctl *ctl; /* borrowed */
	const struct view *view;
	const struct api_resource *resource; /* of the items; or NULL */
	const struct columns *columns;       /* of view_table; borrowed; NULL: the resource's own */
	const char *title;                   /* borrowed; or NULL */
	size_t count;                        /* items so far */
	struct table *table;                 /* text tables; owned */
};

void
output_start(struct output *output, struct ctl *ctl, const struct view *view, const struct api_resource *resource);

void
output_item(struct output *output, struct json_object *item);

void
output_end(struct output *output);

/* One object: start, item, end. */
void
output_object(struct ctl *ctl, const struct view *view, const struct api_resource *resource, struct json_object *item);

/* The word after -o. Return: 1, 0 unknown. */
int
output_format_find(const char *word, enum ctl_format *ret);

/* NULL-terminated, for help and completion. */
extern const char *const output_format_names[];

#endif
