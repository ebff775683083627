/* The system tests let keytool read the result; here it is read as the format is described. */
#include "common/buf.h"
#include "common/crypto/jks.h"
#include "common/crypto/key.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { SHA1_OCTETS = 20, MADE_AT = 1700000000 };

#define PASSWORD "change-it"

static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
			  "MIIBjDCCATGgAwIBAgIUVD/c0NJTvFZ+KcZk/Vy6s2zNgYEwCgYIKoZIzj0EAwIw\n"
			  "GjEYMBYGA1UEAwwPd3d3LmV4YW1wbGUuY29tMCAXDTI2MTEzMDEyMDQxOFoYDzIx\n"
			  "MjYxMTA2MTIwNDE4WjAaMRgwFgYDVQQDDA93d3cuZXhhbXBsZS5jb20wWTATBgcq\n"
			  "hkjOPQIBBggqhkjOPQMBBwNCAATyHTV0tAgROMjy300hyNI3XudKcYOpAWb4vRj4\n"
			  "maspj0jxE1Dl05XFUE1brxTQL0Wq3hOeT0YX6X1TyWGQQ3cmo1MwUTAdBgNVHQ4E\n"
			  "FgQUTVQFxjA9RJpqzn96ceW/HLuOiSgwHwYDVR0jBBgwFoAUTVQFxjA9RJpqzn96\n"
			  "ceW/HLuOiSgwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAnpu8\n"
			  "KgQymscaGE8n7IX+vHmGGrvalphmfN1YS7P4KfcCIQDfFcevxGJAFXXVTyq1X8uW\n"
			  "CrUqy5FDJeYd690P4cyxqw==\n"
			  "-----END CERTIFICATE-----\n";

/* Of the password in UTF-16, and @data. */
static void
digest(const char *words, const void *data, size_t len, unsigned char ret[SHA1_OCTETS])
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (const char *c = PASSWORD; *c; c++) {
		buf_add_char(&text, '\0');
		buf_add_char(&text, *c);
	}
	buf_add_str(&text, words);
	buf_add(&text, data, len);
	cr_assert_eq(EVP_Digest(text.data, text.len, ret, NULL, EVP_sha1(), NULL), 1);
}

/* The key that is protected in @data. */
static void
unprotect(const unsigned char *data, size_t len, struct secret *ret)
{
	unsigned char pad[SHA1_OCTETS], check[SHA1_OCTETS];
	size_t key_len = len - 2 * SHA1_OCTETS;

	memcpy(pad, data, sizeof(pad));
	secret_alloc(ret, key_len);
	for (size_t i = 0; i < key_len; i++) {
		if (i % SHA1_OCTETS == 0)
			digest("", pad, sizeof(pad), pad);
		ret->data[i] = data[SHA1_OCTETS + i] ^ pad[i % SHA1_OCTETS];
	}
	digest("", ret->data, ret->len, check);
	cr_expect_arr_eq(check, data + SHA1_OCTETS + key_len, SHA1_OCTETS);
}

static size_t
number_at(const unsigned char *p, unsigned octets)
{
	size_t ret = 0;

	for (unsigned i = 0; i < octets; i++)
		ret = ret << 8 | p[i];
	return ret;
}

/* The octets of the length at @p, behind a tag. */
static const unsigned char *
skip_head(const unsigned char *p, size_t *ret_len)
{
	unsigned more = p[1] & 0x80 ? p[1] & 0x7f : 0;

	*ret_len = more ? number_at(p + 2, more) : p[1];
	cr_expect(!more || (more == 1 && *ret_len >= 0x80) || (more == 2 && *ret_len >= 0x100), "not DER");
	return p + 2 + more;
}

static void
expect_keystore_of(enum key_algorithm algorithm)
{
	_cleanup_secret_ struct secret der = SECRET_INIT, password = SECRET_INIT, out = SECRET_INIT, key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_key_ struct key *generated = NULL;
	struct buf certificates = BUF_INIT;
	unsigned char end[SHA1_OCTETS];
	const unsigned char *p;
	size_t len;

	buf_add_str(&certificates, pem);
	secret_set(&password, PASSWORD, strlen(PASSWORD));
	cr_assert_eq(key_generate(algorithm, &generated, NULL), 0);
	cr_assert_eq(key_to_der(generated, &der, NULL), 0);
	cr_assert_eq(jks_write(&der, &certificates, "alias", MADE_AT, &password, &out, &err), 0, "%s", err.message);
	cr_assert_gt(out.len, SHA1_OCTETS);
	digest("Mighty Aphrodite", out.data, out.len - SHA1_OCTETS, end);
	cr_expect_arr_eq(end, out.data + out.len - SHA1_OCTETS, SHA1_OCTETS);
	cr_expect_arr_eq(out.data, "\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\1\0\5alias", 23);
	cr_expect_eq(number_at(out.data + 23, 8), (size_t)MADE_AT * 1000);
	p = skip_head(out.data + 35, &len);
	cr_expect_eq((size_t)(p - out.data) + len - 35, number_at(out.data + 31, 4));
	p = skip_head(p, &len) + len; /* the algorithm */
	p = skip_head(p, &len);
	unprotect(p, len, &key);
	cr_expect(secret_equal(&key, &der));
	cr_expect_eq(number_at(p + len, 4), 1); /* certificates */
	cr_expect_arr_eq(p + len + 4, "\0\5X.509", 7);
	buf_clear(&certificates);
}

Test(jks, a_keystore_has_the_key_and_its_certificate_under_the_password)
{
	CRYPTO_secure_malloc_init(1 << 20, 64);
	expect_keystore_of(KEY_SECP256R1);
	expect_keystore_of(KEY_RSA2048);
	expect_keystore_of(KEY_RSA4096);
}
