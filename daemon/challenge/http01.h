/*
 * daemon/challenge/http01.h: the HTTP server of http-01 (RFC 8555 s8.3). It answers with the key authorizations of
 * pending challenges, from memory, and with 404 to all other requests.
 */
#ifndef DAEMON_CHALLENGE_HTTP01_H
#define DAEMON_CHALLENGE_HTTP01_H

#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP01_PATH "/.well-known/acme-challenge/"

struct error;
struct http01;
struct loop;

enum { HTTP01_CONNECTIONS_MAX = 128, HTTP01_DEADLINE_MS = 10 * 1000 };

struct http01_config {
	const struct strlist *listen; /* addresses as for listen_on(); copied */
	const int *fds;               /* listening sockets passed by the service manager; taken */
	size_t n_fds;
	int64_t deadline_ms; /* of a request from accept on, and of its answer; 0: HTTP01_DEADLINE_MS */
};

/* Binds as many addresses as possible; http01_error() reports the others. @loop: borrowed. */
struct http01 *
http01_new(struct loop *loop, const struct http01_config *config);

/* NULL is a no-op. */
void
http01_free(struct http01 *http);

/* Is any listener configured? */
bool
http01_is_configured(const struct http01 *http);

/*
 * Binds the addresses that are not bound yet. Return: 0 at least one listener is bound (http01_error() says whether
 * another is not), or -1 none is: ERROR_UNAVAILABLE, ERROR_INVALID (not an address), ERROR_STATE (none is configured,
 * or no IPv6).
 */
int
http01_open(struct http01 *http, struct error *err);

/* Why a configured listener is not bound; NULL when all are. Borrowed until the next http01_open(). */
const struct error *
http01_error(const struct http01 *http);

/* Is at least one listener bound? */
bool
http01_is_open(const struct http01 *http);

/*
 * What to do if no listener is configured: port 80 is free, or which program has it and how that can forward challenges
 * to certd. A line for people, borrowed until the next call.
 */
const char *
http01_advise(struct http01 *http);

/* Serves @token from now on. A token may be put twice (an order is resumed while its first attempt ends). Copied. */
void
http01_put(struct http01 *http, const char *token, const char *key_authorization);

/* Removes one such entry. */
void
http01_remove(struct http01 *http, const char *token, const char *key_authorization);

/* [A-Za-z0-9_-]{1,128}: safe in a path, independent of earlier checks. */
bool
http01_is_token(const char *token, size_t len);

#endif
