#include "daemon/store/certificate.h"

#include "common/crypto/x509.h"

#include <criterion/criterion.h>
#include <string.h>

Test(certificate, has_what_its_certificate_says)
{
	struct cert_info info = { .serial = (char *)"01:02",
		.sha256 = (char *)"ab",
		.issuer_cn = (char *)"R3",
		.issuer_org = (char *)"Let's Encrypt",
		.not_before_at = 1000,
		.not_after_at = 2000 };
	_cleanup_certificate_ struct certificate c = { 0 };

	certificate_fill(&c, &info, "rsa2048");
	cr_expect_str_eq(c.serial, "01:02");
	cr_expect_str_eq(c.sha256, "ab");
	cr_expect_str_eq(c.issuer_cn, "R3");
	cr_expect_str_eq(c.issuer_org, "Let's Encrypt");
	cr_expect_str_eq(c.key_algorithm, "rsa2048");
	cr_expect_eq(c.not_before_at, 1000);
	cr_expect_eq(c.not_after_at, 2000);
}

Test(certificate, its_status_is_of_the_moment)
{
	static const struct {
		bool is_revoked;
		int64_t now;
		const char *status;
	} cases[] = {
		{ false, 999, "pending" },
		{ false, 1000, "active" },
		{ false, 1999, "active" },
		{ false, 2000, "expired" },
		{ true, 999, "revoked" },
		{ true, 1500, "revoked" },
		{ true, 2000, "revoked" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct certificate c = {
			.not_before_at = 1000, .not_after_at = 2000, .is_revoked = cases[i].is_revoked
		};

		cr_expect_str_eq(certificate_status(&c, cases[i].now), cases[i].status, "case %zu", i);
	}
}

Test(certificate, one_wildcard_among_its_names_is_enough)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	cr_expect_not(certificate_has_wildcard(&c));
	strlist_add(&c.names, "www.example.com");
	cr_expect_not(certificate_has_wildcard(&c));
	strlist_add(&c.names, "*.example.com");
	cr_expect(certificate_has_wildcard(&c));
}
