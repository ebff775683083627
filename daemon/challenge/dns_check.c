/*
 * The steps of solve_dns.c with a random value, and then the removal, whose outcome is part of the result:
 *
 *   find (aliases, zone) -> record (the cleanup record is durable) -> add -> watch (all servers) -> remove -> answer
 *
 * When time is up, the removal continues in the background, and the cleanup record's row repeats it if it fails.
 */
#include "daemon/challenge/dns_check.h"

#include "common/crypto/jws.h"
#include "common/error.h"
#include "common/name.h"
#include "daemon/challenge/cleanup.h"
#include "daemon/challenge/dns_target.h"
#include "daemon/challenge/dns_watch.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/challenge/txt_queue.h"
#include "daemon/challenge/txt_removal.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { DNS_CHECK_WATCH_SEC = 15, DNS_CHECK_SAFETY_SEC = 600 };

struct dns_check {
	struct dns_check *prev, *next;
	struct solver *solver;
	char *domain;
	char *value;
	char *key_authorization;
	struct dns_target target;
	char id[STORE_ID_SIZE]; /* of the cleanup record; "": not made yet */
	bool is_added;          /* perhaps: the change was requested */
	const char *step;       /* for the time limit */
	struct dns_finder *finder;
	struct txt_change *change;
	struct dns_watch *watch;
	struct txt_removal *removal;
	struct loop_timer deadline;
	struct strlist servers;
	struct error failure; /* of the first step that failed */
	dns_check_done_fn *done;
	void *arg;
};

static void
dns_check_free(struct dns_check *c)
{
	DL_DELETE(c->solver->checks, c);
	loop_timer_cancel(&c->deadline);
	store_forget(c->solver->store, c);
	dns_target_cancel(c->finder);
	dns_watch_cancel(c->watch);
	txt_change_leave(c->change);
	if (c->removal)
		txt_removal_disown(c->removal);
	dns_target_clear(&c->target);
	strlist_clear(&c->servers);
	error_clear(&c->failure);
	free(c->domain);
	free(c->value);
	free(c->key_authorization);
	free(c);
}

void
dns_checks_free(struct solver *solver)
{
	while (solver->checks)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		dns_check_free(solver->checks);
}

static void
dns_check_answer(struct dns_check *c)
{
	struct dns_check_result result = { .record = c->target.name, .zone = c->target.zone, .servers = c->servers };

	c->done(&result, error_is_set(&c->failure) ? &c->failure : NULL, c->arg);
	dns_check_free(c);
}

/* Is the value still to be removed? Then its row in the schedule repeats it. */
static void
dns_check_on_removed(bool is_stored, void *arg)
{
	struct dns_check *c = arg;
	_cleanup_cleanup_ struct cleanup left = { .dns_provider = NULL };
	bool is_left = !is_stored || record_load(c->solver->store, &cleanup_class, c->id, &left, NULL) != 0;

	c->removal = NULL;
	if (is_left && !error_is_set(&c->failure))
		error_set(&c->failure, ERROR_DNS,
			"the TXT record of %s was added and not removed; certd tries again (see: certctl events)",
			c->target.name);
	dns_check_answer(c);
}

/* Ends the check by removing what it may have added. */
static void
dns_check_remove(struct dns_check *c)
{
	c->step = "removing the TXT record";
	c->removal = txt_removal_start(dns_solves_txt_removals(c->solver->dns), c->id, dns_check_on_removed, c);
}

static void
dns_check_on_deadline(void *arg)
{
	struct dns_check *c = arg;

	if (!error_is_set(&c->failure))
		error_set(&c->failure, ERROR_TIMEOUT, "no result within %d s: %s", DNS_CHECK_SEC, c->step);
	txt_change_leave(c->change);
	c->change = NULL;
	if (*c->id && !c->removal && c->is_added)
		txt_removal_start(dns_solves_txt_removals(c->solver->dns), c->id, NULL, NULL);
	else if (*c->id && !c->removal)
		cleanup_forget(c->solver->store, store_begin(c->solver->store), c->id);
	dns_check_answer(c);
}

static void
dns_check_on_progress(const char *why _unused_, void *arg _unused_)
{
}

static void
dns_check_on_seen(const struct error *err, void *arg)
{
	struct dns_check *c = arg;

	c->watch = NULL;
	if (err)
		error_set(&c->failure, ERROR_DNS, "no name server has the TXT record of %s after %d s", c->target.name,
			DNS_CHECK_WATCH_SEC);
	dns_check_remove(c);
}

static void
dns_check_on_added(const struct error *err, void *arg)
{
	struct dns_check *c = arg;
	struct dns_watch_request request = {
		.provider = &c->target.provider,
		.zone = c->target.zone,
		.name = c->target.name,
		.value = c->value,
		.verdicts = &c->servers,
	};

	c->change = NULL;
	if (err) {
		error_copy(&c->failure, err);
		error_wrap(&c->failure, "add %s", c->target.name);
		dns_check_remove(c);
		return;
	}
	c->step = "looking for the TXT record";
	c->target.provider.propagation_timeout = DNS_CHECK_WATCH_SEC;
	c->watch = dns_watch_start(&c->solver->env, &request, dns_check_on_seen, dns_check_on_progress, c);
}

static void
dns_check_on_saved(const struct error *err, void *arg)
{
	struct dns_check *c = arg;
	struct dnsprovider_record record = {
		.zone = c->target.zone,
		.name = c->target.name,
		.value = c->value,
		.domain = c->domain,
		.key_authorization = c->key_authorization,
	};

	if (err) {
		error_copy(&c->failure, err);
		dns_check_answer(c);
		return;
	}
	c->step = "adding the TXT record";
	c->is_added = true;
	c->change = txt_change_start(
		dns_solves_txt_queue(c->solver->dns), &c->target.provider, false, &record, dns_check_on_added, c);
}

static void
dns_check_save(struct dns_check *c)
{
	struct store_txn *txn = store_begin(c->solver->store);
	struct cleanup cleanup = {
		.dns_provider = c->target.provider.o.id,
		.zone = c->target.zone,
		.name = c->target.name,
		.value = c->value,
		.domain = c->domain,
		.key_authorization = c->key_authorization,
	};

	cleanup_id(&cleanup, c->id);
	cleanup_save(c->solver->store, txn, &cleanup, loop_now(c->solver->env.loop) + DNS_CHECK_SAFETY_SEC);
	store_then(txn, dns_check_on_saved, c);
}

static void
dns_check_on_found(struct dns_target *target, const struct error *err, void *arg)
{
	struct dns_check *c = arg;

	c->finder = NULL;
	if (err) {
		error_copy(&c->failure, err);
		dns_check_answer(c);
		return;
	}
	c->target = *target;
	memset(target, 0, sizeof(*target));
	dns_check_save(c);
}

void
dns_check_start(struct solver *solver, const char *provider, const char *name, dns_check_done_fn *done, void *arg)
{
	struct dns_check *c = xcalloc(1, sizeof(*c));
	_cleanup_free_ char *owner = name_of_challenge(name);
	char token[STORE_ID_SIZE];

	store_new_id(token);
	c->solver = solver;
	c->domain = xstrdup(name);
	c->key_authorization = xasprintf("%s.certd-test", token);
	c->value = jws_dns01_value(c->key_authorization);
	c->step = "looking for the zone";
	c->done = done;
	c->arg = arg;
	DL_PREPEND(solver->checks, c);
	loop_timer_init(&c->deadline, solver->env.loop, dns_check_on_deadline, c);
	loop_timer_set(&c->deadline, DNS_CHECK_SEC * INT64_C(1000));
	c->finder = dns_target_find(&solver->env, solver->store, provider, owner, dns_check_on_found, c);
}
