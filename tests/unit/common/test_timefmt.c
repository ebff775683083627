#include "common/alloc.h"
#include "common/timefmt.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <time.h>

enum { NO_DATE = -1 };

Test(timefmt, rfc3339_is_written_for_every_second_count_there_is)
{
	static const struct {
		int64_t at;
		const char *text;
	} cases[] = { { 0, "1970-01-01T00:00:00Z" }, { -1, "1969-12-31T23:59:59Z" },
		{ 951782400, "2000-02-29T00:00:00Z" }, { 4107542400, "2100-03-01T00:00:00Z" },
		{ 1795257000, "2026-11-21T10:30:00Z" }, { 253402300799, "9999-12-31T23:59:59Z" },
		{ -62167219200, "0000-01-01T00:00:00Z" }, { INT64_MAX, "9999-12-31T23:59:59Z" },
		{ INT64_MIN, "0000-01-01T00:00:00Z" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[TIME_RFC3339_SIZE];

		time_format_rfc3339(cases[i].at, text);
		cr_expect_str_eq(text, cases[i].text);
	}
}

Test(timefmt, rfc3339_reads_offsets_fractions_and_only_real_dates)
{
	static const struct {
		const char *text;
		int rc;
		int64_t at;
	} cases[] = {
		{ "2026-11-21T10:30:00Z", 0, 1795257000 },
		{ "2026-11-21t10:30:00z", 0, 1795257000 },
		{ "2026-11-21 10:30:00Z", 0, 1795257000 },
		{ "2026-11-21T12:30:00+02:00", 0, 1795257000 },
		{ "2026-11-21T01:00:00-09:30", 0, 1795257000 },
		{ "2026-11-21T10:30:00.123456789012345678901Z", 0, 1795257000 },
		{ "2024-02-29T00:00:00Z", 0, 1709164800 },
		{ "1969-12-31T23:59:59Z", 0, -1 },
		{ "2016-12-31T23:59:60Z", 0, 1483228800 },
		{ "0000-01-01T00:00:00+23:59", 0, -62167219200 - 86340 },
		{ "2023-02-29T00:00:00Z", NO_DATE, 0 },
		{ "2100-02-29T00:00:00Z", NO_DATE, 0 },
		{ "2026-13-01T00:00:00Z", NO_DATE, 0 },
		{ "2026-00-01T00:00:00Z", NO_DATE, 0 },
		{ "2026-01-00T00:00:00Z", NO_DATE, 0 },
		{ "2026-01-01T24:00:00Z", NO_DATE, 0 },
		{ "2026-01-01T00:60:00Z", NO_DATE, 0 },
		{ "2026-01-01T00:00:61Z", NO_DATE, 0 },
		{ "2026-01-01T00:00:00", NO_DATE, 0 },
		{ "2026-01-01T00:00:00.Z", NO_DATE, 0 },
		{ "2026-01-01T00:00:00Z ", NO_DATE, 0 },
		{ "2026-01-01T00:00:00+24:00", NO_DATE, 0 },
		{ "2026-01-01T00:00:00+0200", NO_DATE, 0 },
		{ "2026-1-1T00:00:00Z", NO_DATE, 0 },
		{ "+2026-01-01T00:00:00Z", NO_DATE, 0 },
		{ "12026-01-01T00:00:00Z", NO_DATE, 0 },
		{ "2026-01-01", NO_DATE, 0 },
		{ "", NO_DATE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t at = 0;

		cr_expect_eq(time_parse_rfc3339(cases[i].text, &at), cases[i].rc, "%s", cases[i].text);
		cr_expect_eq(at, cases[i].at, "%s: %" PRId64, cases[i].text, at);
	}
}

Test(timefmt, every_day_of_four_centuries_reads_back_as_written)
{
	for (int64_t day = -140000; day < 146097; day++) {
		int64_t at = day * 86400 + 12345;
		int64_t back = 0;
		char text[TIME_RFC3339_SIZE];

		time_format_rfc3339(at, text);
		cr_assert_eq(time_parse_rfc3339(text, &back), 0, "%s", text);
		cr_assert_eq(back, at, "%s", text);
	}
}

Test(timefmt, spans_are_read_with_falling_units_or_as_seconds)
{
	static const struct {
		const char *text;
		int rc;
		int64_t sec;
	} cases[] = {
		{ "30d", 0, 30 * 86400 },
		{ "12h", 0, 12 * 3600 },
		{ "90m", 0, 5400 },
		{ "45s", 0, 45 },
		{ "2w", 0, 14 * 86400 },
		{ "1h30m", 0, 5400 },
		{ "1d 2h", 0, 86400 + 7200 },
		{ "1w1d1h1m1s", 0, 7 * 86400 + 86400 + 3661 },
		{ "3600", 0, 3600 },
		{ "0", 0, 0 },
		{ "106751991167300d", 0, 106751991167300 * 86400 },
		{ "106751991167301d", -1, 0 },
		{ "9223372036854775808", -1, 0 },
		{ "99999999999999999999999999s", -1, 0 },
		{ "15250284452471w6d23h", -1, 0 },
		{ "1m1h", -1, 0 },
		{ "1h1h", -1, 0 },
		{ "1h30", -1, 0 },
		{ "1d ", -1, 0 },
		{ " 1d", -1, 0 },
		{ "-1d", -1, 0 },
		{ "d", -1, 0 },
		{ "1.5h", -1, 0 },
		{ "1 h", -1, 0 },
		{ "1y", -1, 0 },
		{ "", -1, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t sec = 0;

		cr_expect_eq(time_parse_span(cases[i].text, &sec), cases[i].rc, "%s", cases[i].text);
		cr_expect_eq(sec, cases[i].sec, "%s: %" PRId64, cases[i].text, sec);
	}
}

Test(timefmt, spans_are_written_with_their_two_largest_units)
{
	static const struct {
		int64_t sec;
		const char *text;
	} cases[] = { { 59 * 86400, "59d" }, { 59 * 86400 + 3 * 3600 + 59, "59d 3h" }, { 5 * 3600 + 600, "5h 10m" },
		{ 5 * 3600 + 10, "5h" }, { 61, "1m 1s" }, { 45, "45s" }, { 0, "0s" }, { -90, "-1m 30s" },
		{ INT64_MAX, "106751991167300d 15h" }, { INT64_MIN, "-106751991167300d 15h" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[TIME_SPAN_SIZE];

		time_format_span(cases[i].sec, text);
		cr_expect_str_eq(text, cases[i].text);
	}
}

Test(timefmt, sums_stop_at_the_ends_of_time)
{
	cr_expect_eq(time_add(1, 2), 3);
	cr_expect_eq(time_add(INT64_MAX, 1), INT64_MAX);
	cr_expect_eq(time_add(INT64_MIN, -1), INT64_MIN);
	cr_expect_eq(time_add(INT64_MAX, INT64_MIN), -1);
}

Test(timefmt, calendar_parts_that_are_no_date_are_refused)
{
	int64_t at = 7;

	cr_expect_eq(time_from_utc(2026, 11, 21, 10, 30, 0, &at), 0);
	cr_expect_eq(at, 1795257000);
	cr_expect_eq(time_from_utc(-1, 1, 1, 0, 0, 0, &at), -1);
	cr_expect_eq(time_from_utc(10000, 1, 1, 0, 0, 0, &at), -1);
	cr_expect_eq(time_from_utc(2026, 1, 1, -1, 0, 0, &at), -1);
}

Test(timefmt, the_monotonic_clock_is_that_of_the_system_in_microseconds)
{
	struct timespec before, after;
	int64_t us;

	clock_gettime(CLOCK_MONOTONIC, &before);
	us = time_monotonic_us();
	clock_gettime(CLOCK_MONOTONIC, &after);
	cr_expect_geq(us, (int64_t)before.tv_sec * 1000000 + before.tv_nsec / 1000);
	cr_expect_leq(us, (int64_t)after.tv_sec * 1000000 + after.tv_nsec / 1000);
}
