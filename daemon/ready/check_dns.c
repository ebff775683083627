/*
 * Whether the DNS has the name, as the resolver sees it, and where a TXT record of dns-01 would go. What fails only
 * with validation fails at CAs too, because they validate DNSSEC.
 */
#include "common/name.h"
#include "daemon/challenge/dns_target.h"
#include "daemon/dnsprovider/server.h"
#include "daemon/ready/ready_private.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* --- how the name is validated --- */

static void
challenge_start(struct ready_step *s)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	s->method = solver_method(s->run->ready->config.env->solver, &s->run->a, s->name, &why);
	if (!s->method)
		ready_add(s, READY_WARNING, "%s", why.message);
	ready_next(s);
}

const struct ready_check ready_check_challenge = { .word = "challenge", .is_of_name = true, .start = challenge_start };

/* --- its zone --- */

/* A name without a dot above it: "com". */
static bool
is_top(const char *zone)
{
	return !strchr(zone, '.');
}

static void
delegation_unvalidated(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	if (!err && ready_is_answer(answer))
		ready_add(s, READY_WARNING,
			"DNSSEC: the resolver answers SERVFAIL for %s, but not if it is told not to validate: the "
			"signatures of its zone do not match the DS record of the parent zone, or have expired",
			s->base);
	else
		ready_add(s, READY_WARNING,
			"the resolver answers SERVFAIL for %s: do its name servers answer, and are they those of the "
			"delegation?",
			s->base);
	ready_next(s);
}

static void
delegation_found(struct ready_step *s, const struct dns_answer *answer)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };

	s->zone = xstrdup(answer->soa_zone);
	/* A zone such as "internal" may have names without records, until certd adds a TXT record. */
	if (answer->rcode == READY_NXDOMAIN && is_top(s->zone) && strcmp(s->zone, s->base) != 0 &&
		!ready_dnsprovider(s, s->base, &d))
		ready_add(s, READY_WARNING, "%s does not exist (NXDOMAIN): zone %s does not delegate it", s->base,
			s->zone);
	ready_next(s);
}

static void
delegation_ask(void *arg);

/* Systemd-resolved leaves out the SOA of a negative answer: the name above is asked for. */
static void
delegation_answered(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	const char *dot = strchr(s->asked, '.');

	if (err) {
		ready_add(s, READY_NOTE, "%s", err->message);
		ready_next(s);
	} else if (answer->rcode == READY_SERVFAIL && s->tries++ == 0) {
		ready_after(s, READY_AGAIN_MS, delegation_ask);
	} else if (answer->rcode == READY_SERVFAIL) {
		ready_ask_unvalidated(s, s->asked, DNS_SOA, delegation_unvalidated);
	} else if (ready_is_answer(answer) && !answer->cname && answer->soa_zone &&
		   name_in_zone(s->base, answer->soa_zone)) {
		delegation_found(s, answer);
	} else if (ready_is_answer(answer) && dot && dot[1]) {
		s->asked = dot + 1;
		delegation_ask(s);
	} else { /* the resolver answers no SOA */
		ready_next(s);
	}
}

static void
delegation_ask(void *arg)
{
	struct ready_step *s = arg;

	ready_ask(s, NULL, s->asked, DNS_SOA, delegation_answered);
}

static void
delegation_start(struct ready_step *s)
{
	s->asked = s->base;
	if (server_is_address(s->base))
		ready_next(s);
	else
		delegation_ask(s);
}

const struct ready_check ready_check_delegation = {
	.word = "delegation", .is_of_name = true, .start = delegation_start
};

/* --- where its TXT record goes --- */

struct ready_target {
	struct dns_finder *finder;
	struct dns_target target;
};

static void
zone_cancel(struct ready_step *s)
{
	struct ready_target *t = s->data;

	dns_target_cancel(t->finder);
	dns_target_clear(&t->target);
	free(t);
}

static void
zone_end(struct ready_step *s)
{
	zone_cancel(s);
	ready_next(s);
}

static bool
zone_contains(const struct strlist *zones, const char *name)
{
	for (size_t i = 0; i < zones->count; i++)
		if (name_in_zone(name, zones->items[i]))
			return true;
	return false;
}

/* A read-only call shows whether the credentials are still good. */
static void
zone_listed(struct ready_step *s, const struct dns_answer *zones, const struct error *err)
{
	const struct ready_target *t = s->data;
	const char *provider = t->target.provider.o.name;

	if (err)
		ready_add(s, READY_WARNING, "DNS provider '%s' cannot list its zones: %s", provider, err->message);
	else if (!t->target.zone && !zone_contains(&zones->values, t->target.name))
		ready_add(s, READY_WARNING, "the TXT record goes to %s, which is in no zone of DNS provider '%s'",
			t->target.name, provider);
	else if (t->target.zone && !strlist_has(&zones->values, t->target.zone))
		ready_add(s, READY_WARNING, "DNS provider '%s' does not have the zone %s of %s any more", provider,
			t->target.zone, t->target.name);
	zone_end(s);
}

static void
zone_at_server(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	const struct ready_target *t = s->data;
	const char *server = dnsprovider_server(&t->target.provider);

	if (err)
		ready_add(s, READY_WARNING, "DNS provider '%s': %s", t->target.provider.o.name, err->message);
	else if (answer->rcode != 0 || !answer->is_authoritative)
		ready_add(s, READY_WARNING, "DNS provider '%s': server %s does not serve the zone %s (%s)",
			t->target.provider.o.name, server, t->target.zone, dns_rcode_name(answer->rcode));
	zone_end(s);
}

static void
zone_found(struct dns_target *target, const struct error *err, void *arg)
{
	struct ready_step *s = arg;
	struct ready_target *t = s->data;
	const char *server;

	t->finder = NULL;
	if (err) {
		ready_add(s, err->code == ERROR_TIMEOUT ? READY_NOTE : READY_WARNING, "%s", err->message);
		zone_end(s);
		return;
	}
	t->target = *target;
	memset(target, 0, sizeof(*target));
	server = dnsprovider_server(&t->target.provider);
	if (server && t->target.zone)
		ready_ask(s, server, t->target.zone, DNS_SOA, zone_at_server);
	else if (!ready_ask_zones(s, t->target.provider.o.id, zone_listed))
		zone_end(s);
}

static void
zone_start(struct ready_step *s)
{
	_cleanup_free_ char *owner = NULL;
	struct ready_target *t;

	if (!s->method || strcmp(s->method, "dns-01") != 0) {
		ready_next(s);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	s->data = t;
	s->cancel = zone_cancel;
	owner = name_of_challenge(s->name);
	t->finder = dns_target_find(
		s->run->ready->dns, s->run->ready->store, s->run->a.dns_provider, owner, zone_found, s);
}

const struct ready_check ready_check_zone = { .word = "zone", .is_of_name = true, .start = zone_start };
