/* Windows, freezes and time zones, against the C library's own idea of local time. */
#include "common/buf.h"
#include "common/calendar.h"
#include "common/timefmt.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR, TIMES = 100000 };

static int64_t
utc(const char *text)
{
	int64_t at = 0;

	cr_assert_eq(time_parse_rfc3339(text, &at), 0, "%s", text);
	return at;
}

/* A repeatable sequence (xorshift). */
static uint64_t
draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void
use_zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static struct tm
local(int64_t at)
{
	struct tm tm;
	time_t t = at;

	localtime_r(&t, &tm);
	return tm;
}

/* @text: windows, then freezes, after "!"; separated by "; ". */
static void
read_calendar(const char *text, struct calendar *ret)
{
	_cleanup_strlist_ struct strlist items = STRLIST_INIT, windows = STRLIST_INIT, freezes = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	strlist_split(&items, text, ';');
	for (size_t i = 0; i < items.count; i++) {
		const char *item = items.items[i] + strspn(items.items[i], " ");

		strlist_add(*item == '!' ? &freezes : &windows, item + (*item == '!'));
	}
	*ret = (struct calendar){ .windows = NULL };
	cr_assert_eq(calendar_add_windows(ret, &windows, &err), 0, "%s: %s", text, err.message);
	cr_assert_eq(calendar_add_freezes(ret, &freezes, &err), 0, "%s: %s", text, err.message);
}

static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
	"Europe/Dublin", "America/Nuuk", "Africa/Cairo", "Pacific/Apia", "Asia/Tehran" };

Test(tz, offsets_are_those_of_the_c_library)
{
	uint64_t seed = 7;

	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		_cleanup_tz_ struct tz tz = { .n = 0 };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_assert_eq(tz_load(zones[i], &tz, &err), 0, "%s", err.message);
		use_zone(zones[i]);
		for (int n = 0; n < TIMES / 5; n++) {
			int64_t at = (int64_t)(draw(&seed) % (INT64_C(130) * 366 * DAY)), until;
			int32_t offset = tz_offset(&tz, at, &until);

			cr_assert_eq(offset, local(at).tm_gmtoff, "%s at %lld: %d", zones[i], (long long)at, offset);
			cr_assert_gt(until, at);
			if (until == INT64_MAX)
				continue;
			cr_assert_eq(local(until - 1).tm_gmtoff, offset, "%s: until %lld", zones[i], (long long)until);
		}
	}
}

Test(tz, unknown_zones_and_damaged_files_are_refused)
{
	static const char *const names[] = { "Europe/Nowhere", "../../etc/passwd", "/etc/localtime", "", "Europe",
		"right/UTC", "zone.tab", "5", "Etc/GMT+1 ", "Europe/Berlin\n" };
	_cleanup_buf_ struct buf file = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_tz_ struct tz tz = { .n = 0 };

		cr_expect_eq(tz_load(names[i], &tz, NULL), -1, "%s", names[i]);
	}
	cr_assert_eq(buf_read_file(&file, AT_FDCWD, "/usr/share/zoneinfo/Europe/Berlin", 65536, NULL), 0);
	for (size_t len = 0; len < file.len; len++) {
		_cleanup_tz_ struct tz tz = { .n = 0 };

		cr_expect_eq(tz_parse(file.data, len, &tz, NULL), -1, "cut to %zu octets", len);
	}
}

Test(calendar, what_is_not_written_as_it_should_be_is_refused)
{
	static const char *const windows[] = { "", "02:00", "2:00-5:00", "02:00-02:00", "24:00-02:00", "02:60-03:00",
		"02:00-25:00", "Mon 02:00 - 05:00", "Mon..Fri", "Mon..Fri  02:00-05:00", "Mond 02:00-05:00",
		"Mon, 02:00-05:00", "Mon..02:00-05:00", "02:00-05:00 Nowhere/City", "02:00-05:00 ", "02:00-05:00x",
		"02:00-05:00 Europe/Berlin x", "-" };
	static const char *const freezes[] = { "", "2026-02-30", "2026-12-20..", "2026-12-20..2026-12-19", "2026-1-1",
		"1969-12-31", "9000-01-01", "2026-12-20-2026-12-24", "2026-12-20 Nowhere", "2026-12-20..2026-12-24Z" };

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		struct calendar_item item = { .weekdays = 0 };

		cr_expect_eq(calendar_parse_window(windows[i], &item, NULL), -1, "'%s'", windows[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(freezes); i++) {
		struct calendar_item item = { .weekdays = 0 };

		cr_expect_eq(calendar_parse_freeze(freezes[i], &item, NULL), -1, "'%s'", freezes[i]);
	}
}

Test(calendar, the_next_time_is_the_first_inside)
{
	static const struct {
		const char *why, *calendar, *at, *next;
	} cases[] = {
		{ "no restriction", "", "2026-11-30T12:00:00Z", "2026-11-30T12:00:00Z" },
		{ "before it", "02:00-05:00", "2026-11-30T01:00:00Z", "2026-11-30T02:00:00Z" },
		{ "inside", "02:00-05:00", "2026-11-30T03:00:00Z", "2026-11-30T03:00:00Z" },
		{ "its end is outside", "02:00-05:00", "2026-11-30T05:00:00Z", "2026-12-01T02:00:00Z" },
		{ "the last second", "02:00-05:00", "2026-11-30T04:59:59Z", "2026-11-30T04:59:59Z" },
		{ "a weekday", "tue 02:00-05:00", "2026-11-30T03:00:00Z", "2026-12-01T02:00:00Z" },
		{ "next week", "Monday 02:00-05:00", "2026-11-30T06:00:00Z", "2026-12-07T02:00:00Z" },
		{ "a range over Sunday", "Sat..Mon 02:00-05:00", "2026-12-01T00:00:00Z", "2026-12-05T02:00:00Z" },
		{ "a list", "Mon,Wed..Thu 02:00-05:00", "2026-12-01T03:00:00Z", "2026-12-02T02:00:00Z" },
		{ "over midnight, after it", "Mon 22:00-04:00", "2026-12-01T03:00:00Z", "2026-12-01T03:00:00Z" },
		{ "over midnight, of another day", "Tue 22:00-04:00", "2026-12-01T03:00:00Z", "2026-12-01T22:00:00Z" },
		{ "the whole day", "Sun 00:00-24:00", "2026-11-30T00:00:00Z", "2026-12-06T00:00:00Z" },
		{ "the earlier of two", "Fri 10:00-11:00; Wed 10:00-11:00", "2026-11-30T00:00:00Z",
			"2026-12-02T10:00:00Z" },
		{ "a zone", "Tue 02:00-05:00 Europe/Berlin", "2026-11-30T12:00:00Z", "2026-12-01T01:00:00Z" },
		{ "in summer", "Tue 02:00-05:00 Europe/Berlin", "2026-06-29T12:00:00Z", "2026-06-30T00:00:00Z" },
		/* 2026-03-29: 02:00 becomes 03:00 in Berlin, at 01:00 UTC */
		{ "it is in the hour that is skipped", "02:00-03:00 Europe/Berlin", "2026-03-28T12:00:00Z",
			"2026-03-30T00:00:00Z" },
		{ "it begins in that hour", "02:30-04:00 Europe/Berlin", "2026-03-28T12:00:00Z",
			"2026-03-29T01:00:00Z" },
		/* 2026-10-25: 03:00 becomes 02:00 in Berlin, at 01:00 UTC */
		{ "the hour comes for the first time", "02:00-03:00 Europe/Berlin", "2026-10-24T12:00:00Z",
			"2026-10-25T00:00:00Z" },
		{ "and again", "02:30-02:45 Europe/Berlin", "2026-10-25T00:50:00Z", "2026-10-25T01:30:00Z" },
		{ "and then on the next day", "02:30-02:45 Europe/Berlin", "2026-10-25T01:45:00Z",
			"2026-10-26T01:30:00Z" },
		{ "a freeze", "!2026-12-20..2027-01-06", "2026-12-24T10:00:00Z", "2027-01-07T00:00:00Z" },
		{ "its first second", "!2026-12-20..2027-01-06", "2026-12-20T00:00:00Z", "2027-01-07T00:00:00Z" },
		{ "before it", "!2026-12-20..2027-01-06", "2026-12-19T23:59:59Z", "2026-12-19T23:59:59Z" },
		{ "one day, in a zone", "!2026-12-24 America/New_York", "2026-12-24T05:00:00Z",
			"2026-12-25T05:00:00Z" },
		{ "a window in a freeze", "Thu 02:00-05:00; !2026-12-20..2026-12-31", "2026-12-20T00:00:00Z",
			"2027-01-07T02:00:00Z" },
		{ "freezes that touch", "!2026-12-20..2026-12-24; !2026-12-25; !2026-12-26..2026-12-31",
			"2026-12-21T00:00:00Z", "2027-01-01T00:00:00Z" },
		{ "a freeze ends inside a window", "22:00-06:00; !2026-12-24", "2026-12-24T12:00:00Z",
			"2026-12-25T00:00:00Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_calendar_ struct calendar c = { .windows = NULL };
		char text[TIME_RFC3339_SIZE];

		read_calendar(cases[i].calendar, &c);
		time_format_rfc3339(calendar_next(&c, utc(cases[i].at)), text);
		cr_expect_str_eq(text, cases[i].next, "%s: %s", cases[i].why, text);
	}
}

/* A window of one zone and a freeze, and the same by the C library. */
struct property {
	const char *zone;
	unsigned weekdays; /* bit 0: Sunday, as in tm_wday */
	int from, to;      /* minutes; to <= from: over midnight */
	const char *text;
	const char *freeze_from, *freeze_to; /* YYYYMMDD as in the local date; NULL: none */
};

static const struct property properties[] = {
	{ "Europe/Berlin", 0x3e, 120, 300, "Mon..Fri 02:00-05:00 Europe/Berlin", NULL, NULL },
	{ "Europe/Berlin", 0x01, 120, 180, "Sun 02:00-03:00 Europe/Berlin", NULL, NULL },
	{ "America/New_York", 0x41, 1380, 150, "Sat,Sun 23:00-02:30 America/New_York", "20271220", "20280106" },
	{ "Australia/Lord_Howe", 0x7f, 90, 125, "01:30-02:05 Australia/Lord_Howe", "20270401", "20270410" },
	{ "Africa/Cairo", 0x22, 0, 1440, "Mon,Fri 00:00-24:00 Africa/Cairo", NULL, NULL },
};

static bool
is_inside(const struct property *p, int64_t at)
{
	struct tm tm = local(at);
	int minute = tm.tm_hour * 60 + tm.tm_min, day = tm.tm_wday;
	char date[16];

	strftime(date, sizeof(date), "%Y%m%d", &tm);
	if (p->freeze_from && strcmp(date, p->freeze_from) >= 0 && strcmp(date, p->freeze_to) <= 0)
		return false;
	if (p->to > p->from)
		return minute >= p->from && minute < p->to && p->weekdays >> day & 1;
	return (minute >= p->from && p->weekdays >> day & 1) || (minute < p->to && p->weekdays >> ((day + 6) % 7) & 1);
}

Test(calendar, at_random_times_the_result_is_inside_the_first_such_and_monotone)
{
	uint64_t seed = 11;

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		const struct property *p = &properties[i];
		_cleanup_calendar_ struct calendar c = { .windows = NULL };
		_cleanup_free_ char *freeze = p->freeze_from ? xasprintf("%s; !%.4s-%.2s-%.2s..%.4s-%.2s-%.2s %s",
								       p->text, p->freeze_from, p->freeze_from + 4,
								       p->freeze_from + 6, p->freeze_to,
								       p->freeze_to + 4, p->freeze_to + 6, p->zone)
							     : xstrdup(p->text);

		use_zone(p->zone);
		read_calendar(freeze, &c);
		for (int n = 0; n < TIMES / (int)ARRAY_SIZE(properties); n++) {
			int64_t at = utc("2026-01-01T00:00:00Z") + (int64_t)(draw(&seed) % (4 * 365 * (uint64_t)DAY));
			int64_t next = calendar_next(&c, at), step, later;

			cr_assert_geq(next, at);
			cr_assert(is_inside(p, next), "%s: %lld -> %lld", p->text, (long long)at, (long long)next);
			cr_assert(next == at || !is_inside(p, next - 1), "%s: %lld is not the first", p->text,
				(long long)next);
			cr_assert(next == at || !is_inside(p, at));
			cr_assert_eq(calendar_next(&c, next), next, "idempotent");
			for (step = 0; step < 4 && next > at; step++)
				cr_assert_not(is_inside(p, at + (int64_t)(draw(&seed) % (uint64_t)(next - at))),
					"%s: one before %lld", p->text, (long long)next);
			later = at + (int64_t)(draw(&seed) % (3 * DAY));
			cr_assert_geq(calendar_next(&c, later), next, "monotone");
			later = calendar_spread(&c, at, draw(&seed));
			cr_assert(
				later >= next && is_inside(p, later), "%s: spread to %lld", p->text, (long long)later);
			cr_assert(next != at || later == at, "what may happen now is not put off");
		}
	}
}

Test(calendar, what_waits_for_a_window_is_spread_over_its_first_half)
{
	_cleanup_calendar_ struct calendar c = { .windows = NULL }, frozen = { .windows = NULL };
	int64_t at = utc("2026-11-30T12:00:00Z"), open = utc("2026-12-01T02:00:00Z"), last = 0;

	read_calendar("02:00-06:00", &c);
	for (uint64_t seed = 0; seed < 100000; seed += 997) {
		int64_t spread = calendar_spread(&c, at, seed);

		cr_assert(spread >= open && spread < open + 2 * HOUR);
		if (spread > last)
			last = spread;
	}
	cr_expect_gt(last, open + HOUR);
	read_calendar("!2026-11-30", &frozen);
	cr_expect_gt(calendar_spread(&frozen, at, 12345), utc("2026-12-01T01:00:00Z"), "also after a freeze");
}

Test(calendar, ends_whatever_is_asked)
{
	_cleanup_calendar_ struct calendar c = { .windows = NULL };

	read_calendar("Mon 02:00-03:00 Europe/Berlin; !2026-01-01..8999-12-31", &c);
	cr_expect_eq(calendar_next(&c, utc("2026-06-01T00:00:00Z")), INT64_MAX, "never again");
	cr_expect_eq(calendar_next(&c, INT64_MAX), INT64_MAX);
	cr_expect_eq(calendar_next(&c, INT64_MIN), INT64_MIN);
}
