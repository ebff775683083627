/*
 * common/crypto/pem.h: the blocks of a PEM text, without the text around them (RFC 7468 s2: text before a block is
 * explanatory).
 */
#ifndef COMMON_CRYPTO_PEM_H
#define COMMON_CRYPTO_PEM_H

#include <stdbool.h>
#include <stddef.h>

/* One block, borrowed from the text. */
struct pem_block {
	const char *label; /* behind "-----BEGIN " */
	size_t label_len;
	const char *text; /* from "-----BEGIN" to the last '-' of the END line */
	size_t len;
};

/*
 * pem_next() - the next block after *@p, which is moved past it
 * Return: 1 and the block, 0 there is none, -1 a block without its end.
 */
int
pem_next(const char **p, const char *end, struct pem_block *ret);

/*
 * pem_write() - write the block according to RFC 7468 s3
 * Lines have 64 characters, headers of an encrypted key come first, and the last line ends in a newline. The input may
 * have line ends that are CR, blanks or a literal "\n", indentation, a single line, or blank lines. Only the label and
 * base64 pass, so the output contains no quote, control or shell character.
 * @ret: room for pem_room(block->len)
 * Return: the octets written, 0: the label or the body is not PEM.
 */
size_t
pem_write(const struct pem_block *block, char *ret);

static inline size_t
pem_room(size_t len)
{
	return 2 * len + 64;
}

/* "CERTIFICATE", or "X509 CERTIFICATE" of old programs. */
bool
pem_is_certificate(const struct pem_block *block);

/* "PKCS7", or "PKCS #7 SIGNED DATA", which OpenSSL also reads. */
bool
pem_is_pkcs7(const struct pem_block *block);

/* "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", ... */
bool
pem_is_private_key(const struct pem_block *block);

#endif
