/*
 * common/tz.h: a time zone of the system's database (TZif, RFC 8536), as a value. The C library has one time zone for
 * the whole process, taken from the environment; certd needs several, in threads, and never changes that one.
 */
#ifndef COMMON_TZ_H
#define COMMON_TZ_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "M3.5.0/2": the last Sunday of March at 02:00 of the local time before the change. */
struct tz_change {
	int month, week, weekday; /* week 5: the last; weekday 0: Sunday */
	int32_t time;             /* seconds after midnight; may be negative or more than a day */
};

struct tz {
	size_t n;
	int64_t *at;     /* when the offset changes; ascending, owned */
	int32_t *offset; /* from then on, seconds east of UTC; owned */
	int32_t first;   /* offset before all of them */
	bool has_rule;   /* what follows holds after the last of them */
	int32_t standard, summer;
	bool has_summer;
	struct tz_change begin, end; /* of summer time */
};

#define _cleanup_tz_ _cleanup_(tz_clear)

/* One of all zeros is UTC. */
void
tz_clear(struct tz *tz);

/* A file of the database. @ret: zeroed; cleared by the caller after success only. Return: 0 or -1. */
int
tz_parse(const void *data, size_t len, struct tz *ret, struct error *err);

/* @name: such as "Europe/Berlin"; "UTC" works without the database. Return: 0, or -1 (ERROR_INVALID: no such zone). */
int
tz_load(const char *name, struct tz *ret, struct error *err);

/*
 * tz_offset() - seconds east of UTC at @at
 * @ret_until: the next time at which that may change, after @at; INT64_MAX: never
 */
int32_t
tz_offset(const struct tz *tz, int64_t at, int64_t *ret_until);

#endif
