/* Numbers are written as integers and decimals, never as floating point, so that no locale and no rounding matters. */
#include "daemon/service/metrics_text.h"

#include <stdio.h>

enum { US = 1000 * 1000 };

/* In values of labels and in help: a line break, a backslash, and in values a double quote. */
static void
metric_escape(struct buf *ret, const char *text, bool is_value)
{
	for (; *text; text++) {
		if (*text == '\n')
			buf_add_str(ret, "\\n");
		else if (*text == '\\' || (is_value && *text == '"'))
			buf_printf(ret, "\\%c", *text);
		else
			buf_add_char(ret, *text);
	}
}

void
metric_label(struct buf *labels, const char *name, const char *value)
{
	if (labels->len)
		buf_add_char(labels, ',');
	buf_add_str(labels, name);
	buf_add_str(labels, "=\"");
	metric_escape(labels, value, true);
	buf_add_char(labels, '"');
}

static const char *
metric_type_name(enum metric_type type)
{
	switch (type) {
	case METRIC_GAUGE:
		return "gauge";
	case METRIC_COUNTER:
		return "counter";
	case METRIC_HISTOGRAM:
		return "histogram";
	}
	return "unknown";
}

/* The older format names a counter as its samples, and has no units. */
void
metric_head(struct buf *ret, const char *name, enum metric_type type, const char *unit, const char *help,
	bool is_openmetrics)
{
	const char *suffix = type == METRIC_COUNTER && !is_openmetrics ? "_total" : "";

	buf_printf(ret, "# TYPE %s%s %s\n", name, suffix, metric_type_name(type));
	if (unit && is_openmetrics)
		buf_printf(ret, "# UNIT %s %s\n", name, unit);
	buf_printf(ret, "# HELP %s%s ", name, suffix);
	metric_escape(ret, help, is_openmetrics);
	buf_add_char(ret, '\n');
}

static void
metric_begin(struct buf *ret, const char *name, const char *suffix, const char *labels)
{
	buf_add_str(ret, name);
	buf_add_str(ret, suffix);
	if (*labels) {
		buf_add_char(ret, '{');
		buf_add_str(ret, labels);
		buf_add_char(ret, '}');
	}
	buf_add_char(ret, ' ');
}

void
metric_int(struct buf *ret, const char *name, const char *suffix, const char *labels, int64_t value)
{
	metric_begin(ret, name, suffix, labels);
	buf_printf(ret, "%lld\n", (long long)value);
}

static void
metric_add_us(struct buf *ret, int64_t us)
{
	const char *sign = us < 0 ? "-" : "";
	uint64_t all = us < 0 ? -(uint64_t)us : (uint64_t)us;
	char fraction[8];
	size_t len = 6;

	snprintf(fraction, sizeof(fraction), "%06u", (unsigned)(all % US));
	while (len > 1 && fraction[len - 1] == '0')
		len--;
	buf_printf(ret, "%s%llu.%.*s", sign, (unsigned long long)(all / US), (int)len, fraction);
}

void
metric_us(struct buf *ret, const char *name, const char *suffix, const char *labels, int64_t value_us)
{
	metric_begin(ret, name, suffix, labels);
	metric_add_us(ret, value_us);
	buf_add_char(ret, '\n');
}

void
metric_histogram(struct buf *ret, const char *name, const char *labels, const int64_t *bounds_us, const uint64_t *below,
	size_t n, uint64_t count, int64_t sum_us)
{
	for (size_t i = 0; i <= n; i++) {
		_cleanup_buf_ struct buf with_bound = BUF_INIT;
		_cleanup_buf_ struct buf bound = BUF_INIT;

		if (i < n)
			metric_add_us(&bound, bounds_us[i]);
		buf_add_str(&with_bound, labels);
		metric_label(&with_bound, "le", i < n ? buf_str(&bound) : "+Inf");
		metric_int(ret, name, "_bucket", buf_str(&with_bound), (int64_t)(i < n ? below[i] : count));
	}
	metric_int(ret, name, "_count", labels, (int64_t)count);
	metric_us(ret, name, "_sum", labels, sum_us);
}
