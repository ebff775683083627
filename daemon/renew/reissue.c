/*
 * Each run of the job is one batch: the orders that may begin now, and the progress, in one transaction. An order is
 * the auto-certificate's own from then on: retries, rate limits of the CA and alerts are as for any other. The walk is
 * repeated until it finds nothing to order and nothing under way: what was paused may be resumed meanwhile.
 */
#include "daemon/renew/reissue.h"

#include "common/scope.h"
#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/renew/profile.h"
#include "daemon/renew/rate.h"
#include "daemon/schedule/schedule.h"
#include "daemon/schedule/scheduler.h"

#include <string.h>

enum {
	MINUTE_SEC = 60,
	BATCH = 20,
	LOOKS = 200,   /* index rows of a batch */
	BATCH_SEC = 5, /* from one batch to the next, when the rate is used up */
	WALK_SEC = 60, /* from one walk over all to the next; a second more for each WALK_SHARE orders */
	WALK_SHARE = 1000,
	USUAL_RATE = 60,
	USUAL_MINUTES = 20 * 60,
	UNREADABLE_RETRY_SEC = 3600
};

static const struct record_field rule_fields[] = {
	RECORD_FIELD(RECORD_STRLIST, 1, struct scope_rule, domains, NULL),
	RECORD_FIELD(RECORD_STRLIST, 2, struct scope_rule, providers, NULL),
	RECORD_FIELD(RECORD_STRLIST, 3, struct scope_rule, labels, NULL),
};

static const struct record_class rule_class = {
	.name = "scope",
	.db = STORE_REISSUE,
	.size = sizeof(struct scope_rule),
	.fields = rule_fields,
	.n_fields = ARRAY_SIZE(rule_fields),
};

static const struct record_field reissue_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct reissue, id, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct reissue, by, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct reissue, issuer, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct reissue, intermediate, NULL),
	RECORD_FIELD(RECORD_STRING, 5, struct reissue, key_algorithm, NULL),
	RECORD_FIELD(RECORD_STRING, 6, struct reissue, profile, NULL),
	RECORD_FIELD(RECORD_STRING, 7, struct reissue, provider, NULL),
	RECORD_FIELD(RECORD_STRING, 8, struct reissue, label, NULL),
	RECORD_FIELD(RECORD_INT, 9, struct reissue, issued_before_at, NULL),
	RECORD_FIELD(RECORD_BOOL, 10, struct reissue, has_scope, NULL),
	RECORD_FIELD_LIST(11, struct reissue, scope, NULL, &rule_class),
	RECORD_FIELD(RECORD_BOOL, 12, struct reissue, has_new_keys, NULL),
	RECORD_FIELD(RECORD_INT, 13, struct reissue, rate, NULL),
	RECORD_FIELD(RECORD_INT, 14, struct reissue, total, NULL),
	RECORD_FIELD(RECORD_INT, 15, struct reissue, begun_at, NULL),
	RECORD_FIELD(RECORD_BOOL, 16, struct reissue, is_paused, NULL),
	RECORD_FIELD(RECORD_BOOL, 17, struct reissue, is_cancelled, NULL),
	RECORD_FIELD(RECORD_INT, 18, struct reissue, ended_at, NULL),
	RECORD_FIELD(RECORD_INT, 19, struct reissue, started, NULL),
	RECORD_FIELD(RECORD_BYTES, 20, struct reissue, at, NULL),
	RECORD_FIELD(RECORD_INT, 21, struct reissue, full_at_ms, NULL),
	RECORD_FIELD(RECORD_INT, 22, struct reissue, started_before, NULL),
	RECORD_FIELD(RECORD_INT, 23, struct reissue, ordered, NULL),
	RECORD_FIELD(RECORD_INT, 24, struct reissue, failing, NULL),
};

const struct record_class reissue_class = RECORD_CLASS(
	"reissue", STORE_REISSUE, struct reissue, reissue_fields, unknown);

void
reissue_save(struct store *store, struct store_txn *txn, const char *key, const struct reissue *r, int64_t next_at)
{
	record_save(store, txn, &reissue_class, key, r);
	if (r->ended_at || r->is_paused)
		schedule_del(store, txn, SCHEDULE_REISSUE, key);
	else
		schedule_set(store, txn, SCHEDULE_REISSUE, key, "", next_at);
}

int64_t
reissue_usual_rate(int64_t total)
{
	int64_t needed = (total + USUAL_MINUTES - 1) / USUAL_MINUTES;

	return needed > USUAL_RATE ? needed : USUAL_RATE;
}

/* --- the selection --- */

void
reissue_add_rule(struct store *store, struct reissue *r, const struct scope_rule *rule)
{
	struct scope_rule *copy = record_list_add(&rule_class, &r->scope);

	scope_rule_add(copy, rule);
	for (size_t i = 0; i < rule->providers.count; i++) {
		_cleanup_provider_ struct provider p = { .email = NULL };

		if (object_find(store, &provider_class, rule->providers.items[i], &p, NULL) == 1)
			strlist_add(&copy->providers, p.o.id);
	}
}

static bool
reissue_is(const char *wanted, const char *value)
{
	return !wanted || (value && strcmp(wanted, value) == 0);
}

/* Of one that was imported and adopted, certd knows only its dates. */
static int64_t
reissue_issued_at(const struct certificate *c)
{
	return c->autocert ? c->o.created_at : c->not_before_at;
}

static bool
reissue_has_profile(struct store *store, const struct reissue *r, const struct autocert *a)
{
	_cleanup_provider_ struct provider p = { .email = NULL };
	const char *profile;

	if (!r->profile)
		return true;
	if (object_peek(store, &provider_class, a->provider, &p, NULL) != 1)
		return false;
	profile = profile_of(a, &p);
	return profile && strcmp(profile, r->profile) == 0;
}

static bool
reissue_covers(const struct reissue *r, const struct autocert *a)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	if (!r->has_scope)
		return true;
	strlist_copy(&names, &a->sans);
	if (a->common_name)
		strlist_add(&names, a->common_name);
	for (size_t i = 0; i < r->scope.count; i++)
		if (scope_rule_covers((const struct scope_rule *)r->scope.items + i, &names, a->provider, &a->labels))
			return true;
	return false;
}

static bool
reissue_selects(
	struct store *store, const struct reissue *r, const struct autocert *a, const struct certificate *newest)
{
	int64_t issued_at = reissue_issued_at(newest);

	if (issued_at >= r->begun_at || (r->issued_before_at && issued_at >= r->issued_before_at))
		return false;
	if (r->issuer && !reissue_is(r->issuer, newest->issuer_org) && !reissue_is(r->issuer, newest->issuer_cn))
		return false;
	return reissue_is(r->intermediate, newest->issuer_cn) && reissue_is(r->key_algorithm, newest->key_algorithm) &&
	       reissue_is(r->provider, a->provider) && (!r->label || strlist_has(&a->labels, r->label)) &&
	       reissue_covers(r, a) && reissue_has_profile(store, r, a);
}

enum reissue_part
reissue_part_of(struct store *store, const struct reissue *r, const struct autocert *a)
{
	_cleanup_certificate_ struct certificate newest = { 0 };
	bool is_ordered = a->reissue && strcmp(a->reissue, r->id) == 0;

	if (!is_ordered && (!a->last_certificate ||
				   object_peek(store, &certificate_class, a->last_certificate, &newest, NULL) != 1 ||
				   !reissue_selects(store, r, a, &newest)))
		return REISSUE_NOTHING;
	if (a->is_paused)
		return REISSUE_PAUSED;
	if (!is_ordered)
		return REISSUE_TO_COME;
	return a->attempts > 0 ? REISSUE_FAILING : REISSUE_ORDERED;
}

void
reissue_query(struct object_query *query, const struct buf *at)
{
	object_query_init(query, &autocert_class);
	object_query_add(query, OBJECT_EXPIRES_BEFORE, NULL, INT64_MAX);
	if (at)
		buf_add(&query->at, at->data, at->len);
}

/* --- a batch --- */

struct reissue_batch {
	const struct issue_env *env;
	struct reissue *record;
	struct strlist ids; /* to be ordered */
	int64_t room;
};

/* One that cannot be read is reported where it is used. */
static bool
reissue_visit(const char *id, void *arg)
{
	struct reissue_batch *b = arg;
	_cleanup_autocert_ struct autocert a = { 0 };

	if (object_peek(b->env->store, &autocert_class, id, &a, NULL) != 1)
		return true;
	switch (reissue_part_of(b->env->store, b->record, &a)) {
	case REISSUE_TO_COME:
		strlist_add(&b->ids, id);
		break;
	case REISSUE_ORDERED:
		b->record->ordered++;
		break;
	case REISSUE_FAILING:
		b->record->failing++;
		break;
	case REISSUE_NOTHING:
	case REISSUE_PAUSED:
		break;
	}
	return (int64_t)b->ids.count < b->room;
}

/* No order follows a failure at once, and the CA's demand to wait holds here, too. */
static int
reissue_order(const struct reissue_batch *b, struct store_txn *txn, const char *id, struct error *err)
{
	const struct issue_env *env = b->env;
	_cleanup_autocert_ struct autocert a = { 0 };
	int found = object_load(env->store, &autocert_class, id, &a, err);
	bool is_new_key = b->record->has_new_keys && !a.wants_new_key;

	if (found != 1)
		return found;
	if (!a.is_outdated || is_new_key) {
		if (env->scheduler)
			scheduler_cancel(env->scheduler, SCHEDULE_ISSUE, id);
		issue_replace(env, txn, &a);
		if (error_is_set(&a.last_error) && a.next_at && a.next_at < time_add(a.last_attempt_at, MINUTE_SEC))
			a.next_at = time_add(a.last_attempt_at, MINUTE_SEC);
		if (a.next_at && a.next_at < a.last_error.retry_at)
			a.next_at = a.last_error.retry_at;
	}
	a.wants_new_key = a.wants_new_key || is_new_key;
	str_replace(&a.reissue, b->record->id);
	return object_save(env->store, txn, &autocert_class, &a, err);
}

void
reissue_report_end(struct events *events, struct store_txn *txn, const struct reissue *r)
{
	struct json_object *data = json_object_new_object();
	const char *state = r->is_cancelled ? "cancelled" : "done";
	_cleanup_free_ char *failing = r->is_cancelled ? NULL
						       : xasprintf(", %lld of them failing", (long long)r->failing);

	json_add_string(data, "by", r->by);
	json_add_string(data, "state", state);
	json_add_int(data, "certificates", r->total);
	json_add_int(data, "orders", r->started);
	if (!r->is_cancelled)
		json_add_int(data, "failing", r->failing);
	event_emit(events, txn, EVENT_REISSUE_ENDED, NULL, data,
		"the reissue is %s: %lld of %lld certificates ordered%s", state, (long long)r->started,
		(long long)r->total, failing ? failing : "");
}

/* The end of a walk over all. Return: when the next one is due. */
static int64_t
reissue_end_walk(const struct reissue_batch *b, struct store_txn *txn, int64_t now)
{
	struct reissue *r = b->record;

	buf_clear(&r->at);
	if (r->ordered == 0 && r->started == r->started_before) {
		r->ended_at = now;
		reissue_report_end(b->env->events, txn, r);
	} else {
		r->started_before = r->started;
		r->ordered = r->failing = 0;
	}
	return time_add(now, WALK_SEC + r->started / WALK_SHARE);
}

/* Return: when the next batch is due, or 0 failed. */
static int64_t
reissue_batch(struct reissue_batch *b, struct store_txn *txn, int64_t now, struct error *err)
{
	struct reissue *r = b->record;
	const struct ca_limit limit = { r->rate, MINUTE_SEC };
	struct rate_bucket bucket = { .full_at_ms = r->full_at_ms };
	struct object_query query;
	int64_t next_at = now;
	int more;

	b->room = rate_burst_room(&limit, &bucket, now);
	if (b->room > BATCH)
		b->room = BATCH;
	if (b->room == 0)
		return rate_opens_at(&limit, &bucket, now);
	reissue_query(&query, &r->at);
	more = object_query_run(&query, b->env->store, LOOKS, reissue_visit, b, err);
	buf_reset(&r->at);
	buf_add(&r->at, query.at.data, query.at.len);
	object_query_clear(&query);
	for (size_t i = 0; i < b->ids.count && more >= 0; i++) {
		if (reissue_order(b, txn, b->ids.items[i], err) < 0)
			more = -1;
		r->started++;
		rate_count(&limit, &bucket, now);
	}
	r->full_at_ms = bucket.full_at_ms;
	if (more == 0)
		return reissue_end_walk(b, txn, now);
	if (more < 0)
		return 0;
	if (rate_room(&limit, &bucket, now) == 0) {
		next_at = rate_opens_at(&limit, &bucket, now);
		if (next_at < now + BATCH_SEC)
			next_at = now + BATCH_SEC;
	}
	return next_at;
}

/* It cannot go on now. */
static void
reissue_put_off(const struct issue_env *env, struct store_txn *txn, const char *key, const struct error *err)
{
	event_emit_error(env->events, txn, EVENT_STORE_FAILED, NULL, err, "reissue: %s", err->message);
	schedule_set(env->store, txn, SCHEDULE_REISSUE, key, "", time_add(loop_now(env->loop), UNREADABLE_RETRY_SEC));
}

static void *
reissue_start(void *arg_env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	const struct issue_env *env = arg_env;
	_cleanup_reissue_ struct reissue r = { .id = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct reissue_batch b = { .env = env, .record = &r, .ids = STRLIST_INIT };
	struct store_txn *txn = store_begin(env->store);
	int found = record_load(env->store, &reissue_class, row->object, &r, &err);
	int64_t next_at = 0;

	if (found == 1 && !r.ended_at && !r.is_paused)
		next_at = reissue_batch(&b, txn, loop_now(env->loop), &err);
	strlist_clear(&b.ids);
	if (next_at) {
		reissue_save(env->store, txn, row->object, &r, next_at);
	} else if (error_is_set(&err)) {
		store_fail(txn, &err);
		txn = store_begin(env->store);
		reissue_put_off(env, txn, row->object, &err);
	} else {
		schedule_del(env->store, txn, SCHEDULE_REISSUE, row->object);
	}
	return job_end_with(env->store, txn, done, arg);
}

const struct job_kind reissue_job = {
	.kind = SCHEDULE_REISSUE,
	.word = "reissue",
	.subject = "selected certificates",
	.needs_date = true,
	.start = reissue_start,
	.cancel = job_commit_cancel,
	.longest_sec = MINUTE_SEC,
};
