/* common/crypto/pem.h: the blocks of a PEM text, apart from what stands around them (RFC 7468 s2: text before a block is explanatory). */
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
 * pem_next() - the next block behind *@p, which is moved behind it
 * Return: 1 and the block, 0 there is none, -1 a block without its end.
 */
int
pem_next(const char **p, const char *end, struct pem_block *ret);

/*
 * pem_write() - the block as RFC 7468 s3 writes it: lines of 64, headers of an encrypted key first, a final newline
 * People are sent blocks whose line ends are CR, blanks or a written "\n", indented, in one line, or with blank lines.
 * Only the label and base64 get through, so what is written holds no quote, control or shell character.
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

/* "CERTIFICATE", or "X509 CERTIFICATE" as old programs write it. */
bool
pem_is_certificate(const struct pem_block *block);

/* "PKCS7", or "PKCS #7 SIGNED DATA" as OpenSSL also reads it. */
bool
pem_is_pkcs7(const struct pem_block *block);

/* "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", ... */
bool
pem_is_private_key(const struct pem_block *block);

#endif
