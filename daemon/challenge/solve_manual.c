/*
 * Records that the operator publishes: that of dns-01 (manual), and the standing one of dns-persist-01, which serves
 * all later orders too. certd stores and reports the record, and asks the CA to validate only when the record is found
 * in DNS, because a failed validation cannot be repeated. Until then the attempt ends with an error that says what to
 * publish. The order stays valid, so the next attempt continues it.
 */
#include "common/crypto/acme_txt.h"
#include "common/crypto/jws.h"
#include "common/error.h"
#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/base/dns.h"
#include "daemon/challenge/persist_look.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/report/events.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 5000, EXPIRES_SEC = 7 * 24 * 3600 }; /* the latter when the CA gives no time */

struct manual_solve {
	struct solve *solve;
	char id[STORE_ID_SIZE]; /* of the authorization */
	char *name;             /* of the authorization */
	char *record_name;
	char *value;
	bool is_forced;
	bool is_of_order; /* of an auto-certificate; it ends with the order */
	bool is_seen;
	struct dns_query *query;
	struct acme_persist want; /* of dns-persist-01 */
	struct persist_look *look;
};

static int
manual_check(struct solver *solver _unused_, const struct autocert *autocert _unused_, const char *name,
	bool is_wildcard _unused_, bool is_now _unused_, struct error *err)
{
	if (name_type_of(name) == NAME_IP)
		return error_set(err, ERROR_INVALID, "%s is an address; a TXT record is only for names", name);
	return 0;
}

static void
say_pending(const struct manual_solve *s)
{
	struct event_object object = { "authorization", s->id, s->name };
	struct json_object *data = json_object_new_object();

	json_add_string(data, "recordName", s->record_name);
	json_add_string(data, "recordContent", s->value);
	event_emit(s->solve->solver->events, NULL, EVENT_AUTHORIZATION_PENDING, &object, data,
		"publish the TXT record %s with content %s", s->record_name, s->value);
}

static void
conclude(struct manual_solve *s, const struct error *look_err)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (s->is_seen) {
		solve_done(s->solve, NULL);
		return;
	}
	if (s->solve->solver->events)
		say_pending(s);
	error_set(&err, ERROR_STATE, "publish the TXT record %s with content %s; %s%s", s->record_name, s->value,
		!look_err                       ? "it is not found in DNS yet"
		: look_err->code == ERROR_STATE ? ""
						: "the query failed: ",
		look_err ? look_err->message : "");
	err.may_retry = true;
	solve_done(s->solve, &err);
}

static void
on_looked(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct manual_solve *s = arg;

	s->query = NULL;
	s->is_seen = !err && strlist_has(&answer->values, s->value);
	conclude(s, err);
}

static void
on_persist_looked(const char *seen, const struct error *err, void *arg)
{
	struct manual_solve *s = arg;

	s->look = NULL;
	s->is_seen = seen;
	if (seen)
		s->solve->standing = xasprintf("%s %s", s->record_name, seen);
	conclude(s, err);
}

static void
on_remembered(const struct error *err, void *arg)
{
	struct manual_solve *s = arg;
	const struct dnsprovider_env *env = &s->solve->solver->env;

	if (err) {
		solve_done(s->solve, err);
	} else if (s->is_forced) {
		s->is_seen = true;
		conclude(s, NULL);
	} else {
		solve_progress(s->solve, "looks for the TXT record at %s", s->record_name);
		if (s->want.issuers.count)
			s->look = persist_look_start(
				env, s->solve->solver->store, s->record_name, &s->want, on_persist_looked, s);
		else
			s->query = dns_ask(env->dns, NULL, s->record_name, DNS_TXT, LOOK_MS, on_looked, s);
	}
}

/* @a: as stored, or empty. */
static void
solve_manual_fill(struct manual_solve *s, const struct solver_request *request, struct authorization *a)
{
	const struct autocert *autocert = request->autocert;
	int64_t is_now = loop_now(s->solve->solver->env.loop);

	if (!a->o.id[0]) {
		store_new_id(a->o.id);
		a->o.name = xstrdup(s->name);
		a->o.created_at = is_now;
		a->o.created_by = xstrdup("certd");
	}
	a->o.modified_at = is_now;
	str_replace(&a->o.modified_by, "certd");
	str_replace(&a->o.modified_by_id, NULL);
	a->o.state = OBJECT_AVAILABLE;
	error_clear(&a->o.failure);
	str_replace(&a->provider, autocert->provider);
	if (s->is_of_order) {
		str_replace(&a->autocert, autocert->o.id);
		str_replace(&a->order_url, NULL);
	}
	str_replace(&a->authorization_url, request->authz->url);
	str_replace(&a->challenge_url, request->authz->challenges[request->challenge].url);
	str_replace(&a->challenge, s->want.issuers.count ? solver_dns_persist01.word : NULL);
	str_replace(&a->record_name, s->record_name);
	str_replace(&a->txt, s->value);
	str_replace(&a->status, "pending");
	a->expires_at = request->authz->expires_at ? request->authz->expires_at : time_add(is_now, EXPIRES_SEC);
	a->attempts = 0;
	a->next_at = a->expires_at;
	a->is_forced = false;
}

/* The record to publish, durable before it is reported. */
static int
solve_manual_remember(
	struct manual_solve *s, const struct solver_request *request, struct store_txn *txn, struct error *err)
{
	struct store *store = s->solve->solver->store;
	_cleanup_authorization_ struct authorization a = { 0 };
	int found = authorization_find(store, s->name, request->autocert->provider, &a, err);

	if (found < 0)
		return -1;
	if (found && a.txt && strcmp(a.txt, s->value) == 0) {
		memcpy(s->id, a.o.id, sizeof(s->id));
		s->is_forced = a.is_forced;
		return 0;
	}
	solve_manual_fill(s, request, &a);
	memcpy(s->id, a.o.id, sizeof(s->id));
	a.o.may_share_name = true; /* another provider may have a different one */
	return object_save(store, txn, &authorization_class, &a, err);
}

static struct manual_solve *
solve_manual_new(struct solve *solve, const struct solver_request *request)
{
	const struct acme_authorization *authz = request->authz;
	struct manual_solve *s = xcalloc(1, sizeof(*s));

	solve->data = s;
	s->solve = solve;
	s->name = xasprintf("%s%s", authz->is_wildcard ? "*." : "", name_base(authz->name));
	s->is_of_order = request->autocert->o.id[0] != '\0';
	return s;
}

static void
solve_manual_begin(struct manual_solve *s, const struct solver_request *request)
{
	struct store_txn *txn = store_begin(s->solve->solver->store);
	_cleanup_error_ struct error err = ERROR_INIT;

	if (solve_manual_remember(s, request, txn, &err) < 0)
		store_fail(txn, &err);
	store_then(txn, on_remembered, s);
}

static void
manual_start(struct solve *solve, const struct solver_request *request, const char *key_authorization)
{
	struct manual_solve *s = solve_manual_new(solve, request);

	s->value = jws_dns01_value(key_authorization);
	s->record_name = name_of_challenge(request->authz->name);
	solve_manual_begin(s, request);
}

/* The record in the form that the challenge demands. A hash may be for this name or for any. */
static int
solve_manual_want(const struct solver_request *request, struct acme_persist *ret, struct error *err)
{
	const struct acme_challenge *challenge = &request->authz->challenges[request->challenge];
	const char *const domains[] = { name_base(request->authz->name), "*" };

	if (challenge->is_account_hashed && !request->account_hash_prefix)
		return error_set(err, ERROR_PROTOCOL, "the CA's directory lacks accountHashPrefix for dns-persist-01");
	strlist_copy(&ret->issuers, &challenge->issuers);
	ret->is_wildcard = request->authz->is_wildcard;
	if (!challenge->is_account_hashed)
		strlist_add(&ret->accounts, request->account_url);
	for (size_t i = 0; challenge->is_account_hashed && i < ARRAY_SIZE(domains); i++)
		strlist_take(&ret->accounts, acme_txt_account_hash(request->account_hash_prefix, domains[i],
						     request->thumbprint, request->account_url));
	return 0;
}

static void
persist_start(struct solve *solve, const struct solver_request *request, const char *key_authorization _unused_)
{
	struct manual_solve *s = solve_manual_new(solve, request);
	struct store_txn *txn = store_begin(solve->solver->store);
	_cleanup_error_ struct error err = ERROR_INIT;

	s->record_name = acme_txt_persist_owner(request->authz->name);
	if (solve_manual_want(request, &s->want, &err) < 0) {
		store_fail(txn, &err);
		store_then(txn, on_remembered, s);
		return;
	}
	s->value = acme_persist_text(&s->want);
	solve_manual_begin(s, request);
}

/* The order has used the authorization, or the attempt failed for good: the record is no longer needed. */
static void
solve_manual_forget(const struct manual_solve *s)
{
	struct store *store = s->solve->solver->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_error_ struct error err = ERROR_INIT;

	if (object_delete(store, txn, &authorization_class, s->id, &err) < 0 && err.code != ERROR_NOT_FOUND)
		store_fail(txn, &err);
}

static void
manual_stop(struct solve *solve)
{
	struct manual_solve *s = solve->data;

	dns_cancel(s->query);
	persist_look_cancel(s->look);
	store_forget(solve->solver->store, s);
	if (s->is_seen && s->is_of_order)
		solve_manual_forget(s);
	free(s->name);
	free(s->record_name);
	free(s->value);
	acme_persist_clear(&s->want);
	free(s);
}

const struct solver_kind solver_dns_persist01 = {
	.word = "dns-persist-01",
	.type = "dns-persist-01",
	.has_no_token = true,
	.check = manual_check,
	.start = persist_start,
	.stop = manual_stop,
};

const struct solver_kind solver_manual = {
	.word = "manual",
	.type = "dns-01",
	.check = manual_check,
	.start = manual_start,
	.stop = manual_stop,
};
