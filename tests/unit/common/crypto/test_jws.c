#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/jws.h"
#include "common/error.h"
#include "common/json.h"
#include "tests/unit/common/crypto/vectors.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

static struct key *
vector_key(const char *pem)
{
	_cleanup_secret_ struct secret text = SECRET_INIT;
	struct key *key = NULL;

	secret_set(&text, pem, strlen(pem));
	cr_assert_eq(key_from_pem(&text, NULL, &key, NULL), 0);
	return key;
}

/* Member of a flattened JWS, decoded when @decode. Owned by the caller. */
static char *
member(const struct buf *jws, const char *name, bool decode)
{
	_cleanup_json_ struct json_object *obj = json_parse(jws->data, jws->len, NULL);
	struct buf out = BUF_INIT;
	const char *text = NULL;

	cr_assert_not_null(obj, "%s", buf_str(jws));
	cr_expect_eq(json_object_object_length(obj), 3);
	cr_assert_eq(json_get_string(obj, name, &text, NULL), 1);
	if (decode)
		cr_assert_eq(base64url_decode(text, strlen(text), &out, NULL), 0);
	else
		buf_add_str(&out, text);
	return buf_steal(&out);
}

Test(jws, the_header_has_jwk_or_kid_and_a_nonce_only_when_there_is_one)
{
	static const struct {
		struct jws_header header;
		const char *text;
	} cases[] = {
		{ { .url = "https://ca/new-acct", .nonce = "n1" },
			"{\"alg\":\"ES256\",\"jwk\":" VECTOR_EC_JWK
			",\"nonce\":\"n1\",\"url\":\"https://ca/new-acct\"}" },
		{ { .url = "https://ca/order?a=\"b\"", .nonce = "n2", .kid = "https://ca/acct/1" },
			"{\"alg\":\"ES256\",\"kid\":\"https://ca/acct/1\",\"nonce\":\"n2\","
			"\"url\":\"https://ca/order?a=\\\"b\\\"\"}" },
		{ { .url = "https://ca/key-change" },
			"{\"alg\":\"ES256\",\"jwk\":" VECTOR_EC_JWK ",\"url\":\"https://ca/key-change\"}" },
	};
	_cleanup_key_ struct key *key = vector_key(VECTOR_EC_PKCS8);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf jws = BUF_INIT;
		_cleanup_free_ char *header = NULL;
		_cleanup_free_ char *payload = NULL;

		cr_assert_eq(jws_sign(key, &cases[i].header, "{\"a\":1}", 7, &jws, NULL), 0);
		header = member(&jws, "protected", true);
		payload = member(&jws, "payload", true);
		cr_expect_str_eq(header, cases[i].text);
		cr_expect_str_eq(payload, "{\"a\":1}");
	}
}

Test(jws, post_as_get_has_an_empty_payload)
{
	_cleanup_key_ struct key *key = vector_key(VECTOR_EC_PKCS8);
	struct jws_header header = { .url = "https://ca/x", .nonce = "n", .kid = "k" };
	_cleanup_buf_ struct buf jws = BUF_INIT;

	cr_assert_eq(jws_sign(key, &header, "", 0, &jws, NULL), 0);
	cr_expect_not_null(strstr(buf_str(&jws), ",\"payload\":\"\","), "%s", buf_str(&jws));
}

Test(jws, the_signature_is_over_the_header_and_payload_that_are_sent)
{
	_cleanup_key_ struct key *key = vector_key(VECTOR_RSA_PKCS8);
	struct jws_header header = { .url = "https://ca/x", .nonce = "n", .kid = "k" };
	_cleanup_buf_ struct buf jws = BUF_INIT;
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_buf_ struct buf sig = BUF_INIT;
	_cleanup_free_ char *protected = NULL;
	_cleanup_free_ char *payload = NULL;
	_cleanup_free_ char *text = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	cr_assert_eq(jws_sign(key, &header, "{}", 2, &jws, NULL), 0);
	protected = member(&jws, "protected", false);
	payload = member(&jws, "payload", false);
	text = member(&jws, "signature", false);
	buf_printf(&input, "%s.%s", protected, payload);
	cr_assert_eq(base64url_decode(text, strlen(text), &sig, NULL), 0);
	cr_assert_eq(EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key_evp(key), NULL), 1);
	cr_expect_eq(
		EVP_DigestVerify(ctx, (unsigned char *)sig.data, sig.len, (unsigned char *)input.data, input.len), 1);
	EVP_MD_CTX_free(ctx);
}

Test(jws, an_external_account_is_bound_as_in_the_vector)
{
	static const char mac_text[] = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
	_cleanup_key_ struct key *key = vector_key(VECTOR_EC_PKCS8);
	_cleanup_secret_ struct secret mac_key = SECRET_INIT;
	_cleanup_secret_ struct secret empty = SECRET_INIT;
	_cleanup_buf_ struct buf jws = BUF_INIT;
	_cleanup_free_ char *header = NULL;
	_cleanup_free_ char *payload = NULL;
	_cleanup_free_ char *signature = NULL;

	cr_assert_eq(base64_decode_any(mac_text, strlen(mac_text), &mac_key, NULL), 0);
	cr_assert_eq(jws_external_account(key, "kid-1", &mac_key, "https://localhost:14000/sign-me-up", &jws, NULL), 0);
	header = member(&jws, "protected", true);
	payload = member(&jws, "payload", true);
	signature = member(&jws, "signature", false);
	cr_expect_str_eq(
		header, "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://localhost:14000/sign-me-up\"}");
	cr_expect_str_eq(payload, VECTOR_EC_JWK);
	cr_expect_str_eq(signature, "pDwNkoJczfVcrt8jP48lQNbapUoZbsYCfxX_Zy5cWmA");
	cr_expect_eq(jws_external_account(key, "kid-1", &empty, "https://ca", &jws, NULL), -1);
}

Test(jws, the_dns_value_of_a_challenge_is_that_of_the_vector)
{
	_cleanup_free_ char *authorization = jws_key_authorization(
		"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
	_cleanup_free_ char *value = jws_dns01_value(authorization);

	cr_expect_str_eq(authorization,
		"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
	cr_expect_str_eq(value, "1fCS1lh6WLuBWbvkmdEhdymEvTR8MuI63XqlRVleM9Q");
}
