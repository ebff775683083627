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
