/*
 * daemon/service/metrics.h: the metrics, described once: each is a row of one table, with its name, type, unit, labels,
 * help and how it is collected. A scrape is made in slices from the stored records, like a list (slices.h).
 *
 * Series of single certificates are bounded: with more than metrics-certificates of them (certd.conf) there are only
 * the totals. certd(8) has the same table; a test compares them.
 */
#ifndef DAEMON_SERVICE_METRICS_H
#define DAEMON_SERVICE_METRICS_H

#include "daemon/base/meter.h"
#include "daemon/renew/issue.h"
#include "daemon/rollout/rollout.h"
#include "daemon/service/metrics_text.h"
#include "daemon/service/service.h"

#define METRICS_TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_TYPE_OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Something that is deployed: the newest certificate of an auto-certificate, or an imported one. */
struct metric_subject {
	struct service *service;
	const char *labels;                  /* name and kind, of metric_label() */
	const struct autocert *auto_;        /* NULL: imported */
	int64_t not_before_at, not_after_at; /* 0: there is none yet */
	int64_t next_at;                     /* of the next attempt; 0: nothing is planned */
	const struct rollout_state *rollout; /* NULL: never rolled out */
};

struct metric;

/* The samples of @m that are about certd as a whole, or about its peers. */
typedef void
metric_once_fn(const struct metric *m, struct service *service, struct buf *ret);

/* The samples of @m that are about @subject. */
typedef void
metric_each_fn(const struct metric *m, const struct metric_subject *subject, struct buf *ret);

/* @last: the value of the last label; @ret: of the sample, 1 before. Return: false if @target has no sample. */
typedef bool
metric_target_fn(const struct rollout_target *target, const char **last, int64_t *ret);

struct metric {
	const char *name; /* without "_total" */
	enum metric_type type;
	const char *unit;
	const char *labels; /* separated by blanks; "": none */
	const char *help;
	metric_once_fn *once; /* one of the three */
	metric_each_fn *each;
	metric_target_fn *of;  /* each_target(): of each consumer */
	size_t member;         /* each_time(), once_store(): offset of the number */
	enum meter_kind meter; /* of those that are measured by meters */
	bool is_counted;       /* by the scrape itself, because it takes several slices */
};

extern const struct metric metrics_table[];
extern const size_t metrics_table_size;

/* The rows that the scrape fills itself. */
enum metric_counted {
	METRIC_EXPIRING,
	METRIC_CONDITIONS,
	METRIC_DUE,
	METRIC_LATENESS,
	METRIC_DETAILED,
	METRIC_COUNTED
};
extern const char *const metric_counted_names[METRIC_COUNTED];

#endif
