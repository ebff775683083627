/*
 * Rehearsals: the second CA of the world is the staging environment. Whatever happens to one, the auto-certificate, its
 * CA and what certd keeps of both stay as they were.
 */
#include "daemon/renew/rehearse.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 60 };

struct rehearsal {
	struct run run;
	struct autocert before;
	size_t orders; /* at the CA */
	uint64_t certificates, limits, ready;
};

static void
rehearsal_pass(struct rehearsal *r, int64_t sec)
{
	world_run_until(&r->run.world, world_now(&r->run.world) + sec);
}

/* A certificate is in use, and a provider declared at the staging environment; with an account if @is_calm. */
static void
rehearsal_begin(struct rehearsal *r, bool is_calm)
{
	struct world *w = &r->run.world;

	*r = (struct rehearsal){ .orders = 0 };
	run_begin(&r->run, 0);
	rehearsal_pass(r, HOUR);
	run_load(&r->run, "a-90d", &r->before);
	cr_assert_not_null(r->before.last_certificate);
	r->orders = fake_ca_orders(w->cas[0].ca);
	r->certificates = store_count(w->store, STORE_CERTIFICATE);
	r->limits = store_count(w->store, STORE_RATE);
	r->ready = store_count(w->store, STORE_READY);
	cr_assert(world_call(w, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'staging','email':'a@b.test','server':'%s/directory',"
		"'termsOfServiceAgreed':true,'rateLimits':['orders=5/3h']}}",
		w->cas[1].url));
	if (is_calm)
		rehearsal_pass(r, MINUTE);
}

static void
rehearsal_end(struct rehearsal *r)
{
	autocert_clear(&r->before);
	run_end(&r->run);
}

static bool
rehearse(struct rehearsal *r)
{
	return world_call(&r->run.world, RPC_AUTOCERTIFICATE_REHEARSE, "{'ref':'a-90d','provider':'staging'}");
}

/* @ret: the message of the last one, owned by the caller; or NULL. */
static size_t
events_of(struct rehearsal *r, enum event_kind kind, char **ret)
{
	_cleanup_json_ struct json_object *list = events_list(r->run.world.events, NULL, 0, 1000, NULL);
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *event = json_object_array_get_idx(list, i);

		if (strcmp(json_object_get_string(json_path(event, "kind")), event_info(kind)->name) != 0)
			continue;
		n++;
		if (ret)
			str_replace(ret, json_object_get_string(json_path(event, "message")));
	}
	return n;
}

/* It is over, and nothing but events is left of it. */
static void
expect_untouched(struct rehearsal *r, const char *when, uint64_t n)
{
	struct world *w = &r->run.world;
	_cleanup_autocert_ struct autocert after = { 0 };

	check_always(w);
	cr_expect(check_calm(w), "%s %d: something still runs", when, (int)n);
	run_load(&r->run, "a-90d", &after);
	cr_expect_str_eq(after.last_certificate, r->before.last_certificate, "%s %d", when, (int)n);
	cr_expect_eq(after.next_at, r->before.next_at, "%s %d", when, (int)n);
	cr_expect_eq(after.o.modified_at, r->before.o.modified_at, "%s %d", when, (int)n);
	cr_expect_eq(after.attempts, 0, "%s %d", when, (int)n);
	cr_expect_eq(run_due(&r->run, SCHEDULE_ISSUE, after.o.id), r->before.next_at, "%s %d", when, (int)n);
	cr_expect_eq(run_due(&r->run, SCHEDULE_REHEARSE, after.o.id), 0, "%s %d", when, (int)n);
	cr_expect_eq(fake_ca_orders(w->cas[0].ca), r->orders, "%s %d: the CA has another order", when, (int)n);
	cr_expect_eq(store_count(w->store, STORE_CERTIFICATE), r->certificates, "%s %d", when, (int)n);
	cr_expect_eq(store_count(w->store, STORE_RATE), r->limits, "%s %d", when, (int)n);
	cr_expect_eq(w->issued, 1, "%s %d", when, (int)n);
}

Test(rehearse, it_reports_and_throws_the_certificate_away)
{
	struct rehearsal r;
	_cleanup_free_ char *text = NULL;

	rehearsal_begin(&r, true);
	cr_assert(rehearse(&r));
	rehearsal_pass(&r, MINUTE);
	cr_expect_eq(fake_ca_orders(r.run.world.cas[1].ca), 1);
	cr_expect_eq(fake_ca_count(r.run.world.cas[1].ca, FAKE_CA_CERTIFICATE), 1);
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, &text), 1);
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_FAILED, NULL), 0);
	cr_expect(text && strstr(text, "'staging' succeeded") && strstr(text, "thrown away"), "%s", text);
	expect_untouched(&r, "undisturbed", 0);
	rehearsal_end(&r);
}

/* The settings of the declared provider apply, and not those of the one whose account is used. */
Test(rehearse, it_asks_for_the_profile_that_the_renewal_would_ask_for)
{
	struct rehearsal r;
	_cleanup_free_ char *text = NULL;

	rehearsal_begin(&r, true);
	fake_ca_script(r.run.world.cas[1].ca)->profiles = "{\"other\":\"none that is asked for\"}";
	world_stop(&r.run.world); /* the directory is fetched again */
	world_start(&r.run.world);
	cr_assert(world_call(&r.run.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'profile':'short'}}"));
	cr_assert(rehearse(&r));
	rehearsal_pass(&r, MINUTE);
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_FAILED, &text), 1);
	cr_expect(text && strstr(text, "short"), "%s", text);
	rehearsal_end(&r);
}

/* Notes the chain that the staging environment sends. */
static bool
take_chain(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	struct buf *chain = arg;

	(void)nth;
	if (phase == FAKE_CA_AFTER && kind == FAKE_CA_CERTIFICATE)
		buf_add(chain, answer->res.body.data, answer->res.body.len);
	return false;
}

static EVP_PKEY *
public_key_of(const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY *key;

	cr_assert_not_null(leaf);
	key = X509_get_pubkey(leaf);
	X509_free(leaf);
	BIO_free(bio);
	return key;
}

Test(rehearse, the_key_in_use_is_not_shown_to_another_ca)
{
	struct rehearsal r;
	struct world *w = &r.run.world;
	_cleanup_certificate_ struct certificate in_use = { 0 };
	_cleanup_buf_ struct buf chain = BUF_INIT;
	EVP_PKEY *old, *new;

	rehearsal_begin(&r, true);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'reuseKey':true}}"));
	fake_ca_script(w->cas[1].ca)->intercept = take_chain;
	fake_ca_script(w->cas[1].ca)->arg = &chain;
	cr_assert(rehearse(&r));
	rehearsal_pass(&r, MINUTE);
	cr_assert_eq(events_of(&r, EVENT_REHEARSAL_DONE, NULL), 1);
	cr_assert_eq(object_peek(w->store, &certificate_class, r.before.last_certificate, &in_use, NULL), 1);
	old = public_key_of(&in_use.leaf_pem);
	new = public_key_of(&chain);
	cr_expect_neq(EVP_PKEY_eq(old, new), 1);
	EVP_PKEY_free(old);
	EVP_PKEY_free(new);
	rehearsal_end(&r);
}

Test(rehearse, a_restart_at_each_request_leaves_nothing)
{
	uint64_t n = 1;

	for (bool more = true; more && n < STEPS_MAX; n++) {
		struct rehearsal r;
		struct world *w = &r.run.world;

		rehearsal_begin(&r, false);
		cr_assert(rehearse(&r));
		w->stop_at = w->requests + n;
		rehearsal_pass(&r, HOUR);
		more = w->requests >= w->stop_at;
		w->stop_at = 0;
		world_stop(w);
		world_start(w);
		rehearsal_pass(&r, HOUR);
		cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, NULL), 1, "request %d", (int)n);
		cr_expect_eq(events_of(&r, EVENT_REHEARSAL_FAILED, NULL), 0, "request %d", (int)n);
		cr_expect_leq(fake_ca_orders(w->cas[1].ca), 2, "request %d", (int)n);
		expect_untouched(&r, "request", n);
		rehearsal_end(&r);
	}
	cr_expect_gt(n, 12, "a registration and an order have more requests than %d", (int)n);
	cr_expect_lt(n, STEPS_MAX);
}

Test(rehearse, a_restart_at_each_commit_leaves_nothing)
{
	uint64_t n = 1;

	for (bool more = true; more && n < STEPS_MAX; n++) {
		struct rehearsal r;
		struct world *w = &r.run.world;

		rehearsal_begin(&r, false);
		cr_assert(rehearse(&r));
		w->stop_at_commit = world_commits(w) + n;
		rehearsal_pass(&r, HOUR);
		more = run_restart(&r.run);
		rehearsal_pass(&r, HOUR);
		cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, NULL), 1, "commit %d", (int)n);
		expect_untouched(&r, "commit", n);
		rehearsal_end(&r);
	}
	cr_expect_gt(n, 3, "%d commits", (int)n);
	cr_expect_lt(n, STEPS_MAX);
}

Test(rehearse, each_failure_is_reported_and_is_not_one_of_the_renewal)
{
	static const struct {
		enum weather weather;
		const char *says;
	} cases[] = {
		{ WEATHER_REFUSING, "the rehearsal failed: " },
		{ WEATHER_FULL, "rate" },
		{ WEATHER_NO_NET, "failed" },
		{ WEATHER_GARBAGE, "failed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rehearsal r;
		_cleanup_free_ char *text = NULL;

		rehearsal_begin(&r, true);
		world_set_weather(&r.run.world.cas[1], cases[i].weather, world_now(&r.run.world) + DAY);
		cr_assert(rehearse(&r));
		rehearsal_pass(&r, HOUR);
		cr_expect_eq(events_of(&r, EVENT_REHEARSAL_FAILED, &text), 1, "%zu", i);
		cr_expect(text && strstr(text, cases[i].says), "%zu: %s", i, text);
		expect_untouched(&r, "failure", i);
		rehearsal_end(&r);
	}
}

Test(rehearse, without_an_account_it_says_why)
{
	struct rehearsal r;
	struct world *w = &r.run.world;
	_cleanup_free_ char *text = NULL;

	rehearsal_begin(&r, true);
	cr_assert(world_call(w, RPC_PROVIDER_DELETE, "{'ref':'staging'}"));
	world_set_weather(&w->cas[1], WEATHER_NO_NET, world_now(w) + DAY);
	cr_assert(world_call(w, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'staging','email':'a@b.test','server':'%s/directory',"
		"'termsOfServiceAgreed':true}}",
		w->cas[1].url));
	cr_assert(rehearse(&r));
	rehearsal_pass(&r, MINUTE);
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_FAILED, &text), 1);
	cr_expect(text && strstr(text, "'staging' has no account: "), "%s", text);
	cr_expect_eq(run_due(&r.run, SCHEDULE_REHEARSE, r.before.o.id), 0);
	rehearsal_end(&r);
}

Test(rehearse, what_cannot_be_rehearsed_is_refused)
{
	struct rehearsal r;
	struct world *w = &r.run.world;

	rehearsal_begin(&r, true);
	cr_expect_not(world_call(w, RPC_AUTOCERTIFICATE_REHEARSE, "{'ref':'a-90d'}"), "no staging is known");
	cr_expect_not(world_call(w, RPC_AUTOCERTIFICATE_REHEARSE, "{'ref':'a-90d','provider':'ca'}"), "the CA itself");
	cr_expect_not(world_call(w, RPC_AUTOCERTIFICATE_REHEARSE, "{'ref':'a-90d','provider':'none'}"));
	cr_assert(rehearse(&r));
	cr_expect_not(rehearse(&r), "one is in progress");
	rehearsal_pass(&r, MINUTE);
	cr_expect(rehearse(&r), "it is over");
	rehearsal_pass(&r, MINUTE);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'challenge':'manual'}}"));
	cr_expect_not(rehearse(&r), "the record would be another one");
	rehearsal_end(&r);
}

Test(rehearse, what_is_deleted_in_the_middle_leaves_nothing)
{
	struct rehearsal r;
	struct world *w = &r.run.world;

	rehearsal_begin(&r, true);
	cr_assert(rehearse(&r));
	w->stop_at = w->requests + 4;
	rehearsal_pass(&r, HOUR);
	w->stop_at = 0;
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}"));
	rehearsal_pass(&r, HOUR);
	cr_expect_eq(run_due(&r.run, SCHEDULE_REHEARSE, r.before.o.id), 0);
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, NULL) + events_of(&r, EVENT_REHEARSAL_FAILED, NULL), 0);
	check_calm(w);
	rehearsal_end(&r);
}

/* --- before an order --- */

Test(rehearse, three_failed_validations_make_one_due_while_there_is_time)
{
	static const struct {
		const char *why;
		struct rehearse_in in;
		bool is_due;
	} cases[] = {
		{ "two failures", { 100, 2, 200, 0, false }, false },
		{ "three", { 100, 3, 200, 0, false }, true },
		{ "many", { 100, INT64_MAX, 200, 0, false }, true },
		{ "one is over", { 100, 3, 200, 0, true }, false },
		{ "not urgent yet", { 100, 3, 200, 101, false }, true },
		{ "urgent", { 100, 3, 200, 100, false }, false },
		{ "rehearsed for long enough", { 200, 3, 200, 0, false }, false },
		{ "nothing has failed", { 100, 0, 0, 0, false }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(rehearse_is_due(&cases[i].in), cases[i].is_due, "%s", cases[i].why);
}

Test(rehearse, the_environment_is_the_declared_one_or_the_known_one_or_off)
{
	static const char known[] = "https://acme-staging-v02.api.letsencrypt.org/directory";
	static const struct {
		const char *server, *staging, *url, *asked;
	} cases[] = {
		{ "https://acme-v02.api.letsencrypt.org/directory", NULL, known, known },
		{ "https://acme-v02.api.letsencrypt.org/directory", "none", NULL, known },
		{ "https://acme-v02.api.letsencrypt.org/directory", "https://s.test/d", "https://s.test/d",
			"https://s.test/d" },
		{ "https://ca.test/d", NULL, NULL, NULL },
		{ "https://ca.test/d", "none", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct provider p = { .server = (char *)cases[i].server, .staging = (char *)cases[i].staging };
		const char *url = rehearse_url(&p, false), *asked = rehearse_url(&p, true);

		cr_expect_str_eq(url ? url : "", cases[i].url ? cases[i].url : "", "%zu", i);
		cr_expect_str_eq(asked ? asked : "", cases[i].asked ? cases[i].asked : "", "%zu", i);
	}
}

Test(rehearse, of_several_providers_one_with_an_account_is_taken)
{
	static const char *const accounts[] = { NULL, "https://s.test/acct/1", "https://s.test/acct/2" };
	char *first = NULL, *used = NULL;
	struct run r;
	struct store *store;

	run_begin(&r, 0);
	store = r.world.store;
	cr_expect_eq(rehearse_provider(store, "https://s.test/d", &first, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(accounts); i++) {
		_cleanup_provider_ struct provider p = { .server = xstrdup("https://s.test/d") };
		struct store_txn *txn = store_begin(store);

		p.o.name = xasprintf("staging%zu", i);
		str_replace(&p.account_url, accounts[i]);
		cr_assert_eq(object_save(store, txn, &provider_class, &p, NULL), 0);
		cr_assert_eq(store_commit_now(store, txn, NULL), 0);
		cr_assert_eq(rehearse_provider(store, "https://s.test/d", i ? &used : &first, NULL), 1);
		cr_expect_eq(i > 0, used && strcmp(used, first) != 0);
		str_replace(&used, NULL);
	}
	free(first);
	run_end(&r);
}

/* The staging environment of "ca" is declared; the renewal has failed @failures times to validate at both. */
static void
before_begin(struct rehearsal *r, unsigned failures)
{
	struct world *w = &r->run.world;

	rehearsal_begin(r, true);
	cr_assert(world_call(
		w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'staging':'%s/directory'}}", w->cas[1].url));
	for (size_t i = 0; i < 2; i++)
		world_set_weather(&w->cas[i], WEATHER_REFUSING, world_now(w) + 300 * DAY);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	for (int64_t n = 0; w->failed < failures && n < 24 * 60; n++)
		rehearsal_pass(r, MINUTE);
	cr_assert_eq(w->failed, failures);
}

static void
before_expect_orders(struct rehearsal *r, size_t at_ca, size_t at_staging, const char *when)
{
	cr_expect_eq(fake_ca_orders(r->run.world.cas[0].ca) - r->orders, at_ca, "%s: %zu at the CA", when,
		fake_ca_orders(r->run.world.cas[0].ca) - r->orders);
	cr_expect_eq(fake_ca_orders(r->run.world.cas[1].ca), at_staging, "%s: %zu at staging", when,
		fake_ca_orders(r->run.world.cas[1].ca));
}

Test(rehearse, after_three_failures_the_ca_is_spared_until_a_rehearsal_passes)
{
	struct rehearsal r;
	struct world *w = &r.run.world;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_free_ char *text = NULL;

	before_begin(&r, 3);
	before_expect_orders(&r, 3, 0, "three failures");
	rehearsal_pass(&r, 3 * DAY);
	cr_expect_geq(fake_ca_orders(w->cas[1].ca), 2);
	before_expect_orders(&r, 3, fake_ca_orders(w->cas[1].ca), "rehearsals fail");
	cr_expect_eq(w->failed - 3, fake_ca_orders(w->cas[1].ca), "each is a failed attempt");
	run_load(&r.run, "a-90d", &a);
	cr_expect(
		strstr(a.last_error.message, "the rehearsal with provider 'staging' failed, and the CA was not asked"),
		"%s", a.last_error.message);
	cr_expect_eq(a.validation_failures, 3);
	for (size_t i = 0; i < 2; i++)
		world_set_weather(&w->cas[i], WEATHER_PERFECT, 0);
	rehearsal_pass(&r, DAY + HOUR * 3);
	cr_expect_eq(w->issued, 2);
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, &text), 1);
	cr_expect(text && strstr(text, "the order goes to the CA now"), "%s", text);
	autocert_clear(&a);
	a = (struct autocert){ 0 };
	run_load(&r.run, "a-90d", &a);
	cr_expect_eq(a.validation_failures, 0);
	cr_expect_not(a.is_rehearsed);
	check_always(w);
	cr_expect(check_calm(w));
	rehearsal_end(&r);
}

/* What is wrong with the staging environment itself does not hold up the order. */
Test(rehearse, one_that_shows_nothing_lets_the_order_go_to_the_ca)
{
	static const enum weather weathers[] = { WEATHER_NO_NET, WEATHER_DOWN, WEATHER_FULL, WEATHER_GARBAGE };

	for (size_t i = 0; i < ARRAY_SIZE(weathers); i++) {
		struct rehearsal r;
		struct world *w = &r.run.world;
		_cleanup_free_ char *text = NULL;

		before_begin(&r, 3);
		world_set_weather(&w->cas[1], weathers[i], world_now(w) + 300 * DAY);
		world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
		rehearsal_pass(&r, 2 * DAY + 3 * HOUR);
		cr_expect_eq(w->issued, 2, "weather %zu", i);
		cr_expect_eq(events_of(&r, EVENT_REHEARSAL_FAILED, &text), 1, "weather %zu", i);
		cr_expect(text && strstr(text, "that shows nothing, so the order goes to the CA"), "%s", text);
		rehearsal_end(&r);
	}
}

Test(rehearse, near_expiry_and_when_it_is_off_the_ca_is_asked)
{
	static const struct {
		const char *staging;
		int64_t days;
	} cases[] = { { "none", 5 }, { NULL, 76 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rehearsal r;
		struct world *w = &r.run.world;
		size_t before;

		before_begin(&r, 3);
		if (cases[i].staging)
			cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'staging':'%s'}}",
				cases[i].staging));
		else
			rehearsal_pass(&r, cases[i].days * DAY);
		before = fake_ca_orders(w->cas[1].ca);
		world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
		rehearsal_pass(&r, 2 * DAY);
		before_expect_orders(&r, fake_ca_orders(w->cas[0].ca) - r.orders, before, "no rehearsal");
		cr_expect_eq(w->issued, 2, "case %zu", i);
		rehearsal_end(&r);
	}
}

/* What only the CA refuses: each attempt there has its rehearsal. */
Test(rehearse, the_next_failure_at_the_ca_is_followed_by_another)
{
	struct rehearsal r;
	struct world *w = &r.run.world;

	before_begin(&r, 3);
	world_set_weather(&w->cas[1], WEATHER_PERFECT, 0);
	rehearsal_pass(&r, 4 * DAY);
	cr_expect_geq(fake_ca_orders(w->cas[1].ca), 2);
	before_expect_orders(&r, 3 + fake_ca_orders(w->cas[1].ca), fake_ca_orders(w->cas[1].ca), "one for each");
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, NULL), fake_ca_orders(w->cas[1].ca));
	rehearsal_end(&r);
}

Test(rehearse, a_caller_may_insist_on_the_ca)
{
	struct rehearsal r;
	struct world *w = &r.run.world;

	before_begin(&r, 3);
	world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	rehearsal_pass(&r, MINUTE);
	cr_expect_eq(w->issued, 2);
	before_expect_orders(&r, 4, 0, "forced");
	rehearsal_end(&r);
}

Test(rehearse, a_caller_may_insist_on_the_ca_during_a_rehearsal)
{
	struct rehearsal r;
	struct world *w = &r.run.world;

	before_begin(&r, 3);
	world_set_weather(&w->cas[1], WEATHER_UNDECIDED, world_now(w) + 300 * DAY);
	for (int64_t n = 0; fake_ca_orders(w->cas[1].ca) == 0 && n < 24 * 60; n++)
		rehearsal_pass(&r, MINUTE);
	world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	rehearsal_pass(&r, MINUTE);
	cr_expect_eq(w->issued, 2);
	before_expect_orders(&r, 4, 1, "forced");
	rehearsal_end(&r);
}

/* Near expiry the CA is asked again, and its failure moves the order to the fallback, here the one for staging. */
Test(rehearse, an_order_that_is_held_back_goes_to_a_fallback_when_it_is_urgent)
{
	struct rehearsal r;
	struct world *w = &r.run.world;
	_cleanup_autocert_ struct autocert a = { 0 };
	int64_t urgent_at;
	size_t before;

	before_begin(&r, 3);
	urgent_at = renewal_urgent_at(r.before.last_not_before_at, r.before.last_not_after_at, 0);
	cr_assert(world_call(
		w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'fallbackProviders':['staging']}}"));
	world_run_until(w, urgent_at - 1);
	run_load(&r.run, "a-90d", &a);
	cr_expect_null(a.provider_now);
	cr_expect_eq(w->issued, 1);
	before = fake_ca_orders(w->cas[0].ca);
	world_set_weather(&w->cas[1], WEATHER_PERFECT, 0);
	rehearsal_pass(&r, 2 * DAY);
	cr_expect_eq(fake_ca_orders(w->cas[0].ca), before + 1);
	cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, NULL), 0);
	cr_expect_eq(w->issued, 2);
	rehearsal_end(&r);
}

/* Only the CA's own failures count for dropAfter: the staging environment may be unable to reach a name. */
Test(rehearse, a_name_that_fails_only_there_is_not_left_out)
{
	struct rehearsal r;
	struct world *w = &r.run.world;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate cert = { 0 };

	rehearsal_begin(&r, true);
	cr_assert(world_call(
		w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'staging':'%s/directory'}}", w->cas[1].url));
	fake_ca_script(w->cas[0].ca)->fail_name = "b.sim.test";
	fake_ca_script(w->cas[1].ca)->fail_name = "c.sim.test";
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'subjectAlternativeNames':['b.sim.test','c.sim.test'],"
		"'dropAfter':86400}}"));
	for (int64_t n = 0; w->issued < 2 && n < 14 * 24; n++)
		rehearsal_pass(&r, HOUR);
	cr_assert_eq(w->issued, 2);
	cr_expect_geq(fake_ca_orders(w->cas[1].ca), 1);
	run_load(&r.run, "a-90d", &a);
	cr_assert_eq(object_load(w->store, &certificate_class, a.last_certificate, &cert, NULL), 1);
	cr_expect(strlist_has(&cert.names, "c.sim.test"));
	cr_expect_not(strlist_has(&cert.names, "b.sim.test"));
	rehearsal_end(&r);
}

/* A staging environment that never validates does not stop the first certificate for ever. */
Test(rehearse, the_ca_is_asked_once_a_week_in_any_case)
{
	struct rehearsal r;
	struct world *w = &r.run.world;

	rehearsal_begin(&r, true);
	cr_assert(world_call(
		w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'staging':'%s/directory'}}", w->cas[1].url));
	for (size_t i = 0; i < 2; i++)
		world_set_weather(&w->cas[i], WEATHER_REFUSING, world_now(w) + 300 * DAY);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'new','provider':'ca','commonName':'new.sim.test'}}"));
	rehearsal_pass(&r, DAY);
	cr_expect_eq(fake_ca_orders(w->cas[0].ca) - r.orders, 3);
	rehearsal_pass(&r, 28 * DAY);
	cr_expect_geq(fake_ca_orders(w->cas[0].ca) - r.orders, 6);
	cr_expect_leq(fake_ca_orders(w->cas[0].ca) - r.orders, 7);
	rehearsal_end(&r);
}

Test(rehearse, a_restart_at_each_commit_before_an_order_changes_nothing)
{
	uint64_t n = 1;

	for (bool more = true; more && n < STEPS_MAX; n++) {
		struct rehearsal r;
		struct world *w = &r.run.world;

		before_begin(&r, 3);
		for (size_t i = 0; i < 2; i++)
			world_set_weather(&w->cas[i], WEATHER_PERFECT, 0);
		w->stop_at_commit = world_commits(w) + n;
		rehearsal_pass(&r, 2 * DAY);
		more = run_restart(&r.run);
		rehearsal_pass(&r, DAY);
		cr_expect_eq(w->issued, 2, "commit %d", (int)n);
		cr_expect_eq(events_of(&r, EVENT_REHEARSAL_DONE, NULL), 1, "commit %d", (int)n);
		cr_expect_leq(fake_ca_orders(w->cas[0].ca) - r.orders, 5, "commit %d", (int)n);
		check_always(w);
		cr_expect(check_calm(w), "commit %d", (int)n);
		rehearsal_end(&r);
	}
	cr_expect_gt(n, 3, "%d commits", (int)n);
	cr_expect_lt(n, STEPS_MAX);
}
