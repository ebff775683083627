/* common/crypto/csr.h: certificate signing requests (RFC 2986) as ACME wants them (RFC 8555 s7.4). */
#ifndef COMMON_CRYPTO_CSR_H
#define COMMON_CRYPTO_CSR_H

struct buf;
struct error;
struct key;
struct strlist;

/*
 * csr_make() - DER request, subject CN = first name if it is a DNS name of at most 64 octets, else empty
 * subject; SAN = exactly @names (canonical; DNS or IP). Appends to @ret_der.
 */
int
csr_make(const struct key *key, const struct strlist *names, struct buf *ret_der, struct error *err);

#endif
