#include "common/crypto/ossl.h"
#include "common/crypto/x509.h"
#include "common/error.h"
#include "tests/unit/common/crypto/chains.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define _cleanup_mini_ _cleanup_(mini_clear)
#define _cleanup_info_ _cleanup_(cert_info_clear)

static const struct mini_spec ordinary = { .cn = "example.com",
	.san = "DNS:example.com,DNS:*.example.com",
	.basic_constraints = "critical,CA:FALSE",
	.key_usage = "critical,digitalSignature",
	.extended_key_usage = "serverAuth",
	.authority_key_id = "keyid" };

static int
parse(const struct buf *pem, struct cert_info *ret, struct error *err)
{
	return x509_chain_parse(pem->data, pem->len, NULL, NULL, ret, err);
}

Test(x509, a_certificate_is_described_with_the_ari_id_of_the_rfc)
{
	/* RFC 9773 s4.1: this key identifier and this serial number. */
	struct mini_spec spec = { .cn = "example.com",
		.san = "DNS:Example.com,IP:192.0.2.1,DNS:*.example.com,email:a@example.com,DNS:example.com,"
		       "IP:2001:db8::1",
		.authority_key_id = "DER:30168014"
				    "69885B6B87464041E1B37B847BA0AE2CDE01C8D4",
		.serial = "87654321" };
	_cleanup_mini_ struct mini_cert ca = { 0 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_info_ struct cert_info info = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_free_ char *names = NULL;
	_cleanup_free_ char *fingerprint = NULL;
	unsigned char spki[32];

	mini_make_ca(&ca, "Mini CA", NULL);
	mini_make(&leaf, &spec, &ca);
	mini_pem(&leaf, &pem);
	cr_assert_eq(parse(&pem, &info, NULL), 0);
	names = strlist_join(&info.names, " ");
	key_spki_sha256(leaf.key, spki, NULL);
	cr_assert_eq(x509_leaf_der(pem.data, pem.len, &der, NULL), 0);
	fingerprint = x509_fingerprint_der(der.data, der.len);
	cr_expect_str_eq(info.ari_id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
	cr_expect_str_eq(info.serial, "87:65:43:21");
	cr_expect_str_eq(info.subject_cn, "example.com");
	cr_expect_str_eq(info.issuer_cn, "Mini CA");
	cr_expect_null(info.issuer_org);
	cr_expect_str_eq(names, "example.com 192.0.2.1 *.example.com 2001:db8::1");
	cr_expect_eq(info.not_before_at, MINI_NOW - MINI_DAY);
	cr_expect_eq(info.not_after_at, MINI_NOW + 90 * MINI_DAY);
	cr_expect_str_eq(info.sha256, fingerprint);
	cr_expect_arr_eq(info.spki_sha256, spki, sizeof(spki));
	cr_expect_not(info.has_chain);
}

Test(x509, without_an_authority_key_id_there_is_no_ari_id)
{
	_cleanup_mini_ struct mini_cert self = { 0 };
	_cleanup_info_ struct cert_info info = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;

	mini_make(&self, &(struct mini_spec){ .san = "DNS:old_host,DNS:MAIL", .not_after_at = 4102444800 * 2 }, NULL);
	mini_pem(&self, &pem);
	cr_assert_eq(parse(&pem, &info, NULL), 0);
	cr_expect_null(info.ari_id);
	cr_expect_null(info.subject_cn);
	cr_expect_str_eq(info.serial, "01");
	cr_expect_eq(info.not_after_at, 4102444800 * 2, "behind 2038 and 2106");
	cr_expect_str_eq(info.names.items[0], "old_host", "names that we would not order are still shown");
	cr_expect_str_eq(info.names.items[1], "mail");
}

Test(x509, the_files_fingerprint_is_openssls)
{
	_cleanup_info_ struct cert_info info = { 0 };

	cr_assert_eq(x509_chain_parse(PEBBLE_CHAIN, strlen(PEBBLE_CHAIN), NULL, NULL, &info, NULL), 0);
	cr_expect_str_eq(info.sha256, "AD:BE:82:8B:F8:C9:9E:4A:FF:17:45:C1:67:7F:92:F6:2B:EE:B5:3E:B2:1E:2F:"
				      "47:52:5F:7C:47:FA:C5:CC:57");
	cr_expect_str_eq(info.serial, "07:EB:1A:04:0F:9E:1A:7E");
	cr_expect_str_eq(info.issuer_cn, "Pebble Intermediate CA 01a99e");
	cr_expect(info.has_chain);
}

Test(x509, leaf_and_chain_come_out_without_an_empty_line)
{
	_cleanup_mini_ struct mini_cert ca = { 0 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_buf_ struct buf in = BUF_INIT;
	_cleanup_buf_ struct buf leaf_pem = BUF_INIT;
	_cleanup_buf_ struct buf chain_pem = BUF_INIT;
	_cleanup_buf_ struct buf want_leaf = BUF_INIT;
	_cleanup_buf_ struct buf want_ca = BUF_INIT;

	mini_make_ca(&ca, "Mini CA", NULL);
	mini_make(&leaf, &ordinary, &ca);
	mini_pem(&leaf, &want_leaf);
	mini_pem(&ca, &want_ca);
	buf_printf(&in, "\n\n%s\r\n \n%s\n\n", want_leaf.data, want_ca.data);
	cr_assert_eq(x509_chain_parse(in.data, in.len, &leaf_pem, &chain_pem, NULL, NULL), 0);
	cr_expect_str_eq(buf_str(&leaf_pem), want_leaf.data);
	cr_expect_str_eq(buf_str(&chain_pem), want_ca.data);
	cr_expect_null(strstr(buf_str(&leaf_pem), "\n\n"));
}

Test(x509, a_name_that_a_terminal_would_obey_is_not_shown)
{
	static const char *const names[] = { "x\x1b[2J", "x\x7f", "x\xc2\x9b\062J" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_mini_ struct mini_cert self = { 0 };
		_cleanup_info_ struct cert_info info = { 0 };
		_cleanup_buf_ struct buf pem = BUF_INIT;

		mini_make(&self, &(struct mini_spec){ .cn = names[i], .san = "DNS:a.example" }, NULL);
		mini_pem(&self, &pem);
		cr_assert_eq(parse(&pem, &info, NULL), 0);
		cr_expect_null(info.subject_cn, "%zu", i);
	}
}

static void
repeat(struct buf *b, const char *text, size_t count)
{
	while (count--)
		buf_add_str(b, text);
}

Test(x509, what_is_not_a_plain_chain_is_refused_and_nothing_comes_out)
{
	static const struct {
		const char *why, *head, *tail;
		size_t count; /* of good certificates between head and tail */
	} cases[] = {
		{ "nothing", "", "", 0 },
		{ "blanks", "\n \n", "", 0 },
		{ "text", "hello", "", 0 },
		{ "eleven certificates", "", "", X509_CHAIN_MAX_CERTS + 1 },
		{ "no end", "", "-----BEGIN CERTIFICATE-----\nAAAA\n", 1 },
		{ "not DER", "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 1 },
		{ "empty block", "", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", 1 },
		{ "an encrypted block, which must not ask for a password",
			"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
			"DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\nAAAA\n-----END "
			"CERTIFICATE-----\n",
			"", 0 },
	};
	_cleanup_mini_ struct mini_cert cert = { 0 };
	_cleanup_buf_ struct buf one = BUF_INIT;

	mini_make(&cert, &ordinary, NULL);
	mini_pem(&cert, &one);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf in = BUF_INIT;
		_cleanup_buf_ struct buf leaf = BUF_INIT;
		_cleanup_buf_ struct buf chain = BUF_INIT;
		_cleanup_info_ struct cert_info info = { 0 };
		_cleanup_error_ struct error err = ERROR_INIT;

		buf_add_str(&in, cases[i].head);
		repeat(&in, one.data, cases[i].count);
		buf_add_str(&in, cases[i].tail);
		cr_expect_eq(x509_chain_parse(in.data, in.len, &leaf, &chain, &info, &err), -1, "%s", cases[i].why);
		cr_expect_eq(err.code, ERROR_PROTOCOL, "%s", cases[i].why);
		cr_expect(leaf.len == 0 && chain.len == 0 && !info.serial, "%s", cases[i].why);
	}
}

Test(x509, text_and_other_blocks_around_certificates_are_passed_over)
{
	static const struct {
		const char *head;
		const char *tail;
	} cases[] = {
		{ "subject=/CN=www.example.com\nissuer=/CN=CA\n", "\n" },
		{ "\r\n\r\n \t", "trailing words" },
		{ "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
			"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
	};
	_cleanup_mini_ struct mini_cert cert = { 0 };
	_cleanup_buf_ struct buf one = BUF_INIT;

	mini_make(&cert, &ordinary, NULL);
	mini_pem(&cert, &one);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf in = BUF_INIT;
		_cleanup_buf_ struct buf leaf = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		buf_add_str(&in, cases[i].head);
		buf_add(&in, one.data, one.len);
		buf_add_str(&in, cases[i].tail);
		cr_expect_eq(x509_chain_parse(in.data, in.len, &leaf, NULL, NULL, &err), 0, "%s: %s", cases[i].head,
			err.message);
		cr_expect_str_eq(buf_str(&leaf), one.data);
	}
}

Test(x509, the_limits_of_octets_and_certificates_are_those_of_the_header)
{
	_cleanup_mini_ struct mini_cert cert = { 0 };
	_cleanup_buf_ struct buf in = BUF_INIT;
	_cleanup_buf_ struct buf one = BUF_INIT;

	mini_make(&cert, &ordinary, NULL);
	mini_pem(&cert, &one);
	repeat(&in, one.data, X509_CHAIN_MAX_CERTS);
	cr_expect_eq(parse(&in, NULL, NULL), 0);
	repeat(&in, "\n", X509_CHAIN_MAX_OCTETS - in.len);
	cr_expect_eq(parse(&in, NULL, NULL), 0);
	buf_add_char(&in, '\n');
	cr_expect_eq(parse(&in, NULL, NULL), -1);
}

Test(x509, octets_behind_the_der_of_a_block_are_refused)
{
	_cleanup_mini_ struct mini_cert cert = { 0 };
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_buf_ struct buf pem = BUF_INIT;
	unsigned char base64[4096];
	int len;

	mini_make(&cert, &ordinary, NULL);
	mini_pem(&cert, &pem);
	cr_assert_eq(x509_leaf_der(pem.data, pem.len, &der, NULL), 0);
	buf_add(&der, "\0\0\0", 3);
	len = EVP_EncodeBlock(base64, (unsigned char *)der.data, (int)der.len);
	buf_reset(&pem);
	buf_add_str(&pem, "-----BEGIN CERTIFICATE-----\n");
	for (int i = 0; i < len; i += 64)
		buf_printf(&pem, "%.64s\n", base64 + i);
	buf_add_str(&pem, "-----END CERTIFICATE-----\n");
	cr_expect_eq(parse(&pem, NULL, NULL), -1);
}

Test(x509, a_name_with_a_nul_in_it_is_refused)
{
	/* GeneralNames with the dNSName "a.example\0.evil.org". */
	struct mini_spec spec = { .san = "DER:3015"
					 "8213612E6578616D706C65002E6576696C2E6F7267" };
	_cleanup_mini_ struct mini_cert cert = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf pem = BUF_INIT;

	mini_make(&cert, &spec, NULL);
	mini_pem(&cert, &pem);
	cr_expect_eq(parse(&pem, NULL, &err), -1);
	cr_expect_not_null(strstr(err.message, "malformed name"), "%s", err.message);
}

static int
verify(const struct buf *pem, const struct key *key, const char *names, int64_t now, struct error *err)
{
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_buf_ struct buf leaf = BUF_INIT;
	_cleanup_buf_ struct buf chain = BUF_INIT;
	_cleanup_strlist_ struct strlist doubts = STRLIST_INIT;
	struct x509_asked asked = { .names = &list, .now = now };

	key_spki_sha256(key, asked.spki, NULL);
	strlist_split(&list, names, ' ');
	if (x509_chain_accept(pem->data, pem->len, &asked, &leaf, &chain, &info, &doubts, err) < 0)
		return -1;
	return doubts.count ? error_set(err, ERROR_PROTOCOL, "%s", doubts.items[0]) : 0;
}

Test(x509, the_chains_of_pebble_and_caddy_are_what_was_ordered)
{
	static const struct {
		const char *chain, *key, *names;
		int64_t at;
	} cases[] = {
		{ PEBBLE_CHAIN, PEBBLE_KEY, "*.example.com www.example.com", PEBBLE_CHAIN_AT },
		{ CADDY_CHAIN, CADDY_KEY, "localhost", CADDY_CHAIN_AT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret key_pem = SECRET_INIT;
		_cleanup_key_ struct key *key = NULL;
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		buf_add_str(&pem, cases[i].chain);
		secret_set(&key_pem, cases[i].key, strlen(cases[i].key));
		cr_assert_eq(key_from_pem(&key_pem, NULL, &key, NULL), 0);
		cr_expect_eq(verify(&pem, key, cases[i].names, cases[i].at, &err), 0, "%s", err.message);
		cr_expect_eq(verify(&pem, key, "other.example.com", cases[i].at, &err), -1);
	}
}

/* One leaf of an intermediate of a root, right but for what a case changes. */
Test(x509, a_chain_that_is_not_what_was_ordered_is_refused_with_the_reason)
{
#define NAMES "*.example.com example.com"
	struct mini_spec other_names = ordinary, ca = ordinary, client = ordinary, any = ordinary, early = ordinary,
			 near = ordinary, expired = ordinary, no_eku = ordinary, signs = ordinary;
	const struct {
		const char *why;
		const struct mini_spec *spec;
		const char *names;
		const char *says; /* NULL: accepted */
	} cases[] = {
		{ "as ordered", &ordinary, NAMES, NULL },
		{ "no usage at all", &no_eku, NAMES, NULL },
		{ "any usage", &any, NAMES, NULL },
		{ "the CA's clock is ahead by less than an hour", &near, NAMES, NULL },
		{ "a name too many", &ordinary, "example.com", "not requested" },
		{ "a name too few", &ordinary, NAMES " www.example.com",
			"does not contain the name 'www.example.com'" },
		{ "other names", &other_names, NAMES, "does not contain the name" },
		{ "a CA", &ca, NAMES, "is a CA certificate" },
		{ "may sign certificates", &signs, NAMES, "is a CA certificate" },
		{ "for clients", &client, NAMES, "not valid for TLS servers" },
		{ "not valid yet", &early, NAMES, "not valid yet" },
		{ "expired", &expired, NAMES, "expired" },
	};
	_cleanup_mini_ struct mini_cert root = { 0 };
	_cleanup_mini_ struct mini_cert sub = { 0 };

	other_names.san = "DNS:example.org,DNS:*.example.org";
	ca.basic_constraints = "critical,CA:TRUE";
	ca.key_usage = "critical,keyCertSign";
	signs.basic_constraints = NULL;
	signs.key_usage = "keyCertSign";
	client.extended_key_usage = "clientAuth";
	any.extended_key_usage = "anyExtendedKeyUsage";
	no_eku.extended_key_usage = NULL;
	near.not_before_at = MINI_NOW + 3600;
	early.not_before_at = MINI_NOW + 3601;
	expired.not_after_at = MINI_NOW;
	mini_make_ca(&root, "Mini Root", NULL);
	mini_make_ca(&sub, "Mini Sub", &root);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_mini_ struct mini_cert leaf = { 0 };
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc;

		mini_make(&leaf, cases[i].spec, &sub);
		mini_pem(&leaf, &pem);
		mini_pem(&sub, &pem);
		mini_pem(&root, &pem);
		rc = verify(&pem, leaf.key, cases[i].names, MINI_NOW, &err);
		cr_expect_eq(rc, cases[i].says ? -1 : 0, "%s: %s", cases[i].why, err.message);
		if (!cases[i].says)
			continue;
		cr_expect_eq(err.code, ERROR_PROTOCOL, "%s", cases[i].why);
		cr_expect(err.message && strstr(err.message, cases[i].says), "%s: %s", cases[i].why, err.message);
	}
#undef NAMES
}

/* "L" leaf, "S" its CA, "R" the root, "F" a forged CA of the same name, "O" another leaf. */
/* What is known already is treated as what is new. 0: accepted without a doubt; -1: not, or with one. */
static int
accept_seen(const struct buf *pem, const struct key *key, struct x509_seen *seen)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	struct x509_asked asked = { .names = &names, .now = MINI_NOW, .seen = seen };
	_cleanup_buf_ struct buf leaf = BUF_INIT;
	_cleanup_buf_ struct buf others = BUF_INIT;
	_cleanup_info_ struct cert_info info = { 0 };
	_cleanup_strlist_ struct strlist doubts = STRLIST_INIT;
	int rc;

	key_spki_sha256(key, asked.spki, NULL);
	strlist_add(&names, "example.com");
	strlist_add(&names, "*.example.com");
	rc = x509_chain_accept(pem->data, pem->len, &asked, &leaf, &others, &info, &doubts, NULL);
	if (rc == 0 && doubts.count > 0)
		return -1;
	if (rc == 0) {
		buf_add(&leaf, others.data, others.len);
		cr_expect_str_eq(buf_str(&leaf), pem->data);
	}
	return rc;
}

/* With exponent @e, in hexadecimal. */
static EVP_PKEY *
rsa_with_exponent(const char *e)
{
	_cleanup_(ossl_pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	_cleanup_(ossl_bn_freep) BIGNUM *exponent = NULL;
	EVP_PKEY *key = NULL;

	BN_hex2bn(&exponent, e);
	cr_assert(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent) == 1 &&
		  EVP_PKEY_generate(ctx, &key) == 1);
	return key;
}

Test(x509, a_signature_that_takes_long_to_verify_is_not_verified, .timeout = 300)
{
	static const struct {
		const char *exponent;
		bool is_good;
	} cases[] = { { "10001", true }, { "10000000000000000000000000000001", false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(ossl_pkey_freep) EVP_PKEY *key = rsa_with_exponent(cases[i].exponent);
		_cleanup_mini_ struct mini_cert ca = { 0 };
		_cleanup_mini_ struct mini_cert leaf = { 0 };
		_cleanup_buf_ struct buf pem = BUF_INIT;
		struct mini_spec spec = ordinary;

		spec.authority_key_id = NULL;
		mini_make_ca(&ca, "Mini CA", NULL);
		mini_make(&leaf, &spec, &ca);
		X509_set_pubkey(ca.cert, key);
		cr_assert(X509_sign(ca.cert, key, EVP_sha256()) > 0 && X509_sign(leaf.cert, key, EVP_sha256()) > 0);
		mini_pem(&leaf, &pem);
		mini_pem(&ca, &pem);
		cr_expect_eq(verify(&pem, leaf.key, "example.com *.example.com", MINI_NOW, NULL),
			cases[i].is_good ? 0 : -1, "exponent %s", cases[i].exponent);
	}
}

static void
sign_as(X509 *cert, EVP_PKEY *key, bool is_pss)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;

	if (is_pss)
		cr_assert(EVP_DigestSignInit(ctx, &options, EVP_sha256(), NULL, key) == 1 &&
			  EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
			  X509_sign_ctx(cert, ctx) > 0);
	else
		cr_assert_gt(X509_sign(cert, key, NULL), 0);
	EVP_MD_CTX_free(ctx);
}

Test(x509, signatures_whose_digest_is_elsewhere_are_verified_too, .timeout = 300)
{
	static const struct {
		const char *why;
		bool is_pss, is_forged;
	} cases[] = { { "RSASSA-PSS", true, false }, { "RSASSA-PSS, forged", true, true }, { "Ed25519", false, false },
		{ "Ed25519, forged", false, true } };

	struct x509_seen *seen = x509_seen_new(); /* with it the leaf is decoded without its key */

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(ossl_pkey_freep) EVP_PKEY *key = cases[i].is_pss ? EVP_RSA_gen(2048)
									   : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		_cleanup_(ossl_pkey_freep) EVP_PKEY *other = cases[i].is_pss ? EVP_RSA_gen(2048)
									     : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		_cleanup_mini_ struct mini_cert ca = { 0 };
		_cleanup_mini_ struct mini_cert leaf = { 0 };
		_cleanup_buf_ struct buf pem = BUF_INIT;
		struct mini_spec spec = ordinary;

		spec.authority_key_id = NULL;
		mini_make_ca(&ca, "Mini CA", NULL);
		mini_make(&leaf, &spec, &ca);
		X509_set_pubkey(ca.cert, key);
		sign_as(ca.cert, key, cases[i].is_pss);
		sign_as(leaf.cert, cases[i].is_forged ? other : key, cases[i].is_pss);
		mini_pem(&leaf, &pem);
		mini_pem(&ca, &pem);
		cr_expect_eq(verify(&pem, leaf.key, "example.com *.example.com", MINI_NOW, NULL),
			cases[i].is_forged ? -1 : 0, "%s", cases[i].why);
		buf_str(&pem);
		cr_expect_eq(accept_seen(&pem, leaf.key, seen), cases[i].is_forged ? -1 : 0, "%s", cases[i].why);
	}
	x509_seen_free(seen);
}

Test(x509, each_certificate_is_signed_by_the_next_one_which_is_a_ca)
{
	static const struct {
		const char *order;
		bool is_good;
	} cases[] = { { "L", true }, { "LS", true }, { "LSR", true }, { "LR", false }, { "LSS", false },
		{ "LF", false }, { "LRS", false }, { "LO", false }, { "LSO", false }, { "LL", false } };
	_cleanup_mini_ struct mini_cert root = { 0 };
	_cleanup_mini_ struct mini_cert sub = { 0 };
	_cleanup_mini_ struct mini_cert forged = { 0 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_mini_ struct mini_cert other = { 0 };
	struct x509_seen *seen = x509_seen_new();
	struct mini_spec spec = ordinary;

	spec.authority_key_id = NULL; /* or the identifier alone would give the forgery away */
	mini_make_ca(&root, "Mini Root", NULL);
	mini_make_ca(&sub, "Mini Sub", &root);
	mini_make_ca(&forged, "Mini Sub", NULL);
	mini_make(&leaf, &spec, &sub);
	mini_make(&other, &spec, &sub);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf pem = BUF_INIT;

		for (const char *p = cases[i].order; *p; p++)
			mini_pem(*p == 'L'   ? &leaf
				 : *p == 'S' ? &sub
				 : *p == 'R' ? &root
				 : *p == 'F' ? &forged
					     : &other,
				&pem);
		cr_expect_eq(verify(&pem, leaf.key, "example.com *.example.com", MINI_NOW, NULL),
			cases[i].is_good ? 0 : -1, "%s", cases[i].order);
		buf_str(&pem);
		for (int again = 0; again < 2; again++)
			cr_expect_eq(
				accept_seen(&pem, leaf.key, seen), cases[i].is_good ? 0 : -1, "%s", cases[i].order);
	}
	x509_seen_free(seen);
}

/* Wherever the CA put it, our certificate comes first, and the others keep their order. */
Test(x509, usages_and_the_issuer_of_the_topmost_certificate_are_described)
{
	_cleanup_mini_ struct mini_cert root = { 0 };
	_cleanup_mini_ struct mini_cert sub = { 0 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	_cleanup_info_ struct cert_info info = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_free_ char *usages = NULL;
	struct mini_spec spec = ordinary;
	struct x509_seen *seen = x509_seen_new();

	spec.extended_key_usage = "serverAuth,clientAuth,1.2.3.4";
	mini_make_ca(&root, "Mini Root", NULL);
	mini_make_ca(&sub, "Mini Sub", &root);
	mini_make(&leaf, &spec, &sub);
	mini_pem(&leaf, &pem);
	mini_pem(&sub, &pem);
	cr_assert_eq(x509_chain_describe(pem.data, pem.len, seen, &info, NULL), 0);
	usages = strlist_join(&info.usages, " ");
	cr_expect_str_eq(usages, "serverAuth clientAuth 1.2.3.4", "%s", usages);
	cr_expect_str_eq(info.issuer_cn, "Mini Sub");
	cr_expect_str_eq(info.top_issuer_cn, "Mini Root");
	cr_expect(info.has_chain);
	x509_seen_free(seen);
}

Test(x509, an_issuer_that_expires_before_the_certificate_is_a_doubt)
{
	static const int64_t ends_at[] = { MINI_NOW + 90 * MINI_DAY, MINI_NOW + 90 * MINI_DAY - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(ends_at); i++) {
		_cleanup_mini_ struct mini_cert root = { 0 };
		_cleanup_mini_ struct mini_cert sub = { 0 };
		_cleanup_mini_ struct mini_cert leaf = { 0 };
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		const struct mini_spec spec = { .cn = "Mini Sub",
			.basic_constraints = "critical,CA:TRUE",
			.key_usage = "critical,keyCertSign",
			.authority_key_id = "keyid",
			.not_after_at = ends_at[i] };

		mini_make_ca(&root, "Mini Root", NULL);
		mini_make(&sub, &spec, &root);
		mini_make(&leaf, &ordinary, &sub);
		mini_pem(&leaf, &pem);
		mini_pem(&sub, &pem);
		cr_expect_eq(verify(&pem, leaf.key, "example.com *.example.com", MINI_NOW, &err), i ? -1 : 0);
		if (i)
			cr_expect(strstr(err.message, "certificate 2 of the chain ('Mini Sub') expires before"), "%s",
				err.message);
	}
}

Test(x509, the_certificate_of_our_key_becomes_the_first)
{
	static const char *const orders[] = { "LSR", "SLR", "SRL" };
	_cleanup_mini_ struct mini_cert root = { 0 };
	_cleanup_mini_ struct mini_cert sub = { 0 };
	_cleanup_mini_ struct mini_cert leaf = { 0 };
	struct x509_seen *seen = x509_seen_new();

	mini_make_ca(&root, "Mini Root", NULL);
	mini_make_ca(&sub, "Mini Sub", &root);
	mini_make(&leaf, &ordinary, &sub);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		const char *order = orders[i / 2];
		_cleanup_strlist_ struct strlist names = STRLIST_INIT;
		struct x509_asked asked = { .names = &names, .now = MINI_NOW, .seen = i % 2 ? seen : NULL };
		_cleanup_buf_ struct buf pem = BUF_INIT, first = BUF_INIT, others = BUF_INIT;
		_cleanup_buf_ struct buf ours = BUF_INIT, cas = BUF_INIT;
		_cleanup_info_ struct cert_info info = { 0 };
		_cleanup_strlist_ struct strlist doubts = STRLIST_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		key_spki_sha256(leaf.key, asked.spki, NULL);
		strlist_split(&names, "example.com *.example.com", ' ');
		for (const char *p = order; *p; p++)
			mini_pem(*p == 'L' ? &leaf : *p == 'S' ? &sub : &root, &pem);
		mini_pem(&leaf, &ours);
		mini_pem(&sub, &cas);
		mini_pem(&root, &cas);
		cr_assert_eq(x509_chain_accept(pem.data, pem.len, &asked, &first, &others, &info, &doubts, &err), 0,
			"%s: %s", order, err.message);
		cr_expect_eq(doubts.count, 0, "%s: %s", order, doubts.count ? doubts.items[0] : "");
		cr_expect_str_eq(buf_str(&first), buf_str(&ours), "%s", order);
		cr_expect_str_eq(buf_str(&others), buf_str(&cas), "%s", order);
	}
	x509_seen_free(seen);
}

Test(x509, must_staple_without_a_responder_is_a_doubt)
{
	static const struct {
		const char *feature, *access;
		bool must_staple, has_ocsp, is_doubt;
	} cases[] = {
		{ NULL, NULL, false, false, false },
		{ "status_request", NULL, true, false, true },
		{ "status_request", "caIssuers;URI:http://ca.test/ca.der", true, false, true },
		{ "status_request", "OCSP;URI:http://ocsp.test/", true, true, false },
		{ "17", NULL, false, false, false }, /* status_request_v2 */
		{ NULL, "OCSP;URI:http://ocsp.test/", false, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_mini_ struct mini_cert ca = { 0 };
		_cleanup_mini_ struct mini_cert leaf = { 0 };
		_cleanup_info_ struct cert_info info = { 0 };
		_cleanup_buf_ struct buf pem = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		struct mini_spec spec = ordinary;

		spec.tls_feature = cases[i].feature;
		spec.info_access = cases[i].access;
		mini_make_ca(&ca, "Mini CA", NULL);
		mini_make(&leaf, &spec, &ca);
		mini_pem(&leaf, &pem);
		mini_pem(&ca, &pem);
		cr_assert_eq(x509_chain_describe(pem.data, pem.len, NULL, &info, NULL), 0);
		cr_expect_eq(info.must_staple, cases[i].must_staple, "%zu", i);
		cr_expect_eq(info.has_ocsp, cases[i].has_ocsp, "%zu", i);
		cr_expect_eq(verify(&pem, leaf.key, "example.com *.example.com", MINI_NOW, &err),
			cases[i].is_doubt ? -1 : 0, "%zu", i);
		if (cases[i].is_doubt)
			cr_expect_not_null(strstr(err.message, "must-staple"), "%s", err.message);
	}
}

Test(x509, another_key_is_told)
{
	_cleanup_mini_ struct mini_cert one = { 0 };
	_cleanup_mini_ struct mini_cert two = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	mini_make(&one, &ordinary, NULL);
	mini_make(&two, &ordinary, NULL);
	mini_pem(&one, &pem);
	cr_expect_eq(verify(&pem, two.key, "example.com *.example.com", MINI_NOW, &err), -1);
	cr_expect_not_null(strstr(err.message, "another key"), "%s", err.message);
}
