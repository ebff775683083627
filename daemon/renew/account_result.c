/*
 * The end of an account's job: the record of the provider, its event, and the orders that waited for the account are
 * one transaction.
 */
#include "daemon/renew/account_private.h"

#include "common/crypto/key.h"
#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/renew/account.h"
#include "daemon/renew/failover.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/profile.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 24 * 3600, BUSY_SEC = 15, OPERATOR_RETRY_SEC = DAY, UNREADABLE_RETRY_SEC = 3600, REFERRERS_MAX = 10000 };

void
account_cancel(void *work)
{
	struct account *account = work;

	store_forget(account->env->store, account);
	account_keygen_cancel(account);
	acme_call_cancel(account->call);
	acme_client_free(account->client);
	acme_client_free(account->next_client);
	key_free(account->next_key);
	error_clear(&account->refusal);
	free(account->former_url);
	free(account->email);
	free(account->terms_url);
	free(account->profile_note);
	free(account);
}

static void
account_end(struct account *account, bool is_stored)
{
	schedule_done_fn *done = account->done;
	void *arg = account->arg;

	clients_forget(account->env->clients, account->id);
	account_cancel(account);
	done(is_stored, arg);
}

static void
account_saved(const struct error *err, void *arg)
{
	struct account *account = arg;

	if (err)
		event_emit_error(account->env->events, NULL, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	account_end(account, !err);
}

static struct event_object
account_object(const struct account *account, const struct provider *p)
{
	return (struct event_object){ "provider", account->id, p->o.name };
}

/* The CA was not reached. */
static bool
account_is_network_trouble(const struct error *err)
{
	return err->code == ERROR_NETWORK || err->code == ERROR_TIMEOUT || err->code == ERROR_DNS;
}

/* Nothing brings it back. One that is only refused may be usable again tomorrow. */
static bool
account_is_over(const struct provider *p)
{
	return p->account_status && strcmp(p->account_status, "refused") != 0;
}

/*
 * Wrong EAB, terms not accepted: only a changed setting helps, and changing the provider retries at once. An invalid
 * answer of the CA may be gone in a minute.
 */
static int64_t
account_retry_at(const struct account *account, const struct provider *p, const struct error *err)
{
	int64_t now = loop_now(account->env->loop);
	int64_t latest = time_add(now, DAY); /* every certificate of the provider waits, and one request is little */
	struct backoff_in in = {
		.now = now,
		.attempts = p->attempts,
		.retry_at = err->retry_at < latest ? err->retry_at : latest,
		.jitter_seed = schedule_seed(account->id) + (uint64_t)p->attempts,
		.is_network = account_is_network_trouble(err),
	};

	bool needs_operator = err->field || account_is_over(p);

	return err->may_retry || !needs_operator ? backoff_due(&in) : time_add(now, OPERATOR_RETRY_SEC);
}

static void
account_note_failure(struct account *account, struct store_txn *txn, struct provider *p, const struct error *err)
{
	struct event_object object = account_object(account, p);
	_cleanup_error_ struct error why = ERROR_INIT;
	char when[TIME_RFC3339_SIZE];
	int64_t retry_at;

	p->attempts = backoff_count(p->attempts, account_is_network_trouble(err));
	p->o.state = OBJECT_FAILED;
	error_copy(&p->o.failure, err);
	retry_at = account_retry_at(account, p, err);
	p->next_at = retry_at;
	error_copy(&why, err);
	why.retry_at = retry_at;
	time_format_rfc3339(retry_at, when);
	event_emit_error(account->env->events, txn, EVENT_ACCOUNT_FAILED, &object, &why, "%s; next attempt %s",
		err->message, when);
}

/* A note for the operator about a successful registration; owned by the caller, NULL: none. */
static char *
success_note(const struct account *account, const struct provider *p)
{
	/* A key made by certd with an existing account: the answer to an earlier attempt was lost. */
	bool was_there = account->was_there && p->is_key_imported;

	if (account->is_found && !was_there)
		return NULL;
	if (!p->eab_key_id && !p->eab_key.len)
		return was_there ? xstrdup("this key already had an account") : NULL;
	if (was_there)
		return xstrdup("this key already had an account; the EAB is no longer needed");
	if (!account->needs_eab)
		return xstrdup("this CA does not require an external account; the EAB is not needed");
	if (!p->eab_key_id || !p->eab_key.len)
		return xstrdup("registered without external account binding, because the binding is incomplete");
	return xasprintf("bound to the external account '%s'; the EAB is no longer needed", p->eab_key_id);
}

/* A wrong profile does not prevent the registration, but is reported at once. */
static char *
account_note(const struct account *account, const struct provider *p)
{
	_cleanup_free_ char *note = success_note(account, p);

	if (!account->profile_note)
		return xstrdup_null(note);
	return xasprintf("%s%s%s", note ? note : "", note ? "; " : "", account->profile_note);
}

/* Was the attempt refused because of the account, which is usable now? */
static bool
account_was_to_blame(const struct error *err)
{
	static const char *const problems[] = { "accountDoesNotExist", "unauthorized", "userActionRequired" };

	if (err->field && strcmp(err->field, "profile") == 0) /* "unauthorized" to use it */
		return false;
	for (size_t i = 0; err->code == ERROR_CA && err->problem && i < ARRAY_SIZE(problems); i++)
		if (strcmp(err->problem, problems[i]) == 0)
			return true;
	return false;
}

/* They would wait for a day. */
static void
account_wake_orders(const struct account *account, struct store_txn *txn, const struct provider *p)
{
	struct store *store = account->env->store;
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (object_count_failing(store, &autocert_class) == 0)
		return;
	if (object_referrers(store, &autocert_class, p->o.id, REFERRERS_MAX, &ids, &err) < 0)
		store_fail(txn, &err);
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		if (object_load(store, &autocert_class, ids.items[i], &a, NULL) != 1 || a.is_paused ||
			!account_was_to_blame(&a.last_error) || strcmp(autocert_provider(&a), p->o.id) != 0)
			continue;
		a.next_at = loop_now(account->env->loop);
		if (object_save(store, txn, &autocert_class, &a, &err) < 0)
			store_fail(txn, &err);
	}
}

/* The CA had forgotten its accounts: what names the former one is void. */
static void
account_report_replaced(const struct account *account, struct store_txn *txn, const struct provider *p)
{
	struct event_object object = account_object(account, p);
	struct json_object *data;

	if (!account->former_url || strcmp(account->former_url, p->account_url) == 0)
		return;
	data = json_object_new_object();
	json_add_string(data, "former", account->former_url);
	json_add_string(data, "account", p->account_url);
	event_emit(account->env->events, txn, EVENT_ACCOUNT_REPLACED, &object, data,
		"the CA did not know the account %s any more; the same key was registered again, as %s",
		account->former_url, p->account_url);
}

/* Another job of the account is due in @seconds. */
static void
account_continue(const struct account *account, struct provider *p, int64_t seconds)
{
	p->o.state = OBJECT_PROVISIONING;
	p->next_at = time_add(loop_now(account->env->loop), seconds);
}

/* The replacement of the key is over: the CA has one of the keys for certain, and only that one is kept. */
static void
account_note_roll(struct account *account, struct store_txn *txn, struct provider *p, const struct error *err)
{
	struct event_object object = account_object(account, p);
	_cleanup_free_ char *thumbprint = key_thumbprint(account->next_key, NULL);

	p->wants_rollover = false;
	p->attempts = 0;
	p->o.state = OBJECT_AVAILABLE;
	error_clear(&p->o.failure);
	free(p->account_note);
	if (account->roll == ROLL_DONE) {
		p->account_note = NULL;
		secret_move(&p->account_key, &p->next_key);
		str_replace(&p->account_thumbprint, thumbprint);
		event_emit(account->env->events, txn, EVENT_ACCOUNT_DONE, &object, NULL,
			"account %s has another key, with the thumbprint %s", p->account_url, p->account_thumbprint);
	} else {
		secret_clear(&p->next_key);
		p->account_note = xasprintf("the key was not replaced: %s", err->message);
		event_emit_error(account->env->events, txn, EVENT_ACCOUNT_FAILED, &object, err,
			"the key of the account %s was not replaced, and is still valid: %s", p->account_url,
			err->message);
	}
	if (p->has_new_email)
		account_continue(account, p, 0);
}

/* As its operator wanted: certd goes on to say that the provider has no account. */
static void
account_note_end(struct account *account, struct store_txn *txn, struct provider *p, struct error *ret_dead)
{
	struct event_object object = account_object(account, p);
	_cleanup_free_ char *command = shell_certctl("new-account", p->o.name, NULL);

	p->wants_end = false;
	p->attempts = 0;
	p->terms = TERMS_QUIET;
	str_replace(&p->account_status, "deactivated");
	str_replace(&p->account_note, NULL);
	error_set(ret_dead, ERROR_CA, "the account %s was deactivated; to register another one: %s", p->account_url,
		command);
	str_replace(&ret_dead->problem, "unauthorized");
	p->o.state = OBJECT_FAILED;
	error_copy(&p->o.failure, ret_dead);
	p->next_at = account_retry_at(account, p, ret_dead);
	event_emit(account->env->events, txn, EVENT_ACCOUNT_DEACTIVATED, &object, NULL, "account %s was deactivated",
		p->account_url);
}

static void
note_success(struct account *account, struct store_txn *txn, struct provider *p)
{
	struct event_object object = account_object(account, p);

	p->attempts = 0;
	p->o.state = OBJECT_AVAILABLE;
	p->terms = TERMS_QUIET;
	str_replace(&p->account_status, NULL);
	if (p->has_new_email && account->email && strcmp(account->email, p->email) == 0) {
		p->has_new_email = false;
	} else if (p->has_new_email) { /* it was changed during the request */
		account_continue(account, p, 0);
	}
	if (p->wants_rollover) /* orders run */
		account_continue(account, p, BUSY_SEC);
	error_clear(&p->o.failure);
	str_replace(&p->account_url, acme_client_account_url(account->client));
	str_replace(&p->account_thumbprint, acme_client_thumbprint(account->client));
	if (account->terms_url)
		str_replace(&p->terms_url, account->terms_url);
	free(p->account_note);
	p->account_note = account_note(account, p);
	account_report_replaced(account, txn, p);
	account_wake_orders(account, txn, p);
	event_emit(account->env->events, txn, EVENT_ACCOUNT_DONE, &object, NULL, "account %s is registered%s%s%s%s",
		p->account_url, account->is_updated ? "; its e-mail address is now " : "",
		account->is_updated ? account->email : "", p->account_note ? "; " : "",
		p->account_note ? p->account_note : "");
}

/* "deactivated" or "revoked" if the CA's words say so. */
static const char *
account_status_of(const struct error *err)
{
	static const char *const words[] = { "deactivated", "revoked" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(err->message, words[i]))
			return words[i];
	return "refused";
}

/* The CA now refuses an existing account, probably because it was deactivated: only another key helps. */
static void
account_name_dead(struct provider *p, const struct error *err, struct error *ret)
{
	_cleanup_free_ char *command = NULL;

	if (!p->account_url || err->may_retry || err->code != ERROR_CA || err->field || !err->problem ||
		strcmp(err->problem, "unauthorized") != 0)
		return;
	str_replace(&p->account_status, account_status_of(err));
	command = shell_certctl("new-account", p->o.name, NULL);
	error_copy(ret, err);
	error_wrap(ret,
		"the CA refuses the account %s; to register another one, with a new key, for the same provider: %s",
		p->account_url, command);
}

/* Not a failure of the store: the other jobs go on. */
static void
account_put_off_unread(struct account *account, struct store_txn *txn, const struct error *err)
{
	const struct issue_env *env = account->env;

	event_emit_error(env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	schedule_set(env->store, txn, SCHEDULE_ACCOUNT, account->id, "",
		time_add(loop_now(env->loop), UNREADABLE_RETRY_SEC));
}

static void
account_take_offer(const struct account *account, struct provider *p)
{
	const struct acme_directory *directory = account->client ? acme_client_known_directory(account->client) : NULL;

	if (directory)
		profile_take_offer(p, directory);
}

/* The provider may have been changed or deleted during the request: the current record decides. */
void
account_finish(struct account *account, const struct error *err)
{
	struct store *store = account->env->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error store_err = ERROR_INIT;
	_cleanup_error_ struct error dead = ERROR_INIT;
	int found = object_load(store, &provider_class, account->id, &p, &store_err);
	bool is_rolled = account->roll == ROLL_DONE || account->roll == ROLL_REFUSED;

	if (found == 1 && err && !is_rolled)
		account_name_dead(&p, err, &dead);
	if (error_is_set(&dead))
		err = &dead;
	if (found == 1) {
		account_take_offer(account, &p);
		if (is_rolled)
			account_note_roll(account, txn, &p, err);
		else if (account->is_over)
			account_note_end(account, txn, &p, &dead);
		else if (err)
			account_note_failure(account, txn, &p, err);
		else
			note_success(account, txn, &p);
		if (object_save(store, txn, &provider_class, &p, &store_err) < 0)
			store_fail(txn, &store_err);
		else if (p.o.state == OBJECT_FAILED)
			failover_look_at_lane(account->env, txn, p.o.id);
	} else if (found == 0) {
		schedule_del(store, txn, SCHEDULE_ACCOUNT, account->id);
	} else {
		account_put_off_unread(account, txn, &store_err);
	}
	if (account->is_over)
		err = &dead;
	else if (is_rolled)
		err = NULL; /* the account is usable, with either key */
	clients_account_settled(account->env->clients, account->id, err ? NULL : p.account_url, err);
	store_then(txn, account_saved, account);
}

void
account_works(const struct issue_env *env, struct store_txn *txn, const char *provider_id)
{
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (object_count_failing(env->store, &provider_class) == 0 ||
		object_load(env->store, &provider_class, provider_id, &p, NULL) != 1 || p.terms != TERMS_CHANGED)
		return;
	p.terms = TERMS_QUIET;
	p.o.state = OBJECT_PROVISIONING;
	error_clear(&p.o.failure);
	p.next_at = loop_now(env->loop);
	if (object_save(env->store, txn, &provider_class, &p, &err) < 0)
		store_fail(txn, &err);
}
