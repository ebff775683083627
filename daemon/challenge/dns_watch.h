/*
 * daemon/challenge/dns_watch.h: waits until all name servers of a zone answer with a TXT value, or one of another type.
 * A CA queries any of them, and a failed validation cannot be repeated.
 */
#ifndef DAEMON_CHALLENGE_DNS_WATCH_H
#define DAEMON_CHALLENGE_DNS_WATCH_H

#include "daemon/base/dns.h"
#include "daemon/dnsprovider/dnsprovider.h"

struct dns_watch;
struct error;

enum { DNS_WATCH_TIMEOUT_SEC = 120, DNS_WATCH_POLL_MS = 250, DNS_WATCH_POLL_MAX_MS = 8000 };

struct dns_watch_request {
	const struct dnsprovider *provider; /* all borrowed for the call */
	const char *zone;                   /* NULL: only provider->nameservers are known */
	const char *name;
	const char *value;
	/*
	 * Is it in @answer? NULL: if @value is one of the values. Called for each answer, until the end. With it
	 * provider->resolvers are not queried: only the name servers know what they have now.
	 */
	bool (*has)(const struct dns_answer *answer, void *arg);
	void *has_arg;
	struct strlist *verdicts; /* filled before the end with a line for each server; NULL: not needed */
	enum dns_type type;       /* 0: TXT */
	bool needs_all;           /* it fails unless every server has the value */
	int64_t poll_ms;          /* first pause, doubled each time; 0: DNS_WATCH_POLL_MS */
};

/*
 * Called once, from the loop, never from inside the call
 * @err: NULL: all servers have the value, or time is up and some have it (the CA may see it; the last progress line
 * names the server that lacks it), or none has it and the provider says validateUnseen. ERROR_DNS: time is up and none
 * has it; the message names a server and what it answered. With needs_all ERROR_STATE: a server answers and lacks it;
 * ERROR_DNS: it is unknown whether a server has it.
 */
typedef void
dns_watch_done_fn(const struct error *err, void *arg);

/* "ns1.example.com (192.0.2.1:53) does not have the TXT record yet"; only when it changed. */
typedef void
dns_watch_progress_fn(const char *why, void *arg);

/*
 * dns_watch_start() - start querying the name servers
 * These are provider->nameservers if set, otherwise those of the zone's NS records, and the provider's own server. A
 * name server at the address of the provider's server is queried on that server's port. One that never answers is
 * skipped once others have the value. After these, provider->resolvers are queried in the same way; one that never
 * answers is skipped. Ends within provider->propagation_timeout.
 */
struct dns_watch *
dns_watch_start(const struct dnsprovider_env *env, const struct dns_watch_request *request, dns_watch_done_fn *done,
	dns_watch_progress_fn *progress, void *arg);

/* How long a watch lasts at most. */
int64_t
dns_watch_timeout_sec(const struct dnsprovider *provider);

/* Cancels; @done is not called. NULL is a no-op. */
void
dns_watch_cancel(struct dns_watch *watch);

#endif
