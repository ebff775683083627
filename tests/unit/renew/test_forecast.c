#include "common/calendar.h"
#include "daemon/renew/forecast.h"

#include "common/alloc.h"
#include "common/ca.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

enum { HOUR = 3600, DAY = 24 * HOUR };

#define LETSENCRYPT "https://acme-v02.api.letsencrypt.org/directory"
#define STAGING "https://acme-staging-v02.api.letsencrypt.org/directory"
#define GOOGLE "https://dv.acme-v02.api.pki.goog/directory"
#define OWN "https://ca.example.com/directory"
#define NOVEMBER_30 INT64_C(1795996800) /* 2026-11-30 */

/* What was reported, and the first of it. */
struct seen {
	int n;
	int64_t at[8], lifetimes[8];
	int64_t last_at, last_lifetime;
};

static void
seen_note(int64_t at, int64_t lifetime, void *arg)
{
	struct seen *seen = arg;

	cr_assert(seen->n == 0 || at > seen->last_at, "in order of time");
	if (seen->n < (int)ARRAY_SIZE(seen->at)) {
		seen->at[seen->n] = at;
		seen->lifetimes[seen->n] = lifetime;
	}
	seen->last_at = at;
	seen->last_lifetime = lifetime;
	seen->n++;
}

static struct seen
look(struct forecast_in in, int64_t days)
{
	struct seen seen = { 0 };

	in.now = NOVEMBER_30;
	forecast_each(&in, NOVEMBER_30 + days * DAY, seen_note, &seen);
	return seen;
}

Test(forecast, renewals_follow_each_other_by_the_rules_of_renewal)
{
	struct seen seen = look((struct forecast_in){ .server = OWN,
					.next_at = NOVEMBER_30 + 10 * DAY,
					.not_before_at = NOVEMBER_30 - 50 * DAY,
					.not_after_at = NOVEMBER_30 + 40 * DAY },
		200);

	cr_assert_eq(seen.n, 4);
	for (int i = 0; i < seen.n; i++) {
		cr_expect_eq(seen.at[i], NOVEMBER_30 + (10 + 60 * i) * DAY, "%d: 30 days before it expires", i);
		cr_expect_eq(seen.lifetimes[i], 90 * DAY);
	}
}

Test(forecast, later_renewals_wait_for_their_windows_too)
{
	_cleanup_calendar_ struct calendar c = { .windows = NULL };
	_cleanup_strlist_ struct strlist windows = STRLIST_INIT;
	struct seen seen;

	strlist_add(&windows, "Sun 02:00-05:00");
	cr_assert_eq(calendar_add_windows(&c, &windows, NULL), 0);
	seen = look((struct forecast_in){ .server = OWN,
			    .next_at = NOVEMBER_30 + 10 * DAY,
			    .not_before_at = NOVEMBER_30 - 50 * DAY,
			    .not_after_at = NOVEMBER_30 + 40 * DAY,
			    .calendar = &c },
		220);
	cr_assert_eq(seen.n, 4);
	for (int i = 1; i < seen.n; i++) {
		cr_expect_eq(calendar_next(&c, seen.at[i]), seen.at[i], "%d", i);
		cr_expect_geq(seen.at[i], seen.at[i - 1] + 60 * DAY);
		cr_expect_leq(seen.at[i], seen.at[i - 1] + 67 * DAY);
	}
}

Test(forecast, what_is_overdue_or_new_is_ordered_now_and_lives_for_90_days_if_nothing_is_known)
{
	struct seen seen = look((struct forecast_in){ .server = OWN, .next_at = NOVEMBER_30 - DAY }, 1);

	cr_assert_eq(seen.n, 1);
	cr_expect_eq(seen.at[0], NOVEMBER_30);
	cr_expect_eq(seen.lifetimes[0], 90 * DAY);
	cr_expect_eq(look((struct forecast_in){ .server = OWN, .next_at = NOVEMBER_30 + DAY }, 1).n, 0,
		"the end is not part of it");
}

Test(forecast, lifetimes_shrink_on_the_dates_that_the_ca_announced)
{
	static const struct {
		const char *why, *server, *profile;
		int64_t lifetime, days, expected;
	} cases[] = {
		{ "not yet", LETSENCRYPT, NULL, 90 * DAY, 71, 90 * DAY },
		{ "64 days, the default profile", LETSENCRYPT, NULL, 90 * DAY, 200, 64 * DAY },
		{ "64 days, that profile by name", LETSENCRYPT, "classic", 90 * DAY, 200, 64 * DAY },
		{ "45 days", LETSENCRYPT, NULL, 90 * DAY, 500, 45 * DAY },
		{ "another profile", LETSENCRYPT, "tlsserver", 45 * DAY, 500, 45 * DAY },
		{ "announced for a day that is over", STAGING, NULL, 90 * DAY, 1, 64 * DAY },
		{ "all public CAs, 100 days", GOOGLE, NULL, 200 * DAY, 200, 100 * DAY },
		{ "all public CAs, 47 days", GOOGLE, NULL, 90 * DAY, 950, 47 * DAY },
		{ "short enough already", GOOGLE, NULL, 7 * DAY, 950, 7 * DAY },
		{ "a CA of one's own", OWN, NULL, 398 * DAY, 950, 398 * DAY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen = look((struct forecast_in){ .server = cases[i].server,
						.profile = cases[i].profile,
						.next_at = NOVEMBER_30,
						.not_before_at = NOVEMBER_30 - cases[i].lifetime,
						.not_after_at = NOVEMBER_30 },
			cases[i].days);

		cr_expect_eq(seen.last_lifetime, cases[i].expected, "%s: %lld days", cases[i].why,
			(long long)(seen.last_lifetime / DAY));
	}
}

Test(forecast, one_of_minutes_is_counted_up_to_a_limit)
{
	struct seen seen = look((struct forecast_in){ .server = OWN,
					.next_at = NOVEMBER_30,
					.not_before_at = NOVEMBER_30 - 120,
					.not_after_at = NOVEMBER_30 },
		400);

	cr_expect_eq(seen.n, FORECAST_MOST);
}

/* Dates in the past are history, and stay: a typing error in one of them would be noticed nowhere else. */
Test(forecast, announcements_come_in_order_of_time)
{
	struct ca_lifetime next = { .from_at = -1 };
	int n = 0;

	for (int64_t before = -1; ca_lifetime_next(LETSENCRYPT, NULL, next.from_at + 1, &next);
		before = next.from_at, n++)
		cr_expect_gt(next.from_at, before);
	cr_expect_eq(n, 4);
	cr_expect_not(ca_lifetime_next(OWN, NULL, 0, &next));
}
