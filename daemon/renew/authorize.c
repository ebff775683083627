/*
 * One authorization: the order machine with an owner that never supplies a CSR. When the order requires one, the name
 * is validated, and the order is left for a certificate to continue. The manual solver stores the record to publish,
 * looks for it in DNS, and reports when it is missing.
 */
#include "daemon/renew/authorize.h"

#include "common/timefmt.h"
#include "daemon/acme/acme_order.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/profile.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum {
	FORGET_SEC = 7 * 24 * 3600, /* a failure remains visible for that long */
	UNREADABLE_RETRY_SEC = 3600,
};

struct authorize {
	const struct issue_env *env;
	struct ca_client *client;
	char id[STORE_ID_SIZE];
	struct autocert as_autocert; /* the part of an auto-certificate that the solver needs */
	struct acme_order *order;
	struct solve *solve;
	size_t index, challenge;
	bool is_waiting; /* the record is not published yet */
	schedule_done_fn *done;
	void *arg;
};

static void
authorize_cancel(void *work)
{
	struct authorize *a = work;

	store_forget(a->env->store, a);
	acme_order_free(a->order);
	solver_stop(a->solve);
	clients_release(a->env->clients, a->client);
	autocert_clear(&a->as_autocert);
	free(a);
}

/* --- the end --- */

static void
authorize_end_saved(const struct error *err, void *arg)
{
	struct authorize *a = arg;

	job_over(a->env->events, err, a, authorize_cancel, a->done, a->arg);
}

/* Not a failure of the store: the other jobs go on. */
static void
authorize_put_off_unread(struct authorize *a, struct store_txn *txn, const struct error *err)
{
	event_emit_error(a->env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	schedule_set(a->env->store, txn, SCHEDULE_AUTHORIZE, a->id, a->client->provider.o.id,
		time_add(loop_now(a->env->loop), UNREADABLE_RETRY_SEC));
}

/* Changes the current record, which may have been deleted meanwhile. */
typedef void
change_fn(struct authorize *a, struct store_txn *txn, struct authorization *record, const struct error *why);

static void
authorize_finish(struct authorize *a, change_fn *change, const struct error *why)
{
	struct store *store = a->env->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_authorization_ struct authorization record = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = object_load(store, &authorization_class, a->id, &record, &err);

	if (found == 0) {
		schedule_del(store, txn, SCHEDULE_AUTHORIZE, a->id);
	} else if (found < 0) {
		authorize_put_off_unread(a, txn, &err);
	} else {
		change(a, txn, &record, why);
		if (object_save(store, txn, &authorization_class, &record, &err) < 0)
			store_fail(txn, &err);
	}
	store_then(txn, authorize_end_saved, a);
}

static void
become_valid(struct authorize *a, struct store_txn *txn, struct authorization *r, const struct error *why _unused_)
{
	struct event_object object = { "authorization", a->id, r->o.name };

	str_replace(&r->status, "valid");
	r->o.state = OBJECT_AVAILABLE;
	r->is_forced = false;
	r->attempts = 0;
	error_clear(&r->o.failure);
	if (!r->expires_at)
		r->expires_at = time_add(loop_now(a->env->loop), FORGET_SEC);
	r->next_at = r->expires_at;
	event_emit(a->env->events, txn, EVENT_AUTHORIZATION_DONE, &object, NULL, "%s is authorized", r->o.name);
}

/* The solver has stored and reported the record to publish. */
static void
become_pending(struct authorize *a _unused_, struct store_txn *txn _unused_, struct authorization *r,
	const struct error *why _unused_)
{
	r->is_forced = false;
	r->next_at = r->expires_at;
}

static void
become_failed(struct authorize *a, struct store_txn *txn, struct authorization *r, const struct error *why)
{
	struct event_object object = { "authorization", a->id, r->o.name };

	r->o.state = OBJECT_FAILED;
	error_copy(&r->o.failure, why);
	r->is_forced = false;
	str_replace(&r->order_url, NULL);
	str_replace(&r->txt, NULL);
	str_replace(&r->status, NULL);
	r->next_at = time_add(loop_now(a->env->loop), FORGET_SEC);
	event_emit_error(a->env->events, txn, EVENT_AUTHORIZATION_FAILED, &object, why, "%s", why->message);
}

/* The CA was not reached, or demands a delay: the order is still good. */
static void
authorize_try_again(struct authorize *a, struct store_txn *txn, struct authorization *r, const struct error *why)
{
	struct event_object object = { "authorization", a->id, r->o.name };
	_cleanup_error_ struct error told = ERROR_INIT;
	char when[TIME_RFC3339_SIZE];

	r->attempts = backoff_count(r->attempts, why->code == ERROR_NETWORK || why->code == ERROR_TIMEOUT);
	error_copy(&r->o.failure, why);
	error_copy(&told, why);
	told.retry_at = backoff_due(&(struct backoff_in){
		.now = loop_now(a->env->loop),
		.attempts = r->attempts,
		.retry_at = why->retry_at,
		.jitter_seed = schedule_seed(a->id) + (uint64_t)r->attempts,
		.is_network = true,
	});
	r->next_at = told.retry_at;
	time_format_rfc3339(told.retry_at, when);
	event_emit_error(a->env->events, txn, EVENT_AUTHORIZATION_FAILED, &object, &told, "%s; next attempt %s",
		why->message, when);
}

/* --- what the order asks for --- */

static void
authorize_url_saved(const struct error *err, void *arg)
{
	struct authorize *a = arg;

	acme_order_saved(a->order, err);
}

static void
authorize_op_save_url(const char *url, void *arg)
{
	struct authorize *a = arg;
	struct store *store = a->env->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_authorization_ struct authorization record = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = object_load(store, &authorization_class, a->id, &record, &err);

	if (found == 0)
		error_set(&err, ERROR_CANCELLED, "the authorization was deleted");
	str_replace(&record.order_url, url);
	if (found != 1 || object_save(store, txn, &authorization_class, &record, &err) < 0)
		store_fail(txn, &err);
	store_then(txn, authorize_url_saved, a);
}

static void
authorize_solve_done(const struct error *err, void *arg)
{
	struct authorize *a = arg;

	a->is_waiting = err && err->code == ERROR_STATE;
	acme_order_solved(a->order, a->index, a->challenge, err);
}

static void
authorize_say(const struct authorize *a, const char *state, const char *why)
{
	struct event_object object = { "authorization", a->id, a->as_autocert.common_name };
	struct json_object *data = json_object_new_object();

	json_add_string(data, "state", state);
	json_add_string(data, "why", why);
	event_emit(a->env->events, NULL, EVENT_ISSUE_PROGRESS, &object, data, "%s%s%s", state, why ? ": " : "",
		why ? why : "");
}

static void
authorize_solve_progress(const char *why, void *arg)
{
	authorize_say(arg, acme_order_state_name(ACME_ORDER_SOLVE), why);
}

static void
authorize_op_solve(size_t index, const struct acme_authorization *authz, void *arg)
{
	struct authorize *a = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct solver_request request = {
		.autocert = &a->as_autocert,
		.authz = authz,
		.thumbprint = acme_client_thumbprint(a->client->acme),
		.account_url = acme_client_account_url(a->client->acme),
		.account_hash_prefix = acme_client_account_hash_prefix(a->client->acme),
	};
	int choice = solver_choose(a->env->solver, &a->as_autocert, authz, &err);

	if (choice >= 0 && a->solve)
		choice = error_set(&err, ERROR_PROTOCOL, "the CA requires more than this one name");
	if (choice < 0) {
		acme_order_solved(a->order, index, 0, &err);
		return;
	}
	a->index = index;
	a->challenge = request.challenge = (size_t)choice;
	a->solve = solver_start(a->env->solver, &request, authorize_solve_done, authorize_solve_progress, a);
}

static void
authorize_op_unsolve(size_t index _unused_, void *arg)
{
	struct authorize *a = arg;

	solver_stop(a->solve);
	a->solve = NULL;
}

/* The order requires a CSR: the name is validated. */
static void
authorize_op_csr(void *arg)
{
	authorize_finish(arg, become_valid, NULL);
}

static void
authorize_op_progress(enum acme_order_state state, const char *why, void *arg)
{
	/* The end has a separate event; an order that waits for its record also ends, but without a failure. */
	if (state != ACME_ORDER_DONE && state != ACME_ORDER_FAILED)
		authorize_say(arg, acme_order_state_name(state), why);
}

static void
authorize_op_done(const struct buf *chain_pem, const struct error *err, bool is_spent, void *arg)
{
	struct authorize *a = arg;

	(void)chain_pem; /* an order that has its certificate already: the name was validated for it */
	if (err)
		clients_limit(a->env->clients, a->client->provider.o.id, err);
	if (!err)
		authorize_finish(a, become_valid, NULL);
	else if (a->is_waiting)
		authorize_finish(a, become_pending, NULL);
	else
		authorize_finish(a, is_spent || !err->may_retry ? become_failed : authorize_try_again, err);
}

static const struct acme_order_ops order_ops = {
	.save_url = authorize_op_save_url,
	.solve = authorize_op_solve,
	.unsolve = authorize_op_unsolve,
	.csr = authorize_op_csr,
	.progress = authorize_op_progress,
	.done = authorize_op_done,
};

/* --- begin --- */

/* It cannot be used any more. */
static bool
authorize_is_over(const struct authorization *r, int64_t now)
{
	return r->o.state == OBJECT_FAILED || (r->expires_at && r->expires_at <= now);
}

static bool
authorize_is_valid(const struct authorization *r)
{
	return r->status && strcmp(r->status, "valid") == 0;
}

static void
authorize_forget(struct authorize *a, struct store_txn *txn, struct authorization *r)
{
	struct event_object object = { "authorization", a->id, r->o.name };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct json_object *data;

	if (object_delete(a->env->store, txn, &authorization_class, a->id, &err) < 0) {
		store_fail(txn, &err);
		return;
	}
	data = json_object_new_object();
	json_add_string(data, "by", "certd");
	event_emit(a->env->events, txn, EVENT_OBJECT_DELETED, &object, data, "expired authorization removed");
}

static void
run_order(struct authorize *a, const struct authorization *r)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct acme_order_config config = {
		.url = r->order_url,
		.names = &names,
		.profile = a->client->provider.profile,
		.is_profile_preferred = profile_is_preferred(NULL, &a->client->provider),
	};

	strlist_add(&names, r->o.name);
	a->as_autocert.provider = xstrdup(r->provider);
	a->as_autocert.common_name = xstrdup(r->o.name);
	a->as_autocert.challenge = xstrdup(r->challenge ? r->challenge : "manual");
	a->order = acme_order_new(a->env->loop, a->client->acme, &config, &order_ops, a);
	acme_order_start(a->order);
}

/* Nothing to do before it expires. */
static void
authorize_rest(struct authorize *a, struct store_txn *txn, struct authorization *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	r->next_at = r->expires_at;
	if (object_save(a->env->store, txn, &authorization_class, r, &err) < 0)
		store_fail(txn, &err);
}

static void
authorize_begin(struct authorize *a)
{
	struct store *store = a->env->store;
	_cleanup_authorization_ struct authorization r = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn;
	int found = object_load(store, &authorization_class, a->id, &r, &err);

	if (found == 1 && !authorize_is_over(&r, loop_now(a->env->loop)) && !r.autocert && !authorize_is_valid(&r)) {
		run_order(a, &r);
		return;
	}
	txn = store_begin(store);
	if (found < 0)
		authorize_put_off_unread(a, txn, &err);
	else if (found == 0)
		schedule_del(store, txn, SCHEDULE_AUTHORIZE, a->id);
	else if (authorize_is_over(&r, loop_now(a->env->loop)))
		authorize_forget(a, txn, &r);
	else
		authorize_rest(a, txn, &r);
	store_then(txn, authorize_end_saved, a);
}

static void *
authorize_start(void *arg_env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	const struct issue_env *env = arg_env;
	struct authorize *a = xcalloc(1, sizeof(*a));

	a->env = env;
	a->client = clients_take(env->clients, row->lane);
	a->done = done;
	a->arg = arg;
	memcpy(a->id, row->object, sizeof(a->id));
	authorize_begin(a);
	return a;
}

/* Authorizations expire by the CA's clock: certd's clock moves no row. */
const struct job_kind authorize_job = {
	.kind = SCHEDULE_AUTHORIZE,
	.word = "authorize",
	.classes = { &authorization_class },
	.needs_date = true,
	.start = authorize_start,
	.cancel = authorize_cancel,
	.lane_room = issue_lane_room,
	.lane_opens_at = issue_lane_opens_at,
};

/* --- its order for a certificate --- */

static void
put_issue(const struct issue_env *env, struct store_txn *txn, const struct autocert *autocert,
	const struct authorization *r)
{
	struct issue_record record = { .started_at = loop_now(env->loop) };

	record.provider = xstrdup(autocert->provider);
	record.order_url = xstrdup(r->order_url);
	strlist_add(&record.names, autocert->common_name);
	record_save(env->store, txn, &issue_class, autocert->o.id, &record);
	record_clear(&issue_class, &record);
}

int
authorize_give_order(
	const struct issue_env *env, struct store_txn *txn, const struct autocert *autocert, struct error *err)
{
	_cleanup_authorization_ struct authorization r = { 0 };
	int found;

	if (autocert->sans.count || !autocert->challenge || strcmp(autocert->challenge, "manual") != 0)
		return 0;
	found = authorization_find(env->store, autocert->common_name, autocert->provider, &r, err);
	if (found <= 0)
		return found;
	if (!r.order_url || authorize_is_over(&r, loop_now(env->loop)))
		return 0;
	put_issue(env, txn, autocert, &r);
	if (!authorize_is_valid(&r))
		str_replace(&r.autocert, autocert->o.id);
	str_replace(&r.order_url, NULL);
	return object_save(env->store, txn, &authorization_class, &r, err);
}
