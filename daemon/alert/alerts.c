/* The owner of the alerts: what is looked at when, apart from changes of records. */
#include "daemon/alert/alerts_private.h"

#include "common/timefmt.h"
#include "daemon/alert/alert_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MINUTE_MS = 60 * 1000, AUDIT_SEC = 24 * 3600, WALK_SLICE = 200 };

/* STORE_META: all certificates have been looked at once, for all conditions that there are; a new one, a new key. */
static const char walked_key[] = "alerts-looked-2";

/* --- time --- */

static void *
look_job_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct alerts *alerts = env;
	struct store *store = alerts->config.env->store;
	struct store_txn *txn = store_begin(store);

	schedule_del(store, txn, SCHEDULE_LOOK, row->object); /* put again for the next time */
	alerts_look(alerts, txn, row->object);
	return job_end_with(store, txn, done, arg);
}

const struct job_kind look_job = {
	.kind = SCHEDULE_LOOK,
	.word = "check",
	.classes = { &autocert_class, &certificate_class },
	.needs_date = true,
	.start = look_job_start,
	.cancel = job_commit_cancel,
};

void
alerts_register_jobs(struct scheduler *scheduler, struct alerts *alerts)
{
	alerts->scheduler = scheduler;
	scheduler_register(scheduler, &look_job, alerts);
	scheduler_register(scheduler, &alert_job, alerts);
}

/* --- certd itself --- */

static void
alerts_audited(const struct audit_check *check, const struct error *err, void *arg)
{
	struct alerts *alerts = arg;

	if (err) /* it could not be read: no word about what is in it */
		return;
	free(alerts->audit_fault);
	alerts->audit_fault = *check->why ? xasprintf("record %llu: %s", (unsigned long long)check->bad, check->why)
					  : NULL;
}

void
alerts_certd(const struct alerts *alerts, struct condition_certd *ret)
{
	struct scheduler_stats scheduler;
	struct store_stats store;

	scheduler_get_stats(alerts->scheduler, &scheduler);
	store_get_stats(alerts->config.env->store, &store);
	*ret = (struct condition_certd){
		.state_dir = alerts->config.conf->state_dir,
		.audit = alerts->audit_fault,
		.is_disk_full = store.is_full,
		.is_store_failing = scheduler.is_store_failing,
		.damaged_records = store.damaged_records,
		.is_clock_wrong = scheduler.is_waiting_for_date,
	};
}

char *
alerts_trouble(const struct alerts *alerts)
{
	struct condition_certd certd;

	alerts_certd(alerts, &certd);
	return condition_of_all(&certd);
}

static void
alerts_on_minute(void *arg)
{
	struct alerts *alerts = arg;
	struct condition_certd certd;
	int64_t now = alerts_now(alerts);

	alerts_certd(alerts, &certd);
	alerts_look_at_certd(alerts, &certd);
	if (alerts->audit && (now < alerts->audited_at || now >= time_add(alerts->audited_at, AUDIT_SEC))) {
		alerts->audited_at = now;
		audit_verify(alerts->audit, alerts_audited, alerts);
	}
	loop_timer_set(&alerts->minute, MINUTE_MS);
}

/* --- all certificates, once --- */

static const struct record_class *const walked_classes[] = { &autocert_class, &certificate_class, &provider_class };

static bool
alerts_take_id(const void *key, size_t len, void *arg)
{
	struct strlist *ids = arg;

	strlist_take(ids, xstrndup(key, len));
	return ids->count < WALK_SLICE;
}

static void
alerts_walk(void *arg)
{
	static const struct buf all = BUF_INIT;
	struct alerts *alerts = arg;
	struct store *store = alerts->config.env->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_buf_ struct buf from = BUF_INIT;

	buf_add(&from, alerts->walked.data, alerts->walked.len);
	if (!from.len)
		buf_add_char(&from, '0');
	store_walk_keys(store, walked_classes[alerts->walked_class]->db, &from, alerts->walked.len > 0, &all,
		alerts_take_id, &ids, NULL);
	for (size_t i = 0; i < ids.count; i++)
		alerts_look(alerts, txn, ids.items[i]);
	buf_reset(&alerts->walked);
	if (ids.count)
		buf_add_str(&alerts->walked, ids.items[ids.count - 1]);
	else
		alerts->walked_class++;
	if (alerts->walked_class < ARRAY_SIZE(walked_classes))
		loop_timer_set(&alerts->walk, 0);
	else
		store_put(txn, STORE_META, walked_key, strlen(walked_key), NULL, 0);
}

/* --- destinations --- */

/* What waits for a changed one is sent at once, by its new settings. */
void
alerts_destination_changed(
	struct alerts *alerts, struct store_txn *txn, const struct alert *old, const struct alert *new)
{
	struct store *store;

	if (!alerts)
		return;
	store = alerts->config.env->store;
	if (!new)
		queue_forget(store, txn, old->o.id);
	else if (old && !new->attempts && old->attempts)
		queue_plan(store, txn, new->o.id, alerts_now(alerts));
}

/* --- life --- */

struct alerts *
alerts_new(const struct alerts_config *config)
{
	struct alerts *alerts = xcalloc(1, sizeof(*alerts));

	alerts->config = *config;
	if (gethostname(alerts->host, sizeof(alerts->host) - 1) < 0 || !*alerts->host)
		snprintf(alerts->host, sizeof(alerts->host), "localhost");
	alerts->env = (struct alert_env){
		.loop = config->env->loop, .http = config->http, .mail = config->mail, .host = alerts->host
	};
	loop_timer_init(&alerts->minute, config->env->loop, alerts_on_minute, alerts);
	loop_timer_init(&alerts->walk, config->env->loop, alerts_walk, alerts);
	return alerts;
}

void
alerts_start(struct alerts *alerts, struct audit *audit)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	alerts->audit = audit;
	loop_timer_set(&alerts->minute, MINUTE_MS);
	if (store_get(alerts->config.env->store, STORE_META, walked_key, strlen(walked_key), &value, NULL) == 0)
		loop_timer_set(&alerts->walk, 0);
}

void
alerts_stop(struct alerts *alerts)
{
	if (alerts)
		deliveries_stop(alerts);
}

void
alerts_free(struct alerts *alerts)
{
	if (!alerts)
		return;
	alerts_stop(alerts);
	store_forget(alerts->config.env->store, alerts);
	loop_timer_cancel(&alerts->minute);
	loop_timer_cancel(&alerts->walk);
	condition_clear(&alerts->unstored);
	buf_clear(&alerts->walked);
	free(alerts->audit_fault);
	free(alerts);
}
