/* common/crypto/alpn_cert.h: the certificate that answers a tls-alpn-01 challenge (RFC 8737 s3). */
#ifndef COMMON_CRYPTO_ALPN_CERT_H
#define COMMON_CRYPTO_ALPN_CERT_H

#include <stdint.h>

struct error;
struct key;
struct x509_st;

/*
 * alpn_cert_make() - make the self-signed certificate
 * Its only name is @name (canonical; DNS or IP, RFC 8738 s6), and its critical extension id-pe-acmeIdentifier has the
 * SHA-256 of @key_authorization. It is valid for a week around @now (UNIX seconds): CAs do not look.
 * @key: borrowed
 *
 * Return: an X509 owned by the caller, or NULL: ERROR_INTERNAL.
 */
struct x509_st *
alpn_cert_make(const char *name, const char *key_authorization, const struct key *key, int64_t now, struct error *err);

/*
 * The server name by which a CA asks for @name: itself, or for an IP address its name below in-addr.arpa or ip6.arpa
 * (RFC 8738 s6). Owned by the caller.
 */
char *
alpn_cert_server_name(const char *name);

#endif
