/* common/crypto/digest.h: SHA-256 of octets, as text. */
#ifndef COMMON_CRYPTO_DIGEST_H
#define COMMON_CRYPTO_DIGEST_H

#include <stddef.h>

enum { DIGEST_TEXT_SIZE = 65 };

/* Lower-case hexadecimal. */
void
digest_sha256(const void *data, size_t len, char ret[DIGEST_TEXT_SIZE]);

#endif
