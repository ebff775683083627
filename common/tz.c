/*
 * Transitions from the file, then the rule of its last line (POSIX TZ), of which the database uses only the form
 * Mm.w.d. Zones with leap seconds ("right/...") are refused: their times are not UNIX times.
 */
#include "common/tz.h"

#include "common/buf.h"
#include "common/timefmt.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TZ_DIRECTORY "/usr/share/zoneinfo/"

enum {
	FILE_MAX = 64 * 1024,
	NAME_MAX_LEN = 64,
	HEADER = 44,
	TRANSITIONS_MAX = 4096,
	DAY = 24 * 3600,
	OFFSET_MAX = 7 * DAY,
	YEAR_MAX = 9998,
};

void
tz_clear(struct tz *tz)
{
	free(tz->at);
	free(tz->offset);
	*tz = (struct tz){ .n = 0 };
}

/* --- the file --- */

static uint64_t
tz_number(const unsigned char *p, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value = value << 8 | p[i];
	return value;
}

/* The counts of one header, in the order of the file. */
struct tz_counts {
	size_t utc, standard, leaps, times, types, chars;
};

static bool
tz_read_header(const unsigned char *p, size_t len, struct tz_counts *ret)
{
	if (len < HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	*ret = (struct tz_counts){
		.utc = tz_number(p + 20, 4),
		.standard = tz_number(p + 24, 4),
		.leaps = tz_number(p + 28, 4),
		.times = tz_number(p + 32, 4),
		.types = tz_number(p + 36, 4),
		.chars = tz_number(p + 40, 4),
	};
	return ret->utc <= FILE_MAX && ret->standard <= FILE_MAX && ret->leaps <= FILE_MAX &&
	       ret->times <= TRANSITIONS_MAX && ret->types > 0 && ret->types <= 256 && ret->chars <= FILE_MAX;
}

static size_t
tz_block_len(const struct tz_counts *c, size_t octets)
{
	return c->times * octets + c->times + c->types * 6 + c->chars + c->leaps * (octets + 4) + c->standard + c->utc;
}

/* @p: the block with times of 8 octets. */
static bool
tz_read_block(const unsigned char *p, const struct tz_counts *c, struct tz *tz)
{
	const unsigned char *indexes = p + c->times * 8, *types = indexes + c->times;

	tz->at = xcalloc(c->times + 1, sizeof(*tz->at));
	tz->offset = xcalloc(c->times + 1, sizeof(*tz->offset));
	tz->first = (int32_t)tz_number(types, 4);
	if (tz->first < -OFFSET_MAX || tz->first > OFFSET_MAX)
		return false;
	for (; tz->n < c->times; tz->n++) {
		size_t type = indexes[tz->n];

		if (type >= c->types)
			return false;
		tz->at[tz->n] = (int64_t)tz_number(p + tz->n * 8, 8);
		tz->offset[tz->n] = (int32_t)tz_number(types + type * 6, 4);
		if ((tz->n > 0 && tz->at[tz->n] <= tz->at[tz->n - 1]) || tz->offset[tz->n] < -OFFSET_MAX ||
			tz->offset[tz->n] > OFFSET_MAX)
			return false;
	}
	return true;
}

/* --- the rule: "CET-1CEST,M3.5.0,M10.5.0/3" --- */

static bool
tz_skip_name(const char **text)
{
	const char *p = *text;

	if (*p == '<') {
		p = strchr(p, '>');
		if (!p)
			return false;
		*text = p + 1;
		return true;
	}
	while (isalpha((unsigned char)*p))
		p++;
	if (p - *text < 3)
		return false;
	*text = p;
	return true;
}

/* One to three digits. */
static bool
tz_read_digits(const char **text, int most, int *ret)
{
	int value = 0, n = 0;

	for (; n < 3 && isdigit((unsigned char)**text); n++)
		value = value * 10 + *(*text)++ - '0';
	*ret = value;
	return n > 0 && value <= most;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool
tz_read_time(const char **text, int32_t *ret)
{
	int sign = 1, hours, minutes = 0, seconds = 0;

	if (**text == '-' || **text == '+')
		sign = *(*text)++ == '-' ? -1 : 1;
	if (!tz_read_digits(text, 167, &hours))
		return false;
	if (**text == ':' && (++*text, !tz_read_digits(text, 59, &minutes)))
		return false;
	if (**text == ':' && (++*text, !tz_read_digits(text, 59, &seconds)))
		return false;
	*ret = sign * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

/* ",Mm.w.d[/time]" */
static bool
tz_read_change(const char **text, struct tz_change *ret)
{
	const char *p = *text;

	*ret = (struct tz_change){ .time = 2 * 3600 };
	if (strncmp(p, ",M", 2) != 0)
		return false;
	p += 2;
	if (!tz_read_digits(&p, 12, &ret->month) || *p++ != '.' || !tz_read_digits(&p, 5, &ret->week) || *p++ != '.' ||
		!tz_read_digits(&p, 6, &ret->weekday) || ret->month < 1 || ret->week < 1)
		return false;
	if (*p == '/' && (++p, !tz_read_time(&p, &ret->time)))
		return false;
	*text = p;
	return true;
}

static bool
tz_read_rule(const char *text, struct tz *tz)
{
	if (!*text)
		return true;
	if (!tz_skip_name(&text) || !tz_read_time(&text, &tz->standard))
		return false;
	tz->standard = -tz->standard; /* POSIX counts to the west */
	tz->has_rule = true;
	if (!*text)
		return true;
	tz->summer = tz->standard + 3600;
	tz->has_summer = true;
	if (!tz_skip_name(&text))
		return false;
	if (*text != ',') {
		if (!tz_read_time(&text, &tz->summer))
			return false;
		tz->summer = -tz->summer;
	}
	return tz_read_change(&text, &tz->begin) && tz_read_change(&text, &tz->end) && !*text;
}

static bool
tz_read(const unsigned char *p, size_t len, struct tz *tz)
{
	struct tz_counts c;
	_cleanup_free_ char *rule = NULL;
	const unsigned char *end;
	size_t skip;

	if (!tz_read_header(p, len, &c) || p[4] < '2')
		return false;
	skip = HEADER + tz_block_len(&c, 4);
	if (skip > len || !tz_read_header(p + skip, len - skip, &c) || c.leaps > 0)
		return false;
	p += skip + HEADER;
	len -= skip + HEADER;
	skip = tz_block_len(&c, 8);
	if (skip >= len || p[skip] != '\n' || !tz_read_block(p, &c, tz))
		return false;
	end = memchr(p + skip + 1, '\n', len - skip - 1);
	if (!end)
		return false;
	rule = xstrndup((const char *)p + skip + 1, (size_t)(end - p) - skip - 1);
	return tz_read_rule(rule, tz);
}

int
tz_parse(const void *data, size_t len, struct tz *ret, struct error *err)
{
	struct tz tz = { .n = 0 };

	if (!tz_read(data, len, &tz)) {
		tz_clear(&tz);
		return error_set(err, ERROR_INVALID, "is not a time zone file of version 2 or later");
	}
	*ret = tz;
	return 0;
}

/* No part of the path is hidden, so that none is "..". */
static bool
tz_is_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_+-/", *p))
			return false;
	return isalpha((unsigned char)*name) && strlen(name) <= NAME_MAX_LEN;
}

int
tz_load(const char *name, struct tz *ret, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf data = BUF_INIT;

	*ret = (struct tz){ .n = 0 };
	if (strcmp(name, "UTC") == 0)
		return 0;
	if (!tz_is_name(name))
		return error_set(err, ERROR_INVALID, "a time zone is written like Europe/Berlin");
	path = xasprintf(TZ_DIRECTORY "%s", name);
	if (buf_read_file(&data, AT_FDCWD, path, FILE_MAX, NULL) < 0)
		return error_set(err, ERROR_INVALID, "this host does not know the time zone %s (%s; package tzdata)",
			name, path);
	if (tz_parse(data.data, data.len, ret, err) < 0)
		return error_wrap(err, "%s", path);
	return 0;
}

/* --- offsets --- */

static int
tz_year_of(int64_t local)
{
	int year = (int)(1970 + local / (INT64_C(31556952)));
	int64_t start;

	if (year > YEAR_MAX)
		return YEAR_MAX;
	while (time_from_utc(year + 1, 1, 1, 0, 0, 0, &start) == 0 && start <= local)
		year++;
	while (year > 1 && time_from_utc(year, 1, 1, 0, 0, 0, &start) == 0 && start > local)
		year--;
	return year;
}

/* In UTC. @before: the offset that holds before it. */
static int64_t
tz_change_at(const struct tz_change *c, int year, int32_t before)
{
	int64_t first = 0, next = 0, day;

	time_from_utc(year, c->month, 1, 0, 0, 0, &first);
	time_from_utc(c->month == 12 ? year + 1 : year, c->month % 12 + 1, 1, 0, 0, 0, &next);
	day = first + ((c->weekday - (first / DAY + 4) % 7 + 14) % 7) * DAY; /* 1970-01-01 was a Thursday */
	day += (c->week - 1) * INT64_C(7) * DAY;
	while (day >= next)
		day -= 7 * DAY;
	return day + c->time - before;
}

static int32_t
tz_rule_offset(const struct tz *tz, int64_t at, int64_t *ret_until)
{
	int32_t offset = tz->standard;
	int64_t last = INT64_MIN, next = INT64_MAX;
	int year;

	*ret_until = INT64_MAX;
	year = tz->has_summer ? tz_year_of(time_add(at, tz->standard)) : YEAR_MAX;
	if (year < 1971 || year >= YEAR_MAX)
		return offset;
	for (int y = year - 1; y <= year + 1; y++) {
		const int64_t changes[] = { tz_change_at(&tz->begin, y, tz->standard),
			tz_change_at(&tz->end, y, tz->summer) };

		for (int i = 0; i < 2; i++) {
			if (changes[i] <= at && changes[i] >= last) {
				last = changes[i];
				offset = i == 0 ? tz->summer : tz->standard;
			}
			if (changes[i] > at && changes[i] < next)
				next = changes[i];
		}
	}
	*ret_until = next;
	return offset;
}

int32_t
tz_offset(const struct tz *tz, int64_t at, int64_t *ret_until)
{
	size_t low = 0, high = tz->n; /* the number of changes up to @at is between them */

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (tz->at[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == tz->n && tz->has_rule)
		return tz_rule_offset(tz, at, ret_until);
	*ret_until = low < tz->n ? tz->at[low] : INT64_MAX;
	return low ? tz->offset[low - 1] : tz->first;
}
