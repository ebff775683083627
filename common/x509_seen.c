/*
 * Intermediates that were decoded before, known again by all of their octets. With a CA's hundred certificates a minute
 * half of what reading a chain costs is the same intermediate.
 */
#include "common/x509_chain.h"

#include <stdlib.h>
#include <string.h>

enum { SEEN_MAX = 8 };

struct x509_seen {
	struct {
		struct buf der;
		X509 *cert; /* owned; NULL: free */
	} items[SEEN_MAX];
	size_t oldest;
};

struct x509_seen *
x509_seen_new(void)
{
	return xcalloc(1, sizeof(struct x509_seen));
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
	free(seen);
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
