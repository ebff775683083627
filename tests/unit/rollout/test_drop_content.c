/* The octets of a file in each format. */
#include "daemon/rollout/drop_private.h"

#include "common/crypto/key.h"
#include "common/crypto/pkcs12.h"
#include "common/crypto/x509.h"
#include "daemon/rollout/output.h"
#include "tests/support/process.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_mini_ _cleanup_(mini_clear)

struct bed {
	struct drop_job job;
	struct drop_files files;
	struct secret password;
	struct buf fullchain, bundle, bundle_cert_first, der; /* what is expected */
};

static void
bed_init(struct bed *b)
{
	static const struct mini_spec spec = { .cn = "www.example.com", .san = "DNS:www.example.com" };
	_cleanup_mini_ struct mini_cert ca = { 0 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	unsigned char pair[32];

	*b = (struct bed){ .job = { .slug = (char *)"www.example.com", .issued_at = MINI_NOW } };
	CRYPTO_secure_malloc_init(1 << 20, 64);
	mini_make_ca(&ca, "Mini CA", NULL);
	mini_make(&leaf, &spec, &ca);
	mini_pem(&leaf, &b->job.leaf);
	mini_pem(&ca, &b->job.chain);
	cr_assert_eq(key_to_der(leaf.key, &b->job.key_der, &err), 0, "%s", err.message);
	key_pair_digest(&b->job.key_der, b->job.leaf.data, b->job.leaf.len, pair);
	buf_add(&b->job.pair, pair, sizeof(pair));
	cr_assert_eq(drop_make_files(&b->job, &b->files, &err), 0, "%s", err.message);
	secret_set(&b->password, "changeit", 8);
	buf_printf(&b->fullchain, "%s%s", buf_str(&b->job.leaf), buf_str(&b->job.chain));
	buf_printf(
		&b->bundle, "%.*s%s", (int)b->files.key.len, (const char *)b->files.key.data, buf_str(&b->fullchain));
	buf_printf(&b->bundle_cert_first, "%s%.*s", buf_str(&b->fullchain), (int)b->files.key.len,
		(const char *)b->files.key.data);
	cr_assert_eq(x509_leaf_der(b->job.leaf.data, b->job.leaf.len, &b->der, &err), 0, "%s", err.message);
}

static void
bed_clear(struct bed *b)
{
	drop_files_clear(&b->files);
	secret_clear(&b->job.key_der);
	secret_clear(&b->password);
	buf_clear(&b->job.leaf);
	buf_clear(&b->job.chain);
	buf_clear(&b->job.pair);
	buf_clear(&b->fullchain);
	buf_clear(&b->bundle);
	buf_clear(&b->bundle_cert_first);
	buf_clear(&b->der);
}

Test(drop_content, each_format_has_its_parts_in_order)
{
	struct bed b;

	bed_init(&b);
	const struct {
		enum output_format format;
		const void *data;
		size_t len;
	} cases[] = {
		{ OUTPUT_KEY, b.files.key.data, b.files.key.len },
		{ OUTPUT_CERT, b.job.leaf.data, b.job.leaf.len },
		{ OUTPUT_CHAIN, b.job.chain.data, b.job.chain.len },
		{ OUTPUT_FULLCHAIN, b.fullchain.data, b.fullchain.len },
		{ OUTPUT_BUNDLE, b.bundle.data, b.bundle.len },
		{ OUTPUT_BUNDLE_CERT_FIRST, b.bundle_cert_first.data, b.bundle_cert_first.len },
		{ OUTPUT_KEY_DER, b.job.key_der.data, b.job.key_der.len },
		{ OUTPUT_CERT_DER, b.der.data, b.der.len },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct drop_content c = { .data = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_assert_eq(drop_content_make(&b.job, &b.files, cases[i].format, NULL, &c, &err), 0, "%zu: %s", i,
			err.message);
		cr_assert_eq(c.len, cases[i].len, "%zu", i);
		cr_expect_arr_eq(c.data, cases[i].data, c.len, "%zu", i);
		drop_content_clear(&c);
		cr_expect_null(c.data);
	}
	bed_clear(&b);
}

Test(drop_content, keystores_have_key_and_chain_and_need_the_password, .timeout = 300)
{
	static const unsigned char jks_magic[] = { 0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2 };
	struct drop_content c = { .data = NULL };
	_cleanup_secret_ struct secret file = SECRET_INIT;
	_cleanup_secret_ struct secret wrong = SECRET_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_key_ struct key *none = NULL;
	_cleanup_buf_ struct buf pem = BUF_INIT, nothing = BUF_INIT;
	_cleanup_secret_ struct secret der = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bed b;

	bed_init(&b);
	cr_assert_eq(drop_content_make(&b.job, &b.files, OUTPUT_PKCS12, &b.password, &c, &err), 0, "%s", err.message);
	secret_set(&file, c.data, c.len);
	secret_set(&wrong, "changeme", 8);
	cr_expect_eq(pkcs12_read(&file, &wrong, &none, &nothing, NULL), -1);
	cr_assert_eq(pkcs12_read(&file, &b.password, &key, &pem, &err), 0, "%s", err.message);
	cr_expect_str_eq(buf_str(&pem), buf_str(&b.fullchain));
	cr_assert_eq(key_to_der(key, &der, &err), 0);
	cr_assert_eq(der.len, b.job.key_der.len);
	cr_expect_arr_eq(der.data, b.job.key_der.data, der.len);
	drop_content_clear(&c);
	cr_assert_eq(drop_content_make(&b.job, &b.files, OUTPUT_JKS, &b.password, &c, &err), 0, "%s", err.message);
	cr_assert_gt(c.len, sizeof(jks_magic));
	cr_expect_arr_eq(c.data, jks_magic, sizeof(jks_magic));
	drop_content_clear(&c);
	bed_clear(&b);
}

/* A record that was altered: neither its certificate nor its key is written anywhere. */
Test(drop_content, a_pair_that_was_not_verified_makes_no_files)
{
	struct drop_files files = { .key = SECRET_INIT };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bed b;

	bed_init(&b);
	b.job.pair.data[31] ^= 1;
	cr_expect_eq(drop_make_files(&b.job, &files, &err), -1);
	cr_expect_eq(err.code, ERROR_CORRUPT);
	b.job.pair.data[31] ^= 1;
	b.job.pair.len--;
	cr_expect_eq(drop_make_files(&b.job, &files, NULL), -1);
	b.job.pair.len++;
	buf_add_char(&b.job.leaf, '\n');
	cr_expect_eq(drop_make_files(&b.job, &files, NULL), -1);
	drop_files_clear(&files);
	bed_clear(&b);
}

/* --- manifests, which others may have changed --- */

#define ID "11111111-1111-4111-8111-111111111111"
#define AUTO "22222222-2222-4222-8222-222222222222"

Test(drop_manifest, what_can_be_read_is_taken_and_the_rest_is_left)
{
	static const struct {
		const char *why, *text; /* text NULL: there is none */
		bool is_good;
		struct drop_manifest manifest;
	} cases[] = {
		{ "whole",
			"{\"generation\":7,\"certificate\":\"" ID "\",\"autoCertificate\":\"" AUTO
			"\",\"notAfter\":\"2026-01-01T00:00:00Z\"}",
			true, { ID, AUTO, 7, 1767225600, true } },
		{ "with a key elsewhere",
			"{\"generation\":1,\"certificate\":\"" ID "\",\"keyPlace\":\"pkcs11:object=k\"}", true,
			{ ID, "", 1, 0, false } },
		{ "no certificate", "{\"generation\":1,\"autoCertificate\":\"" AUTO "\"}", false,
			{ "", "", 1, 0, false } },
		{ "no generation", "{\"certificate\":\"" ID "\"}", false, { "", "", 0, 0, false } },
		{ "generation 0", "{\"generation\":0,\"certificate\":\"" ID "\"}", false, { "", "", 0, 0, false } },
		{ "a certificate too long", "{\"generation\":3,\"certificate\":\"" ID "x\"}", false,
			{ "", "", 3, 0, false } },
		{ "an auto-certificate too long",
			"{\"generation\":3,\"certificate\":\"" ID "\",\"autoCertificate\":\"" AUTO "x\"}", true,
			{ ID, "", 3, 0, true } },
		{ "an auto-certificate that is a number",
			"{\"generation\":3,\"certificate\":\"" ID "\",\"autoCertificate\":5}", true,
			{ ID, "", 3, 0, true } },
		{ "no date", "{\"generation\":3,\"certificate\":\"" ID "\",\"notAfter\":\"soon\"}", true,
			{ ID, "", 3, 0, true } },
		{ "no JSON", "generation 3", false, { "", "", 0, 0, false } },
		{ "empty", "", false, { "", "", 0, 0, false } },
		{ "missing", NULL, false, { "", "", 0, 0, false } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(scratch_remove) char *dir = scratch_new();
		struct drop_manifest m = { .generation = 99, .has_key = true };
		int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (cases[i].text)
			scratch_write(dir, "manifest.json", "%s", cases[i].text);
		cr_expect_eq(drop_read_manifest(fd, &m), cases[i].is_good, "%s", cases[i].why);
		cr_expect_str_eq(m.certificate, cases[i].manifest.certificate, "%s", cases[i].why);
		cr_expect_str_eq(m.autocert, cases[i].manifest.autocert, "%s", cases[i].why);
		cr_expect_eq(m.generation, cases[i].manifest.generation, "%s", cases[i].why);
		cr_expect_eq(m.not_after_at, cases[i].manifest.not_after_at, "%s", cases[i].why);
		cr_expect_eq(m.has_key, cases[i].manifest.has_key, "%s", cases[i].why);
		close(fd);
	}
}
