#include "common/crypto/x509.h"
#include "common/json.h"
#include "daemon/acme/acme_chain.h"
#include "tests/unit/acme/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* An owner of its own with one order for @names, run to its end. */
static void
issue(struct fixture *f, struct owner *owner, const char *names)
{
	owner_init(owner, f, names);
	owner_run(owner, f);
}

Test(acme_order, k_names_take_2k_plus_5_requests)
{
	static const unsigned counts[] = { 1, 2, 3, 10, 100 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		_cleanup_buf_ struct buf names = BUF_INIT;
		struct fixture f;
		struct owner owner;
		unsigned k = counts[i];

		for (unsigned n = 0; n < k; n++)
			buf_printf(&names, "%sn%u.example.com", n ? "," : "", n);
		fixture_init_registered(&f);
		fake_ca_script(f.ca)->latency_ms = 1;
		fake_ca_script(f.ca)->validate_ms = 5;
		fake_ca_script(f.ca)->issue_ms = 5;
		issue(&f, &owner, buf_str(&names));
		owner_expect_issued(&owner, "plain");
		cr_expect_eq(fake_ca_count_all(f.ca), 2 * k + 5, "%u names: %u requests", k, fake_ca_count_all(f.ca));
		cr_expect_eq(owner.saves, 1);
		cr_expect_eq(owner.csrs, 1);
		cr_expect_eq(owner.solves, k);
		cr_expect(owner.is_spent);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, a_far_ca_is_asked_several_things_at_once)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	struct fixture f;
	struct owner owner;

	for (unsigned n = 0; n < 40; n++)
		buf_printf(&names, "%sn%u.example.com", n ? "," : "", n);
	fixture_init_registered(&f);
	fake_ca_script(f.ca)->latency_ms = 100;
	issue(&f, &owner, buf_str(&names));
	owner_expect_issued(&owner, "far");
	cr_expect_eq(fake_ca_max_in_flight(f.ca), 8, "%u", fake_ca_max_in_flight(f.ca));
	cr_expect_lt(owner.done_at_ms, 3000, "%lld ms", (long long)owner.done_at_ms);
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, many_orders_at_once_need_few_nonces_and_no_overlap)
{
	struct fixture f;
	struct owner owners[50];

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->latency_ms = 2;
	fake_ca_script(f.ca)->validate_ms = 5;
	fake_ca_script(f.ca)->issue_ms = 5;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%zu.example.com", i);
		owner_init(&owners[i], &f, name);
		owner_start(&owners[i], &f, &(struct acme_order_config){ .url = NULL });
	}
	fixture_run(&f);
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		owner_expect_issued(&owners[i], owners[i].names.items[0]);
		owner_clear(&owners[i]);
	}
	cr_expect_eq(fake_ca_overlaps(f.ca), 0);
	cr_expect_leq(fake_ca_count(f.ca, FAKE_CA_NONCE), 8, "%u", fake_ca_count(f.ca, FAKE_CA_NONCE));
	cr_expect_leq(fake_ca_count_all(f.ca), 50 * 71 / 10 + 10, "%u", fake_ca_count_all(f.ca));
	fixture_clear(&f);
}

Test(acme_order, wildcards_and_addresses_are_ordered_as_such)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	issue(&f, &owner, "*.example.com,example.com,192.0.2.7");
	owner_expect_issued(&owner, "wildcard and address");
	owner_clear(&owner);
	fixture_clear(&f);
}

/* Profiles are asked for by name (draft-ietf-acme-profiles). */
Test(acme_order, only_a_profile_that_the_ca_offers_is_asked_for)
{
	static const struct {
		const char *profiles, *echo, *asked;
		enum error_code code; /* ERROR_NONE: a certificate comes of it */
		const char *says;
		unsigned orders;
	} cases[] = {
		{ NULL, NULL, "short", ERROR_NONE, NULL, 1 },
		{ NULL, NULL, NULL, ERROR_NONE, NULL, 1 },
		{ NULL, NULL, "shorter", ERROR_CA,
			"the CA does not offer the profile 'shorter'; it offers classic, short", 0 },
		{ NULL, NULL, "Short", ERROR_CA, "the CA does not offer the profile 'Short'", 0 },
		{ "", NULL, "short", ERROR_CA, "it offers no profiles at all", 0 },
		{ "{}", NULL, "short", ERROR_CA, "it offers no profiles at all", 0 },
		{ "{\"a\\u001b[2J\":1,\"b\":2}", NULL, "short", ERROR_CA, "it offers a [2J, b", 0 },
		{ NULL, "classic", "short", ERROR_PROTOCOL,
			"the order has the profile 'classic', not 'short' as requested", 1 },
		{ NULL, "", "short", ERROR_PROTOCOL, "the order does not have the profile 'short' that was requested",
			1 },
		{ NULL, "classic", NULL, ERROR_NONE, NULL, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct acme_order_config config = { .profile = cases[i].asked };
		struct outcome registered = { .calls = 0 };
		struct fixture f;
		struct owner owner;

		fixture_init(&f);
		fake_ca_script(f.ca)->profiles = cases[i].profiles;
		fake_ca_script(f.ca)->profile_echo = cases[i].echo;
		fixture_register(&f, &registered);
		owner_init(&owner, &f, "www.example.com");
		owner_start(&owner, &f, &config);
		fixture_run(&f);
		cr_expect_eq(owner.err.code, cases[i].code, "case %zu: %s", i, owner.err.message);
		cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_NEW_ORDER), cases[i].orders, "case %zu", i);
		if (cases[i].says) {
			cr_expect(strstr(owner.err.message, cases[i].says), "case %zu: %s", i, owner.err.message);
			cr_expect_str_eq(owner.err.field, "profile");
			cr_expect(!owner.err.may_retry);
			cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_FINALIZE), 0);
		}
		outcome_clear(&registered);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, a_profile_that_the_ca_offers_since_today_is_found)
{
	const struct acme_order_config config = { .profile = "new" };
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f); /* has the directory for a day */
	fake_ca_script(f.ca)->profiles = "{\"new\":\"\"}";
	owner_init(&owner, &f, "www.example.com");
	owner_start(&owner, &f, &config);
	fixture_run(&f);
	owner_expect_issued(&owner, "new");
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_DIRECTORY), 1);
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, reused_authorizations_need_no_challenge)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->reuse_authorizations = true;
	issue(&f, &owner, "a.example.com,b.example.com");
	owner_expect_issued(&owner, "reuse");
	cr_expect_eq(owner.solves, 0);
	cr_expect_eq(fake_ca_count_all(f.ca), 3, "newOrder, finalize, certificate; not %u", fake_ca_count_all(f.ca));
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, the_pause_between_polls_grows_and_the_retry_after_is_obeyed)
{
	static const struct {
		const char *why;
		int64_t validate_ms;
		int64_t retry_after_sec;
		unsigned most_polls;
		int64_t most_ms; /* until the certificate is there */
	} cases[] = {
		{ "quick", 5, 0, 1, 50 },
		{ "a second", 1000, 0, 8, 2500 },
		{ "two minutes", 120000, 0, 24, 140000 },
		{ "seconds", 3000, 4, 2, 13000 },
		{ "half a minute", 3000, 30, 2, 70000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct owner owner;

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->validate_ms = cases[i].validate_ms;
		fake_ca_script(f.ca)->retry_after_sec = cases[i].retry_after_sec;
		issue(&f, &owner, "www.example.com");
		owner_expect_issued(&owner, cases[i].why);
		cr_expect_leq(fake_ca_count(f.ca, FAKE_CA_ORDER), cases[i].most_polls, "%s: %u polls", cases[i].why,
			fake_ca_count(f.ca, FAKE_CA_ORDER));
		cr_expect_leq(
			owner.done_at_ms, cases[i].most_ms, "%s: %lld ms", cases[i].why, (long long)owner.done_at_ms);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, a_failed_validation_tells_the_name_in_the_cas_words)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->fail_name = "b.example.com";
	fake_ca_script(f.ca)->fail_problem = "connection";
	fake_ca_script(f.ca)->validate_ms = 5;
	issue(&f, &owner, "a.example.com,b.example.com");
	cr_expect_eq(owner.dones, 1);
	cr_expect_eq(owner.err.code, ERROR_VALIDATION);
	cr_expect_str_eq(owner.err.problem, "connection");
	cr_expect_str_eq(owner.err.message,
		"b.example.com: http-01: connection: looked at b.example.com and did not like it", "%s",
		owner.err.message);
	cr_expect(owner.err.may_retry);
	cr_expect(owner.is_spent);
	cr_expect_eq(owner.up, 0);
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, what_is_left_pending_by_a_failed_order_is_deactivated)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->never_validates = true;
	issue(&f, &owner, "a.example.com,b.example.com");
	cr_expect_eq(owner.err.code, ERROR_VALIDATION, "%s", owner.err.message);
	cr_expect(owner.is_spent);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_DEACTIVATE), 2);
	cr_expect_eq(owner.up, 0);
	cr_expect_leq(fake_ca_count(f.ca, FAKE_CA_ORDER), 120, "%u polls", fake_ca_count(f.ca, FAKE_CA_ORDER));
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, a_ca_that_never_fails_a_challenge_is_asked_again_a_few_times)
{
	static const struct {
		unsigned failures; /* of the first validations */
		bool is_issued;
		unsigned challenges; /* POSTs */
	} cases[] = { { 1, true, 2 }, { 3, true, 4 }, { 99, false, 4 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct owner owner;

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->retrying_failures = cases[i].failures;
		issue(&f, &owner, "www.example.com");
		if (cases[i].is_issued) {
			owner_expect_issued(&owner, "in the end");
		} else {
			cr_expect_eq(owner.err.code, ERROR_VALIDATION);
			cr_expect_str_eq(owner.err.message, "www.example.com: http-01: incorrectResponse: looked at "
							    "www.example.com and did not like it");
			cr_expect(owner.is_spent);
		}
		cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_CHALLENGE), cases[i].challenges, "%u failures: %u POSTs",
			cases[i].failures, fake_ca_count(f.ca, FAKE_CA_CHALLENGE));
		cr_expect_lt(owner.done_at_ms, 40000, "%lld ms", (long long)owner.done_at_ms);
		cr_expect(strlist_has(&owner.told, "validate: www.example.com: http-01: incorrectResponse: looked at "
						   "www.example.com and did not "
						   "like it"),
			"the reason of the wait is told");
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, owner_failures_leave_the_order_as_it_was)
{
	static const struct {
		bool save_error;
		const char *solve_error;
		const char *message;
	} cases[] = {
		{ true, NULL, "disk full" },
		{ false, "b.example.com", "b.example.com: cannot publish" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct owner owner;

		fixture_init_registered(&f);
		owner_init(&owner, &f, "a.example.com,b.example.com");
		owner.save_error = cases[i].save_error;
		owner.solve_error = cases[i].solve_error;
		owner_run(&owner, &f);
		cr_expect_eq(owner.dones, 1);
		cr_expect_str_eq(owner.err.message, cases[i].message, "%s", owner.err.message);
		cr_expect_not(owner.is_spent);
		cr_expect_eq(owner.up, 0);
		cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_CHALLENGE), 0, "no challenge is answered");
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, no_challenge_is_answered_before_the_url_is_saved)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	owner_init(&owner, &f, "www.example.com");
	owner.stay_silent = true;
	owner_start(&owner, &f, &(struct acme_order_config){ .url = NULL });
	cr_assert_eq(loop_run_until(f.loop, FIXTURE_NOW + 60, NULL), 0);
	cr_expect_eq(owner.saves, 1);
	cr_expect_eq(fake_ca_count_all(f.ca), 1);
	owner_clear(&owner);
	fixture_clear(&f);
}

/* Ends the process, so to speak, when the order reaches @stop_at. */
struct crash {
	struct owner *owner;
	enum fake_ca_kind stop_at;
	unsigned nth;
	bool has_crashed;
};

static bool
crash_now(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	struct crash *crash = arg;

	if (phase == FAKE_CA_AFTER && kind == crash->stop_at && nth == crash->nth && !crash->has_crashed) {
		crash->has_crashed = true;
		answer->failure = ERROR_CANCELLED; /* no such answer ever: the test frees the order instead */
	}
	return false;
}

Test(acme_order, a_restart_at_any_request_resumes_the_same_order)
{
	static const struct {
		enum fake_ca_kind kind;
		unsigned nth;
	} points[] = {
		{ FAKE_CA_AUTHORIZATION, 1 },
		{ FAKE_CA_AUTHORIZATION, 2 },
		{ FAKE_CA_CHALLENGE, 1 },
		{ FAKE_CA_CHALLENGE, 2 },
		{ FAKE_CA_ORDER, 1 },
		{ FAKE_CA_FINALIZE, 1 },
		{ FAKE_CA_ORDER, 2 },
		{ FAKE_CA_CERTIFICATE, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		struct fixture f;
		struct owner owner;
		struct crash crash = { .owner = &owner, .stop_at = points[i].kind, .nth = points[i].nth };

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->validate_ms = 5;
		fake_ca_script(f.ca)->issue_ms = 5;
		fake_ca_script(f.ca)->intercept = crash_now;
		fake_ca_script(f.ca)->arg = &crash;
		owner_init(&owner, &f, "a.example.com,b.example.com");
		owner_run(&owner, &f);
		cr_assert(crash.has_crashed, "point %zu", i);
		cr_expect_eq(owner.err.code, ERROR_CANCELLED, "point %zu: %s", i, owner.err.message);
		cr_expect_not(owner.is_spent, "point %zu", i);
		cr_assert_not_null(owner.url);

		error_clear(&owner.err);
		owner.dones = 0;
		owner_start(&owner, &f, &(struct acme_order_config){ .url = owner.url });
		fixture_run(&f);
		owner_expect_issued(&owner, "resumed");
		cr_expect_eq(fake_ca_orders(f.ca), 1, "point %zu", i);
		cr_expect_eq(owner.saves, 1, "the URL is known already");
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, a_freed_order_takes_its_challenges_down_and_is_silent)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->never_validates = true;
	owner_init(&owner, &f, "a.example.com,b.example.com");
	owner_start(&owner, &f, &(struct acme_order_config){ .url = NULL });
	cr_assert_eq(loop_run_until(f.loop, FIXTURE_NOW + 5, NULL), 0);
	cr_expect_eq(owner.up, 2);
	acme_order_free(owner.order);
	owner.order = NULL;
	cr_expect_eq(owner.up, 0);
	fixture_run(&f);
	cr_expect_eq(owner.dones, 0);
	owner_clear(&owner);
	fixture_clear(&f);
}

/* One wrong answer of one kind. */
struct fault {
	enum fake_ca_kind kind;
	unsigned first, last; /* which of its kind */
	bool carry_out;       /* the request is carried out and only its answer lost */
	enum error_code failure;
	int status;
	const char *problem;
	const char *body;
	const char *detail; /* of the problem */
};

static bool
inject(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	const struct fault *fault = arg;

	if (kind != fault->kind || nth < fault->first || nth > fault->last ||
		phase != (fault->carry_out ? FAKE_CA_AFTER : FAKE_CA_BEFORE))
		return false;
	answer->failure = fault->failure;
	if (fault->problem)
		fake_ca_answer_problem(
			answer, fault->status, fault->problem, fault->detail ? fault->detail : "injected");
	else if (fault->body)
		fake_ca_answer_body(answer, fault->status, fault->body);
	return true;
}

#define ORDER_BODY(status, name) \
	"{\"status\":\"" status "\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"" name "\"}]," \
	"\"authorizations\":[\"https://ca.test/authz/0\"],\"finalize\":\"https://ca.test/order/0/" \
	"finalize\"}"

Test(acme_order, faults_of_the_ca_end_as_they_should)
{
	static const struct {
		const char *why;
		struct fault fault;
		enum error_code code;
		bool is_spent;
		const char *says;
	} cases[] = {
		{ "answer to the challenge lost",
			{ FAKE_CA_CHALLENGE, 1, 1, .carry_out = true, .failure = ERROR_NETWORK }, ERROR_NONE, true,
			NULL },
		{ "answer to finalize lost", { FAKE_CA_FINALIZE, 1, 1, .carry_out = true, .failure = ERROR_NETWORK },
			ERROR_NONE, true, NULL },
		{ "answer to newOrder lost", { FAKE_CA_NEW_ORDER, 1, 1, .carry_out = true, .failure = ERROR_NETWORK },
			ERROR_NONE, true, NULL },
		{ "CA down while polling", { FAKE_CA_ORDER, 1, 99, .failure = ERROR_NETWORK }, ERROR_NETWORK, false,
			NULL },
		{ "502 while polling", { FAKE_CA_ORDER, 1, 3, .status = 502, .body = "<html>" }, ERROR_NONE, true,
			NULL },
		{ "order not ready at first", { FAKE_CA_FINALIZE, 1, 1, .status = 403, .problem = "orderNotReady" },
			ERROR_NONE, true, NULL },
		{ "order never ready", { FAKE_CA_FINALIZE, 1, 99, .status = 403, .problem = "orderNotReady" }, ERROR_CA,
			false, "orderNotReady" },
		{ "bad CSR", { FAKE_CA_FINALIZE, 1, 1, .status = 400, .problem = "badCSR" }, ERROR_CA, true,
			"badCSR: injected" },
		{ "rate limit at newOrder", { FAKE_CA_NEW_ORDER, 1, 1, .status = 429, .problem = "rateLimited" },
			ERROR_RATE_LIMITED, true, "rateLimited: injected" },
		{ "rate limit at finalize", { FAKE_CA_FINALIZE, 1, 1, .status = 429, .problem = "rateLimited" },
			ERROR_RATE_LIMITED, false, "rateLimited: injected" },
		{ "account gone", { FAKE_CA_NEW_ORDER, 1, 99, .status = 400, .problem = "accountDoesNotExist" },
			ERROR_CA, true, "accountDoesNotExist: injected" },
		{ "garbage instead of an order",
			{ FAKE_CA_NEW_ORDER, 1, 1, .status = 201,
				.body = "\x7f"
					"ELF" },
			ERROR_PROTOCOL, true, "order" },
		{ "order for another name",
			{ FAKE_CA_NEW_ORDER, 1, 1, .status = 201, .body = ORDER_BODY("pending", "evil.example") },
			ERROR_PROTOCOL, true, "other names" },
		{ "order without a Location",
			{ FAKE_CA_NEW_ORDER, 1, 1, .status = 201, .body = ORDER_BODY("pending", "www.example.com") },
			ERROR_PROTOCOL, true, "the URL of the new order" },
		{ "authorization for another name",
			{ FAKE_CA_AUTHORIZATION, 1, 1, .status = 200,
				.body = "{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":"
					"\"bank.example\"},\"challenges\":[]}" },
			ERROR_PROTOCOL, true, "bank.example" },
		{ "authorization failed without a reason",
			{ FAKE_CA_AUTHORIZATION, 1, 1, .status = 200,
				.body = "{\"status\":\"invalid\",\"identifier\":{\"type\":\"dns\",\"value\":"
					"\"www.example.com\"},\"challenges\":[]}" },
			ERROR_VALIDATION, true, "no reason" },
		{ "authorization gone", { FAKE_CA_AUTHORIZATION, 1, 99, .status = 404, .problem = "malformed" },
			ERROR_CA, true, "malformed" },
		{ "account not known yet", { FAKE_CA_NEW_ORDER, 1, 2, .status = 400, .problem = "accountDoesNotExist" },
			ERROR_NONE, true, NULL },
		{ "authorization not known yet", { FAKE_CA_AUTHORIZATION, 1, 3, .status = 404, .problem = "malformed" },
			ERROR_NONE, true, NULL },
		{ "order not known yet", { FAKE_CA_ORDER, 1, 3, .status = 404, .problem = "malformed" }, ERROR_NONE,
			true, NULL },
		{ "certificate not known yet", { FAKE_CA_CERTIFICATE, 1, 3, .status = 404, .problem = "malformed" },
			ERROR_NONE, true, NULL },
		{ "certificate never known", { FAKE_CA_CERTIFICATE, 1, 99, .status = 404, .problem = "malformed" },
			ERROR_CA, false, "malformed" },
		{ "challenge under way already",
			{ FAKE_CA_CHALLENGE, 1, 1, .carry_out = true, .status = 400, .problem = "malformed" },
			ERROR_NONE, true, NULL },
		{ "challenge refused at first", { FAKE_CA_CHALLENGE, 1, 1, .status = 400, .problem = "malformed" },
			ERROR_NONE, true, NULL },
		{ "challenge refused for good", { FAKE_CA_CHALLENGE, 1, 99, .status = 403, .problem = "unauthorized" },
			ERROR_CA, true, "unauthorized" },
		{ "garbage instead of a challenge", { FAKE_CA_CHALLENGE, 1, 1, .status = 200, .body = "<html>" },
			ERROR_PROTOCOL, true, "challenge" },
		{ "order invalid without a reason",
			{ FAKE_CA_ORDER, 1, 1, .status = 200, .body = ORDER_BODY("invalid", "www.example.com") },
			ERROR_VALIDATION, true, "without giving a reason" },
		{ "empty chain", { FAKE_CA_CERTIFICATE, 1, 1, .status = 200, .body = "" }, ERROR_PROTOCOL, false,
			"empty" },
		{ "answer beyond all caps", { FAKE_CA_ORDER, 1, 1, .failure = ERROR_LIMIT }, ERROR_LIMIT, true, NULL },
		{ "CA down at the download", { FAKE_CA_CERTIFICATE, 1, 99, .failure = ERROR_NETWORK }, ERROR_NETWORK,
			false, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct owner owner;

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->intercept = inject;
		fake_ca_script(f.ca)->arg = (void *)&cases[i].fault;
		issue(&f, &owner, "www.example.com");
		cr_expect_eq(owner.dones, 1, "%s", cases[i].why);
		cr_expect_eq(owner.err.code, cases[i].code, "%s: %s", cases[i].why, owner.err.message);
		cr_expect_eq(owner.is_spent, cases[i].is_spent, "%s: spent %d", cases[i].why, owner.is_spent);
		cr_expect_eq(owner.up, 0, "%s", cases[i].why);
		if (cases[i].says)
			cr_expect(owner.err.message && strstr(owner.err.message, cases[i].says), "%s: %s", cases[i].why,
				owner.err.message);
		if (cases[i].code == ERROR_NONE)
			owner_expect_issued(&owner, cases[i].why);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

/* A member of an answer that is left out, or is another one. */
struct edit {
	enum fake_ca_kind kind;
	unsigned first, last; /* which of its kind */
	const char *member;
	const char *value; /* JSON; NULL: it is left out */
	const char *also, *also_value;
};

static bool
edit_answer(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	const struct edit *edit = arg;
	_cleanup_json_ struct json_object *body = NULL;

	if (phase != FAKE_CA_AFTER || kind != edit->kind || nth < edit->first || nth > edit->last)
		return false;
	body = json_parse(answer->res.body.data, answer->res.body.len, NULL);
	cr_assert_not_null(body);
	json_object_object_del(body, edit->member);
	if (edit->value)
		json_object_object_add(body, edit->member, json_parse(edit->value, strlen(edit->value), NULL));
	if (edit->also)
		json_object_object_add(body, edit->also, json_parse(edit->also_value, strlen(edit->also_value), NULL));
	buf_reset(&answer->res.body);
	buf_add_str(&answer->res.body, json_object_to_json_string_ext(body, JSON_C_TO_STRING_NOSLASHESCAPE));
	return true;
}

#define REASON "{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"CAA says no\"}"

Test(acme_order, what_an_answer_leaves_out_is_known_asked_for_again_or_named)
{
	static const struct {
		const char *why, *names;
		struct edit edit;
		enum error_code code;
		const char *says;
		bool is_spent;
	} cases[] = {
		{ "no identifier", "www.example.com", { FAKE_CA_AUTHORIZATION, 1, 99, "identifier", NULL, NULL, NULL },
			ERROR_NONE, NULL, true },
		{ "no identifier of a wildcard", "*.example.com",
			{ FAKE_CA_AUTHORIZATION, 1, 99, "identifier", NULL, NULL, NULL }, ERROR_NONE, NULL, true },
		{ "no identifier of one of two", "a.example.com,b.example.com",
			{ FAKE_CA_AUTHORIZATION, 1, 1, "identifier", NULL, NULL, NULL }, ERROR_PROTOCOL,
			"which was not ordered", true },
		{ "no URL of the certificate yet", "www.example.com",
			{ FAKE_CA_FINALIZE, 1, 1, "certificate", NULL, "status", "\"valid\"" }, ERROR_NONE, NULL,
			true },
		{ "the order is invalid at once", "www.example.com",
			{ FAKE_CA_NEW_ORDER, 1, 1, "error", REASON, "status", "\"invalid\"" }, ERROR_VALIDATION,
			"CAA says no", true },
		{ "the order becomes invalid, and says why", "www.example.com",
			{ FAKE_CA_ORDER, 1, 99, "error", REASON, "status", "\"invalid\"" }, ERROR_VALIDATION,
			"CAA says no", true },
		{ "invalid after finalize", "www.example.com",
			{ FAKE_CA_FINALIZE, 1, 1, "error", REASON, "status", "\"invalid\"" }, ERROR_VALIDATION,
			"CAA says no", true },
		{ "the challenge is invalid, and says why", "www.example.com",
			{ FAKE_CA_CHALLENGE, 1, 1, "error", REASON, "status", "\"invalid\"" }, ERROR_VALIDATION,
			"www.example.com: http-01: caa: CAA says no", true },
		{ "the challenge had an error before", "www.example.com",
			{ FAKE_CA_CHALLENGE, 1, 1, "error", REASON, NULL, NULL }, ERROR_NONE, NULL, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct owner owner;

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->intercept = edit_answer;
		fake_ca_script(f.ca)->arg = (void *)&cases[i].edit;
		issue(&f, &owner, cases[i].names);
		cr_expect_eq(owner.dones, 1, "%s", cases[i].why);
		cr_expect_eq(owner.err.code, cases[i].code, "%s: %s", cases[i].why, owner.err.message);
		cr_expect_eq(owner.up, 0, "%s", cases[i].why);
		cr_expect_eq(owner.is_spent, cases[i].is_spent, "%s: spent %d", cases[i].why, owner.is_spent);
		if (cases[i].says)
			cr_expect(owner.err.message && strstr(owner.err.message, cases[i].says), "%s: %s", cases[i].why,
				owner.err.message);
		if (cases[i].code == ERROR_NONE)
			owner_expect_issued(&owner, cases[i].why);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

/* RFC 9773 s5. What each CA says of a predecessor that it does not accept differs. */
Test(acme_order, a_predecessor_that_the_ca_does_not_accept_is_dropped_in_the_same_attempt)
{
	static const struct {
		const char *why;
		struct fault fault;
		bool is_offered;
		unsigned new_orders;
		bool is_issued, is_named;
	} cases[] = {
		{ "accepted", { FAKE_CA_NEW_ORDER, 9, 9, .status = 0 }, true, 1, true, true },
		{ "not offered", { FAKE_CA_NEW_ORDER, 9, 9, .status = 0 }, false, 1, true, false },
		{ "replaced already", { FAKE_CA_NEW_ORDER, 1, 1, .status = 409, .problem = "alreadyReplaced" }, true, 2,
			true, false },
		{ "malformed", { FAKE_CA_NEW_ORDER, 1, 1, .status = 400, .problem = "malformed" }, true, 2, true,
			false },
		{ "of another account", { FAKE_CA_NEW_ORDER, 1, 1, .status = 403, .problem = "unauthorized" }, true, 2,
			true, false },
		{ "not found", { FAKE_CA_NEW_ORDER, 1, 1, .status = 404, .problem = "notFound" }, true, 2, true,
			false },
		{ "without a type", { FAKE_CA_NEW_ORDER, 1, 1, .status = 409, .body = "<html>" }, true, 2, true,
			false },
		{ "refused for another reason, too", { FAKE_CA_NEW_ORDER, 1, 9, .status = 400, .problem = "malformed" },
			true, 2, false, false },
		{ "a name is refused", { FAKE_CA_NEW_ORDER, 1, 9, .status = 400, .problem = "rejectedIdentifier" },
			true, 1, false, false },
		{ "a limit", { FAKE_CA_NEW_ORDER, 1, 9, .status = 429, .problem = "rateLimited" }, true, 1, false,
			false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct acme_order_config config = { .replaces = "AKI.serial" };
		struct outcome registered = { .calls = 0 };
		struct fixture f;
		struct owner owner;

		fixture_init(&f);
		if (cases[i].is_offered)
			fake_ca_script(f.ca)->renewal_info = "{}";
		fixture_register(&f, &registered);
		outcome_clear(&registered);
		fake_ca_reset_counts(f.ca);
		fake_ca_script(f.ca)->intercept = inject;
		fake_ca_script(f.ca)->arg = (void *)&cases[i].fault;
		owner_init(&owner, &f, "www.example.com");
		owner_start(&owner, &f, &config);
		fixture_run(&f);
		cr_expect_eq(owner.dones, 1, "%s", cases[i].why);
		cr_expect_eq(
			owner.err.code == ERROR_NONE, cases[i].is_issued, "%s: %s", cases[i].why, owner.err.message);
		cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_NEW_ORDER), cases[i].new_orders, "%s", cases[i].why);
		if (cases[i].is_issued)
			cr_expect_eq(fake_ca_order_replaces(f.ca, 0) != NULL, cases[i].is_named, "%s", cases[i].why);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

/* CAs refuse a profile in their directory, in three ways in their answer to newOrder, and in the order itself. */
Test(acme_order, a_refused_profile_fails_if_it_is_required_and_is_left_out_if_it_is_preferred)
{
	static const struct {
		const char *why, *profiles, *echo;
		struct fault fault;
		unsigned new_orders; /* if it is preferred */
		const char *says;
		const char *field; /* if it is required */
	} cases[] = {
		{ "not offered any more", "{\"classic\":\"\"}", NULL, { .kind = FAKE_CA_UNKNOWN }, 1,
			"the CA does not offer the profile 'short'; it offers classic", "profile" },
		{ "invalidProfile", NULL, NULL,
			{ FAKE_CA_NEW_ORDER, 1, 1, .status = 400, .problem = "invalidProfile", .detail = "gone" }, 2,
			"invalidProfile: gone", "profile" },
		{ "malformed, with words", NULL, NULL,
			{ FAKE_CA_NEW_ORDER, 1, 1, .status = 400, .problem = "malformed", .detail = "Profile unknown" },
			2, "malformed: Profile unknown", "profile" },
		{ "malformed", NULL, NULL, { FAKE_CA_NEW_ORDER, 1, 1, .status = 400, .problem = "malformed" }, 2,
			"malformed: injected", NULL },
		{ "unauthorized, with words", NULL, NULL,
			{ FAKE_CA_NEW_ORDER, 1, 1, .status = 403, .problem = "unauthorized",
				.detail = "not permitted to use profile short" },
			2, "unauthorized: not permitted to use profile short", "profile" },
		{ "unauthorized", NULL, NULL, { FAKE_CA_NEW_ORDER, 1, 1, .status = 403, .problem = "unauthorized" }, 2,
			"unauthorized: injected", NULL },
		{ "another profile", NULL, "classic", { .kind = FAKE_CA_UNKNOWN }, 1,
			"the order has the profile 'classic', not 'short' as requested", "profile" },
		{ "no profile", NULL, "", { .kind = FAKE_CA_UNKNOWN }, 1,
			"the order does not have the profile 'short' that was requested", "profile" },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		bool is_preferred = i % 2;
		const struct acme_order_config config = { .profile = "short", .is_profile_preferred = is_preferred };
		struct outcome registered = { .calls = 0 };
		struct fixture f;
		struct owner owner;
		_cleanup_free_ char *notes = NULL;

		fixture_init(&f);
		fake_ca_script(f.ca)->profiles = cases[i / 2].profiles;
		fake_ca_script(f.ca)->profile_echo = cases[i / 2].echo;
		fixture_register(&f, &registered);
		outcome_clear(&registered);
		fake_ca_script(f.ca)->intercept = inject;
		fake_ca_script(f.ca)->arg = (void *)&cases[i / 2].fault;
		owner_init(&owner, &f, "www.example.com");
		owner_start(&owner, &f, &config);
		fixture_run(&f);
		notes = strlist_join(&owner.notes, "; ");
		if (is_preferred) {
			owner_expect_issued(&owner, cases[i / 2].why);
			cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_NEW_ORDER), cases[i / 2].new_orders, "%s",
				cases[i / 2].why);
			cr_expect(strstr(notes, cases[i / 2].says), "%s: %s", cases[i / 2].why, notes);
		} else {
			cr_expect(owner.err.message && strstr(owner.err.message, cases[i / 2].says), "%s: %s",
				cases[i / 2].why, owner.err.message);
			cr_expect(strstr(owner.err.message, "short"), "%s: %s", cases[i / 2].why, owner.err.message);
			cr_expect_str_empty(notes);
			if (cases[i / 2].field)
				cr_expect_str_eq(owner.err.field, cases[i / 2].field);
			else
				cr_expect_null(owner.err.field, "%s", cases[i / 2].why);
		}
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, a_preferred_profile_that_the_ca_offers_is_ordered_and_not_noted)
{
	const struct acme_order_config config = { .profile = "short", .is_profile_preferred = true };
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	owner_init(&owner, &f, "www.example.com");
	owner_start(&owner, &f, &config);
	fixture_run(&f);
	owner_expect_issued(&owner, "preferred");
	cr_expect_str_eq(fake_ca_order_profile(f.ca, 0), "short");
	cr_expect_eq(owner.notes.count, 0);
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, a_challenge_that_was_refused_and_then_fails_tells_why)
{
	static const struct fault fault = { FAKE_CA_CHALLENGE, 1, 99, .carry_out = true, .status = 400,
		.problem = "malformed" };
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->intercept = inject;
	fake_ca_script(f.ca)->arg = (void *)(uintptr_t)&fault;
	fake_ca_script(f.ca)->fail_name = "www.example.com";
	fake_ca_script(f.ca)->fail_problem = "dns";
	issue(&f, &owner, "www.example.com");
	cr_expect_eq(owner.dones, 1);
	cr_expect_eq(owner.err.code, ERROR_VALIDATION, "%s", owner.err.message);
	cr_expect(owner.err.may_retry, "the DNS may be mended");
	cr_expect_not_null(strstr(owner.err.message, "www.example.com"), "%s", owner.err.message);
	cr_expect_not_null(strstr(owner.err.message, "dns"), "%s", owner.err.message);
	cr_expect(owner.is_spent);
	cr_expect_eq(owner.up, 0);
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, a_certificate_that_cannot_be_fetched_for_long_is_given_up)
{
	static const struct fault fault = { FAKE_CA_CERTIFICATE, 1, 99, .status = 404, .problem = "malformed" };

	for (int is_old = 0; is_old < 2; is_old++) {
		struct fixture f;
		struct owner owner;

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->intercept = inject;
		fake_ca_script(f.ca)->arg = (void *)(uintptr_t)&fault;
		owner_init(&owner, &f, "www.example.com");
		owner_start(&owner, &f, &(struct acme_order_config){ .is_old = is_old });
		fixture_run(&f);
		cr_expect_eq(owner.dones, 1);
		cr_expect_eq(owner.err.code, ERROR_CA, "%s", owner.err.message);
		cr_expect_eq(owner.is_spent, is_old, "a new order only after a day");
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, a_saved_url_that_the_ca_does_not_know_is_replaced_by_a_new_order)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	owner_init(&owner, &f, "www.example.com");
	owner_start(&owner, &f, &(struct acme_order_config){ .url = FIXTURE_BASE "/order/77" });
	fixture_run(&f);
	owner_expect_issued(&owner, "anew");
	cr_expect_eq(fake_ca_orders(f.ca), 1);
	cr_expect_eq(owner.saves, 1);
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, a_certificate_that_could_not_be_fetched_is_fetched_by_the_next_attempt)
{
	struct fixture f;
	struct owner owner;
	struct fault fault = { FAKE_CA_CERTIFICATE, 1, 99, .status = 404, .problem = "malformed" };

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->intercept = inject;
	fake_ca_script(f.ca)->arg = &fault;
	issue(&f, &owner, "www.example.com");
	cr_expect_eq(owner.err.code, ERROR_CA);
	cr_assert_not(owner.is_spent);
	fake_ca_script(f.ca)->intercept = NULL;
	error_clear(&owner.err);
	owner.dones = 0;
	owner_start(&owner, &f, &(struct acme_order_config){ .url = owner.url });
	fixture_run(&f);
	owner_expect_issued(&owner, "fetched later");
	cr_expect_eq(fake_ca_orders(f.ca), 1);
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, a_retry_after_of_a_day_does_not_decide_an_order_of_half_a_minute)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->validate_ms = 25 * 1000;
	fake_ca_script(f.ca)->retry_after_sec = 86400;
	issue(&f, &owner, "www.example.com");
	owner_expect_issued(&owner, "a day");
	cr_expect_leq(owner.done_at_ms, 65 * 1000, "%lld ms", (long long)owner.done_at_ms);
	owner_clear(&owner);
	fixture_clear(&f);
}

/* Answers the second newOrder with the order that the first one made, as Let's Encrypt does. */
static bool
same_order(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	const struct owner *first = arg;

	if (phase != FAKE_CA_BEFORE || kind != FAKE_CA_NEW_ORDER || nth != 2)
		return false;
	fake_ca_answer_body(answer, 201, ORDER_BODY("pending", "www.example.com"));
	answer->res.location = xstrdup(first->url);
	return true;
}

/* A CA that refuses the account until its owner has looked. */
struct doubt {
	struct fixture *f;
	const char *problem;
	bool is_dead; /* the owner finds no account */
	bool is_over; /* the CA refuses no more once the owner has looked */
	unsigned doubts;
	bool is_settled;
};

static bool
refuse_account(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	const struct doubt *doubt = arg;

	(void)nth;
	if (phase != FAKE_CA_BEFORE || kind != FAKE_CA_NEW_ORDER || (doubt->is_settled && doubt->is_over))
		return false;
	fake_ca_answer_problem(answer, 403, doubt->problem, "no such account");
	return true;
}

static void
settle_account(const struct error *why, void *arg)
{
	struct doubt *doubt = arg;
	_cleanup_error_ struct error dead = ERROR_INIT;
	_cleanup_free_ char *url = xstrdup(acme_client_account_url(doubt->f->client));

	doubt->doubts++;
	doubt->is_settled = true;
	cr_expect_str_eq(why->problem, doubt->problem);
	error_set(&dead, ERROR_CA, "the account is dead");
	acme_client_account_settled(doubt->f->client, doubt->is_dead ? NULL : url, doubt->is_dead ? &dead : NULL);
}

Test(acme_order, an_account_that_the_ca_refuses_is_looked_at_once_and_the_order_goes_on)
{
	static const struct {
		const char *problem;
		bool is_dead, is_over;
		enum error_code code;
		const char *says;
	} cases[] = {
		{ "accountDoesNotExist", false, true, ERROR_NONE, NULL },
		{ "accountDoesNotExist", false, false, ERROR_CA, "no such account" },
		{ "accountDoesNotExist", true, false, ERROR_CA, "the account is dead" },
		{ "unauthorized", true, false, ERROR_CA, "the account is dead" },
		{ "unauthorized", false, true, ERROR_CA, "no such account" },
		{ "userActionRequired", false, true, ERROR_NONE, NULL },
		{ "userActionRequired", true, false, ERROR_CA, "the account is dead" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct owner owner;
		struct doubt doubt = { .f = &f, cases[i].problem, cases[i].is_dead, cases[i].is_over };
		struct outcome outcome = { .calls = 0 };

		fixture_init(&f);
		fixture_new_client(&f, &(struct acme_client_config){ .directory_url = FIXTURE_BASE "/directory",
					       .account_doubted = settle_account,
					       .arg = &doubt });
		fixture_register(&f, &outcome);
		outcome_clear(&outcome);
		fake_ca_script(f.ca)->intercept = refuse_account;
		fake_ca_script(f.ca)->arg = &doubt;
		issue(&f, &owner, "www.example.com");
		cr_expect_eq(doubt.doubts, 1, "case %zu: %u", i, doubt.doubts);
		cr_expect_eq(owner.err.code, cases[i].code, "case %zu: %s", i, owner.err.message);
		if (cases[i].says)
			cr_expect(owner.err.message && strstr(owner.err.message, cases[i].says), "case %zu: %s", i,
				owner.err.message);
		else
			owner_expect_issued(&owner, cases[i].problem);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, two_orders_that_the_ca_makes_one_go_one_after_the_other)
{
	struct fixture f;
	struct owner owners[2];

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->validate_ms = 2000;
	fake_ca_script(f.ca)->intercept = same_order;
	fake_ca_script(f.ca)->arg = &owners[0];
	owner_init(&owners[0], &f, "www.example.com");
	owner_init(&owners[1], &f, "www.example.com");
	owner_start(&owners[0], &f, &(struct acme_order_config){ .url = NULL });
	cr_assert_eq(loop_run_until(f.loop, FIXTURE_NOW + 1, NULL), 0);
	owner_start(&owners[1], &f, &(struct acme_order_config){ .url = NULL });
	fixture_run(&f);
	owner_expect_issued(&owners[0], "first");
	owner_expect_issued(&owners[1], "second");
	cr_expect_str_neq(owners[0].url, owners[1].url);
	cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_NEW_ORDER), 3);
	owner_clear(&owners[0]);
	owner_clear(&owners[1]);
	fixture_clear(&f);
}

/* "ready" for four seconds after the CSR was taken, and a second CSR is refused meanwhile. */
static bool
lazy_finalize(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	struct fixture *f = arg;
	bool is_lazy = clock_boot_ms(f->clock) < 4000;

	(void)nth;
	if (phase != FAKE_CA_AFTER || !is_lazy || (kind != FAKE_CA_FINALIZE && kind != FAKE_CA_ORDER) ||
		fake_ca_count(f->ca, FAKE_CA_FINALIZE) == 0)
		return false;
	if (kind == FAKE_CA_FINALIZE && nth > 1)
		fake_ca_answer_problem(answer, 403, "orderNotReady", "not now");
	else
		fake_ca_answer_body(answer, 200, "{\"status\":\"ready\"}");
	return true;
}

Test(acme_order, after_the_csr_ready_is_polled_on)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->intercept = lazy_finalize;
	fake_ca_script(f.ca)->arg = &f;
	issue(&f, &owner, "www.example.com");
	owner_expect_issued(&owner, "lazy");
	cr_expect_leq(fake_ca_count(f.ca, FAKE_CA_FINALIZE), 2, "%u", fake_ca_count(f.ca, FAKE_CA_FINALIZE));
	owner_clear(&owner);
	fixture_clear(&f);
}

enum chain_trick { PLAIN, DEFAULT_WITH_ROOT, ALL_WITH_ROOTS, FIRST_ALTERNATE_UNSIGNED, FIRST_ALTERNATE_OF_ANOTHER };

struct chains {
	struct fixture *f;
	enum chain_trick trick;
};

/* The answer is the leaf, or the one of another certificate, with a root that did not sign it. */
static void
forge_chain(struct chains *c, struct fake_ca_answer *answer)
{
	_cleanup_(cert_info_clear) struct cert_info info = { 0 };
	_cleanup_buf_ struct buf leaf = BUF_INIT;

	if (c->trick == FIRST_ALTERNATE_UNSIGNED)
		cr_assert_eq(
			x509_chain_parse(answer->res.body.data, answer->res.body.len, &leaf, NULL, &info, NULL), 0);
	buf_reset(&answer->res.body);
	buf_add(&answer->res.body, leaf.data, leaf.len);
	buf_add_str(&answer->res.body, fake_ca_root_pem(c->f->ca, 1));
}

static bool
trick_chains(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	struct chains *c = arg;

	if (phase != FAKE_CA_AFTER || kind != FAKE_CA_CERTIFICATE)
		return false;
	if (c->trick == ALL_WITH_ROOTS || (c->trick == DEFAULT_WITH_ROOT && nth == 1))
		buf_add_str(&answer->res.body, fake_ca_root_pem(c->f->ca, nth - 1));
	if (c->trick >= FIRST_ALTERNATE_UNSIGNED && nth == 2)
		forge_chain(c, answer);
	return true;
}

/* Owned by the caller. */
static char *
root_fingerprint(struct fixture *f, unsigned index)
{
	const char *pem = fake_ca_root_pem(f->ca, index);
	_cleanup_buf_ struct buf der = BUF_INIT;

	cr_assert_eq(x509_leaf_der(pem, strlen(pem), &der, NULL), 0);
	return x509_fingerprint_der(der.data, der.len);
}

Test(acme_order, the_chain_is_chosen_by_its_topmost_issuer_a_fingerprint_or_its_length)
{
	static const struct {
		const char *preferred; /* "#N": fingerprint of that root */
		enum chain_trick trick;
		unsigned certificates; /* requests */
		const char *top;
		bool is_noted;
	} cases[] = {
		{ NULL, PLAIN, 1, "Fake Root 0", false },
		{ "Fake Root 0", PLAIN, 1, "Fake Root 0", false },
		{ "Fake Root 2", PLAIN, 3, "Fake Root 2", false },
		{ "No Such Root", PLAIN, 4, "Fake Root 0", true },
		{ "shortest", PLAIN, 1, "Fake Root 0", false },
		{ "shortest", DEFAULT_WITH_ROOT, 2, "Fake Root 1", false },
		{ "shortest", ALL_WITH_ROOTS, 4, "Fake Root 0", false },
		{ "#0", ALL_WITH_ROOTS, 1, "Fake Root 0", false },
		{ "#2", ALL_WITH_ROOTS, 3, "Fake Root 2", false },
		{ "#2", PLAIN, 4, "Fake Root 0", true },
		{ "Fake Root 1", FIRST_ALTERNATE_UNSIGNED, 4, "Fake Root 0", true },
		{ "Fake Root 1", FIRST_ALTERNATE_OF_ANOTHER, 4, "Fake Root 0", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct owner owner;
		struct chains chains = { &f, cases[i].trick };
		_cleanup_free_ char *fingerprint = NULL, *top = NULL;
		const char *preferred = cases[i].preferred;

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->alternates = 3;
		fake_ca_script(f.ca)->intercept = trick_chains;
		fake_ca_script(f.ca)->arg = &chains;
		if (preferred && *preferred == '#')
			preferred = fingerprint = root_fingerprint(&f, (unsigned)(preferred[1] - '0'));
		owner_init(&owner, &f, "www.example.com");
		owner_start(&owner, &f, &(struct acme_order_config){ .preferred_chain = preferred });
		fixture_run(&f);
		owner_expect_issued(&owner, cases[i].preferred ? cases[i].preferred : "default");
		cr_expect_eq(fake_ca_count(f.ca, FAKE_CA_CERTIFICATE), cases[i].certificates, "%zu: %u", i,
			fake_ca_count(f.ca, FAKE_CA_CERTIFICATE));
		top = acme_chain_top(&owner.chain);
		cr_expect_str_eq(top, cases[i].top, "%zu: %s", i, top);
		cr_expect_eq(owner.notes.count, cases[i].is_noted, "%zu", i);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, a_chain_that_leads_to_a_trusted_root_goes_before_others)
{
	static const struct {
		int root; /* of the set; -1: another one */
		const char *preferred;
		enum chain_trick trick;
		const char *top;
		bool is_noted;
	} cases[] = {
		{ 0, NULL, PLAIN, "Fake Root 0", false },
		{ 2, NULL, PLAIN, "Fake Root 2", false },
		{ 2, "Fake Root 2", PLAIN, "Fake Root 2", false },
		{ 2, "Fake Root 1", PLAIN, "Fake Root 2", true },
		{ 2, "shortest", DEFAULT_WITH_ROOT, "Fake Root 2", false },
		{ -1, NULL, PLAIN, "Fake Root 0", false },
		{ -1, "shortest", DEFAULT_WITH_ROOT, "Fake Root 1", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f, other;
		struct owner owner;
		struct chains chains = { &f, cases[i].trick };
		_cleanup_free_ char *top = NULL;
		_cleanup_buf_ struct buf roots = BUF_INIT;

		fixture_init_registered(&f);
		fixture_init_registered(&other);
		fake_ca_script(f.ca)->alternates = 3;
		fake_ca_script(f.ca)->intercept = trick_chains;
		fake_ca_script(f.ca)->arg = &chains;
		buf_add_str(&roots, cases[i].root < 0 ? fake_ca_root_pem(other.ca, 0)
						      : fake_ca_root_pem(f.ca, (unsigned)cases[i].root));
		owner_init(&owner, &f, "www.example.com");
		owner_start(&owner, &f,
			&(struct acme_order_config){ .preferred_chain = cases[i].preferred, .roots = &roots });
		fixture_run(&f);
		owner_expect_issued(&owner, cases[i].top);
		top = acme_chain_top(&owner.chain);
		cr_expect_str_eq(top, cases[i].top, "%zu: %s", i, top);
		cr_expect_eq(owner.notes.count, cases[i].is_noted, "%zu", i);
		owner_clear(&owner);
		fixture_clear(&f);
		fixture_clear(&other);
	}
}

Test(acme_order, tells_what_it_waits_for)
{
	struct fixture f;
	struct owner owner;

	fixture_init_registered(&f);
	fake_ca_script(f.ca)->validate_ms = 3000;
	issue(&f, &owner, "a.example.com,b.example.com");
	cr_expect(strlist_has(&owner.told, "validate: waiting for the CA to validate b.example.com and 1 more") ||
		  strlist_has(&owner.told, "validate: waiting for the CA to validate a.example.com and 1 more"));
	owner_clear(&owner);
	fixture_clear(&f);
}

Test(acme_order, tells_the_name_that_is_pending_and_how_many_more)
{
	static const struct {
		const char *names, *says;
	} cases[] = {
		{ "a.example.com", "validate: waiting for the CA to validate a.example.com" },
		{ "*.example.com", "validate: waiting for the CA to validate *.example.com" },
		{ "a.example.com,b.example.com", "validate: waiting for the CA to validate a.example.com and 1 more" },
		{ "a.example.com,b.example.com,c.example.com,d.example.com",
			"validate: waiting for the CA to validate a.example.com and 3 more" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *all = NULL;
		struct fixture f;
		struct owner owner;

		fixture_init_registered(&f);
		fake_ca_script(f.ca)->never_validates = true;
		issue(&f, &owner, cases[i].names);
		all = strlist_join(&owner.told, "; ");
		cr_expect(strlist_has(&owner.told, cases[i].says), "%s: %s", cases[i].names, all);
		owner_clear(&owner);
		fixture_clear(&f);
	}
}

Test(acme_order, tells_each_state_once)
{
	struct fixture f;
	struct owner owner;
	_cleanup_free_ char *told = NULL;

	fixture_init_registered(&f);
	issue(&f, &owner, "www.example.com");
	told = strlist_join(&owner.told, " ");
	cr_expect_str_eq(told, "create authorize solve validate finalize download done", "%s", told);
	owner_clear(&owner);
	fixture_clear(&f);
}
