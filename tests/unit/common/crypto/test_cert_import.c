#include "common/crypto/cert_import.h"

#include "common/crypto/pkcs12.h"
#include "common/error.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static const struct mini_spec server = { .cn = "a.example",
	.san = "DNS:a.example,DNS:b.example",
	.basic_constraints = "CA:FALSE",
	.extended_key_usage = "serverAuth",
	.authority_key_id = "keyid" };

/* root signs one, one signs two, two signs the leaf; stranger is another root. */
struct family {
	struct mini_cert root, one, two, leaf, stranger;
};

static void
family_make(struct family *f)
{
	mini_make_ca(&f->root, "Root", NULL);
	mini_make_ca(&f->one, "One", &f->root);
	mini_make_ca(&f->two, "Two", &f->one);
	mini_make(&f->leaf, &server, &f->two);
	mini_make_ca(&f->stranger, "Stranger", NULL);
}

static void
family_clear(struct family *f)
{
	mini_clear(&f->root);
	mini_clear(&f->one);
	mini_clear(&f->two);
	mini_clear(&f->leaf);
	mini_clear(&f->stranger);
}

static const struct mini_cert *
member(const struct family *f, char c)
{
	switch (c) {
	case 'r':
		return &f->root;
	case '1':
		return &f->one;
	case '2':
		return &f->two;
	case 'L':
		return &f->leaf;
	default:
		return &f->stranger;
	}
}

/* "L21": PEM of those, in that order. Owned by the caller. */
static char *
pem_of(const struct family *f, const char *who)
{
	struct buf pem = BUF_INIT;

	for (; *who; who++)
		mini_pem(member(f, *who), &pem);
	return buf_steal(&pem);
}

/* PEM of a key, under @password if there is one. */
static void
key_pem(const struct key *key, const char *password, struct secret *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(bio, key_evp(key), password ? EVP_aes_128_cbc() : NULL, password,
			     password ? (int)strlen(password) : 0, NULL, NULL),
		1);
	len = BIO_get_mem_data(bio, &data);
	secret_set(ret, data, (size_t)len);
	BIO_free(bio);
}

static const char *const cross_orders[] = { "isx", "ixs", "ixos", "siox", "xois", "oixs" };

/* The intermediate i, the new root self-signed (s) and signed by the old one (x), the old root (o). */
Test(cert_import, both_halves_of_a_cross_signed_root_belong_to_the_chain)
{
	struct mini_cert old = { 0 }, self = { 0 }, cross = { 0 }, inter = { 0 }, leaf = { 0 }, stranger = { 0 };
	_cleanup_secret_ struct secret key = SECRET_INIT;

	mini_make_ca(&old, "Old Root", NULL);
	mini_make_ca(&self, "New Root", NULL);
	mini_cross_sign(&cross, &self, &old);
	mini_make_ca(&inter, "Intermediate", &self);
	mini_make(&leaf, &server, &inter);
	mini_make_ca(&stranger, "Stranger", NULL);
	key_pem(leaf.key, NULL, &key);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cross_orders); i++) {
		_cleanup_(cert_import_clear) struct cert_import c = { 0 };
		_cleanup_buf_ struct buf certificate = BUF_INIT;
		_cleanup_buf_ struct buf chain = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		bool has_stranger = i >= ARRAY_SIZE(cross_orders);
		struct cert_import_in in = { .private_key = &key, .now = MINI_NOW };

		mini_pem(&leaf, &certificate);
		for (const char *p = cross_orders[i % ARRAY_SIZE(cross_orders)]; *p; p++)
			mini_pem(*p == 'i' ? &inter : *p == 's' ? &self : *p == 'x' ? &cross : &old, &chain);
		if (has_stranger)
			mini_pem(&stranger, &chain);
		in.certificate = buf_str(&certificate);
		in.chain = buf_str(&chain);
		cr_expect_eq(cert_import(&in, &c, &err), has_stranger ? -1 : 0, "%zu: %s", i, err.message);
		if (has_stranger)
			cr_expect(strstr(err.message, "'Stranger' is not part"), "%zu: %s", i, err.message);
	}
	mini_clear(&old);
	mini_clear(&self);
	mini_clear(&cross);
	mini_clear(&inter);
	mini_clear(&leaf);
	mini_clear(&stranger);
}

Test(cert_import, the_chain_is_put_in_order_and_what_does_not_belong_is_refused)
{
	static const struct {
		const char *certificate, *chain, *want; /* @want: the chain behind the leaf; NULL: refused */
		const char *message;                    /* what a refusal has in it */
	} cases[] = {
		{ "L", "21", "21", NULL }, { "L", "12", "21", NULL }, { "L", "r12", "21r", NULL },
		{ "12L", NULL, "21", NULL }, { "2", "L1", "21", NULL }, { "LL2", "122", "21", NULL },
		{ "L2", NULL, "2", NULL }, /* it is not known how far the chain goes */
		{ "L", NULL, NULL, "CN=Two" }, { "L", "1", NULL, "CN=Two" },
		{ "L", "2s", NULL, "'Stranger' is not part" }, { "L", "21rs", NULL, "'Stranger' is not part" },
		{ "2", "1", NULL, "not belong to any" }, { "s", NULL, NULL, "not belong to the certificate" },
		{ "L", "21r2121r21", "21r", NULL }, /* doubles count until they are read: 11 blocks */
	};
	struct family f = { 0 };
	_cleanup_secret_ struct secret key = SECRET_INIT;

	family_make(&f);
	key_pem(f.leaf.key, NULL, &key);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *certificate = pem_of(&f, cases[i].certificate);
		_cleanup_free_ char *chain = cases[i].chain ? pem_of(&f, cases[i].chain) : NULL;
		_cleanup_free_ char *want = cases[i].want ? pem_of(&f, cases[i].want) : NULL;
		const struct cert_import_in in = {
			.certificate = certificate, .chain = chain, .private_key = &key, .now = MINI_NOW
		};
		_cleanup_(cert_import_clear) struct cert_import got = { 0 };
		_cleanup_error_ struct error err = ERROR_INIT;
		bool too_many = strlen(cases[i].certificate) + (chain ? strlen(cases[i].chain) : 0) >
				X509_CHAIN_MAX_CERTS;
		int rc = cert_import(&in, &got, &err);

		if (!want || too_many) {
			cr_expect_eq(rc, -1, "%zu", i);
			cr_expect_eq(err.code, ERROR_INVALID, "%zu", i);
			cr_expect_not_null(strstr(err.message, too_many ? "more than 10" : cases[i].message), "%zu: %s",
				i, err.message);
			continue;
		}
		cr_assert_eq(rc, 0, "%zu: %s", i, err.message);
		cr_expect_str_eq(buf_str(&got.chain_pem), want, "%zu", i);
		cr_expect_str_eq(got.common_name, "a.example");
		cr_expect_eq(got.info.names.count, 2);
	}
	family_clear(&f);
}

Test(cert_import, an_issuer_by_name_that_did_not_sign_is_no_issuer)
{
	struct family f = { 0 };
	struct mini_cert other = { 0 };
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_buf_ struct buf chain = BUF_INIT;
	_cleanup_free_ char *certificate = NULL;
	_cleanup_(cert_import_clear) struct cert_import got = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct mini_spec spec = server;
	struct cert_import_in in = { .private_key = &key, .now = MINI_NOW };

	family_make(&f);
	spec.authority_key_id = NULL;
	mini_clear(&f.leaf);
	mini_make(&f.leaf, &spec, &f.two);
	mini_make_ca(&other, "Two", NULL); /* same name, another key */
	mini_pem(&other, &chain);
	key_pem(f.leaf.key, NULL, &key);
	certificate = pem_of(&f, "L");
	in.certificate = certificate;
	in.chain = buf_str(&chain);
	cr_expect_eq(cert_import(&in, &got, &err), -1);
	cr_expect_not_null(strstr(err.message, "was not signed by it"), "%s", err.message);
	mini_clear(&other);
	family_clear(&f);
}

/* The same where it may be unfit: taken, and @message is one of its doubts. All of them are self-signed. */
static void
expect_doubts(const struct cert_import_in *refusing, const char *message, size_t i)
{
	struct cert_import_in in = *refusing;
	_cleanup_(cert_import_clear) struct cert_import got = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *all = NULL;

	in.may_be_unfit = true;
	cr_assert_eq(cert_import(&in, &got, &err), 0, "%zu: %s", i, err.message);
	all = strlist_join(&got.doubts, "; ");
	cr_expect_not_null(strstr(all, "is self-signed"), "%zu: %s", i, all);
	cr_expect_eq(got.doubts.count, message ? 2 : 1, "%zu: %s", i, all);
	cr_expect(!message || strstr(all, message), "%zu: %s", i, all);
	cr_expect_gt(got.leaf_pem.len, 0);
}

Test(cert_import, a_chain_with_gaps_is_taken_as_far_as_it_goes_if_it_may_be_unfit)
{
	static const struct {
		const char *given, *chain, *doubt; /* @doubt NULL: none */
	} cases[] = {
		{ "L21", "21", NULL },
		{ "L2", "2", NULL },
		{ "L", "", "the chain is incomplete" },
		{ "L1", "", "is not part of the chain" },
		{ "L21S", "21", "is not part of the chain" },
		{ "S2L", "2", "is not part of the chain" },
	};
	struct family f;
	_cleanup_secret_ struct secret key = SECRET_INIT;

	family_make(&f);
	key_pem(f.leaf.key, NULL, &key);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(cert_import_clear) struct cert_import got = { 0 };
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *given = pem_of(&f, cases[i].given);
		_cleanup_free_ char *chain = pem_of(&f, cases[i].chain);
		struct cert_import_in in = { .certificate = given, .private_key = &key, .now = MINI_NOW };

		cr_expect_eq(cert_import(&in, &got, &err), cases[i].doubt ? -1 : 0, "%s", cases[i].given);
		cert_import_clear(&got);
		error_clear(&err);
		in.may_be_unfit = true;
		cr_assert_eq(cert_import(&in, &got, &err), 0, "%s: %s", cases[i].given, err.message);
		cr_expect_str_eq(buf_str(&got.chain_pem), chain ? chain : "", "%s", cases[i].given);
		cr_expect_eq(got.doubts.count, cases[i].doubt != NULL, "%s", cases[i].given);
		cr_expect(!cases[i].doubt || strstr(got.doubts.items[0], cases[i].doubt), "%s", cases[i].given);
		error_clear(&err);
	}
	family_clear(&f);
}

Test(cert_import, a_certificate_that_servers_or_clients_would_refuse_is_refused)
{
	static const struct {
		struct mini_spec spec;
		bool may_be_expired;
		const char *message; /* NULL: taken */
	} cases[] = {
		{ { .san = "DNS:a.example" }, false, NULL },
		{ { .cn = "a.example", .san = "DNS:a.example", .basic_constraints = "CA:TRUE" }, false, NULL },
		{ { .san = "IP:192.0.2.1" }, false, NULL },
		{ { .cn = "a.example" }, false, "subject alternative name, which" },
		{ { .san = "email:a@a.example" }, false, "subject alternative name, which" },
		{ { .san = "DNS:a.example", .extended_key_usage = "clientAuth" }, false, "not valid for TLS servers" },
		{ { .san = "DNS:a.example", .extended_key_usage = "clientAuth,serverAuth" }, false, NULL },
		{ { .san = "DNS:a.example", .not_after_at = MINI_NOW }, false, "expired on 2026-" },
		{ { .san = "DNS:a.example", .not_after_at = MINI_NOW + 1 }, false, NULL },
		{ { .san = "DNS:a.example", .not_after_at = MINI_NOW - MINI_DAY }, true, NULL },
		{ { .san = "DNS:a.example", .not_before_at = MINI_NOW + MINI_DAY }, false, "not valid before" },
		{ { .san = "DNS:a.example", .not_before_at = MINI_NOW + MINI_DAY }, true, NULL },
		{ { .san = "DNS:a.example", .not_before_at = MINI_NOW + 60 }, false, NULL },
		{ { .san = "DNS:a.example", .tls_feature = "status_request" }, false,
			"does not name an OCSP responder" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mini_cert leaf = { 0 };
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_secret_ struct secret key = SECRET_INIT;
		_cleanup_(cert_import_clear) struct cert_import got = { 0 };
		_cleanup_error_ struct error err = ERROR_INIT;
		struct cert_import_in in = {
			.private_key = &key, .now = MINI_NOW, .may_be_expired = cases[i].may_be_expired
		};
		struct mini_spec spec = cases[i].spec;

		spec.authority_key_id = NULL;
		mini_make(&leaf, &spec, NULL);
		mini_pem(&leaf, &pem);
		key_pem(leaf.key, NULL, &key);
		in.certificate = buf_str(&pem);
		cr_expect_eq(cert_import(&in, &got, &err), cases[i].message ? -1 : 0, "%zu: %s", i, err.message);
		if (cases[i].message) {
			cr_expect_eq(err.code, ERROR_INVALID, "%zu", i);
			cr_expect_not_null(strstr(err.message, cases[i].message), "%zu: %s", i, err.message);
		} else {
			cr_expect_eq(got.doubts.count, 0, "%zu", i);
		}
		expect_doubts(&in, cases[i].message, i);
		mini_clear(&leaf);
	}
}

Test(cert_import, an_encrypted_key_needs_its_password)
{
	static const struct {
		const char *sealed_with, *given;
		const char *field; /* NULL: taken */
	} cases[] = {
		{ NULL, NULL, NULL },
		{ NULL, "of no use", NULL },
		{ "right", "right", NULL },
		{ "right", "wrong", "password" },
		{ "right", NULL, "password" },
	};
	struct mini_cert leaf = { 0 };
	struct mini_spec spec = { .san = "DNS:a.example" };
	_cleanup_buf_ struct buf pem = BUF_INIT;

	mini_make(&leaf, &spec, NULL);
	mini_pem(&leaf, &pem);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret key = SECRET_INIT;
		_cleanup_secret_ struct secret password = SECRET_INIT;
		_cleanup_(cert_import_clear) struct cert_import got = { 0 };
		_cleanup_error_ struct error err = ERROR_INIT;
		const struct cert_import_in in = {
			.certificate = buf_str(&pem), .private_key = &key, .password = &password, .now = MINI_NOW
		};

		key_pem(leaf.key, cases[i].sealed_with, &key);
		if (cases[i].given)
			secret_set(&password, cases[i].given, strlen(cases[i].given));
		cr_expect_eq(cert_import(&in, &got, &err), cases[i].field ? -1 : 0, "%zu: %s", i, err.message);
		if (cases[i].field)
			cr_expect_str_eq(err.field, cases[i].field, "%zu: %s", i, err.message);
	}
	mini_clear(&leaf);
}

Test(cert_import, what_is_missing_or_in_the_wrong_place_is_named)
{
	struct mini_cert leaf = { 0 };
	struct mini_spec spec = { .san = "DNS:a.example" };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_buf_ struct buf around = BUF_INIT;
	_cleanup_buf_ struct buf with_key = BUF_INIT;
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_secret_ struct secret password = SECRET_INIT;
	_cleanup_secret_ struct secret p12 = SECRET_INIT;
	_cleanup_secret_ struct secret nonsense = SECRET_INIT;
	_cleanup_secret_ struct secret none = SECRET_INIT;

	mini_make(&leaf, &spec, NULL);
	mini_pem(&leaf, &pem);
	key_pem(leaf.key, NULL, &key);
	secret_set(&password, "p", 1);
	secret_set(&nonsense, "nonsense", strlen("nonsense"));
	cr_assert_eq(pkcs12_write(leaf.key, &pem, "a", &password, &p12, NULL), 0);
	buf_printf(&around, "Bag Attributes\n%s\nsubject=\n", buf_str(&pem));
	buf_printf(&with_key, "%s%.*s", buf_str(&pem), (int)key.len, (const char *)key.data);
	const struct {
		struct cert_import_in in;
		const char *field; /* NULL: taken */
	} cases[] = {
		{ { .certificate = buf_str(&around), .private_key = &key }, NULL },
		{ { .pkcs12 = &p12, .password = &password }, NULL },
		{ { .pkcs12 = &p12 }, "password" },
		{ { .pkcs12 = &p12, .password = &password, .certificate = buf_str(&pem) }, "pkcs12" },
		{ { .pkcs12 = &nonsense }, "pkcs12" },
		{ { .private_key = &key }, "certificate" },
		{ { .certificate = buf_str(&pem) }, "privateKey" },
		{ { .certificate = buf_str(&pem), .private_key = &none }, "privateKey" },
		{ { .certificate = buf_str(&pem), .private_key = &nonsense }, "privateKey" },
		{ { .certificate = "", .private_key = &key }, "certificate" },
		{ { .certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n", .private_key = &key }, "certificate" },
		{ { .certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
			  .private_key = &key },
			"certificate" },
		{ { .certificate = buf_str(&with_key), .private_key = &key }, "certificate" },
		{ { .certificate = buf_str(&pem), .chain = buf_str(&with_key), .private_key = &key },
			"certificateChain" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(cert_import_clear) struct cert_import got = { 0 };
		_cleanup_error_ struct error err = ERROR_INIT;
		struct cert_import_in in = cases[i].in;

		in.now = MINI_NOW;
		cr_expect_eq(cert_import(&in, &got, &err), cases[i].field ? -1 : 0, "%zu: %s", i, err.message);
		if (cases[i].field && err.field)
			cr_expect_str_eq(err.field, cases[i].field, "%zu: %s", i, err.message);
		cr_expect(!cases[i].field || err.field, "%zu: no field: %s", i, err.message);
	}
	mini_clear(&leaf);
}
