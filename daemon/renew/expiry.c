/*
 * The expiry of imported certificates. certd reports it early and repeatedly, with the command that replaces the
 * certificate.
 */
#include "daemon/renew/expiry.h"

#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
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
expiry_forget(struct store *store, struct store_txn *txn, const char *certificate_id)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	warned_key(&key, certificate_id);
	store_del(txn, STORE_INDEX, key.data, key.len);
	schedule_del(store, txn, SCHEDULE_EXPIRY, certificate_id);
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
warn(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert, int64_t now)
{
	struct event_object object = { certificate_class.name, cert->o.id, cert->o.name };
	_cleanup_free_ char *when = when_text(cert->not_after_at, now);
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct json_object *data = json_object_new_object();

	json_add_time(data, "notAfter", cert->not_after_at);
	json_add_int(data, "days", days_until(cert->not_after_at, now));
	event_emit(env->events, txn, cert->not_after_at > now ? EVENT_CERTIFICATE_EXPIRING : EVENT_CERTIFICATE_EXPIRED,
		&object, data, "%s and certd cannot renew it; import a replacement with --replace '%s'", when,
		cert->o.name);
	warned_key(&key, cert->o.id);
	store_put(txn, STORE_INDEX, key.data, key.len, NULL, 0);
}

static int
expiry_look(const struct issue_env *env, struct store_txn *txn, const char *id, int64_t now, struct error *err)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	int found = object_peek(env->store, &certificate_class, id, &cert, err);

	if (found < 0)
		return -1;
	if (found == 0 || !cert.slug) {
		expiry_forget(env->store, txn, id);
		return 0;
	}
	/* The clock may have been set back since the row was put. */
	if (now >= expiry_next(cert.not_after_at, 0))
		warn(env, txn, &cert, now);
	schedule_set(env->store, txn, SCHEDULE_EXPIRY, id, "", expiry_next(cert.not_after_at, now));
	return 0;
}

static void *
expiry_start(void *arg_env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	const struct issue_env *env = arg_env;
	const char *certificate_id = row->object;
	struct store_txn *txn = store_begin(env->store);
	int64_t now = clock_wall(loop_clock(env->loop));
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
	int64_t due_at;

	if (object_peek(env->store, &certificate_class, row->object, &cert, NULL) != 1)
		return row->due_at;
	due_at = expiry_next(cert.not_after_at, now);
	return row->due_at > due_at ? due_at : row->due_at;
}

const struct job_kind expiry_job = {
	.kind = SCHEDULE_EXPIRY,
	.word = "expiry",
	.classes = { &certificate_class },
	.needs_date = true,
	.start = expiry_start,
	.cancel = job_commit_cancel,
	.after_clock_change = expiry_after_clock_change,
};

static void
add_warning(struct store *store, const char *id, int64_t now, struct strlist *ret)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	_cleanup_free_ char *when = NULL;
	_cleanup_free_ char *word = NULL;

	if (object_peek(store, &certificate_class, id, &cert, NULL) != 1)
		return;
	when = when_text(cert.not_after_at, now);
	word = shell_word(cert.o.name);
	strlist_take(ret,
		xasprintf("certificate '%s' %s and certd cannot renew it: import another one with --replace %s (see: "
			  "certctl import --help)",
			cert.o.name, when, word));
}

size_t
expiry_warnings(struct store *store, int64_t now, size_t max, struct strlist *ret)
{
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	_cleanup_buf_ struct buf key = BUF_INIT;
	size_t count = 0;

	buf_add_char(&prefix, 'x');
	buf_add(&key, prefix.data, prefix.len);
	while (count < COUNTED && store_next_with(store, STORE_INDEX, &prefix, &key, NULL, NULL) == 1)
		if (count++ < max)
			add_warning(store, key.data + 1, now, ret);
	return count;
}
