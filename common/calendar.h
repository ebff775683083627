/*
 * common/calendar.h: windows, in which something may happen, and freezes, in which it may not, in local time. Weekdays
 * and zones are written as in systemd.time(7):
 *
 *   window   [WEEKDAYS] HH:MM-HH:MM [ZONE]       Mon..Fri 02:00-05:00 Europe/Berlin; Sat,Sun 22:00-06:00
 *   freeze   YYYY-MM-DD[..YYYY-MM-DD] [ZONE]     2026-12-20..2027-01-06 Europe/Berlin; both days included
 *
 * Without weekdays a window is open every day, without a zone it is in UTC. One that ends before it begins ends on the
 * next day; its weekdays are those on which it begins. Local time decides: a window in the hour that is skipped when
 * summer time begins does not open on that day, and one in the repeated hour opens twice.
 */
#ifndef COMMON_CALENDAR_H
#define COMMON_CALENDAR_H

#include "common/strlist.h"
#include "common/tz.h"

enum { CALENDAR_ITEMS_MAX = 32 };

/* A window, or a freeze. */
struct calendar_item {
	unsigned weekdays;          /* bit 0: Monday */
	int64_t from, to;           /* seconds after local midnight; @to may be on the next day */
	int64_t first_day, end_day; /* of a freeze: days since 1970-01-01; from the first to before the end */
	struct tz tz;
};

struct calendar {
	struct calendar_item *windows; /* owned; none: always */
	struct calendar_item *freezes; /* owned */
	size_t n_windows, n_freezes;
};

#define _cleanup_calendar_ _cleanup_(calendar_clear)

void
calendar_clear(struct calendar *c);

/* @text: one window. @ret: zeroed; cleared by the caller after success only. Return: 0 or -1. */
int
calendar_parse_window(const char *text, struct calendar_item *ret, struct error *err);

int
calendar_parse_freeze(const char *text, struct calendar_item *ret, struct error *err);

void
calendar_item_clear(struct calendar_item *item);

/* Adds to @c. The error names the item. Return: 0 or -1. */
int
calendar_add_windows(struct calendar *c, const struct strlist *texts, struct error *err);

int
calendar_add_freezes(struct calendar *c, const struct strlist *texts, struct error *err);

/* Pure: the first time, not before @at, that is inside a window and outside all freezes; INT64_MAX: there is none. */
int64_t
calendar_next(const struct calendar *c, int64_t at);

/*
 * calendar_spread() - calendar_next(), and if that is later than @at, a time in the first half of what it begins
 * Otherwise all that waits for a window would happen in its first second. @seed: stable for each.
 */
int64_t
calendar_spread(const struct calendar *c, int64_t at, uint64_t seed);

#endif
