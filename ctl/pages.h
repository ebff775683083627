/* ctl/pages.h: long lists, page by page. */
#ifndef CTL_PAGES_H
#define CTL_PAGES_H

#include "ctl/ctl.h"

typedef void
page_item_fn(struct json_object *item, void *arg);

/*
 * pages_each() - call a list method until a page is not full
 * @values: its parameters; with "limit" it is that one page; borrowed
 */
int
pages_each(struct ctl *ctl, enum api_method_id method, struct json_object *values, page_item_fn *fn,
	void *arg, struct error *err);

#endif
