/*
 * daemon/challenge/tlsalpn.h: the TLS server of tls-alpn-01 (RFC 8737). A client that offers exactly the protocol
 * acme-tls/1, for the name of a pending challenge, gets the certificate of that challenge, and then the connection
 * ends. All others get an alert.
 */
#ifndef DAEMON_CHALLENGE_TLSALPN_H
#define DAEMON_CHALLENGE_TLSALPN_H

#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct loop;
struct tlsalpn;

enum { TLSALPN_CONNECTIONS_MAX = 64, TLSALPN_DEADLINE_MS = 2000 };

struct tlsalpn_config {
	const struct strlist *listen; /* addresses as for listen_on(); copied */
	const int *fds;               /* listening sockets passed by the service manager; taken */
	size_t n_fds;
	int64_t deadline_ms; /* of a handshake; 0: TLSALPN_DEADLINE_MS */
};

/* Binds as many addresses as possible; tlsalpn_error() reports the others. @loop: borrowed. */
struct tlsalpn *
tlsalpn_new(struct loop *loop, const struct tlsalpn_config *config);

/* NULL is a no-op. */
void
tlsalpn_free(struct tlsalpn *tls);

/* Is any listener configured? */
bool
tlsalpn_is_configured(const struct tlsalpn *tls);

/*
 * Binds the addresses that are not bound yet. Return: 0 at least one listener is bound, or -1 none is:
 * ERROR_UNAVAILABLE, ERROR_INVALID (not an address), ERROR_STATE (none is configured, or no IPv6).
 */
int
tlsalpn_open(struct tlsalpn *tls, struct error *err);

/* Why a configured listener is not bound; NULL when all are. Borrowed until the next tlsalpn_open(). */
const struct error *
tlsalpn_error(const struct tlsalpn *tls);

/*
 * Answers for @name (canonical; DNS or IP) from now on. A name may be put twice (an order is resumed while its first
 * attempt ends); the latest counts. Return: 0 or -1.
 */
int
tlsalpn_put(struct tlsalpn *tls, const char *name, const char *key_authorization, struct error *err);

/* Removes one such entry. */
void
tlsalpn_remove(struct tlsalpn *tls, const char *name, const char *key_authorization);

#endif
