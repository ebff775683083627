#include "common/crypto/cert_file.h"

#include "common/error.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

static const struct mini_spec server = { .cn = "a.example", .san = "DNS:a.example" };

struct family {
	struct mini_cert ca, leaf;
	struct buf certs, key; /* PEM */
};

static void
add_bio(BIO *bio, struct buf *ret)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	buf_add(ret, data, (size_t)len);
	BIO_free(bio);
}

static void
family_make(struct family *f)
{
	BIO *bio = BIO_new(BIO_s_mem());

	*f = (struct family){ .certs = BUF_INIT, .key = BUF_INIT };
	mini_make_ca(&f->ca, "Mini CA", NULL);
	mini_make(&f->leaf, &server, &f->ca);
	mini_pem(&f->leaf, &f->certs);
	mini_pem(&f->ca, &f->certs);
	cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(bio, key_evp(f->leaf.key), NULL, NULL, 0, NULL, NULL), 1);
	add_bio(bio, &f->key);
}

static void
family_clear(struct family *f)
{
	mini_clear(&f->ca);
	mini_clear(&f->leaf);
	buf_clear(&f->certs);
	buf_clear(&f->key);
}

/* @text with each newline as @end. */
static void
with_ends(const char *text, const char *end, struct buf *ret)
{
	for (; *text; text++)
		if (*text == '\n')
			buf_add_str(ret, end);
		else
			buf_add_char(ret, *text);
}

static void
as_utf16(const char *text, bool is_little, struct buf *ret)
{
	buf_add(ret, is_little ? "\xff\xfe" : "\xfe\xff", 2);
	for (; *text; text++) {
		if (!is_little)
			buf_add_char(ret, '\0');
		buf_add_char(ret, *text);
		if (is_little)
			buf_add_char(ret, '\0');
	}
}

static void
expect_all(const struct family *f, const struct buf *octets, const char *what)
{
	_cleanup_cert_file_ struct cert_file file = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(cert_file_read(buf_str(octets), octets->len, &file, &err), 0, "%s: %s", what, err.message);
	cr_expect_eq(file.n_certificates, 2, "%s", what);
	cr_expect_eq(file.n_keys, 1, "%s", what);
	cr_expect(!file.is_key_encrypted, "%s", what);
	cr_expect_str_eq(buf_str(&file.certificates), buf_str(&f->certs), "%s", what);
	cr_expect_eq(file.keys.len, f->key.len, "%s", what);
	cr_expect_eq(memcmp(file.keys.data, f->key.data, f->key.len), 0, "%s", what);
}

Test(cert_file, pem_is_read_however_it_was_mangled)
{
	static const char *const ends[] = { "\n", "\r\n", "\r", "\\n", "\\r\\n", "  \n", "\n    ", " ", "\n\n" };
	struct family f;
	_cleanup_buf_ struct buf plain = BUF_INIT;

	family_make(&f);
	buf_add_str(&plain, "subject=CN = a.example\n");
	buf_add(&plain, f.certs.data, f.certs.len);
	buf_add(&plain, f.key.data, f.key.len);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_buf_ struct buf marked = BUF_INIT;

		with_ends(buf_str(&plain), ends[i], &text);
		expect_all(&f, &text, ends[i]);
		buf_add_str(&marked, "\xef\xbb\xbf");
		buf_add(&marked, text.data, text.len);
		expect_all(&f, &marked, "with a byte order mark");
	}
	for (int little = 0; little < 2; little++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		as_utf16(buf_str(&plain), little, &text);
		expect_all(&f, &text, "UTF-16");
	}
	family_clear(&f);
}

static PKCS7 *
pkcs7_of(const struct family *f)
{
	PKCS7 *p7 = PKCS7_new();

	cr_assert_eq(PKCS7_set_type(p7, NID_pkcs7_signed), 1);
	cr_assert_eq(PKCS7_content_new(p7, NID_pkcs7_data), 1);
	cr_assert_eq(PKCS7_add_certificate(p7, f->leaf.cert), 1);
	cr_assert_eq(PKCS7_add_certificate(p7, f->ca.cert), 1);
	return p7;
}

/* What of each kind a DER or PKCS#7 file holds: "2" certificates, "k" key, "e" encrypted key. */
static void
expect_kinds(BIO *bio, const char *want)
{
	_cleanup_cert_file_ struct cert_file file = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf octets = BUF_INIT;
	_cleanup_free_ char *kinds = NULL;

	add_bio(bio, &octets);
	cr_assert_eq(cert_file_read(octets.data, octets.len, &file, &err), 0, "%s: %s", want, err.message);
	kinds = xasprintf("%zu%s", file.n_certificates, !file.n_keys ? "" : file.is_key_encrypted ? "e" : "k");
	cr_expect_str_eq(kinds, want);
}

Test(cert_file, pkcs7_and_der_are_taken)
{
	struct family f;
	PKCS7 *p7;
	BIO *bios[7];

	family_make(&f);
	p7 = pkcs7_of(&f);
	for (size_t i = 0; i < ARRAY_SIZE(bios); i++)
		bios[i] = BIO_new(BIO_s_mem());
	cr_assert_eq(PEM_write_bio_PKCS7(bios[0], p7), 1);
	cr_assert_eq(i2d_PKCS7_bio(bios[1], p7), 1);
	cr_assert_eq(i2d_X509_bio(bios[2], f.leaf.cert), 1);
	cr_assert_eq(i2d_PKCS8PrivateKey_bio(bios[3], key_evp(f.leaf.key), NULL, NULL, 0, NULL, NULL), 1);
	cr_assert_eq(i2d_PrivateKey_bio(bios[4], key_evp(f.leaf.key)), 1);
	cr_assert_eq(i2d_PKCS8PrivateKey_bio(bios[5], key_evp(f.leaf.key), EVP_aes_128_cbc(), "p", 1, NULL, NULL), 1);
	cr_assert_eq(
		PEM_write_bio_PKCS8PrivateKey(bios[6], key_evp(f.leaf.key), EVP_aes_128_cbc(), "p", 1, NULL, NULL), 1);
	expect_kinds(bios[0], "2");
	expect_kinds(bios[1], "2");
	expect_kinds(bios[2], "1");
	expect_kinds(bios[3], "0k");
	expect_kinds(bios[4], "0k");
	expect_kinds(bios[5], "0e");
	expect_kinds(bios[6], "0e");
	PKCS7_free(p7);
	family_clear(&f);
}

Test(cert_file, what_is_something_else_is_refused_by_its_name)
{
	static const struct {
		const char *octets, *message;
	} cases[] = {
		{ "", "neither PEM" },
		{ "hello\n", "neither PEM" },
		{ "\xff\xfe", "neither PEM" },
		{ "0 is not DER", "DER" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n", "without an END line" },
		{ "-----BEGIN CERTIFICATE-----\nAA'AA\n-----END CERTIFICATE-----\n", "not base64" },
		{ "-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "unreadable PKCS#7" },
	};
	struct family f;
	BIO *bio = BIO_new(BIO_s_mem());
	_cleanup_buf_ struct buf pkcs12 = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct cert_file none;
	PKCS12 *p12;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error why = ERROR_INIT;

		cr_expect_eq(cert_file_read(cases[i].octets, strlen(cases[i].octets), &none, &why), -1, "%zu", i);
		cr_expect(strstr(why.message, cases[i].message), "%zu: %s", i, why.message);
	}
	family_make(&f);
	p12 = PKCS12_create("p", "a", key_evp(f.leaf.key), f.leaf.cert, NULL, 0, 0, 1, 1, 0);
	cr_assert_eq(i2d_PKCS12_bio(bio, p12), 1);
	add_bio(bio, &pkcs12);
	cr_expect_eq(cert_file_read(pkcs12.data, pkcs12.len, &none, &err), -1);
	cr_expect(strstr(err.message, "--pkcs12"), "%s", err.message);
	PKCS12_free(p12);
	family_clear(&f);
}
