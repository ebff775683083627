/* daemon/acme/acme_nonce.h: unused nonces from the CA (RFC 8555 s6.5). */
#ifndef DAEMON_ACME_ACME_NONCE_H
#define DAEMON_ACME_ACME_NONCE_H

#include "common/strlist.h"

/* The number of concurrent requests; more nonces would only expire. */
enum { ACME_NONCES_MAX = 64 };

struct acme_nonces {
	struct strlist unused; /* oldest first */
};

void
acme_nonces_clear(struct acme_nonces *nonces);

/* Keeps a copy of @nonce; NULL and invalid nonces are ignored. */
void
acme_nonces_put(struct acme_nonces *nonces, const char *nonce);

/*
 * Removes and returns the newest nonce, which is the least likely to have expired. Owned by the caller; NULL if none.
 */
char *
acme_nonces_take(struct acme_nonces *nonces);

#endif
