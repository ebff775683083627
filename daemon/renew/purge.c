/*
 * The end of a certificate. Old and new certificates coexist; an old one is deleted a configured time after its expiry.
 * The newest of an auto-certificate, and one that a rollout still refers to, is kept: it may be in use.
 */
#include "daemon/renew/purge.h"

#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/rollout_back.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_SEC = 24 * 3600 };

/* Return: 1 in use, 0 not, -1 failed. */
static int
still_needed(const struct issue_env *env, const struct certificate *cert, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_rollout_state_ struct rollout_state rollout = { 0 };
	int found;

	if (!cert->autocert && (cert->slug || cert->is_held_back)) /* imported, and not replaced */
		return 1;
	if (!cert->autocert)
		return rollout_needs(env->rollout, cert->o.id, err);
	found = object_load(env->store, &autocert_class, cert->autocert, &a, err);
	if (found <= 0)
		return found;
	if (a.last_certificate && strcmp(a.last_certificate, cert->o.id) == 0)
		return 1;
	if (a.waiting_certificate && strcmp(a.waiting_certificate, cert->o.id) == 0)
		return 1;
	found = rollout_load(env->rollout, a.o.id, &rollout, err);
	if (found == 1)
		found = rollout_uses(&rollout, cert->o.id);
	return found;
}

static void
record_purge(const struct issue_env *env, struct store_txn *txn, const struct event_object *object)
{
	const struct audit_entry entry = { .who = "certd", .method = "purge", .object = *object };

	if (env->audit)
		audit_change(env->audit, txn, &entry);
}

static int
purge(const struct issue_env *env, struct store_txn *txn, const char *id, struct error *err)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	struct event_object object = { "certificate", id, NULL };
	int found = object_load(env->store, &certificate_class, id, &cert, err);

	if (found == 1)
		found = still_needed(env, &cert, err) == 0;
	if (error_is_set(err))
		return -1;
	if (!cert.o.id[0] || found == 1) {
		if (!cert.o.id[0]) {
			schedule_del(env->store, txn, SCHEDULE_PURGE, id);
			return 0;
		}
		object.name = cert.o.name;
		record_purge(env, txn, &object);
		if (object_delete(env->store, txn, &certificate_class, id, err) < 0)
			return -1;
		event_emit(env->events, txn, EVENT_CERTIFICATE_PURGED, &object, NULL, "expired certificate removed");
		return 0;
	}
	schedule_set(env->store, txn, SCHEDULE_PURGE, id, "", time_add(loop_now(env->loop), LOOK_AGAIN_SEC));
	return 0;
}

static int64_t
purge_at(const struct issue_env *env, const struct certificate *cert)
{
	return time_add(cert->not_after_at, env->purge_after);
}

void
purge_schedule(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert)
{
	schedule_set(env->store, txn, SCHEDULE_PURGE, cert->o.id, "", purge_at(env, cert));
}

static void *
purge_start(void *arg_env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	const struct issue_env *env = arg_env;
	const char *certificate_id = row->object;
	struct store_txn *txn = store_begin(env->store);
	_cleanup_error_ struct error err = ERROR_INIT;

	if (purge(env, txn, certificate_id, &err) < 0) {
		event_emit_error(env->events, NULL, EVENT_STORE_FAILED, NULL, &err, "%s", err.message);
		schedule_set(env->store, txn, SCHEDULE_PURGE, certificate_id, "",
			time_add(loop_now(env->loop), LOOK_AGAIN_SEC));
	}
	return job_end_with(env->store, txn, done, arg);
}

/* An earlier clock may have put the row too late. */
static int64_t
purge_after_clock_change(void *arg_env, const struct schedule_row *row, int64_t now)
{
	const struct issue_env *env = arg_env;
	_cleanup_certificate_ struct certificate cert = { 0 };

	if (row->due_at <= time_add(now, LOOK_AGAIN_SEC) ||
		object_peek(env->store, &certificate_class, row->object, &cert, NULL) != 1)
		return row->due_at;
	return row->due_at > purge_at(env, &cert) ? purge_at(env, &cert) : row->due_at;
}

const struct job_kind purge_job = {
	.kind = SCHEDULE_PURGE,
	.word = "purge",
	.classes = { &certificate_class },
	.needs_date = true,
	.start = purge_start,
	.cancel = job_commit_cancel,
	.after_clock_change = purge_after_clock_change,
};
