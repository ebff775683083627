/*
 * daemon/challenge/dns_target.h: where the TXT record of a name has to go: aliases followed (a CNAME at
 * _acme-challenge.NAME delegates it), the DNS provider chosen, the zone found by its SOA.
 */
#ifndef DAEMON_CHALLENGE_DNS_TARGET_H
#define DAEMON_CHALLENGE_DNS_TARGET_H

#include "daemon/dnsprovider/dnsprovider.h"

struct dns_finder; /* a search under way */

enum { DNS_ALIASES_MAX = 8 };

struct dns_target {
	struct dnsprovider provider; /* without its secrets */
	char *name;                  /* owned; owner of the record, lower case, no final dot */
	char *zone;                  /* owned; apex; NULL: none was found and the provider's driver needs none */
};

void
dns_target_clear(struct dns_target *target);

/* Once, from the loop, never from inside dns_target_find(). @target may be moved from; NULL when @err. */
typedef void
dns_target_done_fn(struct dns_target *target, const struct error *err, void *arg);

/*
 * dns_target_find() - @name: "_acme-challenge.example.com"
 * @named: id of the DNS provider that was asked for, or NULL. The provider's own server is asked first, if it has one
 * and is authoritative; else the resolver. Errors: ERROR_DNS (lookup failed, aliases in a circle, no zone), ERROR_TIMEOUT
 * (nobody answered; both say which server was silent, refused, or is no server of that zone, before all else),
 * ERROR_STATE (no provider for where the aliases lead; the text says what to add).
 */
struct dns_finder *
dns_target_find(const struct dnsprovider_env *env, struct store *store, const char *named, const char *name,
	dns_target_done_fn *done, void *arg);

/* @done is not called any more. NULL is a no-op. */
void
dns_target_cancel(struct dns_finder *finder);

#endif
