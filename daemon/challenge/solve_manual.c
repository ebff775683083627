/*
 * dns-01 with a manually published record. certd stores and reports the record, and asks the CA to validate only when
 * the record is found in DNS, because a failed validation cannot be repeated. Until then the attempt ends with an error
 * that says what to publish. The order stays valid, so the next attempt continues it.
 */
#include "common/crypto/jws.h"
#include "common/error.h"
#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/report/events.h"
#include "daemon/schedule/schedule.h"

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
		look_err ? "the query failed: " : "it is not found in DNS yet", look_err ? look_err->message : "");
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
on_remembered(const struct error *err, void *arg)
{
	struct manual_solve *s = arg;

	if (err) {
		solve_done(s->solve, err);
	} else if (s->is_forced) {
		s->is_seen = true;
		conclude(s, NULL);
	} else {
		solve_progress(s->solve, "looks for the TXT record at %s", s->record_name);
		s->query = dns_ask(s->solve->solver->env.dns, NULL, s->record_name, DNS_TXT, LOOK_MS, on_looked, s);
	}
}

/* @a: as stored, or empty. */
static void
solve_manual_fill(struct manual_solve *s, const struct solver_request *request, struct authorization *a)
{
	const struct autocert *autocert = request->autocert;
	int64_t is_now = clock_wall(loop_clock(s->solve->solver->env.loop));

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

static void
manual_start(struct solve *solve, const struct solver_request *request, const char *key_authorization)
{
	struct manual_solve *s = xcalloc(1, sizeof(*s));
	struct store_txn *txn = store_begin(solve->solver->store);
	const struct acme_authorization *authz = request->authz;
	_cleanup_error_ struct error err = ERROR_INIT;

	solve->data = s;
	s->solve = solve;
	s->value = jws_dns01_value(key_authorization);
	s->name = xasprintf("%s%s", authz->is_wildcard ? "*." : "", name_base(authz->name));
	s->record_name = name_of_challenge(authz->name);
	s->is_of_order = request->autocert->o.id[0] != '\0';
	if (solve_manual_remember(s, request, txn, &err) < 0)
		store_fail(txn, &err);
	store_then(txn, on_remembered, s);
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
	store_forget(solve->solver->store, s);
	if (s->is_seen && s->is_of_order)
		solve_manual_forget(s);
	free(s->name);
	free(s->record_name);
	free(s->value);
	free(s);
}

const struct solver_kind solver_manual = {
	.word = "manual",
	.type = "dns-01",
	.check = manual_check,
	.start = manual_start,
	.stop = manual_stop,
};
