/*
 * What certd answers to calls of its methods and to requests over REST, and which events they cause: the files in
 * calls/, against a whole certd with a CA in virtual time.
 */
#include "common/api/api.h"
#include "common/crypto/csr.h"
#include "tests/support/key_pem.h"
#include "tests/unit/common/crypto/mini_ca.h"
#include "tests/unit/control/script.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const char *const files[] = { "providers", "auto-certificates", "certificates", "others", "alerts", "scope",
	"failures", "documents", "rest", "edges", "adoption", "warnings", "revocation", "declarations", "pairs" };

/* --- certificates to import --- */

enum { NOW = 1767225600, DAY = 86400 }; /* the world's */

struct texts {
	struct mini_cert ca, leaf, next, other, expired, self, fresh;
	struct buf pem[7];
	struct secret key[7];
	char *csr, *next_csr;
	struct script_text list[17];
	size_t n;
};

static void
add(struct texts *t, const char *name, const char *key_name, const struct mini_cert *c)
{
	size_t i = t->n / 2;

	mini_pem(c, &t->pem[i]);
	cr_assert_eq(key_to_pem(c->key, &t->key[i], NULL), 0);
	t->list[t->n++] = (struct script_text){ name, buf_str(&t->pem[i]) };
	t->list[t->n++] = (struct script_text){ key_name, xstrndup((const char *)t->key[i].data, t->key[i].len) };
}

static void
make(struct mini_cert *ret, const char *cn, const char *san, int64_t days, const struct mini_cert *issuer)
{
	struct mini_spec spec = { .cn = cn,
		.san = san,
		.key_usage = "critical,digitalSignature",
		.extended_key_usage = "serverAuth",
		.not_before_at = NOW - 100 * DAY,
		.not_after_at = NOW + days * DAY };

	mini_make(ret, &spec, issuer);
}

/* A request for these names, in PEM; owned by the caller. */
static char *
make_csr(const char *names)
{
	_cleanup_key_ struct key *key = NULL;
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_buf_ struct buf der = BUF_INIT, text = BUF_INIT;
	_cleanup_free_ char *base64 = xcalloc(1, 4096);

	strlist_split(&list, names, ' ');
	cr_assert_eq(key_generate(KEY_SECP256R1, &key, NULL), 0);
	cr_assert_eq(csr_make(key, &(struct csr_content){ .names = &list }, &der, NULL), 0);
	EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)der.data, (int)der.len);
	buf_add_str(&text, "-----BEGIN CERTIFICATE REQUEST-----\n");
	for (const char *at = base64; *at; at += strlen(at) < 64 ? strlen(at) : 64)
		buf_printf(&text, "%.64s\n", at);
	buf_add_str(&text, "-----END CERTIFICATE REQUEST-----\n");
	return buf_steal(&text);
}

static void
make_all(struct texts *t)
{
	struct mini_spec ca = { .cn = "Mini CA",
		.basic_constraints = "critical,CA:TRUE",
		.key_usage = "critical,keyCertSign",
		.not_before_at = NOW - 100 * DAY,
		.not_after_at = NOW + 4000 * DAY };

	mini_make(&t->ca, &ca, NULL);
	make(&t->leaf, "shop.test", "DNS:shop.test,DNS:*.shop.test", 60, &t->ca);
	make(&t->next, "shop.test", "DNS:shop.test,DNS:*.shop.test", 90, &t->ca);
	make(&t->other, "a.in.test", "DNS:a.in.test", 90, &t->ca);
	make(&t->expired, "old.test", "DNS:old.test", -1, &t->ca);
	make(&t->self, "self.test", "DNS:self.test", 90, NULL);
	make(&t->fresh, "a-90d.in.test", "DNS:a-90d.in.test", 90, &t->ca);
	add(t, "CA", "CA_KEY", &t->ca);
	add(t, "LEAF", "LEAF_KEY", &t->leaf);
	add(t, "NEXT", "NEXT_KEY", &t->next);
	add(t, "OTHER", "OTHER_KEY", &t->other);
	add(t, "EXPIRED", "EXPIRED_KEY", &t->expired);
	add(t, "SELF", "SELF_KEY", &t->self);
	add(t, "FRESH", "FRESH_KEY", &t->fresh);
	t->csr = make_csr("own-90d.in.test b.in.test");
	t->next_csr = make_csr("own-90d.in.test");
	t->list[t->n++] = (struct script_text){ "CSR", t->csr };
	t->list[t->n++] = (struct script_text){ "NEXT_CSR", t->next_csr };
}

static void
clear_all(struct texts *t)
{
	struct mini_cert *certs[] = { &t->ca, &t->leaf, &t->next, &t->other, &t->expired, &t->self, &t->fresh };

	for (size_t i = 0; i < ARRAY_SIZE(certs); i++) {
		mini_clear(certs[i]);
		buf_clear(&t->pem[i]);
		secret_clear(&t->key[i]);
		free((char *)(uintptr_t)t->list[2 * i + 1].value);
	}
	free(t->csr);
	free(t->next_csr);
}

/* --- the files --- */

static void
run(const char *file)
{
	struct texts t = { .n = 0 };

	CRYPTO_secure_malloc_init(1 << 20, 64); /* before the first key */
	make_all(&t);
	script_run(file, t.list);
	clear_all(&t);
}

static void
run_with_faults(const char *file, size_t *ret_tolerated)
{
	struct texts t = { .n = 0 };

	CRYPTO_secure_malloc_init(1 << 20, 64);
	make_all(&t);
	script_run_with_faults(file, t.list, ret_tolerated);
	clear_all(&t);
}

Test(calls, of_providers)
{
	run("providers");
}

Test(calls, of_auto_certificates)
{
	run("auto-certificates");
}

Test(calls, of_certificates)
{
	run("certificates");
}

Test(calls, of_all_else)
{
	run("others");
}

Test(calls, of_alerts)
{
	run("alerts");
}

Test(calls, of_a_caller_with_a_scope)
{
	run("scope");
}

Test(calls, of_what_went_wrong)
{
	run("failures");
}

Test(calls, of_descriptions_of_the_api)
{
	run("documents");
}

Test(calls, over_rest)
{
	run("rest");
}

Test(calls, at_limits_and_about_what_is_damaged)
{
	run("edges");
}

Test(calls, that_adopt_an_imported_certificate)
{
	run("adoption");
}

Test(calls, that_revoke_certificates)
{
	run("revocation");
}

Test(calls, of_which_somebody_has_to_be_warned)
{
	run("warnings");
}

Test(calls, of_what_a_declaration_may_have)
{
	run("declarations");
}

Test(calls, of_auto_certificates_with_two_keys)
{
	run("pairs");
}

/* --- while the store fails --- */

/*
 * calls/failed-reads has for each method the number of reads, in all its calls, whose failure makes no difference: of
 * hints, of names in lists, of counts. A greater number means that some failure is not reported any more.
 */
Test(calls, a_read_that_fails_is_the_answer, .timeout = 600)
{
	size_t tolerated[API_METHOD_COUNT] = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		run_with_faults(files[i], tolerated);
	for (size_t i = 0; i < API_METHOD_COUNT; i++)
		buf_printf(&text, "%s %zu\n", api_methods[i].name, tolerated[i]);
	script_expect("failed-reads", buf_str(&text));
}

Test(calls, the_files_have_each_method)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = script_read(files[i]);

		buf_printf(&all, "\n%s", text);
	}
	for (size_t i = 0; i < API_METHOD_COUNT; i++) {
		_cleanup_free_ char *call = xasprintf("\n%s", api_methods[i].name);

		cr_expect_not_null(strstr(buf_str(&all), call), "no file of calls/ has %s", api_methods[i].name);
	}
}
