/*
 * The expiry of certificates that certd does not renew. It is reported early and repeatedly, with the command that
 * helps. An auto-certificate whose certificate has expired is FAILED, whether it is paused or not.
 */
#include "daemon/renew/expiry.h"

#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 24 * 3600, LOOK_AGAIN_SEC = 3600, COUNTED = 1000 };

static const int64_t days_before[] = { 30, 14, 7, 3, 1, 0 };

int64_t
expiry_next(int64_t not_after_at, int64_t after)
{
	int64_t late = time_add(after, -not_after_at);

	for (size_t i = 0; i < ARRAY_SIZE(days_before); i++) {
		int64_t at = time_add(not_after_at, -days_before[i] * DAY);

		if (at > after)
			return at;
	}
	return time_add(not_after_at, (late / DAY + 1) * DAY);
}

static void
warned_key(struct buf *key, const char *id)
{
	buf_printf(key, "x%s", id);
}

void
expiry_schedule(struct store *store, struct store_txn *txn, const struct certificate *cert)
{
	schedule_set(store, txn, SCHEDULE_EXPIRY, cert->o.id, "", expiry_next(cert->not_after_at, 0));
}

void
expiry_forget(struct store *store, struct store_txn *txn, const char *id)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	warned_key(&key, id);
	store_del(txn, STORE_INDEX, key.data, key.len);
	schedule_del(store, txn, SCHEDULE_EXPIRY, id);
}

/*
 * When to report an auto-certificate next, after @after; 0: it has no certificate. One that is paused is reported
 * early, but not in the first half of its lifetime.
 */
static int64_t
autocert_next(const struct autocert *a, int64_t after)
{
	int64_t lifetime = a->last_not_after_at - a->last_not_before_at;
	int64_t from = time_add(a->last_not_after_at, a->is_paused ? -lifetime / 2 : 0);

	if (!a->last_certificate)
		return 0;
	return expiry_next(a->last_not_after_at, after < from - 1 ? from - 1 : after);
}

void
expiry_schedule_autocert(struct store *store, struct store_txn *txn, const struct autocert *a, int64_t now)
{
	int64_t first_at = autocert_next(a, 0);

	if (first_at == 0 || first_at > now)
		expiry_forget(store, txn, a->o.id);
	if (first_at != 0)
		schedule_set(store, txn, SCHEDULE_EXPIRY, a->o.id, "", first_at);
}

/* Whole days until then, rounded up; negative: since then. */
static int64_t
days_until(int64_t at, int64_t now)
{
	int64_t sec = time_add(at, -now);

	return sec > 0 ? (sec + DAY - 1) / DAY : sec / DAY;
}

/* "expires in 3 days", "expired 2 days ago", ... Owned by the caller. */
static char *
when_text(int64_t not_after_at, int64_t now)
{
	int64_t days = days_until(not_after_at, now);

	if (not_after_at > now)
		return xasprintf("expires in %lld day%s", (long long)days, days == 1 ? "" : "s");
	if (days == 0)
		return xstrdup("has expired");
	return xasprintf("expired %lld day%s ago", (long long)-days, days == -1 ? "" : "s");
}

static void
expiry_warn(const struct issue_env *env, struct store_txn *txn, const struct event_object *object, int64_t not_after_at,
	int64_t now, const char *what)
{
	_cleanup_free_ char *when = when_text(not_after_at, now);
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct json_object *data = json_object_new_object();

	json_add_time(data, "notAfter", not_after_at);
	json_add_int(data, "days", days_until(not_after_at, now));
	event_emit(env->events, txn, not_after_at > now ? EVENT_CERTIFICATE_EXPIRING : EVENT_CERTIFICATE_EXPIRED,
		object, data, "%s%s", when, what);
	warned_key(&key, object->id);
	store_put(txn, STORE_INDEX, key.data, key.len, NULL, 0);
}

/* Why the certificate of an auto-certificate may expire, after "expires in 3 days". */
static const char *
autocert_why(const struct autocert *a)
{
	return a->is_paused ? " and renewal is paused" : "";
}

/* It is no longer AVAILABLE. What failed is in .last_error. */
static int
note_expired(const struct issue_env *env, struct store_txn *txn, struct autocert *a, struct error *err)
{
	char when[TIME_RFC3339_SIZE];

	if (a->o.state == OBJECT_FAILED)
		return 0;
	time_format_rfc3339(a->last_not_after_at, when);
	a->o.state = OBJECT_FAILED;
	error_set(&a->o.failure, ERROR_STATE, "its certificate expired at %s%s", when, autocert_why(a));
	return object_save(env->store, txn, &autocert_class, a, err);
}

/* Return: 1 done, 0 there is no such auto-certificate, -1 failed. */
static int
look_at_autocert(const struct issue_env *env, struct store_txn *txn, const char *id, int64_t now, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	int found = object_load(env->store, &autocert_class, id, &a, err);
	struct event_object object = { autocert_class.name, a.o.id, a.o.name };

	if (found != 1 || !a.last_certificate)
		return found;
	if (now >= a.last_not_after_at && note_expired(env, txn, &a, err) < 0)
		return -1;
	if (now >= autocert_next(&a, 0))
		expiry_warn(env, txn, &object, a.last_not_after_at, now, autocert_why(&a));
	schedule_set(env->store, txn, SCHEDULE_EXPIRY, id, "", autocert_next(&a, now));
	return 1;
}

static int
look_at_imported(const struct issue_env *env, struct store_txn *txn, const char *id, int64_t now, struct error *err)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	int found = object_peek(env->store, &certificate_class, id, &cert, err);
	struct event_object object = { certificate_class.name, cert.o.id, cert.o.name };
	_cleanup_free_ char *what = NULL;

	if (found < 0)
		return -1;
	if (found == 0 || !cert.slug) {
		expiry_forget(env->store, txn, id);
		return 0;
	}
	what = xasprintf(" and certd cannot renew it; import a replacement with --replace '%s'", cert.o.name);
	/* The clock may have been set back since the row was put. */
	if (now >= expiry_next(cert.not_after_at, 0))
		expiry_warn(env, txn, &object, cert.not_after_at, now, what);
	schedule_set(env->store, txn, SCHEDULE_EXPIRY, id, "", expiry_next(cert.not_after_at, now));
	return 0;
}

static int
expiry_look(const struct issue_env *env, struct store_txn *txn, const char *id, int64_t now, struct error *err)
{
	int found = look_at_autocert(env, txn, id, now, err);

	return found ? found : look_at_imported(env, txn, id, now, err);
}

static void *
expiry_start(void *arg_env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	const struct issue_env *env = arg_env;
	const char *certificate_id = row->object;
	struct store_txn *txn = store_begin(env->store);
	int64_t now = loop_now(env->loop);
	_cleanup_error_ struct error err = ERROR_INIT;

	if (expiry_look(env, txn, certificate_id, now, &err) < 0) {
		event_emit_error(env->events, NULL, EVENT_STORE_FAILED, NULL, &err, "%s", err.message);
		schedule_set(env->store, txn, SCHEDULE_EXPIRY, certificate_id, "", time_add(now, LOOK_AGAIN_SEC));
	}
	return job_end_with(env->store, txn, done, arg);
}

static int64_t
expiry_after_clock_change(void *arg_env, const struct schedule_row *row, int64_t now)
{
	const struct issue_env *env = arg_env;
	_cleanup_certificate_ struct certificate cert = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };
	int64_t due_at;

	if (object_peek(env->store, &autocert_class, row->object, &a, NULL) == 1)
		due_at = autocert_next(&a, now);
	else if (object_peek(env->store, &certificate_class, row->object, &cert, NULL) == 1)
		due_at = expiry_next(cert.not_after_at, now);
	else
		return row->due_at;
	return row->due_at > due_at ? due_at : row->due_at;
}

const struct job_kind expiry_job = {
	.kind = SCHEDULE_EXPIRY,
	.word = "expiry",
	.classes = { &autocert_class, &certificate_class },
	.needs_date = true,
	.start = expiry_start,
	.cancel = job_commit_cancel,
	.after_clock_change = expiry_after_clock_change,
};

size_t
expiry_count(struct store *store)
{
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	_cleanup_buf_ struct buf key = BUF_INIT;
	size_t count = 0;

	buf_add_char(&prefix, 'x');
	buf_add(&key, prefix.data, prefix.len);
	while (count < COUNTED && store_next_with(store, STORE_INDEX, &prefix, &key, NULL, NULL) == 1)
		count++;
	return count;
}
