/* common/crypto/csr.h: certificate signing requests (RFC 2986) for ACME (RFC 8555 s7.4). */
#ifndef COMMON_CRYPTO_CSR_H
#define COMMON_CRYPTO_CSR_H

struct buf;
struct error;
struct key;
struct strlist;

/*
 * csr_make() - make a DER request; appends to @ret_der
 * The subject's CN is the first name if it is a DNS name of at most 64 octets; otherwise the subject is empty. The SAN
 * contains exactly @names (canonical; DNS or IP).
 */
int
csr_make(const struct key *key, const struct strlist *names, struct buf *ret_der, struct error *err);

/*
 * The same in two steps, for a key that is held elsewhere: csr_to_sign() appends the octets to be signed, csr_finish()
 * the request. @signature: as key_sign() makes it.
 */
int
csr_to_sign(const struct key *key, const struct strlist *names, struct buf *ret, struct error *err);

int
csr_finish(const struct key *key, const struct strlist *names, const struct buf *signature, struct buf *ret_der,
	struct error *err);

#endif
