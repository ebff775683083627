/*
 * Between two changes of the offset, local time is UTC shifted: there the arithmetic of days applies, and a result
 * beyond the next change is sought again from that change on.
 */
#include "common/calendar.h"

#include "common/alloc.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	DAY = 24 * 3600,
	ALL_WEEKDAYS = 0x7f,
	TEXT_MAX = 128,
	CHANGES_MAX = 64, /* of an offset, until a window opens */
};

/* Times beyond are not of certificates; it keeps sums in range. */
static const int64_t year_9000 = INT64_C(221845392000);

void
calendar_item_clear(struct calendar_item *item)
{
	tz_clear(&item->tz);
}

void
calendar_clear(struct calendar *c)
{
	for (size_t i = 0; i < c->n_windows; i++)
		calendar_item_clear(&c->windows[i]);
	for (size_t i = 0; i < c->n_freezes; i++)
		calendar_item_clear(&c->freezes[i]);
	free(c->windows);
	free(c->freezes);
	*c = (struct calendar){ .windows = NULL };
}

/* --- reading --- */

static const char *const weekday_names[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
	"Sunday" };

/* Three letters, or all. */
static bool
calendar_read_weekday(const char **text, int *ret)
{
	size_t len = strspn(*text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	for (int i = 0; i < 7; i++) {
		if ((len != 3 && len != strlen(weekday_names[i])) || strncasecmp(*text, weekday_names[i], len) != 0)
			continue;
		*text += len;
		*ret = i;
		return true;
	}
	return false;
}

/* "Mon..Fri,Sun" */
static bool
calendar_read_weekdays(const char **text, unsigned *ret)
{
	unsigned days = 0;

	for (;;) {
		int from, to;

		if (!calendar_read_weekday(text, &from))
			return false;
		to = from;
		if (strncmp(*text, "..", 2) == 0 && (*text += 2, !calendar_read_weekday(text, &to)))
			return false;
		for (int i = from;; i = (i + 1) % 7) {
			days |= 1U << i;
			if (i == to)
				break;
		}
		if (**text != ',')
			break;
		++*text;
	}
	*ret = days;
	return true;
}

static bool
calendar_read_number(const char **text, size_t digits, int *ret)
{
	*ret = 0;
	for (size_t i = 0; i < digits; i++) {
		if (**text < '0' || **text > '9')
			return false;
		*ret = *ret * 10 + *(*text)++ - '0';
	}
	return true;
}

/* "HH:MM" */
static bool
calendar_read_clock(const char **text, int64_t *ret)
{
	int hour, minute;

	if (!calendar_read_number(text, 2, &hour) || *(*text)++ != ':' || !calendar_read_number(text, 2, &minute) ||
		minute > 59 || hour * 60 + minute > 24 * 60)
		return false;
	*ret = (hour * 60 + minute) * INT64_C(60);
	return true;
}

/* The rest: nothing, or " ZONE". */
static int
calendar_read_zone(const char *text, struct tz *ret, struct error *err)
{
	if (!*text)
		return 0;
	if (*text != ' ')
		return error_set(err, ERROR_INVALID, "'%s' is not expected there", text);
	return tz_load(text + 1, ret, err);
}

static int
calendar_wrong(const char *text, const char *example, struct error *err)
{
	if (strlen(text) > TEXT_MAX)
		return error_set(err, ERROR_INVALID, "is longer than %d characters", TEXT_MAX);
	return error_set(err, ERROR_INVALID, "'%s' is not written like %s", text, example);
}

int
calendar_parse_window(const char *text, struct calendar_item *ret, struct error *err)
{
	static const char example[] = "Mon..Fri 02:00-05:00 Europe/Berlin";
	struct calendar_item item = { .weekdays = ALL_WEEKDAYS };
	const char *p = text;

	if (strlen(text) > TEXT_MAX)
		return calendar_wrong(text, example, err);
	if ((*p < '0' || *p > '9') && (!calendar_read_weekdays(&p, &item.weekdays) || *p++ != ' '))
		return calendar_wrong(text, example, err);
	if (!calendar_read_clock(&p, &item.from) || *p++ != '-' || !calendar_read_clock(&p, &item.to) ||
		item.from == DAY)
		return calendar_wrong(text, example, err);
	if (item.from == item.to)
		return error_set(err, ERROR_INVALID, "'%s' is empty; a whole day is 00:00-24:00", text);
	if (item.to < item.from)
		item.to += DAY;
	if (calendar_read_zone(p, &item.tz, err) < 0)
		return -1;
	*ret = item;
	return 0;
}

/* "YYYY-MM-DD" in days since 1970-01-01 */
static bool
calendar_read_date(const char **text, int64_t *ret)
{
	int year, month, day;
	int64_t at;

	if (!calendar_read_number(text, 4, &year) || *(*text)++ != '-' || !calendar_read_number(text, 2, &month) ||
		*(*text)++ != '-' || !calendar_read_number(text, 2, &day) || year < 1970 || year > 8999 ||
		time_from_utc(year, month, day, 0, 0, 0, &at) < 0)
		return false;
	*ret = at / DAY;
	return true;
}

int
calendar_parse_freeze(const char *text, struct calendar_item *ret, struct error *err)
{
	static const char example[] = "2026-12-20..2027-01-06 Europe/Berlin";
	struct calendar_item item = { .weekdays = ALL_WEEKDAYS };
	const char *p = text;

	if (strlen(text) > TEXT_MAX || !calendar_read_date(&p, &item.first_day))
		return calendar_wrong(text, example, err);
	item.end_day = item.first_day;
	if (strncmp(p, "..", 2) == 0 && (p += 2, !calendar_read_date(&p, &item.end_day)))
		return calendar_wrong(text, example, err);
	if (item.end_day < item.first_day)
		return error_set(err, ERROR_INVALID, "'%s' ends before it begins", text);
	item.end_day++;
	if (calendar_read_zone(p, &item.tz, err) < 0)
		return -1;
	*ret = item;
	return 0;
}

typedef int
calendar_parse_fn(const char *text, struct calendar_item *ret, struct error *err);

static int
calendar_add(struct calendar_item **items, size_t *n, const struct strlist *texts, calendar_parse_fn *parse,
	struct error *err)
{
	if (*n + texts->count > CALENDAR_ITEMS_MAX)
		return error_set(err, ERROR_INVALID, "are more than %d", CALENDAR_ITEMS_MAX);
	*items = xreallocarray(*items, *n + texts->count + 1, sizeof(**items));
	for (size_t i = 0; i < texts->count; i++) {
		if (parse(texts->items[i], &(*items)[*n], err) < 0)
			return -1;
		++*n;
	}
	return 0;
}

int
calendar_add_windows(struct calendar *c, const struct strlist *texts, struct error *err)
{
	return calendar_add(&c->windows, &c->n_windows, texts, calendar_parse_window, err);
}

int
calendar_add_freezes(struct calendar *c, const struct strlist *texts, struct error *err)
{
	return calendar_add(&c->freezes, &c->n_freezes, texts, calendar_parse_freeze, err);
}

/* --- when --- */

static int64_t
day_of(int64_t local)
{
	return local / DAY - (local % DAY < 0);
}

static bool
is_on(const struct calendar_item *w, int64_t day)
{
	return w->weekdays >> ((day % 7 + 7 + 3) % 7) & 1; /* 1970-01-01 was a Thursday */
}

/* The first local time, not before @local, that is inside the window. @ret_end: its end then. */
static int64_t
calendar_open_local(const struct calendar_item *w, int64_t local, int64_t *ret_end)
{
	for (int64_t day = day_of(local) - 1;; day++) {
		*ret_end = day * DAY + w->to;
		if (is_on(w, day) && local < *ret_end)
			return local > day * DAY + w->from ? local : day * DAY + w->from;
	}
}

/* The same for a freeze: not inside. */
static int64_t
calendar_thawed_local(const struct calendar_item *f, int64_t local)
{
	int64_t day = day_of(local);

	return day >= f->first_day && day < f->end_day ? f->end_day * DAY : local;
}

/* @ret_end: when it closes, or the offset changes. */
static int64_t
calendar_open_at(const struct calendar_item *w, int64_t at, int64_t *ret_end)
{
	for (int n = 0; n < CHANGES_MAX; n++) {
		int64_t until, end;
		int32_t offset = tz_offset(&w->tz, at, &until);
		int64_t open = calendar_open_local(w, at + offset, &end) - offset;

		if (open < until) {
			*ret_end = end - offset < until ? end - offset : until;
			return open;
		}
		at = until;
	}
	*ret_end = INT64_MAX;
	return INT64_MAX;
}

static int64_t
calendar_thawed_at(const struct calendar_item *f, int64_t at)
{
	for (int n = 0; n < CHANGES_MAX; n++) {
		int64_t until;
		int32_t offset = tz_offset(&f->tz, at, &until);
		int64_t thawed = calendar_thawed_local(f, at + offset) - offset;

		if (thawed < until)
			return thawed;
		at = until;
	}
	return INT64_MAX;
}

/* @ret_end: a time until which it stays allowed, but for freezes. */
static int64_t
calendar_find(const struct calendar *c, int64_t at, int64_t *ret_end)
{
	*ret_end = INT64_MAX;
	if (at < 0 || at > year_9000)
		return at;
	for (;;) {
		int64_t start = at, open = c->n_windows ? INT64_MAX : at;

		for (size_t i = 0; i < c->n_windows; i++) {
			int64_t end, found = calendar_open_at(&c->windows[i], at, &end);

			if (found < open || (found == open && end > *ret_end))
				*ret_end = end;
			if (found < open)
				open = found;
		}
		at = open;
		if (at > year_9000)
			return INT64_MAX;
		for (size_t i = 0; i < c->n_freezes; i++)
			at = calendar_thawed_at(&c->freezes[i], at);
		if (at == start)
			return at;
	}
}

int64_t
calendar_next(const struct calendar *c, int64_t at)
{
	int64_t end;

	return calendar_find(c, at, &end);
}

int64_t
calendar_spread(const struct calendar *c, int64_t at, uint64_t seed)
{
	int64_t end, next = calendar_find(c, at, &end), later;

	if (next == at || next == INT64_MAX)
		return next;
	if (end == INT64_MAX)
		end = time_add(next, 2 * DAY); /* after a freeze, without windows */
	if (end - next < 4)
		return next;
	later = next + (int64_t)(seed % ((uint64_t)(end - next) / 2));
	return calendar_next(c, later) == later ? later : next;
}
