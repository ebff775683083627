#include "common/crypto/ocsp.h"

#include "common/crypto/x509_chain.h"
#include "common/error.h"
#include "tests/support/crl_maker.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

#define URL "http://ocsp.example/ca"

/* A root, its intermediate, a leaf that names a responder, and certificates that might sign an answer. */
struct scene {
	struct mini_cert root, ca, leaf, other, delegate;
	struct crl_points points;
};

static void
make(struct scene *s, const char *info_access)
{
	const struct mini_spec leaf = { .cn = "example.com",
		.san = "DNS:example.com",
		.authority_key_id = "keyid",
		.serial = "8000000000000000000000000000000000000001",
		.info_access = info_access };
	_cleanup_buf_ struct buf leaf_pem = BUF_INIT;
	_cleanup_buf_ struct buf chain_pem = BUF_INIT;

	*s = (struct scene){ .points = { .count = 0 } };
	mini_make_ca(&s->root, "Mini Root", NULL);
	mini_make_ca(&s->ca, "Mini CA", &s->root);
	mini_make(&s->leaf, &leaf, &s->ca);
	mini_pem(&s->leaf, &leaf_pem);
	mini_pem(&s->ca, &chain_pem);
	cr_assert_eq(crl_points_of(&leaf_pem, &chain_pem, NULL, &s->points, NULL), 0);
	cr_expect_eq(mini_is_watchable(&leaf_pem, &chain_pem), s->points.count > 0);
}

static void
begin(struct scene *s)
{
	make(s, "OCSP;URI:" URL);
	cr_assert_eq(s->points.count, 1);
	cr_assert(s->points.items[0].is_ocsp);
	cr_assert_str_eq(s->points.items[0].url, URL);
}

static void
end(struct scene *s)
{
	crl_points_clear(&s->points);
	mini_clear(&s->root);
	mini_clear(&s->ca);
	mini_clear(&s->leaf);
	mini_clear(&s->other);
	mini_clear(&s->delegate);
}

static int
read_answer(const struct scene *s, const struct buf *answer, struct crl_entry *entry, struct crl_facts *facts,
	struct error *err)
{
	const struct crl_point *point = &s->points.items[0];
	const struct crl_asked asked = {
		.url = point->url, .cert = &point->cert, .issuer = &point->issuer, .now = MINI_NOW
	};

	return ocsp_read(answer->data, answer->len, &asked, entry, facts, err);
}

/* Makes an answer and reads it. */
static int
answer(const struct scene *s, const struct ocsp_spec *spec, struct crl_entry *entry, struct error *err)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct crl_facts facts = { 0 };

	ocsp_make(s->leaf.cert, s->ca.cert, key_evp(s->ca.key), spec, &der);
	return read_answer(s, &der, entry, &facts, err);
}

static const struct ocsp_spec good = { .this_at = MINI_NOW - 3600, .next_at = MINI_NOW + MINI_DAY };

Test(ocsp, the_question_is_one_that_a_responder_decodes)
{
	static const struct {
		const char *url, *begin;
	} cases[] = { { URL, URL "/M" }, { "http://x/", "http://x/M" } };
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct crl_point *point = &s.points.items[0];
		_cleanup_free_ char *question = ocsp_question(cases[i].url, &point->cert, &point->issuer);
		_cleanup_buf_ struct buf base64 = BUF_INIT;
		unsigned char der[512];
		const unsigned char *p = der;
		OCSP_REQUEST *request;
		OCSP_CERTID *id, *wanted = OCSP_cert_to_id(EVP_sha1(), s.leaf.cert, s.ca.cert);
		int len;

		cr_assert(strncmp(question, cases[i].begin, strlen(cases[i].begin)) == 0, "%s", question);
		for (const char *c = question + strlen(cases[i].begin) - 1; *c; c++) {
			char hex[3] = { 0 };

			cr_assert_null(strchr("+/=", *c), "%s", question);
			if (*c != '%') {
				buf_add_char(&base64, *c);
				continue;
			}
			memcpy(hex, c + 1, 2);
			buf_add_char(&base64, (char)strtol(hex, NULL, 16));
			c += 2;
		}
		len = EVP_DecodeBlock(der, (const unsigned char *)base64.data, (int)base64.len);
		request = d2i_OCSP_REQUEST(NULL, &p, len);
		cr_assert_not_null(request);
		cr_expect_eq(OCSP_request_onereq_count(request), 1);
		cr_expect_eq(OCSP_REQUEST_get_ext_count(request), 0, "no nonce");
		id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0));
		cr_expect_eq(OCSP_id_cmp(id, wanted), 0);
		OCSP_CERTID_free(wanted);
		OCSP_REQUEST_free(request);
	}
	end(&s);
}

Test(ocsp, says_whether_the_certificate_is_revoked_since_when_and_why)
{
	static const struct {
		int status, reason;
		const char *word; /* NULL: it is good */
	} cases[] = { { V_OCSP_CERTSTATUS_GOOD, -1, NULL }, { V_OCSP_CERTSTATUS_REVOKED, -1, "unspecified" },
		{ V_OCSP_CERTSTATUS_REVOKED, 1, "keyCompromise" }, { V_OCSP_CERTSTATUS_REVOKED, 4, "superseded" } };
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ocsp_spec spec = good;
		_cleanup_error_ struct error err = ERROR_INIT;
		struct crl_entry entry = { .reason = NULL };

		spec.status = cases[i].status;
		spec.reason = cases[i].reason;
		spec.revoked_at = MINI_NOW - 7200;
		cr_expect_eq(answer(&s, &spec, &entry, &err), cases[i].word != NULL, "%s", err.message);
		if (!cases[i].word)
			continue;
		cr_expect_str_eq(entry.reason, cases[i].word);
		cr_expect_eq(entry.revoked_at, MINI_NOW - 7200);
	}
	end(&s);
}

Test(ocsp, is_refused_unless_it_is_a_present_answer_without_surprises)
{
	static const struct {
		const char *why;
		struct ocsp_spec spec;
		enum error_code code;
		const char *message; /* NULL: it is good */
	} cases[] = {
		{ "good", { .this_at = MINI_NOW, .next_at = MINI_NOW + 1 }, ERROR_NONE, NULL },
		{ "a clock that differs", { .this_at = MINI_NOW + 3600, .next_at = MINI_NOW + MINI_DAY }, ERROR_NONE,
			NULL },
		{ "from the future", { .this_at = MINI_NOW + 3601, .next_at = MINI_NOW + MINI_DAY }, ERROR_PROTOCOL,
			"from the future" },
		{ "expired", { .this_at = MINI_NOW - MINI_DAY, .next_at = MINI_NOW }, ERROR_STATE, "expired at" },
		{ "without an end", { .this_at = MINI_NOW - MINI_DAY + 1 }, ERROR_NONE, NULL },
		{ "old, without an end", { .this_at = MINI_NOW - MINI_DAY }, ERROR_STATE, "expired at" },
		{ "unknown", { .this_at = MINI_NOW, .status = V_OCSP_CERTSTATUS_UNKNOWN }, ERROR_PROTOCOL,
			"does not know the certificate" },
		{ "an extension", { .this_at = MINI_NOW, .unknown = "DER:0500" }, ERROR_NONE, NULL },
		{ "a critical extension", { .this_at = MINI_NOW, .unknown = "critical,DER:0500" }, ERROR_PROTOCOL,
			"critical extension" },
		{ "malformed", { .refusal = 1 }, ERROR_PROTOCOL, "'malformedRequest'" },
		{ "broken", { .refusal = 2 }, ERROR_UNAVAILABLE, "'internalError'" },
		{ "busy", { .refusal = 3 }, ERROR_UNAVAILABLE, "'tryLater'" },
		{ "unauthorized", { .refusal = 6 }, ERROR_PROTOCOL, "'unauthorized'" },
		{ "a status of later", { .refusal = 4 }, ERROR_PROTOCOL, "unknown status 4" },
	};
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct crl_entry entry;
		int rc = answer(&s, &cases[i].spec, &entry, &err);

		cr_expect_eq(rc, cases[i].message ? -1 : 0, "%s: %s", cases[i].why, err.message);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].why, err.message);
		if (cases[i].message && rc < 0)
			cr_expect(strstr(err.message, cases[i].message), "%s: %s", cases[i].why, err.message);
	}
	end(&s);
}

/* RFC 6960 s4.2.2.2. */
Test(ocsp, counts_only_if_the_issuer_or_its_delegate_has_signed_it)
{
	static const struct {
		const char *why;
		struct mini_spec spec;
		bool is_of_root, is_by_key, has_no_signer;
		const char *message; /* NULL: it counts */
	} cases[] = {
		{ "delegate", { .cn = "OCSP", .extended_key_usage = "OCSPSigning" }, .message = NULL },
		{ "delegate by key", { .cn = "OCSP", .extended_key_usage = "OCSPSigning" }, .is_by_key = true },
		{ "without the usage", { .cn = "OCSP" }, .message = "not made for OCSP" },
		{ "a server", { .cn = "OCSP", .extended_key_usage = "serverAuth" }, .message = "not made for OCSP" },
		{ "may not sign", { .cn = "OCSP", .extended_key_usage = "OCSPSigning", .key_usage = "keyAgreement" },
			.message = "not made for OCSP" },
		{ "of another CA", { .cn = "OCSP", .extended_key_usage = "OCSPSigning" }, .is_of_root = true,
			.message = "not made for OCSP" },
		{ "expired", { .cn = "OCSP", .extended_key_usage = "OCSPSigning", .not_after_at = MINI_NOW },
			.message = "not made for OCSP" },
		{ "not valid yet", { .cn = "OCSP", .extended_key_usage = "OCSPSigning", .not_before_at = MINI_NOW + 1 },
			.message = "not made for OCSP" },
		{ "left out", { .cn = "OCSP", .extended_key_usage = "OCSPSigning" }, .has_no_signer = true,
			.message = "does not have the certificate that signed it" },
		{ "the issuer's name", { .cn = "Mini CA" }, .message = "signature of the answer is wrong" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct ocsp_spec spec = good;
		struct crl_entry entry;
		struct scene s;
		int rc;

		begin(&s);
		mini_make(&s.delegate, &cases[i].spec, cases[i].is_of_root ? &s.root : &s.ca);
		spec.signer = s.delegate.cert;
		spec.key = key_evp(s.delegate.key);
		spec.is_by_key = cases[i].is_by_key;
		spec.has_no_signer = cases[i].has_no_signer;
		rc = answer(&s, &spec, &entry, &err);
		cr_expect_eq(rc, cases[i].message ? -1 : 0, "%s: %s", cases[i].why, err.message);
		if (cases[i].message && rc < 0)
			cr_expect(strstr(err.message, cases[i].message), "%s: %s", cases[i].why, err.message);
		end(&s);
	}
}

Test(ocsp, about_another_certificate_or_of_another_issuer_is_refused)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	const struct mini_spec other = { .cn = "other.example.com", .serial = "02" };
	struct crl_facts facts = { 0 };
	struct crl_entry entry;
	struct scene s;

	begin(&s);
	mini_make(&s.other, &other, &s.ca);
	ocsp_make(s.other.cert, s.ca.cert, key_evp(s.ca.key), &good, &der);
	cr_expect_eq(read_answer(&s, &der, &entry, &facts, &err), -1);
	cr_expect(strstr(err.message, "about other certificates"), "%s", err.message);
	/* A stranger with the issuer's name in the chain cannot vouch for the certificate. */
	mini_make_ca(&s.delegate, "Mini CA", NULL);
	buf_reset(&s.points.items[0].issuer);
	x509_add_der(s.delegate.cert, &s.points.items[0].issuer, NULL);
	buf_reset(&der);
	ocsp_make(s.leaf.cert, s.delegate.cert, key_evp(s.delegate.key), &good, &der);
	cr_expect_eq(read_answer(&s, &der, &entry, &facts, &err), -1);
	cr_expect(strstr(err.message, "does not have the issuer"), "%s", err.message);
	end(&s);
}

/* Cut anywhere, or with any octet changed, a revocation does not become good. */
Test(ocsp, a_damaged_one_is_refused)
{
	struct ocsp_spec spec = good;
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct crl_facts facts = { 0 };
	struct crl_entry entry;
	struct scene s;

	begin(&s);
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	spec.revoked_at = MINI_NOW - 1;
	ocsp_make(s.leaf.cert, s.ca.cert, key_evp(s.ca.key), &spec, &der);
	for (size_t i = 0; i < der.len; i++) {
		_cleanup_buf_ struct buf damaged = BUF_INIT;

		buf_add(&damaged, der.data, i);
		cr_expect_eq(read_answer(&s, &damaged, &entry, &facts, NULL), -1, "cut at %zu", i);
		buf_add(&damaged, der.data + i, der.len - i);
		damaged.data[i] ^= 1;
		cr_expect_neq(read_answer(&s, &damaged, &entry, &facts, NULL), 0, "octet %zu", i);
	}
	buf_add_char(&der, '\0');
	cr_expect_eq(read_answer(&s, &der, &entry, &facts, NULL), -1);
	end(&s);
}

Test(ocsp, points_are_http_responders_of_certificates_whose_issuer_is_in_the_chain)
{
	static const struct {
		const char *access;
		const char *url; /* NULL: none */
	} cases[] = {
		{ NULL, NULL },
		{ "OCSP;URI:" URL, URL },
		{ "caIssuers;URI:http://x/ca.cer", NULL },
		{ "caIssuers;URI:http://x/ca.cer,OCSP;URI:https://x/,OCSP;URI:" URL, URL },
		{ "OCSP;DNS:ocsp.example", NULL },
		{ "OCSP;URI:http://x/\033[2J", NULL },
	};
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_buf_ struct buf none = BUF_INIT;
	struct crl_points points = { .count = 0 };
	struct scene s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&s, cases[i].access);
		cr_expect_eq(s.points.count, cases[i].url != NULL, "%s", cases[i].access);
		if (cases[i].url && s.points.count)
			cr_expect_str_eq(s.points.items[0].url, cases[i].url);
		end(&s);
	}
	begin(&s);
	mini_pem(&s.leaf, &pem);
	cr_assert_eq(crl_points_of(&pem, &none, NULL, &points, NULL), 0);
	cr_expect_eq(points.count, 0, "the question needs the issuer's key");
	cr_expect_not(mini_is_watchable(&pem, &none));
	end(&s);
}
