/*
 * common/crypto/sealed.h: secrets in a file that a passphrase opens: a PEM block with, in base64, one octet for the
 * version (1), 16 of salt, 12 of nonce, the ciphertext and 16 of tag. AES-256-GCM, whose key scrypt (N 2^15, r 8, p 1)
 * derives from the passphrase; label, version and salt are authenticated too. The parameters are fixed, so that a file
 * from outside costs no more than 32 MiB and a tenth of a second.
 */
#ifndef COMMON_CRYPTO_SEALED_H
#define COMMON_CRYPTO_SEALED_H

#include "common/buf.h"
#include "common/crypto/secret.h"

enum { SEALED_MAX = 256 * 1024, SEALED_PASSPHRASE_MIN = 8, SEALED_PASSPHRASE_MAX = 1024, SEALED_SALT_LEN = 16 };

/*
 * sealed_write() - append the block; slow by design, so call it on a worker
 * @label: what it contains, such as "CERTD PROVIDER"
 * ERROR_INVALID with the field "passphrase": it is too short or too long.
 */
int
sealed_write(const char *label, const struct secret *plain, const struct secret *passphrase, struct buf *ret,
	struct error *err);

/*
 * sealed_read() - the plain octets of the first block in @text; on a worker, if on a loop
 * ERROR_INVALID: @text has no such block, or a later certd wrote it. With the field "passphrase": the passphrase is
 * wrong, or the file was altered.
 */
int
sealed_read(const char *label, const struct secret *text, const struct secret *passphrase, struct secret *ret,
	struct error *err);

/* The key of 32 octets; slow by design. ERROR_INVALID as above. */
int
sealed_derive(const struct secret *passphrase, const unsigned char *salt, struct secret *ret, struct error *err);

#endif
