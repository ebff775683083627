/* What the settings of providers and auto-certificates make of accounts, orders and keys, as the CA sees it. */
#include "common/crypto/x509.h"
#include "daemon/acme/acme_chain.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

/* --- profiles --- */

static const char *
last_profile(const struct run *r)
{
	const struct fake_ca *ca = r->world.cas[0].ca;

	return fake_ca_order_profile(ca, fake_ca_orders(ca) - 1);
}

static void
order_and_expect_profile(struct run *r, const char *profile)
{
	struct world *w = &r->world;
	uint64_t issued = w->issued;

	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_eq(w->issued, issued + 1);
	if (profile)
		cr_expect_str_eq(last_profile(r), profile);
	else
		cr_expect_null(last_profile(r));
}

Test(settings, an_order_asks_for_the_profile_of_its_declaration_or_of_its_provider)
{
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_eq(w->issued, 1);
	cr_expect_null(last_profile(&r));
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'profile':'classic'}}"));
	order_and_expect_profile(&r, "classic");
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'profile':'short'}}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_str_eq(last_profile(&r), "short", "a change of the profile orders at once");
	order_and_expect_profile(&r, "short");
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'profile':null}}"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'profile':null}}"));
	order_and_expect_profile(&r, NULL);
	run_end(&r);
}

static bool
explains(struct run *r, const char *text)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_free_ char *notes = NULL;

	run_load(r, "a-90d", &a);
	notes = strlist_join(&a.notes, "; ");
	return strstr(notes, text) || (a.last_error.message && strstr(a.last_error.message, text));
}

/* Offered when it was declared, and not at the next renewal. */
Test(settings, a_profile_that_disappears_fails_the_order_if_it_is_required_and_is_left_out_if_preferred)
{
	struct run r;
	struct world *w = &r.world;
	struct fake_ca *ca;
	uint64_t issued;

	run_begin(&r, 0);
	ca = w->cas[0].ca;
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'profile':'short'}}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_str_eq(last_profile(&r), "short");
	fake_ca_script(ca)->profiles = "{\"classic\":\"90 days\"}";
	issued = w->issued;
	world_run_until(w, world_now(w) + DAY);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->issued, issued);
	cr_expect(explains(&r, "the CA does not offer the profile 'short'; it offers classic"));
	cr_assert(world_call(
		w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'profilePolicy':'preferred'}}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect_eq(w->issued, issued + 1, "the change is tried at once");
	cr_expect_null(last_profile(&r));
	cr_expect(explains(&r, "ordered without the preferred profile 'short': the CA does not offer"));
	fake_ca_script(ca)->profiles = NULL;
	order_and_expect_profile(&r, "short");
	cr_expect(!explains(&r, "profile"));
	run_end(&r);
}

Test(settings, the_policy_of_the_provider_holds_where_the_auto_certificate_has_none)
{
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	fake_ca_script(w->cas[0].ca)->profiles = "{\"classic\":\"90 days\"}";
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect(!world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'profile':'short'}}"));
	cr_assert(world_call(
		w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'profile':'shorter','profilePolicy':'preferred'}}"));
	order_and_expect_profile(&r, NULL);
	cr_expect(explains(&r, "ordered without the preferred profile 'shorter'"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'profile':'short'}}"));
	cr_expect(!world_call(
		w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'profilePolicy':'required'}}"));
	run_end(&r);
}

Test(settings, the_profiles_that_the_ca_offers_are_stored_and_kept_up_to_date)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_provider_ struct provider p = { 0 };
	const struct offered_profile *offer;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_eq(object_find(w->store, &provider_class, "ca", &p, NULL), 1);
	cr_assert_eq(p.profiles.count, 2);
	offer = p.profiles.items;
	cr_expect_str_eq(offer[0].name, "classic");
	cr_expect_str_eq(offer[0].help, "90 days");
	fake_ca_script(w->cas[0].ca)->profiles = "{\"\\u001b[31mred\":7}";
	world_run_until(w, world_now(w) + 2 * DAY); /* the directory is fetched daily */
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_eq(object_find(w->store, &provider_class, "ca", &p, NULL), 1);
	cr_assert_eq(p.profiles.count, 1);
	offer = p.profiles.items;
	cr_expect_str_eq(offer[0].name, " [31mred");
	cr_expect_null(offer[0].help);
	run_end(&r);
}

Test(settings, an_authorization_by_hand_asks_for_the_profile_of_its_provider)
{
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'profile':'classic'}}"));
	fake_ca_script(w->cas[0].ca)->latency_ms = 2000;
	cr_assert(world_call(w, RPC_AUTHORIZATION_CREATE, "{'properties':{'name':'hand.sim.test','provider':'ca'}}"));
	/* Second by second, because there is no DNS for what follows newOrder. */
	for (int i = 0; i < 10 && fake_ca_orders(w->cas[0].ca) < 2; i++)
		world_run_until(w, world_now(w) + 1);
	cr_assert_eq(fake_ca_orders(w->cas[0].ca), 2);
	cr_expect_str_eq(last_profile(&r), "classic");
	run_end(&r);
}

/* --- chains --- */

/* The present certificate of "a-90d". @ret: zeroed. */
static void
load_certificate(const struct run *r, struct certificate *ret)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct store *store = r->world.store;

	cr_assert_eq(object_find(store, &autocert_class, "a-90d", &a, NULL), 1);
	cr_assert_eq(object_load(store, &certificate_class, a.last_certificate, ret, NULL), 1);
}

Test(settings, the_chain_of_an_auto_certificate_is_its_own_or_that_of_its_provider)
{
	struct run r;
	struct world *w = &r.world;
	static const char *const steps[][2] = {
		{ "{'ref':'ca','properties':{'preferredChain':'Fake Root 1'}}", "Fake Root 1" },
		{ "{'ref':'a-90d','properties':{'preferredChain':'Fake Root 2'}}", "Fake Root 2" },
		{ "{'ref':'a-90d','properties':{'preferredChain':'Nobody'}}", "Fake Root 0" },
		{ "{'ref':'a-90d','properties':{'preferredChain':null}}", "Fake Root 1" },
	};

	run_begin(&r, 0);
	fake_ca_script(w->cas[0].ca)->alternates = 2;
	world_run_until(w, world_now(w) + MINUTE);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_certificate_ struct certificate c = { 0 };
		_cleanup_free_ char *top = NULL;

		cr_assert(world_call(w, i ? RPC_AUTOCERTIFICATE_UPDATE : RPC_PROVIDER_UPDATE, "%s", steps[i][0]));
		order_and_expect_profile(&r, NULL);
		load_certificate(&r, &c);
		top = acme_chain_top(&c.chain_pem);
		cr_expect_str_eq(top, steps[i][1], "%s", steps[i][0]);
		cr_expect_eq(explains(&r, "no chain of the CA fits preferredChain 'Nobody' (2 alternates)"), i == 2);
	}
	cr_expect(
		!world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'preferredChain':'AB:CD'}}"));
	cr_expect(!world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'preferredChain':'AB:CD'}}"));
	run_end(&r);
}

/* --- OCSP stapling --- */

static bool
demands_stapling(struct run *r)
{
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_certificate_ struct certificate c = { 0 };

	load_certificate(r, &c);
	cr_assert_eq(x509_chain_describe(c.leaf_pem.data, c.leaf_pem.len, NULL, &info, NULL), 0);
	cr_expect_eq(c.o.failure.message && strstr(c.o.failure.message, "does not name an OCSP responder"),
		info.must_staple, "%s", c.o.failure.message);
	return info.must_staple;
}

Test(settings, must_staple_is_requested_and_the_refusal_of_a_ca_says_so)
{
	static const struct run_fault refusal = { .kind = FAKE_CA_FINALIZE, .status = 400, .problem = "badCSR" };
	_cleanup_autocert_ struct autocert a = { 0 }, without = { 0 };
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect(!demands_stapling(&r));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'mustStaple':true}}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_assert_eq(w->issued, 2, "a change orders at once");
	cr_expect(demands_stapling(&r));
	cr_expect(explains(&r, "clients refuse it unless the server staples an OCSP response"));
	run_spoil(&r, &refusal);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	run_load(&r, "a-90d", &a);
	cr_assert_not_null(a.last_error.message);
	cr_expect_not_null(strstr(a.last_error.message, "(mustStaple), which CAs may refuse: badCSR: "), "%s",
		a.last_error.message);
	run_mend(&r);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'mustStaple':false}}"));
	world_run_until(w, world_now(w) + MINUTE);
	cr_expect(!demands_stapling(&r));
	run_spoil(&r, &refusal);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + MINUTE);
	run_load(&r, "a-90d", &without);
	cr_assert_not_null(without.last_error.message);
	cr_expect_null(strstr(without.last_error.message, "mustStaple"), "%s", without.last_error.message);
	run_end(&r);
}

/* --- keys of certificates --- */

static bool
has_same_key(const struct certificate *a, const struct certificate *b)
{
	return a->key.len > 0 && a->key.len == b->key.len && memcmp(a->key.data, b->key.data, a->key.len) == 0;
}

Test(settings, each_certificate_has_a_key_of_its_own_unless_it_is_to_be_used_again)
{
	static const struct {
		const char *properties;
		bool renews;
		bool is_same_key;
		const char *algorithm;
	} steps[] = {
		{ "'renewBefore':'31d'", true, false, "secp256r1" },
		{ "'reuseKey':true", true, true, "secp256r1" },
		{ "'reuseKey':true", true, true, "secp256r1" },
		{ "'keyAlgorithm':'secp384r1'", false, false, "secp384r1" },
		{ "'reuseKey':true", true, true, "secp384r1" },
		{ "'reuseKey':false", true, false, "secp384r1" },
	};
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_certificate_ struct certificate before = { 0 }, after = { 0 };

		load_certificate(&r, &before);
		cr_assert(world_call(
			w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{%s}}", steps[i].properties));
		if (steps[i].renews)
			cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
		world_run_until(w, world_now(w) + MINUTE);
		load_certificate(&r, &after);
		cr_assert_str_neq(after.o.id, before.o.id, "step %zu", i);
		cr_expect_eq(has_same_key(&before, &after), steps[i].is_same_key, "step %zu", i);
		cr_expect_str_eq(after.key_algorithm, steps[i].algorithm, "step %zu", i);
	}
	run_end(&r);
}

Test(settings, the_key_changes_when_the_certificate_is_renewed_in_time)
{
	_cleanup_certificate_ struct certificate first = { 0 }, second = { 0 };
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	load_certificate(&r, &first);
	world_run_until(w, world_now(w) + 70 * DAY);
	cr_assert_eq(w->issued, 2);
	load_certificate(&r, &second);
	cr_assert_str_neq(second.o.id, first.o.id);
	cr_expect_not(has_same_key(&first, &second));
	run_end(&r);
}

/* --- keys of accounts --- */

Test(settings, an_account_has_a_key_of_the_algorithm_that_its_provider_names)
{
	static const struct {
		const char *algorithm;
		const char *in_jwk;
	} cases[] = { { "", "\"P-256\"" }, { ",'accountKeyAlgorithm':'secp256r1'", "\"P-256\"" },
		{ ",'accountKeyAlgorithm':'secp384r1'", "\"P-384\"" },
		{ ",'accountKeyAlgorithm':'rsa2048'", "\"RSA\"" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		struct world *w = &r.world;

		run_begin(&r, 0);
		cr_assert(world_call(w, RPC_PROVIDER_CREATE,
			"{'properties':{'name':'other','email':'a@b.test','server':'%s/directory',"
			"'termsOfServiceAgreed':true%s}}",
			w->cas[1].url, cases[i].algorithm));
		world_run_until(w, world_now(w) + MINUTE);
		cr_assert_eq(fake_ca_accounts(w->cas[1].ca), 1, "case %zu", i);
		cr_expect_not_null(strstr(fake_ca_account_jwk(w->cas[1].ca, 0), cases[i].in_jwk), "case %zu", i);
		run_end(&r);
	}
}
