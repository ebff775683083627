#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/error.h"
#include "tests/support/key_pem.h"
#include "tests/unit/common/crypto/rsa8192.h"
#include "tests/unit/common/crypto/vectors.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Before main(): OpenSSL exchanges its memory functions only while it is unused, and Criterion's libraries use it. */
__attribute__((constructor)) static void
init(void)
{
	if (secret_process_init(true, NULL) < 0)
		abort();
}

static struct key *
read_pem(const char *pem, const char *password, struct error *err)
{
	_cleanup_secret_ struct secret text = SECRET_INIT;
	_cleanup_secret_ struct secret pass = SECRET_INIT;
	struct key *key = NULL;

	secret_set(&text, pem, strlen(pem));
	if (password)
		secret_set(&pass, password, strlen(password));
	key_from_pem(&text, password ? &pass : NULL, &key, err);
	return key;
}

Test(key, thumbprints_are_those_of_the_rfcs)
{
	static const struct {
		const char *why, *pem, *password, *thumbprint;
	} cases[] = {
		{ "RFC 7638 s3.1", VECTOR_RSA_PKCS8, NULL, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
		{ "PKCS#1", VECTOR_RSA_PKCS1, NULL, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
		{ "RFC 7517 A.1", VECTOR_EC_PKCS8, NULL, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s" },
		{ "SEC1", VECTOR_EC_SEC1, NULL, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s" },
		{ "encrypted PKCS#8", VECTOR_EC_ENCRYPTED, "secret", "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s" },
		{ "encrypted SEC1", VECTOR_EC_ENCRYPTED_OLD, "secret", "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_key_ struct key *key = read_pem(cases[i].pem, cases[i].password, &err);
		_cleanup_free_ char *thumbprint = NULL;

		cr_assert_not_null(key, "%s: %s", cases[i].why, err.message);
		thumbprint = key_thumbprint(key, NULL);
		cr_expect_str_eq(thumbprint, cases[i].thumbprint);
	}
}

Test(key, a_jwk_is_the_same_key_as_its_pem)
{
	static const struct {
		const char *why, *text, *thumbprint; /* NULL: refused */
	} cases[] = {
		{ "RSA", VECTOR_RSA_JWK(VECTOR_RSA_JWK_FACTORS), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
		{ "EC", "\n " VECTOR_EC_JWK_PRIVATE(VECTOR_EC_JWK_D) "\n",
			"cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s" },
		{ "PEM", VECTOR_EC_SEC1, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s" },
		{ "RSA without its factors", VECTOR_RSA_JWK(""), NULL },
		{ "the public half", VECTOR_EC_JWK_PRIVATE(""), NULL },
		{ "the private half of another", VECTOR_EC_JWK_PRIVATE(",\"d\":\"AQ\""), NULL },
		{ "not base64", VECTOR_EC_JWK_PRIVATE(",\"d\":\"!\""), NULL },
		{ "too long", VECTOR_EC_JWK_PRIVATE(",\"d\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
			NULL },
		{ "another type", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\",\"d\":\"AQ\"}", NULL },
		{ "another curve", "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AQ\",\"y\":\"AQ\",\"d\":\"AQ\"}", NULL },
		{ "no type", "{}", NULL },
		{ "not JSON", "{", NULL },
		{ "nothing", "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_secret_ struct secret text = SECRET_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_free_ char *thumbprint = NULL;

		secret_set(&text, cases[i].text, strlen(cases[i].text));
		if (!cases[i].thumbprint) {
			cr_expect_eq(key_from_text(&text, &key, &err), -1, "%s", cases[i].why);
			cr_expect_eq(err.code, ERROR_INVALID, "%s: %s", cases[i].why, err.message);
			continue;
		}
		cr_assert_eq(key_from_text(&text, &key, &err), 0, "%s: %s", cases[i].why, err.message);
		thumbprint = key_thumbprint(key, NULL);
		cr_expect_str_eq(thumbprint, cases[i].thumbprint, "%s", cases[i].why);
	}
}

Test(key, the_jwk_has_its_members_in_order_and_no_blanks)
{
	_cleanup_key_ struct key *key = read_pem(VECTOR_EC_PKCS8, NULL, NULL);
	_cleanup_buf_ struct buf jwk = BUF_INIT;

	cr_assert_eq(key_jwk(key, &jwk, NULL), 0);
	cr_expect_str_eq(buf_str(&jwk), VECTOR_EC_JWK);
}

/* Ways to say no: not a key, encrypted, of an unwanted kind, damaged. */
Test(key, what_is_no_usable_key_is_refused_with_a_reason)
{
	static const struct {
		const char *why, *pem, *password, *says;
	} cases[] = {
		{ "empty", "", NULL, "not a private key" },
		{ "text", "hello\n", NULL, "not a private key" },
		{ "cut", "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg870M\n", NULL,
			"" },
		{ "encrypted", VECTOR_EC_ENCRYPTED, NULL, "encrypted" },
		{ "encrypted, old", VECTOR_EC_ENCRYPTED_OLD, NULL, "encrypted" },
		{ "wrong password", VECTOR_EC_ENCRYPTED, "wrong", "password of the private key is wrong" },
		{ "behind one that OpenSSL passes by",
			"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAMCAQE=\n"
			"-----END ENCRYPTED PRIVATE KEY-----\n" VECTOR_EC_ENCRYPTED,
			"secret", "damaged" },
		{ "several", VECTOR_EC_ENCRYPTED VECTOR_EC_ENCRYPTED, "secret", "one of several" },
		{ "Ed448",
			"-----BEGIN PRIVATE KEY-----\n"
			"MEcCAQAwBQYDK2VxBDsEOatZw/aBUwsXg+oKdm9wynCVepUjf9pUbpx3OsoOOMXY\n"
			"EzI2lB+JYIVT/EF4H3K5R2RrgodLQWQjCg==\n"
			"-----END PRIVATE KEY-----\n",
			NULL, "ED448 are not supported" },
		{ "another key's public half", /* the point is the curve's generator */
			"-----BEGIN EC PRIVATE KEY-----\n"
			"MHcCAQEEIPO9DAeoH7kyeB7VJ1L2DMiaa+XlGTT+AZON21XY93gBoAoGCCqGSM49\n"
			"AwEHoUQDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/\n"
			"m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
			"-----END EC PRIVATE KEY-----\n",
			NULL, "damaged" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_key_ struct key *key = read_pem(cases[i].pem, cases[i].password, &err);

		cr_expect_null(key, "%s", cases[i].why);
		cr_expect_eq(err.code, ERROR_INVALID, "%s", cases[i].why);
		cr_expect(err.message && strstr(err.message, cases[i].says), "%s: %s", cases[i].why, err.message);
	}
}

static struct key *
read_evp(EVP_PKEY *pkey, struct error *err)
{
	_cleanup_buf_ struct buf pem = BUF_INIT;
	BIO *bio = BIO_new(BIO_s_mem());
	struct key *key;
	char *data;
	long len;

	cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &data);
	buf_add(&pem, data, (size_t)len);
	key = read_pem(buf_str(&pem), NULL, err);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return key;
}

Test(key, other_sizes_and_curves_are_refused_by_name)
{
	_cleanup_error_ struct error rsa_err = ERROR_INIT;
	_cleanup_error_ struct error ec_err = ERROR_INIT;
	_cleanup_key_ struct key *rsa = read_evp(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), &rsa_err);
	_cleanup_key_ struct key *ec = read_evp(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp224r1"), &ec_err);

	cr_expect_null(rsa);
	cr_expect_null(ec);
	cr_expect_not_null(strstr(rsa_err.message, "1024"), "%s", rsa_err.message);
	cr_expect_not_null(strstr(ec_err.message, "secp224r1"), "%s", ec_err.message);
}

/* Returns the DER signature that EVP verifies, made from R||S. */
static int
verify(const struct key *key, const char *digest, const struct buf *sig, const char *text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	size_t der_len = sig->len;
	const unsigned char *raw = (const unsigned char *)sig->data;
	int rc;

	if (EVP_PKEY_is_a(key_evp(key), "EC")) {
		ECDSA_SIG *ec = ECDSA_SIG_new();
		int half = (int)sig->len / 2;

		ECDSA_SIG_set0(ec, BN_bin2bn(raw, half, NULL), BN_bin2bn(raw + half, half, NULL));
		der_len = (size_t)i2d_ECDSA_SIG(ec, &der);
		ECDSA_SIG_free(ec);
	}
	EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key_evp(key), NULL);
	rc = EVP_DigestVerify(ctx, der ? der : raw, der_len, (const unsigned char *)text, strlen(text));
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return rc;
}

Test(key, each_algorithm_makes_keys_that_sign_and_survive_storage, .timeout = 300)
{
	static const struct {
		const char *name, *jws_alg, *digest;
		size_t sig_len;
	} cases[] = {
		[KEY_SECP256R1] = { "secp256r1", "ES256", "SHA256", 64 },
		[KEY_SECP384R1] = { "secp384r1", "ES384", "SHA384", 96 },
		[KEY_RSA2048] = { "rsa2048", "RS256", "SHA256", 256 },
		[KEY_RSA3072] = { "rsa3072", "RS256", "SHA256", 384 },
		[KEY_RSA4096] = { "rsa4096", "RS256", "SHA256", 512 },
		[KEY_SECP521R1] = { "secp521r1", "ES512", "SHA512", 132 },
		[KEY_RSA8192] = { "rsa8192", "RS256", "SHA256", 1024 },
		[KEY_ED25519] = { "ed25519", "EdDSA", NULL, 64 },
	};
	cr_assert_eq(ARRAY_SIZE(cases), KEY_ALGORITHM_COUNT);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_key_ struct key *key = NULL;
		_cleanup_key_ struct key *from_der = NULL;
		_cleanup_key_ struct key *from_pem = NULL;
		_cleanup_secret_ struct secret der = SECRET_INIT;
		_cleanup_secret_ struct secret pem = SECRET_INIT;
		_cleanup_buf_ struct buf sig = BUF_INIT;
		enum key_algorithm alg = KEY_ALGORITHM_COUNT;
		unsigned char spki[32];
		unsigned char spki_back[32];

		cr_assert_eq(key_algorithm_from_name(cases[i].name, &alg), 1);
		cr_expect_eq(alg, (enum key_algorithm)i);
		cr_expect_str_eq(key_algorithm_name(alg), cases[i].name);
		if (alg == KEY_RSA8192) /* is generated for minutes */
			key = read_pem(VECTOR_RSA_8192, NULL, NULL);
		else
			cr_assert_eq(key_generate(alg, &key, NULL), 0);
		cr_assert_not_null(key);
		cr_expect_eq(key_algorithm_of(key), alg);
		cr_expect_str_eq(key_jws_alg(key), cases[i].jws_alg);
		cr_assert_eq(key_to_der(key, &der, NULL), 0);
		cr_assert_eq(key_to_pem(key, &pem, NULL), 0);
		cr_expect_eq(strncmp((char *)pem.data, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
		cr_expect(CRYPTO_secure_allocated(der.data) && CRYPTO_secure_allocated(pem.data));
		cr_assert_eq(key_from_der(&der, &from_der, NULL), 0);
		cr_assert_eq(key_from_pem(&pem, NULL, &from_pem, NULL), 0);
		cr_assert_eq(key_jws_sign(from_der, "text", 4, &sig, NULL), 0);
		cr_expect_eq(sig.len, cases[i].sig_len, "%s", cases[i].name);
		cr_expect_eq(verify(from_pem, cases[i].digest, &sig, "text"), 1, "%s", cases[i].name);
		key_spki_sha256(key, spki, NULL);
		key_spki_sha256(from_pem, spki_back, NULL);
		cr_expect_arr_eq(spki, spki_back, sizeof(spki));
	}
	cr_expect_eq(key_algorithm_from_name("ed448", &(enum key_algorithm){ 0 }), 0);
}

Test(key, half_of_a_signature_keeps_its_width_when_it_begins_with_zeros)
{
	_cleanup_key_ struct key *key = read_pem(VECTOR_EC_PKCS8, NULL, NULL);
	int short_halves = 0;

	/* About one signature in 128 has a half whose first octet is zero. */
	for (int i = 0; i < 2000 || !short_halves; i++) {
		_cleanup_buf_ struct buf sig = BUF_INIT;

		cr_assert_eq(key_jws_sign(key, &i, sizeof(i), &sig, NULL), 0);
		cr_assert_eq(sig.len, 64);
		short_halves += sig.data[0] == 0 || sig.data[32] == 0;
	}
}

Test(key, the_der_is_what_openssl_makes_of_the_key)
{
	static const struct {
		enum key_algorithm alg;
		int count; /* a private number with leading zeros comes once in 256 keys */
	} cases[] = { { KEY_SECP256R1, 1000 }, { KEY_SECP384R1, 1000 }, { KEY_RSA2048, 1 }, { KEY_SECP521R1, 10 },
		{ KEY_ED25519, 10 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum key_algorithm alg = cases[i].alg;

		for (int n = 0; n < cases[i].count; n++) {
			_cleanup_key_ struct key *key = NULL;
			_cleanup_secret_ struct secret der = SECRET_INIT;
			PKCS8_PRIV_KEY_INFO *p8;
			unsigned char *expected = NULL;
			int len;

			cr_assert_eq(key_generate(alg, &key, NULL), 0);
			cr_assert_eq(key_to_der(key, &der, NULL), 0);
			p8 = EVP_PKEY2PKCS8(key_evp(key));
			len = i2d_PKCS8_PRIV_KEY_INFO(p8, &expected);
			cr_assert_eq(der.len, (size_t)len, "%s", key_algorithm_name(alg));
			cr_expect_arr_eq(der.data, expected, der.len, "%s", key_algorithm_name(alg));
			OPENSSL_free(expected);
			PKCS8_PRIV_KEY_INFO_free(p8);
		}
	}
}

Test(key, der_with_something_behind_it_or_damage_in_it_is_refused)
{
	_cleanup_key_ struct key *key = read_pem(VECTOR_EC_PKCS8, NULL, NULL);
	_cleanup_secret_ struct secret der = SECRET_INIT;
	_cleanup_secret_ struct secret longer = SECRET_INIT;
	struct key *none = NULL;

	cr_assert_eq(key_to_der(key, &der, NULL), 0);
	secret_alloc(&longer, der.len + 1);
	memcpy(longer.data, der.data, der.len);
	cr_expect_eq(key_from_der(&longer, &none, NULL), -1);
	for (size_t len = 0; len < der.len; len++) {
		_cleanup_secret_ struct secret cut = SECRET_INIT;

		secret_set(&cut, der.data, len);
		cr_expect_eq(key_from_der(&cut, &none, NULL), -1, "%zu octets", len);
	}
	cr_expect_null(none);
}

static void *
sign_often(void *arg)
{
	for (int i = 0; i < 200; i++) {
		_cleanup_buf_ struct buf sig = BUF_INIT;
		_cleanup_secret_ struct secret pem = SECRET_INIT;

		if (key_jws_sign(arg, "text", 4, &sig, NULL) < 0 || verify(arg, "SHA256", &sig, "text") != 1 ||
			key_to_pem(arg, &pem, NULL) < 0)
			return arg;
	}
	return NULL;
}

Test(key, threads_may_share_a_key)
{
	_cleanup_key_ struct key *key = read_pem(VECTOR_RSA_PKCS8, NULL, NULL);
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, sign_often, key), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *failed = key;

		cr_assert_eq(pthread_join(threads[i], &failed), 0);
		cr_expect_null(failed);
	}
}

/* Whether memory [from, to) of this process holds @needle, read as a debugger would. */
static bool
region_holds(int mem, unsigned long from, unsigned long to, const struct secret *needle)
{
	static unsigned char page[65536];

	for (unsigned long at = from; at < to; at += sizeof(page) - needle->len) {
		size_t want = to - at < sizeof(page) ? to - at : sizeof(page);
		ssize_t n = pread(mem, page, want, (off_t)at);

		if (n > 0 && memmem(page, (size_t)n, needle->data, needle->len))
			return true;
	}
	return false;
}

/* Looks through all writable memory but the secure heap (and the sanitizers' huge shadows). */
static bool
ordinary_memory_holds(const struct secret *needle)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long heap = (unsigned long)needle->data;
	bool found = false;
	char line[512];

	cr_assert(maps && mem >= 0);
	while (!found && fgets(line, sizeof(line), maps)) {
		char *end;
		unsigned long from = strtoul(line, &end, 16);
		unsigned long to = strtoul(end + 1, &end, 16);

		if (strncmp(end, " rw", 3) == 0 && !(from <= heap && heap < to) && to - from < 1UL << 30)
			found = region_holds(mem, from, to, needle);
	}
	fclose(maps);
	close(mem);
	return found;
}

/* @last_first: the byte order of OpenSSL's big numbers on this machine. */
static void
scalar_of(const struct secret *der, bool last_first, struct secret *ret)
{
	enum { SCALAR_AT = 36, SCALAR_LEN = 32 }; /* in the PKCS#8 encoding of a P-256 key */

	secret_alloc(ret, SCALAR_LEN);
	for (size_t i = 0; i < SCALAR_LEN; i++)
		ret->data[i] = der->data[SCALAR_AT + (last_first ? SCALAR_LEN - 1 - i : i)];
}

Test(key, private_octets_are_nowhere_but_in_the_secure_heap)
{
	_cleanup_key_ struct key *key = NULL;
	_cleanup_secret_ struct secret der = SECRET_INIT;
	_cleanup_secret_ struct secret scalar = SECRET_INIT;
	_cleanup_secret_ struct secret number = SECRET_INIT;
	_cleanup_free_ char *canary = NULL;

	cr_assert_eq(key_generate(KEY_SECP256R1, &key, NULL), 0);
	cr_assert_eq(key_to_der(key, &der, NULL), 0);
	scalar_of(&der, false, &scalar);
	scalar_of(&der, true, &number);
	for (int i = 0; i < 3; i++) {
		_cleanup_key_ struct key *from_der = NULL;
		_cleanup_key_ struct key *from_pem = NULL;
		_cleanup_secret_ struct secret again = SECRET_INIT;
		_cleanup_secret_ struct secret pem = SECRET_INIT;
		_cleanup_buf_ struct buf sig = BUF_INIT;

		cr_assert_eq(key_from_der(&der, &from_der, NULL), 0);
		cr_assert_eq(key_to_pem(from_der, &pem, NULL), 0);
		cr_assert_eq(key_from_pem(&pem, NULL, &from_pem, NULL), 0);
		cr_assert_eq(key_to_der(from_pem, &again, NULL), 0);
		cr_assert_eq(key_jws_sign(from_pem, "text", 4, &sig, NULL), 0);
	}
	cr_expect_not(ordinary_memory_holds(&scalar));
	cr_expect_not(ordinary_memory_holds(&number));
	canary = xmemdup(scalar.data, scalar.len); /* and the search does find what is there */
	cr_expect(ordinary_memory_holds(&scalar));
}

Test(key, a_text_of_no_length_or_too_long_is_not_read)
{
	_cleanup_free_ char *large = xmalloc(KEY_PEM_MAX_OCTETS + 2);
	_cleanup_error_ struct error empty = ERROR_INIT, too_long = ERROR_INIT, longest = ERROR_INIT;

	memset(large, ' ', KEY_PEM_MAX_OCTETS + 1);
	large[KEY_PEM_MAX_OCTETS + 1] = '\0';
	cr_expect_null(read_pem("", NULL, &empty));
	cr_expect_not_null(strstr(empty.message, "its length is 0 octets"), "%s", empty.message);
	cr_expect_null(read_pem(large, NULL, &too_long));
	cr_expect_not_null(strstr(too_long.message, "its length is"), "%s", too_long.message);
	large[KEY_PEM_MAX_OCTETS] = '\0';
	cr_expect_null(read_pem(large, NULL, &longest));
	cr_expect_null(strstr(longest.message, "its length is"), "%s", longest.message);
}

/* --- keys that are held elsewhere --- */

#define PLACE "pkcs11:token=tls;object=www"

Test(key, one_that_is_held_elsewhere_is_described_but_never_used)
{
	static const enum key_algorithm kinds[] = { KEY_SECP256R1, KEY_SECP384R1, KEY_RSA2048, KEY_SECP521R1,
		KEY_ED25519 };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_key_ struct key *key = NULL, *held = NULL, *again = NULL;
		_cleanup_buf_ struct buf spki = BUF_INIT, signature = BUF_INIT, none = BUF_INIT;
		_cleanup_secret_ struct secret stored = SECRET_INIT, here = SECRET_INIT, pem = SECRET_INIT;
		_cleanup_free_ char *thumbprint = NULL, *thumbprint_again = NULL;

		cr_assert_eq(key_generate(kinds[i], &key, NULL), 0);
		cr_assert_eq(key_spki(key, &spki, NULL), 0);
		cr_assert_eq(key_new_held(PLACE, spki.data, spki.len, &held, &err), 0, "%s", err.message);
		cr_assert_eq(key_to_der(held, &stored, NULL), 0);
		cr_expect_str_eq(key_der_place(&stored), PLACE);
		cr_assert_eq(key_from_der(&stored, &again, NULL), 0);
		cr_expect_str_eq(key_place(again), PLACE);
		cr_expect(key_is_in_token(again) && !key_is_in_token(key));
		cr_expect_eq(key_algorithm_of(again), kinds[i]);
		thumbprint = key_thumbprint(key, NULL);
		thumbprint_again = key_thumbprint(again, NULL);
		cr_expect_str_eq(thumbprint, thumbprint_again);

		cr_expect_eq(key_sign(again, "abc", 3, &none, &err), -1);
		cr_expect_eq(err.code, ERROR_STATE);
		cr_expect(strstr(err.message, "never leaves its token: " PLACE), "%s", err.message);
		cr_expect_eq(key_to_pem(again, &pem, NULL), -1);
		cr_expect_eq(key_der_to_pem(&stored, &pem, NULL), -1);
		cr_expect_eq(key_der_check_here(&stored, NULL), -1);
		cr_expect_eq(none.len + pem.len, 0);

		cr_assert_eq(key_sign(key, "abc", 3, &signature, NULL), 0);
		cr_expect_eq(key_verify(again, "abc", 3, &signature, NULL), 0);
		cr_expect_eq(key_verify(again, "abd", 3, &signature, NULL), -1);
		cr_assert_eq(key_to_der(key, &here, NULL), 0);
		cr_expect_null(key_der_place(&here));
		cr_expect_eq(key_der_check_here(&here, NULL), 0);
	}
}

Test(key, a_place_without_its_public_half_is_refused)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ PLACE, sizeof(PLACE) },
		{ PLACE "\0x", sizeof(PLACE) + 1 },
		{ PLACE, sizeof(PLACE) - 1 },
		{ "p", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret stored = SECRET_INIT;
		_cleanup_key_ struct key *key = NULL;

		secret_set(&stored, cases[i].text, cases[i].len);
		cr_expect_eq(key_from_der(&stored, &key, NULL), -1, "case %zu", i);
		cr_expect_null(key);
	}
}

/* RFC 8037 appendix A.2 and A.3. */
Test(key, the_jwk_and_thumbprint_of_ed25519_are_those_of_the_rfc)
{
	static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
				  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
				  "-----END PRIVATE KEY-----\n";
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_free_ char *thumbprint = NULL;
	_cleanup_buf_ struct buf jwk = BUF_INIT;

	key = read_pem(pem, NULL, &err);
	cr_assert_not_null(key, "%s", err.message);
	cr_assert_eq(key_jwk(key, &jwk, NULL), 0);
	cr_expect_str_eq(buf_str(&jwk),
		"{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
	thumbprint = key_thumbprint(key, NULL);
	cr_expect_str_eq(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}
