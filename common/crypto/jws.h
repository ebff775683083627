/* common/crypto/jws.h: flattened JSON Web Signatures for ACME (RFC 7515 s7.2.2, RFC 8555 s6.2). */
#ifndef COMMON_CRYPTO_JWS_H
#define COMMON_CRYPTO_JWS_H

#include "common/crypto/key.h"

struct buf;

struct jws_header {
	const char *url;   /* borrowed; the request URL, byte for byte */
	const char *nonce; /* borrowed; NULL: no nonce member (inner JWS of keyChange) */
	const char *kid;   /* borrowed; account URL; NULL: the public JWK is embedded */
};

/*
 * jws_sign() - append {"protected":..,"payload":..,"signature":..} to @ret
 * @payload: JSON text; "" makes a POST-as-GET (RFC 8555 s6.3)
 */
int
jws_sign(const struct key *key, const struct jws_header *header, const char *payload, size_t payload_len,
	struct buf *ret, struct error *err);

/*
 * The same in two steps, for a key that is held elsewhere: jws_input() appends the octets to be signed, jws_finish()
 * the result. @signature: as key_sign() makes it.
 */
int
jws_input(const struct key *key, const struct jws_header *header, const char *payload, size_t payload_len,
	struct buf *ret, struct error *err);

int
jws_finish(const struct key *key, const struct buf *input, const struct buf *signature, struct buf *ret,
	struct error *err);

/*
 * jws_external_account() - the externalAccountBinding member of newAccount (RFC 8555 s7.3.4), HS256
 * @mac_key: the decoded MAC key
 */
int
jws_external_account(const struct key *account_key, const char *key_id, const struct secret *mac_key,
	const char *new_account_url, struct buf *ret, struct error *err);

/* token "." thumbprint (RFC 8555 s8.1). Owned by the caller. */
char *
jws_key_authorization(const char *token, const char *thumbprint);

/* base64url(SHA-256(key authorization)): the TXT value of dns-01 (RFC 8555 s8.4). Owned by the caller. */
char *
jws_dns01_value(const char *key_authorization);

#endif
