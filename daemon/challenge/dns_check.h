/*
 * daemon/challenge/dns_check.h: a rehearsal of dns-01 without a CA: adds a test value through a DNS provider, looks for
 * it on all name servers of the zone, and removes it.
 */
#ifndef DAEMON_CHALLENGE_DNS_CHECK_H
#define DAEMON_CHALLENGE_DNS_CHECK_H

#include "common/strlist.h"

struct error;
struct solver;

enum { DNS_CHECK_SEC = 25 }; /* clients wait for an answer for 30 s */

/* What was found; borrowed for the call. */
struct dns_check_result {
	const char *record;     /* owner name, aliases followed; NULL: not known */
	const char *zone;       /* NULL: not known */
	struct strlist servers; /* a line for each name server: "ns1.example.com has the TXT record" */
};

/* Called once, from the loop, never from inside dns_check_start(). @err: the first step that failed. */
typedef void
dns_check_done_fn(const struct dns_check_result *result, const struct error *err, void *arg);

/*
 * dns_check_start() - check that dns-01 works for @name through the DNS provider with the id @provider Ends within
 * DNS_CHECK_SEC. The removal is durable before the value is added, so that a crash leaves nothing. Checks are freed
 * with @solver; @done is not called then. @name: canonical, without "*."; copied
 */
void
dns_check_start(struct solver *solver, const char *provider, const char *name, dns_check_done_fn *done, void *arg);

#endif
