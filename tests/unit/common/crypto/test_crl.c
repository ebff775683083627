#include "common/crypto/crl.h"
#include "common/crypto/x509_chain.h"
#include "common/error.h"
#include "tests/support/crl_maker.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define URL "http://crl.example/list"
#define ROOT_URL "http://crl.example/roots"

/* A root, its intermediate and a leaf; both name a list. */
struct scene {
	struct mini_cert root, ca, leaf;
	struct buf leaf_pem, chain_pem;
	struct crl_points points;
	struct strlist serials;
};

static void
make(struct scene *s, const char *points)
{
	const struct mini_spec ca = { .cn = "Mini CA",
		.basic_constraints = "critical,CA:TRUE",
		.key_usage = "critical,keyCertSign,cRLSign",
		.authority_key_id = "keyid",
		.serial = "0A",
		.crl_points = "URI:" ROOT_URL };
	const struct mini_spec leaf = { .cn = "example.com",
		.san = "DNS:example.com",
		.authority_key_id = "keyid",
		.serial = "8000000000000000000000000000000000000001",
		.crl_points = points };

	*s = (struct scene){ .points = { .count = 0 } };
	mini_make_ca(&s->root, "Mini Root", NULL);
	mini_make(&s->ca, &ca, &s->root);
	mini_make(&s->leaf, &leaf, &s->ca);
	mini_pem(&s->leaf, &s->leaf_pem);
	mini_pem(&s->ca, &s->chain_pem);
	mini_pem(&s->root, &s->chain_pem);
	strlist_add(&s->serials, leaf.serial);
	cr_assert_eq(crl_points_of(&s->leaf_pem, &s->chain_pem, NULL, &s->points, NULL), 0);
}

static void
begin(struct scene *s)
{
	make(s, "URI:" URL);
	cr_assert_eq(s->points.count, 2);
}

static void
end(struct scene *s)
{
	crl_points_clear(&s->points);
	strlist_clear(&s->serials);
	buf_clear(&s->leaf_pem);
	buf_clear(&s->chain_pem);
	mini_clear(&s->root);
	mini_clear(&s->ca);
	mini_clear(&s->leaf);
}

/* What is reported of the leaf. */
struct seen {
	const struct crl_point *point;
	unsigned asked, found;
	struct crl_entry entry;
};

static bool
is_leaf(const unsigned char *serial, size_t len, void *arg)
{
	struct seen *seen = arg;

	seen->asked++;
	return len == seen->point->serial_len && memcmp(serial, seen->point->serial, len) == 0;
}

static void
take(const struct crl_entry *entry, void *arg)
{
	struct seen *seen = arg;

	seen->found++;
	seen->entry = *entry;
}

static int
read_list(const struct scene *s, const struct buf *list, struct seen *seen, struct crl_facts *facts, struct error *err)
{
	const struct crl_point *point = &s->points.items[0];
	const struct crl_asked asked = {
		.url = point->url, .cert = &point->cert, .issuer = &point->issuer, .now = MINI_NOW
	};

	*seen = (struct seen){ .point = point };
	return crl_read(list->data, list->len, &asked, is_leaf, take, seen, facts, err);
}

static const struct crl_spec good = { .this_at = MINI_NOW - 3600,
	.next_at = MINI_NOW + MINI_DAY,
	.revoked_at = MINI_NOW - 7200,
	.reason = 1,
	.others = 3 };

Test(crl, says_which_certificate_is_revoked_since_when_and_why)
{
	struct crl_spec spec = good;
	_cleanup_buf_ struct buf list = BUF_INIT;
	struct crl_facts facts = { 0 };
	struct scene s;
	struct seen seen;

	begin(&s);
	spec.revoked = &s.serials;
	crl_make(s.ca.cert, key_evp(s.ca.key), &spec, &list);
	cr_assert_eq(read_list(&s, &list, &seen, &facts, NULL), 0);
	cr_expect_eq(seen.asked, 4);
	cr_expect_eq(seen.found, 1);
	cr_expect_str_eq(seen.entry.reason, "keyCompromise");
	cr_expect_eq(seen.entry.revoked_at, MINI_NOW - 7200);
	cr_expect_eq(facts.entries, 4);
	cr_expect_eq(facts.this_update_at, MINI_NOW - 3600);
	cr_expect_eq(facts.next_update_at, MINI_NOW + MINI_DAY);
	end(&s);
}

Test(crl, each_reason_has_its_word)
{
	static const struct {
		int number;
		const char *word;
	} cases[] = { { -1, "unspecified" }, { 0, "unspecified" }, { 2, "cACompromise" }, { 4, "superseded" },
		{ 6, "certificateHold" }, { 7, "unspecified" }, { 10, "aACompromise" }, { 11, "unspecified" } };
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct crl_spec spec = good;
		_cleanup_buf_ struct buf list = BUF_INIT;
		struct crl_facts facts = { 0 };
		struct seen seen;

		spec.revoked = &s.serials;
		spec.reason = cases[i].number;
		crl_make(s.ca.cert, key_evp(s.ca.key), &spec, &list);
		cr_assert_eq(read_list(&s, &list, &seen, &facts, NULL), 0);
		cr_expect_str_eq(seen.entry.reason, cases[i].word, "%d", cases[i].number);
	}
	end(&s);
}

Test(crl, is_refused_unless_it_is_the_present_whole_list_of_the_issuer)
{
	static const struct {
		const char *why;
		struct crl_spec spec;
		const char *message; /* NULL: it is good */
	} cases[] = {
		{ "good", { .this_at = MINI_NOW, .next_at = MINI_NOW + 1 }, NULL },
		{ "without an end", { .this_at = MINI_NOW - 400 * MINI_DAY }, NULL },
		{ "a clock that differs", { .this_at = MINI_NOW + 3600, .next_at = MINI_NOW + MINI_DAY }, NULL },
		{ "from the future", { .this_at = MINI_NOW + 3601, .next_at = MINI_NOW + MINI_DAY },
			"from the future" },
		{ "expired", { .this_at = MINI_NOW - MINI_DAY, .next_at = MINI_NOW }, "expired at" },
		{ "this point", { .this_at = MINI_NOW, .scope = "critical,fullname:URI:" URL ",onlyuser:TRUE" }, NULL },
		{ "another point", { .this_at = MINI_NOW, .scope = "critical,fullname:URI:" URL "2" },
			"another distribution point" },
		{ "some reasons", { .this_at = MINI_NOW, .scope = "critical,onlysomereasons:keyCompromise" },
			"only for some reasons" },
		{ "indirect", { .this_at = MINI_NOW, .scope = "critical,indirectCRL:TRUE" }, "indirect" },
		{ "damaged scope", { .this_at = MINI_NOW, .scope = "critical,DER:0500" }, "damaged" },
		{ "delta", { .this_at = MINI_NOW, .delta = "critical,DER:020101" }, "delta" },
		{ "unknown", { .this_at = MINI_NOW, .unknown = "DER:0500" }, NULL },
		{ "unknown and critical", { .this_at = MINI_NOW, .unknown = "critical,DER:0500" },
			"critical extension" },
	};
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct crl_spec spec = cases[i].spec;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buf_ struct buf list = BUF_INIT;
		struct crl_facts facts = { 0 };
		struct seen seen;
		int rc;

		spec.revoked = &s.serials;
		spec.reason = 4;
		crl_make(s.ca.cert, key_evp(s.ca.key), &spec, &list);
		rc = read_list(&s, &list, &seen, &facts, &err);
		cr_expect_eq(rc, cases[i].message ? -1 : 0, "%s: %s", cases[i].why, err.message);
		cr_expect_eq(seen.found, rc == 0, "%s", cases[i].why);
		if (cases[i].message)
			cr_expect(rc < 0 && strstr(err.message, cases[i].message), "%s: %s", cases[i].why, err.message);
		cr_expect_eq(err.code == ERROR_STATE, strcmp(cases[i].why, "expired") == 0, "%s", cases[i].why);
	}
	end(&s);
}

Test(crl, of_somebody_else_is_refused)
{
	struct crl_spec spec = good;
	_cleanup_buf_ struct buf list = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct crl_facts facts = { 0 };
	struct mini_cert other = { 0 };
	struct scene s;
	struct seen seen;

	begin(&s);
	spec.revoked = &s.serials;
	mini_make_ca(&other, "Mini CA", NULL); /* the same name */
	crl_make(other.cert, key_evp(other.key), &spec, &list);
	cr_expect_eq(read_list(&s, &list, &seen, &facts, &err), -1);
	cr_expect(strstr(err.message, "not signed by the issuer"), "%s", err.message);
	buf_reset(&list);
	crl_make(s.root.cert, key_evp(s.ca.key), &spec, &list); /* the right key, another name */
	cr_expect_eq(read_list(&s, &list, &seen, &facts, &err), -1);
	cr_expect(strstr(err.message, "not signed by the issuer"), "%s", err.message);
	/* A stranger of that name in the chain is not the issuer. */
	buf_reset(&list);
	buf_reset(&s.points.items[0].issuer);
	x509_add_der(other.cert, &s.points.items[0].issuer, NULL);
	crl_make(other.cert, key_evp(other.key), &spec, &list);
	cr_expect_eq(read_list(&s, &list, &seen, &facts, &err), -1);
	cr_expect(strstr(err.message, "neither in the certificate's chain nor"), "%s", err.message);
	cr_expect_eq(seen.asked, 0);
	mini_clear(&other);
	end(&s);
}

Test(crl, of_an_issuer_that_may_not_sign_lists_is_refused)
{
	struct crl_spec spec = good;
	_cleanup_buf_ struct buf list = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct crl_facts facts = { 0 };
	struct scene s;
	struct seen seen = { .point = NULL };
	const struct crl_point *point;

	begin(&s); /* its root has no cRLSign */
	point = &s.points.items[1];
	crl_make(s.root.cert, key_evp(s.root.key), &spec, &list);
	cr_expect_eq(
		crl_read(list.data, list.len,
			&(struct crl_asked){
				.url = point->url, .cert = &point->cert, .issuer = &point->issuer, .now = MINI_NOW },
			is_leaf, take, &seen, &facts, &err),
		-1);
	cr_expect(strstr(err.message, "key usage"), "%s", err.message);
	end(&s);
}

/* Cut anywhere, or with any octet changed, it says nothing. */
Test(crl, a_damaged_one_is_refused)
{
	struct crl_spec spec = good;
	_cleanup_buf_ struct buf list = BUF_INIT;
	struct crl_facts facts = { 0 };
	struct scene s;
	struct seen seen;

	begin(&s);
	spec.revoked = &s.serials;
	spec.scope = "critical,fullname:URI:" URL;
	crl_make(s.ca.cert, key_evp(s.ca.key), &spec, &list);
	for (size_t i = 0; i < list.len; i++) {
		_cleanup_buf_ struct buf damaged = BUF_INIT;

		buf_add(&damaged, list.data, i);
		cr_expect_eq(read_list(&s, &damaged, &seen, &facts, NULL), -1, "cut at %zu", i);
		buf_add(&damaged, list.data + i, list.len - i);
		damaged.data[i] ^= 1;
		if (read_list(&s, &damaged, &seen, &facts, NULL) == 0)
			cr_expect_eq(facts.entries, 4, "octet %zu", i);
	}
	buf_add_char(&list, '\0');
	cr_expect_eq(read_list(&s, &list, &seen, &facts, NULL), -1);
	end(&s);
}

Test(crl, ten_megabytes_are_read_in_place)
{
	struct crl_spec spec = good;
	_cleanup_buf_ struct buf list = BUF_INIT;
	struct crl_facts facts = { 0 };
	struct scene s;
	struct seen seen;

	begin(&s);
	spec.revoked = &s.serials;
	spec.others = 240000;
	crl_make(s.ca.cert, key_evp(s.ca.key), &spec, &list);
	cr_assert_gt(list.len, 10 << 20);
	cr_assert_eq(read_list(&s, &list, &seen, &facts, NULL), 0);
	cr_expect_eq(seen.found, 1);
	cr_expect_eq(facts.entries, 240001);
	cr_expect(seen.entry.serial > (const unsigned char *)list.data &&
			  seen.entry.serial < (const unsigned char *)list.data + list.len,
		"a copy was reported");
	end(&s);
}

Test(crl, points_are_the_first_http_url_of_each_certificate_but_the_root)
{
	static const struct {
		const char *points;
		const char *url; /* NULL: none */
	} cases[] = {
		{ NULL, NULL },
		{ "URI:" URL, URL },
		{ "URI:ldap://x/,URI:" URL, URL },
		{ "URI:HTTP://x/", "HTTP://x/" },
		{ "URI:https://x/", NULL },
		{ "URI:http://", NULL },
		{ "URI:http://x y/", NULL },
		{ "URI:http://x/\033[2J", NULL },
		{ "DNS:crl.example", NULL },
	};
	static const struct buf none = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;

		make(&s, cases[i].points);
		cr_expect_eq(mini_is_watchable(&s.leaf_pem, &none), cases[i].url != NULL, "%s", cases[i].points);
		cr_expect(mini_is_watchable(&s.leaf_pem, &s.chain_pem), "by its issuer");
		cr_expect_eq(s.points.count, cases[i].url ? 2 : 1, "%s", cases[i].points);
		if (cases[i].url) {
			cr_expect_str_eq(s.points.items[0].url, cases[i].url);
			cr_expect(s.points.items[0].is_leaf);
			cr_expect_eq(s.points.items[0].serial_len, 21, "with the zero of a positive number");
		}
		cr_expect_str_eq(s.points.items[s.points.count - 1].url, ROOT_URL);
		cr_expect_not(s.points.items[s.points.count - 1].is_leaf);
		cr_expect_gt(s.points.items[s.points.count - 1].issuer.len, 0);
		end(&s);
	}
}

Test(crl, points_of_one_issuer_and_url_are_the_same)
{
	struct scene a, b;

	begin(&a);
	begin(&b); /* another issuer, by its key */
	cr_expect_str_neq(a.points.items[0].id, b.points.items[0].id);
	cr_expect_str_neq(a.points.items[0].id, a.points.items[1].id);
	cr_expect_eq(strlen(a.points.items[0].id), CRL_ID_SIZE - 1);
	{
		struct crl_points again = { .count = 0 };

		cr_assert_eq(crl_points_of(&a.leaf_pem, &a.chain_pem, NULL, &again, NULL), 0);
		cr_expect_str_eq(a.points.items[0].id, again.items[0].id);
		crl_points_clear(&again);
	}
	end(&a);
	end(&b);
}
