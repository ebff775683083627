/* The row is due near the expiry of the certificate in use; without a usable certificate another one is ordered. */
#include "daemon/renew/approval.h"

#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_AGAIN_SEC = 3600 };

int
approval_give(const struct issue_env *env, struct autocert *a, struct error *err)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	int found = object_peek(env->store, &certificate_class, a->waiting_certificate, &cert, err);

	if (found != 1)
		return found;
	if (cert.is_revoked || cert.revoke_reason || cert.not_after_at <= loop_now(env->loop))
		return 0;
	issue_use(env, a, &cert, a->ari_id != NULL);
	if (!a->is_paused)
		issue_plan_renewal(env, a, false);
	return 1;
}

void
approval_schedule(struct store *store, struct store_txn *txn, const struct autocert *a)
{
	if (a->waiting_until_at)
		schedule_set(store, txn, SCHEDULE_APPROVAL, a->o.id, "", a->waiting_until_at);
	else
		schedule_del(store, txn, SCHEDULE_APPROVAL, a->o.id);
}

static void
approval_report(const struct issue_env *env, struct store_txn *txn, const struct autocert *a, int64_t old_ends_at)
{
	struct event_object object = { autocert_class.name, a->o.id, a->o.name };
	struct json_object *data = json_object_new_object();
	char date[TIME_RFC3339_SIZE];

	time_format_rfc3339(old_ends_at, date);
	json_add_string(data, "certificate", a->last_certificate);
	json_add_strlist(data, "differences", &a->notes);
	event_emit(env->events, txn, EVENT_CERTIFICATE_DIFFERS, &object, data,
		"the certificate that waits is deployed without approval: the one in use expires at %s", date);
}

/* Return: 0, or -1. */
static int
approval_end(const struct issue_env *env, struct store_txn *txn, const char *id, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	int found = object_load(env->store, &autocert_class, id, &a, err);
	int64_t old_ends_at = a.last_not_after_at;

	if (found < 0)
		return -1;
	if (found == 0 || !a.waiting_certificate || a.waiting_until_at > loop_now(env->loop)) {
		schedule_del(env->store, txn, SCHEDULE_APPROVAL, id);
		if (found && a.waiting_certificate)
			approval_schedule(env->store, txn, &a);
		return 0;
	}
	found = approval_give(env, &a, err);
	if (found < 0)
		return -1;
	if (found) {
		approval_report(env, txn, &a, old_ends_at);
	} else {
		str_replace(&a.waiting_certificate, NULL);
		a.waiting_until_at = 0;
		if (!a.is_paused)
			issue_plan_renewal(env, &a, true);
	}
	return object_save(env->store, txn, &autocert_class, &a, err);
}

static void *
approval_start(void *arg_env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	const struct issue_env *env = arg_env;
	const char *id = row->object;
	struct store_txn *txn = store_begin(env->store);
	_cleanup_error_ struct error err = ERROR_INIT;

	if (approval_end(env, txn, id, &err) < 0) {
		event_emit_error(env->events, NULL, EVENT_STORE_FAILED, NULL, &err, "%s", err.message);
		schedule_set(env->store, txn, SCHEDULE_APPROVAL, id, "", time_add(loop_now(env->loop), LOOK_AGAIN_SEC));
	}
	return job_end_with(env->store, txn, done, arg);
}

static int64_t
approval_after_clock_change(void *env _unused_, const struct schedule_row *row, int64_t now _unused_)
{
	return row->due_at; /* a date of the certificate in use */
}

const struct job_kind approval_job = {
	.kind = SCHEDULE_APPROVAL,
	.word = "approval",
	.classes = { &autocert_class },
	.needs_date = true,
	.start = approval_start,
	.cancel = job_commit_cancel,
	.after_clock_change = approval_after_clock_change,
};
