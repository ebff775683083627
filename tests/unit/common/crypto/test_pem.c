#include "common/crypto/pem.h"

#include "common/alloc.h"
#include "common/buf.h"

#include <criterion/criterion.h>
#include <string.h>

#define BLOCK(label) "-----BEGIN " label "-----\nAAAA\n-----END " label "-----"

/* Labels in order, 'c' certificate, 'k' private key, 'o' other; '!' a block without its end. */
static void
kinds(const char *text, struct buf *ret)
{
	const char *p = text;
	struct pem_block block;
	int found;

	while ((found = pem_next(&p, text + strlen(text), &block)) == 1)
		buf_add_char(ret, pem_is_certificate(&block) ? 'c' : pem_is_private_key(&block) ? 'k' : 'o');
	if (found < 0)
		buf_add_char(ret, '!');
}

Test(pem, blocks_are_found_among_whatever_stands_around_them)
{
	static const struct {
		const char *text, *kinds;
	} cases[] = {
		{ "", "" },
		{ "no block at all\n", "" },
		{ BLOCK("CERTIFICATE"), "c" },
		{ "subject=CN = a\n" BLOCK("CERTIFICATE") "\nissuer\n" BLOCK("CERTIFICATE") "\n", "cc" },
		{ BLOCK("RSA PRIVATE KEY") "\n" BLOCK("CERTIFICATE"), "kc" },
		{ BLOCK("PRIVATE KEY") BLOCK("ENCRYPTED PRIVATE KEY") BLOCK("EC PRIVATE KEY"), "kkk" },
		{ BLOCK("EC PARAMETERS") "\n" BLOCK("EC PRIVATE KEY"), "ok" },
		{ BLOCK("TRUSTED CERTIFICATE") BLOCK("CERTIFICATE REQUEST") BLOCK("X509 CRL"), "ooo" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n", "!" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----\n", "!" },
		{ "-----BEGIN CERTIFICATE\n", "!" },
		{ "-----BEGIN \nCERTIFICATE-----\n-----END \nCERTIFICATE-----", "!" },
		{ BLOCK("CERTIFICATE") "-----BEGIN ", "c!" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf found = BUF_INIT;

		kinds(cases[i].text, &found);
		cr_expect_str_eq(buf_str(&found), cases[i].kinds, "%zu", i);
	}
}

Test(pem, a_block_is_the_text_from_its_first_to_its_last_dash)
{
	static const char text[] = "x" BLOCK("CERTIFICATE") "y";
	const char *p = text;
	struct pem_block block;

	cr_assert_eq(pem_next(&p, text + strlen(text), &block), 1);
	cr_expect_eq(block.text, text + 1);
	cr_expect_eq(block.len, strlen(text) - 2);
	cr_expect_eq(*p, 'y');
}

/* What pem_write() makes of the first block of @text; "": it is not PEM. Owned by the caller. */
static char *
written(const char *text)
{
	const char *p = text;
	struct pem_block block;
	char *ret = xmalloc(pem_room(strlen(text)) + 1);

	cr_assert_eq(pem_next(&p, text + strlen(text), &block), 1, "%s", text);
	ret[pem_write(&block, ret)] = '\0';
	return ret;
}

#define A64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

Test(pem, a_mangled_block_is_written_as_the_rfc_has_it)
{
	static const char want[] = "-----BEGIN CERTIFICATE-----\n" A64 "\nBB==\n-----END CERTIFICATE-----\n";
	static const char *const forms[] = {
		"-----BEGIN CERTIFICATE-----\n" A64 "\nBB==\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\r\n" A64 "\r\nBB==\r\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\r" A64 "\rBB==\r-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\\n" A64 "\\nBB==\\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\\r\\n" A64 "\\r\\nBB==\\r\\n-----END CERTIFICATE-----",
		"    -----BEGIN CERTIFICATE-----\n    " A64 "\n\tBB==\n    -----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----  \n" A64 "  \nBB==\t\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\n\n" A64 "\n\nBB==\n\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE----- " A64 " BB== -----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\n" A64 "BB==\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----" A64 "BB==-----END CERTIFICATE-----",
		"-----BEGIN X509 CERTIFICATE-----\n" A64 "\nBB==\n-----END X509 CERTIFICATE-----",
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_free_ char *text = written(forms[i]);

		cr_expect_str_eq(text, want, "%zu: %s", i, text);
	}
}

Test(pem, headers_of_an_encrypted_key_stay_before_its_body)
{
	static const char want[] = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
				   "DEK-Info: AES-128-CBC,00FF\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
	static const char *const ends[] = { "\n", "\r\n", "\r", "\\n", "  \n", "\n\n" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_free_ char *text = xasprintf(
			"-----BEGIN RSA PRIVATE KEY-----%sProc-Type: 4,ENCRYPTED%s"
			"DEK-Info: AES-128-CBC,00FF%s%sAAAA%s-----END RSA PRIVATE KEY-----",
			ends[i], ends[i], ends[i], ends[i], ends[i]);
		_cleanup_free_ char *got = written(text);

		cr_expect_str_eq(got, want, "%zu: %s", i, got);
	}
}

Test(pem, nothing_but_labels_and_base64_is_written)
{
	static const char *const evil[] = {
		"-----BEGIN CERTIFICATE-----\nAAAA'; touch x; '\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\nAAAA$(id)\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\nAAAA\033[2J\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\nAAAA\\t\n-----END CERTIFICATE-----",
		"-----BEGIN X'`id`' PRIVATE KEY-----\nAAAA\n-----END X'`id`' PRIVATE KEY-----",
		"-----BEGIN PRIVATE KEY-----\nProc-Type: 4'; id; '\n\nAAAA\n-----END PRIVATE KEY-----",
		"-----BEGIN PRIVATE KEY-----\nX: a;b\n\nAAAA\n-----END PRIVATE KEY-----",
		"-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----",
	};

	for (size_t i = 0; i < ARRAY_SIZE(evil); i++) {
		_cleanup_free_ char *text = written(evil[i]);

		cr_expect_str_empty(text, "%zu: %s", i, text);
	}
}
