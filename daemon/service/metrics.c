/*
 * A scrape: the totals, then in slices all certificates, then the rows that are due. Each metric has a buffer, because
 * its samples must be together in the text while a certificate's record is read only once.
 */
#include "daemon/service/metrics.h"

#include "daemon/alert/alert_list.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/access.h"
#include "daemon/service/handlers.h"
#include "daemon/service/res_autocert.h"
#include "daemon/service/slices.h"
#include "daemon/store/object_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Of a slice. */
	SLICE_SUBJECTS = 50,
	SLICE_KEYS = 4000,
	SLICE_ROWS = 200,
	SLICE_CONDITIONS = 200,
	DUE_MAX = 10000,
	CONDITIONS_MAX = 10000,
	DAY = 24 * 3600,
};

static const struct {
	const char *label;
	int64_t sec;
} withins[] = { { "0d", 0 }, { "1d", DAY }, { "7d", 7 * DAY }, { "30d", 30 * DAY } };

enum scrape_stage {
	SCRAPE_TOTALS,
	SCRAPE_AUTO,
	SCRAPE_IMPORTED,
	SCRAPE_EXPIRING,
	SCRAPE_CONDITIONS,
	SCRAPE_DUE,
	SCRAPE_TEXT
};

struct scrape {
	struct slices slices;
	bool is_openmetrics;
	enum scrape_stage stage;
	int64_t now;
	struct buf *samples; /* of each row of the table; owned */
	size_t *kept;        /* octets of each, of the kinds of certificates before; owned */
	char at[STORE_ID_SIZE];
	int64_t subjects;          /* of this kind, so far */
	bool is_detailed;          /* there are not too many of them */
	struct object_query query; /* of the stage EXPIRING */
	size_t within;             /* index */
	int64_t n_within;
	struct condition_counts conditions;
	unsigned n_conditions; /* that were looked at */
	/* Of the stage DUE. */
	char lane[STORE_ID_SIZE];
	bool is_in_lane, is_after_lane;
	struct schedule_row row; /* the last one of the lane */
	int64_t n_due, oldest_at;
	int64_t due[UINT8_MAX + 1]; /* by kind */
	struct buf text;
	size_t next; /* row of the table to be written */
};

static void
scrape_free(struct slices *slices)
{
	struct scrape *s = (struct scrape *)slices;

	for (size_t i = 0; i < metrics_table_size; i++)
		buf_clear(&s->samples[i]);
	object_query_clear(&s->query);
	buf_clear(&s->text);
	free(s->samples);
	free(s->kept);
	free(s);
}

static struct service *
scrape_service(const struct scrape *s)
{
	return s->slices.call->service;
}

static const struct scope *
scrape_scope(const struct scrape *s)
{
	return s->slices.call->peer->scope;
}

/* --- rows that are counted here --- */

static void
scrape_count(struct scrape *s, enum metric_counted which, const char *labels, int64_t value)
{
	for (size_t i = 0; i < metrics_table_size; i++)
		if (metrics_table[i].is_counted && strcmp(metrics_table[i].name, metric_counted_names[which]) == 0)
			metric_int(&s->samples[i], metrics_table[i].name, "", labels, value);
}

static void
scrape_count_labelled(struct scrape *s, enum metric_counted which, const char *label, const char *word, int64_t value)
{
	_cleanup_buf_ struct buf labels = BUF_INIT;

	metric_label(&labels, label, word);
	scrape_count(s, which, buf_str(&labels), value);
}

/* --- totals --- */

static void
scrape_totals(struct scrape *s)
{
	for (size_t i = 0; i < metrics_table_size; i++)
		if (metrics_table[i].once)
			metrics_table[i].once(&metrics_table[i], scrape_service(s), &s->samples[i]);
}

/* --- certificates --- */

/* Only those of this kind. */
static void
scrape_give_up_details(struct scrape *s)
{
	s->is_detailed = false;
	for (size_t i = 0; i < metrics_table_size; i++)
		if (metrics_table[i].each)
			buf_truncate(&s->samples[i], s->kept[i]);
}

/* The next kind of certificates has its own limit. */
static void
scrape_end_kind(struct scrape *s, const char *kind)
{
	scrape_count_labelled(s, METRIC_DETAILED, "kind", kind, s->is_detailed);
	for (size_t i = 0; i < metrics_table_size; i++)
		s->kept[i] = s->samples[i].len;
	s->is_detailed = true;
	s->subjects = 0;
}

static void
scrape_subject(struct scrape *s, struct metric_subject *subject, const char *id, const char *name)
{
	_cleanup_rollout_state_ struct rollout_state rollout = { 0 };
	_cleanup_buf_ struct buf labels = BUF_INIT;

	if (s->subjects++ == scrape_service(s)->conf->metrics_certificates) {
		scrape_give_up_details(s);
		return;
	}
	metric_label(&labels, "name", name);
	metric_label(&labels, "id", id); /* several may have the same name */
	metric_label(&labels, "kind", subject->auto_ ? "auto" : "imported");
	subject->service = scrape_service(s);
	subject->labels = buf_str(&labels);
	if (rollout_load(subject->service->rollout, id, &rollout, NULL) == 1)
		subject->rollout = &rollout;
	for (size_t i = 0; i < metrics_table_size; i++)
		if (metrics_table[i].each)
			metrics_table[i].each(&metrics_table[i], subject, &s->samples[i]);
	subject->rollout = NULL;
}

static void
scrape_autocert(struct scrape *s, const struct autocert *a)
{
	struct service *service = scrape_service(s);
	struct metric_subject subject = { .auto_ = a };
	struct schedule_row row;

	if (!access_covers(scrape_scope(s), service->store, &autocert_class, a))
		return;
	subject.not_before_at = a->last_not_before_at;
	subject.not_after_at = a->last_not_after_at;
	if (!a->is_paused && schedule_get(service->store, SCHEDULE_ISSUE, a->o.id, &row, NULL) == 1)
		subject.next_at = autocert_due_at(service, a, &row);
	scrape_subject(s, &subject, a->o.id, a->o.name);
}

/* Return: 1 and the next id in s->at, 0 none, -1 failed. */
static int
scrape_next_id(struct scrape *s, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = store_next(scrape_service(s)->store, STORE_AUTOCERT, s->at, strlen(s->at), true, &key, NULL, err);

	if (found != 1)
		return found;
	snprintf(s->at, sizeof(s->at), "%.*s", (int)key.len, key.data);
	return 1;
}

/* Return: 1 there are more, 0 the end, -1 failed. A damaged record has no samples. */
static int
scrape_autocerts(struct scrape *s, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	for (unsigned n = 0; n < SLICE_SUBJECTS; n++) {
		int found = s->is_detailed ? scrape_next_id(s, err) : 0;

		if (found <= 0)
			return found;
		if (object_peek(scrape_service(s)->store, &autocert_class, s->at, &a, NULL) == 1)
			scrape_autocert(s, &a);
	}
	return 1;
}

/* The imported ones that are in use have a row that reports their expiry. */
static int
scrape_imported(struct scrape *s, struct error *err)
{
	struct store *store = scrape_service(s)->store;
	_cleanup_certificate_ struct certificate c = { 0 };

	for (unsigned n = 0; n < SLICE_SUBJECTS; n++) {
		struct metric_subject subject = { .auto_ = NULL };
		int found = s->is_detailed ? schedule_next_of_kind(store, SCHEDULE_EXPIRY, s->at, err) : 0;

		if (found <= 0)
			return found;
		if (object_peek(store, &certificate_class, s->at, &c, NULL) != 1 || !c.slug ||
			!access_covers(scrape_scope(s), store, &certificate_class, &c))
			continue;
		subject.not_before_at = c.not_before_at;
		subject.not_after_at = c.not_after_at;
		scrape_subject(s, &subject, c.o.id, c.o.name);
	}
	return 1;
}

/* --- how many expire soon --- */

static bool
count_one(const char *id _unused_, void *arg)
{
	struct scrape *s = arg;

	s->n_within++;
	return true;
}

static int
scrape_expiring(struct scrape *s, struct error *err)
{
	int more;

	if (s->within == ARRAY_SIZE(withins))
		return 0;
	if (s->query.n_terms == 0) {
		object_query_init(&s->query, &autocert_class);
		object_query_add(&s->query, OBJECT_EXPIRES_BEFORE, NULL, s->now + withins[s->within].sec);
		s->n_within = 0;
	}
	more = object_query_run(&s->query, scrape_service(s)->store, SLICE_KEYS, count_one, s, err);
	if (more != 0)
		return more;
	scrape_count_labelled(s, METRIC_EXPIRING, "within", withins[s->within].label, s->n_within);
	object_query_clear(&s->query);
	s->query.n_terms = 0;
	s->within++;
	return 1;
}

/* --- what alerts report --- */

static void
scrape_conditions_report(struct scrape *s)
{
	for (size_t i = 0; i < CONDITION_COUNT; i++) {
		for (enum severity severity = SEVERITY_WARNING; severity <= SEVERITY_CRITICAL; severity++) {
			_cleanup_buf_ struct buf labels = BUF_INIT;

			metric_label(&labels, "condition", condition_kinds[i].word);
			metric_label(&labels, "severity", severity_name(severity));
			scrape_count(s, METRIC_CONDITIONS, buf_str(&labels), s->conditions.n[i][severity]);
		}
	}
}

static int
scrape_conditions(struct scrape *s, struct error *err)
{
	int more = alerts_count(scrape_service(s)->issue_env->alerts, &s->conditions, SLICE_CONDITIONS, err);

	s->n_conditions += SLICE_CONDITIONS;
	if (more == 1 && s->n_conditions >= CONDITIONS_MAX)
		more = 0;
	if (more == 0)
		scrape_conditions_report(s);
	return more;
}

/* --- due rows --- */

static void
scrape_due_report(struct scrape *s)
{
	for (unsigned kind = 0; kind < ARRAY_SIZE(s->due); kind++) {
		const struct job_kind *job = scheduler_kind(scrape_service(s)->scheduler, (enum schedule_kind)kind);

		if (job)
			scrape_count_labelled(s, METRIC_DUE, "action", job->word, s->due[kind]);
	}
	scrape_count(s, METRIC_LATENESS, "", s->n_due ? s->now - s->oldest_at : 0);
}

/* The next row of the lane that is due. Return: 1, 0 none, -1 failed. */
static int
scrape_due_row(struct scrape *s, struct error *err)
{
	struct schedule_row row;
	int found = schedule_next_in_lane(scrape_service(s)->store, s->lane, s->is_in_lane ? &s->row : NULL, &row, err);

	if (found != 1 || row.due_at > s->now)
		return found < 0 ? -1 : 0;
	s->row = row;
	s->is_in_lane = true;
	s->due[row.kind]++;
	if (s->n_due++ == 0 || row.due_at < s->oldest_at)
		s->oldest_at = row.due_at;
	return 1;
}

static int
scrape_due(struct scrape *s, struct error *err)
{
	for (unsigned n = 0; n < SLICE_ROWS && s->n_due < DUE_MAX; n++) {
		int found = s->is_after_lane ? scrape_due_row(s, err) : 0;

		if (found < 0)
			return -1;
		if (found == 1)
			continue;
		found = schedule_next_lane(scrape_service(s)->store, s->lane, s->is_after_lane, s->lane, err);
		if (found < 0)
			return -1;
		if (found == 0) {
			scrape_due_report(s);
			return 0;
		}
		s->is_after_lane = true;
		s->is_in_lane = false;
	}
	if (s->n_due < DUE_MAX)
		return 1;
	scrape_due_report(s);
	return 0;
}

/* --- the text --- */

/* One metric in each slice: those of single certificates are large. */
static int
scrape_write(struct scrape *s)
{
	const struct metric *m = &metrics_table[s->next];

	if (s->next == metrics_table_size) {
		if (s->is_openmetrics)
			buf_add_str(&s->text, "# EOF\n");
		return 0;
	}
	metric_head(&s->text, m->name, m->type, m->unit, m->help, s->is_openmetrics);
	buf_add(&s->text, buf_str(&s->samples[s->next]), s->samples[s->next].len);
	buf_clear(&s->samples[s->next]);
	s->next++;
	return 1;
}

static int
scrape_run(struct scrape *s, struct error *err)
{
	switch (s->stage) {
	case SCRAPE_TOTALS:
		scrape_totals(s);
		return 0;
	case SCRAPE_AUTO:
		return scrape_autocerts(s, err);
	case SCRAPE_IMPORTED:
		return scrape_imported(s, err);
	case SCRAPE_EXPIRING:
		return scrape_expiring(s, err);
	case SCRAPE_CONDITIONS:
		return scrape_conditions(s, err);
	case SCRAPE_DUE:
		return scrape_due(s, err);
	case SCRAPE_TEXT:
		return scrape_write(s);
	}
	return 0;
}

/* The totals are not for a peer with a scope. */
static bool
is_skipped(const struct scrape *s, enum scrape_stage stage)
{
	bool is_total = stage == SCRAPE_TOTALS || stage == SCRAPE_EXPIRING || stage == SCRAPE_CONDITIONS ||
			stage == SCRAPE_DUE;

	return is_total && scrape_scope(s);
}

static struct json_object *
scrape_result(struct scrape *s)
{
	struct json_object *result = json_object_new_object();

	json_add_string(result, "contentType", s->is_openmetrics ? METRICS_TYPE_OPEN : METRICS_TYPE_TEXT);
	json_object_object_add(result, "text", json_object_new_string_len(buf_str(&s->text), (int)s->text.len));
	return result;
}

static int
scrape_step(struct slices *slices, struct json_object **ret, struct error *err)
{
	struct scrape *s = (struct scrape *)slices;
	int more = is_skipped(s, s->stage) ? 0 : scrape_run(s, err);

	if (more != 0)
		return more;
	s->at[0] = '\0';
	if (s->stage == SCRAPE_AUTO)
		scrape_end_kind(s, "auto");
	if (s->stage == SCRAPE_IMPORTED)
		scrape_end_kind(s, "imported");
	if (s->stage == SCRAPE_TEXT) {
		*ret = scrape_result(s);
		return 0;
	}
	s->stage++;
	return 1;
}

/* All in one turn could take long: there is a slice for each stage, and more for each that has many rows. */
int
server_metrics(struct call *call, struct json_object *params, struct error *err _unused_)
{
	struct scrape *s = xcalloc(1, sizeof(*s));
	const char *format = NULL;
	struct store *store = call->service->store;

	json_get_string(params, "format", &format, NULL);
	s->is_openmetrics = format && strcmp(format, "openmetrics") == 0;
	s->now = call_now(call);
	s->samples = xcalloc(metrics_table_size, sizeof(*s->samples));
	s->kept = xcalloc(metrics_table_size, sizeof(*s->kept));
	/* Without a scope it is known in advance that there are too many. */
	s->is_detailed = call->peer->scope ||
			 store_count(store, STORE_AUTOCERT) <= (uint64_t)call->service->conf->metrics_certificates;
	slices_begin(&s->slices, call, scrape_step, scrape_free);
	return 1;
}
