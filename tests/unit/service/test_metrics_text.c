#include "common/alloc.h"
#include "daemon/service/metrics.h"

#include <criterion/criterion.h>
#include <string.h>

Test(metrics_text, values_of_labels_are_escaped)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;

	metric_label(&labels, "name", "a\"b\\c\nd");
	metric_label(&labels, "kind", "auto");
	cr_expect_str_eq(buf_str(&labels), "name=\"a\\\"b\\\\c\\nd\",kind=\"auto\"");
}

Test(metrics_text, a_counter_is_named_as_each_format_names_it)
{
	_cleanup_buf_ struct buf old = BUF_INIT;
	_cleanup_buf_ struct buf open = BUF_INIT;

	metric_head(&old, "x_seconds", METRIC_COUNTER, "seconds", "Help.", false);
	metric_head(&open, "x_seconds", METRIC_COUNTER, "seconds", "Help.", true);
	cr_expect_str_eq(buf_str(&old), "# TYPE x_seconds_total counter\n# HELP x_seconds_total Help.\n");
	cr_expect_str_eq(
		buf_str(&open), "# TYPE x_seconds counter\n# UNIT x_seconds seconds\n# HELP x_seconds Help.\n");
}

Test(metrics_text, microseconds_are_written_as_seconds)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "x 0.0\n" },
		{ 1, "x 0.000001\n" },
		{ 1500000, "x 1.5\n" },
		{ -2250000, "x -2.25\n" },
		{ 90061000000, "x 90061.0\n" },
		{ INT64_MIN, "x -9223372036854.775808\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		metric_us(&text, "x", "", "", cases[i].us);
		cr_expect_str_eq(buf_str(&text), cases[i].text);
	}
}

Test(metrics_text, a_histogram_ends_with_all_its_sum_and_its_count)
{
	static const int64_t bounds_us[] = { 10000, 1000000 };
	static const uint64_t below[] = { 2, 3 };
	_cleanup_buf_ struct buf text = BUF_INIT;

	metric_histogram(&text, "x", "ca=\"a\"", bounds_us, below, 2, 5, 7500000);
	cr_expect_str_eq(buf_str(&text),
		"x_bucket{ca=\"a\",le=\"0.01\"} 2\nx_bucket{ca=\"a\",le=\"1.0\"} 3\n"
		"x_bucket{ca=\"a\",le=\"+Inf\"} 5\nx_count{ca=\"a\"} 5\nx_sum{ca=\"a\"} 7.5\n");
}

/* What promtool checks in an answer holds for rows without samples as well. */
Test(metrics_table, names_units_and_functions_fit_together)
{
	size_t counted = 0;

	for (size_t i = 0; i < metrics_table_size; i++) {
		const struct metric *m = &metrics_table[i];
		size_t len = strlen(m->name);

		cr_expect_eq(strspn(m->name, "abcdefghijklmnopqrstuvwxyz_"), len, "%s", m->name);
		cr_expect_eq(strncmp(m->name, "certd_", 6), 0, "%s", m->name);
		cr_expect_eq(!!m->once + !!m->each + m->is_counted, 1, "%s: one way to collect it", m->name);
		cr_expect(len < 6 || strcmp(m->name + len - 6, "_total") != 0, "%s", m->name);
		cr_expect(!m->unit || (len > strlen(m->unit) && strcmp(m->name + len - strlen(m->unit), m->unit) == 0),
			"%s ends in its unit", m->name);
		cr_expect(m->help[0] && m->help[strlen(m->help) - 1] == '.', "%s: the help is a sentence", m->name);
		for (size_t k = 0; k < i; k++)
			cr_expect_str_neq(metrics_table[k].name, m->name);
		for (size_t k = 0; k < METRIC_COUNTED; k++)
			counted += m->is_counted && strcmp(metric_counted_names[k], m->name) == 0;
	}
	cr_expect_eq(counted, METRIC_COUNTED);
}
