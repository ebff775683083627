/*
 * One issue, from the due row to the stored certificate. The protocol is acme_order's; here is what surrounds it:
 * the key, the challenges, what is durable when, and what follows from success and failure.
 *
 * The due row itself is the durable intent of the order; the URL and the key share one commit when the key is ready
 * in time (always, but for RSA), so that an undisturbed issue costs three commits beside the rollout's.
 */
#include "daemon/renew/issue.h"

#include "common/csr.h"
#include "common/key.h"
#include "common/name.h"
#include "common/timefmt.h"
#include "common/x509.h"
#include "daemon/acme/acme_order.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/renew/policy.h"
#include "daemon/store/schedule.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { UNREADABLE_RETRY_SEC = 3600 };

static const struct record_field issue_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct issue_record, provider, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct issue_record, order_url, NULL),
	RECORD_FIELD(RECORD_SECRET, 3, struct issue_record, key, NULL),
	RECORD_FIELD(RECORD_STRLIST, 4, struct issue_record, names, NULL),
	RECORD_FIELD(RECORD_INT, 5, struct issue_record, started_at, NULL),
};

const struct record_class issue_class = {
	.name = "issue",
	.db = STORE_ISSUE,
	.size = sizeof(struct issue_record),
	.fields = issue_fields,
	.n_fields = ARRAY_SIZE(issue_fields),
};

/* A challenge that the solver was asked for. */
struct issue_solve {
	struct issue *issue;
	size_t index;
	size_t challenge;
	struct solve *solve; /* NULL when down */
};

struct issue {
	const struct issue_env *env;
	struct acme_client *client;
	struct autocert autocert; /* as it was when the issue began */
	char id[STORE_ID_SIZE];   /* of the auto-certificate */
	char lane[STORE_ID_SIZE]; /* of its schedule row: the provider's id */
	struct issue_record record;
	struct acme_order *order;
	struct key *key;
	struct keygen *keygen; /* under way on a worker; or NULL */
	bool key_saved;
	bool csr_wanted;
	struct issue_solve **solves; /* by authorization index */
	size_t n_solves;
	char *why;
	schedule_done_fn *done;
	void *arg;
};

/* What a worker works on: survives the issue, which may be cancelled meanwhile. */
struct keygen {
	struct issue *issue; /* NULL: cancelled */
	enum key_algorithm algorithm;
	struct key *key; /* NULL when it failed */
	struct secret der;
	struct error error;
};

/* The record may be as good as ever. */
static bool
is_store_trouble(const struct error *err)
{
	return err->code == ERROR_IO || err->code == ERROR_NO_SPACE;
}

static int64_t
issue_now(const struct issue_env *env)
{
	return clock_wall(loop_clock(env->loop));
}

static struct event_object
issue_object(const struct issue *issue)
{
	return (struct event_object){ "autocertificate", issue->id, issue->autocert.o.name };
}

/* --- release --- */

static void
solve_stop(struct issue_solve *s)
{
	if (s->solve)
		solver_stop(s->solve);
	s->solve = NULL;
}

/* What the worker brings is not wanted any more. */
static void
keygen_orphan(struct issue *issue)
{
	if (issue->keygen)
		issue->keygen->issue = NULL;
	issue->keygen = NULL;
}

static void
issue_free(struct issue *issue)
{
	keygen_orphan(issue);
	store_forget(issue->env->store, issue);
	acme_order_free(issue->order); /* takes challenges down through ops->unsolve */
	for (size_t i = 0; i < issue->n_solves; i++) {
		if (!issue->solves[i])
			continue;
		solve_stop(issue->solves[i]);
		free(issue->solves[i]);
	}
	free(issue->solves);
	key_free(issue->key);
	record_clear(&issue_class, &issue->record);
	autocert_clear(&issue->autocert);
	free(issue->why);
	free(issue);
}

static void
issue_end(struct issue *issue, bool stored)
{
	schedule_done_fn *done = issue->done;
	void *arg = issue->arg;

	issue_free(issue);
	done(stored, arg);
}

/* --- durable steps --- */

static void
issue_put_record(struct issue *issue, struct store_txn *txn)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf octets = BUF_INIT;
	const char *id = issue->id;

	if (record_encode(issue->env->store, &issue_class, id, &issue->record, &octets, &err) < 0)
		store_fail(txn, &err);
	store_put(txn, STORE_ISSUE, id, strlen(id), octets.data, octets.len);
}

static void
issue_save(struct issue *issue, store_then_fn *then)
{
	struct store_txn *txn = store_begin(issue->env->store);

	issue_put_record(issue, txn);
	store_then(txn, then, issue);
}

/* --- failure --- */

/*
 * Is this the world's fault rather than the certificate's? Not when the order has gone all its way and is spent: a CA
 * that never validates was reached. Before there is an order, the name that DNS does not find is the CA's.
 */
static bool
is_network_trouble(const struct issue *issue, const struct error *err, bool spent)
{
	bool has_order = issue->record.order_url != NULL;

	if (err->code == ERROR_NETWORK || err->code == ERROR_TIMEOUT)
		return !has_order || !spent;
	return err->code == ERROR_DNS && !has_order;
}

static int64_t
issue_retry_at(const struct issue *issue, const struct autocert *a, const struct error *err, bool is_network)
{
	struct backoff_in in = {
		.now = issue_now(issue->env),
		.attempts = a->attempts,
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.retry_at = err->retry_at,
		.is_network = is_network,
	};

	if (clock_is_virtual(loop_clock(issue->env->loop)))
		in.jitter_seed = policy_seed(a->o.id) + (uint64_t)a->attempts; /* simulations repeat */
	else if (RAND_bytes((unsigned char *)&in.jitter_seed, sizeof(in.jitter_seed)) != 1)
		in.jitter_seed = policy_seed(a->o.id);
	return backoff_due(&in);
}

static void
note_failure(struct issue *issue, struct store_txn *txn, struct autocert *a, const struct error *err,
	bool is_network)
{
	struct event_object object = issue_object(issue);
	char when[TIME_RFC3339_SIZE];
	_cleanup_error_ struct error why = ERROR_INIT;

	a->attempts = backoff_count(a->attempts, is_network);
	a->last_attempt_at = issue_now(issue->env);
	a->next_at = issue_retry_at(issue, a, err, is_network);
	error_copy(&a->last_error, err);
	error_copy(&a->o.failure, err);
	if (!a->last_certificate)
		a->o.state = OBJECT_FAILED;
	schedule_set(issue->env->store, txn, SCHEDULE_ISSUE, a->o.id, a->provider, a->next_at);

	error_copy(&why, err);
	why.retry_at = a->next_at;
	time_format_rfc3339(a->next_at, when);
	event_emit_error(issue->env->events, txn, EVENT_ISSUE_FAILED, &object, &why, "%s; next attempt %s",
		err->message, when);
}

/* What happened is durable; or not (disk full), and then the row is still due. */
static void
end_saved(const struct error *err, void *arg)
{
	struct issue *issue = arg;
	struct event_object object = issue_object(issue);

	if (err)
		event_emit_error(
			issue->env->events, NULL, EVENT_STORE_FAILED, &object, err, "%s", err->message);
	issue_end(issue, !err);
}

/* @spent: the order is of no more use. The key goes with it: a new order gets a new key. */
static void
issue_fail(struct issue *issue, const struct error *err, bool spent)
{
	_cleanup_autocert_ struct autocert now = { 0 };
	_cleanup_error_ struct error load_err = ERROR_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	struct store_txn *txn = store_begin(issue->env->store);
	const char *id = issue->id;

	error_copy(&why, err); /* it may belong to the order */
	store_forget(issue->env->store, issue);
	acme_order_free(issue->order);
	issue->order = NULL;
	keygen_orphan(issue);
	if (spent)
		store_del(txn, STORE_ISSUE, id, strlen(id));
	/* The declaration may have changed while the order ran: keep what it says now. */
	switch (object_load(issue->env->store, &autocert_class, id, &now, &load_err)) {
	case 1:
		note_failure(issue, txn, &now, &why, is_network_trouble(issue, &why, spent));
		if (object_save(issue->env->store, txn, &autocert_class, &now, &load_err) < 0)
			store_fail(txn, &load_err);
		break;
	case 0:
		schedule_del(issue->env->store, txn, SCHEDULE_ISSUE, id);
		break;
	default: /* unreadable: said, kept, and looked at again */
		event_emit_error(
			issue->env->events, txn, EVENT_STORE_FAILED, NULL, &load_err, "%s", load_err.message);
		schedule_set(issue->env->store, txn, SCHEDULE_ISSUE, id, issue->lane,
			time_add(issue_now(issue->env), UNREADABLE_RETRY_SEC));
	}
	store_then(txn, end_saved, issue);
}

/* --- success --- */

static void
certificate_fill(
	struct certificate *cert, const struct issue *issue, const struct cert_info *info, int64_t now)
{
	char stamp[TIME_RFC3339_SIZE];
	unsigned char pair[32];

	time_format_rfc3339(now, stamp);
	store_new_id(cert->o.id);
	cert->o.name = xasprintf("%s %s", issue->record.names.items[0], stamp);
	cert->o.created_at = cert->o.modified_at = now;
	cert->o.created_by = xstrdup("certd");
	cert->o.modified_by = xstrdup("certd");
	cert->o.state = OBJECT_AVAILABLE;
	cert->autocert = xstrdup(issue->id);
	cert->provider = xstrdup(issue->record.provider);
	cert->common_name = xstrdup(issue->record.names.items[0]);
	strlist_copy(&cert->names, &issue->record.names);
	cert->serial = xstrdup(info->serial);
	cert->sha256 = xstrdup(info->sha256);
	cert->issuer_cn = xstrdup_null(info->issuer_cn);
	cert->issuer_org = xstrdup_null(info->issuer_org);
	cert->key_algorithm = xstrdup(key_algorithm_name(key_algorithm_of(issue->key)));
	cert->not_before_at = info->not_before_at;
	cert->not_after_at = info->not_after_at;
	cert->ari_id = xstrdup_null(info->ari_id);
	secret_copy(&cert->key, &issue->record.key);
	key_pair_digest(&cert->key, cert->leaf_pem.data, cert->leaf_pem.len, pair);
	buf_add(&cert->pair, pair, sizeof(pair));
}

/* Two certificates of one name within a second: the id tells them apart. */
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

int64_t
issue_renewal_at(const struct issue_env *env, const struct autocert *a)
{
	struct renewal_in in = {
		.not_before_at = a->last_not_before_at,
		.not_after_at = a->last_not_after_at,
		.renew_before = a->renew_before ? a->renew_before : env->renew_before,
		.spread_seed = policy_seed(a->o.id),
		.issued_at = a->attempts == 0 && a->last_attempt_at <= issue_now(env) ? a->last_attempt_at
										      : 0,
	};

	return a->last_certificate && !a->is_outdated ? renewal_due(&in) : issue_now(env);
}

void
issue_schedule_renewal(
	const struct issue_env *env, struct store_txn *txn, struct autocert *a, bool now_please)
{
	a->next_at = now_please ? issue_now(env) : issue_renewal_at(env, a);
	schedule_set(env->store, txn, SCHEDULE_ISSUE, a->o.id, a->provider, a->next_at);
}

/* Paused, and ordered by hand all the same: once. */
static void
row_del(const struct issue_env *env, struct store_txn *txn, struct autocert *a)
{
	a->next_at = 0;
	schedule_del(env->store, txn, SCHEDULE_ISSUE, a->o.id);
}

static void
autocert_succeeded(struct autocert *a, const struct certificate *cert)
{
	a->attempts = 0;
	a->is_outdated = false;
	a->last_attempt_at = cert->o.created_at;
	a->last_not_before_at = cert->not_before_at;
	a->last_not_after_at = cert->not_after_at;
	str_replace(&a->last_certificate, cert->o.id);
	error_clear(&a->last_error);
	error_clear(&a->o.failure);
	a->o.state = OBJECT_AVAILABLE;
}

/* Certificate, next renewal, rollout intent and the end of the issue: one transaction. */
static int
issue_store(struct issue *issue, struct certificate *cert, struct error *err)
{
	const struct issue_env *env = issue->env;
	_cleanup_autocert_ struct autocert a = { 0 };
	struct event_object object = issue_object(issue);
	struct store_txn *txn;
	char until[TIME_RFC3339_SIZE];
	int found = object_load(env->store, &autocert_class, issue->id, &a, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return error_set(err, ERROR_CANCELLED, "the auto-certificate was deleted meanwhile");
	txn = store_begin(env->store);
	if (certificate_save(issue, txn, cert, err) < 0)
		return -1;
	autocert_succeeded(&a, cert);
	if (a.paused)
		row_del(env, txn, &a);
	else
		issue_schedule_renewal(env, txn, &a, false);
	if (object_save(env->store, txn, &autocert_class, &a, err) < 0) {
		store_fail(txn, err);
		return -1;
	}
	store_del(txn, STORE_ISSUE, a.o.id, strlen(a.o.id));
	schedule_set(env->store, txn, SCHEDULE_PURGE, cert->o.id, "",
		time_add(cert->not_after_at, env->purge_after));
	rollout_request(env->rollout, txn, &a, cert->o.id, issue_now(env));
	time_format_rfc3339(cert->not_after_at, until);
	event_emit(env->events, txn, EVENT_ISSUE_DONE, &object, NULL,
		"certificate issued by %s, valid until %s", cert->issuer_cn ? cert->issuer_cn : "the CA",
		until);
	store_then(txn, end_saved, issue); /* on failure the order is valid still and its URL stored */
	return 0;
}

static int
issue_accept_chain(struct issue *issue, const struct buf *chain, struct error *err)
{
	_cleanup_certificate_ struct certificate cert = { 0 };
	struct cert_info info = { 0 };
	int64_t now = issue_now(issue->env);
	const struct x509_asked asked = {
		.key = issue->key, .names = &issue->record.names, .now = now, .seen = issue->env->seen
	};
	int rc = -1;

	if (x509_chain_accept(chain->data, chain->len, &asked, &cert.leaf_pem, &cert.chain_pem, &info, err) <
		0) {
		error_wrap(err, "the CA issued a certificate that was not asked for");
	} else {
		certificate_fill(&cert, issue, &info, now);
		rc = issue_store(issue, &cert, err);
	}
	cert_info_clear(&info);
	return rc;
}

/* --- what the order asks for --- */

static void
url_saved(const struct error *err, void *arg)
{
	struct issue *issue = arg;

	acme_order_saved(issue->order, err);
}

static void
op_save_url(const char *url, void *arg)
{
	struct issue *issue = arg;

	str_replace(&issue->record.order_url, url);
	issue->key_saved = issue->key != NULL;
	issue_save(issue, url_saved);
}

static void
give_csr(const struct error *err, void *arg)
{
	struct issue *issue = arg;
	_cleanup_error_ struct error csr_err = ERROR_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT;

	if (!err && csr_make(issue->key, &issue->record.names, &der, &csr_err) < 0)
		err = &csr_err;
	issue->key_saved = !err;
	acme_order_csr(issue->order, &der, err);
}

static void
op_csr(void *arg)
{
	struct issue *issue = arg;

	issue->csr_wanted = true;
	if (!issue->key)
		return; /* keygen_done() comes back here */
	if (issue->key_saved)
		give_csr(NULL, issue);
	else
		issue_save(issue, give_csr);
}

static void
solve_done(const struct error *err, void *arg)
{
	struct issue_solve *s = arg;

	acme_order_solved(s->issue->order, s->index, s->challenge, err);
}

static void
issue_say(struct issue *issue, const char *state, const char *why)
{
	struct event_object object = issue_object(issue);
	struct json_object *data = json_object_new_object();

	str_replace(&issue->why, why);
	json_add_string(data, "state", state);
	json_add_string(data, "why", why);
	event_emit(issue->env->events, NULL, EVENT_ISSUE_PROGRESS, &object, data, "%s%s%s", state,
		why ? ": " : "", why ? why : "");
}

static void
solve_progress(const char *why, void *arg)
{
	struct issue_solve *s = arg;

	issue_say(s->issue, acme_order_state_name(ACME_ORDER_SOLVE), why);
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
op_solve(size_t index, const struct acme_authorization *authz, void *arg)
{
	struct issue *issue = arg;
	struct issue_solve *s = solve_slot(issue, index);
	_cleanup_error_ struct error err = ERROR_INIT;
	struct solver_request request = {
		.autocert = &issue->autocert,
		.authz = authz,
		.thumbprint = acme_client_thumbprint(issue->client),
	};
	int choice = solver_choose(issue->env->solver, &issue->autocert, authz, &err);

	if (choice < 0) {
		acme_order_solved(issue->order, index, 0, &err);
		return;
	}
	s->challenge = request.challenge = (size_t)choice;
	s->solve = solver_start(issue->env->solver, &request, solve_done, solve_progress, s);
}

static void
op_unsolve(size_t index, void *arg)
{
	struct issue *issue = arg;

	if (index < issue->n_solves && issue->solves[index])
		solve_stop(issue->solves[index]);
}

static void
op_progress(enum acme_order_state state, const char *why, void *arg)
{
	issue_say(arg, acme_order_state_name(state), why);
}

static void
op_done(const struct buf *chain_pem, const struct error *err, bool spent, void *arg)
{
	struct issue *issue = arg;
	_cleanup_error_ struct error refused = ERROR_INIT;

	if (err) {
		issue_fail(issue, err, spent);
		return;
	}
	if (issue_accept_chain(issue, chain_pem, &refused) < 0)
		issue_fail(issue, &refused, !is_store_trouble(&refused));
}

static const struct acme_order_ops order_ops = {
	.save_url = op_save_url,
	.solve = op_solve,
	.unsolve = op_unsolve,
	.csr = op_csr,
	.progress = op_progress,
	.done = op_done,
};

/* --- the key --- */

static void
keygen_run(void *arg)
{
	struct keygen *k = arg;

	if (key_generate(k->algorithm, &k->key, &k->error) == 0 && key_to_der(k->key, &k->der, &k->error) < 0)
		error_wrap(&k->error, "certificate key");
}

static void
keygen_done(void *arg)
{
	struct keygen *k = arg;
	struct issue *issue = k->issue;
	struct error err = ERROR_INIT;

	if (!issue) {
		key_free(k->key);
		secret_clear(&k->der);
		error_clear(&k->error);
		free(k);
		return;
	}
	issue->keygen = NULL;
	issue->key = k->key;
	secret_move(&issue->record.key, &k->der);
	error_move(&err, &k->error);
	free(k);
	if (error_is_set(&err))
		issue_fail(issue, &err, false);
	else if (issue->csr_wanted)
		op_csr(issue);
	error_clear(&err);
}

static enum key_algorithm
wanted_algorithm(const struct issue *issue)
{
	enum key_algorithm alg = KEY_SECP256R1;

	if (issue->autocert.key_algorithm)
		key_algorithm_from_name(issue->autocert.key_algorithm, &alg);
	return alg;
}

static void
keygen_start(struct issue *issue)
{
	struct keygen *k = xcalloc(1, sizeof(*k));

	k->issue = issue;
	k->algorithm = wanted_algorithm(issue);
	issue->keygen = k;
	workers_run(issue->env->workers, keygen_run, keygen_done, k);
}

/* reuseKey: the key of the last certificate, if it is still of the wanted kind. Return: 1 taken, 0 no, -1. */
static int
reuse_last_key(struct issue *issue, struct error *err)
{
	_cleanup_certificate_ struct certificate last = { 0 };
	int found;

	if (!issue->autocert.reuse_key || !issue->autocert.last_certificate)
		return 0;
	found = object_load(
		issue->env->store, &certificate_class, issue->autocert.last_certificate, &last, err);
	if (found <= 0)
		return found;
	if (strcmp(last.key_algorithm, key_algorithm_name(wanted_algorithm(issue))) != 0)
		return 0;
	secret_copy(&issue->record.key, &last.key);
	return key_from_der(&issue->record.key, &issue->key, err) < 0 ? -1 : 1;
}

/* The saved key, the last certificate's, or a new one (from a worker). */
static int
issue_get_key(struct issue *issue, struct error *err)
{
	int reused;

	if (issue->record.key.len) {
		issue->key_saved = true;
		return key_from_der(&issue->record.key, &issue->key, err);
	}
	reused = reuse_last_key(issue, err);
	if (reused == 0)
		keygen_start(issue);
	return reused < 0 ? -1 : 0;
}

/* --- begin --- */

/* A saved order for other names or of another provider is of no use any more. */
static bool
record_fits(const struct issue_record *r, const struct provider *provider, const struct strlist *names)
{
	return r->provider && strcmp(r->provider, provider->o.id) == 0 && strlist_equal(&r->names, names);
}

static int
issue_load(struct issue *issue, const struct provider *provider, const char *id, struct error *err)
{
	const struct issue_env *env = issue->env;
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	_cleanup_buf_ struct buf octets = BUF_INIT;
	struct autocert *a = &issue->autocert;
	int found = object_load(env->store, &autocert_class, id, a, err);

	if (found <= 0)
		return found < 0 ? -1 : error_set(err, ERROR_NOT_FOUND, "auto-certificate %s is gone", id);
	if (name_list(a->common_name, &a->sans, env->max_names, true, &names, err) < 0)
		return -1;
	found = store_get(env->store, STORE_ISSUE, id, strlen(id), &octets, err);
	if (found < 0)
		return -1;
	if (found &&
		record_decode(env->store, &issue_class, id, octets.data, octets.len, &issue->record, err) < 0)
		return -1;
	if (found && record_fits(&issue->record, provider, &names))
		return 0;
	record_clear(&issue_class, &issue->record);
	issue->record.provider = xstrdup(provider->o.id);
	issue->record.started_at = issue_now(env);
	strlist_copy(&issue->record.names, &names);
	return 0;
}

static int
issue_begin(struct issue *issue, const struct provider *provider, const char *id, struct error *err)
{
	struct acme_order_config config;

	if (issue_load(issue, provider, id, err) < 0 || issue_get_key(issue, err) < 0)
		return -1;
	config = (struct acme_order_config){
		.url = issue->record.order_url,
		.names = &issue->record.names,
		.profile = issue->autocert.profile ? issue->autocert.profile : provider->profile,
		.preferred_chain = provider->preferred_chain,
	};
	issue->order = acme_order_new(issue->env->loop, issue->client, &config, &order_ops, issue);
	acme_order_start(issue->order);
	return 0;
}

struct issue *
issue_start(const struct issue_env *env, struct acme_client *client, const struct provider *provider,
	const char *id, schedule_done_fn *done, void *arg)
{
	struct issue *issue = xcalloc(1, sizeof(*issue));
	_cleanup_error_ struct error err = ERROR_INIT;

	issue->env = env;
	issue->client = client;
	issue->done = done;
	issue->arg = arg;
	memcpy(issue->lane, provider->o.id, sizeof(issue->lane));
	memcpy(issue->id, id, strlen(id) + 1);
	if (issue_begin(issue, provider, id, &err) < 0)
		issue_fail(issue, &err, !is_store_trouble(&err)); /* ends at this turn's commit */
	return issue;
}

void
issue_cancel(struct issue *issue)
{
	if (issue)
		issue_free(issue);
}

void
issue_get_progress(const struct issue *issue, struct issue_progress *ret)
{
	ret->state = issue->order ? acme_order_state_name(acme_order_state_of(issue->order)) : "key";
	ret->why = issue->why;
}
