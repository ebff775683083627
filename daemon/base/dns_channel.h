/*
 * daemon/base/dns_channel.h: one c-ares channel on the loop: a set of servers, queried over UDP (TCP when an answer is
 * truncated) or only over TCP. Used by daemon/base/dns.c; transports octets without parsing them.
 */
#ifndef DAEMON_BASE_DNS_CHANNEL_H
#define DAEMON_BASE_DNS_CHANNEL_H

#include <ares.h>

struct dns_channel;
struct error;
struct loop;

enum dns_channel_kind {
	DNS_CHANNEL_DIRECT,   /* every answer is returned, whatever its RCODE */
	DNS_CHANNEL_FAILOVER, /* SERVFAIL, NOTIMP and REFUSED lead to the next server */
	DNS_CHANNEL_TCP       /* DIRECT, over TCP, sent once */
};

/*
 * @servers: as in dns.h, comma separated; NULL: those of @resolv_conf, a path (127.0.0.1 if it cannot be read)
 * Return: NULL with ERROR_INVALID, ERROR_DNS.
 */
struct dns_channel *
dns_channel_new(
	struct loop *loop, const char *servers, const char *resolv_conf, enum dns_channel_kind kind, struct error *err);

/* Ends all queries with ARES_EDESTRUCTION. */
void
dns_channel_free(struct dns_channel *channel);

unsigned
dns_channel_server_count(const struct dns_channel *channel);

/* For messages: the servers' addresses; borrowed. */
const char *
dns_channel_servers(const struct dns_channel *channel);

/* Like ares_send() and ares_getaddrinfo(): @done is called exactly once, perhaps from inside. */
void
dns_channel_send(struct dns_channel *channel, const void *message, size_t len, ares_callback done, void *arg);

void
dns_channel_resolve(struct dns_channel *channel, const char *host, ares_addrinfo_callback done, void *arg);

#endif
