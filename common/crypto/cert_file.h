/*
 * common/crypto/cert_file.h: certificates and keys in the forms in which people are sent them: PEM however it was
 * mangled on its way, UTF-16, PKCS#7 and DER. Pure.
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
 * cert_file_read() - the certificates and keys of a file's octets; other blocks are ignored
 * Whether they can be used is not looked at. Errors: ERROR_INVALID, a message without its subject: a block without its
 * end or with a body that is not base64; nothing that could be certificates or a key; PKCS#12, which needs its own
 * option.
 */
int
cert_file_read(const void *octets, size_t len, struct cert_file *ret, struct error *err);

#endif
