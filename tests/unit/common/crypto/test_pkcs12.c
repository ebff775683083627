#include "common/crypto/pkcs12.h"

#include "common/buf.h"
#include "common/crypto/pbe_cost.h"
#include "common/error.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_mini_ _cleanup_(mini_clear)

static const struct mini_spec ordinary = { .cn = "a.example", .san = "DNS:a.example" };

static void
set(struct secret *s, const char *text)
{
	secret_set(s, text, strlen(text));
}

Test(pkcs12, what_was_written_is_read_back_with_its_password_only)
{
	static const char *const wrong[] = { "", "other", "passwort", "password " };
	_cleanup_mini_ struct mini_cert ca = { 0 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_buf_ struct buf back = BUF_INIT;
	_cleanup_secret_ struct secret password = SECRET_INIT;
	_cleanup_secret_ struct secret der = SECRET_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	unsigned char before[32], after[32];

	mini_make_ca(&ca, "Mini CA", NULL);
	mini_make(&leaf, &ordinary, &ca);
	mini_pem(&leaf, &pem);
	mini_pem(&ca, &pem);
	set(&password, "password");
	cr_assert_eq(pkcs12_write(leaf.key, &pem, "a", &password, &der, &err), 0, "%s", err.message);
	cr_assert_eq(pkcs12_read(&der, &password, &key, &back, &err), 0, "%s", err.message);
	key_spki_sha256(leaf.key, before, NULL);
	key_spki_sha256(key, after, NULL);
	cr_expect_arr_eq(before, after, sizeof(before));
	cr_expect_str_eq(buf_str(&back), buf_str(&pem));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_error_ struct error why = ERROR_INIT;
		_cleanup_key_ struct key *none = NULL;

		set(&password, wrong[i]);
		cr_expect_eq(pkcs12_read(&der, &password, &none, &back, &why), -1, "'%s'", wrong[i]);
		cr_expect_eq(why.code, ERROR_INVALID);
		cr_expect_str_eq(why.field, "password");
	}
}

/* @iterations: of the key's and the MAC's derivation; @key: NULL: certificates alone. */
static void
make(const struct mini_cert *c, struct key *key, const char *password, int iterations, struct secret *ret)
{
	PKCS12 *p12 = PKCS12_create(
		password, "a", key ? key_evp(key) : NULL, c->cert, NULL, 0, 0, iterations, iterations, 0);
	unsigned char *der = NULL;
	int len = i2d_PKCS12(p12, &der);

	cr_assert_gt(len, 0);
	secret_set(ret, der, (size_t)len);
	OPENSSL_free(der);
	PKCS12_free(p12);
}

Test(pkcs12, no_password_and_an_empty_one_are_tried_when_none_is_given)
{
	static const char *const passwords[] = { NULL, "" };
	_cleanup_mini_ struct mini_cert leaf = { 0 };

	mini_make(&leaf, &ordinary, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(passwords); i++) {
		_cleanup_secret_ struct secret der = SECRET_INIT;
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;

		make(&leaf, leaf.key, passwords[i], 1, &der);
		cr_expect_eq(pkcs12_read(&der, NULL, &key, &pem, &err), 0, "%zu: %s", i, err.message);
	}
}

Test(pkcs12, a_mac_that_is_too_dear_is_refused_before_it_is_tried)
{
	static const int64_t counts[] = { PBE_BUDGET + 1, INT32_MAX, 0, -1 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_secret_ struct secret password = SECRET_INIT;

	mini_make(&leaf, &ordinary, NULL);
	set(&password, "p");
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		_cleanup_secret_ struct secret der = SECRET_INIT;
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;
		const ASN1_INTEGER *iterations;
		const unsigned char *from;
		unsigned char *to = NULL;
		PKCS12 *p12;
		int len;

		make(&leaf, leaf.key, "p", 2, &der);
		from = der.data;
		p12 = d2i_PKCS12(NULL, &from, (long)der.len);
		PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p12);
		cr_assert_eq(ASN1_INTEGER_set_int64((ASN1_INTEGER *)iterations, counts[i]), 1);
		len = i2d_PKCS12(p12, &to);
		secret_set(&der, to, (size_t)len);
		OPENSSL_free(to);
		PKCS12_free(p12);
		cr_expect_eq(pkcs12_read(&der, &password, &key, &pem, &err), -1, "%zu", i);
		cr_expect_str_eq(err.field, "pkcs12", "%zu: %s", i, err.message);
	}
}

Test(pkcs12, a_key_that_is_too_dear_to_open_is_refused_before_it_is_tried)
{
	static const int counts[] = { 1000, PBE_BUDGET + 1 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_secret_ struct secret password = SECRET_INIT;

	mini_make(&leaf, &ordinary, NULL);
	set(&password, "p");
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		X509_ALGOR *algor = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), counts[i], NULL, 0, NULL, -1);
		_cleanup_error_ struct error err = ERROR_INIT;
		int64_t budget = PBE_BUDGET;

		cr_expect_eq(pbe_cost_take(algor, &budget, &err), i ? -1 : 0);
		cr_expect_eq(budget, PBE_BUDGET - (i ? 0 : counts[i]));
		X509_ALGOR_free(algor);
	}
}

Test(pkcs12, what_is_no_file_with_one_key_is_refused)
{
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_secret_ struct secret whole = SECRET_INIT;
	_cleanup_secret_ struct secret password = SECRET_INIT;

	mini_make(&leaf, &ordinary, NULL);
	set(&password, "p");
	for (size_t i = 0; i < 5; i++) {
		_cleanup_secret_ struct secret der = SECRET_INIT;
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;

		make(&leaf, i == 0 ? NULL : leaf.key, "p", 1, &whole);
		secret_alloc(&der, i == 4 ? PKCS12_MAX_OCTETS + 1 : whole.len + 1);
		memcpy(der.data, whole.data, whole.len);
		switch (i) {
		case 0: /* no key */
			der.len = whole.len;
			break;
		case 1: /* cut */
			der.len = whole.len - 1;
			break;
		case 2: /* something behind */
			break;
		case 3: /* no DER */
			der.data[0] = 'x';
			break;
		default: /* too large */
			break;
		}
		cr_expect_eq(pkcs12_read(&der, &password, &key, &pem, &err), -1, "%zu", i);
		cr_expect_eq(err.code, ERROR_INVALID, "%zu", i);
		cr_expect_str_eq(err.field, "pkcs12", "%zu: %s", i, err.message);
		if (i == 0 || i == 1 || i == 3)
			der.len = whole.len + 1; /* released as it was made */
	}
}

/* A file without a MAC: the key by @key_nid, the certificate by @cert_nid, both under @password. */
static void
make_without_mac(const struct mini_cert *c, const char *password, int key_nid, int cert_nid, struct secret *ret)
{
	PKCS12 *p12 = PKCS12_create(password, "a", key_evp(c->key), c->cert, NULL, key_nid, cert_nid, 2, -1, 0);
	unsigned char *der = NULL;
	int len = i2d_PKCS12(p12, &der);

	cr_assert_gt(len, 0);
	cr_assert(!PKCS12_mac_present(p12));
	secret_set(ret, der, (size_t)len);
	OPENSSL_free(der);
	PKCS12_free(p12);
}

Test(pkcs12, a_file_without_a_mac_is_opened_by_its_password_or_without_one)
{
	static const struct {
		const char *made_with, *given; /* NULL: none */
		int key_nid, cert_nid;
		bool is_opened;
	} cases[] = {
		{ "", NULL, 0, 0, true },
		{ "", NULL, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, true },
		{ NULL, NULL, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, true },
		{ NULL, NULL, -1, -1, true },
		{ "changeit", "changeit", NID_pbe_WithSHA1And3_Key_TripleDES_CBC, -1, true },
		{ "changeit", "changeit", 0, 0, true },
		{ "changeit", "changed", 0, 0, false },
		{ "changeit", NULL, 0, 0, false },
		{ "changeit", "changed", NID_pbe_WithSHA1And3_Key_TripleDES_CBC, -1, false },
	};
	_cleanup_mini_ struct mini_cert leaf = { 0 };

	mini_make(&leaf, &ordinary, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret der = SECRET_INIT;
		_cleanup_secret_ struct secret password = SECRET_INIT;
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_buf_ struct buf want = BUF_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc;

		make_without_mac(&leaf, cases[i].made_with, cases[i].key_nid, cases[i].cert_nid, &der);
		if (cases[i].given)
			set(&password, cases[i].given);
		rc = pkcs12_read(&der, &password, &key, &pem, &err);
		cr_expect_eq(rc, cases[i].is_opened ? 0 : -1, "%zu: %s", i, err.message);
		cr_expect_eq(error_is_set(&err), !cases[i].is_opened, "%zu: %s", i, err.message);
		mini_pem(&leaf, &want);
		if (cases[i].is_opened)
			cr_expect_str_eq(buf_str(&pem), buf_str(&want), "%zu", i);
		else
			cr_expect_str_eq(err.field, "password", "%zu: %s", i, err.message);
	}
}

Test(pkcs12, a_mac_of_rfc_9579_is_no_wrong_password)
{
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_secret_ struct secret password = SECRET_INIT;

	mini_make(&leaf, &ordinary, NULL);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_secret_ struct secret der = SECRET_INIT;
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;
		const X509_ALGOR *algor;
		const unsigned char *from;
		unsigned char *to = NULL;
		PKCS12 *p12;
		int len;

		make(&leaf, leaf.key, "changeit", 2, &der);
		from = der.data;
		p12 = d2i_PKCS12(NULL, &from, (long)der.len);
		PKCS12_get0_mac(NULL, &algor, NULL, NULL, p12);
		X509_ALGOR_set0((X509_ALGOR *)algor, OBJ_txt2obj("1.2.840.113549.1.5.14", 1), V_ASN1_NULL, NULL);
		len = i2d_PKCS12(p12, &to);
		secret_set(&der, to, (size_t)len);
		OPENSSL_free(to);
		PKCS12_free(p12);
		set(&password, i ? "wrong" : "changeit");
		cr_expect_eq(pkcs12_read(&der, &password, &key, &pem, &err), i ? -1 : 0, "%s", err.message);
	}
}

/* A file of these parts in the clear, without a MAC; certificates are in safes of their own, @safes at least. */
static void
make_of_parts(const struct mini_cert *c, int certs, int keys, int others, int safes, struct secret *ret)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	STACK_OF(PKCS7) *all = NULL;
	ASN1_TIME *now = ASN1_TIME_set(NULL, MINI_NOW);
	X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	PKCS12 *p12;
	int len;

	X509_CRL_set_issuer_name(crl, X509_get_subject_name(c->cert));
	X509_CRL_set1_lastUpdate(crl, now);
	cr_assert_gt(X509_CRL_sign(crl, key_evp(c->key), EVP_sha256()), 0);
	for (int i = 0; i < certs; i++)
		cr_assert_not_null(PKCS12_add_cert(&bags, c->cert));
	for (int i = 0; i < keys; i++)
		cr_assert_not_null(PKCS12_add_key(&bags, key_evp(c->key), 0, 0, -1, NULL));
	for (int i = 0; i < others; i++)
		cr_assert_gt(sk_PKCS12_SAFEBAG_push(bags, PKCS12_SAFEBAG_create_crl(crl)), 0);
	cr_assert_eq(PKCS12_add_safe(&all, bags, -1, 0, NULL), 1);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	X509_CRL_free(crl);
	ASN1_TIME_free(now);
	for (int i = 1; i < safes; i++) {
		bags = sk_PKCS12_SAFEBAG_new_null();
		cr_assert_eq(PKCS12_add_safe(&all, bags, -1, 0, NULL), 1);
		sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	}
	p12 = PKCS12_add_safes(all, 0);
	sk_PKCS7_pop_free(all, PKCS7_free);
	len = i2d_PKCS12(p12, &der);
	cr_assert_gt(len, 0);
	secret_set(ret, der, (size_t)len);
	OPENSSL_free(der);
	PKCS12_free(p12);
}

Test(pkcs12, its_parts_are_counted_and_of_other_kinds_none_is_read)
{
	static const struct {
		int certs, keys, others, safes;
		const char *says; /* NULL: it is read */
	} cases[] = {
		{ 1, 1, 0, 1, NULL },
		{ 10, 1, 0, 1, NULL },
		{ 11, 1, 0, 1, "contains more than 10 certificates" },
		{ 1, 0, 0, 1, "does not contain a private key" },
		{ 0, 1, 0, 1, "does not contain a certificate" },
		{ 1, 2, 0, 1, "contains more than one private key" },
		{ 1, 1, 5, 1, NULL },
		{ 1, 1, 30, 1, NULL },
		{ 1, 1, 31, 1, "contains too many parts" },
		{ 1, 1, 0, 8, NULL },
		{ 1, 1, 0, 9, "contains too many parts" },
	};
	_cleanup_mini_ struct mini_cert leaf = { 0 };

	mini_make(&leaf, &ordinary, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret der = SECRET_INIT;
		_cleanup_buf_ struct buf pem = BUF_INIT, want = BUF_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *says = NULL;

		make_of_parts(&leaf, cases[i].certs, cases[i].keys, cases[i].others, cases[i].safes, &der);
		cr_expect_eq(
			pkcs12_read(&der, NULL, &key, &pem, &err), cases[i].says ? -1 : 0, "%zu: %s", i, err.message);
		for (int k = 0; !cases[i].says && k < cases[i].certs; k++)
			mini_pem(&leaf, &want);
		cr_expect_str_eq(buf_str(&pem), buf_str(&want), "%zu", i);
		cr_expect_eq(key == NULL, cases[i].says != NULL, "%zu", i);
		if (!cases[i].says)
			continue;
		says = xasprintf("the PKCS#12 file %s", cases[i].says);
		cr_expect_str_eq(err.message, says, "%zu: %s", i, err.message);
		cr_expect_str_eq(err.field, "pkcs12", "%zu", i);
	}
}
