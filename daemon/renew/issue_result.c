/*
 * The end of an issue. In any case the auto-certificate, the consequences of its new state (the next row in the
 * schedule, the rollout) and the end of the issue are one transaction. The declaration is read again before, because it
 * may have changed during the order.
 */
#include "daemon/renew/issue_private.h"

#include "common/crypto/x509.h"
#include "common/random.h"
#include "common/timefmt.h"
#include "daemon/acme/acme_problem.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/choice.h"
#include "daemon/renew/account.h"
#include "daemon/renew/ari.h"
#include "daemon/renew/crl.h"
#include "daemon/renew/drop_names.h"
#include "daemon/renew/failover.h"
#include "daemon/renew/persist.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/profile.h"
#include "daemon/renew/rehearse.h"
#include "daemon/renew/window.h"
#include "daemon/schedule/schedule.h"
#include "daemon/store/certificate.h"

#include <stdlib.h>
#include <string.h>

enum { UNREADABLE_RETRY_SEC = 3600, EXPIRED_RETRY_SEC = 86400, PAUSED_RETRY_SEC = 86400, COMMON_NAME_SHOWN = 200 };

/* --- failure --- */

/*
 * Would every order fail like this? Before there is an order: the CA cannot be reached, or it fails itself (5xx). What
 * follows depends on the names.
 */
static bool
issue_result_is_ca_trouble(const struct issue *issue, const struct error *err)
{
	if (issue->record.order_url)
		return false;
	switch (err->code) {
	case ERROR_NETWORK:
	case ERROR_TIMEOUT:
	case ERROR_TLS:
	case ERROR_DNS:
		return true;
	case ERROR_CA:
		return err->may_retry && (!err->problem || strcmp(err->problem, "serverInternal") == 0);
	default:
		return false;
	}
}

/*
 * Is the cause outside the certificate? Not when the order ran to its end and is spent: a CA that never validates was
 * reached. Before there is an order, a name that DNS does not find is the CA's.
 */
static bool
issue_result_is_network_trouble(const struct issue *issue, const struct error *err, bool is_spent)
{
	bool has_order = issue->record.order_url != NULL;

	if (issue_result_is_ca_trouble(issue, err))
		return true;
	if (err->code == ERROR_NETWORK || err->code == ERROR_TIMEOUT)
		return !has_order || !is_spent;
	return err->code == ERROR_DNS && !has_order;
}

/* When the next attempt is due. Bounds the time that the CA demands, in @err, by the certificate that is in use. */
static int64_t
issue_retry_at(const struct issue_env *env, const struct autocert *a, struct error *err, bool is_network)
{
	struct backoff_in in = {
		.now = issue_now(env),
		.attempts = failover_attempts(a),
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.retry_at = err->retry_at,
		.is_network = is_network,
	};

	if (clock_is_virtual(loop_clock(env->loop)))
		in.jitter_seed = schedule_seed(a->o.id) + (uint64_t)a->attempts; /* simulations repeat */
	else
		random_octets(&in.jitter_seed, sizeof(in.jitter_seed));
	err->retry_at = backoff_not_before(&in);
	return backoff_due(&in);
}

/* A name is paused until a person has mended it: until then the CA is asked once a day. */
static void
issue_result_note_pause(struct autocert *a, const struct error *err, bool is_network, int64_t now)
{
	_cleanup_free_ char *url = acme_problem_unpause_url(err);

	if (url || !is_network)
		str_replace(&a->unpause_url, url);
	if (url && a->last_error.retry_at < time_add(now, PAUSED_RETRY_SEC))
		a->last_error.retry_at = time_add(now, PAUSED_RETRY_SEC);
}

void
issue_note_failure(const struct issue_env *env, struct autocert *a, const struct error *err, bool is_network)
{
	a->attempts = backoff_count(a->attempts, is_network);
	a->skips_limits = false;
	a->last_attempt_at = issue_now(env);
	error_copy(&a->last_error, err);
	issue_result_note_pause(a, err, is_network, a->last_attempt_at);
	if (failover_note(env, a, err, is_network)) {
		/* Both were the former CA's; the reason of the move has its words. */
		a->last_error.retry_at = 0;
		str_replace(&a->unpause_url, NULL);
	}
	a->next_at = window_issue_at(env, a, issue_retry_at(env, a, &a->last_error, is_network));
	error_copy(&a->o.failure, &a->last_error);
	if (!a->last_certificate)
		a->o.state = OBJECT_FAILED;
}

static void
issue_result_note_failure(
	struct issue *issue, struct store_txn *txn, struct autocert *a, const struct error *err, bool is_network)
{
	struct event_object object = issue_object(issue);
	char when[TIME_RFC3339_SIZE];
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_free_ char *before = xstrdup(autocert_provider(a));
	bool has_moved;

	issue_note_failure(issue->env, a, err, is_network);
	if (!issue->is_rehearsal)
		rehearse_count(a, err, issue_now(issue->env));
	has_moved = strcmp(autocert_provider(a), before) != 0;
	if (issue->refused_pem.len > 0) {
		buf_reset(&a->refused_pem);
		buf_add(&a->refused_pem, issue->refused_pem.data, issue->refused_pem.len);
	}
	error_copy(&why, err);
	why.retry_at = a->next_at;
	time_format_rfc3339(a->next_at, when);
	event_emit_error(issue->env->events, txn, EVENT_ISSUE_FAILED, &object, &why, "%s; next attempt %s%s%s",
		err->message, when, has_moved ? "; " : "", has_moved ? a->provider_why : "");
}

/* The result is durable; if not (disk full), the row is still due. */
static void
issue_result_end_saved(const struct error *err, void *arg)
{
	struct issue *issue = arg;
	struct event_object object = issue_object(issue);

	if (err)
		event_emit_error(issue->env->events, NULL, EVENT_STORE_FAILED, &object, err, "%s", err->message);
	issue_end(issue, !err);
}

void
issue_end_with(struct issue *issue, struct store_txn *txn)
{
	store_then(txn, issue_result_end_saved, issue);
}

void
issue_wait_window(struct issue *issue, int64_t until_at)
{
	struct store_txn *txn = store_begin(issue->env->store);
	struct autocert *a = &issue->autocert;
	_cleanup_error_ struct error err = ERROR_INIT;

	a->next_at = until_at;
	if (object_save(issue->env->store, txn, &autocert_class, a, &err) < 0)
		store_fail(txn, &err);
	issue_say(issue, "wait", "for its window", until_at);
	issue_end_with(issue, txn);
}

/* It was looked at before its turn: the turn stays, and others keep theirs. */
static bool
issue_result_has_turn(const struct issue *issue, const struct ledger_hold *hold)
{
	return issue->autocert.hold_at > issue_now(issue->env) && issue->autocert.hold_at <= hold->until_at;
}

static void
issue_result_wait(struct issue *issue, struct store_txn *txn, const char *why, int64_t until_at)
{
	struct autocert *a = &issue->autocert;
	_cleanup_error_ struct error err = ERROR_INIT;

	str_replace(&a->hold_why, why);
	a->next_at = a->hold_at = until_at;
	if (object_save(issue->env->store, txn, &autocert_class, a, &err) < 0)
		store_fail(txn, &err);
	issue_gather(issue, txn);
	issue_say(issue, "hold", why, until_at);
	issue_end_with(issue, txn);
}

void
issue_hold(struct issue *issue, struct ledger_hold *hold)
{
	struct store_txn *txn = store_begin(issue->env->store);
	bool has_turn = issue_result_has_turn(issue, hold);

	if (!has_turn)
		ledger_keep_turn(clients_ledger(issue->env->clients), txn, hold);
	issue_result_wait(issue, txn, hold->why, has_turn ? issue->autocert.hold_at : hold->until_at);
}

void
issue_wait(struct issue *issue, const char *why, int64_t until_at)
{
	issue_result_wait(issue, store_begin(issue->env->store), why, until_at);
}

static void
issue_result_count_failures(struct issue *issue, struct store_txn *txn, struct strlist *ret_names)
{
	if (issue->order)
		acme_order_invalid_names(issue->order, ret_names);
	for (size_t i = 0; issue->claim && i < ret_names->count; i++)
		ledger_count_failure(issue->claim, txn, ret_names->items[i]);
}

/* @is_spent: the order cannot be continued. Its key is discarded too: a new order gets a new key. */
void
issue_fail(struct issue *issue, const struct error *err, bool is_spent)
{
	_cleanup_autocert_ struct autocert now = { 0 };
	_cleanup_error_ struct error load_err = ERROR_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_strlist_ struct strlist validations = STRLIST_INIT, invalid = STRLIST_INIT;
	struct store_txn *txn;
	const char *id = issue->id;
	/* A rehearsal has another. */
	const char *provider = issue->client ? issue->client->provider.o.id : issue->lane;

	if (issue->is_rehearsal && !(issue->is_before_order && err->code == ERROR_VALIDATION)) {
		rehearse_fail(issue, err);
		return;
	}
	txn = store_begin(issue->env->store);
	error_copy(&why, err); /* it may belong to the order */
	if (issue->is_rehearsal)
		error_wrap(&why, "the rehearsal with provider '%s' failed, and the CA was not asked",
			issue->client->provider.o.name);
	strlist_copy(&validations, &issue->autocert.validations);
	if (issue->order)
		issue_note_validations(issue, false, &validations);
	clients_limit(issue->env->clients, provider, err);
	profile_note_offer(issue->env, txn, issue->client);
	clients_note_order(issue->env->clients, provider, issue_result_is_ca_trouble(issue, err) ? err : NULL);
	issue_result_count_failures(issue, txn, &invalid);
	store_forget(issue->env->store, issue);
	acme_order_free(issue->order);
	issue->order = NULL;
	issue_forget_key(issue);
	if (is_spent)
		store_del(txn, STORE_ISSUE, id, strlen(id));
	/* The declaration may have changed during the order: keep its current content. */
	switch (object_load(issue->env->store, &autocert_class, id, &now, &load_err)) {
	case 1:
		if (strlist_equal(&now.validations, &issue->autocert.validations))
			strlist_copy(&now.validations, &validations);
		if (!issue->is_rehearsal) /* its CA may be unable to reach a name */
			drop_names_note(&now, &invalid, issue_now(issue->env));
		issue_result_note_failure(
			issue, txn, &now, &why, issue_result_is_network_trouble(issue, &why, is_spent));
		if (object_save(issue->env->store, txn, &autocert_class, &now, &load_err) < 0)
			store_fail(txn, &load_err);
		else if (clients_opens_at(issue->env->clients, issue->lane, NULL) > 0)
			failover_look_at_lane(issue->env, txn, issue->lane);
		break;
	case 0:
		schedule_del(issue->env->store, txn, SCHEDULE_ISSUE, id);
		break;
	default: /* unreadable: reported, kept, and tried again */
		event_emit_error(issue->env->events, txn, EVENT_STORE_FAILED, NULL, &load_err, "%s", load_err.message);
		schedule_set(issue->env->store, txn, SCHEDULE_ISSUE, id, issue->lane,
			time_add(issue_now(issue->env), UNREADABLE_RETRY_SEC));
	}
	issue_end_with(issue, txn);
}

/* --- success --- */

static void
issue_result_make_certificate(
	struct certificate *cert, const struct issue *issue, const struct cert_info *info, int64_t now)
{
	char stamp[TIME_RFC3339_SIZE];
	unsigned char pair[32];

	time_format_rfc3339(now, stamp);
	store_new_id(cert->o.id);
	/* a common name may have 253 octets, a name 255 */
	cert->o.name = xasprintf("%.*s %s", COMMON_NAME_SHOWN, issue->record.names.items[0], stamp);
	cert->o.created_at = cert->o.modified_at = now;
	cert->o.created_by = xstrdup("certd");
	cert->o.modified_by = xstrdup("certd");
	cert->o.state = OBJECT_AVAILABLE;
	cert->autocert = xstrdup(issue->id);
	cert->provider = xstrdup(issue->record.provider);
	cert->common_name = xstrdup(issue->record.names.items[0]);
	strlist_copy(&cert->names, &issue->record.names);
	certificate_fill(cert, info, key_algorithm_name(issue->key_algorithm));
	cert->ari_id = xstrdup_null(info->ari_id);
	secret_copy(&cert->key, &issue->record.key);
	key_pair_digest(&cert->key, cert->leaf_pem.data, cert->leaf_pem.len, pair);
	buf_add(&cert->pair, pair, sizeof(pair));
}

/* Two certificates of one name within a second: the id makes the names differ. */
static int
certificate_save(struct issue *issue, struct store_txn *txn, struct certificate *cert, struct error *err)
{
	char *name;

	if (object_save(issue->env->store, txn, &certificate_class, cert, err) == 0)
		return 0;
	if (err->code != ERROR_EXISTS)
		return -1;
	error_clear(err);
	name = xasprintf("%s %.8s", cert->o.name, cert->o.id);
	free(cert->o.name);
	cert->o.name = name;
	return object_save(issue->env->store, txn, &certificate_class, cert, err);
}

/* Of the newest certificate: one that waits for approval is renewed by its own dates, and not when the CA says so. */
struct renewal_in
issue_renewal_in(const struct issue_env *env, const struct autocert *a)
{
	_cleanup_certificate_ struct certificate waiting = { 0 };
	struct renewal_in in = {
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.renew_before = a->renew_before ? a->renew_before : env->renew_before,
		.ari_pick_at = a->ari_pick_at,
		.spread_seed = schedule_seed(a->o.id),
		.issued_at = a->attempts == 0 && a->last_attempt_at <= issue_now(env) ? a->last_attempt_at : 0,
		.hurried_at = a->hurried_before_at,
	};

	if (a->waiting_certificate &&
		object_peek(env->store, &certificate_class, a->waiting_certificate, &waiting, NULL) == 1) {
		in.not_before_at = waiting.not_before_at;
		in.not_after_at = waiting.not_after_at;
		in.ari_pick_at = 0;
	}
	return in;
}

int64_t
issue_renewal_at(const struct issue_env *env, const struct autocert *a)
{
	const struct renewal_in in = issue_renewal_in(env, a);

	return a->last_certificate && !a->is_outdated ? window_issue_at(env, a, renewal_due(&in)) : issue_now(env);
}

bool
issue_is_held(const struct issue_env *env, const struct autocert *a)
{
	const struct renewal_in in = issue_renewal_in(env, a);

	return a->last_certificate && !a->is_outdated && renewal_is_held(&in);
}

/* The last certificate has been replaced at @now. After failures the time of its issue is no longer known. */
static void
issue_result_note_hurry(const struct issue_env *env, struct autocert *a, int64_t now)
{
	struct renewal_in in = issue_renewal_in(env, a);

	if (in.issued_at == 0)
		in.issued_at = a->last_not_before_at;
	if (!a->last_certificate || a->is_outdated || !renewal_is_hurried(&in, now))
		return;
	a->hurried_before_at = a->hurried_at;
	a->hurried_at = now;
}

void
issue_plan_renewal(const struct issue_env *env, struct autocert *a, bool is_now)
{
	a->next_at = is_now ? issue_now(env) : issue_renewal_at(env, a);
}

void
issue_plan_again(const struct issue_env *env, struct autocert *a)
{
	const struct backoff_in in = {
		.now = a->last_attempt_at,
		.attempts = failover_attempts(a),
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.retry_at = a->last_error.retry_at,
		.jitter_seed = schedule_seed(a->o.id) + (uint64_t)a->attempts,
	};
	int64_t now = issue_now(env), due_at = backoff_due(&in);

	if (a->attempts == 0)
		issue_plan_renewal(env, a, false);
	else
		a->next_at = window_issue_at(env, a, due_at > now ? due_at : now);
}

void
issue_replace(const struct issue_env *env, struct store_txn *txn, struct autocert *a)
{
	store_del(txn, STORE_ISSUE, a->o.id, strlen(a->o.id));
	a->attempts = 0;
	rehearse_forget(a);
	a->is_outdated = true; /* also when the order has to wait: nothing moves it to the date of the old one */
	if (!a->is_paused)
		issue_plan_renewal(env, a, true);
}

void
issue_use(const struct issue_env *env, struct autocert *a, const struct certificate *cert, bool has_ari)
{
	issue_result_note_hurry(env, a, issue_now(env));
	ari_forget(a, has_ari ? cert->ari_id : NULL);
	a->is_outdated = a->wants_new_key = false;
	str_replace(&a->reissue, NULL);
	a->last_not_before_at = cert->not_before_at;
	a->last_not_after_at = cert->not_after_at;
	str_replace(&a->last_certificate, cert->o.id);
	str_replace(&a->waiting_certificate, NULL);
	a->waiting_until_at = 0;
	error_clear(&a->o.failure);
	a->o.state = OBJECT_AVAILABLE;
}

static void
issue_result_note_success(const struct issue *issue, struct autocert *a, const struct certificate *cert)
{
	if (a->waiting_until_at)
		str_replace(&a->waiting_certificate, cert->o.id);
	else
		issue_use(issue->env, a, cert, acme_client_offers_renewal_info(issue->client->acme));
	persist_note(a, &issue->standing);
	issue_note_validations(issue, true, &a->validations);
	choice_keep(&a->validations, &issue->record.names);
	drop_names_issued(a, &issue->record.names);
	a->attempts = 0;
	failover_end(a);
	rehearse_forget(a);
	a->skips_windows = false;
	a->hold_at = 0;
	a->skips_limits = false;
	str_replace(&a->hold_why, NULL);
	str_replace(&a->unpause_url, NULL);
	a->last_attempt_at = cert->o.created_at;
	error_clear(&a->last_error);
	buf_clear(&a->refused_pem);
	error_clear(&a->o.failure);
}

/* Recorded in the audit log, because no caller requested the certificate at this moment. */
static void
certificate_record(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert)
{
	const struct audit_entry entry = {
		.who = "certd", .method = "issue", .object = { "certificate", cert->o.id, cert->o.name }
	};

	if (env->audit)
		audit_change(env->audit, txn, &entry);
}

static void
issue_result_report(const struct issue *issue, struct store_txn *txn, const struct certificate *cert)
{
	struct event_object object = issue_object(issue);
	struct json_object *data = json_object_new_object();
	const struct strlist *notes = acme_order_notes(issue->order);
	_cleanup_strlist_ struct strlist remarks = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;
	char until[TIME_RFC3339_SIZE];

	if (cert->o.failure.message)
		strlist_add(&remarks, cert->o.failure.message);
	for (size_t i = 0; i < notes->count; i++)
		strlist_add(&remarks, notes->items[i]);
	text = strlist_join(&remarks, "; ");
	time_format_rfc3339(cert->not_after_at, until);
	json_add_string(data, "certificate", cert->o.id);
	json_add_time(data, "notAfter", cert->not_after_at);
	event_emit(issue->env->events, txn, EVENT_ISSUE_DONE, &object, data,
		"certificate issued by %s, valid until %s%s%s", cert->issuer_cn ? cert->issuer_cn : "the CA", until,
		*text ? "; " : "", text);
}

/* Stores certificate, next renewal, rollout intent and the end of the issue in one transaction. */
static int
issue_store(struct issue *issue, struct certificate *cert, const struct cert_info *info, struct error *err)
{
	_cleanup_strlist_ struct strlist differences = STRLIST_INIT;
	const struct issue_env *env = issue->env;
	_cleanup_autocert_ struct autocert a = { 0 };
	struct store_txn *txn;
	int found = object_load(env->store, &autocert_class, issue->id, &a, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return error_set(err, ERROR_CANCELLED, "the auto-certificate was deleted");
	strlist_copy(&cert->labels, &a.labels);
	if (issue_guard_compare(issue, &a, cert, info, &differences, err) < 0)
		return -1;
	dane_used(&a, info->spki_sha256, &issue->record.key);
	txn = store_begin(env->store);
	issue_gather(issue, txn);
	if (certificate_save(issue, txn, cert, err) < 0)
		return -1;
	issue_result_note_success(issue, &a, cert);
	if (a.is_paused)
		a.next_at = 0; /* ordered by a caller: once */
	else
		issue_plan_renewal(env, &a, false);
	if (!a.is_paused &&
		cert->not_after_at <= issue_now(env)) /* a clock is wrong, so another order would not help */
		a.next_at = time_add(issue_now(env), EXPIRED_RETRY_SEC);
	if (object_save(env->store, txn, &autocert_class, &a, err) < 0) {
		store_fail(txn, err);
		return -1;
	}
	store_del(txn, STORE_ISSUE, a.o.id, strlen(a.o.id));
	crl_note_certificate(env, txn, info);
	issue_result_report(issue, txn, cert);
	issue_guard_report(issue, txn, &a, cert, &differences);
	certificate_record(env, txn, cert);
	account_works(env, txn, issue->record.provider);
	profile_note_offer(env, txn, issue->client);
	clients_note_order(env->clients, issue->lane, NULL);
	ledger_count_certificate(issue->claim, txn);
	issue_end_with(issue, txn); /* on failure the order is still valid and its URL stored */
	return 0;
}

/* The certificate is used in any case; its metadata lists the faults. */
static void
issue_result_note_doubts(struct certificate *cert, const struct strlist *doubts)
{
	_cleanup_free_ char *all = doubts->count ? strlist_join(doubts, "; ") : NULL;

	if (all)
		error_set(&cert->o.failure, ERROR_PROTOCOL, "%s", all);
}

int
issue_accept_chain(struct issue *issue, const struct buf *chain, struct error *err)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	struct cert_info info = { 0 };
	int64_t now = issue_now(issue->env);
	struct x509_asked asked = { .names = &issue->record.names, .now = now, .seen = issue->env->seen };
	_cleanup_strlist_ struct strlist doubts = STRLIST_INIT;
	int rc = -1;

	if (issue_know_key(issue, err) < 0)
		return -1;
	memcpy(asked.spki, issue->spki, sizeof(asked.spki));
	if (x509_chain_accept(chain->data, chain->len, &asked, &cert.leaf_pem, &cert.chain_pem, &info, &doubts, err) <
		0) {
		error_wrap(err, "the CA issued a certificate that was not requested");
		buf_add(&issue->refused_pem, chain->data, chain->len);
	} else if (issue->is_rehearsal) {
		rehearse_pass(issue, &info, &doubts);
		rc = 0;
	} else {
		issue_result_make_certificate(&cert, issue, &info, now);
		issue_result_note_doubts(&cert, &doubts);
		rc = issue_store(issue, &cert, &info, err);
	}
	cert_info_clear(&info);
	return rc;
}
