/*
 * daemon/service/metrics_text.h: metrics as text: Prometheus's format 0.0.4, or OpenMetrics 1.0. Pure.
 */
#ifndef DAEMON_SERVICE_METRICS_TEXT_H
#define DAEMON_SERVICE_METRICS_TEXT_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

/* Appends name="value" to a list of labels, with a comma if it is not the first. */
void
metric_label(struct buf *labels, const char *name, const char *value);

/*
 * metric_head() - the lines before the samples of a metric
 * @name: without "_total", which a counter's samples have
 * @unit: the last word of @name, "seconds" or "bytes"; NULL: none
 */
void
metric_head(struct buf *ret, const char *name, enum metric_type type, const char *unit, const char *help,
	bool is_openmetrics);

/* One sample. @suffix: "", "_total", ...; @labels: of metric_label(); or "". */
void
metric_int(struct buf *ret, const char *name, const char *suffix, const char *labels, int64_t value);

/* The same in seconds. */
void
metric_us(struct buf *ret, const char *name, const char *suffix, const char *labels, int64_t value_us);

/*
 * metric_histogram() - all samples of a histogram
 * @below: for each of the @n bounds the number of observations up to it (cumulative); @count: of all
 */
void
metric_histogram(struct buf *ret, const char *name, const char *labels, const int64_t *bounds_us, const uint64_t *below,
	size_t n, uint64_t count, int64_t sum_us);

#endif
