/* tests/unit/common/crypto/mini_ca.h: certificates with exactly the faults that a test wants. */
#ifndef TESTS_UNIT_COMMON_CRYPTO_MINI_CA_H
#define TESTS_UNIT_COMMON_CRYPTO_MINI_CA_H

#include "common/buf.h"
#include "common/crypto/key.h"

#include <openssl/x509.h>

enum { MINI_NOW = 1795257000, MINI_DAY = 86400 };

struct mini_cert {
	X509 *cert;      /* owned */
	struct key *key; /* owned */
};

/* Texts are in the syntax of OpenSSL's extension configuration; NULL: not there. */
struct mini_spec {
	const char *cn;
	const char *san;
	const char *basic_constraints;
	const char *key_usage;
	const char *extended_key_usage;
	const char *authority_key_id; /* "DER:.." or "keyid" */
	const char *crl_points;       /* crlDistributionPoints */
	const char *tls_feature;      /* tlsfeature */
	const char *info_access;      /* authorityInfoAccess */
	const char *serial;           /* hex; NULL: 1 */
	int64_t not_before_at;        /* 0: MINI_NOW - 1 day */
	int64_t not_after_at;         /* 0: MINI_NOW + 90 days */
};

/* @issuer: NULL makes it self-signed. @ret is filled in. */
void
mini_make(struct mini_cert *ret, const struct mini_spec *spec, const struct mini_cert *issuer);

/* A CA with the usual extensions. */
void
mini_make_ca(struct mini_cert *ret, const char *cn, const struct mini_cert *issuer);

/* @of, a CA's self-signed certificate, signed by @issuer: the same subject and key. */
void
mini_cross_sign(struct mini_cert *ret, const struct mini_cert *of, const struct mini_cert *issuer);

void
mini_clear(struct mini_cert *c);

/* Of the facts that are read with the chain. */
bool
mini_is_watchable(const struct buf *leaf_pem, const struct buf *chain_pem);

/* Appends the PEM block. */
void
mini_pem(const struct mini_cert *c, struct buf *ret);

#endif
