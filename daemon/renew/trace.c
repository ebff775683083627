/* Adding is separate from storing, so that tests need no store. */
#include "daemon/renew/trace.h"

#include <string.h>

static const struct record_field item_fields[] = {
	RECORD_FIELD(RECORD_INT, 1, struct trace_item, first_at, NULL),
	RECORD_FIELD(RECORD_INT, 2, struct trace_item, last_at, NULL),
	RECORD_FIELD(RECORD_INT, 3, struct trace_item, times, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct trace_item, rule, NULL),
	RECORD_FIELD(RECORD_STRING, 5, struct trace_item, about, NULL),
	RECORD_FIELD(RECORD_STRING, 6, struct trace_item, text, NULL),
	RECORD_FIELD(RECORD_BOOL, 7, struct trace_item, is_state, NULL),
};

static const struct record_class item_class = {
	.name = "decision",
	.db = STORE_TRACE,
	.size = sizeof(struct trace_item),
	.fields = item_fields,
	.n_fields = ARRAY_SIZE(item_fields),
};

static const struct record_field trace_fields[] = {
	RECORD_FIELD_LIST(1, struct trace, items, NULL, &item_class),
};

const struct record_class trace_class = RECORD_CLASS("trace", STORE_TRACE, struct trace, trace_fields, unknown);

static struct trace_item *
trace_at(const struct trace *trace, size_t i)
{
	return (struct trace_item *)trace->items.items + i;
}

static bool
trace_is_same(const struct trace_item *item, const struct decision *d)
{
	return item->rule && strcmp(item->rule, d->rule) == 0 &&
	       strcmp(item->about ? item->about : "", d->about ? d->about : "") == 0;
}

/* The oldest one makes room. */
static void
trace_drop_first(struct trace *trace)
{
	struct record_list *list = &trace->items;

	record_clear(&item_class, list->items);
	list->count--;
	memmove(list->items, (struct trace_item *)list->items + 1, list->count * sizeof(struct trace_item));
}

/* What @d is compared with: the last decision, or the last state. */
static struct trace_item *
trace_last(const struct trace *trace, bool is_state)
{
	for (size_t i = trace->items.count; i > 0; i--)
		if (!is_state || trace_at(trace, i - 1)->is_state)
			return trace_at(trace, i - 1);
	return NULL;
}

bool
trace_add(struct trace *trace, const struct decision *d, int64_t now)
{
	struct trace_item *item = trace_last(trace, d->is_state);

	if (item && trace_is_same(item, d)) {
		if (d->is_state && strcmp(item->text, d->text) == 0)
			return false;
	} else {
		while (trace->items.count >= TRACE_MOST)
			trace_drop_first(trace);
		item = record_list_add(&item_class, &trace->items);
		item->first_at = now;
		str_replace(&item->rule, d->rule);
		str_replace(&item->about, d->about);
		item->is_state = d->is_state;
	}
	item->last_at = now;
	item->times++;
	str_replace(&item->text, d->text);
	return true;
}

void
trace_store(struct store *store, struct store_txn *txn, const char *id, const struct decision *d, int64_t now)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	struct trace trace = { .items = { .items = NULL } };

	if (record_load(store, &trace_class, id, &trace, &why) < 0 && why.code != ERROR_CORRUPT)
		return;
	if (trace_add(&trace, d, now))
		record_save(store, txn, &trace_class, id, &trace);
	record_clear(&trace_class, &trace);
}

void
trace_forget(struct store_txn *txn, const char *id)
{
	store_del(txn, STORE_TRACE, id, strlen(id));
}
