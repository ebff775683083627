/*
 * common/crypto/crl.h: certificate revocation lists (RFC 5280 s5): where a certificate's list or OCSP responder
 * (ocsp.h) is, and what a list says. Lists of 10 MB exist, so a list is read in place, entry by entry: d2i_X509_CRL()
 * needs many times the memory. In addition to the list, reading one needs a copy of it while its signature is verified.
 */
#ifndef COMMON_CRYPTO_CRL_H
#define COMMON_CRYPTO_CRL_H

#include "common/buf.h"
#include "common/crypto/x509.h"

#include <stdbool.h>
#include <stdint.h>

enum { CRL_URL_MAX = 1024, CRL_SERIAL_MAX = 32, CRL_POINTS_MAX = 2 * X509_CHAIN_MAX_CERTS, CRL_ID_SIZE = 37 };

/* One certificate of a chain that names a list or a responder. */
struct crl_point {
	char *url;                            /* owned; http, printable */
	bool is_ocsp;                         /* a responder; then it has an issuer */
	char id[CRL_ID_SIZE];                 /* hexadecimal: equal for certificates that one answer is about */
	unsigned char serial[CRL_SERIAL_MAX]; /* content of the DER INTEGER */
	size_t serial_len;
	struct buf cert;   /* DER */
	struct buf issuer; /* DER of its issuer, if the chain has it */
	bool is_leaf;
};

struct crl_points {
	struct crl_point items[CRL_POINTS_MAX];
	size_t count;
};

void
crl_points_clear(struct crl_points *points);

/*
 * crl_points_of() - the certificates of a chain that name a revocation list or a responder, or one point for each
 * The first http URL of a certificate's distribution points counts, and the first one of its responders, if the chain
 * has the issuer. A URL that is not printable or too long is
 * ignored, as is every other scheme.
 * @leaf, @chain: PEM; @chain may be empty; @seen: see x509.h, or NULL
 * @ret: zeroed; cleared by the caller. Return: 0, or -1 (ERROR_PROTOCOL).
 */
int
crl_points_of(const struct buf *leaf, const struct buf *chain, struct x509_seen *seen, struct crl_points *ret,
	struct error *err);

/* What a list is judged by. */
struct crl_asked {
	const char *url;          /* as in the certificates */
	const struct buf *cert;   /* DER of one of them */
	const struct buf *issuer; /* DER; empty: it is looked up in the system's trust store (reads files) */
	int64_t now;              /* UNIX seconds */
};

struct crl_facts {
	int64_t this_update_at;
	int64_t next_update_at; /* 0: the list does not say */
	size_t entries;
};

/* A revoked certificate. @serial: content of the DER INTEGER; borrowed. */
struct crl_entry {
	const unsigned char *serial;
	size_t serial_len;
	int64_t revoked_at;
	const char *reason; /* static; a word of RFC 5280 s5.3.1: "keyCompromise"; "unspecified" if the list has none */
};

/* Is anything to be known of that certificate? Only then are its date and reason read. */
typedef bool
crl_wants_fn(const unsigned char *serial, size_t len, void *arg);

typedef void
crl_entry_fn(const struct crl_entry *entry, void *arg);

/*
 * crl_read() - verify a list, and report the entries that @wants asks for
 * Refused (ERROR_PROTOCOL): one that is damaged, signed by another issuer, for another distribution point, a delta or
 * indirect list, with an unknown critical extension; from the future; expired (ERROR_STATE; @ret is filled then).
 * After -1 nothing counts that was reported before. Any thread.
 */
int
crl_read(const void *der, size_t len, const struct crl_asked *asked, crl_wants_fn *wants, crl_entry_fn *fn, void *arg,
	struct crl_facts *ret, struct error *err);

#endif
