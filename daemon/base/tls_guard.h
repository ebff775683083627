/*
 * daemon/base/tls_guard.h: bounds what an untrusted TLS peer may cost the loop. TLS libraries continue for as long as
 * octets arrive, and the time of their arithmetic grows with the peer's numbers. A guard between OpenSSL and the socket
 * of a client connection (of libcurl or of a probe) bounds both.
 */
#ifndef DAEMON_BASE_TLS_GUARD_H
#define DAEMON_BASE_TLS_GUARD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* Errors of a guarded connection have this in their text. */
#define TLS_GUARD_NOISE "data that is no part of an answer"

struct tls_guard {
	size_t allowance;       /* octets that may still be read in this call of the library */
	unsigned long progress; /* counts what was of use; see tls_guard_progress() */
	bool may_trust;         /* of tls_guard_apply() */
};

/*
 * tls_guard_apply() - bounds all connections of @ctx
 * @guard: borrowed; must outlive them
 * @may_trust: verify the peer's chain as @ctx says; false: whatever it presents is accepted, only its cost is checked
 *
 * Elliptic curves only, no finite-field Diffie-Hellman; keys that are too expensive to verify with are refused
 * (X509_V_ERR_APPLICATION_VERIFICATION). Return: 0, or -1: OpenSSL refused.
 */
int
tls_guard_apply(struct tls_guard *guard, SSL_CTX *ctx, bool may_trust);

/* Before each call that may read: how much it may, until it has to return to the loop. */
void
tls_guard_renew(struct tls_guard *guard);

/* Something useful came. A connection on which nothing does ends after 256 KiB, with TLS_GUARD_NOISE. */
void
tls_guard_progress(struct tls_guard *guard);

#endif
