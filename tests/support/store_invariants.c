#include "tests/support/store_invariants.h"

#include "common/alloc.h"
#include "daemon/schedule/schedule.h"
#include "daemon/store/object_index.h"

#include <stdlib.h>
#include <string.h>

static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
	&dnsprovider_class, &consumer_class, &authorization_class, &token_class, &alert_class };

/* What the objects call for. */
struct tally {
	size_t rows;
	int64_t in_state[STORE_COUNTERS_PER_DB], failing;
};

/* Adds @o. Return: as store_invariants_fault(). */
static char *
tally_object(struct store *store, const struct record_class *cls, const struct object *o, struct tally *ret)
{
	struct index_rows rows = { .items = NULL };
	char *fault = NULL;

	index_rows_of(cls, o, &rows);
	for (size_t i = 0; i < rows.count && !fault; i++) {
		_cleanup_buf_ struct buf value = BUF_INIT;

		if (store_get(store, STORE_INDEX, rows.items[i].key.data, rows.items[i].key.len, &value, NULL) != 1)
			fault = xasprintf(
				"%s '%s' lacks a row '%c' of the index", cls->name, o->name, rows.items[i].key.data[0]);
		else if (strcmp(buf_str(&value), rows.items[i].value) != 0)
			fault = xasprintf("%s '%s' has a row '%c' of the index with the value '%s'", cls->name, o->name,
				rows.items[i].key.data[0], buf_str(&value));
	}
	ret->rows += rows.count;
	ret->failing += error_is_set(&o->failure);
	if (o->state < STORE_COUNTERS_PER_DB - 1)
		ret->in_state[o->state]++;
	index_rows_clear(&rows);
	return fault;
}

static bool
count_key(const void *key, size_t len, void *arg)
{
	(void)key;
	(void)len;
	++*(size_t *)arg;
	return true;
}

/* Rows of @cls in the index. */
static size_t
rows_of_class(struct store *store, const struct record_class *cls)
{
	static const char kinds[] = "nrcdlsef";
	size_t count = 0;

	for (const char *kind = kinds; *kind; kind++) {
		_cleanup_buf_ struct buf from = BUF_INIT, end = BUF_INIT;

		buf_add_char(&from, *kind);
		buf_add_char(&from, (char)cls->db);
		buf_add_char(&end, *kind);
		buf_add_char(&end, (char)(cls->db + 1));
		if (store_walk_keys(store, STORE_INDEX, &from, false, &end, count_key, &count, NULL) < 0)
			return SIZE_MAX;
	}
	return count;
}

static char *
class_fault(struct store *store, const struct record_class *cls)
{
	struct tally tally = { .rows = 0 };
	struct object *o = xcalloc(1, cls->size);
	char after[STORE_ID_SIZE] = "";
	char *fault = NULL;
	int found;

	while ((found = object_next_peek(store, cls, after, o, NULL)) == 1 && !fault) {
		memcpy(after, o->id, sizeof(after));
		fault = tally_object(store, cls, o, &tally);
	}
	record_clear(cls, o);
	free(o);
	if (found < 0 || fault)
		return fault;
	if (rows_of_class(store, cls) != tally.rows)
		return xasprintf(
			"%zu rows of %s are in the index, not %zu", rows_of_class(store, cls), cls->name, tally.rows);
	for (unsigned state = 0; state < STORE_COUNTERS_PER_DB - 1; state++)
		if (object_count(store, cls, state) != tally.in_state[state])
			return xasprintf("%lld of %s are counted in state %u, not %lld",
				(long long)object_count(store, cls, state), cls->name, state,
				(long long)tally.in_state[state]);
	if (object_count_failing(store, cls) != tally.failing)
		return xasprintf("%lld of %s are counted as failing, not %lld",
			(long long)object_count_failing(store, cls), cls->name, (long long)tally.failing);
	return NULL;
}

static char *
schedule_fault(struct store *store)
{
	static const struct buf all = BUF_INIT;
	char lane[STORE_ID_SIZE] = "";
	size_t count = 0, by_object = 0;

	for (bool is_after = false; schedule_next_lane(store, lane, is_after, lane, NULL) == 1; is_after = true) {
		struct schedule_row row, at, same;

		for (bool is_first = true; schedule_next_in_lane(store, lane, is_first ? NULL : &at, &row, NULL) == 1;
			is_first = false) {
			if (schedule_get(store, row.kind, row.object, &same, NULL) != 1 || same.due_at != row.due_at ||
				strcmp(same.lane, row.lane) != 0)
				return xasprintf("the two rows of %d %s differ", (int)row.kind, row.object);
			at = row;
			count++;
		}
	}
	if (store_walk_keys(store, STORE_SCHEDULE_ROW, &all, false, &all, count_key, &by_object, NULL) < 0 ||
		by_object != count)
		return xasprintf("%zu rows are scheduled, but %zu by object", count, by_object);
	return NULL;
}

char *
store_invariants_fault(struct store *store)
{
	char *fault = schedule_fault(store);

	for (size_t i = 0; i < ARRAY_SIZE(classes) && !fault; i++)
		fault = class_fault(store, classes[i]);
	return fault;
}
