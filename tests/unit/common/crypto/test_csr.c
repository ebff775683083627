#include "common/buf.h"
#include "common/crypto/csr.h"
#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/error.h"
#include "common/strlist.h"
#include "tests/unit/common/crypto/csr_vectors.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static X509_REQ *
make(const char *names, enum key_algorithm alg, struct key **ret_key)
{
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT;
	const unsigned char *p;
	X509_REQ *req;

	strlist_split(&list, names, ' ');
	cr_assert_eq(key_generate(alg, ret_key, NULL), 0);
	cr_assert_eq(csr_make(*ret_key, &(struct csr_content){ .names = &list }, &der, NULL), 0);
	p = (const unsigned char *)der.data;
	req = d2i_X509_REQ(NULL, &p, (long)der.len);
	cr_assert_not_null(req);
	cr_expect_eq(p, (const unsigned char *)der.data + der.len);
	return req;
}

/* The SAN as "DNS:a DNS:b IP:..". Owned by the caller. */
static char *
san_text(X509_REQ *req)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	_cleanup_(ossl_general_names_freep)
		GENERAL_NAMES *gens = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	struct buf text = BUF_INIT;

	cr_expect_eq(sk_X509_EXTENSION_num(exts), 1);
	for (int i = 0; i < sk_GENERAL_NAME_num(gens); i++) {
		int type;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(gens, i), &type);
		char ip[INET6_ADDRSTRLEN];

		if (type == GEN_DNS)
			buf_printf(&text, "%sDNS:%s", i ? " " : "", ASN1_STRING_get0_data(value));
		else
			buf_printf(&text, "%sIP:%s", i ? " " : "",
				inet_ntop(ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6,
					ASN1_STRING_get0_data(value), ip, sizeof(ip)));
	}
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return buf_steal(&text);
}

Test(csr, has_exactly_the_names_and_a_common_name_where_one_fits)
{
	static const struct {
		const char *names, *cn, *san;
	} cases[] = {
		{ "example.com", "example.com", "DNS:example.com" },
		{ "*.example.com example.com", "*.example.com", "DNS:*.example.com DNS:example.com" },
		{ "192.0.2.1 example.com", "", "IP:192.0.2.1 DNS:example.com" },
		{ "example.com 2001:db8::1", "example.com", "DNS:example.com IP:2001:db8::1" },
		{ "a23456789012345678901234567890123456789012345678901234567890.abc",
			"a23456789012345678901234567890123456789012345678901234567890.abc",
			"DNS:a23456789012345678901234567890123456789012345678901234567890.abc" },
		{ "a23456789012345678901234567890123456789012345678901234567890.abcd", "",
			"DNS:a23456789012345678901234567890123456789012345678901234567890.abcd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_key_ struct key *key = NULL;
		_cleanup_(ossl_x509_req_freep) X509_REQ *req = make(cases[i].names, KEY_SECP256R1, &key);
		_cleanup_free_ char *san = san_text(req);
		char cn[128] = "";

		X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(req), NID_commonName, cn, sizeof(cn));
		cr_expect_str_eq(cn, cases[i].cn);
		cr_expect_eq(X509_NAME_entry_count(X509_REQ_get_subject_name(req)), *cases[i].cn ? 1 : 0);
		cr_expect_str_eq(san, cases[i].san);
	}
}

Test(csr, is_signed_by_its_key)
{
	static const enum key_algorithm algs[] = { KEY_SECP256R1, KEY_SECP384R1, KEY_RSA2048, KEY_SECP521R1,
		KEY_ED25519 };

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		_cleanup_key_ struct key *key = NULL;
		_cleanup_(ossl_x509_req_freep) X509_REQ *req = make("example.com", algs[i], &key);

		cr_expect_eq(X509_REQ_verify(req, key_evp(key)), 1);
		cr_expect_eq(EVP_PKEY_eq(X509_REQ_get0_pubkey(req), key_evp(key)), 1);
		cr_expect_eq(X509_REQ_get_version(req), 0);
	}
}

Test(csr, without_a_name_is_refused)
{
	_cleanup_key_ struct key *key = NULL;
	struct strlist none = STRLIST_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT;

	cr_assert_eq(key_generate(KEY_SECP256R1, &key, NULL), 0);
	cr_expect_eq(csr_make(key, &(struct csr_content){ .names = &none }, &der, NULL), -1);
	cr_expect_eq(der.len, 0);
}

Test(csr, demands_stapling_if_asked_to)
{
	static const unsigned char feature[] = { 0x30, 0x03, 0x02, 0x01, 0x05 }; /* RFC 7633 s3: status_request */
	_cleanup_key_ struct key *key = NULL;
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	strlist_add(&names, "example.com");
	cr_assert_eq(key_generate(KEY_SECP256R1, &key, NULL), 0);
	for (int must_staple = 0; must_staple <= 1; must_staple++) {
		const struct csr_content content = { .names = &names, .must_staple = must_staple };
		_cleanup_(ossl_x509_req_freep) X509_REQ *req = NULL;
		_cleanup_buf_ struct buf der = BUF_INIT;
		STACK_OF(X509_EXTENSION) * exts;
		const ASN1_STRING *value;
		const unsigned char *p;
		int at;

		cr_assert_eq(csr_make(key, &content, &der, NULL), 0);
		p = (const unsigned char *)der.data;
		req = d2i_X509_REQ(NULL, &p, (long)der.len);
		exts = X509_REQ_get_extensions(req);
		at = X509v3_get_ext_by_NID(exts, NID_tlsfeature, -1);
		cr_expect_eq(at >= 0, must_staple);
		cr_expect_eq(sk_X509_EXTENSION_num(exts), 1 + must_staple);
		if (at >= 0) {
			value = X509_EXTENSION_get_data(X509v3_get_ext(exts, at));
			cr_assert_eq(ASN1_STRING_length(value), (int)sizeof(feature));
			cr_expect_arr_eq(ASN1_STRING_get0_data(value), feature, sizeof(feature));
		}
		sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	}
}

Test(csr, is_finished_with_a_signature_from_elsewhere)
{
	static const enum key_algorithm algs[] = { KEY_SECP256R1, KEY_SECP384R1, KEY_RSA2048, KEY_SECP521R1,
		KEY_ED25519 };

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		_cleanup_key_ struct key *key = NULL, *held = NULL;
		_cleanup_strlist_ struct strlist names = STRLIST_INIT;
		_cleanup_buf_ struct buf spki = BUF_INIT, input = BUF_INIT, signature = BUF_INIT, der = BUF_INIT;
		_cleanup_(ossl_x509_req_freep) X509_REQ *req = NULL;
		_cleanup_free_ char *san = NULL;
		const unsigned char *p;

		const struct csr_content content = { .names = &names };

		strlist_split(&names, "example.com www.example.com", ' ');
		cr_assert_eq(key_generate(algs[i], &key, NULL), 0);
		cr_assert_eq(key_spki(key, &spki, NULL), 0);
		cr_assert_eq(key_new_held("pkcs11:token=tls;object=www", spki.data, spki.len, &held, NULL), 0);
		cr_assert_eq(csr_to_sign(held, &content, &input, NULL), 0);
		cr_assert_eq(key_sign(key, input.data, input.len, &signature, NULL), 0);
		cr_assert_eq(csr_finish(held, &content, &signature, &der, NULL), 0);
		p = (const unsigned char *)der.data;
		req = d2i_X509_REQ(NULL, &p, (long)der.len);
		cr_assert_not_null(req);
		cr_expect_eq(X509_REQ_verify(req, key_evp(key)), 1, "algorithm %zu", i);
		san = san_text(req);
		cr_expect_str_eq(san, "DNS:example.com DNS:www.example.com");
	}
}

/* --- requests from elsewhere --- */

Test(csr, a_request_from_elsewhere_is_read_with_its_names_and_its_key)
{
	static const struct {
		const char *pem, *names, *algorithm;
	} cases[] = {
		{ CSR_TWO_NAMES, "www.example.com *.example.com", "secp256r1" },
		{ CSR_WITH_SUBJECT, "a.example.com b.example.com", "secp256r1" },
		{ CSR_RSA, "192.0.2.1 example.com", "rsa2048" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *names = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_csr_ struct csr csr = { .key = NULL };
		_cleanup_(ossl_x509_req_freep) X509_REQ *req = NULL;
		const unsigned char *p;

		cr_assert_eq(csr_read(cases[i].pem, strlen(cases[i].pem), &csr, &err), 0, "%s", err.message);
		names = strlist_join(&csr.names, " ");
		cr_expect_str_eq(names, cases[i].names);
		cr_expect_str_eq(key_algorithm_name(key_algorithm_of(csr.key)), cases[i].algorithm);
		cr_expect_str_eq(key_place(csr.key), KEY_PLACE_REQUEST);
		p = (const unsigned char *)csr.der.data;
		req = d2i_X509_REQ(NULL, &p, (long)csr.der.len);
		cr_expect_eq(X509_REQ_verify(req, key_evp(csr.key)), 1);
	}
}

Test(csr, one_that_no_ca_would_accept_is_refused_with_the_reason)
{
	static const struct {
		const char *pem, *why;
	} cases[] = {
		{ CSR_NO_NAMES, "has no subject alternative names" },
		{ CSR_OTHER_SUBJECT, "common name" },
		{ CSR_MAIL, "neither DNS names" },
		{ CSR_RSA_1024, "1024 bits" },
		{ CSR_ED448, "ED448" },
		{ CSR_TWO_NAMES CSR_RSA, "another PEM block" },
		{ "-----BEGIN CERTIFICATE REQUEST-----\n", "not a certificate request" },
		{ "", "not a certificate request" },
	};
	_cleanup_free_ char *forged = xstrdup(CSR_TWO_NAMES), *large = xcalloc(1, CSR_PEM_MAX_OCTETS + 1);
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_csr_ struct csr csr = { .key = NULL };
	char *last = strstr(forged, "-----END") - 6; /* inside the signature */

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_expect_eq(csr_read(cases[i].pem, strlen(cases[i].pem), &csr, &err), -1, "case %zu", i);
		cr_expect(err.code == ERROR_INVALID && strstr(err.message, cases[i].why), "%s", err.message);
		cr_expect(!csr.key && !csr.der.len && !csr.names.count);
	}
	*last = *last == 'A' ? 'B' : 'A';
	cr_expect_eq(csr_read(forged, strlen(forged), &csr, &err), -1);
	cr_expect(strstr(err.message, "signature") || strstr(err.message, "damaged"), "%s", err.message);
	memset(large, '\n', CSR_PEM_MAX_OCTETS + 1);
	cr_expect_eq(csr_read(large, CSR_PEM_MAX_OCTETS + 1, &csr, &err), -1);
	cr_expect(strstr(err.message, "has more than 32768 octets"), "%s", err.message);
}

/* @label instead of "CERTIFICATE REQUEST", at both ends; owned by the caller. */
static char *
relabel(const char *label)
{
	static const char usual[] = "CERTIFICATE REQUEST";
	struct buf text = BUF_INIT;
	const char *at = CSR_TWO_NAMES, *found;

	for (; (found = strstr(at, usual)); at = found + strlen(usual)) {
		buf_add(&text, at, (size_t)(found - at));
		buf_add_str(&text, label);
	}
	buf_add_str(&text, at);
	return buf_steal(&text);
}

Test(csr, only_the_two_labels_of_a_request_are_taken)
{
	static const struct {
		const char *label;
		bool is_good;
	} cases[] = {
		{ "CERTIFICATE REQUEST", true },
		{ "NEW CERTIFICATE REQUEST", true },
		{ "CERTIFICATE REQUESX", false },
		{ "CERTIFICATE", false },
		{ "CERTIFICATE REQUESTS", false },
		{ "OLD CERTIFICATE REQUEST", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = relabel(cases[i].label);
		_cleanup_csr_ struct csr csr = { .key = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(csr_read(text, strlen(text), &csr, &err), cases[i].is_good ? 0 : -1, "%s: %s",
			cases[i].label, err.message);
	}
}
