/* common/timefmt.h: times and spans as text. All times are UNIX seconds, UTC; all arithmetic saturates. */
#ifndef COMMON_TIMEFMT_H
#define COMMON_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

enum { TIME_RFC3339_SIZE = sizeof("2026-11-21T10:30:00Z"), TIME_SPAN_SIZE = 32 };

/* "2026-11-21T10:30:00Z" */
void
time_format_rfc3339(int64_t at, char ret[TIME_RFC3339_SIZE]);

/* RFC 3339 with any offset, with or without fraction (dropped). Return: 0, or -1 not a date. */
int
time_parse_rfc3339(const char *text, int64_t *ret_at);

/* The three forms of HTTP dates (RFC 9110 s5.6.7). The day of the week is not checked. Return: 0, or -1 not a date. */
int
time_parse_http(const char *text, int64_t *ret_at);

/*
 * "30d", "12h", "90m", "45s", "2w", "1h30m", "5h 10m", or seconds without a unit. Units decrease, and each occurs once.
 * Return: 0 and seconds, or -1 (also on overflow).
 */
int
time_parse_span(const char *text, int64_t *ret_sec);

/* "59d", "5h 10m", "45s": the two largest units; negative spans have a leading '-'. */
void
time_format_span(int64_t sec, char ret[TIME_SPAN_SIZE]);

/*
 * A broken-down date of another library (struct tm, but year and month as written); second 60 is a leap second.
 * Return: 0, or -1: the day or hour does not exist, or the year is not 0..9999.
 */
int
time_from_utc(int year, int month, int day, int hour, int minute, int second, int64_t *ret_at);

/* a + b without overflow. */
int64_t
time_add(int64_t a, int64_t b);

/* Microseconds of CLOCK_MONOTONIC: for measuring durations, not for dates. */
int64_t
time_monotonic_us(void);

#endif
