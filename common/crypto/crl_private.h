/* common/crypto/crl_private.h: shared by crl.c (lists), crl_points.c (where they are) and ocsp.c (answers). */
#ifndef COMMON_CRYPTO_CRL_PRIVATE_H
#define COMMON_CRYPTO_CRL_PRIVATE_H

#include "common/crypto/crl.h"
#include "common/crypto/ossl.h"
#include "common/crypto/x509_chain.h"

/* Owned by the caller; NULL: not a certificate. */
X509 *
crl_decode(const struct buf *der);

/* Would crl_points_of() find a point? */
bool
crl_is_watchable(const struct x509_chain *chain);

/* No if verifying would take long. */
bool
crl_has_signed(X509 *issuer, X509 *cert);

/* Refuses what is from the future (ERROR_PROTOCOL) or has expired (ERROR_STATE). @what: "list", for the message. */
int
crl_check_dates(const char *what, const struct crl_facts *facts, int64_t now, struct error *err);

/* The word of RFC 5280 s5.3.1; "unspecified" for other numbers. */
const char *
crl_reason_word(long reason);

#endif
