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

/* What is signed: base64url(header) "." base64url(payload). */
static void
jws_input_of(struct json_object *header, const char *payload, size_t payload_len, struct buf *ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	json_write(header, &text);
	base64url_encode(text.data, text.len, ret);
	buf_add_char(ret, '.');
	base64url_encode(payload, payload_len, ret);
}

/* RFC 7515 s7.2.2. */
static void
jws_flatten(const struct buf *input, const struct buf *raw, struct buf *ret)
{
	size_t header_len = (size_t)((char *)memchr(input->data, '.', input->len) - input->data);

	buf_add_str(ret, "{\"protected\":\"");
	buf_add(ret, input->data, header_len);
	buf_add_str(ret, "\",\"payload\":\"");
	buf_add(ret, input->data + header_len + 1, input->len - header_len - 1);
	buf_add_str(ret, "\",\"signature\":\"");
	base64url_encode(raw->data, raw->len, ret);
	buf_add_str(ret, "\"}");
}

int
jws_input(const struct key *key, const struct jws_header *header, const char *payload, size_t payload_len,
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
	jws_input_of(obj, payload, payload_len, ret);
	return 0;
}

int
jws_finish(
	const struct key *key, const struct buf *input, const struct buf *signature, struct buf *ret, struct error *err)
{
	_cleanup_buf_ struct buf raw = BUF_INIT;

	if (key_jws_signature(key, signature, &raw, err) < 0)
		return -1;
	jws_flatten(input, &raw, ret);
	return 0;
}

int
jws_sign(const struct key *key, const struct jws_header *header, const char *payload, size_t payload_len,
	struct buf *ret, struct error *err)
{
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_buf_ struct buf signature = BUF_INIT;

	if (jws_input(key, header, payload, payload_len, &input, err) < 0 ||
		key_sign(key, input.data, input.len, &signature, err) < 0)
		return -1;
	return jws_finish(key, &input, &signature, ret, err);
}

int
jws_external_account(const struct key *account_key, const char *key_id, const struct secret *mac_key,
	const char *new_account_url, struct buf *ret, struct error *err)
{
	_cleanup_json_ struct json_object *obj = json_object_new_object();
	_cleanup_buf_ struct buf payload = BUF_INIT;
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_buf_ struct buf raw = BUF_INIT;
	unsigned char mac[SHA256_DIGEST_LENGTH];

	if (!obj)
		abort(); /* no memory */
	if (mac_key->len == 0)
		return error_set(err, ERROR_INVALID, "the MAC key of the external account is empty");
	if (key_jwk(account_key, &payload, err) < 0)
		return -1;
	json_add_string(obj, "alg", "HS256");
	json_add_string(obj, "kid", key_id);
	json_add_string(obj, "url", new_account_url);
	jws_input_of(obj, payload.data, payload.len, &input);
	if (!HMAC(EVP_sha256(), mac_key->data, (int)mac_key->len, (const unsigned char *)input.data, input.len, mac,
		    NULL))
		return ossl_error(err, ERROR_INTERNAL, "cannot compute the MAC");
	buf_add(&raw, mac, sizeof(mac));
	jws_flatten(&input, &raw, ret);
	return 0;
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
