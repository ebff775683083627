#include "common/alloc.h"
#include "daemon/renew/expiry.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { END = 1000 * DAY };

Test(expiry, it_is_said_early_and_often_and_daily_when_it_is_over)
{
	static const struct {
		int64_t after, next; /* seconds from the end */
	} cases[] = {
		{ -END, -30 * DAY },
		{ -30 * DAY - 1, -30 * DAY },
		{ -30 * DAY, -14 * DAY },
		{ -20 * DAY, -14 * DAY },
		{ -14 * DAY, -7 * DAY },
		{ -7 * DAY, -3 * DAY },
		{ -3 * DAY, -1 * DAY },
		{ -1 * DAY, 0 },
		{ -1, 0 },
		{ 0, DAY },
		{ 1, DAY },
		{ DAY, 2 * DAY },
		{ 400 * DAY + 5, 401 * DAY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(expiry_next(END, END + cases[i].after), END + cases[i].next, "%zu", i);
}

Test(expiry, ends_beyond_all_clocks_do_not_overflow)
{
	cr_expect_eq(expiry_next(INT64_MAX, 0), INT64_MAX - 30 * (int64_t)DAY);
	cr_expect_gt(expiry_next(0, INT64_MAX / 2), INT64_MAX / 2);
}

/* --- auto-certificates --- */

struct seen {
	unsigned expiring, expired;
	char message[200]; /* of the last one */
};

static void
count_expiry(struct json_object *event, void *arg)
{
	struct seen *seen = arg;
	const char *kind = "";

	json_get_string(event, "kind", &kind, NULL);
	seen->expiring += strcmp(kind, event_info(EVENT_CERTIFICATE_EXPIRING)->name) == 0;
	seen->expired += strcmp(kind, event_info(EVENT_CERTIFICATE_EXPIRED)->name) == 0;
	if (strncmp(kind, "certificate.expir", strlen("certificate.expir")) == 0)
		snprintf(seen->message, sizeof(seen->message), "%s",
			json_object_get_string(json_path(event, "message")));
}

/* @last: the end of the last message; or NULL. */
static void
expect_reported(struct run *r, const struct seen *seen, size_t count, const char *last)
{
	size_t len = strlen(seen->message), last_len = last ? strlen(last) : 0;

	cr_expect_eq(expiry_count(r->world.store), count);
	cr_expect(
		!last || (len >= last_len && strcmp(seen->message + len - last_len, last) == 0), "'%s'", seen->message);
}

Test(expiry, a_paused_auto_certificate_says_so_and_is_not_available_when_it_has_expired)
{
	struct run r;
	struct world *w = &r.world;
	struct seen seen = { 0 };
	struct event_subscription *subscription;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	subscription = events_subscribe(w->events, NULL, count_expiry, &seen);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	for (int day = 1; day <= 95; day++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		world_run_until(w, world_now(w) + DAY);
		run_load(&r, "a-90d", &a);
		cr_expect_eq(a.o.state, a.last_not_after_at > world_now(w) ? OBJECT_AVAILABLE : OBJECT_FAILED,
			"day %d: state %d", day, (int)a.o.state);
		if (day == 59)
			expect_reported(&r, &seen, 0, NULL);
		if (day == 88)
			expect_reported(&r, &seen, 1, "expires in 3 days and renewal is paused");
	}
	expect_reported(&r, &seen, 1, "days ago and renewal is paused");
	cr_expect_eq(seen.expiring, 5);
	cr_expect_geq(seen.expired, 4);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
	world_run_until(w, world_now(w) + HOUR);
	expect_reported(&r, &seen, 0, NULL);
	cr_expect_eq(w->issued, 2);
	{
		_cleanup_autocert_ struct autocert a = { 0 };

		run_load(&r, "a-90d", &a);
		cr_expect_eq(a.o.state, OBJECT_AVAILABLE);
	}
	events_unsubscribe(subscription);
	run_end(&r);
}

Test(expiry, an_auto_certificate_that_could_not_be_renewed_is_failed_when_it_has_expired)
{
	struct run r;
	struct world *w = &r.world;
	static const struct run_fault down = { .kind = FAKE_CA_NEW_ORDER, .failure = ERROR_NETWORK };
	const struct seen seen = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	run_spoil(&r, &down);
	world_run_until(w, world_now(w) + 89 * DAY);
	expect_reported(&r, &seen, 0, NULL);
	world_run_until(w, world_now(w) + 2 * DAY);
	run_load(&r, "a-90d", &a);
	cr_expect_eq(a.o.state, OBJECT_FAILED);
	cr_expect(error_is_set(&a.last_error), "why it was not renewed is still known");
	expect_reported(&r, &seen, 1, NULL);
	run_mend(&r);
	world_run_until(w, world_now(w) + 2 * DAY);
	expect_reported(&r, &seen, 0, NULL);
	run_end(&r);
}
