/* The schedule's rows. */
#include "daemon/schedule/schedule.h"

#include "common/error.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <string.h>

static struct tmp_store t;

static void
setup(void)
{
	tmp_store_init(&t, 0);
}

static void
teardown(void)
{
	tmp_store_clear(&t);
}

TestSuite(schedule, .init = setup, .fini = teardown);

static void
set(enum schedule_kind kind, const char *object, const char *lane, int64_t due_at)
{
	schedule_set(t.store, store_begin(t.store), kind, object, lane, due_at);
}

/* Objects of the lane in order of time, as one text. */
static char *
objects_in(const char *lane)
{
	struct schedule_row row;
	struct schedule_row *after = NULL;
	struct buf text = BUF_INIT;

	while (schedule_next_in_lane(t.store, lane, after, &row, NULL) == 1) {
		buf_printf(&text, "%s ", row.object);
		after = &row;
	}
	return buf_steal(&text);
}

static void
expect_in(const char *lane, const char *objects)
{
	_cleanup_free_ char *found = objects_in(lane);

	cr_expect_str_eq(found, objects);
}

Test(schedule, rows_come_in_order_of_time_negative_ones_first)
{
	set(SCHEDULE_DEPLOY, "d", "", INT64_MAX);
	set(SCHEDULE_DEPLOY, "c", "", 1);
	set(SCHEDULE_DEPLOY, "a", "", INT64_MIN);
	set(SCHEDULE_DEPLOY, "b", "", -1);
	set(SCHEDULE_PROBE, "b0", "", 0);
	expect_in("", "a b b0 c d ");
	store_commit(t.store);
	expect_in("", "a b b0 c d ");
}

Test(schedule, a_row_replaces_the_earlier_one_of_its_kind_and_object)
{
	struct schedule_row row;

	set(SCHEDULE_ISSUE, "x", "lane", 100);
	set(SCHEDULE_PROBE, "x", "", 100);
	set(SCHEDULE_ISSUE, "x", "lane", 50);
	expect_in("lane", "x ");
	store_commit(t.store);
	set(SCHEDULE_ISSUE, "x", "other", 70);
	expect_in("lane", "");
	expect_in("other", "x ");
	expect_in("", "x ");
	cr_expect_eq(schedule_get(t.store, SCHEDULE_ISSUE, "x", &row, NULL), 1);
	cr_expect_eq(row.due_at, 70);
	cr_expect_str_eq(row.lane, "other");
	cr_expect_eq(row.kind, SCHEDULE_ISSUE);
	store_commit(t.store);
	cr_expect_eq(store_count(t.store, STORE_SCHEDULE), 2);
	cr_expect_eq(store_count(t.store, STORE_SCHEDULE_ROW), 2);
}

Test(schedule, a_removed_row_is_gone_and_removing_nothing_is_nothing)
{
	struct schedule_row row;

	set(SCHEDULE_PURGE, "x", "", 5);
	store_commit(t.store);
	schedule_del(t.store, store_begin(t.store), SCHEDULE_PURGE, "x");
	schedule_del(t.store, store_begin(t.store), SCHEDULE_PURGE, "y");
	cr_expect_eq(schedule_get(t.store, SCHEDULE_PURGE, "x", &row, NULL), 0);
	expect_in("", "");
	store_commit(t.store);
	cr_expect_eq(store_count(t.store, STORE_SCHEDULE), 0);
	cr_expect_eq(store_count(t.store, STORE_SCHEDULE_ROW), 0);
}

Test(schedule, lanes_are_hopped_over)
{
	char lane[STORE_ID_SIZE] = "";

	set(SCHEDULE_ISSUE, "x", "b", 1);
	set(SCHEDULE_ISSUE, "y", "b", 2);
	set(SCHEDULE_ISSUE, "z", "ba", 3);
	cr_expect_eq(schedule_next_lane(t.store, "", false, lane, NULL), 1);
	cr_expect_str_eq(lane, "b");
	set(SCHEDULE_DEPLOY, "w", "", 9);
	cr_expect_eq(schedule_next_lane(t.store, "", false, lane, NULL), 1);
	cr_expect_str_eq(lane, "");
	cr_expect_eq(schedule_next_lane(t.store, lane, true, lane, NULL), 1);
	cr_expect_str_eq(lane, "b");
	cr_expect_eq(schedule_next_lane(t.store, lane, true, lane, NULL), 1);
	cr_expect_str_eq(lane, "ba");
	cr_expect_eq(schedule_next_lane(t.store, lane, true, lane, NULL), 0);
	expect_in("b", "x y ");
}

Test(schedule, a_row_of_a_list_that_failed_leaves_the_old_one)
{
	struct store_txn *txn;
	struct error refused = ERROR_INIT;

	set(SCHEDULE_ISSUE, "x", "lane", 100);
	store_commit(t.store);
	txn = store_begin(t.store);
	schedule_set(t.store, txn, SCHEDULE_ISSUE, "x", "lane", 1);
	error_set(&refused, ERROR_STATE, "no");
	store_fail(txn, &refused);
	error_clear(&refused);
	set(SCHEDULE_ISSUE, "x", "lane", 200);
	store_commit(t.store);
	cr_expect_eq(store_count(t.store, STORE_SCHEDULE), 1);
	expect_in("lane", "x ");
}

Test(schedule, a_lane_longer_than_an_id_fails_its_list)
{
	struct outcome outcome = { .calls = 0 };
	struct store_txn *txn = store_begin(t.store);

	schedule_set(t.store, txn, SCHEDULE_ISSUE, "x", "a lane that is much longer than any id may be", 1);
	store_then(txn, note_outcome, &outcome);
	store_commit(t.store);
	cr_expect_eq(outcome.code, ERROR_INTERNAL);
}

/* Only those, however the ids and numbers of kinds lie. */
Test(schedule, the_rows_of_one_kind_are_in_order_of_their_objects)
{
	char at[STORE_ID_SIZE] = "";

	set(SCHEDULE_PURGE, "b", "", 5);
	set(SCHEDULE_EXPIRY, "b", "lane", 1);
	set(SCHEDULE_EXPIRY, "a", "", 9);
	set(SCHEDULE_REMOVE, "a", "", 5);
	cr_assert_eq(schedule_next_of_kind(t.store, SCHEDULE_EXPIRY, at, NULL), 1);
	cr_expect_str_eq(at, "a");
	cr_assert_eq(schedule_next_of_kind(t.store, SCHEDULE_EXPIRY, at, NULL), 1);
	cr_expect_str_eq(at, "b");
	cr_expect_eq(schedule_next_of_kind(t.store, SCHEDULE_EXPIRY, at, NULL), 0);
	at[0] = '\0';
	cr_expect_eq(schedule_next_of_kind(t.store, SCHEDULE_ISSUE, at, NULL), 0);
}

/* @ret: a text of @len octets. */
static void
long_id(char *ret, size_t len)
{
	memset(ret, 'x', len);
	ret[len] = '\0';
}

Test(schedule, ids_and_lanes_are_as_long_as_ids_may_be_and_no_longer)
{
	static const struct {
		size_t object_len, lane_len;
		enum error_code code;
	} cases[] = {
		{ STORE_ID_SIZE - 1, STORE_ID_SIZE - 1, ERROR_NONE },
		{ STORE_ID_SIZE, 1, ERROR_INTERNAL },
		{ 1, STORE_ID_SIZE, ERROR_INTERNAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome outcome = { .calls = 0 };
		struct store_txn *txn = store_begin(t.store);
		char object[STORE_ID_SIZE + 1], lane[STORE_ID_SIZE + 1];
		struct schedule_row row;

		long_id(object, cases[i].object_len);
		long_id(lane, cases[i].lane_len);
		schedule_set(t.store, txn, SCHEDULE_ISSUE, object, lane, -7);
		store_then(txn, note_outcome, &outcome);
		store_commit(t.store);
		cr_expect_eq(outcome.code, cases[i].code, "%zu", i);
		if (cases[i].code)
			continue;
		cr_assert_eq(schedule_next_in_lane(t.store, lane, NULL, &row, NULL), 1);
		cr_expect_str_eq(row.object, object);
		cr_expect_str_eq(row.lane, lane);
		cr_expect_eq(row.due_at, -7);
		cr_expect_eq(row.kind, SCHEDULE_ISSUE);
		cr_assert_eq(schedule_get(t.store, SCHEDULE_ISSUE, object, &row, NULL), 1);
		cr_expect_str_eq(row.object, object);
		cr_expect_str_eq(row.lane, lane);
		schedule_del(t.store, store_begin(t.store), SCHEDULE_ISSUE, object);
		store_commit(t.store);
		cr_expect_eq(store_count(t.store, STORE_SCHEDULE), 0);
	}
}
