/* What a presented chain says about the server: pure. */
#include "common/crypto/x509_chain.h"
#include "daemon/rollout/probe_private.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A root, two intermediates, and leaves of the second one. */
struct pki {
	struct mini_cert root, upper, lower, leaf, old, other;
	int64_t now;
	struct certificate expected; /* @leaf with both intermediates and the root, as some CAs give them */
};

static void
pki_init(struct pki *p)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	*p = (struct pki){ .root = { .key = NULL }, .now = MINI_NOW };
	mini_make_ca(&p->root, "Root", NULL);
	mini_make_ca(&p->upper, "Upper", &p->root);
	mini_make_ca(&p->lower, "Lower", &p->upper);
	mini_make(&p->leaf, &(struct mini_spec){ .san = "DNS:www.example.com,DNS:*.example.org", .serial = "0A0B" },
		&p->lower);
	mini_make(&p->old,
		&(struct mini_spec){
			.san = "DNS:www.example.com,DNS:a.example,DNS:b.example,DNS:c.example", .serial = "0C0D" },
		&p->lower);
	mini_make(&p->other, &(struct mini_spec){ .san = "DNS:default.example", .serial = "0E" }, &p->lower);
	mini_pem(&p->lower, &p->expected.chain_pem);
	mini_pem(&p->upper, &p->expected.chain_pem);
	mini_pem(&p->root, &p->expected.chain_pem);
	cr_assert_eq(x509_add_der(p->leaf.cert, &der, NULL), 0);
	p->expected.sha256 = x509_fingerprint_der(der.data, der.len);
	strlist_add(&p->expected.names, "www.example.com");
	strlist_add(&p->expected.names, "*.example.org");
	p->expected.not_before_at = MINI_NOW - MINI_DAY;
	p->expected.not_after_at = MINI_NOW + 90 * MINI_DAY;
}

static void
pki_clear(struct pki *p)
{
	struct mini_cert *all[] = { &p->root, &p->upper, &p->lower, &p->leaf, &p->old, &p->other };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mini_clear(all[i]);
	certificate_clear(&p->expected);
}

/* @chain: NULL-terminated, the leaf first. */
static void
expect_state(
	struct pki *p, const struct mini_cert *const *chain, const char *sni, enum probe_state state, const char *says)
{
	STACK_OF(X509) *presented = sk_X509_new_null();
	struct probe_answer answer = { .state = PROBE_UNREACHABLE };
	struct probe_expected expected;

	probe_expect(&expected, &p->expected, NULL);
	for (size_t i = 0; chain[i]; i++)
		sk_X509_push(presented, chain[i]->cert);
	probe_judge(&expected, chain[0]->cert, presented, sni, p->now, &answer);
	cr_expect_eq(answer.state, state, "%s: %s", probe_state_name(answer.state), answer.error.message);
	cr_expect_eq(error_is_set(&answer.error), state != PROBE_SERVED);
	if (says)
		cr_expect_str_eq(answer.error.message, says);
	probe_answer_clear(&answer);
	probe_expected_clear(&expected);
	sk_X509_free(presented);
}

#define CHAIN(...) \
	(const struct mini_cert *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

Test(probe_judge, a_chain_is_complete_in_any_order_with_or_without_the_root)
{
	struct pki p;

	pki_init(&p);
	expect_state(&p, CHAIN(&p.leaf, &p.lower, &p.upper), "www.example.com", PROBE_SERVED, NULL);
	expect_state(&p, CHAIN(&p.leaf, &p.upper, &p.lower), "www.example.com", PROBE_SERVED, NULL);
	expect_state(&p, CHAIN(&p.leaf, &p.root, &p.lower, &p.upper, &p.other), "www.example.com", PROBE_SERVED, NULL);
	expect_state(&p, CHAIN(&p.leaf, &p.lower), "www.example.com", PROBE_INCOMPLETE,
		"serves the newest certificate without the intermediate certificate 'Upper'");
	expect_state(&p, CHAIN(&p.leaf), NULL, PROBE_INCOMPLETE,
		"serves the newest certificate without the intermediate certificate 'Lower'");
	pki_clear(&p);
}

Test(probe_judge, an_intermediate_that_is_cross_signed_is_as_good)
{
	struct mini_cert elsewhere, crossed;
	struct pki p;

	pki_init(&p);
	mini_make_ca(&elsewhere, "Elsewhere", NULL);
	mini_cross_sign(&crossed, &p.upper, &elsewhere);
	expect_state(&p, CHAIN(&p.leaf, &p.lower, &crossed), "www.example.com", PROBE_SERVED, NULL);
	mini_clear(&crossed);
	mini_clear(&elsewhere);
	pki_clear(&p);
}

Test(probe_judge, what_is_served_instead_is_described)
{
	struct pki p;

	pki_init(&p);
	expect_state(&p, CHAIN(&p.old, &p.lower), "www.example.com", PROBE_STALE,
		"serves another certificate than the newest: serial 0C:0D, issued by Lower for www.example.com, "
		"a.example, b.example and 1 more, valid until 2027-02-19T10:30:00Z");
	expect_state(&p, CHAIN(&p.other, &p.lower), "www.example.com", PROBE_MISMATCH,
		"serves a certificate that is not for 'www.example.com': serial 0E, issued by Lower for "
		"default.example, valid until 2027-02-19T10:30:00Z");
	/* Without a server name the first name of the certificate decides. */
	expect_state(&p, CHAIN(&p.other), NULL, PROBE_MISMATCH, NULL);
	expect_state(&p, CHAIN(&p.old), NULL, PROBE_STALE, NULL);
	pki_clear(&p);
}

Test(probe_judge, the_newest_is_of_no_use_before_and_after_its_time)
{
	static const struct {
		int64_t at;
		enum probe_state state;
		const char *says;
	} cases[] = {
		{ -MINI_DAY - 1, PROBE_NOT_VALID,
			"serves the newest certificate, which is not valid before 2026-11-20T10:30:00Z" },
		{ -MINI_DAY, PROBE_SERVED, NULL },
		{ 90 * MINI_DAY - 1, PROBE_SERVED, NULL },
		{ 90 * MINI_DAY, PROBE_NOT_VALID,
			"serves the newest certificate, which expired at 2027-02-19T10:30:00Z" },
	};
	struct pki p;

	pki_init(&p);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		p.now = MINI_NOW + cases[i].at;
		expect_state(&p, CHAIN(&p.leaf, &p.lower, &p.upper), NULL, cases[i].state, cases[i].says);
	}
	/* That is worse news than a missing intermediate; another certificate stays another one. */
	expect_state(&p, CHAIN(&p.leaf), NULL, PROBE_NOT_VALID, NULL);
	expect_state(&p, CHAIN(&p.old), NULL, PROBE_STALE, NULL);
	pki_clear(&p);
}

Test(probe_judge, the_host_is_requested_if_the_certificate_is_for_it)
{
	static const struct {
		const char *host, *sni, *requested;
	} cases[] = {
		{ "www.example.com", NULL, "www.example.com" },
		{ "mail.example.org", NULL, "mail.example.org" },
		{ "a.b.example.org", NULL, "www.example.com" },
		{ "node1.internal", NULL, "www.example.com" },
		{ "192.0.2.1", NULL, "www.example.com" },
		{ "www.example.com", "other.example", "other.example" },
	};
	struct pki p;

	pki_init(&p);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct probe endpoint = { .host = (char *)cases[i].host, .sni = (char *)cases[i].sni };
		_cleanup_free_ char *sni = probe_sni(&endpoint, &p.expected);

		cr_expect_str_eq(sni, cases[i].requested, "%s", cases[i].host);
	}
	pki_clear(&p);
}

Test(probe_judge, a_wrong_certificate_is_reported_before_an_address_that_does_not_answer)
{
	struct probe_answer answers[] = { { .state = PROBE_SERVED }, { .state = PROBE_UNREACHABLE },
		{ .state = PROBE_INCOMPLETE }, { .state = PROBE_STALE } };
	struct probe_result result = { .answers = answers, .count = 2 };

	cr_expect_eq(probe_worst(&result), &answers[1]);
	result.count = 3;
	cr_expect_eq(probe_worst(&result), &answers[2]);
	result.count = 4;
	cr_expect_eq(probe_worst(&result), &answers[3]);
}

Test(probe_judge, the_name_that_is_requested_is_one_that_the_certificate_has)
{
	static const struct {
		const char *names, *host, *requested; /* NULL: none */
	} cases[] = {
		{ "a.test", "A.Test", "A.Test" },
		{ "a.test,localhost", "localhost", "localhost" },
		{ "*.test", "x.test", "x.test" },
		{ "*.test", "test", "probe.test" },
		{ "*.test", "x.y.test", "probe.test" },
		{ "*.test,a.other", "192.0.2.1", "a.other" },
		{ "192.0.2.1", "192.0.2.1", NULL },
		{ "192.0.2.1,a.test", "192.0.2.1", "a.test" },
		{ "192.0.2.1,*.test", "192.0.2.1", NULL },
		{ "", "a.test", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct probe endpoint = { .host = (char *)cases[i].host };
		struct certificate cert = { .o.name = NULL };
		_cleanup_free_ char *sni = NULL;

		if (*cases[i].names)
			strlist_split(&cert.names, cases[i].names, ',');
		sni = probe_sni(&endpoint, &cert);
		cr_expect_str_eq(sni ? sni : "(none)", cases[i].requested ? cases[i].requested : "(none)", "%zu", i);
		certificate_clear(&cert);
	}
}

Test(probe_judge, each_state_has_a_name_and_is_found_by_it)
{
	static const char *const names[] = { "served", "incomplete chain", "stale", "not valid", "mismatch",
		"unreachable" };
	enum probe_state found;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cr_assert(probe_state_find(names[i], &found), "%s", names[i]);
		cr_expect_str_eq(probe_state_name(found), names[i]);
	}
	cr_expect_not(probe_state_find("serve", &found));
	cr_expect_not(probe_state_find("", &found));
}
