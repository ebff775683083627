/* daemon/acme/acme_nonce.h: nonces that the CA gave and that were not used yet (RFC 8555 s6.5). */
#ifndef DAEMON_ACME_ACME_NONCE_H
#define DAEMON_ACME_ACME_NONCE_H

#include "common/strlist.h"

/* More would only grow old; as many as requests can be in flight. */
enum { ACME_NONCES_MAX = 64 };

struct acme_nonces {
	struct strlist unused; /* oldest first */
};

void
acme_nonces_clear(struct acme_nonces *nonces);

/* Keeps a copy of @nonce; NULL and what is no nonce are dropped. */
void
acme_nonces_put(struct acme_nonces *nonces, const char *nonce);

/* The newest one, which is the likeliest to be good still: a nonce serves once. Owned by the caller; NULL if none. */
char *
acme_nonces_take(struct acme_nonces *nonces);

#endif
