/* SHA-256 as text. */
#include "common/crypto/digest.h"

#include <openssl/sha.h>
#include <stdio.h>

void
digest_sha256(const void *data, size_t len, char ret[DIGEST_TEXT_SIZE])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256(data, len, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}
