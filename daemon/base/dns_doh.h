/* daemon/base/dns_doh.h: queries to resolvers over HTTPS (DoH, RFC 8484), with the transport of daemon/base/http. */
#ifndef DAEMON_BASE_DNS_DOH_H
#define DAEMON_BASE_DNS_DOH_H

#include "daemon/base/dns.h"

struct dns_doh; /* a running query */
struct http;

/* Is it a URL, and not the address of a server? */
bool
dns_doh_is_url(const char *server);

/*
 * dns_doh_ask() - one recursive query to the resolver at @url
 * @http: borrowed, must outlive the query. @url, @name: a valid URL and domain name; plain http is for loopback, which
 * the caller has checked. @done: as of dns_ask(); the error does not name the URL.
 */
struct dns_doh *
dns_doh_ask(const struct http *http, const char *url, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg);

/* Cancels; @done is not called. NULL is a no-op. */
void
dns_doh_cancel(struct dns_doh *query);

#endif
