/* tests/fuzz/signer.h: a CA that signs whatever it is given, for parsers that read nothing before the signature. */
#ifndef TESTS_FUZZ_SIGNER_H
#define TESTS_FUZZ_SIGNER_H

#include "common/buf.h"

enum { SIGNER_NOW = 1795257000 };

/* DER of its certificate, self-signed; it is valid at SIGNER_NOW. */
const struct buf *
signer_cert(void);

/* Appends SEQUENCE { @tbs, algorithm, signature }, as lists and OCSP answers are. */
void
signer_sign(const void *tbs, size_t len, struct buf *ret);

#endif
