/*
 * daemon/base/dns.h: DNS queries and updates; the only module that uses c-ares (transport, asynchronous) and ldns
 * (messages). Nothing blocks. A server is "address" or "address:port" ("[v6]:port"); NULL is the system's resolv.conf.
 */
#ifndef DAEMON_BASE_DNS_H
#define DAEMON_BASE_DNS_H

#include "common/strlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns;
struct dns_query; /* a running query or update */
struct error;
struct loop;
struct secret;

/*
 * @loop: borrowed, must outlive it
 * @servers: comma separated, for all queries without a server; NULL: resolv.conf, read again whenever it has changed
 * Return: NULL with ERROR_INVALID or ERROR_DNS.
 */
struct dns *
dns_new(struct loop *loop, const char *servers, struct error *err);

/* Reads @path (copied) in place of /etc/resolv.conf from now on. */
void
dns_set_resolv_conf(struct dns *dns, const char *path);

/* Cancels all queries; their done functions are not called. NULL is a no-op. */
void
dns_free(struct dns *dns);

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_DS = 43,
	DNS_RRSIG = 46,
	DNS_DNSKEY = 48,
	DNS_TLSA = 52,
	DNS_CAA = 257
};

/*
 * The content of an answer, with any RCODE. rcode 0 without values is "no such data", 3 is "no such name". Names are
 * lower case without final dot.
 */
struct dns_answer {
	int rcode;
	bool is_authoritative; /* AA bit */
	/*
	 * Of the requested type: addresses, names (SOA: the primary), TXT strings joined, CAA as "flags tag value",
	 * TLSA as "usage selector type hash",
	 * RRSIG as "type expiration inception" (UNIX seconds), DS and DNSKEY by their first field.
	 */
	struct strlist values;
	uint32_t ttl;    /* the longest of the values, seconds */
	char *cname;     /* owned; the target of the aliases in the answer; or NULL */
	char *soa_zone;  /* owned; owner of the SOA in answer or authority section; or NULL */
	char *soa_mname; /* owned; its primary server; or NULL */
};

void
dns_answer_clear(struct dns_answer *answer);

/* "NOERROR", "NXDOMAIN", ...; never NULL. */
const char *
dns_rcode_name(int rcode);

/* "A", "TXT", ...; never NULL. */
const char *
dns_type_name(enum dns_type type);

/*
 * Called once from the loop, never from inside the call that started it. Both arguments are borrowed for the call, and
 * one is NULL (a failed update has both). @err: ERROR_DNS, ERROR_TIMEOUT, ERROR_INVALID (the name or server is not
 * valid); it names the query, the server and the failure.
 */
typedef void
dns_done_fn(const struct dns_answer *answer, const struct error *err, void *arg);

/* @server NULL: recursive, by the configured servers; otherwise only that server, without recursion. */
struct dns_query *
dns_ask(struct dns *dns, const char *server, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg);

/* The same by the resolver @server, which is asked for recursion. */
struct dns_query *
dns_ask_resolver(struct dns *dns, const char *server, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg);

/* The same by the configured servers, which are told not to validate the answer (the CD bit of RFC 4035). */
struct dns_query *
dns_ask_unvalidated(
	struct dns *dns, const char *name, enum dns_type type, int64_t timeout_ms, dns_done_fn *done, void *arg);

/* Addresses of a host, IPv4 and IPv6 (an address literal is its own answer; /etc/hosts and localhost are honoured). */
struct dns_query *
dns_resolve(struct dns *dns, const char *host, int64_t timeout_ms, dns_done_fn *done, void *arg);

/* One RFC 2136 update: add or remove one TXT value. */
struct dns_update {
	const char *server; /* as above, never NULL */
	const char *zone;
	const char *name; /* owner name of the TXT record */
	const char *value;
	uint32_t ttl;
	bool is_removal;            /* only this value */
	const char *tsig_name;      /* NULL: unsigned */
	const char *tsig_algorithm; /* "hmac-sha256" (NULL), -sha384, -sha512, -sha224, -sha1 */
	const struct secret *tsig_key;
};

/*
 * Sends the update (TCP) and verifies the answer's TSIG. ERROR_DNS names the RCODE, the TSIG error and what to check
 * ("NOTAUTH, BADSIG: the secret of TSIG key 'k' differs from the server's"); or ERROR_TIMEOUT. @answer contains the
 * rcode, -1 without an answer. All of @update is copied.
 */
struct dns_query *
dns_send_update(struct dns *dns, const struct dns_update *update, int64_t timeout_ms, dns_done_fn *done, void *arg);

/* Cancels; @done is not called. NULL is a no-op. */
void
dns_cancel(struct dns_query *query);

#endif
