/*
 * Account registration. The first run makes the account key and commits it. Only then is anything sent, so registration
 * may be repeated: the same key has the same account.
 */
#include "daemon/renew/account.h"

#include "common/crypto/key.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/renew/issue.h"
#include "daemon/renew/policy.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 24 * 3600, OPERATOR_RETRY_SEC = DAY, LONGEST_WAIT_SEC = DAY + DAY / 10, UNREADABLE_RETRY_SEC = 3600 };

/* The data of a worker; outlives the account. */
struct account_keygen {
	struct account *account; /* NULL: cancelled */
	enum key_algorithm algorithm;
	struct key *key;
	struct error error;
};

struct account {
	const struct issue_env *env;
	char id[STORE_ID_SIZE]; /* provider */
	struct acme_client *client;
	struct acme_call *call;
	struct account_keygen *keygen; /* running; or NULL */
	bool was_there;                /* the CA already had an account for the key */
	char *email;                   /* the CA has this address; NULL: not known */
	bool is_updated;               /* the CA's account got another address */
	bool needs_eab;
	char *terms_url;
	char *profile_note; /* the CA does not offer the provider's profile */
	schedule_done_fn *done;
	void *arg;
};

static void
account_cancel(void *work)
{
	struct account *account = work;

	store_forget(account->env->store, account);
	if (account->keygen)
		account->keygen->account = NULL;
	acme_call_cancel(account->call);
	acme_client_free(account->client);
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

/*
 * Wrong EAB, terms not accepted: only a changed setting helps, and changing the provider retries at once. An invalid
 * answer of the CA may be gone in a minute.
 */
static int64_t
account_retry_at(const struct account *account, const struct provider *p, const struct error *err)
{
	int64_t now = clock_wall(loop_clock(account->env->loop));
	int64_t latest = time_add(now, DAY); /* every certificate of the provider waits, and one request is little */
	struct backoff_in in = {
		.now = now,
		.attempts = p->attempts,
		.retry_at = err->retry_at < latest ? err->retry_at : latest,
		.jitter_seed = schedule_seed(account->id) + (uint64_t)p->attempts,
		.is_network = account_is_network_trouble(err),
	};

	return err->may_retry || !err->field ? backoff_due(&in) : time_add(now, OPERATOR_RETRY_SEC);
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

static void
note_success(struct account *account, struct store_txn *txn, struct provider *p)
{
	struct event_object object = account_object(account, p);

	p->attempts = 0;
	p->o.state = OBJECT_AVAILABLE;
	if (p->has_new_email && account->email && strcmp(account->email, p->email) == 0) {
		p->has_new_email = false;
	} else if (p->has_new_email) { /* it was changed during the request */
		p->o.state = OBJECT_PROVISIONING;
		p->next_at = clock_wall(loop_clock(account->env->loop));
	}
	error_clear(&p->o.failure);
	str_replace(&p->account_url, acme_client_account_url(account->client));
	str_replace(&p->account_thumbprint, acme_client_thumbprint(account->client));
	if (account->terms_url)
		str_replace(&p->terms_url, account->terms_url);
	free(p->account_note);
	p->account_note = account_note(account, p);
	event_emit(account->env->events, txn, EVENT_ACCOUNT_DONE, &object, NULL, "account %s is registered%s%s%s%s",
		p->account_url, account->is_updated ? "; its e-mail address is now " : "",
		account->is_updated ? account->email : "", p->account_note ? "; " : "",
		p->account_note ? p->account_note : "");
}

/* The CA now refuses an existing account, probably because it was deactivated: only another key helps. */
static void
account_name_dead(const struct provider *p, const struct error *err, struct error *ret)
{
	if (!p->account_url || err->may_retry || err->code != ERROR_CA || err->field)
		return;
	error_copy(ret, err);
	error_wrap(ret,
		"the CA refuses the account %s; if it was deactivated, add a provider, which registers a new account, "
		"and move the auto-certificates to it with --provider (see: certctl set auto --help)",
		p->account_url);
}

/* Not a failure of the store: the other jobs go on. */
static void
account_put_off_unread(struct account *account, struct store_txn *txn, const struct error *err)
{
	const struct issue_env *env = account->env;

	event_emit_error(env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	schedule_set(env->store, txn, SCHEDULE_ACCOUNT, account->id, "",
		time_add(clock_wall(loop_clock(env->loop)), UNREADABLE_RETRY_SEC));
}

/* The provider may have been changed or deleted during the request: the current record decides. */
static void
account_finish(struct account *account, const struct error *err)
{
	struct store *store = account->env->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error store_err = ERROR_INIT;
	_cleanup_error_ struct error dead = ERROR_INIT;
	int found = object_load(store, &provider_class, account->id, &p, &store_err);

	if (found == 1 && err)
		account_name_dead(&p, err, &dead);
	if (error_is_set(&dead))
		err = &dead;
	if (found == 1) {
		if (err)
			account_note_failure(account, txn, &p, err);
		else
			note_success(account, txn, &p);
		if (object_save(store, txn, &provider_class, &p, &store_err) < 0)
			store_fail(txn, &store_err);
	} else if (found == 0) {
		schedule_del(store, txn, SCHEDULE_ACCOUNT, account->id);
	} else {
		account_put_off_unread(account, txn, &store_err);
	}
	clients_account_settled(account->env->clients, account->id, err ? NULL : p.account_url, err);
	store_then(txn, account_saved, account);
}

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
		.eab_key_id = p->eab_key_id,
		.eab_key = p->eab_key.len ? &p->eab_key : NULL,
	};

	str_replace(&account->email, p->email);
	account->call = acme_account_register(account->client, &request, account_replied, account);
}

/* An imported key may have an account: then terms and external account are not needed. */
static void
account_looked_for(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct account *account = arg;
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!err || !err->problem || strcmp(err->problem, "accountDoesNotExist") != 0) {
		account_replied(reply, err, account);
		return;
	}
	account->call = NULL;
	if (object_load(account->env->store, &provider_class, account->id, &p, &why) == 1) {
		account_ask(account, &p);
		return;
	}
	if (!error_is_set(&why))
		error_set(&why, ERROR_NOT_FOUND, "provider %s was deleted", account->id);
	account_finish(account, &why);
}

static int
account_register(struct account *account, const struct provider *p, struct error *err)
{
	const struct clients_config *http = clients_config(account->env->clients);
	struct acme_client_config config = {
		.directory_url = p->server,
		.ca_file = p->ca_file,
		.may_use_other_hosts = http->may_use_other_hosts,
		.meters = http->meters,
	};
	struct key *key = NULL;

	if (key_from_der(&p->account_key, &key, err) < 0)
		return error_wrap(err, "account key");
	account->client = acme_client_new(http->loop, http->http, &config, key);
	if (p->is_key_imported)
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
	if (key_to_der(key, &p.account_key, err) < 0 || object_save(store, txn, &provider_class, &p, err) < 0)
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
	if (p.account_key.len)
		return account_register(account, &p, err);
	account_keygen_start(account, &p);
	return 0;
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
account_after_clock_change(void *env _unused_, const struct schedule_row *row, int64_t now)
{
	return job_due_within(row, now, LONGEST_WAIT_SEC);
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
	.after_clock_change = account_after_clock_change,
	.count_troubles = account_count_troubles,
	.describe_trouble = account_describe_trouble,
};
