/* common/crypto/x509.h: certificates as values: parse a chain, describe it, verify that it matches the request. */
#ifndef COMMON_CRYPTO_X509_H
#define COMMON_CRYPTO_X509_H

#include "common/buf.h"
#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct key;
struct x509_seen;

enum { X509_CHAIN_MAX_OCTETS = 128 * 1024, X509_CHAIN_MAX_CERTS = 10 };

/* The public facts about a certificate. */
struct cert_info {
	char *serial;          /* owned; upper-case hex pairs with colons, "33:00:04" */
	char *sha256;          /* owned; fingerprint of the DER, upper-case hex pairs with colons */
	char *subject_cn;      /* owned; or NULL */
	char *issuer_cn;       /* owned; or NULL */
	char *issuer_org;      /* owned; or NULL */
	struct strlist names;  /* SAN, canonical */
	struct strlist usages; /* extended key usages: "serverAuth", "1.2.3"; empty: for any */
	char *top_issuer_cn;   /* owned; of the issuer of the chain's last certificate; or NULL */
	int64_t not_before_at; /* UNIX seconds */
	int64_t not_after_at;  /* UNIX seconds */
	char *ari_id;          /* owned; RFC 9773 s4.1 certID, or NULL without an authority key id */
	unsigned char spki_sha256[32];
	bool has_chain;    /* at least one certificate follows the leaf */
	bool must_staple;  /* clients refuse it without an OCSP response (RFC 7633) */
	bool has_ocsp;     /* it names an OCSP responder */
	bool is_watchable; /* crl_points_of() would find a point */
};

void
cert_info_clear(struct cert_info *info);

/*
 * x509_chain_parse() - split a PEM chain, leaf first
 * At most 128 KiB and 10 CERTIFICATE blocks, each of which must parse. Other blocks and text around them are ignored:
 * some CAs send "subject=" lines as openssl s_client prints them.
 * @ret_leaf: PEM of the leaf; @ret_chain: PEM of the others, may be empty. Both without empty lines, ending in a
 * newline (haproxy's runtime API ends a payload at an empty line). Either may be NULL.
 */
int
x509_chain_parse(const char *pem, size_t len, struct buf *ret_leaf, struct buf *ret_chain, struct cert_info *ret_info,
	struct error *err);

/* The same facts without the certificates. @seen: or NULL. */
int
x509_chain_describe(const char *pem, size_t len, struct x509_seen *seen, struct cert_info *ret_info, struct error *err);

/* The facts of the order that the certificate must match. */
struct x509_asked {
	unsigned char spki[32];      /* key_spki_sha256() of the key */
	const struct strlist *names; /* borrowed */
	int64_t now;                 /* UNIX seconds */
	struct x509_seen *seen;      /* borrowed, or NULL */
};

/* Cache of the last eight decoded intermediates: a CA sends the same few with all its certificates. Not thread-safe. */
struct x509_seen *
x509_seen_new(void);

/* NULL is a no-op. */
void
x509_seen_free(struct x509_seen *seen);

/*
 * x509_chain_accept() - parse and verify a newly issued chain
 * Only a certificate for another key or without one of the names is refused (ERROR_PROTOCOL): an issued certificate is
 * not discarded for other faults.
 * @ret_doubts: the other faults, one line each: names that were not requested, a CA certificate, another purpose,
 * dates, a certificate that is not signed by the next one, an issuer that expires before the certificate, must-staple
 * without an OCSP responder. OpenSSL never reads the clock.
 */
int
x509_chain_accept(const char *pem, size_t len, const struct x509_asked *asked, struct buf *ret_leaf,
	struct buf *ret_chain, struct cert_info *ret_info, struct strlist *ret_doubts, struct error *err);

/* Is each certificate of a PEM chain signed by the next one? Return: 0, or -1 (ERROR_PROTOCOL). */
int
x509_chain_check_links(const char *pem, size_t len, struct error *err);

enum { X509_ROOTS_MAX_OCTETS = 1024 * 1024 }; /* the system's are 200 KiB */

/* Does @pem have a certificate, and no damaged one? Other text is ignored. Return: 0, or -1 (ERROR_INVALID). */
int
x509_roots_check(const struct buf *pem, struct error *err);

/*
 * x509_chain_check_roots() - does a PEM chain lead to one of @roots?
 * @roots: PEM; an intermediate among them counts, too. Dates are not compared.
 * Return: 0, or -1: ERROR_PROTOCOL, or ERROR_INVALID as x509_roots_check().
 */
int
x509_chain_check_roots(const char *pem, size_t len, const struct buf *roots, struct error *err);

/* Upper-case hex pairs with colons of the SHA-256 of a DER certificate. Owned by the caller. */
char *
x509_fingerprint_der(const void *der, size_t len);

/* DER of the leaf of a PEM chain (revocation, comparison with the presented certificate). Appends. */
int
x509_leaf_der(const char *pem, size_t len, struct buf *ret, struct error *err);

#endif
