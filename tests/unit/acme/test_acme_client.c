#include "tests/unit/acme/fixture.h"

#include "common/crypto/base64url.h"
#include "common/crypto/secret.h"
#include "common/retry.h"
#include "daemon/acme/acme_client_private.h"

#include <criterion/criterion.h>
#include <string.h>

#define EAB_KEY "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

Test(acme_client, directory_and_nonce_are_fetched_once)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init(&f);
	for (int i = 0; i < 3; i++)
		fixture_register(&f, &outcome);
	cr_expect_eq(outcome.calls, 3);
	cr_expect_not(error_is_set(&outcome.err), "%s", outcome.err.message);
	cr_expect_str_eq(outcome.location, FIXTURE_BASE "/account/0");
	cr_expect_eq(fake_ca_accounts(f.ca), 1, "the same key gives the same account");
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_DIRECTORY), 1);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_NONCE), 1);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_ACCOUNT), 3);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

/* That a URL begins as the directory's does saves parsing it, and must decide nothing else. */
Test(acme_client, only_urls_of_the_directorys_host_are_requested)
{
	static const struct {
		const char *url;
		bool is_accepted;
	} cases[] = {
		{ FIXTURE_BASE "/order/1?a=b", true },
		{ FIXTURE_BASE, true },
		{ FIXTURE_BASE "/order/1#x", false },
		{ FIXTURE_BASE "/order/1 ", false },
		{ FIXTURE_BASE "/order/\\1", false },
		{ FIXTURE_BASE "/order/\xc3\xa9", false },
		{ FIXTURE_BASE ".evil/order/1", false },
		{ FIXTURE_BASE "@evil.test/order/1", false },
		{ FIXTURE_BASE ":8443/order/1", false },
		{ "http://evil.test/?" FIXTURE_BASE "/", false },
		{ "", false },
	};
	char longest[ACME_URL_MAX + 2];
	struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(acme_client_check_url(f.client, cases[i].url, NULL) == 0, cases[i].is_accepted, "%s",
			cases[i].url);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, FIXTURE_BASE "/", strlen(FIXTURE_BASE) + 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_expect_eq(acme_client_check_url(f.client, longest, NULL), -1, "one octet too long");
	longest[ACME_URL_MAX] = '\0';
	cr_expect_eq(acme_client_check_url(f.client, longest, NULL), 0);
	fixture_clear(&f);
}

Test(acme_client, a_directory_is_a_day_old_at_most)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init_registered(&f);
	clock_advance_ms(f.clock, 23 * 3600 * 1000);
	fixture_register(&f, &outcome);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_DIRECTORY), 0);
	clock_advance_ms(f.clock, 2 * 3600 * 1000);
	fixture_register(&f, &outcome);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_DIRECTORY), 1);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

Test(acme_client, refused_nonces_are_replaced_by_that_of_the_refusal)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->nonce_reject_percent = 30;
	for (int i = 0; i < 50; i++)
		fixture_register(&f, &outcome);
	cr_expect_not(error_is_set(&outcome.err), "%s", outcome.err.message);
	cr_expect_gt(fake_ca_nonces_rejected(f.ca), 5);
	cr_expect_eq(fake_ca_count_all(f.ca), 50 + fake_ca_nonces_rejected(f.ca), "no nonce was fetched");
	outcome_clear(&outcome);
	fixture_clear(&f);
}

Test(acme_client, a_ca_that_refuses_every_nonce_is_given_up)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->nonce_reject_percent = 100;
	fixture_register(&f, &outcome);
	cr_expect_eq(outcome.calls, 1);
	cr_expect_str_eq(outcome.err.problem, "badNonce");
	cr_expect_eq(fake_ca_count_all(f.ca), 11);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

Test(acme_client, terms_have_to_be_agreed_to)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init(&f);
	fake_ca_script(f.ca)->terms = true;
	acme_account_register(f.client, &(struct acme_account_request){ .email = NULL }, outcome_set, &outcome);
	fixture_run(&f);
	cr_expect_eq(outcome.err.code, ERROR_INVALID);
	cr_expect_str_eq(outcome.err.field, "termsOfServiceAgreed");
	cr_expect(strstr(outcome.err.message, FIXTURE_BASE "/terms"), "%s", outcome.err.message);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_ACCOUNT), 0);
	outcome_clear(&outcome);
	fixture_register(&f, &outcome);
	cr_expect_not(error_is_set(&outcome.err), "%s", outcome.err.message);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

Test(acme_client, an_external_account_is_bound_by_identifier_and_key)
{
	static const struct {
		const char *key_id;
		const char *key;
		enum error_code code;
		const char *begins; /* the message */
	} cases[] = {
		{ NULL, NULL, ERROR_INVALID, "the CA requires an external account binding: set the key identifier" },
		{ "kid-1", NULL, ERROR_CA, "the external account binding has no keySecret: externalAccountRequired" },
		{ NULL, EAB_KEY, ERROR_CA, "the external account binding has no keyId: externalAccountRequired" },
		{ "kid-2", EAB_KEY, ERROR_CA, "unauthorized" },
		{ "kid-1", "AAAA", ERROR_CA, "unauthorized" },
		{ "kid-1", EAB_KEY, ERROR_NONE, "" },
	};
	struct fixture f;

	fixture_init(&f);
	fake_ca_script(f.ca)->eab_key_id = "kid-1";
	fake_ca_script(f.ca)->eab_key = EAB_KEY;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(outcome_clear) struct outcome outcome = { .calls = 0 };
		_cleanup_secret_ struct secret key = SECRET_INIT;

		if (cases[i].key)
			cr_assert_eq(base64_decode_any(cases[i].key, strlen(cases[i].key), &key, NULL), 0);
		acme_account_register(f.client,
			&(struct acme_account_request){ .eab_key_id = cases[i].key_id, .eab_key = &key }, outcome_set,
			&outcome);
		fixture_run(&f);
		cr_expect_eq(outcome.err.code, cases[i].code, "%zu: %s", i, outcome.err.message);
		cr_expect_eq(strncmp(outcome.err.message ? outcome.err.message : "", cases[i].begins,
				     strlen(cases[i].begins)),
			0, "%zu: %s", i, outcome.err.message);
		if (cases[i].code)
			cr_expect_str_eq(outcome.err.field, "externalAccountBinding", "%zu", i);
	}
	cr_expect_eq(fake_ca_accounts(f.ca), 1);
	fixture_clear(&f);
}

Test(acme_client, an_account_is_found_by_its_key_and_never_made_by_looking)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init(&f);
	acme_account_find(f.client, outcome_set, &outcome);
	fixture_run(&f);
	cr_expect_str_eq(outcome.err.problem, "accountDoesNotExist");
	cr_expect_eq(fake_ca_accounts(f.ca), 0);
	outcome_clear(&outcome);
	fixture_register(&f, &outcome);
	outcome_clear(&outcome);
	acme_account_find(f.client, outcome_set, &outcome);
	fixture_run(&f);
	cr_expect_str_eq(outcome.location, FIXTURE_BASE "/account/0");
	outcome_clear(&outcome);
	fixture_clear(&f);
}

/* Makes the first @bad requests of a kind go wrong. */
struct trouble {
	enum fake_ca_kind kind;
	unsigned bad;
	enum error_code failure; /* no answer; or: */
	int status;
	const char *problem; /* NULL: HTML */
	int64_t retry_after_sec;
	const char *retry_after; /* instead, as text */
	const char *location;
	const char *body;
};

static bool
make_trouble(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	const struct trouble *t = arg;

	if (phase != FAKE_CA_BEFORE || kind != t->kind || nth > t->bad)
		return false;
	answer->failure = t->failure;
	if (t->problem)
		fake_ca_answer_problem(answer, t->status, t->problem, "trouble");
	else
		fake_ca_answer_body(answer, t->status, t->body ? t->body : "<html>trouble</html>");
	answer->res.retry_after_sec = t->retry_after ? retry_after_read(t->retry_after, 1795257000)
						     : t->retry_after_sec;
	answer->res.location = xstrdup_null(t->location);
	return true;
}

static void
script_trouble(struct fixture *f, const struct trouble *t)
{
	fake_ca_script(f->ca)->intercept = make_trouble;
	fake_ca_script(f->ca)->arg = (void *)t;
}

Test(acme_client, short_outages_are_sat_out_and_long_ones_told)
{
	static const struct {
		const char *why;
		struct trouble t;
		enum error_code code; /* in the end */
		unsigned requests;    /* of that kind */
		int64_t least_ms, most_ms;
	} cases[] = {
		{ "connection lost twice", { FAKE_CA_ACCOUNT, 2, .failure = ERROR_NETWORK }, ERROR_NONE, 3, 750, 800 },
		{ "down", { FAKE_CA_ACCOUNT, 99, .failure = ERROR_NETWORK }, ERROR_NETWORK, 6, 7750, 7800 },
		{ "hangs", { FAKE_CA_ACCOUNT, 99, .failure = ERROR_TIMEOUT }, ERROR_TIMEOUT, 2, 250, 300 },
		{ "wrong certificate", { FAKE_CA_ACCOUNT, 99, .failure = ERROR_TLS }, ERROR_TLS, 1, 0, 10 },
		{ "502 once", { FAKE_CA_ACCOUNT, 1, .status = 502 }, ERROR_NONE, 2, 250, 300 },
		{ "serverInternal", { FAKE_CA_ACCOUNT, 99, .status = 500, .problem = "serverInternal" }, ERROR_CA, 6,
			7750, 7800 },
		{ "503 with a short Retry-After", { FAKE_CA_ACCOUNT, 1, .status = 503, .retry_after_sec = 5 },
			ERROR_NONE, 2, 5000, 5050 },
		{ "503 with a long Retry-After", { FAKE_CA_ACCOUNT, 99, .status = 503, .retry_after_sec = 3600 },
			ERROR_RATE_LIMITED, 1, 0, 10 },
		{ "503 until a date that has passed",
			{ FAKE_CA_ACCOUNT, 1, .status = 503, .retry_after = "Thu, 01 Jan 1970 00:00:00 GMT" },
			ERROR_NONE, 2, 1000, 1050 },
		{ "503 until a date that is far",
			{ FAKE_CA_ACCOUNT, 99, .status = 503, .retry_after = "Fri, 31 Dec 9999 23:59:59 GMT" },
			ERROR_RATE_LIMITED, 1, 0, 10 },
		{ "503 until nobody knows", { FAKE_CA_ACCOUNT, 1, .status = 503, .retry_after = "Fri, 32 Dec" },
			ERROR_NONE, 2, 250, 300 },
		{ "rate limit", { FAKE_CA_ACCOUNT, 99, .status = 429, .problem = "rateLimited", .retry_after_sec = 60 },
			ERROR_RATE_LIMITED, 1, 0, 10 },
		{ "429 with another type",
			{ FAKE_CA_ACCOUNT, 99, .status = 429, .problem = "malformed", .retry_after_sec = 60 },
			ERROR_RATE_LIMITED, 1, 0, 10 },
		{ "429 with a type that is usually sent again at once",
			{ FAKE_CA_ACCOUNT, 99, .status = 429, .problem = "badNonce", .retry_after_sec = 60 },
			ERROR_RATE_LIMITED, 1, 0, 10 },
		{ "503 with such a type and a short Retry-After",
			{ FAKE_CA_ACCOUNT, 1, .status = 503, .problem = "badNonce", .retry_after_sec = 5 }, ERROR_NONE,
			2, 5000, 5050 },
		{ "redirect", { FAKE_CA_ACCOUNT, 1, .status = 302, .location = "https://evil/" }, ERROR_PROTOCOL, 1, 0,
			10 },
		{ "Location elsewhere",
			{ FAKE_CA_ACCOUNT, 1, .status = 201, .location = "https://evil/",
				.body = "{\"status\":\"valid\"}" },
			ERROR_PROTOCOL, 1, 0, 10 },
		{ "no Location", { FAKE_CA_ACCOUNT, 1, .status = 201, .body = "{\"status\":\"valid\"}" },
			ERROR_PROTOCOL, 1, 0, 10 },
		{ "deactivated account",
			{ FAKE_CA_ACCOUNT, 1, .status = 200, .location = FIXTURE_BASE "/account/0",
				.body = "{\"status\":\"deactivated\"}" },
			ERROR_CA, 1, 0, 10 },
		{ "directory is HTML", { FAKE_CA_DIRECTORY, 99, .status = 200 }, ERROR_PROTOCOL, 1, 0, 10 },
		{ "directory is missing", { FAKE_CA_DIRECTORY, 99, .status = 404 }, ERROR_CA, 1, 0, 10 },
		{ "directory comes back", { FAKE_CA_DIRECTORY, 3, .status = 503 }, ERROR_NONE, 4, 1750, 1800 },
		{ "directory moved on its host",
			{ FAKE_CA_DIRECTORY, 1, .status = 301, .location = FIXTURE_BASE "/directory" }, ERROR_NONE, 2,
			0, 10 },
		{ "directory moves on and on",
			{ FAKE_CA_DIRECTORY, 99, .status = 302, .location = FIXTURE_BASE "/directory" }, ERROR_PROTOCOL,
			6, 0, 10 },
		{ "directory moved elsewhere",
			{ FAKE_CA_DIRECTORY, 99, .status = 301, .location = "https://evil/directory" }, ERROR_PROTOCOL,
			1, 0, 10 },
		{ "directory moved nowhere", { FAKE_CA_DIRECTORY, 99, .status = 301 }, ERROR_PROTOCOL, 1, 0, 10 },
		{ "directory moved to what is no URL", { FAKE_CA_DIRECTORY, 99, .status = 301, .location = "//" },
			ERROR_PROTOCOL, 1, 0, 10 },
		{ "directory that is 400 with a Location",
			{ FAKE_CA_DIRECTORY, 99, .status = 400, .location = FIXTURE_BASE "/directory" }, ERROR_CA, 1, 0,
			10 },
		{ "nonces come back", { FAKE_CA_NONCE, 3, .failure = ERROR_NETWORK }, ERROR_NONE, 4, 1750, 1800 },
		{ "no nonces, by HEAD nor by GET", { FAKE_CA_NONCE, 99, .status = 403 }, ERROR_CA, 2, 0, 10 },
		{ "nonces by GET alone", { FAKE_CA_NONCE, 1, .status = 404 }, ERROR_NONE, 2, 0, 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(outcome_clear) struct outcome outcome = { .calls = 0 };
		struct fixture f;
		int64_t took_ms;

		fixture_init(&f);
		script_trouble(&f, &cases[i].t);
		fixture_register(&f, &outcome);
		took_ms = clock_boot_ms(f.clock);
		cr_expect_eq(outcome.calls, 1, "%s", cases[i].why);
		cr_expect_eq(outcome.err.code, cases[i].code, "%s: %s", cases[i].why, outcome.err.message);
		cr_expect_eq(fake_ca_count(f.ca, cases[i].t.kind), cases[i].requests, "%s: %u requests", cases[i].why,
			fake_ca_count(f.ca, cases[i].t.kind));
		cr_expect(took_ms >= cases[i].least_ms && took_ms <= cases[i].most_ms, "%s: %lld ms", cases[i].why,
			(long long)took_ms);
		fixture_clear(&f);
	}
}

Test(acme_client, a_rate_limit_says_until_when)
{
	static const struct trouble t = { FAKE_CA_ACCOUNT, 1, .status = 429, .problem = "rateLimited",
		.retry_after_sec = 3600 };
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init(&f);
	script_trouble(&f, &t);
	fixture_register(&f, &outcome);
	cr_expect_eq(outcome.err.retry_at, 1800003600, "%lld", (long long)outcome.err.retry_at);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

Test(acme_client, after_an_outage_the_directory_is_fetched_again)
{
	static const struct trouble t = { FAKE_CA_ACCOUNT, 6, .failure = ERROR_NETWORK };
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init_registered(&f);
	script_trouble(&f, &t);
	fixture_register(&f, &outcome);
	cr_expect_eq(outcome.err.code, ERROR_NETWORK);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_DIRECTORY), 0);
	outcome_clear(&outcome);
	fixture_register(&f, &outcome);
	cr_expect_not(error_is_set(&outcome.err), "%s", outcome.err.message);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_DIRECTORY), 1);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

Test(acme_client, only_the_host_of_the_directory_is_asked_unless_allowed)
{
	static const struct {
		const char *url;
		bool allow;
		enum error_code code;
	} cases[] = {
		{ "https://other.test/x", false, ERROR_PROTOCOL }, { "https://ca.test:8443/x", false, ERROR_PROTOCOL },
		{ "http://ca.test/x", true, ERROR_PROTOCOL },
		{ "https://other.test/x", true, ERROR_NETWORK }, /* it was sent there */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(outcome_clear) struct outcome outcome = { .calls = 0 };
		struct fixture f;

		fixture_init(&f);
		fixture_new_client(&f, &(struct acme_client_config){ .directory_url = FIXTURE_BASE "/directory",
					       .account_url = FIXTURE_BASE "/account/0",
					       .may_use_other_hosts = cases[i].allow });
		acme_client_send(f.client, &(struct acme_request){ .url = cases[i].url }, outcome_set, &outcome);
		fixture_run(&f);
		cr_expect_eq(outcome.err.code, cases[i].code, "%s: %s", cases[i].url, outcome.err.message);
		fixture_clear(&f);
	}
}

Test(acme_client, without_an_account_nothing_is_sent)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init(&f);
	acme_client_send(
		f.client, &(struct acme_request){ .url = ACME_NEW_ORDER, .payload = "{}" }, outcome_set, &outcome);
	fixture_run(&f);
	cr_expect_eq(outcome.err.code, ERROR_STATE);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_NEW_ORDER), 0);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

static void
free_client(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct fixture *f = arg;

	(void)reply;
	(void)err;
	acme_client_free(f->client);
	f->client = NULL;
}

Test(acme_client, may_be_freed_from_a_callback_with_other_calls_under_way)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init_registered(&f);
	for (int i = 0; i < 5; i++)
		acme_client_send(f.client, &(struct acme_request){ .url = FIXTURE_BASE "/order/9" },
			i == 2 ? free_client : outcome_set, i == 2 ? (void *)&f : (void *)&outcome);
	fixture_run(&f);
	cr_expect_null(f.client);
	cr_expect_eq(outcome.calls, 2);
	outcome_clear(&outcome);
	fixture_clear(&f);
}

Test(acme_client, a_cancelled_call_is_not_answered)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init(&f);
	acme_call_cancel(acme_account_find(f.client, outcome_set, &outcome));
	acme_call_cancel(NULL);
	fixture_run(&f);
	cr_expect_eq(outcome.calls, 0);
	fixture_clear(&f);
}

static void
note_directory(const struct acme_directory *directory, const struct error *err, void *arg)
{
	char **where = arg;

	cr_expect_null(err);
	str_replace(where, directory->new_order);
}

Test(acme_client, the_directory_can_be_asked_for)
{
	struct fixture f;
	_cleanup_free_ char *new_order = NULL;

	fixture_init(&f);
	acme_client_directory(f.client, note_directory, &new_order);
	cr_expect_null(new_order, "no callback from inside the call");
	fixture_run(&f);
	cr_expect_str_eq(new_order, FIXTURE_BASE "/order");
	fixture_clear(&f);
}

Test(acme_client, authorizations_and_new_orders_take_turns)
{
	struct fixture f;
	struct outcome outcome = { .calls = 0 };

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->latency_ms = 10;
	for (int i = 0; i < 20; i++) {
		acme_client_send(f.client,
			&(struct acme_request){ .url = ACME_NEW_ORDER,
				.payload = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}]}" },
			outcome_set, &outcome);
		acme_client_send(f.client,
			&(struct acme_request){ .url = FIXTURE_BASE "/authz/0", .is_authorization = true }, outcome_set,
			&outcome);
	}
	fixture_run(&f);
	cr_expect_eq(outcome.calls, 40);
	cr_expect_eq(fake_ca_overlaps(f.ca), 0);
	outcome_clear(&outcome);
	fixture_clear(&f);
}
