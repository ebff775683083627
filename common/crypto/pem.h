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

/* "CERTIFICATE" exactly. */
bool
pem_is_certificate(const struct pem_block *block);

/* "PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", ... */
bool
pem_is_private_key(const struct pem_block *block);

#endif
