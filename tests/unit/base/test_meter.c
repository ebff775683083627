#include "common/alloc.h"
#include "daemon/base/loop_private.h"
#include "daemon/base/meter.h"

#include <criterion/criterion.h>
#include <string.h>

Test(meter, a_request_is_in_the_bucket_of_its_duration)
{
	struct meters *meters = meters_new();
	struct meter *m = meters_get(meters, METER_CA, "ca.example");

	meter_request(m, 0);
	meter_request(m, meter_bounds_us[0]);
	meter_request(m, meter_bounds_us[0] + 1);
	meter_request(m, meter_bounds_us[METER_BOUNDS - 1]);
	meter_request(m, meter_bounds_us[METER_BOUNDS - 1] + 1);
	meter_request(m, INT64_C(3600) * 1000 * 1000);
	cr_expect_eq(m->buckets[0], 2);
	cr_expect_eq(m->buckets[1], 1);
	cr_expect_eq(m->buckets[METER_BOUNDS - 1], 1);
	cr_expect_eq(m->buckets[METER_BOUNDS], 2);
	cr_expect_eq(m->count, 6);
	cr_expect_eq(m->sum_us,
		2 * meter_bounds_us[0] + 1 + 2 * meter_bounds_us[METER_BOUNDS - 1] + 1 + INT64_C(3600) * 1000 * 1000);
	cr_expect_eq(meters_get(meters, METER_CA, "ca.example"), m);
	cr_expect_neq(meters_get(meters, METER_DNS, "ca.example"), m);
	meters_free(meters);
}

/* Whatever an operator declares and a peer answers. */
Test(meter, peers_and_types_of_errors_are_bounded)
{
	_cleanup_free_ char *endless = xcalloc(1, METER_TEXT_MAX + 2);
	struct meters *meters = meters_new();
	size_t peers = 0;
	uint64_t errors = 0;
	struct meter *other;

	for (int i = 0; i < METERS_MAX + 50; i++) {
		_cleanup_free_ char *name = xasprintf("ca%d.example", i);

		meter_request(meters_get(meters, METER_CA, name), 1);
	}
	for (const struct meter *m = meters_first(meters, METER_CA); m; m = m->next)
		peers++;
	cr_expect_eq(peers, METERS_MAX);
	other = meters_get(meters, METER_CA, "other");
	cr_expect_eq(other->count, 51);
	memset(endless, 'x', METER_TEXT_MAX + 1);
	cr_expect_eq(meters_get(meters, METER_CA, endless), other);
	meter_error(other, endless);
	cr_expect_str_eq(other->errors[0].type, "other");
	cr_expect_eq(other->errors[0].count, 1);
	meters_free(meters);

	/* Names and types of just that length are kept, while there is room. */
	meters = meters_new();
	endless[METER_TEXT_MAX] = '\0';
	other = meters_get(meters, METER_DNS, endless);
	cr_expect_str_eq(other->name, endless);
	meter_error(other, endless);
	cr_expect_str_eq(other->errors[0].type, endless);
	cr_expect_eq(other->n_errors, 1);

	for (int i = 0; i < METER_ERRORS_MAX + 50; i++) {
		_cleanup_free_ char *type = xasprintf("type%d", i);

		meter_error(other, type);
	}
	cr_expect_eq(other->n_errors, METER_ERRORS_MAX);
	for (size_t i = 0; i < other->n_errors; i++)
		errors += other->errors[i].count;
	cr_expect_eq(errors, METER_ERRORS_MAX + 51);
	cr_expect_str_eq(other->errors[METER_ERRORS_MAX - 1].type, "other");
	cr_expect_eq(other->errors[METER_ERRORS_MAX - 1].count, 52);
	meters_free(meters);
}

Test(meter, without_meters_nothing_is_counted)
{
	struct meter *none = meters_get(NULL, METER_CA, "ca.example");

	cr_expect_null(none);
	meter_request(none, 1);
	meter_error(none, "network");
	cr_expect_null(meters_first(NULL, METER_CA));
	meters_free(NULL);
}

Test(loop_stats, turns_below_a_power_of_two_are_counted_exactly)
{
	struct loop_stats stats = { .count = 0 };
	static const int64_t us[] = { 0, 3, 1023, 1024, 1500, 4095, 4096, 1000000 };

	for (size_t i = 0; i < ARRAY_SIZE(us); i++)
		loop_stats_add(&stats, us[i]);
	cr_expect_eq(loop_stats_below(&stats, 4), 2);
	cr_expect_eq(loop_stats_below(&stats, 1024), 3);
	cr_expect_eq(loop_stats_below(&stats, 4096), 6);
	cr_expect_eq(loop_stats_below(&stats, 1 << 20), 8);
	cr_expect_eq(stats.sum_us, 0 + 3 + 1023 + 1024 + 1500 + 4095 + 4096 + 1000000);
}
