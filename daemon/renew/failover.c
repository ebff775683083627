/* Which provider is next, and why. */
#include "daemon/renew/failover.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum {
	LOOKED_AT = 200,   /* rows of a lane in one turn; the others follow when the CA fails its next test */
	REGISTRATIONS = 2, /* in a row; without a network more are not counted (backoff_count()) */
};

bool
failover_is_ca_fault(const struct error *err, bool is_network)
{
	switch (err->code) {
	case ERROR_NETWORK:
	case ERROR_TIMEOUT:
	case ERROR_TLS:
	case ERROR_CA:
	case ERROR_RATE_LIMITED:
	case ERROR_PROTOCOL:
		return true;
	default:
		return is_network;
	}
}

bool
failover_is_due(int64_t failures, int64_t urgent_at, int64_t now)
{
	return failures >= FAILOVER_FAILURES || (failures > 0 && urgent_at > 0 && now >= urgent_at);
}

/* Number 0 is its own. */
static const char *
failover_at(const struct autocert *a, size_t number)
{
	return number == 0 ? a->provider : a->fallbacks.items[number - 1];
}

static size_t
failover_number(const struct autocert *a)
{
	for (size_t i = 0; i <= a->fallbacks.count; i++)
		if (strcmp(failover_at(a, i), autocert_provider(a)) == 0)
			return i;
	return 0;
}

int64_t
failover_attempts(const struct autocert *a)
{
	int64_t others = (int64_t)failover_number(a) * FAILOVER_FAILURES;
	int64_t attempts = others ? time_add(a->attempts, -others) : a->attempts;

	if (attempts < a->provider_failures)
		attempts = a->provider_failures;
	return attempts > 1 ? attempts : 1;
}

void
failover_end(struct autocert *a)
{
	str_replace(&a->provider_now, NULL);
	str_replace(&a->provider_why, NULL);
	a->provider_failures = 0;
}

void
failover_redeclared(struct autocert *a)
{
	if (a->provider_now && !strlist_has(&a->fallbacks, a->provider_now))
		failover_end(a);
}

static int64_t
failover_now(const struct issue_env *env)
{
	return clock_wall(loop_clock(env->loop));
}

int64_t
failover_urgent_at(const struct issue_env *env, const struct autocert *a)
{
	if (a->last_not_after_at <= 0)
		return 0;
	return renewal_urgent_at(
		a->last_not_before_at, a->last_not_after_at, a->renew_before ? a->renew_before : env->renew_before);
}

/* --- the move --- */

static bool
failover_has_account(const struct provider *p)
{
	return p->o.state == OBJECT_AVAILABLE && p->account_url && !p->account_status && !p->wants_end;
}

/* An order would not start without an account, or while its CA is down, and so it would never fail there. */
static bool
failover_is_usable(const struct issue_env *env, const struct provider *p)
{
	return failover_has_account(p) && clients_opens_at(env->clients, p->o.id, NULL) == 0;
}

static void
failover_report(const struct issue_env *env, struct store_txn *txn, const struct autocert *a)
{
	struct event_object object = { autocert_class.name, a->o.id, a->o.name };
	struct json_object *data = json_object_new_object();

	json_add_string(data, "state", "failover");
	json_add_string(data, "why", a->provider_why);
	event_emit(env->events, txn, EVENT_ISSUE_PROGRESS, &object, data, "failover: %s", a->provider_why);
}

/* @what: what is wrong with the provider in use, after its name. Return: whether there is another. */
static bool
failover_move(const struct issue_env *env, struct autocert *a, const char *what)
{
	size_t n = a->fallbacks.count + 1, at = failover_number(a);
	_cleanup_provider_ struct provider failed = { 0 };

	for (size_t i = 1; i < n; i++) {
		size_t number = (at + i) % n;
		_cleanup_provider_ struct provider next = { 0 };

		if (object_peek(env->store, &provider_class, failover_at(a, number), &next, NULL) != 1 ||
			!failover_is_usable(env, &next))
			continue;
		object_peek(env->store, &provider_class, autocert_provider(a), &failed, NULL);
		free(a->provider_why);
		a->provider_why = xasprintf("provider '%s' %s, so the next order goes to %s'%s'",
			failed.o.name ? failed.o.name : "", what, number ? "its fallback " : "", next.o.name);
		str_replace(&a->provider_now, number ? next.o.id : NULL);
		a->provider_failures = 0;
		a->hold_at = 0;
		str_replace(&a->hold_why, NULL);
		return true;
	}
	return false;
}

bool
failover_note(const struct issue_env *env, struct autocert *a, const struct error *err, bool is_network)
{
	int64_t urgent_at = failover_urgent_at(env, a), now = failover_now(env);
	bool is_urgent = urgent_at > 0 && now >= urgent_at;
	_cleanup_free_ char *what = NULL;

	/* When time is short, it does not matter why the CA did not find an answer. */
	if (failover_is_ca_fault(err, is_network) || (is_urgent && err->code == ERROR_VALIDATION))
		a->provider_failures = time_add(a->provider_failures, 1);
	if (a->fallbacks.count == 0 || !failover_is_due(a->provider_failures, urgent_at, now))
		return false;
	what = xasprintf("has failed %lld %s in a row%s", (long long)a->provider_failures,
		a->provider_failures == 1 ? "time" : "times", is_urgent ? ", and the certificate expires soon" : "");
	return failover_move(env, a, what);
}

/* --- orders that do not start --- */

/* NULL: they start. */
static const char *
failover_obstacle(const struct issue_env *env, const struct provider *p)
{
	if (!p->account_url)
		return p->attempts >= REGISTRATIONS ? "has no account, because registration fails" : NULL;
	return clients_opens_at(env->clients, p->o.id, NULL) > 0 ? "takes no orders now" : NULL;
}

static void
failover_look(const struct issue_env *env, struct store_txn *txn, struct autocert *a)
{
	int64_t now = failover_now(env), urgent_at = failover_urgent_at(env, a);
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *what;

	if (a->fallbacks.count == 0 || a->next_at == 0 || a->next_at > now || (urgent_at > 0 && now < urgent_at) ||
		(env->scheduler && issue_running(env->scheduler, a->o.id)) ||
		object_peek(env->store, &provider_class, autocert_provider(a), &p, NULL) != 1)
		return;
	what = failover_obstacle(env, &p);
	if (!what || !failover_move(env, a, what))
		return;
	if (object_save(env->store, txn, &autocert_class, a, &err) < 0)
		store_fail(txn, &err);
	failover_report(env, txn, a);
}

void
failover_look_at(const struct issue_env *env, struct store_txn *txn, const char *autocert_id)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	if (object_load(env->store, &autocert_class, autocert_id, &a, NULL) == 1)
		failover_look(env, txn, &a);
}

void
failover_look_at_lane(const struct issue_env *env, struct store_txn *txn, const char *provider_id)
{
	struct schedule_row row, at;

	for (int n = 0; n < LOOKED_AT; n++) {
		if (schedule_next_in_lane(env->store, provider_id, n ? &at : NULL, &row, NULL) != 1 ||
			row.due_at > failover_now(env))
			return;
		at = row;
		if (row.kind == SCHEDULE_ISSUE)
			failover_look_at(env, txn, row.object);
	}
}
