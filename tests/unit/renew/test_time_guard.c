#include "daemon/schedule/time_guard.h"

#include "common/timefmt.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>

static void
count_call(void *arg)
{
	(*(unsigned *)arg)++;
}

static struct time_guard *
guard_new(struct run *r, int64_t build_at, unsigned *calls)
{
	const struct scheduler_config config = {
		.loop = r->world.loop, .store = r->world.store, .events = r->world.events, .build_at = build_at
	};

	return time_guard_new(&config, count_call, calls);
}

Test(time_guard, believes_what_is_after_the_build_and_not_a_day_before_what_was_seen)
{
	static const struct {
		const char *why;
		int64_t build_in; /* seconds after the time that was seen */
		int64_t now_in;
		bool allows;
	} cases[] = {
		{ "later", -DAY, 10, true },
		{ "a little earlier", -10 * DAY, -HOUR, true },
		{ "a day earlier", -10 * DAY, -DAY, true },
		{ "more than a day", -10 * DAY, -DAY - 1, false },
		{ "before the build", HOUR, HOUR - 1, false },
		{ "at the build", HOUR, HOUR, true },
		{ "the year 1970", -10 * DAY, -INT64_C(1700000000), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		struct time_guard *guard;
		int64_t seen_at;
		unsigned calls = 0;

		run_begin(&r, 0);
		world_run_until(&r.world, world_now(&r.world) + MINUTE);
		/* The world's own guard has stored the time of its first look, as another process would have. */
		guard = guard_new(&r, 0, &calls);
		for (seen_at = world_now(&r.world); !time_guard_was_ahead(guard, seen_at - 1);)
			seen_at--;
		time_guard_free(guard);
		guard = guard_new(&r, seen_at + cases[i].build_in, &calls);
		cr_expect_eq(time_guard_allows(guard, seen_at + cases[i].now_in), cases[i].allows, "%s", cases[i].why);
		cr_expect_eq(time_guard_is_waiting(guard), !cases[i].allows, "%s", cases[i].why);
		time_guard_free(guard);
		run_end(&r);
	}
}

Test(time_guard, what_was_seen_is_forgotten_after_an_hour_or_when_told_but_not_the_build)
{
	struct run r;
	struct time_guard *guard;
	unsigned calls = 0;
	int64_t now;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	now = world_now(&r.world);
	guard = guard_new(&r, now - 5 * DAY, &calls);
	cr_expect_not(time_guard_allows(guard, now - 3 * DAY));
	world_run_until(&r.world, now + HOUR - MINUTE);
	cr_expect_eq(calls, 0);
	world_run_until(&r.world, now + HOUR + MINUTE);
	cr_expect_eq(calls, 1, "asked to look again");
	cr_expect(time_guard_allows(guard, now - 3 * DAY));
	cr_expect_not(time_guard_is_waiting(guard));
	time_guard_forget(guard);
	cr_expect_not(time_guard_allows(guard, now - 6 * DAY), "before the build it is wrong for certain");
	time_guard_free(guard);
	run_end(&r);
}

/* At most every six hours, and when the time goes back: each is a write. */
Test(time_guard, what_was_seen_is_stored_now_and_then)
{
	static const struct {
		int64_t now_in; /* seconds after the time that was stored before */
		bool is_stored;
	} cases[] = {
		{ 1, false },
		{ 6 * HOUR - 1, false },
		{ 6 * HOUR, true },
		{ 6 * HOUR - 1, false },
		{ -1, true },
		{ 0, false },
	};
	struct run r;
	struct time_guard *guard;
	unsigned calls = 0;
	int64_t seen_at, at;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	guard = guard_new(&r, 0, &calls);
	seen_at = world_now(&r.world) + 10 * DAY;
	cr_expect(time_guard_allows(guard, seen_at));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct time_guard *next;

		at = seen_at + cases[i].now_in;
		cr_expect(time_guard_allows(guard, at), "%zu", i);
		if (cases[i].is_stored)
			seen_at = at;
		next = guard_new(&r, 0, &calls);
		cr_expect(time_guard_was_ahead(next, seen_at - 1), "%zu", i);
		cr_expect_not(time_guard_was_ahead(next, seen_at), "%zu", i);
		time_guard_free(next);
	}
	time_guard_free(guard);
	time_guard_free(NULL);
	run_end(&r);
}

Test(time_guard, what_the_clock_says_is_in_the_event)
{
	_cleanup_json_ struct json_object *list = NULL;
	const char *message = "";
	struct run r;
	struct time_guard *guard;
	unsigned calls = 0;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	guard = guard_new(&r, world_now(&r.world), &calls);
	cr_expect_not(time_guard_allows(guard, 0));
	world_run_until(&r.world, world_now(&r.world) + 2);
	list = events_list(r.world.events, NULL, 0, 1000, NULL);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *event = json_object_array_get_idx(list, i);

		if (strcmp(json_object_get_string(json_path(event, "kind")), event_info(EVENT_CLOCK_CHANGED)->name) ==
			0)
			json_get_string(event, "message", &message, NULL);
	}
	cr_expect_not_null(strstr(message, "the clock says 1970-01-01T00:00:00Z, which is before"), "%s", message);
	time_guard_free(guard);
	run_end(&r);
}
