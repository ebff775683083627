#include "daemon/alert/condition.h"

#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <string.h>

enum { DAY = 24 * 3600, NOW = 1000 * DAY };

static enum severity
severity_of(const char *word, const struct condition_facts *facts, struct buf *text, int64_t *again_at)
{
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		if (strcmp(condition_kinds[i].word, word) == 0)
			return condition_kinds[i].holds(facts, text, again_at);
	cr_assert_fail("no condition '%s'", word);
	return SEVERITY_NONE;
}

Test(condition, a_certificate_is_late_by_its_lifetime_and_by_what_was_planned)
{
	static const struct {
		const char *why;
		int64_t lifetime, left, planned_before; /* days; 0: unknown */
		enum severity severity;
	} cases[] = {
		{ "90 days, before its renewal", 90, 31, 30, SEVERITY_NONE },
		{ "a day of retries", 90, 29, 30, SEVERITY_NONE },
		{ "just before the threshold", 90, 23, 30, SEVERITY_NONE },
		{ "three quarters of the time for the renewal are left", 90, 22, 30, SEVERITY_WARNING },
		{ "a tenth of the lifetime is left", 90, 9, 30, SEVERITY_CRITICAL },
		{ "it has expired", 90, -5, 30, SEVERITY_CRITICAL },
		{ "renewBefore of 4 days: not yet due", 90, 5, 4, SEVERITY_NONE },
		{ "renewBefore of 4 days: three are left", 90, 3, 4, SEVERITY_WARNING },
		{ "renewBefore of 4 days: one is left", 90, 1, 4, SEVERITY_CRITICAL },
		{ "6 days, due at half", 6, 2, 3, SEVERITY_NONE },
		{ "6 days", 6, 1, 3, SEVERITY_WARNING },
		{ "a year, planned early", 360, 100, 300, SEVERITY_NONE },
		{ "a year", 360, 90, 300, SEVERITY_WARNING },
		{ "nothing is planned", 90, 22, 0, SEVERITY_WARNING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char id[] = "certificate", name[] = "www";
		int64_t end = NOW + cases[i].left * DAY, again_at = INT64_MAX;
		struct autocert a = { .o.name = name,
			.last_certificate = id,
			.last_not_after_at = end,
			.last_not_before_at = end - cases[i].lifetime * DAY };
		struct condition_facts facts = { .autocert = &a,
			.warning_percent = 25,
			.critical_percent = 10,
			.now = NOW,
			.planned_at = cases[i].planned_before ? end - cases[i].planned_before * DAY : 0 };
		_cleanup_buf_ struct buf text = BUF_INIT;

		cr_expect_eq(severity_of("late", &facts, &text, &again_at), cases[i].severity, "%s", cases[i].why);
		cr_expect_eq(again_at == INT64_MAX, cases[i].severity == SEVERITY_CRITICAL, "%s", cases[i].why);
		cr_expect_gt(again_at, NOW, "%s", cases[i].why);
		cr_expect_eq(text.len > 0, cases[i].severity != SEVERITY_NONE, "%s", cases[i].why);
		a.is_paused = true;
		cr_expect_eq(severity_of("late", &facts, &text, &again_at), SEVERITY_NONE, "%s, paused", cases[i].why);
		cr_expect_eq(
			severity_of("paused", &facts, &text, &again_at), cases[i].severity, "%s, paused", cases[i].why);
		a.last_certificate = NULL;
		cr_expect_eq(severity_of("paused", &facts, &text, &again_at), SEVERITY_NONE, "%s, none", cases[i].why);
		cr_expect_eq(severity_of("expired", &facts, &text, &again_at), SEVERITY_NONE, "%s, none", cases[i].why);
	}
}

Test(condition, an_imported_certificate_expires_without_a_plan_of_certd)
{
	char slug[] = "shop";
	struct certificate c = { .slug = slug, .not_before_at = NOW - 300 * DAY, .not_after_at = NOW + 20 * DAY };
	struct condition_facts facts = { .certificate = &c,
		.warning_percent = 25,
		.critical_percent = 10,
		.now = NOW,
		.planned_at = NOW - 10 * DAY };
	_cleanup_buf_ struct buf text = BUF_INIT;
	int64_t again_at = INT64_MAX;

	cr_expect_eq(severity_of("late", &facts, &text, &again_at), SEVERITY_WARNING);
	cr_expect_not_null(strstr(buf_str(&text), "--replace"));
	facts.now = c.not_after_at;
	cr_expect_eq(severity_of("expired", &facts, &text, &again_at), SEVERITY_CRITICAL);
}

Test(condition, a_failed_order_is_of_interest_when_the_ca_refused_it_or_there_is_no_certificate)
{
	static const struct {
		enum error_code code;
		const char *problem;
		bool has_certificate;
		int64_t attempts;
		enum severity severity;
		bool is_paused_by_ca;
	} cases[] = {
		{ ERROR_RATE_LIMITED, "rateLimited", true, 1, SEVERITY_WARNING, true },
		{ ERROR_NETWORK, NULL, true, 1, SEVERITY_WARNING, true },
		{ ERROR_RATE_LIMITED, "rateLimited", true, 1, SEVERITY_NONE, false },
		{ ERROR_CA, "rejectedIdentifier", true, 1, SEVERITY_NONE, false },
		{ ERROR_CA, "rejectedIdentifier", true, 2, SEVERITY_WARNING, false },
		{ ERROR_VALIDATION, NULL, true, 2, SEVERITY_WARNING, false },
		{ ERROR_RATE_LIMITED, "rateLimited", true, 2, SEVERITY_WARNING, false },
		{ ERROR_NETWORK, NULL, true, 9, SEVERITY_NONE, false },
		{ ERROR_NETWORK, NULL, false, 1, SEVERITY_NONE, false },
		{ ERROR_NETWORK, NULL, false, 2, SEVERITY_CRITICAL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char id[] = "certificate", url[] = "https://ca.test/unpause?j", name[] = "the shop";
		struct autocert a = { .o.name = name,
			.attempts = cases[i].attempts,
			.unpause_url = cases[i].is_paused_by_ca ? url : NULL,
			.last_certificate = cases[i].has_certificate ? id : NULL,
			.last_not_after_at = NOW + DAY };
		struct condition_facts facts = { .autocert = &a, .now = NOW };
		_cleanup_buf_ struct buf text = BUF_INIT;
		int64_t again_at = INT64_MAX;

		error_set(&a.last_error, cases[i].code, "why not");
		a.last_error.problem = xstrdup_null(cases[i].problem);
		cr_expect_eq(severity_of("refused", &facts, &text, &again_at), cases[i].severity, "%zu", i);
		cr_expect_eq(strstr(buf_str(&text), url) != NULL, cases[i].is_paused_by_ca, "%s", buf_str(&text));
		cr_expect_eq(strstr(buf_str(&text), ", then: certctl resume 'the shop'") != NULL,
			cases[i].is_paused_by_ca, "%s", buf_str(&text));
		error_clear(&a.last_error);
	}
}

Test(condition, the_worst_come_first)
{
	/* What alerts_list() relies on: what is critical at once is before what only may become so. */
	static const char *const order[] = { "expired", "store", "late", "stale", "undeployed" };
	size_t at = 0;

	for (size_t i = 0; i < CONDITION_COUNT && at < ARRAY_SIZE(order); i++)
		at += strcmp(condition_kinds[i].word, order[at]) == 0;
	cr_expect_eq(at, ARRAY_SIZE(order));
}

Test(condition, a_consumer_that_does_not_serve_the_certificate_is_named)
{
	struct tmp_store t;
	char id[] = "00000000-0000-4000-8000-000000000001", stale[] = "stale";
	struct consumer web = { .o.name = xstrdup("web") };
	struct rollout_target target = { .consumer = id, .served = stale };
	struct rollout_state rollout = { .targets = { .items = &target, .count = 1 } };
	struct condition_facts facts = { .rollout = &rollout };
	_cleanup_buf_ struct buf text = BUF_INIT;
	int64_t again_at = INT64_MAX;

	tmp_store_init(&t, 0);
	memcpy(web.o.id, id, sizeof(id));
	cr_assert_eq(object_save(t.store, store_begin(t.store), &consumer_class, &web, NULL), 0);
	facts.store = t.store;
	cr_expect_eq(
		severity_of("stale", &facts, &text, &again_at), SEVERITY_NONE, "it has time to load the certificate");
	target.is_unserved = true;
	cr_expect_eq(severity_of("stale", &facts, &text, &again_at), SEVERITY_WARNING);
	cr_expect_str_eq(buf_str(&text), "consumer 'web': stale");
	target.is_stuck = true;
	cr_expect_eq(severity_of("stale", &facts, &text, &again_at), SEVERITY_CRITICAL);
	consumer_clear(&web);
	tmp_store_clear(&t);
}

Test(condition, tlsa_records_that_the_operator_has_to_change_are_a_warning)
{
	struct autocert a = { .attempts = 0 };
	struct condition_facts facts = { .autocert = &a, .now = NOW }, none = { .now = NOW };
	_cleanup_buf_ struct buf text = BUF_INIT;
	int64_t again_at = INT64_MAX;

	cr_expect_eq(severity_of("dane", &none, &text, &again_at), SEVERITY_NONE);
	cr_expect_eq(severity_of("dane", &facts, &text, &again_at), SEVERITY_NONE);
	cr_expect_eq(text.len, 0);
	error_set(&a.tlsa_error, ERROR_STATE, "publish the TLSA record");
	cr_expect_eq(severity_of("dane", &facts, &text, &again_at), SEVERITY_WARNING);
	cr_expect_str_eq(buf_str(&text), "publish the TLSA record");
	error_clear(&a.tlsa_error);
}

/* What an operator reads, and each fact that it depends on. */
Test(condition, each_says_why_it_holds)
{
	enum { DAYS_30 = 30 * DAY };
	static char id[] = "certificate", name[] = "the shop", broken[] = "record 7 is altered";
	static char reason[] = "superseded", list[] = "http://x/";
	static const struct condition_certd well = { .audit = NULL };
	static const struct condition_certd ill = {
		.state_dir = "/var/lib/certd", .is_disk_full = true, .audit = broken, .is_clock_wrong = true
	};
	static const struct condition_certd failing = { .state_dir = "/srv", .is_store_failing = true };
	static const struct condition_certd damaged = { .state_dir = "/srv", .damaged_records = 3 };
	static const struct {
		const char *word;
		enum { ISSUED, IMPORTED, HELD_BACK, NEITHER } of;
		bool is_paused, has_certificate;
		int64_t left; /* seconds until the expiry */
		enum error_code failure;
		const struct condition_certd *certd;
		enum severity severity;
		const char *text;
	} cases[] = {
		{ "expired", ISSUED, false, true, 1, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "expired", ISSUED, false, true, 0, ERROR_NONE, NULL, SEVERITY_CRITICAL,
			"expired 1972-09-27T00:00:00Z" },
		{ "expired", ISSUED, true, true, -1, ERROR_CA, NULL, SEVERITY_CRITICAL,
			"expired 1972-09-26T23:59:59Z; its renewal is paused" },
		{ "expired", ISSUED, false, true, 0, ERROR_CA, NULL, SEVERITY_CRITICAL,
			"expired 1972-09-27T00:00:00Z; the last attempt to renew it failed: why not" },
		{ "expired", ISSUED, false, false, 0, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "expired", IMPORTED, false, false, 0, ERROR_NONE, NULL, SEVERITY_CRITICAL,
			"expired 1972-09-27T00:00:00Z; certd cannot renew an imported certificate: import its "
			"successor with --replace" },
		{ "expired", NEITHER, false, false, 0, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "revoked", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_CRITICAL,
			"revoked 1972-09-26T00:00:00Z: superseded (http://x/); certd replaces it" },
		{ "revoked", ISSUED, true, true, DAY, ERROR_CA, NULL, SEVERITY_CRITICAL,
			"revoked 1972-09-26T00:00:00Z: superseded (http://x/); its renewal is paused: certctl resume "
			"'the shop'" },
		{ "revoked", ISSUED, false, true, DAY, ERROR_CA, NULL, SEVERITY_CRITICAL,
			"revoked 1972-09-26T00:00:00Z: superseded (http://x/); the last attempt to replace it failed: "
			"why not" },
		{ "revoked", IMPORTED, false, false, DAY, ERROR_NONE, NULL, SEVERITY_CRITICAL,
			"revoked 1972-09-26T00:00:00Z: superseded (http://x/); certd cannot renew an imported "
			"certificate: import its successor with --replace" },
		{ "revoked", NEITHER, false, false, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "late", ISSUED, false, true, 10 * DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "late", ISSUED, false, true, DAYS_30 / 4, ERROR_NONE, NULL, SEVERITY_WARNING,
			"expires 1972-10-04T12:00:00Z; it should have been renewed by now" },
		{ "late", ISSUED, false, true, DAYS_30 / 4 + 1, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "late", ISSUED, false, true, DAYS_30 / 10 + 1, ERROR_NONE, NULL, SEVERITY_WARNING,
			"expires 1972-09-30T00:00:01Z; it should have been renewed by now" },
		{ "late", ISSUED, false, true, DAYS_30 / 10, ERROR_NETWORK, NULL, SEVERITY_CRITICAL,
			"expires 1972-09-30T00:00:00Z; the last attempt to renew it failed: why not" },
		{ "late", IMPORTED, false, false, DAY, ERROR_NONE, NULL, SEVERITY_CRITICAL,
			"expires 1972-09-28T00:00:00Z; certd cannot renew an imported certificate: import its "
			"successor with --replace" },
		{ "late", NEITHER, false, false, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "paused", ISSUED, true, true, DAY, ERROR_NONE, NULL, SEVERITY_CRITICAL,
			"expires 1972-09-28T00:00:00Z; its renewal is paused: certctl resume 'the shop'" },
		{ "paused", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "paused", ISSUED, true, true, 10 * DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "paused", IMPORTED, false, false, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "refused", ISSUED, false, true, DAY, ERROR_CA, NULL, SEVERITY_WARNING, "2 attempts failed: why not" },
		{ "refused", ISSUED, true, true, DAY, ERROR_CA, NULL, SEVERITY_NONE, "" },
		{ "refused", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "refused", IMPORTED, false, true, DAY, ERROR_CA, NULL, SEVERITY_NONE, "" },
		{ "undeployed", HELD_BACK, false, true, -DAY, ERROR_TLS, NULL, SEVERITY_WARNING,
			"it is not deployed: why not (to deploy it: certctl set cert 'the shop' --deploy-anyway)" },
		{ "expired", HELD_BACK, false, true, -DAY, ERROR_TLS, NULL, SEVERITY_NONE, "" },
		{ "late", IMPORTED, false, true, DAYS_30 / 2 + 1, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "late", IMPORTED, false, true, DAYS_30 / 2, ERROR_NONE, NULL, SEVERITY_WARNING,
			"expires 1972-10-12T00:00:00Z; certd cannot renew an imported certificate: import its "
			"successor with --replace" },
		{ "changed", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "approval", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "approval", IMPORTED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "rolledback", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "stale", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "undeployed", ISSUED, false, true, DAY, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "store", NEITHER, false, false, 0, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "store", NEITHER, false, false, 0, ERROR_NONE, &well, SEVERITY_NONE, "" },
		{ "store", NEITHER, false, false, 0, ERROR_NONE, &ill, SEVERITY_CRITICAL,
			"the disk of /var/lib/certd is full: nothing can be changed or renewed until there is space; "
			"certd then recovers by itself" },
		{ "store", NEITHER, false, false, 0, ERROR_NONE, &failing, SEVERITY_CRITICAL,
			"the store in /srv cannot be written: nothing is renewed until that is fixed; see certctl "
			"events" },
		{ "store", NEITHER, false, false, 0, ERROR_NONE, &damaged, SEVERITY_CRITICAL,
			"damaged records in the store in /srv: 3; certd uses the others; " STORE_DAMAGE_ADVICE },
		{ "clock", NEITHER, false, false, 0, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "clock", NEITHER, false, false, 0, ERROR_NONE, &well, SEVERITY_NONE, "" },
		{ "clock", NEITHER, false, false, 0, ERROR_NONE, &ill, SEVERITY_CRITICAL,
			"the clock is behind the last recorded time: nothing is issued or renewed until it is set (or "
			"for an hour)" },
		{ "audit", NEITHER, false, false, 0, ERROR_NONE, NULL, SEVERITY_NONE, "" },
		{ "audit", NEITHER, false, false, 0, ERROR_NONE, &well, SEVERITY_NONE, "" },
		{ "audit", NEITHER, false, false, 0, ERROR_NONE, &ill, SEVERITY_CRITICAL,
			"record 7 is altered; see: certctl audit --verify" },
		{ "account", NEITHER, false, false, 0, ERROR_NONE, NULL, SEVERITY_NONE, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t end = NOW + cases[i].left, again_at = INT64_MAX;
		struct autocert a = { .o.name = name,
			.last_certificate = cases[i].has_certificate ? id : NULL,
			.is_paused = cases[i].is_paused,
			.attempts = 2,
			.last_not_before_at = end - DAYS_30,
			.last_not_after_at = end };
		struct certificate c = { .slug = id,
			.not_before_at = end - DAYS_30,
			.not_after_at = end,
			.revoked_at = NOW - DAY,
			.revoke_reason = reason,
			.revocation_list = list };
		struct condition_facts facts = { .autocert = cases[i].of == ISSUED ? &a : NULL,
			.revoked = strcmp(cases[i].word, "revoked") == 0 && cases[i].of != NEITHER ? &c : NULL,
			.certificate = cases[i].of == IMPORTED || cases[i].of == HELD_BACK ? &c : NULL,
			.certd = cases[i].certd,
			.warning_percent = 25,
			.critical_percent = 10,
			.now = NOW };
		_cleanup_buf_ struct buf text = BUF_INIT;

		if (cases[i].of == HELD_BACK) {
			c.slug = NULL;
			c.is_held_back = true;
			c.o.name = name;
			error_set(&c.o.failure, cases[i].failure, "why not");
		}
		if (cases[i].failure)
			error_set(&a.last_error, cases[i].failure, "why not");
		cr_expect_eq(severity_of(cases[i].word, &facts, &text, &again_at), cases[i].severity, "%zu", i);
		cr_expect_str_eq(buf_str(&text), cases[i].text, "%zu", i);
		error_clear(&a.last_error);
		error_clear(&c.o.failure);
	}
}

Test(condition, a_standing_record_that_ends_or_is_missing_is_reported_while_it_can_be_published_again)
{
	enum { RENEWAL = 60 * DAY };
	static const struct {
		const char *challenge;
		int64_t left, planned;
		const char *missing;
		enum severity severity;
		int64_t again;
	} cases[] = {
		{ "dns-persist-01", 0, 0, NULL, SEVERITY_NONE, 0 },
		{ "dns-persist-01", RENEWAL + 1, RENEWAL, NULL, SEVERITY_NONE, RENEWAL + 1 - 30 * DAY },
		{ "dns-persist-01", RENEWAL, RENEWAL, NULL, SEVERITY_WARNING, RENEWAL - 30 * DAY },
		{ "dns-persist-01", 30 * DAY + 1, 0, NULL, SEVERITY_NONE, 1 },
		{ "dns-persist-01", 30 * DAY, 0, NULL, SEVERITY_WARNING, 30 * DAY },
		{ "dns-persist-01", 1, 0, NULL, SEVERITY_WARNING, 1 },
		{ "dns-persist-01", -1, 0, NULL, SEVERITY_CRITICAL, 0 },
		{ "dns-persist-01", 0, 0, "the TXT record is missing", SEVERITY_WARNING, 0 },
		{ "http-01", -1, 0, NULL, SEVERITY_NONE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct autocert a = { .challenge = xstrdup(cases[i].challenge), .common_name = xstrdup("a.example") };
		struct condition_facts facts = { .autocert = &a, .planned_at = NOW + cases[i].planned, .now = NOW };
		_cleanup_buf_ struct buf text = BUF_INIT;
		int64_t again_at = INT64_MAX;

		strlist_add(&a.standing, "_validation-persist.b.example ca.example; accounturi=x");
		if (cases[i].left)
			strlist_take(&a.standing,
				xasprintf("_validation-persist.a.example ca.example; accounturi=x; persistUntil=%lld",
					(long long)(NOW + cases[i].left)));
		if (cases[i].missing)
			error_set(&a.standing_error, ERROR_STATE, "%s", cases[i].missing);
		cr_expect_eq(severity_of("persist", &facts, &text, &again_at), cases[i].severity, "%zu", i);
		cr_expect_eq(again_at, cases[i].again ? NOW + cases[i].again : INT64_MAX, "%zu", i);
		if (cases[i].severity)
			cr_expect_not_null(
				strstr(buf_str(&text),
					cases[i].missing ? cases[i].missing : "_validation-persist.a.example after "),
				"%zu: %s", i, buf_str(&text));
		autocert_clear(&a);
	}
}

Test(condition, an_account_that_fails_is_of_interest_unless_the_ca_is_only_out_of_reach)
{
	static const struct {
		enum object_state state;
		enum error_code code;
		enum severity severity;
	} cases[] = {
		{ OBJECT_FAILED, ERROR_CA, SEVERITY_CRITICAL },
		{ OBJECT_FAILED, ERROR_TLS, SEVERITY_CRITICAL },
		{ OBJECT_FAILED, ERROR_NONE, SEVERITY_NONE },
		{ OBJECT_FAILED, ERROR_NETWORK, SEVERITY_NONE },
		{ OBJECT_FAILED, ERROR_TIMEOUT, SEVERITY_NONE },
		{ OBJECT_FAILED, ERROR_DNS, SEVERITY_NONE },
		{ OBJECT_PROVISIONING, ERROR_CA, SEVERITY_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct provider p = { .o.state = cases[i].state };
		struct condition_facts facts = { .provider = &p, .now = NOW };
		_cleanup_buf_ struct buf text = BUF_INIT;
		int64_t again_at = INT64_MAX;

		if (cases[i].code)
			error_set(&p.o.failure, cases[i].code, "no such account");
		cr_expect_eq(severity_of("account", &facts, &text, &again_at), cases[i].severity, "%zu", i);
		cr_expect_str_eq(buf_str(&text), cases[i].severity ? "no such account" : "", "%zu", i);
		error_clear(&p.o.failure);
	}
}
