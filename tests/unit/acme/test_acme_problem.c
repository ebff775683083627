#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "daemon/acme/acme_msg.h"
#include "daemon/acme/acme_problem.h"

#include <criterion/criterion.h>
#include <string.h>

#define P(type) "{\"type\":\"urn:ietf:params:acme:error:" type "\",\"detail\":\"why\"}"

static void
read_problem(int status, const char *text, int64_t retry_after_at, struct error *ret)
{
	acme_msg_problem(status, text, strlen(text), retry_after_at, ret);
}

Test(acme_problem, each_type_has_its_meaning)
{
	static const struct {
		int status;
		const char *text;
		enum error_code code;
		bool retry;
		const char *field;
		const char *message;
	} cases[] = {
		{ 400, P("badCSR"), ERROR_CA, false, "keyAlgorithm", "badCSR: why" },
		{ 400, P("badNonce"), ERROR_CA, true, NULL, "badNonce: why" },
		{ 403, P("unauthorized"), ERROR_CA, false, NULL, "unauthorized: why" },
		{ 403, P("orderNotReady"), ERROR_CA, true, NULL, "orderNotReady: why" },
		{ 403, P("externalAccountRequired"), ERROR_CA, false, "externalAccountBinding",
			"externalAccountRequired: why" },
		{ 403,
			"{\"type\":\"urn:ietf:params:acme:error:userActionRequired\",\"detail\":\"new terms\","
			"\"instance\":\"https://ca/terms/2\"}",
			ERROR_CA, false, "termsOfServiceAgreed", "userActionRequired: new terms (https://ca/terms/2)" },
		{ 403,
			"{\"type\":\"urn:ietf:params:acme:error:badCSR\",\"detail\":\"why\","
			"\"instance\":\"https://ca/terms/2\"}",
			ERROR_CA, false, "keyAlgorithm", "badCSR: why" },
		{ 429, P("rateLimited"), ERROR_RATE_LIMITED, true, NULL, "rateLimited: why" },
		{ 500, P("serverInternal"), ERROR_CA, true, NULL, "serverInternal: why" },
		{ 400, P("ofTheFuture"), ERROR_CA, false, NULL, "ofTheFuture: why" },
		{ 503, P("ofTheFuture"), ERROR_CA, true, NULL, "ofTheFuture: why" },
		{ 503, "<html>down</html>", ERROR_CA, true, NULL, "the CA answered HTTP status 503 without a reason" },
		{ 429, P("badCSR"), ERROR_RATE_LIMITED, true, NULL, "badCSR: why" },
		{ 429, P("serverInternal"), ERROR_RATE_LIMITED, true, NULL, "serverInternal: why" },
		{ 429, P("ofTheFuture"), ERROR_RATE_LIMITED, true, NULL, "ofTheFuture: why" },
		{ 503, P("malformed"), ERROR_CA, false, NULL, "malformed: why" },
		{ 429, "", ERROR_RATE_LIMITED, true, NULL, "the CA answered HTTP status 429 without a reason" },
		{ 408, "", ERROR_CA, true, NULL, "the CA answered HTTP status 408 without a reason" },
		{ 425, "", ERROR_CA, true, NULL, "the CA answered HTTP status 425 without a reason" },
		{ 424, "", ERROR_CA, false, NULL, "the CA answered HTTP status 424 without a reason" },
		{ 426, "", ERROR_CA, false, NULL, "the CA answered HTTP status 426 without a reason" },
		{ 499, "", ERROR_CA, false, NULL, "the CA answered HTTP status 499 without a reason" },
		{ 500, "", ERROR_CA, true, NULL, "the CA answered HTTP status 500 without a reason" },
		{ 404, "{}", ERROR_CA, false, NULL, "HTTP status 404" },
		{ 400, "{\"type\":\"about:blank\",\"detail\":\"x\"}", ERROR_CA, false, NULL, "x" },
		{ 400, "{\"type\":[],\"detail\":{},\"subproblems\":7}", ERROR_CA, false, NULL, "HTTP status 400" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		read_problem(cases[i].status, cases[i].text, 0, &err);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].text, error_code_name(err.code));
		cr_expect_eq(err.may_retry, cases[i].retry, "%s", cases[i].text);
		cr_expect_str_eq(err.message, cases[i].message, "%s", err.message);
		cr_expect_str_eq(err.field ? err.field : "", cases[i].field ? cases[i].field : "", "%s", cases[i].text);
	}
}

Test(acme_problem, the_time_of_a_rate_limit_is_read_from_header_or_text)
{
	static const char text[] =
		"{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many certificates "
		"(5), retry after 2026-01-02 03:04:05 UTC: see https://x\"}";
	static const char cut[] =
		"{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"retry after 2026-01\"}";
	static const char wrong[] = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\","
				    "\"detail\":\"retry after 2026-13-02 03:04:05 UTC\"}";
	static const char ancient[] = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\","
				      "\"detail\":\"retry after 1969-01-02 03:04:05 UTC\"}";
	_cleanup_error_ struct error err = ERROR_INIT;

	read_problem(429, wrong, 0, &err);
	cr_expect_eq(err.retry_at, 0);
	read_problem(429, ancient, 0, &err);
	cr_expect_eq(err.retry_at, 0);
	read_problem(429, text, 0, &err);
	cr_expect_eq(err.retry_at, 1767323045);
	read_problem(429, text, 99, &err);
	cr_expect_eq(err.retry_at, 99);
	read_problem(429, cut, 0, &err);
	cr_expect_eq(err.retry_at, 0);
}

Test(acme_problem, a_status_that_asks_to_wait_is_a_rate_limit_whatever_the_type_says)
{
	static const struct {
		int status;
		const char *text;
		int64_t retry_after_at;
		enum error_code code;
		bool retry;
	} cases[] = {
		{ 429, P("malformed"), 99, ERROR_RATE_LIMITED, true },
		{ 429, P("userActionRequired"), 99, ERROR_RATE_LIMITED, true },
		{ 503, P("unauthorized"), 99, ERROR_RATE_LIMITED, true },
		{ 503, P("connection"), 99, ERROR_RATE_LIMITED, true },
		{ 503, P("ofTheFuture"), 99, ERROR_RATE_LIMITED, true },
		{ 503, "<html>back at noon</html>", 99, ERROR_RATE_LIMITED, true },
		{ 503, P("unauthorized"), 0, ERROR_CA, false },
		{ 500, P("serverInternal"), 99, ERROR_CA, true },
		{ 403, P("unauthorized"), 99, ERROR_CA, false },
		{ 403, P("rateLimited"), 99, ERROR_RATE_LIMITED, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		read_problem(cases[i].status, cases[i].text, cases[i].retry_after_at, &err);
		cr_expect_eq(err.code, cases[i].code, "%zu: %s", i, error_code_name(err.code));
		cr_expect_eq(err.may_retry, cases[i].retry, "%zu", i);
		cr_expect_eq(err.retry_at, cases[i].retry_after_at, "%zu", i);
		if (cases[i].code == ERROR_RATE_LIMITED)
			cr_expect_null(err.field, "%zu: %s", i, err.field);
	}
}

Test(acme_problem, the_text_of_any_429_may_have_the_time)
{
	static const char text[] = "{\"type\":\"urn:ietf:params:acme:error:malformed\","
				   "\"detail\":\"retry after 2026-01-02 03:04:05 UTC\"}";
	_cleanup_error_ struct error err = ERROR_INIT;

	read_problem(429, text, 0, &err);
	cr_expect_eq(err.retry_at, 1767323045);
	read_problem(400, text, 0, &err);
	cr_expect_eq(err.retry_at, 0);
}

#define LIMIT(text) "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"" text "\"}"

Test(acme_problem, only_a_limit_that_certainly_is_of_account_or_ca_is_general)
{
	static const struct {
		int status;
		int64_t retry_after_at;
		const char *text;
		bool is_general;
	} cases[] = {
		{ 429, 99, LIMIT("too many new orders (300) from this account in the last 3h0m0s, retry after x"),
			true },
		{ 429, 0, LIMIT("too many new orders (300) from this account in the last 3h0m0s, retry after x"),
			false },
		{ 429, 0, LIMIT("too many new orders (300) from this account, retry after 2026-01-02 03:04:05 UTC"),
			true },
		{ 429, 99, LIMIT("Service busy; retry later."), true },
		{ 429, 99, LIMIT("too many failed authorizations (5) for \\\"example.com\\\" in the last 1h0m0s"),
			false },
		{ 429, 99, LIMIT("too many certificates (50) already issued for \\\"example.com\\\""), false },
		{ 429, 99, LIMIT("too many certificates (5) already issued for this exact set of identifiers"), false },
		{ 429, 99, LIMIT("slow down"), false },
		{ 429, 99, P("malformed"), false },
		{ 429, 99,
			"{\"type\":\"urn:ietf:params:acme:error:rateLimited\","
			"\"detail\":\"limits of this order, from this account\",\"subproblems\":[{\"detail\":\"a\"}]}",
			false },
		{ 429, 99, "<html>", true },
		{ 429, 0, "<html>", false },
		{ 503, 99, "", true },
		{ 503, 99, P("serverInternal"), true },
		{ 503, 0, P("serverInternal"), false },
		{ 500, 99, P("serverInternal"), false },
		{ 403, 99, "from this account", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		read_problem(cases[i].status, cases[i].text, cases[i].retry_after_at, &err);
		cr_expect_eq(err.is_general, cases[i].is_general, "%d: %s", cases[i].status, cases[i].text);
	}
}

Test(acme_problem, subproblems_are_told_with_their_names)
{
	static const char text[] = "{\"type\":\"urn:ietf:params:acme:error:compound\",\"detail\":\"two\","
				   "\"subproblems\":[{\"type\":"
				   "\"urn:ietf:params:acme:error:caa\",\"detail\":\"forbidden\","
				   "\"identifier\":{\"type\":\"dns\",\"value\":"
				   "\"a.example\"}},7,{\"detail\":\"b\"}]}";
	_cleanup_error_ struct error err = ERROR_INIT;

	read_problem(403, text, 0, &err);
	cr_expect_str_eq(err.message, "compound: two; a.example: caa: forbidden; b", "%s", err.message);
	cr_expect_str_eq(err.problem, "compound");
}

/* By what follows from them: who is at fault, and whether the same request can succeed later. */
Test(acme_problem, types_are_of_validation_or_of_the_ca_and_pass_or_stay)
{
	static const char *const validation[] = { "connection", "dns", "incorrectResponse", "tls" };
	static const char *const pass[] = { "alreadyReplaced", "badNonce", "caa", "orderNotReady", "serverInternal" };
	static const struct {
		const char *type, *field;
	} stay[] = {
		{ "accountDoesNotExist", NULL },
		{ "alreadyRevoked", NULL },
		{ "badCSR", "keyAlgorithm" },
		{ "badPublicKey", "keyAlgorithm" },
		{ "badRevocationReason", "reason" },
		{ "badSignatureAlgorithm", "accountKeyAlgorithm" },
		{ "compound", NULL },
		{ "externalAccountRequired", "externalAccountBinding" },
		{ "invalidContact", "email" },
		{ "invalidProfile", "profile" },
		{ "malformed", NULL },
		{ "rejectedIdentifier", "commonName" },
		{ "unauthorized", NULL },
		{ "unsupportedContact", "email" },
		{ "unsupportedIdentifier", "commonName" },
		{ "userActionRequired", "termsOfServiceAgreed" },
	};
	const size_t passing = ARRAY_SIZE(validation) + ARRAY_SIZE(pass);

	for (size_t i = 0; i < passing + ARRAY_SIZE(stay); i++) {
		bool is_validation = i < ARRAY_SIZE(validation), is_passing = i < passing;
		const char *type = is_validation ? validation[i]
				   : is_passing  ? pass[i - ARRAY_SIZE(validation)]
						 : stay[i - passing].type;
		_cleanup_free_ char *text = xasprintf("{\"type\":\"urn:ietf:params:acme:error:%s\"}", type);
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect(acme_problem_is_known(type), "%s", type);
		read_problem(400, text, 99, &err);
		cr_expect_eq(err.code, is_validation ? ERROR_VALIDATION : ERROR_CA, "%s", type);
		cr_expect_eq(err.may_retry, is_passing, "%s", type);
		cr_expect_str_eq(err.message, type);
		cr_expect_str_eq(err.problem, type);
		if (!is_passing)
			cr_expect_str_eq(err.field ? err.field : "",
				stay[i - passing].field ? stay[i - passing].field : "", "%s", type);
	}
	cr_expect_not(acme_problem_is_known("ofTheFuture"));
	cr_expect_not(acme_problem_is_known(NULL));
}

/* Text of a stranger is bounded, wherever it stands. */
Test(acme_problem, long_texts_are_cut)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	buf_add_str(&text, "{\"type\":\"urn:ietf:params:acme:error:");
	for (size_t i = 0; i < 100; i++)
		buf_add_char(&text, 't');
	buf_add_str(&text, "\",\"subproblems\":[");
	for (size_t i = 0; i < 100; i++)
		buf_printf(&text, "%s{\"detail\":\"some subproblem\"}", i ? "," : "");
	buf_add_str(&text, "]}");
	read_problem(400, buf_str(&text), 0, &err);
	cr_assert_not_null(err.problem);
	cr_expect_leq(strlen(err.problem), ACME_PROBLEM_TYPE_MAX + 3, "%zu", strlen(err.problem));
	cr_expect_geq(strlen(err.problem), ACME_PROBLEM_TYPE_MAX - 3);
	cr_expect_leq(strlen(err.message), ACME_PROBLEM_TEXT_MAX + 3, "%zu", strlen(err.message));
	cr_expect_geq(strlen(err.message), ACME_PROBLEM_TEXT_MAX - 50);
}

/* Boulder's refusal of a name that it has paused. */
#define PAUSED(names, link) \
	"{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"Your account is temporarily prevented " \
	"from requesting certificates for " names " and possibly others. Please visit: " link "\"}"

Test(acme_problem, the_link_that_ends_a_pause_is_found)
{
	static const char plain[] = "https://portal.ca.test/sfe/v1/unpause?jwt=eyJh.bGci_O-iJ";
	static const struct {
		const char *document, *url;
	} cases[] = {
		{ PAUSED("www.example.com", "https://portal.ca.test/sfe/v1/unpause?jwt=eyJh.bGci_O-iJ"), plain },
		{ PAUSED("www.example.com", "https://portal.ca.test/sfe/v1/unpause?jwt=eyJh.bGci_O-iJ."), plain },
		{ PAUSED("a.example",
			  "https://docs.ca.test/ (https://portal.ca.test/sfe/v1/unpause?jwt=eyJh.bGci_O-iJ)"),
			plain },
		{ PAUSED("www.example.com", "http://portal.ca.test/unpause"), NULL },
		{ PAUSED("www.example.com", "https://portal.ca.test/limits"), NULL },
		{ PAUSED("www.example.com", "https://portal.ca.test/unpause\\u001b[2J"),
			"https://portal.ca.test/unpause" },
		{ "{\"detail\":\"https://portal.ca.test/unpause\"}", NULL },
		{ "{\"type\":\"urn:ietf:params:acme:error:rateLimited\"}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *problem = json_parse(
			cases[i].document, strlen(cases[i].document), NULL);
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *url = NULL;

		cr_assert(problem, "%s", cases[i].document);
		acme_problem_of_answer(problem, 429, 0, &err);
		url = acme_problem_unpause_url(&err);
		cr_expect_eq(url != NULL, cases[i].url != NULL, "%s: %s", cases[i].document, url ? url : "none");
		if (url && cases[i].url)
			cr_expect_str_eq(url, cases[i].url);
		cr_expect_not(err.is_general);
	}
}

Test(acme_problem, the_link_survives_a_long_list_of_names)
{
	_cleanup_buf_ struct buf document = BUF_INIT;
	_cleanup_json_ struct json_object *problem = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *url = NULL;

	buf_add_str(&document, "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"");
	for (int i = 0; i < 100; i++)
		buf_printf(&document, "www%d.example.com, ", i);
	buf_add_str(&document, "Please visit: https://portal.ca.test/unpause?jwt=");
	for (int i = 0; i < 500; i++)
		buf_add_char(&document, 'j');
	buf_add_str(&document, "\"}");
	problem = json_parse(buf_str(&document), document.len, NULL);
	cr_assert(problem);
	acme_problem_of_answer(problem, 429, 0, &err);
	url = acme_problem_unpause_url(&err);
	cr_assert_not_null(url);
	cr_expect_eq(strlen(url), strlen("https://portal.ca.test/unpause?jwt=") + 500);
	cr_expect_leq(strlen(err.message), ACME_PROBLEM_TEXT_MAX);
	cr_expect(strstr(err.message, "www0.example.com"));
}
