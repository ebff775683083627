/*
 * The signatures of requests, verified by code that shares nothing with the one that makes them (common/crypto/jws.c)
 * but base64url and the JSON reader.
 */
#include "common/crypto/base64url.h"
#include "common/error.h"
#include "common/json.h"
#include "tests/support/fake_ca_private.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

void
fake_jws_clear(struct fake_jws *jws)
{
	free(jws->kid);
	free(jws->jwk);
	free(jws->url);
	free(jws->nonce);
	buf_clear(&jws->payload);
	*jws = (struct fake_jws){ .kid = NULL };
}

static const char *
text_of(struct json_object *obj, const char *name)
{
	const char *s = NULL;

	return json_get_string(obj, name, &s, NULL) == 1 ? s : NULL;
}

static bool
decode(struct json_object *obj, const char *name, struct buf *ret)
{
	const char *s = text_of(obj, name);

	return s && base64url_decode(s, strlen(s), ret, NULL) == 0;
}

static EVP_PKEY *
key_from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *
ec_key(struct json_object *jwk)
{
	const char *crv = text_of(jwk, "crv");
	size_t width = crv && strcmp(crv, "P-384") == 0 ? 48 : 32;
	_cleanup_buf_ struct buf point = BUF_INIT;
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *key;

	buf_add_char(&point, 4);
	if (!crv || !decode(jwk, "x", &point) || point.len != 1 + width || !decode(jwk, "y", &point) ||
		point.len != 1 + 2 * width)
		return NULL;
	bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, crv, 0);
	OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len);
	key = key_from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static EVP_PKEY *
rsa_key(struct json_object *jwk)
{
	_cleanup_buf_ struct buf n = BUF_INIT;
	_cleanup_buf_ struct buf e = BUF_INIT;
	BIGNUM *bn_n, *bn_e;
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *key;

	if (!decode(jwk, "n", &n) || !decode(jwk, "e", &e) || n.len == 0 || n.data[0] == '\0')
		return NULL;
	bn_n = BN_bin2bn((unsigned char *)n.data, (int)n.len, NULL);
	bn_e = BN_bin2bn((unsigned char *)e.data, (int)e.len, NULL);
	bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e);
	key = key_from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(bn_n);
	BN_free(bn_e);
	return key;
}

EVP_PKEY *
fake_jwk_key(const char *jwk)
{
	_cleanup_json_ struct json_object *obj = json_parse(jwk, strlen(jwk), NULL);
	const char *kty = obj ? text_of(obj, "kty") : NULL;

	if (!kty)
		return NULL;
	return strcmp(kty, "EC") == 0 ? ec_key(obj) : strcmp(kty, "RSA") == 0 ? rsa_key(obj) : NULL;
}

/* The required members only, in lexical order, without white space (RFC 7638 s3.2); NULL: not a key that we know. */
static char *
canonical_jwk(struct json_object *jwk)
{
	static const char *const ec[] = { "crv", "kty", "x", "y", NULL };
	static const char *const rsa[] = { "e", "kty", "n", NULL };
	const char *kty = text_of(jwk, "kty");
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!kty)
		return NULL;
	for (const char *const *name = strcmp(kty, "RSA") == 0 ? rsa : ec; *name; name++) {
		const char *value = text_of(jwk, *name);

		if (!value)
			return NULL;
		buf_printf(&b, "%s\"%s\":\"%s\"", b.len ? "," : "{", *name, value);
	}
	buf_add_char(&b, '}');
	return buf_steal(&b);
}

char *
fake_jwk_thumbprint(const char *jwk)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	struct buf b = BUF_INIT;

	SHA256((const unsigned char *)jwk, strlen(jwk), md);
	base64url_encode(md, sizeof(md), &b);
	return buf_steal(&b);
}

/* R||S to the DER that EVP wants. */
static bool
ecdsa_der(const struct buf *raw, struct buf *ret)
{
	const unsigned char *p = (const unsigned char *)raw->data;
	int half = (int)(raw->len / 2);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int len;

	ECDSA_SIG_set0(sig, BN_bin2bn(p, half, NULL), BN_bin2bn(p + half, half, NULL));
	len = i2d_ECDSA_SIG(sig, &der);
	if (len > 0)
		buf_add(ret, der, (size_t)len);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return len > 0;
}

static bool
verify(EVP_PKEY *key, const char *alg, const struct buf *input, const struct buf *signature)
{
	bool is_ec = EVP_PKEY_is_a(key, "EC");
	int bits = EVP_PKEY_get_bits(key);
	const char *expected = !is_ec ? "RS256" : bits == 384 ? "ES384" : "ES256";
	const EVP_MD *md = is_ec && bits == 384 ? EVP_sha384() : EVP_sha256();
	_cleanup_buf_ struct buf der = BUF_INIT;
	const struct buf *sig = signature;
	EVP_MD_CTX *ctx;
	bool is_good;

	if (!alg || strcmp(alg, expected) != 0)
		return false;
	if (is_ec) {
		if (signature->len != (bits == 384 ? 96 : 64) || !ecdsa_der(signature, &der))
			return false;
		sig = &der;
	}
	ctx = EVP_MD_CTX_new();
	is_good = EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
		  EVP_DigestVerify(
			  ctx, (unsigned char *)sig->data, sig->len, (unsigned char *)input->data, input->len) == 1;
	EVP_MD_CTX_free(ctx);
	return is_good;
}

/* "protected" "." "payload" as they came: what is signed. */
static void
signing_input(struct json_object *obj, struct buf *ret)
{
	buf_printf(ret, "%s.%s", text_of(obj, "protected"), text_of(obj, "payload"));
}

static struct json_object *
open_header(struct json_object *obj)
{
	_cleanup_buf_ struct buf header = BUF_INIT;

	return decode(obj, "protected", &header) ? json_parse(buf_str(&header), header.len, NULL) : NULL;
}

const char *
fake_jws_open(const char *text, size_t len, EVP_PKEY *(*find_key)(const char *kid, void *arg), void *arg,
	struct fake_jws *ret)
{
	_cleanup_json_ struct json_object *obj = json_parse(text, len, NULL);
	_cleanup_json_ struct json_object *header = obj ? open_header(obj) : NULL;
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_buf_ struct buf signature = BUF_INIT;
	struct json_object *jwk = NULL;
	EVP_PKEY *key = NULL;
	bool is_good;

	if (!header || json_object_object_length(obj) != 3)
		return "not a flattened JWS";
	if (!decode(obj, "payload", &ret->payload) || !decode(obj, "signature", &signature))
		return "payload or signature is not base64url";
	json_get_object(header, "jwk", &jwk, NULL);
	ret->kid = xstrdup_null(text_of(header, "kid"));
	ret->url = xstrdup_null(text_of(header, "url"));
	ret->nonce = xstrdup_null(text_of(header, "nonce"));
	ret->jwk = jwk ? canonical_jwk(jwk) : NULL;
	if (!ret->kid == !ret->jwk || !ret->url)
		return "not exactly one of kid and jwk, or no url";
	if (ret->jwk)
		key = fake_jwk_key(ret->jwk);
	else if ((key = find_key(ret->kid, arg)) != NULL)
		EVP_PKEY_up_ref(key);
	if (!key)
		return "unknown key";
	signing_input(obj, &input);
	is_good = verify(key, text_of(header, "alg"), &input, &signature);
	EVP_PKEY_free(key);
	return is_good ? NULL : "the signature is wrong";
}

const char *
fake_jws_check_binding(
	struct json_object *binding, const char *key_id, const char *key, const char *jwk, const char *url)
{
	_cleanup_json_ struct json_object *header = open_header(binding);
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_buf_ struct buf payload = BUF_INIT;
	_cleanup_buf_ struct buf signature = BUF_INIT;
	_cleanup_buf_ struct buf secret = BUF_INIT;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	const char *kid, *alg, *header_url;

	if (!header || !decode(binding, "payload", &payload) || !decode(binding, "signature", &signature))
		return "not a flattened JWS";
	kid = text_of(header, "kid");
	alg = text_of(header, "alg");
	header_url = text_of(header, "url");
	if (!alg || strcmp(alg, "HS256") != 0 || !header_url || strcmp(header_url, url) != 0 ||
		text_of(header, "nonce"))
		return "the header of the binding is wrong";
	if (strcmp(buf_str(&payload), jwk) != 0)
		return "the binding is for another account key";
	base64url_decode(key, strlen(key), &secret, NULL);
	signing_input(binding, &input);
	HMAC(EVP_sha256(), secret.data, (int)secret.len, (unsigned char *)input.data, input.len, mac, &mac_len);
	if (!kid || strcmp(kid, key_id) != 0 || signature.len != mac_len || memcmp(mac, signature.data, mac_len) != 0)
		return "unknown key identifier or wrong key";
	return NULL;
}
