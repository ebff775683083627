/*
 * common/crypto/cert_file.h: reading certificates and keys in all common forms: PEM with transport damage, UTF-16,
 * PKCS#7 and
 * DER. Pure.
 */
#ifndef COMMON_CRYPTO_CERT_FILE_H
#define COMMON_CRYPTO_CERT_FILE_H

#include "common/buf.h"
#include "common/crypto/secret.h"

struct error;

struct cert_file {
	struct buf certificates; /* PEM, in the order of the file */
	struct secret keys;      /* PEM */
	size_t n_certificates, n_keys;
	bool is_key_encrypted; /* one of the keys needs a password */
};

void
cert_file_clear(struct cert_file *file);
#define _cleanup_cert_file_ _cleanup_(cert_file_clear)

/*
 * cert_file_read() - the certificates and keys in the octets of a file; other blocks are ignored
 * Does not check whether they are usable. ERROR_INVALID, with a message without its subject: a block without its end or
 * with a body that is not base64; nothing that could be certificates or a key; PKCS#12, which has its own option.
 */
int
cert_file_read(const void *octets, size_t len, struct cert_file *ret, struct error *err);

#endif
