/*
 * daemon/challenge/dns_watch.h: waits until all name servers of a zone answer with a TXT value: a CA asks any of them,
 * and a validation that fails is spent.
 */
#ifndef DAEMON_CHALLENGE_DNS_WATCH_H
#define DAEMON_CHALLENGE_DNS_WATCH_H

#include "daemon/dnsprovider/dnsprovider.h"

struct dns_watch;

enum { DNS_WATCH_TIMEOUT_SEC = 120, DNS_WATCH_POLL_MS = 250, DNS_WATCH_POLL_MAX_MS = 8000 };

struct dns_watch_request {
	const struct dnsprovider *provider; /* all borrowed for the call */
	const char *zone;                   /* NULL: only provider->nameservers are known */
	const char *name;
	const char *value;
	int64_t poll_ms; /* first pause, doubled each time; 0: DNS_WATCH_POLL_MS */
};

/*
 * Once, from the loop, never from inside the call: seen everywhere, or time is up. The latter is no error, since the
 * CA may see what we do not; the last progress line says who lacks it.
 */
typedef void
dns_watch_done_fn(void *arg);

/* "ns1.example.com (192.0.2.1:53) does not have the TXT record yet"; only when it changed. */
typedef void
dns_watch_progress_fn(const char *why, void *arg);

/*
 * dns_watch_start() - servers asked: provider->nameservers if any; else those of the zone's NS records, and the
 * provider's own server. A name server at the address of the provider's server is asked at that server's port.
 * One that never answers is left out once others have the value. Bounded by provider->propagation_timeout.
 */
struct dns_watch *
dns_watch_start(const struct dnsprovider_env *env, const struct dns_watch_request *request, dns_watch_done_fn *done,
	dns_watch_progress_fn *progress, void *arg);

/* @done is not called any more. NULL is a no-op. */
void
dns_watch_cancel(struct dns_watch *watch);

#endif
