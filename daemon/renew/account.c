/*
 * Account registration. The first run makes the account key and commits it. Only then is anything sent, so registration
 * may be repeated: the same key has the same account.
 */
#include "daemon/renew/account.h"

#include "common/crypto/key.h"
#include "common/shell.h"
#include "daemon/base/workers.h"
#include "daemon/renew/account_private.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 24 * 3600, LONGEST_WAIT_SEC = DAY + DAY / 10 };

/* The data of a worker; outlives the account. */
struct account_keygen {
	struct account *account; /* NULL: cancelled */
	enum key_algorithm algorithm;
	struct key *key;
	struct error error;
};

static void
account_check_profile(struct account *account, const struct acme_directory *directory)
{
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error why = ERROR_INIT;

	if (object_load(account->env->store, &provider_class, account->id, &p, NULL) == 1 && p.profile &&
		acme_directory_check_profile(directory, p.profile, &why) < 0)
		str_replace(&account->profile_note, why.message);
}

/* The directory says what the CA requires; the registration also works without that. */
static void
account_saw_directory(const struct acme_directory *directory, const struct error *err, void *arg)
{
	struct account *account = arg;

	account->call = NULL;
	if (!err) {
		account->needs_eab = directory->needs_eab;
		str_replace(&account->terms_url, directory->terms_of_service);
		account_check_profile(account, directory);
	}
	account_finish(account, NULL);
}

static void
account_look_at_directory(struct account *account)
{
	account->call = acme_client_directory(account->client, account_saw_directory, account);
}

static void
account_updated(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct account *account = arg;

	account->call = NULL;
	account->is_updated = !err;
	if (err)
		account_finish(account, err);
	else
		account_look_at_directory(account);
}

/* The address of the provider was changed, but an existing account keeps its own when it is registered again. */
static void
account_update_email(struct account *account)
{
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error why = ERROR_INIT;

	if (object_load(account->env->store, &provider_class, account->id, &p, &why) < 0) {
		account_finish(account, &why);
	} else if (!p.has_new_email) {
		account_look_at_directory(account);
	} else {
		str_replace(&account->email, p.email);
		account->call = acme_account_update(account->client, p.email, account_updated, account);
	}
}

/* 201: created; 200: it existed (RFC 8555 s7.3.1). */
static void
account_replied(const struct acme_reply *reply, const struct error *err, void *arg)
{
	enum { CREATED = 201 };
	struct account *account = arg;

	account->call = NULL;
	if (err) {
		account_finish(account, err);
		return;
	}
	account->was_there = reply->status != CREATED;
	if (account->was_there)
		account_update_email(account);
	else
		account_look_at_directory(account);
}

static void
account_ask(struct account *account, const struct provider *p)
{
	struct acme_account_request request = {
		.email = p->email,
		.has_agreed_terms = p->has_agreed_terms,
		.is_known = p->terms == TERMS_ACCEPTED,
		.eab_key_id = p->eab_key_id,
		.eab_key = p->eab_key.len ? &p->eab_key : NULL,
	};

	str_replace(&account->email, p->email);
	account->call = acme_account_register(account->client, &request, account_replied, account);
}

/* The CA does not know the account that the provider has. May it be registered again? */
static int
account_check_policy(struct account *account, const struct provider *p, const struct error *unknown, struct error *err)
{
	_cleanup_free_ char *command = NULL;

	str_replace(&account->former_url, p->account_url);
	if (!p->account_url || !p->account_lost || strcmp(p->account_lost, "fail") != 0)
		return 0;
	command = shell_certctl("set provider", p->o.name, "--account-lost register");
	error_copy(err, unknown);
	str_replace(&err->field, "accountLost");
	return error_wrap(err,
		"the CA does not know the account %s any more, and the provider's accountLost is 'fail'; to register "
		"its key again: %s",
		p->account_url, command);
}

/* An imported key may have an account: then terms and external account are not needed. */
static void
account_looked_for(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct account *account = arg;
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!err || !err->problem || strcmp(err->problem, "accountDoesNotExist") != 0) {
		account->is_found = !err && account->is_known;
		account_replied(reply, err, account);
		return;
	}
	account->call = NULL;
	if (object_load(account->env->store, &provider_class, account->id, &p, &why) == 1 &&
		account_check_policy(account, &p, err, &why) == 0) {
		account_ask(account, &p);
		return;
	}
	if (!error_is_set(&why))
		error_set(&why, ERROR_NOT_FOUND, "provider %s was deleted", account->id);
	account_finish(account, &why);
}

struct acme_client *
account_client_new(const struct account *account, const struct provider *p, struct key *key)
{
	const struct clients_config *http = clients_config(account->env->clients);
	const struct acme_client_config config = {
		.directory_url = p->server,
		.ca_file = p->ca_file,
		.account_url = p->account_url,
		.may_use_other_hosts = http->may_use_other_hosts,
		.meters = http->meters,
		.signer = http->signer,
	};

	return acme_client_new(http->loop, http->http, &config, key);
}

/* A lost answer is made up for by a repetition, which is refused. */
static void
account_ended(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct account *account = arg;

	account->call = NULL;
	account->is_over = !err || (err->problem && (strcmp(err->problem, "unauthorized") == 0 ||
							    strcmp(err->problem, "accountDoesNotExist") == 0));
	account_finish(account, account->is_over ? NULL : err);
}

static int
account_register(struct account *account, const struct provider *p, struct error *err)
{
	struct key *key = NULL;

	if (key_from_der(&p->account_key, &key, err) < 0)
		return error_wrap(err, "account key");
	account->client = account_client_new(account, p, key);
	if (p->wants_end) {
		account->call = acme_account_deactivate(account->client, account_ended, account);
		return 0;
	}
	/* Orders that run wait for the result: the key is replaced after them. */
	if (p->next_key.len && !clients_is_busy(account->env->clients, account->id))
		return account_rollover_start(account, p, err);
	account->is_known = p->account_url;
	if (p->terms != TERMS_ACCEPTED && (p->is_key_imported || p->account_url))
		account->call = acme_account_find(account->client, account_looked_for, account);
	else
		account_ask(account, p);
	return 0;
}

static int
account_begin(struct account *account, struct error *err);

/* The key is durable: continue with the registration. */
static void
key_saved(const struct error *err, void *arg)
{
	struct account *account = arg;
	_cleanup_error_ struct error begin_err = ERROR_INIT;

	if (err)
		account_finish(account, err);
	else if (account_begin(account, &begin_err) < 0)
		account_finish(account, &begin_err);
}

static int
save_key(struct account *account, const struct key *key, struct error *err)
{
	struct store *store = account->env->store;
	_cleanup_provider_ struct provider p = { 0 };
	struct store_txn *txn;
	int found = object_load(store, &provider_class, account->id, &p, err);

	if (found <= 0)
		return found < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "provider %s was deleted", account->id);
	txn = store_begin(store);
	/* From now on no order starts with either key, until the CA has one of them. */
	if (p.account_key.len)
		clients_forget(account->env->clients, account->id);
	if (key_to_der(key, p.account_key.len ? &p.next_key : &p.account_key, err) < 0 ||
		object_save(store, txn, &provider_class, &p, err) < 0)
		return -1;
	store_then(txn, key_saved, account);
	return 0;
}

static void
account_keygen_run(void *arg)
{
	struct account_keygen *k = arg;

	if (key_generate(k->algorithm, &k->key, &k->error) < 0)
		k->key = NULL;
}

static void
account_keygen_done(void *arg)
{
	struct account_keygen *k = arg;
	struct account *account = k->account;

	if (account) {
		account->keygen = NULL;
		if (!k->key || save_key(account, k->key, &k->error) < 0)
			account_finish(account, &k->error);
	}
	key_free(k->key);
	error_clear(&k->error);
	free(k);
}

static void
account_keygen_start(struct account *account, const struct provider *p)
{
	struct account_keygen *k = xcalloc(1, sizeof(*k));

	k->account = account;
	k->algorithm = KEY_SECP256R1;
	if (p->account_key_algorithm)
		key_algorithm_from_name(p->account_key_algorithm, &k->algorithm);
	account->keygen = k;
	workers_run(account->env->workers, account_keygen_run, account_keygen_done, k);
}

static int
account_begin(struct account *account, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };
	int found = object_load(account->env->store, &provider_class, account->id, &p, err);

	if (found <= 0)
		return found < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "provider %s was deleted", account->id);
	if (p.terms == TERMS_CHANGED &&
		!p.wants_end) { /* only a reminder: the operator's agreement, or an order, ends it */
		error_copy(err, &p.o.failure);
		return -1;
	}
	if (p.account_key.len && (!p.wants_rollover || p.next_key.len))
		return account_register(account, &p, err);
	account_keygen_start(account, &p);
	return 0;
}

void
account_keygen_cancel(struct account *account)
{
	if (account->keygen)
		account->keygen->account = NULL;
}

static void *
account_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct account *account = xcalloc(1, sizeof(*account));
	_cleanup_error_ struct error err = ERROR_INIT;

	account->env = env;
	account->done = done;
	account->arg = arg;
	memcpy(account->id, row->object, sizeof(account->id));
	if (account_begin(account, &err) < 0)
		account_finish(account, &err); /* takes effect at this turn's commit */
	return account;
}

static int64_t
account_count_troubles(void *arg_env)
{
	const struct issue_env *env = arg_env;

	return object_count_failing(env->store, &provider_class);
}

static bool
account_describe_trouble(void *arg_env, const struct schedule_row *row, struct job_trouble *ret)
{
	const struct issue_env *env = arg_env;
	_cleanup_provider_ struct provider p = { 0 };

	if (object_peek(env->store, &provider_class, row->object, &p, NULL) != 1 || !error_is_set(&p.o.failure))
		return false;
	job_trouble_set(ret, provider_class.name, p.o.name, &p.o.failure);
	return true;
}

const struct job_kind account_job = {
	.kind = SCHEDULE_ACCOUNT,
	.word = "account",
	.classes = { &provider_class },
	.needs_date = true,
	.start = account_start,
	.cancel = account_cancel,
	.longest_sec = LONGEST_WAIT_SEC,
	.count_troubles = account_count_troubles,
	.describe_trouble = account_describe_trouble,
};
