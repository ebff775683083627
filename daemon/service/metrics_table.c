/*
 * The table of metrics, and the functions that read a number. Times are UNIX seconds; a time that is not known has no
 * sample. A new metric is a row here and a line in certd(8).
 */
#include "daemon/base/loop.h"
#include "daemon/base/meter.h"
#include "daemon/renew/expiry.h"
#include "daemon/renew/policy.h"
#include "daemon/service/metrics.h"

#include <string.h>

/* The stored word of a state, for a label: "AVAILABLE" is "available". */
static const char *const auto_states[] = {
	[OBJECT_PROVISIONING] = "provisioning", [OBJECT_AVAILABLE] = "available", [OBJECT_FAILED] = "failed"
};

/* --- certificates --- */

static void
metric_when_known(const struct metric *m, const struct metric_subject *s, struct buf *ret, int64_t value)
{
	if (value)
		metric_int(ret, m->name, "", s->labels, value);
}

static void
each_time(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	metric_when_known(m, s, ret, *(const int64_t *)((const char *)s + m->member));
}

static int64_t
expected_margin(const struct metric_subject *s)
{
	return s->auto_ && s->not_after_at ? renewal_margin(s->not_after_at - s->not_before_at, s->auto_->renew_before)
					   : 0;
}

static void
each_renewal(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	int64_t margin = expected_margin(s);

	metric_when_known(m, s, ret, margin ? s->not_after_at - margin : 0);
}

static void
each_margin_expected(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	metric_when_known(m, s, ret, expected_margin(s));
}

static void
each_margin_actual(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	int64_t now = loop_now(s->service->loop);
	int64_t at = s->next_at > now ? s->next_at : now;

	if (!s->auto_ || !s->not_after_at)
		return;
	/* Nothing is planned: it is never renewed. */
	metric_int(ret, m->name, "", s->labels, s->next_at ? s->not_after_at - at : 0);
}

static void
each_failures(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	if (s->auto_)
		metric_int(ret, m->name, "", s->labels, s->auto_->attempts);
}

static void
each_paused(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	if (s->auto_)
		metric_int(ret, m->name, "", s->labels, s->auto_->is_paused);
}

static void
each_rollout_failures(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	if (s->rollout)
		metric_int(ret, m->name, "", s->labels, s->rollout->attempts);
}

static void
each_generation(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	if (s->rollout)
		metric_int(ret, m->name, "", s->labels, s->rollout->generation);
}

/* The labels of @s, and the consumer's name. */
static void
target_labels(const struct metric_subject *s, const struct rollout_target *t, struct buf *ret)
{
	_cleanup_consumer_ struct consumer c = { 0 };
	bool is_there = object_peek(s->service->store, &consumer_class, t->consumer, &c, NULL) == 1;

	buf_add_str(ret, s->labels);
	metric_label(ret, "consumer", is_there ? c.o.name : t->consumer);
}

/* One sample for each consumer for which .of returns true. */
static void
each_target(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	for (size_t i = 0; s->rollout && i < s->rollout->targets.count; i++) {
		const struct rollout_target *t = (const struct rollout_target *)s->rollout->targets.items + i;
		_cleanup_buf_ struct buf labels = BUF_INIT;
		const char *last = NULL;
		int64_t value = 1;

		if (!m->of(t, &last, &value))
			continue;
		target_labels(s, t, &labels);
		if (last)
			metric_label(&labels, strrchr(m->labels, ' ') + 1, last);
		metric_int(ret, m->name, "", buf_str(&labels), value);
	}
}

static bool
target_served(const struct rollout_target *t, const char **last, int64_t *ret _unused_)
{
	*last = t->served;
	return t->served;
}

static bool
target_step(const struct rollout_target *t, const char **last, int64_t *ret _unused_)
{
	*last = rollout_step_name(t->step);
	return true;
}

static bool
target_failures(const struct rollout_target *t, const char **last _unused_, int64_t *ret)
{
	*ret = t->attempts;
	return true;
}

static bool
target_unserved(const struct rollout_target *t, const char **last _unused_, int64_t *ret)
{
	*ret = t->is_unserved;
	return t->served;
}

static bool
target_probed(const struct rollout_target *t, const char **last _unused_, int64_t *ret)
{
	*ret = t->probed_at;
	return t->probed_at;
}

/* @not_after: the time in place of the state. */
static void
put_endpoints(const struct metric *m, const struct metric_subject *s, bool not_after, struct buf *ret)
{
	for (size_t i = 0; s->rollout && i < s->rollout->targets.count; i++) {
		const struct rollout_target *t = (const struct rollout_target *)s->rollout->targets.items + i;

		for (size_t k = 0; k < t->endpoints.count; k++) {
			const struct rollout_endpoint *e = (const struct rollout_endpoint *)t->endpoints.items + k;
			_cleanup_buf_ struct buf labels = BUF_INIT;

			if (not_after && !e->not_after_at)
				continue;
			target_labels(s, t, &labels);
			metric_label(&labels, "endpoint", e->endpoint);
			if (!not_after)
				metric_label(&labels, "state", e->served);
			metric_int(ret, m->name, "", buf_str(&labels), not_after ? e->not_after_at : 1);
		}
	}
}

static void
each_endpoint_state(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	put_endpoints(m, s, false, ret);
}

static void
each_endpoint_expiry(const struct metric *m, const struct metric_subject *s, struct buf *ret)
{
	put_endpoints(m, s, true, ret);
}

/* --- totals --- */

static void
once_auto(const struct metric *m, struct service *s, struct buf *ret)
{
	for (enum object_state state = OBJECT_PROVISIONING; state <= OBJECT_FAILED; state++) {
		_cleanup_buf_ struct buf labels = BUF_INIT;

		metric_label(&labels, "state", auto_states[state]);
		metric_int(ret, m->name, "", buf_str(&labels), object_count(s->store, &autocert_class, state));
	}
}

static void
once_certificates(const struct metric *m, struct service *s, struct buf *ret)
{
	metric_int(ret, m->name, "", "", (int64_t)store_count(s->store, STORE_CERTIFICATE));
}

static void
once_imported_expiring(const struct metric *m, struct service *s, struct buf *ret)
{
	metric_int(ret, m->name, "", "", (int64_t)expiry_count(s->store));
}

/* --- planned work --- */

/* The kinds of work that are registered, in order. */
static const struct job_kind *
job_kind_after(const struct service *s, unsigned *kind)
{
	while (++*kind <= UINT8_MAX) {
		const struct job_kind *job = scheduler_kind(s->scheduler, (enum schedule_kind) * kind);

		if (job)
			return job;
	}
	return NULL;
}

static void
once_running(const struct metric *m, struct service *s, struct buf *ret)
{
	const struct job_kind *job;

	for (unsigned kind = 0; (job = job_kind_after(s, &kind));) {
		_cleanup_buf_ struct buf labels = BUF_INIT;

		metric_label(&labels, "action", job->word);
		metric_int(ret, m->name, "", buf_str(&labels), scheduler_running(s->scheduler, job->kind));
	}
}

static void
once_troubles(const struct metric *m, struct service *s, struct buf *ret)
{
	const struct job_kind *job;

	for (unsigned kind = 0; (job = job_kind_after(s, &kind));) {
		_cleanup_buf_ struct buf labels = BUF_INIT;
		int64_t count = scheduler_count_troubles(s->scheduler, job->kind);

		if (count < 0)
			continue;
		metric_label(&labels, "action", job->word);
		metric_int(ret, m->name, "", buf_str(&labels), count);
	}
}

static void
once_planned(const struct metric *m, struct service *s, struct buf *ret)
{
	metric_int(ret, m->name, "", "", (int64_t)store_count(s->store, STORE_SCHEDULE_ROW));
}

static void
once_clock(const struct metric *m, struct service *s, struct buf *ret)
{
	struct scheduler_stats stats;

	scheduler_get_stats(s->scheduler, &stats);
	metric_int(ret, m->name, "", "", stats.is_waiting_for_date);
}

/* --- providers --- */

/* Beyond what anybody declares. */
enum { PROVIDERS_MAX = 1000 };

static void
once_accounts(const struct metric *m, struct service *s, struct buf *ret)
{
	_cleanup_provider_ struct provider p = { 0 };
	char at[STORE_ID_SIZE] = "";

	for (int n = 0; n < PROVIDERS_MAX && object_next_peek(s->store, &provider_class, at, &p, NULL) == 1; n++) {
		_cleanup_buf_ struct buf labels = BUF_INIT;

		memcpy(at, p.o.id, sizeof(at));
		metric_label(&labels, "provider", p.o.name);
		metric_label(&labels, "id", p.o.id);
		metric_int(ret, m->name, "", buf_str(&labels), p.account_url && !error_is_set(&p.o.failure));
	}
}

static void
meter_labels(enum meter_kind kind, const struct meter *meter, struct buf *ret)
{
	metric_label(ret, kind == METER_CA ? "ca" : "dns_provider", meter->name);
}

static void
once_requests(const struct metric *m, struct service *s, struct buf *ret)
{
	for (const struct meter *meter = meters_first(s->meters, m->meter); meter; meter = meter->next) {
		_cleanup_buf_ struct buf labels = BUF_INIT;

		meter_labels(m->meter, meter, &labels);
		metric_int(ret, m->name, "_total", buf_str(&labels), (int64_t)meter->count);
	}
}

static void
once_durations(const struct metric *m, struct service *s, struct buf *ret)
{
	for (const struct meter *meter = meters_first(s->meters, m->meter); meter; meter = meter->next) {
		_cleanup_buf_ struct buf labels = BUF_INIT;
		uint64_t below[METER_BOUNDS], sum = 0;

		meter_labels(m->meter, meter, &labels);
		for (size_t i = 0; i < METER_BOUNDS; i++)
			below[i] = sum += meter->buckets[i];
		metric_histogram(ret, m->name, buf_str(&labels), meter_bounds_us, below, METER_BOUNDS, meter->count,
			meter->sum_us);
	}
}

static void
once_errors(const struct metric *m, struct service *s, struct buf *ret)
{
	for (const struct meter *meter = meters_first(s->meters, m->meter); meter; meter = meter->next) {
		for (size_t i = 0; i < meter->n_errors; i++) {
			_cleanup_buf_ struct buf labels = BUF_INIT;

			meter_labels(m->meter, meter, &labels);
			metric_label(&labels, "type", meter->errors[i].type);
			metric_int(ret, m->name, "_total", buf_str(&labels), (int64_t)meter->errors[i].count);
		}
	}
}

/* --- certd itself --- */

static void
once_build(const struct metric *m, struct service *s _unused_, struct buf *ret)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;

	metric_label(&labels, "version", PACKAGE_VERSION);
	metric_int(ret, m->name, "", buf_str(&labels), 1);
}

static void
once_started(const struct metric *m, struct service *s, struct buf *ret)
{
	metric_int(ret, m->name, "", "", s->started_at);
}

static void
once_turns(const struct metric *m, struct service *s, struct buf *ret)
{
	/* Powers of two, which the loop's own buckets have as bounds. */
	static const int64_t bounds_us[] = { 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20 };
	uint64_t below[ARRAY_SIZE(bounds_us)], count;
	int64_t sum_us;

	loop_turn_counts(s->loop, bounds_us, ARRAY_SIZE(bounds_us), below, &count, &sum_us);
	metric_histogram(ret, m->name, "", bounds_us, below, ARRAY_SIZE(bounds_us), count, sum_us);
}

static void
once_turn_max(const struct metric *m, struct service *s, struct buf *ret)
{
	int64_t max_us, p99_us;

	loop_turn_stats(s->loop, &max_us, &p99_us);
	metric_us(ret, m->name, "", "", max_us);
}

static void
once_store(const struct metric *m, struct service *s, struct buf *ret)
{
	struct store_stats stats;
	int64_t value;

	store_get_stats(s->store, &stats);
	memcpy(&value, (const char *)&stats + m->member, sizeof(value));
	if (m->unit && strcmp(m->unit, "seconds") == 0)
		metric_us(ret, m->name, "", "", value);
	else
		metric_int(ret, m->name, m->type == METRIC_COUNTER ? "_total" : "", "", value);
}

static void
once_store_failing(const struct metric *m, struct service *s, struct buf *ret)
{
	struct scheduler_stats scheduler;
	struct store_stats stats;

	store_get_stats(s->store, &stats);
	scheduler_get_stats(s->scheduler, &scheduler);
	metric_int(ret, m->name, "", "", stats.is_full || scheduler.is_store_failing);
}

/* --- the table --- */

#define SUBJECT "name id kind"
#define TARGET SUBJECT " consumer"
#define SUBJECT_MEMBER(member_) .member = offsetof(struct metric_subject, member_)
#define STORE_MEMBER(member_) .member = offsetof(struct store_stats, member_)

const char *const metric_counted_names[METRIC_COUNTED] = {
	[METRIC_EXPIRING] = "certd_auto_certificates_expiring",
	[METRIC_CONDITIONS] = "certd_conditions",
	[METRIC_DUE] = "certd_work_due",
	[METRIC_LATENESS] = "certd_work_lateness_seconds",
	[METRIC_DETAILED] = "certd_certificates_detailed",
};

/* One row per line is easier to compare. */
/* clang-format off */
const struct metric metrics_table[] = {
	{ "certd_certificate_expiry_timestamp_seconds", METRIC_GAUGE, "seconds", SUBJECT,
		"When the certificate in use expires.", .each = each_time, SUBJECT_MEMBER(not_after_at) },
	{ "certd_certificate_not_before_timestamp_seconds", METRIC_GAUGE, "seconds", SUBJECT,
		"When the certificate in use became valid.", .each = each_time, SUBJECT_MEMBER(not_before_at) },
	{ "certd_certificate_renewal_timestamp_seconds", METRIC_GAUGE, "seconds", SUBJECT,
		"When its renewal is expected to start at the latest, by renewBefore and its lifetime.",
		.each = each_renewal },
	{ "certd_certificate_renewal_margin_expected_seconds", METRIC_GAUGE, "seconds", SUBJECT,
		"Time between that and its expiry.", .each = each_margin_expected },
	{ "certd_certificate_renewal_margin_seconds", METRIC_GAUGE, "seconds", SUBJECT,
		"Time between the next attempt and its expiry; 0 if nothing is planned.", .each = each_margin_actual },
	{ "certd_certificate_next_attempt_timestamp_seconds", METRIC_GAUGE, "seconds", SUBJECT,
		"When certd next tries to issue or renew it.", .each = each_time, SUBJECT_MEMBER(next_at) },
	{ "certd_certificate_consecutive_failures", METRIC_GAUGE, NULL, SUBJECT,
		"Failed attempts since the last success.", .each = each_failures },
	{ "certd_certificate_paused", METRIC_GAUGE, NULL, SUBJECT,
		"1 if it is paused: nothing is renewed.", .each = each_paused },
	{ "certd_rollout_generation", METRIC_GAUGE, NULL, SUBJECT,
		"Number of the deployed version of its files.", .each = each_generation },
	{ "certd_rollout_consecutive_failures", METRIC_GAUGE, NULL, SUBJECT,
		"Failed attempts to write its files since the last success.", .each = each_rollout_failures },
	{ "certd_consumer_step", METRIC_GAUGE, NULL, TARGET " step",
		"1 for the step that the rollout to the consumer has reached: staged to served, or rolled back.",
		.each = each_target, .of = target_step },
	{ "certd_consumer_consecutive_failures", METRIC_GAUGE, NULL, TARGET,
		"Failed attempts to write, test or activate since the last success.",
		.each = each_target, .of = target_failures },
	{ "certd_consumer_state", METRIC_GAUGE, NULL, TARGET " state",
		"1 for the worst state that its endpoints were found in, such as served, stale or unreachable.",
		.each = each_target, .of = target_served },
	{ "certd_consumer_unserved", METRIC_GAUGE, NULL, TARGET,
		"1 if an endpoint has not served the certificate for longer than a server takes to load it.",
		.each = each_target, .of = target_unserved },
	{ "certd_endpoint_state", METRIC_GAUGE, NULL, TARGET " endpoint state",
		"1 for the state that the endpoint was found in at the last probe.", .each = each_endpoint_state },
	{ "certd_endpoint_expiry_timestamp_seconds", METRIC_GAUGE, "seconds", TARGET " endpoint",
		"When the certificate expires that the endpoint presented.", .each = each_endpoint_expiry },
	{ "certd_consumer_probe_timestamp_seconds", METRIC_GAUGE, "seconds", TARGET,
		"When that was last checked.", .each = each_target, .of = target_probed },
	{ "certd_certificates_detailed", METRIC_GAUGE, NULL, "kind",
		"1 if there are series of single certificates, 0 if there are more than metrics-certificates.",
		.is_counted = true },
	{ "certd_auto_certificates", METRIC_GAUGE, NULL, "state", "Auto-certificates by state.", .once = once_auto },
	{ "certd_auto_certificates_expiring", METRIC_GAUGE, NULL, "within",
		"Auto-certificates whose certificate expires within 0 (it has expired), 1, 7 and 30 days.",
		.is_counted = true },
	{ "certd_conditions", METRIC_GAUGE, NULL, "condition severity",
		"Conditions that hold, as alerts report them; at most 10000 are counted.", .is_counted = true },
	{ "certd_imported_certificates_expiring", METRIC_GAUGE, NULL, "",
		"Imported certificates in use that expire within 30 days.", .once = once_imported_expiring },
	{ "certd_stored_certificates", METRIC_GAUGE, NULL, "",
		"Stored certificates, earlier ones included.", .once = once_certificates },
	{ "certd_work_failing", METRIC_GAUGE, NULL, "action",
		"Objects whose last attempt failed, by action: issue, deploy, probe, account.", .once = once_troubles },
	{ "certd_work_planned", METRIC_GAUGE, NULL, "", "Rows of the schedule.", .once = once_planned },
	{ "certd_work_due", METRIC_GAUGE, NULL, "action",
		"Rows that are due and wait or run, by action; at most 10000 are counted.", .is_counted = true },
	{ "certd_work_running", METRIC_GAUGE, NULL, "action", "Jobs that run, by action.", .once = once_running },
	{ "certd_work_lateness_seconds", METRIC_GAUGE, "seconds", "",
		"For how long the oldest row has been due.", .is_counted = true },
	{ "certd_provider_ready", METRIC_GAUGE, NULL, "provider id",
		"1 if the account at the CA is usable.", .once = once_accounts },
	{ "certd_ca_requests", METRIC_COUNTER, NULL, "ca",
		"Requests to the CA, by the host of its directory.", .once = once_requests },
	{ "certd_ca_request_duration_seconds", METRIC_HISTOGRAM, "seconds", "ca",
		"Duration of requests to the CA.", .once = once_durations },
	{ "certd_ca_errors", METRIC_COUNTER, NULL, "ca type",
		"Failed requests to the CA, by ACME problem type or, without an answer, by class of error.",
		.once = once_errors },
	{ "certd_dns_changes", METRIC_COUNTER, NULL, "dns_provider",
		"Changes of TXT records.", .once = once_requests, .meter = METER_DNS },
	{ "certd_dns_change_duration_seconds", METRIC_HISTOGRAM, "seconds", "dns_provider",
		"Duration of changes of TXT records.", .once = once_durations, .meter = METER_DNS },
	{ "certd_dns_errors", METRIC_COUNTER, NULL, "dns_provider type",
		"Failed changes of TXT records, by class of error.", .once = once_errors, .meter = METER_DNS },
	{ "certd_clock_suspect", METRIC_GAUGE, NULL, "",
		"1 while the system clock is suspect: nothing is issued or renewed.", .once = once_clock },
	{ "certd_loop_turn_seconds", METRIC_HISTOGRAM, "seconds", "",
		"Duration of turns of the main loop: how long others wait.", .once = once_turns },
	{ "certd_loop_longest_turn_seconds", METRIC_GAUGE, "seconds", "",
		"The longest turn since the start.", .once = once_turn_max },
	{ "certd_store_size_bytes", METRIC_GAUGE, "bytes", "", "Size of the store.",
		.once = once_store, STORE_MEMBER(used_bytes) },
	{ "certd_store_commits", METRIC_COUNTER, NULL, "",
		"Commits to the store.", .once = once_store, STORE_MEMBER(commits) },
	{ "certd_store_longest_commit_seconds", METRIC_GAUGE, "seconds", "",
		"The longest commit since the start.", .once = once_store, STORE_MEMBER(max_us) },
	{ "certd_store_failing", METRIC_GAUGE, NULL, "",
		"1 while the store cannot be written, for example because the disk is full.",
		.once = once_store_failing },
	{ "certd_store_damaged_records", METRIC_GAUGE, NULL, "",
		"Damaged records that were found at the start.", .once = once_store, STORE_MEMBER(damaged_records) },
	{ "certd_start_timestamp_seconds", METRIC_GAUGE, "seconds", "", "When certd started.", .once = once_started },
	{ "certd_build_info", METRIC_GAUGE, NULL, "version", "1; the label is certd's version.", .once = once_build },
};
/* clang-format on */
const size_t metrics_table_size = ARRAY_SIZE(metrics_table);
