/*
 * Private keys as JWK (RFC 7517, RFC 7518 s6.2 and s6.3): certbot keeps account keys in this form. The parts are
 * decoded into the secure heap; what the JSON parser copied is wiped.
 */
#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/json.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

/* The longest number is the modulus of RSA-8192. */
enum { NUMBER_MAX = 1024 };

/* OpenSSL cannot check a key without its factors, which RFC 7518 s6.3.2 makes optional. */
static const struct {
	const char *member;
	const char *param; /* OpenSSL's name */
} key_jwk_rsa[] = {
	{ "n", OSSL_PKEY_PARAM_RSA_N },
	{ "e", OSSL_PKEY_PARAM_RSA_E },
	{ "d", OSSL_PKEY_PARAM_RSA_D },
	{ "p", OSSL_PKEY_PARAM_RSA_FACTOR1 },
	{ "q", OSSL_PKEY_PARAM_RSA_FACTOR2 },
	{ "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1 },
	{ "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2 },
	{ "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 },
};

static const struct {
	const char *crv;
	const char *group; /* OpenSSL's name */
	size_t octets;
} key_jwk_curves[] = {
	{ "P-256", "prime256v1", 32 },
	{ "P-384", "secp384r1", 48 },
	{ "P-521", "secp521r1", 66 },
};

static int
key_jwk_member(struct json_object *jwk, const char *name, struct secret *ret, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	const char *text = NULL;
	int found = json_get_string(jwk, name, &text, &why);

	if (found == 0)
		return error_set(err, ERROR_INVALID, "the JWK has no member '%s'%s", name,
			strcmp(name, "d") == 0 ? ": it is a public key" : "");
	if (found < 0 || base64_decode_any(text, strlen(text), ret, &why) < 0)
		return error_set(err, ERROR_INVALID, "the member '%s' of the JWK is not base64url", name);
	if (ret->len > NUMBER_MAX)
		return error_set(err, ERROR_INVALID, "the member '%s' of the JWK is too long", name);
	return 0;
}

static int
key_jwk_make(const char *type, OSSL_PARAM_BLD *bld, struct key **ret, struct error *err)
{
	_cleanup_(ossl_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	_cleanup_(ossl_pkey_freep) EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	if (!pkey)
		return ossl_error(err, ERROR_INVALID, "the JWK is not a valid key");
	return key_from_evp(&pkey, ret, err);
}

/* --- RSA --- */

static int
key_jwk_read_rsa(struct json_object *jwk, BIGNUM **numbers, OSSL_PARAM_BLD *bld, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_jwk_rsa); i++) {
		const char *name = key_jwk_rsa[i].member;
		_cleanup_secret_ struct secret octets = SECRET_INIT;

		if (key_jwk_member(jwk, name, &octets, err) < 0)
			return -1;
		numbers[i] = BN_secure_new();
		if (!numbers[i] || !BN_bin2bn(octets.data, (int)octets.len, numbers[i]) ||
			OSSL_PARAM_BLD_push_BN(bld, key_jwk_rsa[i].param, numbers[i]) != 1)
			return ossl_error(err, ERROR_INTERNAL, "cannot take the member '%s' of the JWK", name);
	}
	return 0;
}

static int
key_jwk_from_rsa(struct json_object *jwk, struct key **ret, struct error *err)
{
	BIGNUM *numbers[ARRAY_SIZE(key_jwk_rsa)] = { NULL };
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	int rc = bld ? key_jwk_read_rsa(jwk, numbers, bld, err) : ossl_error(err, ERROR_INTERNAL, "no memory");

	if (rc == 0)
		rc = key_jwk_make("RSA", bld, ret, err);
	OSSL_PARAM_BLD_free(bld);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		BN_clear_free(numbers[i]);
	return rc;
}

/* --- EC --- */

/* A number of fixed width, which some programs write without its leading zeros. */
static int
key_jwk_read_padded(struct json_object *jwk, const char *name, unsigned char *to, size_t octets, struct error *err)
{
	_cleanup_secret_ struct secret number = SECRET_INIT;

	if (key_jwk_member(jwk, name, &number, err) < 0)
		return -1;
	if (number.len > octets)
		return error_set(err, ERROR_INVALID, "the member '%s' of the JWK is too long", name);
	memset(to, 0, octets - number.len);
	memcpy(to + octets - number.len, number.data, number.len);
	return 0;
}

static int
key_jwk_from_ec_parts(const char *group, struct secret *d, const unsigned char *point, size_t len, struct key **ret,
	struct error *err)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	_cleanup_(ossl_bn_freep) BIGNUM *number = BN_secure_new();
	int rc;

	if (bld && number && BN_bin2bn(d->data, (int)d->len, number) &&
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
		OSSL_PARAM_BLD_push_BN_pad(bld, OSSL_PKEY_PARAM_PRIV_KEY, number, d->len) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, len) == 1)
		rc = key_jwk_make("EC", bld, ret, err);
	else
		rc = ossl_error(err, ERROR_INTERNAL, "cannot take the numbers of the JWK");
	OSSL_PARAM_BLD_free(bld);
	return rc;
}

static int
key_jwk_from_ec(struct json_object *jwk, struct key **ret, struct error *err)
{
	enum { UNCOMPRESSED = 4, FIELD_MAX = 66 };
	unsigned char point[1 + 2 * FIELD_MAX] = { UNCOMPRESSED };
	_cleanup_secret_ struct secret d = SECRET_INIT;
	const char *crv = NULL;
	size_t i = 0;

	if (json_get_string(jwk, "crv", &crv, err) != 1)
		return error_set(err, ERROR_INVALID, "the JWK has no member 'crv'");
	while (i < ARRAY_SIZE(key_jwk_curves) && strcmp(key_jwk_curves[i].crv, crv) != 0)
		i++;
	if (i == ARRAY_SIZE(key_jwk_curves))
		return error_set(
			err, ERROR_INVALID, "the curve of the JWK is not supported; use P-256, P-384 or P-521");
	secret_alloc(&d, key_jwk_curves[i].octets);
	if (key_jwk_read_padded(jwk, "x", point + 1, d.len, err) < 0 ||
		key_jwk_read_padded(jwk, "y", point + 1 + d.len, d.len, err) < 0 ||
		key_jwk_read_padded(jwk, "d", d.data, d.len, err) < 0)
		return -1;
	return key_jwk_from_ec_parts(key_jwk_curves[i].group, &d, point, 1 + 2 * d.len, ret, err);
}

/* --- all --- */

static void
key_jwk_wipe(struct json_object *jwk)
{
	if (!json_object_is_type(jwk, json_type_object))
		return;
	json_object_object_foreach(jwk, name, value) {
		(void)name;
		if (json_object_is_type(value, json_type_string))
			explicit_bzero(
				(char *)json_object_get_string(value), (size_t)json_object_get_string_len(value));
	}
}

static int
key_from_jwk(const struct secret *text, struct key **ret, struct error *err)
{
	_cleanup_json_ struct json_object *jwk = json_parse((const char *)text->data, text->len, NULL);
	const char *type = NULL;
	int rc;

	if (!json_object_is_type(jwk, json_type_object) || json_get_string(jwk, "kty", &type, NULL) != 1)
		rc = error_set(err, ERROR_INVALID, "the key is not a JWK: it is not JSON with a member 'kty'");
	else if (strcmp(type, "RSA") == 0)
		rc = key_jwk_from_rsa(jwk, ret, err);
	else if (strcmp(type, "EC") == 0)
		rc = key_jwk_from_ec(jwk, ret, err);
	else
		rc = error_set(err, ERROR_INVALID, "the JWK is neither an RSA nor an EC key");
	key_jwk_wipe(jwk);
	return rc;
}

int
key_from_text(const struct secret *text, struct key **ret_key, struct error *err)
{
	size_t i = 0;

	ERR_clear_error();
	while (i < text->len && strchr(" \t\r\n", text->data[i]))
		i++;
	if (i == text->len || text->data[i] != '{')
		return key_from_pem(text, NULL, ret_key, err);
	if (text->len > KEY_PEM_MAX_OCTETS)
		return error_set(err, ERROR_INVALID, "the key is not a JWK: its length is %zu octets", text->len);
	return key_from_jwk(text, ret_key, err);
}
