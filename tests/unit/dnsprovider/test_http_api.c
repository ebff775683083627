/*
 * The shared half of the HTTP drivers, through the ionoscloud driver, with a transport that plays the API by a script.
 */
#include "tests/unit/dnsprovider/script.h"

#include <criterion/criterion.h>
#include <string.h>

#define ZONES \
	"{\"items\":[{\"id\":\"z0\",\"properties\":{\"zoneName\":\"notexample.com\"}}," \
	"{\"id\":\"z1\",\"properties\":{\"zoneName\":\"example.com\"}}]}"
#define RECORD(id, content, state) \
	"{\"id\":\"" id "\",\"metadata\":{\"state\":\"" state "\"},\"properties\":{\"name\":\"_acme-challenge\"," \
	"\"type\":\"TXT\",\"content\":\"" content "\"}}"
#define LIST(records) "{\"items\":[" records "]}"

#define IONOS "https://dns.de-fra.ionos.com"

Test(http_api, a_change_looks_first_and_repeats_only_what_is_safe)
{
	static const struct {
		const char *why;
		bool is_removal;
		const char *zone;
		struct turn turns[12];
	} cases[] = {
		{ "added and waited for", false, "example.com",
			{ { .call = "GET /zones?filter.zoneName=example.com&offset=0", 200, ZONES, 0 },
				{ .call = "GET "
					  "/records?filter.zoneId=z1&filter.type=TXT&filter.name=_acme-challenge&",
					200,
					LIST(RECORD("other", "v2", "AVAILABLE")),
					0 },
				{ .call = "POST /zones/z1/records", 202, RECORD("r1", "v1", "PROVISIONING"), 0 },
				{ .call = "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "PROVISIONING"), 0 },
				{ .call = "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"), 0 } } },
		{ "no zone known: the last two labels are looked for", false, NULL,
			{ { .call = "GET /zones?filter.zoneName=example.com&", 200, ZONES, 0 },
				{ .call = "GET /records", 200, LIST(RECORD("r1", "\\\"v1\\\"", "AVAILABLE")), 0 },
				{ .call = "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"), 0 } } },
		{ "a POST without an answer starts over", false, "example.com",
			{ { .call = "GET /zones", 200, ZONES, 0 }, { .call = "GET /records", 200, LIST(""), 0 },
				{ .call = "POST /zones/z1/records", 0, NULL, 0 },
				{ .call = "GET /zones", 200, ZONES, 0 },
				{ .call = "GET /records", 200, LIST(RECORD("r1", "v1", "PROVISIONING")), 0 },
				{ .call = "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"), 0 } } },
		{ "one that was refused by 429 is just repeated", false, "example.com",
			{ { .call = "GET /zones", 200, ZONES, 0 }, { .call = "GET /records", 200, LIST(""), 0 },
				{ .call = "POST /zones/z1/records", 429, NULL, 5 },
				{ .call = "POST /zones/z1/records", 202, RECORD("r1", "v1", "AVAILABLE"), 0 },
				{ .call = "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "AVAILABLE"), 0 } } },
		{ "all own values go, nobody else's; gone ones are gone", true, "example.com",
			{ { .call = "GET /zones", 500, "{}", 0 }, { .call = "GET /zones", 200, ZONES, 0 },
				{ .call = "GET /records",
					200,
					LIST(RECORD("r1", "\\\"v1\\\"", "AVAILABLE") "," RECORD(
						"r2", "v2", "AVAILABLE") "," RECORD("r3", "v1",
						"FAILED") "," RECORD("r4", "v1", "DESTROYING")),
					0 },
				{ .call = "DELETE /zones/z1/records/r3", 404, "{}", 0 },
				{ .call = "DELETE /zones/z1/records/r1", 202, "{}", 0 } } },
		{ "nothing to remove", true, "example.com",
			{ { .call = "GET /zones", 200, ZONES, 0 }, { .call = "GET /records", 200, LIST(""), 0 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script s;

		script_setup(&s, "ionoscloud", IONOS, cases[i].turns);
		script_change(&s, cases[i].is_removal, cases[i].zone);
		script_run(&s);
		cr_expect_eq(s.error.code, ERROR_NONE, "%s: %s", cases[i].why, s.error.message);
		script_teardown(&s);
	}
}

Test(http_api, failures_say_what_the_api_said_and_what_to_do)
{
#define ERRORS(text) "{\"httpStatus\":400,\"messages\":[{\"message\":\"" text "\"}]}"
	static const struct {
		enum error_code code;
		bool retry;
		int64_t retry_at;
		const char *words;
		struct turn turns[6];
	} cases[] = {
		{ ERROR_DENIED, false, 0,
			"token is refused (HTTP 401: wrong key); replace it with --token-file (see: certctl "
			"set dns --help)",
			{ { .call = "GET /zones", 401, ERRORS("wrong key"), 0 } } },
		{ ERROR_DNS, false, 0, "GET /zones?filter.zoneName=example.com&offset=0&limit=100: HTTP 400: bad  \\x",
			{ { .call = "GET /zones", 400, ERRORS("bad\\n \\\\x"), 0 } } },
		{ ERROR_DNS, false, 0, "HTTP 302", { { .call = "GET /zones", 302, "<html>", 0 } } },
		{ ERROR_DNS, false, 0, "has no zone 'example.com'", /* 30 seconds are waited for, and no more */
			{ { .call = "GET /zones", 429, "{}", 30 }, { .call = "GET /zones", 200, LIST(""), 0 } } },
		{ ERROR_RATE_LIMITED, true, SCRIPT_NOW + 31, "HTTP 429", { { .call = "GET /zones", 429, "{}", 31 } } },
		{ ERROR_RATE_LIMITED, true, SCRIPT_NOW + 600, "HTTP 429",
			{ { .call = "GET /zones", 429, "{}", 600 } } },
		{ ERROR_DNS, true, 0, "HTTP 500",
			{ { .call = "GET /zones", 500, "", 0 }, { .call = "GET /zones", 500, "", 0 },
				{ .call = "GET /zones", 500, "", 0 }, { .call = "GET /zones", 500, "", 0 },
				{ .call = "GET /zones", 500, "", 0 } } },
		{ ERROR_DNS, false, 0, "has no zone 'example.com'", { { .call = "GET /zones", 200, LIST(""), 0 } } },
		{ ERROR_PROTOCOL, false, 0, "not a list", { { .call = "GET /zones", 200, "", 0 } } },
		{ ERROR_PROTOCOL, false, 0, "not a list", { { .call = "GET /zones", 200, "[1]", 0 } } },
		{ ERROR_PROTOCOL, false, 0, "GET /zones", { { .call = "GET /zones", 200, "<html>", 0 } } },
		{ ERROR_PROTOCOL, false, 0, "no id",
			{ { .call = "GET /zones",
				200,
				"{\"items\":[{\"id\":\"../"
				"x\",\"properties\":{\"zoneName\":\"example.com\"}}]}",
				0 } } },
		{ ERROR_DNS, false, 0, "became FAILED",
			{ { .call = "GET /zones", 200, ZONES, 0 }, { .call = "GET /records", 200, LIST(""), 0 },
				{ .call = "POST", 202, RECORD("r1", "v1", "PROVISIONING"), 0 },
				{ .call = "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "FAILED"), 0 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script s;

		script_setup(&s, "ionoscloud", IONOS, cases[i].turns);
		script_change(&s, false, "example.com");
		script_run(&s);
		cr_expect_eq(s.error.code, cases[i].code, "%s: %s", cases[i].words, s.error.message);
		cr_expect_eq(s.error.may_retry, cases[i].retry, "%s", cases[i].words);
		cr_expect_eq(s.error.retry_at, cases[i].retry_at, "%s", cases[i].words);
		cr_expect_not_null(strstr(s.error.message, cases[i].words), "%s", s.error.message);
		cr_expect_eq(strncmp(s.error.message, "IONOS Cloud DNS: ", 17), 0, "%s", s.error.message);
		script_teardown(&s);
	}
}

Test(http_api, a_record_that_never_becomes_available_ends_by_the_time_limit)
{
	static const struct turn start[] = { { .call = "GET /zones", 200, ZONES, 0 },
		{ .call = "GET /records", 200, LIST(RECORD("r1", "v1", "PROVISIONING")), 0 } };
	struct turn turns[40] = { start[0], start[1] };
	struct script s;

	for (size_t i = 2; i < ARRAY_SIZE(turns) - 1; i++)
		turns[i] = (struct turn){
			.call = "GET /zones/z1/records/r1", 200, RECORD("r1", "v1", "PROVISIONING"), 0
		};
	script_setup(&s, "ionoscloud", IONOS, turns);
	s.d.propagation_timeout = 60;
	script_change(&s, false, "example.com");
	cr_assert_eq(loop_run(s.env.loop, NULL), 0);
	cr_expect_eq(s.n_done, 1);
	cr_expect_eq(s.error.code, ERROR_TIMEOUT);
	cr_expect_not_null(strstr(s.error.message, "does not become AVAILABLE"), "%s", s.error.message);
	cr_expect_eq(clock_wall(s.clock), SCRIPT_NOW + 60);
	cr_expect_lt(s.at, 20, "polled %zu times", s.at);
	script_teardown(&s);
}

Test(http_api, a_cancelled_change_calls_nobody)
{
	static const struct turn turns[] = { { .call = "GET /zones", 200, ZONES, 0 }, { .call = NULL } };
	struct script s;

	script_setup(&s, "ionoscloud", IONOS, turns);
	dnsprovider_driver("ionoscloud")->cancel(script_change(&s, false, NULL));
	cr_assert_eq(loop_run(s.env.loop, NULL), 0);
	cr_expect_eq(s.n_done + (int)s.at, 0);
	script_teardown(&s);
}

Test(http_api, settings_are_checked)
{
	static const struct {
		const char *token;
		const char *endpoint;
		const char *field; /* NULL: fine */
	} cases[] = {
		{ "a.b-c_d=", NULL, NULL },
		{ "t", "", "endpoint" },
		{ "t", "https://dns.example.com", NULL },
		{ "t", "https://dns.example.com:8443/v1/", NULL },
		{ "t", "http://127.0.0.1:8080", NULL },
		{ "t", "http://[::1]:8080", NULL },
		{ "t", "http://localhost", NULL },
		{ "", NULL, "token" },
		{ "a b", NULL, "token" },
		{ "a\r\nX: y", NULL, "token" },
		{ "t", "http://dns.example.com", "endpoint" },
		{ "t", "http://127.0.0.1.example.com", "endpoint" },
		{ "t", "http://localhost.example.com", "endpoint" },
		{ "t", "http://[::1].example.com", "endpoint" },
		{ "t", "http://127.0.0.1@example.com", "endpoint" },
		{ "t", "https://", "endpoint" },
		{ "t", "https:///path", "endpoint" },
		{ "t", "https://example.com?x", "endpoint" },
		{ "t", "ftp://example.com", "endpoint" },
		{ "t", "example.com", "endpoint" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup("ionoscloud") };
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc;

		setting_put(&d.settings, "endpoint", cases[i].endpoint);
		setting_put_secret(&d.secrets, "token", cases[i].token, strlen(cases[i].token));
		rc = dnsprovider_check(&d, &err);
		cr_expect_eq(rc, cases[i].field ? -1 : 0, "%zu: %s", i, cases[i].endpoint);
		if (cases[i].field && rc < 0)
			cr_expect_str_eq(err.field, cases[i].field, "%zu", i);
	}
}
