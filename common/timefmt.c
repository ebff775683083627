/*
 * Times and spans as text. Uses neither strptime() (locale) nor timegm() (overflow, 32-bit time_t): small scanners read
 * a date over one pointer, and days are counted in 64 bits.
 */
#include "common/timefmt.h"

#include "common/alloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, WEEK = 7 * DAY };

static const int64_t FIRST_AT = -62167219200; /* 0000-01-01T00:00:00Z */
static const int64_t LAST_AT = 253402300799;  /* 9999-12-31T23:59:59Z */

struct date {
	unsigned year, month, day; /* month and day from 1 */
	unsigned hour, minute, second;
};

int64_t
time_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static unsigned
days_in_month(unsigned year, unsigned month)
{
	static const unsigned char days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap ? 1U : 0U);
}

/* Days since 1970-01-01; the year is counted from March, so that the leap day is its last. */
static int64_t
days_from_date(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* Inverse of days_from_date(). */
static void
date_from_days(int64_t days, struct date *ret)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t doe = shifted - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	ret->day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	ret->month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	ret->year = (unsigned)(yoe + era * 400 + (ret->month <= 2));
}

/*
 * Return: false if the day or hour does not exist. Second 60 is a leap second and equals the first second of the next
 * minute.
 */
static bool
date_to_unix(const struct date *d, int64_t *ret_at)
{
	if (d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
		d->day > days_in_month(d->year, d->month) || d->hour > 23 || d->minute > 59 || d->second > 60)
		return false;
	*ret_at = days_from_date(d->year, d->month, d->day) * DAY + (int64_t)d->hour * HOUR +
		  (int64_t)d->minute * MINUTE + (int64_t)d->second;
	return true;
}

int
time_from_utc(int year, int month, int day, int hour, int minute, int second, int64_t *ret_at)
{
	struct date d = { .year = (unsigned)year,
		.month = (unsigned)month,
		.day = (unsigned)day,
		.hour = (unsigned)hour,
		.minute = (unsigned)minute,
		.second = (unsigned)second };

	return date_to_unix(&d, ret_at) ? 0 : -1; /* negative numbers wrap to huge ones, and are refused */
}

static char *
put_two(char *p, unsigned number, char after)
{
	p[0] = (char)('0' + number / 10 % 10);
	p[1] = (char)('0' + number % 10);
	p[2] = after;
	return p + 3;
}

/* Each returned object contains half a dozen dates, and snprintf() would take a tenth of its time. */
void
time_format_rfc3339(int64_t at, char ret[TIME_RFC3339_SIZE])
{
	int64_t in = at < FIRST_AT ? FIRST_AT : at > LAST_AT ? LAST_AT : at;
	int64_t days = (in - FIRST_AT) / DAY + FIRST_AT / DAY;
	unsigned of_day = (unsigned)((in - FIRST_AT) % DAY);
	struct date d = { 0 };
	char *p = ret;

	date_from_days(days, &d);
	put_two(p, d.year / 100, '\0');
	p = put_two(p + 2, d.year % 100, '-');
	p = put_two(p, d.month, '-');
	p = put_two(p, d.day, 'T');
	p = put_two(p, of_day / HOUR, ':');
	p = put_two(p, of_day / MINUTE % 60, ':');
	p = put_two(p, of_day % 60, 'Z');
	*p = '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The scanners below consume what they are named after, or return false. */

static bool
skip(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

static bool
skip_one_of(const char **p, const char *set)
{
	if (**p == '\0' || !strchr(set, **p))
		return false;
	(*p)++;
	return true;
}

static bool
digits(const char **p, unsigned count, unsigned *ret)
{
	unsigned value = 0;

	for (; count; count--, (*p)++) {
		if (!is_digit(**p))
			return false;
		value = value * 10 + (unsigned)(**p - '0');
	}
	*ret = value;
	return true;
}

static bool
clock_time(const char **p, struct date *d)
{
	return digits(p, 2, &d->hour) && skip(p, ":") && digits(p, 2, &d->minute) && skip(p, ":") &&
	       digits(p, 2, &d->second);
}

static bool
fraction(const char **p)
{
	if (!skip(p, "."))
		return true;
	if (!is_digit(**p))
		return false;
	while (is_digit(**p))
		(*p)++;
	return true;
}

static bool
offset(const char **p, int64_t *ret_sec)
{
	unsigned hours;
	unsigned minutes;
	char sign = **p;

	*ret_sec = 0;
	if (skip_one_of(p, "Zz"))
		return true;
	if (!skip_one_of(p, "+-") || !digits(p, 2, &hours) || !skip(p, ":") || !digits(p, 2, &minutes) || hours > 23 ||
		minutes > 59)
		return false;
	*ret_sec = (int64_t)hours * HOUR + (int64_t)minutes * MINUTE;
	if (sign == '-')
		*ret_sec = -*ret_sec;
	return true;
}

int
time_parse_rfc3339(const char *text, int64_t *ret_at)
{
	struct date d = { 0 };
	const char *p = text;
	int64_t offset_sec;
	int64_t at;

	if (!digits(&p, 4, &d.year) || !skip(&p, "-") || !digits(&p, 2, &d.month) || !skip(&p, "-") ||
		!digits(&p, 2, &d.day) || !skip_one_of(&p, "Tt ") || !clock_time(&p, &d) || !fraction(&p) ||
		!offset(&p, &offset_sec) || *p || !date_to_unix(&d, &at))
		return -1;
	*ret_at = at - offset_sec;
	return 0;
}

static bool
letters(const char **p)
{
	const char *start = *p;

	while ((**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z'))
		(*p)++;
	return *p > start;
}

static bool
month_name(const char **p, struct date *d)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (d->month = 1; d->month <= 12; d->month++) {
		if (strncmp(*p, &names[3 * (d->month - 1)], 3) != 0)
			continue;
		*p += 3;
		return true;
	}
	return false;
}

/* "06 Nov 1994 ", or "06-Nov-94 ", whose century is that of the years about now. */
static bool
http_day(const char **p, struct date *d)
{
	if (!digits(p, 2, &d->day))
		return false;
	if (skip(p, " "))
		return month_name(p, d) && skip(p, " ") && digits(p, 4, &d->year) && skip(p, " ");
	if (!skip(p, "-") || !month_name(p, d) || !skip(p, "-") || !digits(p, 2, &d->year) || !skip(p, " "))
		return false;
	d->year += d->year < 70 ? 2000 : 1900;
	return true;
}

/* "Nov  6 08:49:37 1994" */
static bool
http_asctime(const char **p, struct date *d)
{
	return month_name(p, d) && skip(p, " ") && (skip(p, " ") ? digits(p, 1, &d->day) : digits(p, 2, &d->day)) &&
	       skip(p, " ") && clock_time(p, d) && skip(p, " ") && digits(p, 4, &d->year);
}

int
time_parse_http(const char *text, int64_t *ret_at)
{
	struct date d = { 0 };
	const char *p = text;
	bool is_read = letters(&p);

	if (is_read && skip(&p, ", "))
		is_read = http_day(&p, &d) && clock_time(&p, &d) && skip(&p, " GMT");
	else
		is_read = is_read && skip(&p, " ") && http_asctime(&p, &d);
	return is_read && *p == '\0' && date_to_unix(&d, ret_at) ? 0 : -1;
}

/* Reads all digits, saturating. Return: false when there are none. */
static bool
number(const char **p, int64_t *ret)
{
	int64_t value = 0;

	if (!is_digit(**p))
		return false;
	for (; is_digit(**p); (*p)++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, **p - '0', &value))
			value = INT64_MAX;
	*ret = value;
	return true;
}

static const struct {
	char letter;
	int seconds;
} units[] = { { 'w', WEEK }, { 'd', DAY }, { 'h', HOUR }, { 'm', MINUTE }, { 's', 1 } };

/* "<number><unit>", with a smaller unit than all earlier ones; *@next is the first unit that may follow. */
static bool
span_part(const char **p, size_t *next, int64_t *ret_sec)
{
	int64_t value;

	if (!number(p, &value))
		return false;
	while (*next < ARRAY_SIZE(units) && units[*next].letter != **p)
		(*next)++;
	if (*next == ARRAY_SIZE(units))
		return false;
	(*p)++;
	return !__builtin_mul_overflow(value, units[(*next)++].seconds, ret_sec);
}

int
time_parse_span(const char *text, int64_t *ret_sec)
{
	const char *p = text;
	int64_t sum = 0;
	size_t next = 0;

	if (number(&p, &sum) && *p == '\0' && sum != INT64_MAX) {
		*ret_sec = sum;
		return 0;
	}
	p = text;
	sum = 0;
	do {
		int64_t part;

		if (!span_part(&p, &next, &part) || __builtin_add_overflow(sum, part, &sum) || sum == INT64_MAX)
			return -1;
	} while (skip(&p, " ") || *p);
	*ret_sec = sum;
	return 0;
}

void
time_format_span(int64_t sec, char ret[TIME_SPAN_SIZE])
{
	uint64_t left = sec < 0 ? -(uint64_t)sec : (uint64_t)sec;
	size_t first = 1; /* days: weeks are accepted but not printed */
	uint64_t major;
	uint64_t minor = 0;
	const char *sign = sec < 0 ? "-" : "";

	while (first + 1 < ARRAY_SIZE(units) && left < (uint64_t)units[first].seconds)
		first++;
	major = left / (uint64_t)units[first].seconds;
	if (first + 1 < ARRAY_SIZE(units))
		minor = left % (uint64_t)units[first].seconds / (uint64_t)units[first + 1].seconds;
	if (minor)
		snprintf(ret, TIME_SPAN_SIZE, "%s%llu%c %u%c", sign, (unsigned long long)major, units[first].letter,
			(unsigned)minor, units[first + 1].letter);
	else
		snprintf(ret, TIME_SPAN_SIZE, "%s%llu%c", sign, (unsigned long long)major, units[first].letter);
}

int64_t
time_monotonic_us(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
