/*
 * daemon/acme/acme_chain.h: the choice among the chains that a CA offers for one certificate (RFC 8555 s7.4.2). Pure.
 * A preference is a word or a value:
 *
 *   shortest       the chain with the fewest certificates
 *   64 hex digits  a chain that contains the certificate with this SHA-256 fingerprint; with or without colons
 *   other text     a chain whose topmost certificate has an issuer with this common name
 */
#ifndef DAEMON_ACME_ACME_CHAIN_H
#define DAEMON_ACME_ACME_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;

#define ACME_CHAIN_SHORTEST "shortest"

/* Return: 0, or -1 (ERROR_INVALID) for what is meant as a fingerprint and is none. */
int
acme_chain_check_preference(const char *preference, struct error *err);

/* Does the chain fulfil the preference, whatever other chains there are? @pem: unverified; leaf first. */
bool
acme_chain_fits(const char *preference, const struct buf *pem);

/* The number of certificates; 0: it is not readable. */
size_t
acme_chain_length(const struct buf *pem);

/* CN of the issuer of the topmost certificate. Owned by the caller; NULL: it has none, or the chain is not readable. */
char *
acme_chain_top(const struct buf *pem);

/*
 * acme_chain_check() - may @pem take the place of the default chain?
 * It starts with the same certificate, and each certificate is signed by the next one.
 * Return: 0, or -1 (ERROR_PROTOCOL).
 */
int
acme_chain_check(const struct buf *default_pem, const struct buf *pem, struct error *err);

#endif
