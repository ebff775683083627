/*
 * daemon/challenge/dns_target.h: finds where the TXT record of a name must be: follows aliases (a CNAME at
 * _acme-challenge.NAME delegates it), chooses the DNS provider, and finds the zone by its SOA.
 */
#ifndef DAEMON_CHALLENGE_DNS_TARGET_H
#define DAEMON_CHALLENGE_DNS_TARGET_H

#include "daemon/dnsprovider/dnsprovider.h"

struct dns_finder; /* a running search */

enum { DNS_ALIASES_MAX = 8 };

struct dns_target {
	struct dnsprovider provider; /* without its secrets */
	char *name;                  /* owned; owner name of the record, lower case, no final dot */
	char *zone;                  /* owned; apex; NULL: none was found and the provider's driver needs none */
};

void
dns_target_clear(struct dns_target *target);

/* Called once, from the loop, never from inside dns_target_find(). @target may be moved from; NULL when @err. */
typedef void
dns_target_done_fn(struct dns_target *target, const struct error *err, void *arg);

/*
 * dns_target_find() - find the target of @name, "_acme-challenge.example.com"
 * The provider's own server is queried first, if it has one and is authoritative; otherwise the resolver.
 * @named: id of the requested DNS provider, or NULL
 * ERROR_DNS: lookup failed, alias loop, no zone. ERROR_TIMEOUT: no answer. Both name the server that was silent,
 * refused, or does not serve the zone. ERROR_STATE: no provider for the alias's target; the text says what to add.
 */
struct dns_finder *
dns_target_find(const struct dnsprovider_env *env, struct store *store, const char *named, const char *name,
	dns_target_done_fn *done, void *arg);

/*
 * The same for a record that the operator publishes: target->provider is empty when no DNS provider has the zone, and
 * the zone is always set.
 */
struct dns_finder *
dns_target_find_zone(
	const struct dnsprovider_env *env, struct store *store, const char *name, dns_target_done_fn *done, void *arg);

/* Cancels the search; @done is not called. NULL is a no-op. */
void
dns_target_cancel(struct dns_finder *finder);

#endif
