#include "daemon/report/refusals.h"

#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1800000000, MAX_EVENTS = 100, HOUR = 3600 };

struct bed {
	struct tmp_store store;
	struct clock *clock;
	struct loop *loop;
	struct log *log;
	struct events *events;
	struct refusals *refusals;
};

static bool
turn_end(void *arg)
{
	return store_commit(arg);
}

static void
bed_init(struct bed *b)
{
	tmp_store_init(&b->store, 0);
	b->clock = clock_new_virtual(NOW);
	b->loop = loop_new(b->clock);
	loop_set_turn_end(b->loop, turn_end, b->store.store);
	b->log = log_new(LOG_LEVEL_ERROR - 1);
	b->events = events_new(b->store.store, b->clock, b->log, MAX_EVENTS);
	b->refusals = refusals_new(b->loop, b->events);
}

static void
bed_clear(struct bed *b)
{
	refusals_free(b->refusals);
	tmp_store_clear(&b->store);
	events_free(b->events);
	loop_free(b->loop);
	log_free(b->log);
	clock_free(b->clock);
}

static void
refuse(struct bed *b, const char *who, unsigned times)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_DENIED, "provider.delete needs the role admin; %s has viewer", who);
	for (unsigned i = 0; i < times; i++)
		refusals_note(b->refusals, who, &err);
}

static void
pass(struct bed *b, int64_t seconds)
{
	cr_assert_eq(loop_run_until(b->loop, clock_wall(b->clock) + seconds, NULL), 0);
}

/* The messages of all stored events, one a line. Owned by the caller. */
static char *
told(struct bed *b, unsigned *ret_count)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *list = NULL;
	struct buf text = BUF_INIT;

	pass(b, 1);
	list = events_list(b->events, NULL, -1, MAX_EVENTS, &err);
	cr_assert_not_null(list, "%s", err.message);
	*ret_count = (unsigned)json_object_array_length(list);
	for (size_t i = 0; i < *ret_count; i++) {
		const char *message = NULL;

		json_get_string(json_object_array_get_idx(list, i), "message", &message, NULL);
		buf_printf(&text, "%s\n", message);
	}
	return buf_steal(&text);
}

Test(refusals, a_flood_does_not_push_out_what_matters)
{
	struct bed b;
	_cleanup_free_ char *text = NULL;
	unsigned count;

	bed_init(&b);
	event_emit(b.events, NULL, EVENT_ISSUE_FAILED, NULL, NULL, "what matters");
	for (unsigned i = 0; i < 24 * 60; i++) { /* a day of it */
		refuse(&b, "uid:1000", 50);
		pass(&b, 60);
	}
	text = told(&b, &count);
	cr_expect(strstr(text, "what matters"));
	cr_expect(count > 20 && count < 35, "%u", count);
	bed_clear(&b);
}

Test(refusals, the_first_is_told_at_once_and_all_that_follow_are_counted)
{
	struct bed b;
	_cleanup_free_ char *at_once = NULL;
	_cleanup_free_ char *later = NULL;
	unsigned count;

	bed_init(&b);
	refuse(&b, "uid:1000", 43);
	refuse(&b, "uid:1001", 1);
	at_once = told(&b, &count);
	cr_expect_eq(count, 2, "%s", at_once);
	cr_expect(strstr(at_once, "provider.delete needs the role admin; uid:1000 has viewer"));
	pass(&b, HOUR);
	later = told(&b, &count);
	cr_expect_eq(count, 3, "%s", later);
	cr_expect(strstr(later, "uid:1000: 42 more calls were refused; the last one: provider.delete needs"), "%s",
		later);
	bed_clear(&b);
}

Test(refusals, a_single_one_that_followed_is_told_as_it_was)
{
	struct bed b;
	_cleanup_free_ char *text = NULL;
	unsigned count;

	bed_init(&b);
	refuse(&b, "uid:1000", 2);
	pass(&b, 58);
	free(told(&b, &count));
	cr_expect_eq(count, 1, "not before the minute is over");
	pass(&b, 2);
	text = told(&b, &count);
	cr_expect_eq(count, 2);
	cr_expect_str_eq(text, "provider.delete needs the role admin; uid:1000 has viewer\n"
			       "provider.delete needs the role admin; uid:1000 has viewer\n");
	bed_clear(&b);
}

Test(refusals, who_keeps_still_is_forgotten_and_told_at_once_again)
{
	struct bed b;
	_cleanup_free_ char *text = NULL;
	unsigned count;

	bed_init(&b);
	for (unsigned i = 0; i < 3; i++) {
		refuse(&b, "uid:1000", 1);
		pass(&b, 3 * HOUR);
	}
	text = told(&b, &count);
	cr_expect_eq(count, 3, "%s", text);
	cr_expect_not(strstr(text, "more calls"));
	bed_clear(&b);
}

Test(refusals, callers_of_many_names_share_one_entry)
{
	struct bed b;
	_cleanup_free_ char *text = NULL;
	unsigned count;

	bed_init(&b);
	for (unsigned i = 0; i < 5000; i++) {
		char who[16];

		snprintf(who, sizeof(who), "uid:%u", i);
		refuse(&b, who, 1);
	}
	pass(&b, 2 * HOUR);
	text = told(&b, &count);
	cr_expect_eq(count, 32 + 2, "32 callers and all others, who are told twice: %s", text);
	cr_expect_not_null(strstr(text, "other callers: 4967 more calls were refused"), "%s", text);
	pass(&b, 4 * HOUR);
	refuse(&b, "uid:9000", 1);
	refuse(&b, "uid:9001", 1);
	free(text);
	text = told(&b, &count);
	cr_expect_not_null(strstr(text, "uid:9000 has viewer"), "all were forgotten: %s", text);
	cr_expect_not_null(strstr(text, "uid:9001 has viewer"), "there is room for many again: %s", text);
	bed_clear(&b);
}

Test(refusals, what_was_counted_is_told_at_the_end)
{
	struct bed b;
	_cleanup_free_ char *text = NULL;
	unsigned count;

	bed_init(&b);
	refuse(&b, "uid:1000", 8);
	refusals_free(b.refusals);
	b.refusals = NULL;
	text = told(&b, &count);
	cr_expect_eq(count, 2);
	cr_expect(strstr(text, "7 more calls"), "%s", text);
	bed_clear(&b);
}
