/* daemon/challenge/dns_watch_private.h: one name server of a watch (dns_server.c). */
#ifndef DAEMON_CHALLENGE_DNS_WATCH_PRIVATE_H
#define DAEMON_CHALLENGE_DNS_WATCH_PRIVATE_H

#include "common/strlist.h"
#include "daemon/base/dns.h"
#include "daemon/dnsprovider/dnsprovider.h"

/* Shared by all servers of a watch; owned by the watch. */
struct dns_watch_common {
	const struct dnsprovider_env *env;
	struct dnsprovider provider;
	char *zone; /* or NULL */
	char *name;
	char *value;
	bool (*has)(const struct dns_answer *answer, void *arg); /* or NULL */
	void *has_arg;
	enum dns_type type;
};

struct dns_doh;

enum dns_server_state { DNS_SERVER_LACKS, DNS_SERVER_SILENT, DNS_SERVER_HAS };

struct dns_server {
	const struct dns_watch_common *common;
	char *host; /* name or address */
	int port;
	struct strlist addresses; /* "address:port"; empty: not resolved yet */
	size_t current;           /* index of the next address to query */
	unsigned lookup;          /* step of the resolution: see dns_server.c */
	struct dns_query *query;
	bool is_resolver;    /* recursive, and so not authoritative; host is as the operator wrote it */
	struct dns_doh *doh; /* the query in place of .query, of a resolver that is a URL */
	enum dns_server_state state;
	unsigned failures; /* consecutive rounds without an answer */
	char *why;         /* the reason for any state other than HAS, for progress */
	void (*done)(void *arg);
	void *arg;
};

struct dns_server *
dns_server_new(const struct dns_watch_common *common, const char *host, int port);

/* @resolver: of dnsprovider.resolvers. Return: as dns_server_new(). */
struct dns_server *
dns_server_new_resolver(const struct dns_watch_common *common, const char *resolver);

void
dns_server_free(struct dns_server *server);

/* Queries once (after resolving the host, if necessary), then calls @done: state, failures and why are up to date. */
void
dns_server_ask(struct dns_server *server, void (*done)(void *arg), void *arg);

#endif
