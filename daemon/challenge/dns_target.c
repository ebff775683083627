/*
 * Usually one query is enough: SOA of the name itself. An alias appears as a CNAME in the answer; for a name that does
 * not exist yet, the authority section contains the SOA of its zone (RFC 2308 s2). Resolvers that omit that section
 * (systemd-resolved does) are queried again with one label less each time.
 */
#include "daemon/challenge/dns_target.h"

#include "common/error.h"
#include "common/name.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 5000, RCODE_NXDOMAIN = 3 };

/* An unused label, as long as "_acme-challenge". */
#define PROBE_LABEL "_certd-wildcard"

struct dns_finder {
	const struct dnsprovider_env *env;
	struct store *store;
	char *named;
	struct dns_target target;
	struct strlist seen; /* aliases so far */
	char *alias;         /* the name's alias, while certd finds out whether a wildcard produced it */
	const char *asked;   /* the part of target.name that the current query is about */
	bool is_zone_only;   /* a provider is not required */
	bool has_provider;
	bool is_at_server;           /* the provider's server was queried, not the resolver */
	struct error server_failure; /* its error, reported when the resolver does not know the answer either */
	struct dns_query *query;
	struct loop_timer start;
	dns_target_done_fn *done;
	void *arg;
};

static void
dns_target_look(struct dns_finder *f);

void
dns_target_clear(struct dns_target *target)
{
	dnsprovider_clear(&target->provider);
	free(target->name);
	free(target->zone);
	memset(target, 0, sizeof(*target));
}

void
dns_target_cancel(struct dns_finder *f)
{
	if (!f)
		return;
	dns_cancel(f->query);
	loop_timer_cancel(&f->start);
	dns_target_clear(&f->target);
	strlist_clear(&f->seen);
	error_clear(&f->server_failure);
	free(f->alias);
	free(f->named);
	free(f);
}

static void
dns_target_finish(struct dns_finder *f, const struct error *err)
{
	f->done(err ? NULL : &f->target, err, f->arg);
	dns_target_cancel(f);
}

static void
fail(struct dns_finder *f, enum error_code code, const char *fmt, ...) _printf_(3, 4);

static void
fail(struct dns_finder *f, enum error_code code, const char *fmt, ...)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	error_set(&err, code, "%s", text);
	err.may_retry = true;
	dns_target_finish(f, &err);
}

/* Both failed: the provider's own server, and the resolver with @why. */
static void
fail_unknown(struct dns_finder *f, enum error_code code, const char *why)
{
	const struct error *first = &f->server_failure;

	if (error_is_set(first))
		fail(f, first->code, "DNS provider '%s': %s; and by the resolver: %s", f->target.provider.o.name,
			first->message, why);
	else
		fail(f, code, "%s", why);
}

static void
dns_target_follow(struct dns_finder *f, const char *alias)
{
	if (f->seen.count >= DNS_ALIASES_MAX)
		fail(f, ERROR_DNS, "%s: more than %d consecutive aliases (CNAME)", f->seen.items[0], DNS_ALIASES_MAX);
	else if (!name_is_plain(alias))
		fail(f, ERROR_DNS, "%s: its alias (CNAME) leads to a name that certd does not support", f->target.name);
	else if (strcmp(f->target.name, alias) == 0 || strlist_has(&f->seen, alias))
		fail(f, ERROR_DNS, "%s: its aliases (CNAME) form a loop", f->target.name);
	else {
		strlist_add(&f->seen, f->target.name);
		str_replace(&f->target.name, alias);
		dns_target_look(f);
	}
}

/* The zone of the provider that contains the name, by its declaration or its API; or NULL. */
static const char *
provider_zone(const struct dns_finder *f)
{
	const char *name = f->target.name;
	size_t len = f->has_provider ? dnsprovider_match(&f->target.provider, name) : 0;

	return len ? name + strlen(name) - len : NULL;
}

static bool
needs_zone(const struct dns_finder *f)
{
	const struct dnsprovider_driver *driver = dnsprovider_driver(f->target.provider.kind);

	return !driver || driver->needs_zone;
}

static void
found_zone(struct dns_finder *f, const char *zone)
{
	const char *name = f->target.name;
	bool must_have_zone = f->is_zone_only || needs_zone(f);
	bool lacks_provider = !f->has_provider && !f->is_zone_only;

	if (!zone && must_have_zone)
		zone = provider_zone(f);

	if (lacks_provider && f->seen.count)
		fail(f, ERROR_STATE,
			"%s is an alias of %s, and no DNS provider has a zone for that name: declare one for "
			"the zone %s "
			"(see: certctl add-dns --help), or choose one with --dns",
			f->seen.items[0], name, zone ? zone : "ZONE");
	else if (lacks_provider)
		fail(f, ERROR_STATE,
			"%s: no DNS provider has a zone for it; declare one for the zone %s (see: certctl "
			"add-dns --help)",
			name, zone ? zone : "ZONE");
	else if (!zone && must_have_zone) {
		_cleanup_free_ char *why = xasprintf(
			"%s: no zone found: no name server returned an SOA record at or above it", name);

		fail_unknown(f, ERROR_DNS, why);
	} else {
		f->target.zone = xstrdup_null(zone);
		dns_target_finish(f, NULL);
	}
}

static bool
is_answer(const struct dns_answer *answer, const struct error *err)
{
	return !err && (answer->rcode == 0 || answer->rcode == RCODE_NXDOMAIN);
}

/* Is the server that certd would update authoritative for the name, according to its answer? */
static bool
server_knows(const struct dns_finder *f, const struct dns_answer *answer, const struct error *err)
{
	return is_answer(answer, err) && answer->is_authoritative &&
	       (answer->cname || (answer->soa_zone && name_in_zone(f->target.name, answer->soa_zone)));
}

static void
note_server_failure(struct dns_finder *f, const struct dns_answer *answer, const struct error *err)
{
	const char *server = dnsprovider_server(&f->target.provider);

	if (err)
		error_copy(&f->server_failure, err);
	else if (!is_answer(answer, err))
		error_set(&f->server_failure, ERROR_DNS, "DNS server %s answers %s to a query for %s", server,
			dns_rcode_name(answer->rcode), f->asked);
	else
		error_set(&f->server_failure, ERROR_DNS, "DNS server %s does not serve a zone that contains %s", server,
			f->asked);
}

static void
dns_target_on_answer(const struct dns_answer *answer, const struct error *err, void *arg);

static const char *
server_to_ask(const struct dns_finder *f)
{
	return f->is_at_server ? dnsprovider_server(&f->target.provider) : NULL;
}

static void
ask(struct dns_finder *f)
{
	f->query = dns_ask(f->env->dns, server_to_ask(f), f->asked, DNS_SOA, TIMEOUT_MS, dns_target_on_answer, f);
}

static void
ask_parent(struct dns_finder *f)
{
	const char *dot = strchr(f->asked, '.');

	if (!dot || !dot[1]) {
		found_zone(f, NULL);
		return;
	}
	f->asked = dot + 1;
	ask(f);
}

static void
on_probe(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct dns_finder *f = arg;

	f->query = NULL;
	if (!err && answer->cname && strcmp(answer->cname, f->alias) == 0)
		ask_parent(f);
	else
		dns_target_follow(f, f->alias);
}

/*
 * "* CNAME lb.example.net" in a zone answers for every name that does not exist. The challenge is not delegated then: a
 * TXT record at the name hides the wildcard. If an unused sibling name has the same alias, the alias is a wildcard.
 */
static void
found_alias(struct dns_finder *f, const char *alias)
{
	const struct dnsprovider *provider = &f->target.provider;
	bool may_have_zone = f->has_provider &&
			     (provider_zone(f) || provider->zones.count + provider->zones_seen.count == 0);
	const char *parent = strchr(f->target.name, '.');
	_cleanup_free_ char *probe = NULL;

	str_replace(&f->alias, alias);
	if (!may_have_zone || !parent) {
		dns_target_follow(f, f->alias);
		return;
	}
	probe = xasprintf("%s%s", PROBE_LABEL, parent);
	f->query = dns_ask(f->env->dns, server_to_ask(f), probe, DNS_SOA, TIMEOUT_MS, on_probe, f);
}

/* NOTIMP, REFUSED or SERVFAIL: is the zone known otherwise, or not needed? */
static bool
can_do_without_answer(const struct dns_finder *f)
{
	return f->has_provider && (!needs_zone(f) || provider_zone(f));
}

static void
dns_target_on_answer(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct dns_finder *f = arg;

	f->query = NULL;
	if (f->is_at_server && !server_knows(f, answer, err)) {
		note_server_failure(f, answer, err);
		f->is_at_server = false;
		ask(f);
	} else if (err)
		fail_unknown(f, err->code, err->message);
	else if (!is_answer(answer, err) && can_do_without_answer(f))
		found_zone(f, NULL);
	else if (!is_answer(answer, err)) {
		_cleanup_free_ char *why = xasprintf("DNS SOA of '%s': %s", f->asked, dns_rcode_name(answer->rcode));

		fail_unknown(f, ERROR_DNS, why);
	} else if (answer->cname && f->asked == f->target.name)
		found_alias(f, answer->cname);
	else if (!answer->cname && answer->soa_zone && name_in_zone(f->target.name, answer->soa_zone))
		found_zone(f, answer->soa_zone);
	else
		ask_parent(f);
}

static void
dns_target_look(struct dns_finder *f)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct dnsprovider *provider = &f->target.provider;
	int found;

	dnsprovider_clear(provider);
	error_clear(&f->server_failure);
	found = dnsprovider_choose(f->store, f->named, f->target.name, provider, &err);
	if (found < 0) {
		dns_target_finish(f, &err);
		return;
	}
	f->has_provider = found;
	f->is_at_server = found && dnsprovider_server(provider);
	f->asked = f->target.name;
	ask(f);
}

static void
dns_target_on_start(void *arg)
{
	dns_target_look(arg);
}

struct dns_finder *
dns_target_find(const struct dnsprovider_env *env, struct store *store, const char *named, const char *name,
	dns_target_done_fn *done, void *arg)
{
	struct dns_finder *f = xcalloc(1, sizeof(*f));

	f->env = env;
	f->store = store;
	f->named = xstrdup_null(named);
	f->target.name = xstrdup(name);
	f->done = done;
	f->arg = arg;
	loop_timer_init(&f->start, env->loop, dns_target_on_start, f);
	loop_timer_set(&f->start, 0);
	return f;
}

struct dns_finder *
dns_target_find_zone(
	const struct dnsprovider_env *env, struct store *store, const char *name, dns_target_done_fn *done, void *arg)
{
	struct dns_finder *f = dns_target_find(env, store, NULL, name, done, arg);

	f->is_zone_only = true;
	return f;
}
