/*
 * daemon/base/meter.h: what certd's requests to others cost: for each CA and DNS provider their number, a histogram of
 * their durations, and the failed ones by type. Counting is a few instructions. Everything is bounded: further peers
 * and further types of errors are counted as "other". All of it begins at zero when certd starts.
 */
#ifndef DAEMON_BASE_METER_H
#define DAEMON_BASE_METER_H

#include <stddef.h>
#include <stdint.h>

enum meter_kind { METER_CA, METER_DNS, METER_KIND_COUNT };

enum {
	METERS_MAX = 100,      /* of each kind */
	METER_ERRORS_MAX = 40, /* types of errors of one peer */
	METER_BOUNDS = 10,     /* of the histogram; one more bucket is for all that took longer */
	METER_TEXT_MAX = 100,  /* octets of a name or a type */
};

/* The upper bounds of the buckets in microseconds, ascending. */
extern const int64_t meter_bounds_us[METER_BOUNDS];

struct meter_error {
	char *type;
	uint64_t count;
};

/* One peer. Only read it: the functions below change it. */
struct meter {
	char *name;
	uint64_t buckets[METER_BOUNDS + 1]; /* not cumulative */
	uint64_t count;
	int64_t sum_us;
	struct meter_error errors[METER_ERRORS_MAX];
	size_t n_errors;
	struct meter *next;
};

struct meters;

struct meters *
meters_new(void);

/* NULL is a no-op. */
void
meters_free(struct meters *meters);

/* The meter of the peer with that name (copied). Borrowed from @meters; NULL if @meters is NULL: nobody counts. */
struct meter *
meters_get(struct meters *meters, enum meter_kind kind, const char *name);

/* The first meter of a kind, in order of creation; NULL: none. */
const struct meter *
meters_first(const struct meters *meters, enum meter_kind kind);

/* A request has ended, well or not, after @took_us. @meter NULL is a no-op, here and below. */
void
meter_request(struct meter *meter, int64_t took_us);

/* It has failed. @type: a word, copied. */
void
meter_error(struct meter *meter, const char *type);

#endif
