/* daemon/challenge/dns_watch_private.h: one name server that is asked for the value (dns_server.c). */
#ifndef DAEMON_CHALLENGE_DNS_WATCH_PRIVATE_H
#define DAEMON_CHALLENGE_DNS_WATCH_PRIVATE_H

#include "common/strlist.h"
#include "daemon/dnsprovider/dnsprovider.h"

/* What all servers of a watch share; owned by the watch. */
struct dns_watch_common {
	const struct dnsprovider_env *env;
	struct dnsprovider provider;
	char *zone; /* or NULL */
	char *name;
	char *value;
};

enum dns_server_state { DNS_SERVER_LACKS, DNS_SERVER_SILENT, DNS_SERVER_HAS };

struct dns_server {
	const struct dns_watch_common *common;
	char *host; /* name or address */
	int port;
	struct strlist addresses; /* "address:port"; empty: not resolved yet */
	size_t current;           /* the address to ask next */
	unsigned lookup;          /* step of the resolution: see dns_server.c */
	struct dns_query *query;
	enum dns_server_state state;
	unsigned failures; /* rounds without an answer, in a row */
	char *why;         /* of a state other than HAS, for progress */
	void (*done)(void *arg);
	void *arg;
};

struct dns_server *
dns_server_new(const struct dns_watch_common *common, const char *host, int port);

void
dns_server_free(struct dns_server *server);

/* Asks once (resolving first, if need be), then @done: state, failures and why are up to date. */
void
dns_server_ask(struct dns_server *server, void (*done)(void *arg), void *arg);

#endif
