/*
 * Account registration. The key is in the provider's record before anything is sent (control/ makes it together with
 * the provider), so this may run any number of times: the same key gives the same account.
 */
#include "daemon/renew/account.h"

#include "common/key.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/renew/policy.h"
#include "daemon/store/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { OPERATOR_RETRY_SEC = 24 * 3600 };

struct account {
	const struct issue_env *env;
	const struct http *http;
	bool allow_other_hosts;
	char id[STORE_ID_SIZE]; /* provider */
	struct acme_client *client;
	struct acme_call *call;
	schedule_done_fn *done;
	void *arg;
};

void
account_cancel(struct account *account)
{
	if (!account)
		return;
	store_forget(account->env->store, account);
	acme_call_cancel(account->call);
	acme_client_free(account->client);
	free(account);
}

static void
account_end(struct account *account, bool stored)
{
	schedule_done_fn *done = account->done;
	void *arg = account->arg;

	account_cancel(account);
	done(stored, arg);
}

static void
account_saved(const struct error *err, void *arg)
{
	struct account *account = arg;

	if (err)
		event_emit_error(
			account->env->events, NULL, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	account_end(account, !err);
}

static struct event_object
account_object(const struct account *account, const struct provider *p)
{
	return (struct event_object){ "provider", account->id, p->o.name };
}

/* Wrong EAB, terms not agreed to: only the operator can mend it, and changing the provider tries at once. */
static int64_t
account_retry_at(const struct account *account, const struct provider *p, const struct error *err)
{
	int64_t now = clock_wall(loop_clock(account->env->loop));
	struct backoff_in in = {
		.now = now,
		.attempts = p->attempts,
		.retry_at = err->retry_at,
		.jitter_seed = policy_seed(account->id) + (uint64_t)p->attempts,
	};

	return err->retry ? backoff_due(&in) : time_add(now, OPERATOR_RETRY_SEC);
}

static void
note_failure(struct account *account, struct store_txn *txn, struct provider *p, const struct error *err)
{
	struct event_object object = account_object(account, p);
	_cleanup_error_ struct error why = ERROR_INIT;
	char when[TIME_RFC3339_SIZE];
	int64_t retry_at;

	p->attempts++;
	p->o.state = OBJECT_FAILED;
	error_copy(&p->o.failure, err);
	retry_at = account_retry_at(account, p, err);
	schedule_set(account->env->store, txn, SCHEDULE_ACCOUNT, account->id, "", retry_at);
	error_copy(&why, err);
	why.retry_at = retry_at;
	time_format_rfc3339(retry_at, when);
	event_emit_error(account->env->events, txn, EVENT_ACCOUNT_FAILED, &object, &why,
		"%s; next attempt %s", err->message, when);
}

static void
note_success(struct account *account, struct store_txn *txn, struct provider *p)
{
	struct event_object object = account_object(account, p);

	p->attempts = 0;
	p->o.state = OBJECT_AVAILABLE;
	error_clear(&p->o.failure);
	str_replace(&p->account_url, acme_client_account_url(account->client));
	str_replace(&p->account_thumbprint, acme_client_thumbprint(account->client));
	schedule_del(account->env->store, txn, SCHEDULE_ACCOUNT, account->id);
	event_emit(account->env->events, txn, EVENT_ACCOUNT_DONE, &object, NULL, "account %s is registered",
		p->account_url);
}

/* The provider may have been changed or deleted while the request ran: the record of now decides. */
static void
account_finish(struct account *account, const struct error *err)
{
	struct store *store = account->env->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error store_err = ERROR_INIT;
	int found = object_load(store, &provider_class, account->id, &p, &store_err);

	if (found == 1) {
		if (err)
			note_failure(account, txn, &p, err);
		else
			note_success(account, txn, &p);
		found = object_save(store, txn, &provider_class, &p, &store_err) < 0 ? -1 : 1;
	} else if (found == 0) {
		schedule_del(store, txn, SCHEDULE_ACCOUNT, account->id);
	}
	if (found < 0)
		store_fail(txn, &store_err);
	store_then(txn, account_saved, account);
}

static void
account_replied(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct account *account = arg;

	(void)reply;
	account->call = NULL;
	account_finish(account, err);
}

static int
account_begin(struct account *account, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };
	struct acme_client_config config;
	struct acme_account_request request;
	struct key *key = NULL;
	int found = object_load(account->env->store, &provider_class, account->id, &p, err);

	if (found <= 0)
		return found < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "provider %s is gone", account->id);
	if (key_from_der(&p.account_key, &key, err) < 0)
		return error_wrap(err, "account key");
	config = (struct acme_client_config){
		.directory_url = p.server,
		.ca_file = p.ca_file,
		.allow_other_hosts = account->allow_other_hosts,
	};
	request = (struct acme_account_request){
		.email = p.email,
		.terms_agreed = p.terms_agreed,
		.eab_key_id = p.eab_key_id,
		.eab_key = p.eab_key.len ? &p.eab_key : NULL,
	};
	account->client = acme_client_new(account->env->loop, account->http, &config, key);
	account->call = acme_account_register(account->client, &request, account_replied, account);
	return 0;
}

struct account *
account_start(const struct issue_env *env, const struct http *http, bool allow_other_hosts,
	const char *provider_id, schedule_done_fn *done, void *arg)
{
	struct account *account = xcalloc(1, sizeof(*account));
	_cleanup_error_ struct error err = ERROR_INIT;

	account->env = env;
	account->http = http;
	account->allow_other_hosts = allow_other_hosts;
	account->done = done;
	account->arg = arg;
	memcpy(account->id, provider_id, strlen(provider_id) + 1);
	if (account_begin(account, &err) < 0)
		account_finish(account, &err); /* ends at this turn's commit */
	return account;
}
