/*
 * common/crypto/key.h: private keys. The only module that sees key octets; all other code asks it to sign, to describe
 * the public half, or to make the encodings that are stored (secret) and deployed.
 */
#ifndef COMMON_CRYPTO_KEY_H
#define COMMON_CRYPTO_KEY_H

#include "common/crypto/secret.h"

struct buf;
struct error;
struct X509_pubkey_st;
struct evp_pkey_st;
struct key; /* one private key; immutable, so that several threads may read it */

enum {
	KEY_PEM_MAX_OCTETS = 64 * 1024,
	KEY_SIGNATURE_MAX = 8192 / 8 /* octets; the largest is of RSA-8192 */
};

/* IONOS's names for the algorithms. */
enum key_algorithm {
	KEY_SECP256R1,
	KEY_SECP384R1,
	KEY_RSA2048,
	KEY_RSA3072,
	KEY_RSA4096,
	KEY_SECP521R1,
	KEY_RSA8192,
	KEY_ED25519,
	KEY_ALGORITHM_COUNT
};

const char *
key_algorithm_name(enum key_algorithm alg);

/* Return: 1 and the algorithm, 0 unknown name. */
int
key_algorithm_from_name(const char *name, enum key_algorithm *ret_alg);

/*
 * Generates a key; RSA takes seconds, RSA-8192 up to some minutes, so call it on a worker. Return: 0 or -1
 * (ERROR_INTERNAL).
 */
int
key_generate(enum key_algorithm alg, struct key **ret_key, struct error *err);

/* NULL is a no-op. */
void
key_free(struct key *key);

static inline void
key_freep(struct key **key)
{
	key_free(*key);
}
#define _cleanup_key_ _cleanup_(key_freep)

enum key_algorithm
key_algorithm_of(const struct key *key);

/*
 * A key may be held elsewhere: then certd has its public half and the place, and whatever needs the private half is
 * refused (ERROR_STATE). Places begin with one of these.
 */
#define KEY_PLACE_REQUEST "csr:"  /* the maker of the certificate request has it */
#define KEY_PLACE_TOKEN "pkcs11:" /* the URI of an object in a token; daemon/base/signer.h signs with it */

/* @spki: DER SubjectPublicKeyInfo, copied like @place. Errors: ERROR_INVALID. */
int
key_new_held(const char *place, const void *spki, size_t len, struct key **ret_key, struct error *err);

/* Borrowed; NULL: certd has the key. */
const char *
key_place(const struct key *key);

bool
key_is_in_token(const struct key *key);

/* Where a stored key is, without decoding it: key_place(). */
const char *
key_der_place(const struct secret *der);

/* ERROR_STATE: the stored key is held elsewhere, so certd cannot hand it out. Return: 0 or -1. */
int
key_der_check_here(const struct secret *der, struct error *err);

/* PKCS#8 DER, the stored form. Of a key that is held elsewhere, its place and its public half. */
int
key_to_der(const struct key *key, struct secret *ret_der, struct error *err);

/* For keys that certd stored itself: the halves are not compared again. Errors: ERROR_INVALID. */
int
key_from_der(const struct secret *der, struct key **ret_key, struct error *err);

/* From the stored form, without decoding it: PKCS#8 PEM ("BEGIN PRIVATE KEY"), built in secure memory only. */
int
key_der_to_pem(const struct secret *der, struct secret *ret_pem, struct error *err);

/*
 * SHA-256 of a stored key and its certificate's PEM. It identifies a verified pair and detects a mixture of two pairs
 * without decoding either.
 */
void
key_pair_digest(const struct secret *der, const void *leaf_pem, size_t len, unsigned char ret[32]);

/*
 * Reads PKCS#8, PKCS#1 or SEC1 PEM. With @password NULL, an encrypted key is an ERROR_INVALID that says so.
 * Only RSA of 2048, 3072, 4096 and 8192 bits, P-256, P-384, P-521 and Ed25519 are accepted; the private and public half
 * must match.
 * Errors: ERROR_INVALID.
 */
int
key_from_pem(const struct secret *pem, const struct secret *password, struct key **ret_key, struct error *err);

/* key_from_pem() without a password, or a private key as JWK (RFC 7517), as certbot keeps it. Errors: ERROR_INVALID. */
int
key_from_text(const struct secret *text, struct key **ret_key, struct error *err);

/* The same for a key that was decoded elsewhere (pkcs12.c). @pkey: taken on success, *@pkey is then NULL. */
int
key_from_evp(struct evp_pkey_st **pkey, struct key **ret_key, struct error *err);

/* Appends the DER SubjectPublicKeyInfo. Return: 0 or -1 (ERROR_INTERNAL). */
int
key_spki(const struct key *key, struct buf *ret, struct error *err);

/*
 * SHA-256 of the DER SubjectPublicKeyInfo, which identifies a key without revealing it. Return: 0 or -1
 * (ERROR_INTERNAL).
 */
int
key_spki_sha256(const struct key *key, unsigned char ret[32], struct error *err);

/* The JOSE "alg" of the key: "ES256", "ES384", "ES512", "RS256", "EdDSA" (RFC 7518 s3.1, RFC 8037 s3.1). */
const char *
key_jws_alg(const struct key *key);

/* OpenSSL's name of the digest that the key signs with; NULL: it signs the octets themselves. */
const char *
key_digest(const struct key *key);

/* Appends a signature of the octets, as in X.509: that of ECDSA is DER. */
int
key_sign(const struct key *key, const void *data, size_t len, struct buf *ret, struct error *err);

/* Is @signature one of key_sign()? ERROR_INVALID: no. */
int
key_verify(const struct key *key, const void *data, size_t len, const struct buf *signature, struct error *err);

/* Appends @signature, one of key_sign(), as JWS has it. */
int
key_jws_signature(const struct key *key, const struct buf *signature, struct buf *ret, struct error *err);

/* Signs for JWS: ECDSA as fixed-width R||S, not DER (RFC 7518 s3.4). Appends raw octets to @ret. */
int
key_jws_sign(const struct key *key, const void *data, size_t len, struct buf *ret, struct error *err);

/* Appends the public JWK with its members in lexical order and no white space (RFC 7517, the input of RFC 7638). */
int
key_jwk(const struct key *key, struct buf *ret, struct error *err);

/* base64url(SHA-256(key_jwk)), 43 characters (RFC 7638). Owned by the caller; NULL on failure. */
char *
key_thumbprint(const struct key *key, struct error *err);

/* The public half into @ret, an X509_PUBKEY. Return: 0 or -1 (ERROR_INTERNAL). */
int
key_put_public(const struct key *key, struct X509_pubkey_st *ret, struct error *err);

/* For the X.509 side of this module family (csr.c, x509.c, tls-alpn): borrowed EVP_PKEY. */
struct evp_pkey_st *
key_evp(const struct key *key);

#endif
