/*
 * One issue, from the due row to the stored certificate. acme_order implements the protocol; this file adds the
 * challenges and makes each step durable. issue_key.c handles the key, issue_result.c success and failure.
 *
 * The due row itself is the durable intent of the order. URL and key share one commit when the key is ready in time
 * (always, except for RSA), so an undisturbed issue costs three commits in addition to the rollout's.
 */
#include "daemon/renew/issue_private.h"

#include "common/crypto/csr.h"
#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/choice.h"
#include "daemon/renew/drop_names.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/profile.h"
#include "daemon/renew/rehearse.h"
#include "daemon/renew/window.h"
#include "daemon/schedule/scheduler.h"

#include <stdlib.h>
#include <string.h>

enum {
	GATHER_MS = 2,
	ORDER_OLD_SEC = 24 * 3600 /* a certificate that could not be fetched for that long is ordered again */
};

static const struct record_field issue_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct issue_record, provider, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct issue_record, order_url, NULL),
	RECORD_FIELD(RECORD_SECRET, 3, struct issue_record, key, NULL),
	RECORD_FIELD(RECORD_STRLIST, 4, struct issue_record, names, NULL),
	RECORD_FIELD(RECORD_INT, 5, struct issue_record, started_at, NULL),
};

const struct record_class issue_class = RECORD_CLASS("issue", STORE_ISSUE, struct issue_record, issue_fields, unknown);

/* Does the error leave the saved record valid? */
static bool
is_store_trouble(const struct error *err)
{
	return err->code == ERROR_IO || err->code == ERROR_NO_SPACE;
}

int64_t
issue_now(const struct issue_env *env)
{
	return clock_wall(loop_clock(env->loop));
}

struct event_object
issue_object(const struct issue *issue)
{
	return (struct event_object){ autocert_class.name, issue->id, issue->autocert.o.name };
}

/* --- release --- */

static void
solve_stop(struct issue_solve *s)
{
	if (s->solve)
		solver_stop(s->solve);
	s->solve = NULL;
}

static void
issue_free(struct issue *issue)
{
	if (issue->env->running)
		--*issue->env->running;
	issue_forget_key(issue);
	store_forget(issue->env->store, issue);
	acme_order_free(issue->order); /* takes challenges down through ops->unsolve */
	for (size_t i = 0; i < issue->n_solves; i++) {
		if (!issue->solves[i])
			continue;
		solve_stop(issue->solves[i]);
		free(issue->solves[i]);
	}
	free(issue->solves);
	ledger_release(issue->claim);
	clients_release(issue->env->clients, issue->client);
	key_free(issue->key);
	record_clear(&issue_class, &issue->record);
	autocert_clear(&issue->autocert);
	strlist_clear(&issue->standing);
	strlist_clear(&issue->dropped);
	buf_clear(&issue->csr);
	buf_clear(&issue->refused_pem);
	buf_clear(&issue->roots);
	free(issue->roots_file);
	free(issue->why);
	free(issue);
}

void
issue_end(struct issue *issue, bool is_stored)
{
	schedule_done_fn *done = issue->done;
	void *arg = issue->arg;

	issue_free(issue);
	done(is_stored, arg);
}

/* --- durable steps --- */

void
issue_gather(const struct issue *issue, struct store_txn *txn)
{
	if (issue->env->running && *issue->env->running > 1)
		store_relax(txn, GATHER_MS);
}

/* Return: the changes, to which more may be added. */
static struct store_txn *
issue_save(struct issue *issue, store_then_fn *then)
{
	struct store_txn *txn = store_begin(issue->env->store);
	_cleanup_error_ struct error err = ERROR_INIT;

	issue_gather(issue, txn);
	if (issue->is_key_saved && issue_wake_key(issue, &err) < 0)
		store_fail(txn, &err);
	else if (!issue->is_rehearsal)
		record_save(issue->env->store, txn, &issue_class, issue->id, &issue->record);
	issue->is_key_saved = issue->key && !issue->is_rehearsal;
	store_then(txn, then, issue);
	return txn;
}

/* --- what "auto" remembers --- */

void
issue_note_validations(const struct issue *issue, bool has_worked, struct strlist *memory)
{
	for (size_t i = 0; solver_is_auto(&issue->autocert) && i < issue->n_solves; i++) {
		const struct issue_solve *s = issue->solves[i];
		_cleanup_free_ char *name = NULL;

		if (!s || !s->authz || !(has_worked || s->has_failed || acme_order_has_failed(issue->order, i)))
			continue;
		name = xasprintf("%s%s", s->authz->is_wildcard ? "*." : "", s->authz->name);
		choice_note(memory, s->authz->challenges[s->challenge].type, name, has_worked);
	}
}

/* --- what the order asks for --- */

static void
issue_url_saved(const struct error *err, void *arg)
{
	struct issue *issue = arg;

	if (!err && issue->is_key_saved)
		issue_rest_key(issue);
	acme_order_saved(issue->order, err);
}

static void
issue_op_save_url(const char *url, void *arg)
{
	struct issue *issue = arg;
	struct store_txn *txn;

	str_replace(&issue->record.order_url, url);
	txn = issue_save(issue, issue_url_saved);
	ledger_set_replacing(issue->claim, acme_order_is_replacing(issue->order));
	ledger_count_order(issue->claim, txn);
}

static void
issue_csr_signed(const struct key *key _unused_, const struct buf *signature, const struct error *err, void *arg)
{
	struct issue *issue = arg;
	const struct csr_content content = issue_csr_content(issue);
	_cleanup_error_ struct error csr_err = ERROR_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT;

	issue->signing = NULL;
	if (!err && (csr_finish(issue->key, &content, signature, &der, &csr_err) < 0 ||
			    issue_know_key(issue, &csr_err) < 0))
		err = &csr_err;
	issue_rest_key(issue);
	acme_order_csr(issue->order, &der, err);
}

static int
issue_make_csr(const struct issue *issue, struct buf *ret, struct error *err)
{
	const char *declared = issue->autocert.csr;
	const struct csr_content content = issue_csr_content(issue);
	_cleanup_csr_ struct csr csr = { .key = NULL };

	if (issue->csr.len) {
		buf_add(ret, issue->csr.data, issue->csr.len);
		return 0;
	}
	if (!declared)
		return csr_make(issue->key, &content, ret, err);
	if (csr_read(declared, strlen(declared), &csr, err) < 0)
		return -1;
	buf_add(ret, csr.der.data, csr.der.len);
	return 0;
}

static void
give_csr(const struct error *err, void *arg)
{
	struct issue *issue = arg;
	_cleanup_error_ struct error csr_err = ERROR_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT;

	if (!err && key_is_in_token(issue->key)) {
		if (issue_sign_csr(issue, issue_csr_signed, &csr_err) == 0)
			return;
		err = &csr_err;
	}
	if (!err && (issue_make_csr(issue, &der, &csr_err) < 0 || issue_know_key(issue, &csr_err) < 0))
		err = &csr_err;
	if (!err)
		issue_rest_key(issue);
	acme_order_csr(issue->order, &der, err);
}

static void
issue_op_csr(void *arg)
{
	struct issue *issue = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	issue->wants_csr = true;
	if (issue->csr.len && issue->is_key_saved) /* the key may rest */
		acme_order_csr(issue->order, &issue->csr, NULL);
	else if (issue_wake_key(issue, &err) < 0)
		give_csr(&err, issue);
	else if (!issue->key)
		return; /* issue_key_ready() continues here */
	else if (issue->is_key_saved)
		give_csr(NULL, issue);
	else
		issue_save(issue, give_csr);
}

void
issue_key_ready(struct issue *issue)
{
	if (issue->wants_csr)
		issue_op_csr(issue);
}

static void
issue_solve_done(const struct error *err, void *arg)
{
	struct issue_solve *s = arg;

	s->has_failed = err != NULL;
	if (!err && solver_standing_record(s->solve))
		strlist_add(&s->issue->standing, solver_standing_record(s->solve));
	acme_order_solved(s->issue->order, s->index, s->challenge, err);
}

void
issue_say(struct issue *issue, const char *state, const char *why, int64_t until_at)
{
	struct event_object object = issue_object(issue);
	struct json_object *data = json_object_new_object();

	str_replace(&issue->why, why);
	json_add_string(data, "state", state);
	json_add_string(data, "why", why);
	if (until_at)
		json_add_time(data, "until", until_at);
	event_emit(issue->env->events, NULL, issue->is_rehearsal ? EVENT_REHEARSAL_PROGRESS : EVENT_ISSUE_PROGRESS,
		&object, data, "%s%s%s", state, why ? ": " : "", why ? why : "");
}

static void
issue_solve_progress(const char *why, void *arg)
{
	struct issue_solve *s = arg;

	issue_say(s->issue, acme_order_state_name(ACME_ORDER_SOLVE), why, s->solve ? solver_until(s->solve) : 0);
}

static struct issue_solve *
solve_slot(struct issue *issue, size_t index)
{
	while (issue->n_solves <= index) {
		issue->solves = xreallocarray(issue->solves, issue->n_solves + 1, sizeof(*issue->solves));
		issue->solves[issue->n_solves++] = NULL;
	}
	if (!issue->solves[index])
		issue->solves[index] = xcalloc(1, sizeof(*issue->solves[index]));
	issue->solves[index]->issue = issue;
	issue->solves[index]->index = index;
	return issue->solves[index];
}

static void
issue_op_solve(size_t index, const struct acme_authorization *authz, void *arg)
{
	struct issue *issue = arg;
	struct issue_solve *s = solve_slot(issue, index);
	_cleanup_error_ struct error err = ERROR_INIT;
	struct solver_request request = {
		.autocert = &issue->autocert,
		.authz = authz,
		.thumbprint = acme_client_thumbprint(issue->client->acme),
		.account_url = acme_client_account_url(issue->client->acme),
		.account_hash_prefix = acme_client_account_hash_prefix(issue->client->acme),
	};
	int choice = solver_choose(issue->env->solver, &issue->autocert, authz, &err);

	if (choice < 0) {
		acme_order_solved(issue->order, index, 0, &err);
		return;
	}
	s->authz = authz;
	s->challenge = request.challenge = (size_t)choice;
	s->solve = solver_start(issue->env->solver, &request, issue_solve_done, issue_solve_progress, s);
}

static void
issue_op_unsolve(size_t index, void *arg)
{
	struct issue *issue = arg;

	if (index < issue->n_solves && issue->solves[index])
		solve_stop(issue->solves[index]);
}

static void
issue_op_progress(enum acme_order_state state, const char *why, void *arg)
{
	issue_say(arg, acme_order_state_name(state), why, 0);
}

static void
issue_op_done(const struct buf *chain_pem, const struct error *err, bool is_spent, void *arg)
{
	struct issue *issue = arg;
	_cleanup_error_ struct error refused = ERROR_INIT;

	if (err && issue->autocert.must_staple && err->problem && strcmp(err->problem, "badCSR") == 0) {
		error_copy(&refused, err);
		error_wrap(&refused, "the request demands OCSP stapling (mustStaple), which CAs may refuse");
		issue_fail(issue, &refused, is_spent);
		return;
	}
	if (err) {
		issue_fail(issue, err, is_spent);
		return;
	}
	if (issue_accept_chain(issue, chain_pem, &refused) < 0)
		issue_fail(issue, &refused, !is_store_trouble(&refused));
}

static const struct acme_order_ops order_ops = {
	.save_url = issue_op_save_url,
	.solve = issue_op_solve,
	.unsolve = issue_op_unsolve,
	.csr = issue_op_csr,
	.progress = issue_op_progress,
	.done = issue_op_done,
};

/* --- begin --- */

/* A saved order for other names or of another provider cannot be used any more. */
static bool
record_fits(const struct issue_record *r, const char *provider_id, const struct strlist *names)
{
	return r->provider && strcmp(r->provider, provider_id) == 0 && strlist_equal(&r->names, names);
}

static int
issue_load(struct issue *issue, struct error *err)
{
	const struct issue_env *env = issue->env;
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct autocert *a = &issue->autocert;
	const char *id = issue->id;
	int found = object_load(env->store, &autocert_class, id, a, err);

	if (found <= 0)
		return found < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "auto-certificate %s was deleted", id);
	if (name_list(a->common_name, &a->sans, env->max_names, true, &names, err) < 0)
		return -1;
	if (!a->csr) /* whose names are fixed */
		drop_names_apply(a, issue_now(env), &names, &issue->dropped);
	found = record_load(env->store, &issue_class, id, &issue->record, err);
	if (found < 0)
		return -1;
	if (found && record_fits(&issue->record, issue->lane, &names))
		return 0;
	record_clear(&issue_class, &issue->record);
	issue->record.provider = xstrdup(issue->lane);
	issue->record.started_at = issue_now(env);
	strlist_copy(&issue->record.names, &names);
	return 0;
}

/*
 * The ARI id of the certificate that the order replaces, owned by the caller: one of the same account, with at least
 * one of its names (RFC 9773 s5). NULL: there is none.
 * @ret_is_renewal: the last certificate is of the same account and has the same names
 */
static char *
issue_predecessor(const struct issue *issue, bool *ret_is_renewal)
{
	const char *id = issue->autocert.last_certificate;
	_cleanup_certificate_ struct certificate cert = { 0 };

	*ret_is_renewal = false;
	if (issue->is_rehearsal || !id || object_peek(issue->env->store, &certificate_class, id, &cert, NULL) != 1 ||
		!cert.provider || strcmp(cert.provider, issue->record.provider) != 0)
		return NULL;
	*ret_is_renewal = strlist_equal(&cert.names, &issue->record.names);
	if (!cert.ari_id)
		return NULL;
	for (size_t i = 0; i < cert.names.count; i++)
		if (strlist_has(&issue->record.names, cert.names.items[i]))
			return xstrdup(cert.ari_id);
	return NULL;
}

/*
 * May the order be sent under the CA's rate limits? @replaces: of issue_predecessor(). Return: 1 yes, 0 no, the issue
 * has ended; -1 failed.
 */
static int
issue_ask_ledger(struct issue *issue, const char *replaces, bool is_renewal, struct error *err)
{
	const struct autocert *a = &issue->autocert;
	const struct rate_order when = {
		.now = issue_now(issue->env),
		.urgent_at = a->last_not_after_at <= 0
				     ? 0
				     : renewal_urgent_at(a->last_not_before_at, a->last_not_after_at,
					       a->renew_before ? a->renew_before : issue->env->renew_before),
		.has_turn = a->hold_at > 0 && a->hold_at <= issue_now(issue->env),
	};
	struct ledger_hold hold = { .why = NULL };
	int rc;

	if (issue->is_rehearsal) /* it is rare; the limits of staging environments are generous */
		return 1;
	issue->claim = ledger_claim(clients_ledger(issue->env->clients),
		&(struct ledger_order){
			.limits = &issue->client->limits,
			.account = issue->client->provider.o.id,
			.server = issue->client->provider.server,
			.names = &issue->record.names,
			.is_renewal = is_renewal,
			.is_replacing = replaces && a->ari_id, /* then the CA offered renewal information */
		});
	if (issue->record.order_url || a->skips_limits) {
		ledger_set_ordered(issue->claim);
		return 1;
	}
	rc = ledger_ask(issue->claim, when, &hold, err);
	if (rc == 0)
		issue_hold(issue, &hold);
	ledger_hold_clear(&hold);
	return rc;
}

/* The provider whose settings apply. @own: filled for a rehearsal, which has only its account elsewhere. */
static const struct provider *
issue_settings(const struct issue *issue, struct provider *own, struct error *err)
{
	const char *id = issue->is_before_order ? issue->lane : issue->autocert.provider;

	if (!issue->is_rehearsal)
		return &issue->client->provider;
	return object_peek(issue->env->store, &provider_class, id, own, err) == 1 ? own : NULL;
}

/* After failed validations: the CA is asked when a rehearsal is over. An order that exists is continued. */
static void
issue_rehearse_first(struct issue *issue)
{
	_cleanup_free_ char *staging = issue->is_rehearsal || issue->record.order_url
					       ? NULL
					       : rehearse_before(issue->env, &issue->autocert, issue_now(issue->env));

	if (!staging)
		return;
	issue->is_rehearsal = issue->is_before_order = true;
	clients_release(issue->env->clients, issue->client);
	issue->client = clients_take(issue->env->clients, staging);
}

static int
issue_begin(struct issue *issue, struct error *err)
{
	_cleanup_provider_ struct provider own = { 0 };
	const struct provider *provider;
	struct acme_order_config config;
	_cleanup_free_ char *replaces = NULL;
	int64_t allowed_at;
	bool is_renewal;
	int rc;

	if (issue_load(issue, err) < 0 || (issue->is_rehearsal && rehearse_take_client(issue, err) < 0))
		return -1;
	allowed_at = window_issue_at(issue->env, &issue->autocert, issue_now(issue->env));
	if (allowed_at > issue_now(issue->env) && !issue->is_rehearsal && !issue->record.order_url) {
		issue_wait_window(issue, allowed_at);
		return 0;
	}
	issue_rehearse_first(issue);
	provider = issue_settings(issue, &own, err);
	if (!provider)
		return -1;
	rc = issue_choose_key(issue, err);
	if (rc <= 0)
		return rc;
	replaces = issue_predecessor(issue, &is_renewal);
	rc = issue_ask_ledger(issue, replaces, is_renewal, err);
	if (rc <= 0)
		return rc;
	if (issue_get_key(issue, err) < 0)
		return -1;
	issue_guard_read_roots(issue, issue->is_rehearsal ? NULL : provider->trusted_roots);
	config = (struct acme_order_config){
		.url = issue->record.order_url,
		.names = &issue->record.names,
		.profile = profile_of(&issue->autocert, provider),
		.is_profile_preferred = profile_is_preferred(&issue->autocert, provider),
		.replaces = replaces,
		.preferred_chain = issue->is_rehearsal               ? NULL /* staging has other roots */
				   : issue->autocert.preferred_chain ? issue->autocert.preferred_chain
								     : provider->preferred_chain,
		.roots = &issue->roots,
		.is_old = issue_now(issue->env) - issue->record.started_at > ORDER_OLD_SEC,
	};
	issue->order = acme_order_new(issue->env->loop, issue->client->acme, &config, &order_ops, issue);
	acme_order_start(issue->order);
	return 0;
}

void *
issue_start(void *arg_env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	const struct issue_env *env = arg_env;
	struct issue *issue = xcalloc(1, sizeof(*issue));
	_cleanup_error_ struct error err = ERROR_INIT;

	issue->env = env;
	if (env->running)
		++*env->running;
	issue->is_rehearsal = row->kind == SCHEDULE_REHEARSE;
	if (!issue->is_rehearsal)
		issue->client = clients_take(env->clients, row->lane);
	issue->done = done;
	issue->arg = arg;
	memcpy(issue->lane, row->lane, sizeof(issue->lane));
	memcpy(issue->id, row->object, sizeof(issue->id));
	if (issue_begin(issue, &err) < 0)
		issue_fail(issue, &err, !is_store_trouble(&err)); /* takes effect at this turn's commit */
	return issue;
}

void
issue_cancel(void *work)
{
	issue_free(work);
}

int64_t
issue_lane_room(void *arg_env, const char *lane, struct error *err)
{
	const struct issue_env *env = arg_env;

	return clients_room(env->clients, lane, err);
}

int64_t
issue_lane_opens_at(void *arg_env, const char *lane)
{
	const struct issue_env *env = arg_env;

	return clients_opens_at(env->clients, lane, NULL);
}

const struct issue *
issue_running(const struct scheduler *scheduler, const char *autocert_id)
{
	return scheduler_work(scheduler, SCHEDULE_ISSUE, autocert_id);
}

char *
issue_name_to_resume(struct store *store, const struct autocert *a)
{
	_cleanup_autocert_ struct autocert main = { 0 };

	if (a->is_paused && a->variant_of)
		object_peek(store, &autocert_class, a->variant_of, &main, NULL);
	return xstrdup(main.o.name ? main.o.name : a->o.name);
}

bool
issue_is_rehearsal(const struct issue *issue)
{
	return issue->is_rehearsal;
}

/* A retry is due by its backoff, a renewal by the certificate's dates. */
static int64_t
due_by_now(const struct issue_env *env, const struct autocert *a, const struct schedule_row *row, int64_t now)
{
	struct backoff_in in = {
		.now = now,
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.retry_at = a->last_error.retry_at,
	};
	int64_t renewal_at;

	if (a->attempts > 0)
		return job_due_within(row, now, time_add(backoff_latest(&in), -now));
	renewal_at = issue_renewal_at(env, a);
	return renewal_at < row->due_at ? renewal_at : row->due_at;
}

/* It failed while the clock was ahead: the CA's wait begins now. Return: whether that was so. */
static bool
move_failure(struct autocert *a, int64_t now)
{
	int64_t ahead = time_add(a->last_attempt_at, -now);

	if (a->attempts == 0 || ahead <= 0)
		return false;
	a->last_attempt_at = now;
	if (a->last_error.retry_at > 0)
		a->last_error.retry_at = time_add(a->last_error.retry_at, -ahead);
	return true;
}

static int64_t
issue_after_clock_change(void *arg_env, const struct schedule_row *row, int64_t now)
{
	const struct issue_env *env = arg_env;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn;
	bool has_moved;

	if (row->due_at <= now || object_load(env->store, &autocert_class, row->object, &a, &err) != 1)
		return row->due_at; /* an unreadable one is reported when the row is due */
	has_moved = move_failure(&a, now);
	a.next_at = due_by_now(env, &a, row, now);
	if (a.next_at == row->due_at && !has_moved)
		return row->due_at;
	txn = store_begin(env->store);
	if (object_save(env->store, txn, &autocert_class, &a, &err) < 0)
		store_fail(txn, &err);
	return a.next_at;
}

static int64_t
issue_count_troubles(void *arg_env)
{
	const struct issue_env *env = arg_env;

	return object_count_failing(env->store, &autocert_class);
}

static bool
issue_describe_trouble(void *arg_env, const struct schedule_row *row, struct job_trouble *ret)
{
	const struct issue_env *env = arg_env;
	_cleanup_autocert_ struct autocert a = { 0 };

	if (object_peek(env->store, &autocert_class, row->object, &a, NULL) != 1 || a.attempts == 0)
		return false;
	job_trouble_set(ret, autocert_class.name, a.o.name, &a.last_error);
	return true;
}

const struct job_kind issue_job = {
	.kind = SCHEDULE_ISSUE,
	.word = "issue",
	.classes = { &autocert_class },
	.needs_date = true,
	.start = issue_start,
	.cancel = issue_cancel,
	.lane_room = issue_lane_room,
	.lane_opens_at = issue_lane_opens_at,
	.after_clock_change = issue_after_clock_change,
	.count_troubles = issue_count_troubles,
	.describe_trouble = issue_describe_trouble,
};

void
issue_get_progress(const struct issue *issue, struct issue_progress *ret)
{
	ret->state = issue->order ? acme_order_state_name(acme_order_state_of(issue->order)) : "key";
	ret->why = issue->why;
}
