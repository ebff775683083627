/*
 * Saves decoding. Intermediates are recognized by all of their octets: at a hundred certificates a minute, decoding the
 * same intermediate is half the cost of reading the chains. The leaf's public key must equal ours, so its octets are
 * compared: in a library context without providers, OpenSSL leaves the key undecoded.
 */
#include "common/crypto/x509_chain.h"

#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_MAX = 8 };

struct x509_seen {
	struct {
		struct buf der;
		X509 *cert; /* owned; NULL: free */
	} items[SEEN_MAX];
	size_t oldest;
	OSSL_LIB_CTX *bare;  /* owned; NULL: unavailable */
	OSSL_PROVIDER *none; /* owned; keeps the default provider from being loaded */
};

struct x509_seen *
x509_seen_new(void)
{
	struct x509_seen *seen = xcalloc(1, sizeof(*seen));

	seen->bare = OSSL_LIB_CTX_new();
	seen->none = seen->bare ? OSSL_PROVIDER_load(seen->bare, "null") : NULL;
	return seen;
}

void
x509_seen_free(struct x509_seen *seen)
{
	if (!seen)
		return;
	for (size_t i = 0; i < SEEN_MAX; i++) {
		buf_clear(&seen->items[i].der);
		X509_free(seen->items[i].cert);
	}
	OSSL_PROVIDER_unload(seen->none);
	OSSL_LIB_CTX_free(seen->bare);
	free(seen);
}

X509 *
x509_seen_new_leaf(struct x509_seen *seen)
{
	return seen && seen->none ? X509_new_ex(seen->bare, NULL) : NULL;
}

X509 *
x509_seen_find(struct x509_seen *seen, const unsigned char *der, size_t len)
{
	for (size_t i = 0; seen && i < SEEN_MAX; i++) {
		X509 *cert = seen->items[i].cert;

		if (cert && seen->items[i].der.len == len && memcmp(seen->items[i].der.data, der, len) == 0)
			return X509_up_ref(cert) == 1 ? cert : NULL;
	}
	return NULL;
}

void
x509_seen_add(struct x509_seen *seen, const unsigned char *der, size_t len, X509 *cert)
{
	size_t i;

	if (!seen || X509_up_ref(cert) != 1)
		return;
	i = seen->oldest;
	seen->oldest = (i + 1) % SEEN_MAX;
	buf_reset(&seen->items[i].der);
	buf_add(&seen->items[i].der, der, len);
	X509_free(seen->items[i].cert);
	seen->items[i].cert = cert;
}
