/* ctl/base/pages.h: fetching long lists page by page. */
#ifndef CTL_BASE_PAGES_H
#define CTL_BASE_PAGES_H

#include "ctl/base/ctl.h"

/* The number @name of @values, such as the "limit" of a call; @otherwise if it is absent. */
int64_t
pages_number(struct json_object *values, const char *name, int64_t otherwise);

typedef void
page_item_fn(struct json_object *item, void *arg);

/*
 * pages_each() - call a list method until it has returned all items, or "limit" of them
 * A page of large items may be shorter than requested.
 * @values: its parameters; borrowed
 */
int
pages_each(struct ctl *ctl, enum api_method_id method, struct json_object *values, page_item_fn *fn, void *arg,
	struct error *err);

#endif
