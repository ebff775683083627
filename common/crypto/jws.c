/*
 * JSON Web Signatures. Header members have a fixed order and slashes are not escaped, so that a signature can be
 * compared with a published test vector.
 */
#include "common/crypto/jws.h"

#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/ossl.h"
#include "common/json.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

/* Signs with an HMAC or a key, the only difference between the two forms. Appends raw octets to @ret. */
typedef int
sign_fn(const void *signer, const struct buf *input, struct buf *ret, struct error *err);

static int
sign_with_key(const void *signer, const struct buf *input, struct buf *ret, struct error *err)
{
	return key_jws_sign(signer, input->data, input->len, ret, err);
}

static int
sign_with_mac(const void *signer, const struct buf *input, struct buf *ret, struct error *err)
{
	const struct secret *mac_key = signer;
	unsigned char mac[SHA256_DIGEST_LENGTH];

	if (!HMAC(EVP_sha256(), mac_key->data, (int)mac_key->len, (const unsigned char *)input->data, input->len, mac,
		    NULL))
		return ossl_error(err, ERROR_INTERNAL, "cannot compute the MAC");
	buf_add(ret, mac, sizeof(mac));
	return 0;
}

/* Adds the public JWK of @key as member "jwk". */
static int
add_jwk(struct json_object *header, const struct key *key, struct error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *jwk;

	if (key_jwk(key, &text, err) < 0)
		return -1;
	jwk = json_parse(text.data, text.len, err);
	if (!jwk)
		return -1;
	if (json_object_object_add(header, "jwk", jwk) < 0)
		abort(); /* no memory */
	return 0;
}

/* RFC 7515 s7.2.2: the signature is over base64url(header) "." base64url(payload). */
static int
flatten(struct json_object *header, const char *payload, size_t payload_len, sign_fn *sign, const void *signer,
	struct buf *ret, struct error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_buf_ struct buf raw = BUF_INIT;
	size_t header_len;

	json_write(header, &text);
	base64url_encode(text.data, text.len, &input);
	header_len = input.len;
	buf_add_char(&input, '.');
	base64url_encode(payload, payload_len, &input);
	if (sign(signer, &input, &raw, err) < 0)
		return -1;
	buf_add_str(ret, "{\"protected\":\"");
	buf_add(ret, input.data, header_len);
	buf_add_str(ret, "\",\"payload\":\"");
	buf_add(ret, input.data + header_len + 1, input.len - header_len - 1);
	buf_add_str(ret, "\",\"signature\":\"");
	base64url_encode(raw.data, raw.len, ret);
	buf_add_str(ret, "\"}");
	return 0;
}

int
jws_sign(const struct key *key, const struct jws_header *header, const char *payload, size_t payload_len,
	struct buf *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = json_object_new_object();

	if (!obj)
		abort(); /* no memory */
	json_add_string(obj, "alg", key_jws_alg(key));
	if (header->kid)
		json_add_string(obj, "kid", header->kid);
	else if (add_jwk(obj, key, err) < 0)
		return -1;
	json_add_string(obj, "nonce", header->nonce);
	json_add_string(obj, "url", header->url);
	return flatten(obj, payload, payload_len, sign_with_key, key, ret, err);
}

int
jws_external_account(const struct key *account_key, const char *key_id, const struct secret *mac_key,
	const char *new_account_url, struct buf *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = json_object_new_object();
	_cleanup_buf_ struct buf payload = BUF_INIT;

	if (!obj)
		abort(); /* no memory */
	if (mac_key->len == 0)
		return error_set(err, ERROR_INVALID, "the MAC key of the external account is empty");
	if (key_jwk(account_key, &payload, err) < 0)
		return -1;
	json_add_string(obj, "alg", "HS256");
	json_add_string(obj, "kid", key_id);
	json_add_string(obj, "url", new_account_url);
	return flatten(obj, payload.data, payload.len, sign_with_mac, mac_key, ret, err);
}

char *
jws_key_authorization(const char *token, const char *thumbprint)
{
	return xasprintf("%s.%s", token, thumbprint);
}

char *
jws_dns01_value(const char *key_authorization)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct buf value = BUF_INIT;

	SHA256((const unsigned char *)key_authorization, strlen(key_authorization), digest);
	base64url_encode(digest, sizeof(digest), &value);
	return buf_steal(&value);
}
