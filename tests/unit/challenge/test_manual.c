/* dns-01 by hand: what is remembered, and when the CA is asked to look. */
#include "common/crypto/acme_txt.h"
#include "common/crypto/jws.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/solver_private.h"
#include "tests/unit/challenge/dns_daemon.h"
#include "tests/unit/challenge/rig.h"

#include <criterion/criterion.h>
#include <string.h>

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define TOKEN2 "DGyRejmCefe7v4NfDGDKfA_0123456789abcdefghij"
#define THUMBPRINT "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define NAME "hand.example.test"

enum { LONG_MS = 120 * 1000 };

struct fixture {
	struct dns_daemon daemon;
	struct rig rig;
	char dns_provider[STORE_ID_SIZE];
	char provider[STORE_ID_SIZE];
};

struct challenge {
	struct autocert autocert;
	struct acme_authorization authz;
	struct result result;
	struct solve *solve;
};

static void
setup(struct fixture *f)
{
	_cleanup_provider_ struct provider p = { 0 };
	struct store *store;

	*f = (struct fixture){ 0 };
	dns_daemon_start(&f->daemon, DNS_DAEMON_KNOT);
	rig_init(&f->rig, f->daemon.server);
	rig_add_provider(&f->rig, "ns", f->daemon.server, "example.test", f->dns_provider);
	store = f->rig.store.store;
	p.o.name = xstrdup("ca");
	cr_assert_eq(object_save(store, store_begin(store), &provider_class, &p, NULL), 0);
	memcpy(f->provider, p.o.id, sizeof(f->provider));
	store_commit(store);
}

static void
teardown(struct fixture *f)
{
	rig_clear(&f->rig);
	dns_daemon_stop(&f->daemon);
}

/* @autocert_id: of the auto-certificate whose order it is; "": an authorization of its own. */
static void
start(struct fixture *f, struct challenge *c, const char *kind, const char *autocert_id, const char *token)
{
	struct solver_request request = { .autocert = &c->autocert, .authz = &c->authz, .thumbprint = THUMBPRINT };

	memset(c, 0, sizeof(*c));
	c->autocert.provider = xstrdup(f->provider);
	c->autocert.challenge = xstrdup(kind);
	memcpy(c->autocert.o.id, autocert_id, strlen(autocert_id) + 1);
	authz_init(&c->authz, NAME, true, "dns-01", token);
	c->authz.url = xstrdup("https://ca.test/authz/1");
	c->authz.challenges[0].url = xstrdup("https://ca.test/challenge/2");
	c->solve = solver_start(f->rig.solver, &request, note_done, note_progress, &c->result);
}

/* The first turn is for what solver_start() left to be committed. */
static bool
ends(struct fixture *f, struct challenge *c)
{
	rig_run_ms(&f->rig, 1);
	return c->result.calls || rig_wait(&f->rig, &c->result, LONG_MS);
}

static void
stop(struct challenge *c)
{
	solver_stop(c->solve);
	autocert_clear(&c->autocert);
	acme_authorization_clear(&c->authz);
	result_clear(&c->result);
}

/* What is remembered of the name. Return: as object_find(). */
static int
remembered(struct fixture *f, struct authorization *ret)
{
	store_commit(f->rig.store.store);
	return object_find(f->rig.store.store, &authorization_class, "*." NAME, ret, NULL);
}

static char *
value_of(const char *token)
{
	_cleanup_free_ char *key_authorization = xasprintf("%s." THUMBPRINT, token);

	return jws_dns01_value(key_authorization);
}

/* An auto-certificate that orders can be for. */
static void
add_autocert(struct fixture *f, char ret_id[STORE_ID_SIZE])
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct store *store = f->rig.store.store;

	a.o.name = xstrdup("x");
	a.provider = xstrdup(f->provider);
	a.common_name = xstrdup("*." NAME);
	cr_assert_eq(object_save(store, store_begin(store), &autocert_class, &a, NULL), 0);
	memcpy(ret_id, a.o.id, sizeof(a.o.id));
	store_commit(store);
}

Test(manual, a_record_that_is_not_seen_is_told_and_remembered_with_its_end)
{
	struct fixture f;
	struct challenge c;
	_cleanup_authorization_ struct authorization a = { 0 };
	_cleanup_free_ char *value = value_of(TOKEN);

	setup(&f);
	start(&f, &c, "manual", "", TOKEN);
	cr_assert(ends(&f, &c));
	cr_expect_eq(c.result.error.code, ERROR_STATE);
	cr_expect(c.result.error.may_retry);
	cr_expect_not_null(strstr(c.result.error.message, value));
	cr_expect_not_null(strstr(c.result.error.message, "_acme-challenge." NAME));
	cr_assert_eq(remembered(&f, &a), 1);
	cr_expect_str_eq(a.txt, value);
	cr_expect_str_eq(a.record_name, "_acme-challenge." NAME);
	cr_expect_str_eq(a.status, "pending");
	cr_expect_null(a.autocert);
	cr_expect_str_eq(a.authorization_url, "https://ca.test/authz/1");
	cr_expect_str_eq(a.challenge_url, "https://ca.test/challenge/2");
	cr_expect_str_eq(a.o.created_by, "certd");
	cr_expect_eq(a.o.created_at, a.o.modified_at);
	cr_expect_eq(a.o.state, OBJECT_AVAILABLE);
	cr_expect_eq(a.attempts, 0);
	cr_expect_not(a.is_forced);
	cr_expect_eq(a.next_at, a.expires_at, "it is forgotten when the CA forgets it");
	cr_expect_str_eq(a.provider, f.provider);
	stop(&c);
	teardown(&f);
}

Test(manual, a_record_that_is_seen_is_answered_and_forgotten_when_its_order_has_had_it)
{
	struct fixture f;
	struct challenge published;
	struct challenge c;
	char autocert[STORE_ID_SIZE];
	_cleanup_authorization_ struct authorization a = { 0 };

	setup(&f);
	add_autocert(&f, autocert);
	start(&f, &published, "dns-01", autocert, TOKEN);
	cr_assert(ends(&f, &published));
	start(&f, &c, "manual", autocert, TOKEN);
	cr_assert(ends(&f, &c));
	cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
	cr_assert_eq(remembered(&f, &a), 1);
	cr_expect_str_eq(a.autocert, autocert);
	stop(&c);
	cr_expect_eq(remembered(&f, &a), 0);
	/* An authorization of its own is not the solver's to forget. */
	start(&f, &c, "manual", "", TOKEN);
	cr_assert(ends(&f, &c));
	cr_expect_not(error_is_set(&c.result.error));
	stop(&c);
	cr_expect_eq(remembered(&f, &a), 1);
	stop(&published);
	teardown(&f);
}

Test(manual, the_same_order_finds_its_record_and_a_new_one_replaces_it)
{
	struct fixture f;
	struct challenge c;
	_cleanup_authorization_ struct authorization first = { 0 };
	_cleanup_authorization_ struct authorization again = { 0 };
	_cleanup_authorization_ struct authorization other = { 0 };

	setup(&f);
	for (int i = 0; i < 3; i++) {
		start(&f, &c, "manual", "", i < 2 ? TOKEN : TOKEN2);
		cr_assert(ends(&f, &c));
		stop(&c);
		cr_assert_eq(remembered(&f, i == 0 ? &first : i == 1 ? &again : &other), 1);
	}
	cr_expect_str_eq(first.o.id, again.o.id);
	cr_expect_str_eq(first.txt, again.txt);
	cr_expect_str_eq(first.o.id, other.o.id, "one name, one record");
	cr_expect_str_neq(first.txt, other.txt);
	teardown(&f);
}

Test(manual, what_is_forced_is_answered_without_a_look_and_only_for_that_record)
{
	struct fixture f;
	struct challenge c;
	_cleanup_authorization_ struct authorization a = { 0 };
	struct store *store;

	setup(&f);
	store = f.rig.store.store;
	start(&f, &c, "manual", "", TOKEN);
	cr_assert(ends(&f, &c));
	stop(&c);
	cr_assert_eq(remembered(&f, &a), 1);
	a.is_forced = true;
	cr_assert_eq(object_save(store, store_begin(store), &authorization_class, &a, NULL), 0);
	store_commit(store);
	start(&f, &c, "manual", "", TOKEN);
	cr_assert(ends(&f, &c));
	cr_expect_not(error_is_set(&c.result.error));
	cr_expect_eq(c.result.progress.count, 0);
	stop(&c);
	start(&f, &c, "manual", "", TOKEN2);
	cr_assert(ends(&f, &c));
	cr_expect_eq(c.result.error.code, ERROR_STATE);
	stop(&c);
	teardown(&f);
}

Test(manual, a_challenge_that_is_given_up_at_once_leaves_no_trace_behind_it)
{
	struct fixture f;
	struct challenge c;

	setup(&f);
	start(&f, &c, "manual", "", TOKEN);
	solver_stop(c.solve);
	c.solve = NULL;
	rig_run_ms(&f.rig, 200);
	cr_expect_eq(c.result.calls, 0);
	stop(&c);
	teardown(&f);
}

Test(manual, one_that_is_given_up_while_it_looks_is_not_called_back)
{
	struct fixture f;
	struct challenge c;

	setup(&f);
	start(&f, &c, "manual", "", TOKEN);
	while (c.result.progress.count == 0)
		rig_run_ms(&f.rig, 1);
	cr_assert_eq(c.result.calls, 0);
	solver_stop(c.solve);
	c.solve = NULL;
	rig_run_ms(&f.rig, 200);
	cr_expect_eq(c.result.calls, 0);
	stop(&c);
	teardown(&f);
}

Test(manual, is_taken_only_when_asked_for_and_not_for_addresses)
{
	struct rig rig;
	struct autocert a = { .common_name = (char *)"www.example.test" };
	_cleanup_error_ struct error err = ERROR_INIT;

	rig_init(&rig, NULL);
	cr_expect_lt(solver_check(rig.solver, &a, &err), 0, "auto finds no way, and this is none");
	cr_expect_null(strstr(err.message, "manual"));
	a.challenge = (char *)"manual";
	cr_expect_eq(solver_check(rig.solver, &a, &err), 0);
	a.common_name = (char *)"192.0.2.1";
	cr_expect_lt(solver_check(rig.solver, &a, &err), 0);
	cr_expect_str_eq(err.field, "challenge");
	rig_clear(&rig);
}

/* --- dns-persist-01 --- */

#define ACCOUNT "https://ca.test/acct/7"
#define OWNER "_validation-persist." NAME
#define CONTENT "ca.test; accounturi=" ACCOUNT "; policy=wildcard"

/* The challenge of a wildcard, in one of the published forms. */
static void
start_persist(struct fixture *f, struct challenge *c, const char *autocert_id, const char *hash_prefix)
{
	struct solver_request request = {
		.autocert = &c->autocert,
		.authz = &c->authz,
		.thumbprint = THUMBPRINT,
		.account_url = ACCOUNT,
		.account_hash_prefix = hash_prefix,
	};

	memset(c, 0, sizeof(*c));
	c->autocert.provider = xstrdup(f->provider);
	c->autocert.challenge = xstrdup("dns-persist-01");
	memcpy(c->autocert.o.id, autocert_id, strlen(autocert_id) + 1);
	authz_init(&c->authz, NAME, true, "dns-persist-01", NULL);
	c->authz.url = xstrdup("https://ca.test/authz/1");
	c->authz.challenges[0].url = xstrdup("https://ca.test/challenge/2");
	c->authz.challenges[0].is_account_hashed = hash_prefix != NULL;
	c->solve = solver_start(f->rig.solver, &request, note_done, note_progress, &c->result);
}

Test(persist, the_content_of_the_record_is_told_and_it_is_found_at_the_name_servers)
{
	struct fixture f;
	struct challenge c;
	char id[STORE_ID_SIZE];
	_cleanup_authorization_ struct authorization a = { 0 };

	setup(&f);
	add_autocert(&f, id);
	start_persist(&f, &c, id, NULL);
	cr_assert(ends(&f, &c));
	cr_expect_eq(c.result.error.code, ERROR_STATE);
	cr_expect_str_eq(c.result.error.message,
		"publish the TXT record " OWNER " with content " CONTENT "; there is no such record");
	cr_assert_eq(remembered(&f, &a), 1);
	cr_expect_str_eq(a.record_name, OWNER);
	cr_expect_str_eq(a.txt, CONTENT);
	cr_expect_str_eq(a.challenge, "dns-persist-01");
	cr_expect_null(solver_standing_record(c.solve));
	stop(&c);

	rig_publish(&f.rig, f.daemon.server, "example.test", OWNER, "ca.test; accounturi=" ACCOUNT, false);
	start_persist(&f, &c, id, NULL);
	cr_assert(ends(&f, &c));
	cr_expect(c.result.error.message && strstr(c.result.error.message, "lacks policy=wildcard"), "%s",
		c.result.error.message);
	stop(&c);

	rig_publish(&f.rig, f.daemon.server, "example.test", OWNER, CONTENT "; persistUntil=4000000000", false);
	start_persist(&f, &c, id, NULL);
	cr_assert(ends(&f, &c));
	cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
	cr_expect_str_eq(solver_standing_record(c.solve), OWNER " " CONTENT "; persistUntil=4000000000");
	stop(&c);
	cr_expect_eq(remembered(&f, &a), 0, "nothing is left to publish");
	teardown(&f);
}

Test(persist, in_the_later_form_the_account_is_a_hash_for_this_name_or_for_any)
{
	static const char prefix[] = "https://ca.test/hash/";
	const char *const domains[] = { NAME, "*" };

	for (size_t i = 0; i < ARRAY_SIZE(domains); i++) {
		_cleanup_free_ char *hash = acme_txt_account_hash(prefix, domains[i], THUMBPRINT, ACCOUNT);
		_cleanup_free_ char *content = xasprintf("ca.test; accounturi=%s; policy=wildcard", hash);
		struct fixture f;
		struct challenge c;

		setup(&f);
		start_persist(&f, &c, "", prefix);
		cr_assert(ends(&f, &c));
		cr_expect(i == 1 || strstr(c.result.error.message, content), "%s", c.result.error.message);
		stop(&c);
		rig_publish(&f.rig, f.daemon.server, "example.test", OWNER, content, false);
		start_persist(&f, &c, "", prefix);
		cr_assert(ends(&f, &c));
		cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
		stop(&c);
		teardown(&f);
	}
}

Test(persist, a_hash_cannot_be_made_without_what_the_directory_says)
{
	struct fixture f;
	struct challenge c;

	setup(&f);
	memset(&c, 0, sizeof(c));
	start_persist(&f, &c, "", NULL);
	solver_stop(c.solve);
	c.authz.challenges[0].is_account_hashed = true;
	c.solve = solver_start(f.rig.solver,
		&(struct solver_request){
			.autocert = &c.autocert, .authz = &c.authz, .thumbprint = THUMBPRINT, .account_url = ACCOUNT },
		note_done, note_progress, &c.result);
	cr_assert(ends(&f, &c));
	cr_expect_eq(c.result.error.code, ERROR_PROTOCOL);
	stop(&c);
	teardown(&f);
}
