/* common/crypto/csr.h: certificate signing requests (RFC 2986) for ACME (RFC 8555 s7.4). */
#ifndef COMMON_CRYPTO_CSR_H
#define COMMON_CRYPTO_CSR_H

#include "common/buf.h"
#include "common/strlist.h"

#include <stdbool.h>
#include <stddef.h>

struct error;
struct key;

enum { CSR_PEM_MAX_OCTETS = 32 * 1024 };

/* The content of a request. */
struct csr_content {
	const struct strlist *names; /* canonical; DNS or IP; borrowed */
	bool must_staple;            /* clients are to demand an OCSP response (RFC 7633) */
};

/*
 * csr_make() - make a DER request; appends to @ret_der
 * The subject's CN is the first name if it is a DNS name of at most 64 octets; otherwise the subject is empty. The SAN
 * contains exactly the names.
 */
int
csr_make(const struct key *key, const struct csr_content *content, struct buf *ret_der, struct error *err);

/*
 * The same in two steps, for a key that is held elsewhere: csr_to_sign() appends the octets to be signed, csr_finish()
 * the request. @signature: as key_sign() makes it.
 */
int
csr_to_sign(const struct key *key, const struct csr_content *content, struct buf *ret, struct error *err);

int
csr_finish(const struct key *key, const struct csr_content *content, const struct buf *signature, struct buf *ret_der,
	struct error *err);

/* A request that somebody else made. */
struct csr {
	struct buf der;
	struct strlist names; /* of the SAN, canonical */
	struct key *key;      /* the public half, held at KEY_PLACE_REQUEST */
};

void
csr_clear(struct csr *csr);

#define _cleanup_csr_ _cleanup_(csr_clear)

/*
 * csr_read() - read one request in PEM, and verify its signature
 * The text has one PEM block and at most 32 KiB. The SAN has DNS names and IP addresses only, and the common name, if
 * there is one, is among them, as CAs require (RFC 8555 s7.4). The key is of a kind that key.h knows.
 * @ret: empty. ERROR_INVALID says what is wrong.
 */
int
csr_read(const char *pem, size_t len, struct csr *ret, struct error *err);

#endif
