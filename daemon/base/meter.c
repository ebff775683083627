/* Counters of requests. Names of peers come from declarations and types of errors from tables, yet both are bounded. */
#include "daemon/base/meter.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

#define METER_OTHER "other"

struct meters {
	struct meter *kinds[METER_KIND_COUNT];
	size_t counts[METER_KIND_COUNT];
};

/* From an answer of a server nearby to the longest wait for one that hardly answers. */
const int64_t meter_bounds_us[METER_BOUNDS] = {
	10 * 1000,
	50 * 1000,
	100 * 1000,
	250 * 1000,
	500 * 1000,
	1000 * 1000,
	2500 * 1000,
	5000 * 1000,
	10 * 1000 * 1000,
	30 * 1000 * 1000,
};

struct meters *
meters_new(void)
{
	return xcalloc(1, sizeof(struct meters));
}

static void
meter_free(struct meter *meter)
{
	for (size_t i = 0; i < meter->n_errors; i++)
		free(meter->errors[i].type);
	free(meter->name);
	free(meter);
}

void
meters_free(struct meters *meters)
{
	if (!meters)
		return;
	for (size_t kind = 0; kind < METER_KIND_COUNT; kind++) {
		for (struct meter *m = meters->kinds[kind], *next; m; m = next) {
			next = m->next;
			meter_free(m);
		}
	}
	free(meters);
}

struct meter *
meters_get(struct meters *meters, enum meter_kind kind, const char *name)
{
	struct meter **at;

	if (!meters)
		return NULL;
	if (strlen(name) > METER_TEXT_MAX)
		name = METER_OTHER;
	for (at = &meters->kinds[kind]; *at; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0)
			return *at;
	/* The last one is for all that come later. */
	if (meters->counts[kind] >= METERS_MAX - 1 && strcmp(name, METER_OTHER) != 0)
		return meters_get(meters, kind, METER_OTHER);
	*at = xcalloc(1, sizeof(**at));
	(*at)->name = xstrdup(name);
	meters->counts[kind]++;
	return *at;
}

const struct meter *
meters_first(const struct meters *meters, enum meter_kind kind)
{
	return meters ? meters->kinds[kind] : NULL;
}

void
meter_request(struct meter *meter, int64_t took_us)
{
	size_t bucket = 0;

	if (!meter)
		return;
	while (bucket < METER_BOUNDS && took_us > meter_bounds_us[bucket])
		bucket++;
	meter->buckets[bucket]++;
	meter->count++;
	meter->sum_us += took_us;
}

void
meter_error(struct meter *meter, const char *type)
{
	size_t i;

	if (!meter)
		return;
	if (strlen(type) > METER_TEXT_MAX)
		type = METER_OTHER;
	for (i = 0; i < meter->n_errors && strcmp(meter->errors[i].type, type) != 0;)
		i++;
	if (i == meter->n_errors && i >= METER_ERRORS_MAX - 1 && strcmp(type, METER_OTHER) != 0) {
		meter_error(meter, METER_OTHER);
		return;
	}
	if (i == meter->n_errors) {
		meter->errors[i].type = xstrdup(type);
		meter->n_errors++;
	}
	meter->errors[i].count++;
}
