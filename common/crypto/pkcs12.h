/* common/crypto/pkcs12.h: PKCS#12 files (RFC 7292): a key and its certificates under one password. */
#ifndef COMMON_CRYPTO_PKCS12_H
#define COMMON_CRYPTO_PKCS12_H

#include "common/crypto/key.h"

struct buf;

enum { PKCS12_MAX_OCTETS = 64 * 1024 };

/*
 * pkcs12_read() - parse a file from outside; slow by design, so call it on a worker
 * Files without a MAC, or with that of RFC 9579, are accepted if the password decrypts their content.
 * @password: empty or NULL: none was given
 * @ret_pem: the certificates, PEM, in the order of the file, appended
 * ERROR_INVALID with field: pkcs12 (not such a file, no key, several keys, too many certificates, an unsupported
 * algorithm, too expensive to open: pbe_cost.h) or password (missing or wrong).
 */
int
pkcs12_read(const struct secret *der, const struct secret *password, struct key **ret_key, struct buf *ret_pem,
	struct error *err);

/*
 * pkcs12_write() - AES-256, PBKDF2 and HMAC with SHA-256; on a worker
 * @key: or NULL: certificates alone
 * @pem: certificates, that of the key first
 * @name: the friendly name
 */
int
pkcs12_write(const struct key *key, const struct buf *pem, const char *name, const struct secret *password,
	struct secret *ret_der, struct error *err);

#endif
