/* tests/support/crl_maker.h: revocation lists with exactly the faults that a test wants. */
#ifndef TESTS_SUPPORT_CRL_MAKER_H
#define TESTS_SUPPORT_CRL_MAKER_H

#include "common/buf.h"
#include "common/strlist.h"

#include <openssl/x509.h>

struct crl_spec {
	int64_t this_at;
	int64_t next_at;               /* 0: not in the list */
	const struct strlist *revoked; /* serial numbers, hexadecimal, colons are ignored; NULL: none */
	int64_t revoked_at;
	int reason;    /* of RFC 5280 s5.3.1; -1: not in the entries */
	size_t others; /* so many other certificates are revoked, too */
	/* Extensions, in the syntax of OpenSSL's configuration; NULL: not there. */
	const char *scope;   /* issuingDistributionPoint */
	const char *delta;   /* deltaCRL */
	const char *unknown; /* of an OID that nobody knows */
};

/* Appends the DER to @ret. */
void
crl_make(X509 *issuer, EVP_PKEY *key, const struct crl_spec *spec, struct buf *ret);

#endif
