/* common/crypto/ossl.h: OpenSSL's errors as ours, and release of its objects at the end of a scope. */
#ifndef COMMON_CRYPTO_OSSL_H
#define COMMON_CRYPTO_OSSL_H

#include "common/buf.h"
#include "common/error.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

/*
 * ossl_error() - error_set() with the first text of OpenSSL's error queue appended; empties the queue
 * Functions that may end here begin with ERR_clear_error(), because even successful calls leave entries behind.
 * OpenSSL reports a full secure heap as "unsupported"; here it is ERROR_LIMIT, which may be retried.
 * Return: always -1.
 */
int
ossl_error(struct error *err, enum error_code code, const char *fmt, ...) _printf_(3, 4);

FREEP(unsigned char, ossl_freep, OPENSSL_free);
FREEP(BIO, ossl_bio_freep, BIO_free_all);
FREEP(BIGNUM, ossl_bn_freep, BN_clear_free);
FREEP(EVP_PKEY, ossl_pkey_freep, EVP_PKEY_free);
FREEP(EVP_PKEY_CTX, ossl_pkey_ctx_freep, EVP_PKEY_CTX_free);
FREEP(EVP_MD_CTX, ossl_md_ctx_freep, EVP_MD_CTX_free);
FREEP(X509, ossl_x509_freep, X509_free);
FREEP(X509_REQ, ossl_x509_req_freep, X509_REQ_free);
FREEP(X509_NAME, ossl_x509_name_freep, X509_NAME_free);
FREEP(X509_STORE, ossl_x509_store_freep, X509_STORE_free);
FREEP(X509_STORE_CTX, ossl_x509_store_ctx_freep, X509_STORE_CTX_free);
FREEP(ASN1_TIME, ossl_time_freep, ASN1_TIME_free);
FREEP(ASN1_ENUMERATED, ossl_enumerated_freep, ASN1_ENUMERATED_free);
FREEP(GENERAL_NAMES, ossl_general_names_freep, GENERAL_NAMES_free);
FREEP(CRL_DIST_POINTS, ossl_dist_points_freep, CRL_DIST_POINTS_free);
FREEP(ISSUING_DIST_POINT, ossl_issuing_dist_point_freep, ISSUING_DIST_POINT_free);
FREEP(AUTHORITY_INFO_ACCESS, ossl_info_access_freep, AUTHORITY_INFO_ACCESS_free);
FREEP(OCSP_REQUEST, ossl_ocsp_request_freep, OCSP_REQUEST_free);
FREEP(OCSP_RESPONSE, ossl_ocsp_response_freep, OCSP_RESPONSE_free);
FREEP(OCSP_BASICRESP, ossl_ocsp_basic_freep, OCSP_BASICRESP_free);
FREEP(PKCS12, ossl_pkcs12_freep, PKCS12_free);
FREEP(PKCS8_PRIV_KEY_INFO, ossl_pkcs8_freep, PKCS8_PRIV_KEY_INFO_free);

static inline void
ossl_x509_extensions_freep(X509_EXTENSIONS **p)
{
	sk_X509_EXTENSION_pop_free(*p, X509_EXTENSION_free);
}

static inline void
ossl_x509_certs_freep(STACK_OF(X509) * *p)
{
	sk_X509_pop_free(*p, X509_free);
}

/* Appends @cert as PEM to @ret. Return: 0, or -1 with ERROR_INTERNAL. */
int
ossl_add_x509_pem(struct buf *ret, X509 *cert, struct error *err);

/*
 * Does it take long to verify with it? Peers choose how large their numbers are. Of RSA, up to 8192
 * bits with an exponent of up to 64 bits are not costly (1 ms); nor are EC with a named curve, Ed25519 and Ed448.
 */
bool
ossl_key_is_costly(EVP_PKEY *key);

#endif
