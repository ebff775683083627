/*
 * dns-01 and dns-account-01: a TXT record through a DNS provider. They differ by its owner name.
 *
 *   find (aliases, provider, zone) -> record (the cleanup record is durable) -> add -> watch (all servers) -> up
 *
 * Stopping removes the value in the background once the cleanup record exists. The removal outlives its challenge; when
 * it fails, or certd ends, the record's row in the schedule repeats it.
 */
#include "common/crypto/acme_txt.h"
#include "common/crypto/jws.h"
#include "common/error.h"
#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/challenge/cleanup.h"
#include "daemon/challenge/dns_target.h"
#include "daemon/challenge/dns_watch.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/challenge/txt_queue.h"
#include "daemon/challenge/txt_removal.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Longer than any order: after a crash, the row comes due when no order removes the value any more. */
enum { SAFETY_SEC = 3600 };

struct dns_solve {
	struct dns_solve *prev, *next;
	struct solve *solve;
	char *value;
	char *domain;
	char *key_authorization;
	struct dns_target target;
	char id[STORE_ID_SIZE]; /* of the cleanup record; "": not made yet */
	bool is_added;          /* perhaps: the change was requested */
	struct dns_finder *finder;
	struct txt_change *change;
	struct dns_watch *watch;
};

struct dns_solves {
	struct solver *solver;
	int64_t poll_ms;
	struct txt_queue *queue;
	struct txt_removals *removals;
	struct dns_solve *all;
};

/* Does a published challenge need the value that the cleanup record @id removes? */
static bool
is_up(const char *id, void *arg)
{
	const struct dns_solves *all = arg;
	const struct dns_solve *s;

	DL_FOREACH(all->all, s)
		if (strcmp(s->id, id) == 0)
			return true;
	return false;
}

struct dns_solves *
dns_solves_new(struct solver *solver, int64_t poll_ms)
{
	struct dns_solves *all = xcalloc(1, sizeof(*all));

	all->solver = solver;
	all->poll_ms = poll_ms;
	all->queue = txt_queue_new(&solver->env, solver->store);
	all->removals = txt_removals_new(solver, all->queue, is_up, all);
	return all;
}

void
dns_solves_free(struct dns_solves *all)
{
	if (!all)
		return;
	txt_removals_free(all->removals);
	txt_queue_free(all->queue);
	free(all);
}

struct txt_queue *
dns_solves_txt_queue(struct dns_solves *all)
{
	return all->queue;
}

struct txt_removals *
dns_solves_txt_removals(struct dns_solves *all)
{
	return all->removals;
}

/* Its API has listed all existing zones, and none of them contains the name. */
static bool
is_known_to_lack(const struct dnsprovider *d, const char *owner)
{
	return !d->zones.count && d->zones_listed_at && !dnsprovider_match(d, owner);
}

/* NULL: the one that has the zone. */
static const char *
named_provider(const struct autocert *autocert)
{
	return autocert->dns_provider && *autocert->dns_provider ? autocert->dns_provider : NULL;
}

static int
dns_check(struct solver *solver, const struct autocert *autocert, const char *name, bool is_wildcard _unused_,
	bool is_now, struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_free_ char *owner = name_of_challenge(name);
	const char *named = named_provider(autocert);
	int found;

	if (name_type_of(name) == NAME_IP)
		return error_set(err, ERROR_INVALID, "%s is an address; dns-01 is only for names", name);
	found = dnsprovider_choose(solver->store, named, owner, &d, err);
	if (found < 0)
		return -1;
	if (found == 1 && (is_now || !is_known_to_lack(&d, owner)))
		return 0;
	if (found == 1)
		return error_set_field(err, "dnsProvider",
			"DNS provider '%s' has no zone for it: create one there, or, if %s is an alias, declare the "
			"zone of its target with --zone",
			d.o.name, owner);
	if (named)
		return error_set_field(
			err, "dnsProvider", "there is no DNS provider '%s'; to list them: certctl list dns", named);
	return error_set(err, ERROR_INVALID,
		"no DNS provider has a zone for it: declare one for %s (see: certctl add-dns --help), or, if "
		"%s is an alias "
		"into another zone, choose the provider with --dns",
		name, owner);
}

/* Some hooks are told the domain only, and compute the owner name for dns-01. */
static int
dns_account_check(struct solver *solver, const struct autocert *autocert, const char *name, bool is_wildcard,
	bool is_now, struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_free_ char *owner = name_of_challenge(name);
	const struct dnsprovider_driver *driver;

	if (dns_check(solver, autocert, name, is_wildcard, is_now, err) < 0)
		return -1;
	if (dnsprovider_choose(solver->store, named_provider(autocert), owner, &d, err) < 0)
		return -1;
	driver = dnsprovider_driver(d.kind);
	if (driver && driver->is_dns01_only && driver->is_dns01_only(&d))
		return error_set_field(err, "challenge",
			"DNS provider '%s' computes the name of the TXT record itself, and only for dns-01: use that, "
			"or a program with the convention of lego or acme.sh",
			d.o.name);
	return 0;
}

static void
on_progress(const char *why, void *arg)
{
	struct dns_solve *s = arg;

	solve_progress(s->solve, "%s", why);
}

static void
on_seen(const struct error *err, void *arg)
{
	struct dns_solve *s = arg;

	s->watch = NULL;
	s->solve->until_at = 0;
	solve_done(s->solve, err);
}

static void
on_added(const struct error *err, void *arg)
{
	struct dns_solve *s = arg;
	struct dns_solves *all = s->solve->solver->dns;
	struct dns_watch_request request = {
		.provider = &s->target.provider,
		.zone = s->target.zone,
		.name = s->target.name,
		.value = s->value,
		.poll_ms = all->poll_ms,
	};

	s->change = NULL;
	if (err) {
		_cleanup_error_ struct error failure = ERROR_INIT;

		error_copy(&failure, err);
		error_wrap(&failure, "DNS provider '%s': add %s", s->target.provider.o.name, s->target.name);
		solve_done(s->solve, &failure);
		return;
	}
	s->solve->until_at = time_add(loop_now(all->solver->env.loop), dns_watch_timeout_sec(&s->target.provider));
	s->watch = dns_watch_start(&all->solver->env, &request, on_seen, on_progress, s);
}

static void
on_cleanup_saved(const struct error *err, void *arg)
{
	struct dns_solve *s = arg;
	struct dnsprovider_record record = {
		.zone = s->target.zone,
		.name = s->target.name,
		.value = s->value,
		.domain = s->domain,
		.key_authorization = s->key_authorization,
	};

	if (err) {
		solve_done(s->solve, err);
		return;
	}
	solve_progress(s->solve, "adds the TXT record of %s through DNS provider '%s'", s->target.name,
		s->target.provider.o.name);
	s->is_added = true;
	s->change = txt_change_start(s->solve->solver->dns->queue, &s->target.provider, false, &record, on_added, s);
}

static void
save_cleanup(struct dns_solve *s)
{
	struct solver *solver = s->solve->solver;
	struct store_txn *txn = store_begin(solver->store);
	struct cleanup c = {
		.dns_provider = s->target.provider.o.id,
		.zone = s->target.zone,
		.name = s->target.name,
		.value = s->value,
		.domain = s->domain,
		.key_authorization = s->key_authorization,
	};

	cleanup_id(&c, s->id);
	cleanup_save(solver->store, txn, &c, loop_now(solver->env.loop) + SAFETY_SEC);
	store_then(txn, on_cleanup_saved, s);
}

static void
on_found(struct dns_target *target, const struct error *err, void *arg)
{
	struct dns_solve *s = arg;

	s->finder = NULL;
	if (err) {
		solve_done(s->solve, err);
		return;
	}
	s->target = *target;
	memset(target, 0, sizeof(*target));
	save_cleanup(s);
}

static void
solve_dns_begin(
	struct solve *solve, const struct solver_request *request, const char *key_authorization, const char *owner)
{
	struct dns_solve *s = xcalloc(1, sizeof(*s));

	solve->data = s;
	s->solve = solve;
	s->value = jws_dns01_value(key_authorization);
	s->domain = xstrdup(name_base(request->authz->name));
	s->key_authorization = xstrdup(key_authorization);
	DL_PREPEND(solve->solver->dns->all, s);
	s->finder = dns_target_find(
		&solve->solver->env, solve->solver->store, named_provider(request->autocert), owner, on_found, s);
}

static void
dns_start(struct solve *solve, const struct solver_request *request, const char *key_authorization)
{
	_cleanup_free_ char *owner = name_of_challenge(request->authz->name);

	solve_dns_begin(solve, request, key_authorization, owner);
}

static void
dns_account_start(struct solve *solve, const struct solver_request *request, const char *key_authorization)
{
	_cleanup_free_ char *owner = acme_txt_account_owner(request->account_url, request->authz->name);

	solve_dns_begin(solve, request, key_authorization, owner);
}

static void
dns_stop(struct solve *solve)
{
	struct dns_solve *s = solve->data;
	struct solver *solver = solve->solver;

	DL_DELETE(solver->dns->all, s);
	dns_target_cancel(s->finder);
	store_forget(solver->store, s);
	txt_change_leave(s->change);
	dns_watch_cancel(s->watch);
	if (*s->id && !is_up(s->id, solver->dns)) {
		if (s->is_added)
			txt_removal_start(solver->dns->removals, s->id, NULL, NULL);
		else
			cleanup_forget(solver->store, store_begin(solver->store), s->id);
	}
	dns_target_clear(&s->target);
	free(s->value);
	free(s->domain);
	free(s->key_authorization);
	free(s);
}

const struct solver_kind solver_dns01 = {
	.word = "dns-01",
	.type = "dns-01",
	.check = dns_check,
	.start = dns_start,
	.stop = dns_stop,
};

const struct solver_kind solver_dns_account01 = {
	.word = "dns-account-01",
	.type = "dns-account-01",
	.check = dns_account_check,
	.start = dns_account_start,
	.stop = dns_stop,
};
