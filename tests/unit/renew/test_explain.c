/* What autoCertificate.explain says of what is stored, and what is stored of an order that failed. */
#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

static void
answered(struct json_object *result, const struct error *err, void *arg)
{
	cr_assert_null(err, "%s", err->message);
	*(struct json_object **)arg = result;
}

/* Owned by the caller. */
static struct json_object *
explain(struct run *r)
{
	static const struct peer peer = { .role = ROLE_ADMIN, .label = "uid:0" };
	_cleanup_json_ struct json_object *params = json_object_new_object();
	struct json_object *result = NULL;

	json_add_string(params, "ref", "a-90d");
	service_call(&r->world.service, &peer, RPC_AUTOCERTIFICATE_EXPLAIN, params, answered, &result);
	world_run_until(&r->world, world_now(&r->world));
	cr_assert_not_null(result);
	return result;
}

static const char *
text_of(struct json_object *json, const char *name)
{
	struct json_object *value = json_path(json, name);

	return value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
		     : "";
}

static void
save(struct run *r, struct autocert *a)
{
	struct store *store = r->world.store;

	cr_assert_eq(object_save(store, store_begin(store), &autocert_class, a, NULL), 0);
	store_commit(store);
}

Test(explain, each_class_of_error_has_its_advice_or_none)
{
	static const struct {
		enum error_code code;
		const char *advice;
	} cases[] = {
		{ ERROR_VALIDATION, "the CA did not find the answer: check that the name resolves" },
		{ ERROR_DNS, "check the DNS provider" },
		{ ERROR_TLS, "set its root with --ca-file" },
		{ ERROR_NETWORK, "check that this host can reach the CA" },
		{ ERROR_TIMEOUT, "check that this host can reach the CA" },
		{ ERROR_RATE_LIMITED, "wait until the time that the CA demands" },
		{ ERROR_CA, "the CA refused, for the reason above" },
		{ ERROR_NO_SPACE, "free space on the disk" },
		{ ERROR_PROTOCOL, NULL },
		{ ERROR_INTERNAL, NULL },
		{ ERROR_HOOK, NULL },
	};
	struct run r;
	_cleanup_autocert_ struct autocert a = { 0 };

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	run_load(&r, "a-90d", &a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *result = NULL;

		error_clear(&a.last_error);
		error_set(&a.last_error, cases[i].code, "why");
		a.attempts = 1;
		save(&r, &a);
		result = explain(&r);
		cr_expect_str_eq(
			json_object_get_string(json_path(result, "lastError.code")), error_code_name(cases[i].code));
		if (cases[i].advice)
			cr_expect_not_null(strstr(text_of(result, "advice"), cases[i].advice), "%s: %s",
				error_code_name(cases[i].code), text_of(result, "advice"));
		else
			cr_expect_str_eq(text_of(result, "advice"), "[]", "%s", error_code_name(cases[i].code));
	}
	run_end(&r);
}

Test(explain, a_paused_name_leads_to_the_page_that_ends_the_pause)
{
	struct run r;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_json_ struct json_object *result = NULL;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	run_load(&r, "a-90d", &a);
	error_set(&a.last_error, ERROR_RATE_LIMITED, "why");
	a.attempts = 1;
	a.unpause_url = xstrdup("https://ca.test/unpause?j");
	save(&r, &a);
	result = explain(&r);
	cr_expect_not_null(strstr(text_of(result, "advice"), "end its pause at the CA: https://ca.test/unpause?j"));
	cr_expect_not_null(strstr(text_of(result, "advice"), "certctl resume a-90d"));
	cr_expect_null(strstr(text_of(result, "advice"), "wait until the time"));
	run_end(&r);
}

Test(explain, an_error_of_the_profile_leads_to_the_offer_and_to_the_policy)
{
	struct run r;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_json_ struct json_object *result = NULL;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	run_load(&r, "a-90d", &a);
	error_set_field(&a.last_error, "profile", "why");
	a.attempts = 1;
	strlist_add(&a.notes, "ordered without it");
	save(&r, &a);
	result = explain(&r);
	cr_expect(strstr(text_of(result, "advice"), "certctl show provider ca"), "%s", text_of(result, "advice"));
	cr_expect(strstr(text_of(result, "advice"), "certctl set auto a-90d --profile-policy preferred"));
	cr_expect(strstr(text_of(result, "reasons"), "its certificate: ordered without it"));
	run_end(&r);
}

Test(explain, says_what_is_next_and_why)
{
	static const struct {
		const char *why;
		int64_t attempts;
		bool is_paused, has_certificate, has_row;
		const char *summary, *reasons, *advice;
	} cases[] = {
		{ "renewal", 0, false, true, true, "renew at 2026-", "renewal starts 3", "[]" },
		{ "first attempt", 0, false, false, true, "issue at 2026-", "there is no certificate yet", "[]" },
		{ "one failure", 1, false, true, true, "retry at 2026-", "1 attempt in a row failed; the delay", "[]" },
		{ "several", 3, false, true, true, "retry at 2026-", "3 attempts in a row failed", "[]" },
		{ "paused", 0, true, true, true, "paused: nothing is renewed",
			"its certificate expires at 2026-04-01T00:00:00Z, and renewal is paused",
			"certctl resume a-90d" },
		{ "no row", 0, false, true, false, "nothing is scheduled", "[]", "[]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		_cleanup_autocert_ struct autocert a = { 0 };
		_cleanup_json_ struct json_object *result = NULL;

		run_begin(&r, 0);
		world_run_until(&r.world, world_now(&r.world) + MINUTE);
		run_load(&r, "a-90d", &a);
		a.attempts = cases[i].attempts;
		if (a.attempts)
			error_set(&a.last_error, ERROR_INTERNAL, "why");
		a.is_paused = cases[i].is_paused;
		if (!cases[i].has_certificate)
			str_replace(&a.last_certificate, NULL);
		save(&r, &a);
		if (!cases[i].has_row)
			schedule_del(r.world.store, store_begin(r.world.store), SCHEDULE_ISSUE, a.o.id);
		store_commit(r.world.store);
		result = explain(&r);
		cr_expect_not_null(strstr(text_of(result, "summary"), cases[i].summary), "%s: %s", cases[i].why,
			text_of(result, "summary"));
		cr_expect_not_null(strstr(text_of(result, "reasons"), cases[i].reasons), "%s: %s", cases[i].why,
			text_of(result, "reasons"));
		cr_expect_not_null(strstr(text_of(result, "advice"), cases[i].advice), "%s: %s", cases[i].why,
			text_of(result, "advice"));
		cr_expect_eq(json_path(result, "nextDate") != NULL, cases[i].has_row && !cases[i].is_paused, "%s",
			cases[i].why);
		run_end(&r);
	}
}

/* The CA suggests day 60 to 61; the certificate lives for 90 days from day 0, and it is day 0. */
Test(explain, says_what_the_ca_suggests_for_the_renewal)
{
	static const struct {
		const char *why;
		int64_t start_at, pick_at, hurried_at; /* after the issue */
		const char *url, *error;
		const char *reasons, *advice;
	} cases[] = {
		{ "a window", 60 * DAY, 60 * DAY + HOUR, 0, NULL, NULL,
			"\"the CA suggests renewal between 2026-03-02T00:00:02Z and 2026-03-03T00:00:02Z; certd has "
			"chosen 2026-03-02T01:00:02Z\"",
			"[]" },
		{ "with its reason", 60 * DAY, 60 * DAY, 0, "https://ca.test/why", NULL,
			"\"the CA explains this at https://ca.test/why\"", "[]" },
		{ "too late", 200 * DAY, 200 * DAY, 0, NULL, NULL,
			"that is too late: certd renews before the last twentieth", "[]" },
		{ "too often", -HOUR, -HOUR, 1, NULL, NULL, "the CA asks for a replacement too often",
			"to order at once: certctl renew a-90d" },
		{ "not known", 0, 0, 0, NULL, "no answer", "renewal starts 3", "[]" },
		{ "not known any more", 60 * DAY, 60 * DAY, 0, NULL, "no answer",
			"the CA does not say when to renew: no answer; it is asked again at 2026-", "[]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;
		_cleanup_autocert_ struct autocert a = { 0 };
		_cleanup_json_ struct json_object *result = NULL;

		run_begin(&r, 0);
		world_run_until(&r.world, world_now(&r.world) + MINUTE);
		run_load(&r, "a-90d", &a);
		a.ari_id = xstrdup("aki.serial");
		a.ari_start_at = a.last_attempt_at + cases[i].start_at;
		a.ari_end_at = a.ari_start_at + DAY;
		a.ari_pick_at = cases[i].pick_at ? a.last_attempt_at + cases[i].pick_at : 0;
		a.hurried_before_at = cases[i].hurried_at ? a.last_attempt_at : 0;
		a.ari_url = xstrdup_null(cases[i].url);
		if (cases[i].error)
			error_set(&a.ari_error, ERROR_TIMEOUT, "%s", cases[i].error);
		a.next_at = issue_renewal_at(&r.world.issue_env, &a);
		save(&r, &a);
		result = explain(&r);
		cr_expect_not_null(strstr(text_of(result, "reasons"), cases[i].reasons), "%s: %s", cases[i].why,
			text_of(result, "reasons"));
		cr_expect_not_null(strstr(text_of(result, "advice"), cases[i].advice), "%s: %s", cases[i].why,
			text_of(result, "advice"));
		run_end(&r);
	}
}

Test(explain, an_account_that_fails_or_is_not_there_is_a_reason_and_how_to_see_it_the_advice)
{
	static const struct {
		bool has_account, is_failing;
		const char *reason, *advice;
	} cases[] = {
		{ true, false, NULL, NULL },
		{ true, true, "provider 'ca': refused", "certctl explain provider ca" },
		{ false, true, "provider 'ca' has no account yet: refused", "certctl explain provider ca" },
		{ false, false, "provider 'ca' has no account yet\"", "certctl explain provider ca" },
	};
	struct run r;
	_cleanup_provider_ struct provider p = { 0 };

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + MINUTE);
	cr_assert_eq(object_find(r.world.store, &provider_class, "ca", &p, NULL), 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *result = NULL;

		str_replace(&p.account_url, cases[i].has_account ? "https://ca0.sim.test/account/0" : NULL);
		error_clear(&p.o.failure);
		if (cases[i].is_failing)
			error_set(&p.o.failure, ERROR_CA, "refused");
		cr_assert_eq(object_save(r.world.store, store_begin(r.world.store), &provider_class, &p, NULL), 0);
		store_commit(r.world.store);
		result = explain(&r);
		if (cases[i].reason) {
			cr_expect_not_null(strstr(text_of(result, "reasons"), cases[i].reason), "case %zu: %s", i,
				text_of(result, "reasons"));
			cr_expect_not_null(strstr(text_of(result, "advice"), cases[i].advice), "case %zu: %s", i,
				text_of(result, "advice"));
		} else {
			cr_expect_null(
				strstr(text_of(result, "reasons"), "provider"), "%s", text_of(result, "reasons"));
			cr_expect_str_eq(text_of(result, "advice"), "[]");
		}
	}
	run_end(&r);
}

Test(explain, a_certificate_that_was_refused_is_shown_until_there_is_a_better_one)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_autocert_ struct autocert before = { 0 }, refused = { 0 }, after = { 0 };
	_cleanup_json_ struct json_object *result = NULL, *later = NULL;
	struct run_fault fault = { .kind = FAKE_CA_CERTIFICATE, .status = 200 };

	run_begin(&r, 0);
	fault.body = fake_ca_root_pem(w->cas[0].ca, 0);
	world_run_until(w, world_now(w) + MINUTE);
	run_load(&r, "a-90d", &before);
	run_spoil(&r, &fault);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	world_run_until(w, world_now(w) + 30);
	run_load(&r, "a-90d", &refused);
	cr_expect_eq(refused.last_error.code, ERROR_PROTOCOL, "%s", refused.last_error.message);
	cr_expect_not_null(strstr(refused.last_error.message, "the CA issued a certificate that was not requested"));
	cr_expect_str_eq(refused.last_certificate, before.last_certificate);
	result = explain(&r);
	cr_expect_str_eq(json_object_get_string(json_path(result, "refusedCertificate")), fault.body);
	run_mend(&r);
	world_run_until(w, refused.next_at + MINUTE);
	run_load(&r, "a-90d", &after);
	cr_expect_str_neq(after.last_certificate, before.last_certificate);
	later = explain(&r);
	cr_expect_null(json_path(later, "refusedCertificate"));
	run_end(&r);
}

Test(explain, a_clock_that_is_behind_holds_up_everything_and_is_a_reason)
{
	struct run r;
	struct world *w = &r.world;
	_cleanup_json_ struct json_object *late = NULL, *calm = NULL;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + MINUTE);
	world_set_skew(w, -100 * DAY);
	world_run_until(w, world_now(w) + MINUTE);
	late = explain(&r);
	cr_expect_not_null(strstr(text_of(late, "reasons"), "the clock is behind the last recorded time"), "%s",
		text_of(late, "reasons"));
	world_set_skew(w, 0);
	world_run_until(w, world_now(w) + HOUR);
	calm = explain(&r);
	cr_expect_null(strstr(text_of(calm, "reasons"), "nothing"), "%s", text_of(calm, "reasons"));
	run_end(&r);
}
