/* common/crypto/x509_chain.h: a chain as OpenSSL's objects, shared by x509.c, x509_seen.c and x509_verify.c. */
#ifndef COMMON_CRYPTO_X509_CHAIN_H
#define COMMON_CRYPTO_X509_CHAIN_H

#include "common/crypto/x509.h"

#include <openssl/x509.h>

struct x509_chain {
	X509 *certs[X509_CHAIN_MAX_CERTS]; /* owned; leaf first */
	size_t count;
};

void
x509_chain_clear(struct x509_chain *chain);

/*
 * The strict reader of x509_chain_parse(). @seen: saves decoding; the leaf's public key is then not decoded, and only
 * its octets are available; or NULL.
 * Return: 0 and at least one certificate, or -1 (ERROR_PROTOCOL).
 */
int
x509_chain_read(const char *pem, size_t len, struct x509_seen *seen, struct x509_chain *ret, struct error *err);

/* The second half of x509_chain_parse(). */
int
x509_chain_split(const struct x509_chain *chain, struct buf *ret_leaf, struct buf *ret_chain,
	struct cert_info *ret_info, struct error *err);

/* Appends DNS and IP names of the SAN, canonical if possible, without duplicates. Return: 0 or -1 (malformed). */
int
x509_names(const X509 *cert, struct strlist *ret, struct error *err);

/* Return: 0 and UNIX seconds, or -1. */
int
x509_time(const ASN1_TIME *time, int64_t *ret_at);

/* Its common name or organization, for messages; "(no name)" when there is none. Owned by the caller. */
char *
x509_subject_text(const X509 *cert);

/*
 * x509_chain_arrange() - build a chain from a pile of certificates: the one of @key, then each one's issuer
 * @pile: in any order; used certificates are moved out of it. Duplicates are dropped, and so are other certificates of
 * the chain's issuers with their issuers (cross-signed roots): the first path in the pile is taken.
 * ERROR_INVALID with field: none belongs to the key (privateKey); a link is missing, a signature does not verify, or a
 * certificate is unrelated (certificateChain). A chain is complete when it ends in a self-signed certificate, or has at
 * least one issuer after the leaf: roots may be missing.
 * @ret_doubts: if not NULL, only the key is a reason to refuse: a missing link or an unrelated certificate is a line of
 * it, and @ret is the chain as far as it goes.
 */
int
x509_chain_arrange(struct x509_chain *pile, const struct key *key, struct x509_chain *ret, struct strlist *ret_doubts,
	struct error *err);

/* Is it its own issuer by name? */
bool
x509_is_self_signed(X509 *cert);

/* Must a server staple an OCSP response, although the certificate does not name an OCSP responder? */
bool
x509_is_unstaplable(X509 *cert);

#define X509_UNSTAPLABLE "requires OCSP stapling (must-staple) but does not name an OCSP responder: clients refuse it"

int
x509_add_der(X509 *cert, struct buf *ret, struct error *err);

/* Return: the certificate with exactly these octets, with a reference for the caller, or NULL. @seen may be NULL. */
X509 *
x509_seen_find(struct x509_seen *seen, const unsigned char *der, size_t len);

/*
 * An empty certificate to decode into, whose public key stays undecoded (X509_get0_pubkey() is NULL).
 * Return: owned by the caller, or NULL: decode it in the usual way. @seen may be NULL.
 */
X509 *
x509_seen_new_leaf(struct x509_seen *seen);

/* Keeps a reference to it, in place of the oldest. @seen may be NULL. */
void
x509_seen_add(struct x509_seen *seen, const unsigned char *der, size_t len, X509 *cert);

#endif
