#include "common/crypto/x509.h"
#include "common/error.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <string.h>

/* A chain of a leaf and an intermediate, and what may be among the roots. */
struct scene {
	struct mini_cert root, ca, leaf, other, namesake, cross;
	struct buf chain;
};

static void
begin(struct scene *s)
{
	const struct mini_spec leaf = { .cn = "example.com", .san = "DNS:example.com" };

	*s = (struct scene){ .chain = BUF_INIT };
	mini_make_ca(&s->root, "Mini Root", NULL);
	mini_make_ca(&s->other, "Other Root", NULL);
	mini_make_ca(&s->namesake, "Mini Root", NULL);
	mini_cross_sign(&s->cross, &s->root, &s->other);
	mini_make_ca(&s->ca, "Mini CA", &s->root);
	mini_make(&s->leaf, &leaf, &s->ca);
	mini_pem(&s->leaf, &s->chain);
	mini_pem(&s->ca, &s->chain);
}

static void
end(struct scene *s)
{
	struct mini_cert *all[] = { &s->root, &s->ca, &s->leaf, &s->other, &s->namesake, &s->cross };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mini_clear(all[i]);
	buf_clear(&s->chain);
}

Test(x509_roots, a_chain_leads_to_a_root_that_has_signed_it)
{
	struct scene s;

	begin(&s);
	struct {
		const char *why;
		const struct mini_cert *roots[2];
		const struct mini_cert *above; /* at the end of the chain */
		const char *message;           /* NULL: it does */
	} cases[] = {
		{ "its root", { &s.root }, NULL, NULL },
		{ "one of several", { &s.other, &s.root }, NULL, NULL },
		{ "with the root in the chain", { &s.root }, &s.root, NULL },
		{ "an intermediate", { &s.ca }, NULL, NULL },
		{ "another root", { &s.other }, NULL, "issuer" },
		{ "another root, and the chain has its own", { &s.other }, &s.root, "self-signed" },
		{ "a root of the same name", { &s.namesake }, NULL, "issuer" },
		{ "by a cross-signed root", { &s.other }, &s.cross, NULL },
		{ "its own root, and the chain goes on", { &s.root }, &s.cross, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buf_ struct buf roots = BUF_INIT;
		_cleanup_buf_ struct buf chain = BUF_INIT;
		int rc;

		buf_add_str(&roots, "The roots:\n");
		for (size_t n = 0; n < 2 && cases[i].roots[n]; n++)
			mini_pem(cases[i].roots[n], &roots);
		buf_add(&chain, s.chain.data, s.chain.len);
		if (cases[i].above)
			mini_pem(cases[i].above, &chain);
		cr_expect_eq(x509_roots_check(&roots, NULL), 0, "%s", cases[i].why);
		rc = x509_chain_check_roots(chain.data, chain.len, &roots, &err);
		cr_expect_eq(rc, cases[i].message ? -1 : 0, "%s: %s", cases[i].why, err.message);
		if (cases[i].message && rc < 0)
			cr_expect(err.code == ERROR_PROTOCOL && strstr(err.message, cases[i].message), "%s: %s",
				cases[i].why, err.message);
	}
	end(&s);
}

Test(x509_roots, a_file_without_certificates_or_with_a_damaged_one_is_refused)
{
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ "", "contains no PEM certificate" },
		{ "no roots here\n", "contains no PEM certificate" },
		{ "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "contains a damaged certificate" },
		{ "-----BEGIN CERTIFICATE-----\nMIIB", "contains a damaged certificate" },
	};
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buf_ struct buf roots = BUF_INIT;

		buf_add_str(&roots, cases[i].text);
		cr_expect_eq(x509_roots_check(&roots, &err), -1, "%s", cases[i].text);
		cr_expect(err.code == ERROR_INVALID && strstr(err.message, cases[i].message), "%s: %s", cases[i].text,
			err.message);
		cr_expect_eq(x509_chain_check_roots(s.chain.data, s.chain.len, &roots, NULL), -1, "%s", cases[i].text);
	}
	end(&s);
}
