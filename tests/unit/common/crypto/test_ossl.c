/* Which keys are too expensive to verify with. */
#include "common/crypto/ossl.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

/* With a modulus of random octets: it is never used. */
static EVP_PKEY *
rsa(int bits, int exponent_bits)
{
	_cleanup_(ossl_bn_freep) BIGNUM *n = BN_new(), *e = BN_new();
	_cleanup_(ossl_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	BN_rand(e, exponent_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_fromdata_init(ctx);
	cr_assert_eq(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

Test(ossl, rsa_keys_are_costly_by_their_size_and_exponent)
{
	static const struct {
		int bits, exponent_bits;
		bool is_costly;
	} cases[] = {
		{ 2048, 17, false },
		{ 4096, 17, false },
		{ 8192, 17, false },
		{ 8192, 64, false },
		{ 8193, 17, true },
		{ 16384, 17, true },
		{ 2048, 65, true },
		{ 3072, 3071, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(ossl_pkey_freep) EVP_PKEY *key = rsa(cases[i].bits, cases[i].exponent_bits);

		cr_expect_eq(ossl_key_is_costly(key), cases[i].is_costly, "RSA-%d, exponent of %d bits", cases[i].bits,
			cases[i].exponent_bits);
	}
}

Test(ossl, curves_by_name_are_not_costly_other_kinds_are)
{
	static const struct {
		const char *kind, *group, *encoding;
		bool is_costly;
	} cases[] = {
		{ "EC", "P-256", "named_curve", false },
		{ "EC", "P-521", "named_curve", false },
		{ "EC", "P-256", "explicit", true },
		{ "ED25519", NULL, NULL, false },
		{ "ED448", NULL, NULL, false },
		{ "DH", "ffdhe2048", NULL, true },
		{ "X25519", NULL, NULL, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(ossl_pkey_ctx_freep)
			EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, cases[i].kind, NULL);
		_cleanup_(ossl_pkey_freep) EVP_PKEY *key = NULL;
		_cleanup_(ossl_pkey_freep) EVP_PKEY *decoded = NULL;
		unsigned char *der = NULL;
		const unsigned char *p;
		int len;

		cr_assert(EVP_PKEY_keygen_init(ctx) == 1 &&
			  (!cases[i].group || EVP_PKEY_CTX_set_group_name(ctx, cases[i].group) == 1) &&
			  EVP_PKEY_generate(ctx, &key) == 1);
		if (cases[i].encoding)
			EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, cases[i].encoding);
		len = i2d_PUBKEY(key, &der);
		p = der;
		decoded = d2i_PUBKEY(NULL, &p, len); /* as it comes in a certificate */
		OPENSSL_free(der);
		cr_assert_not_null(decoded, "%s", cases[i].kind);
		cr_expect_eq(ossl_key_is_costly(decoded), cases[i].is_costly, "%s %s", cases[i].kind,
			cases[i].encoding ? cases[i].encoding : "");
	}
}
