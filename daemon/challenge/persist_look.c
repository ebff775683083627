/* find (the zone) -> watch (its name servers, for a moment: the record is there for long, or it is missing) */
#include "daemon/challenge/persist_look.h"

#include "common/error.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/dns_target.h"
#include "daemon/challenge/dns_watch.h"

#include <stdlib.h>

enum { LOOK_SEC = 2 };

struct persist_look {
	const struct dnsprovider_env *env;
	struct acme_persist want;
	struct dns_finder *finder;
	struct dns_watch *watch;
	char *seen;
	char *why; /* what was wrong with the records that were found */
	persist_look_done_fn *done;
	void *arg;
};

void
persist_look_cancel(struct persist_look *l)
{
	if (!l)
		return;
	dns_target_cancel(l->finder);
	dns_watch_cancel(l->watch);
	acme_persist_clear(&l->want);
	free(l->seen);
	free(l->why);
	free(l);
}

static void
persist_look_finish(struct persist_look *l, const struct error *err)
{
	_cleanup_error_ struct error missing = ERROR_INIT;

	if (!l->seen && l->why)
		error_set(&missing, ERROR_STATE, "%s", l->why);
	l->done(l->seen, l->seen ? NULL : l->why ? &missing : err, l->arg);
	persist_look_cancel(l);
}

static bool
persist_look_has(const struct dns_answer *answer, void *arg)
{
	struct persist_look *l = arg;
	_cleanup_free_ char *why = NULL;
	size_t i;

	if (!acme_persist_find(&l->want, &answer->values, loop_now(l->env->loop), &i, &why)) {
		str_replace(&l->why, why);
		return false;
	}
	str_replace(&l->seen, answer->values.items[i]);
	return true;
}

static void
persist_look_on_end(const struct error *err, void *arg)
{
	struct persist_look *l = arg;

	l->watch = NULL;
	persist_look_finish(l, err);
}

static void
persist_look_on_progress(const char *why _unused_, void *arg _unused_)
{
}

static void
persist_look_on_found(struct dns_target *target, const struct error *err, void *arg)
{
	struct persist_look *l = arg;

	l->finder = NULL;
	if (err) {
		persist_look_finish(l, err);
		return;
	}
	target->provider.propagation_timeout = LOOK_SEC;
	target->provider.validate_unseen = false;
	l->watch = dns_watch_start(l->env,
		&(struct dns_watch_request){
			.provider = &target->provider,
			.zone = target->zone,
			.name = target->name,
			.value = "",
			.has = persist_look_has,
			.has_arg = l,
		},
		persist_look_on_end, persist_look_on_progress, l);
}

struct persist_look *
persist_look_start(const struct dnsprovider_env *env, struct store *store, const char *owner,
	const struct acme_persist *want, persist_look_done_fn *done, void *arg)
{
	struct persist_look *l = xcalloc(1, sizeof(*l));

	l->env = env;
	strlist_copy(&l->want.issuers, &want->issuers);
	strlist_copy(&l->want.accounts, &want->accounts);
	l->want.is_wildcard = want->is_wildcard;
	l->done = done;
	l->arg = arg;
	l->finder = dns_target_find_zone(env, store, owner, persist_look_on_found, l);
	return l;
}
