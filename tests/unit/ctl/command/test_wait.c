#include "tests/unit/ctl/scripted.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

#define EVENT(seq, level, kind, data, message) \
	"{\"seq\":" #seq ",\"level\":\"" level "\",\"kind\":\"" kind "\",\"object\":{\"type\":\"autocertificate\"," \
	"\"id\":\"a1\",\"name\":\"www\"},\"message\":\"" message "\",\"data\":" data "}"
#define PROBED(seq, kind, name, message) \
	"{\"seq\":" #seq ",\"level\":\"info\",\"kind\":\"" kind "\",\"object\":{\"id\":\"a1\",\"name\":\"www\"}," \
	"\"message\":\"" message "\",\"data\":{\"consumer\":\"" name "\"}}"
#define CREATED "{\"id\":\"a1\",\"metadata\":{\"state\":\"PROVISIONING\"},\"properties\":{\"name\":\"www\"}}"
#define ISSUED \
	"{\"id\":\"a1\",\"metadata\":{\"state\":\"AVAILABLE\",\"notAfter\":\"2027-02-19T10:30:00Z\"," \
	"\"dropDirectory\":\"/d/live/www\"},\"properties\":{\"name\":\"www\"}}"
#define ADD WORDS("add-auto", "--provider", "le", "--cn", "www.example.com")

Test(wait, steps_are_lines_and_the_end_is_a_deployed_certificate)
{
	static const struct exchange script[] = {
		{ "autoCertificate.create", CREATED, { NULL } },
		{ "event.subscribe",
			"{\"after\":4,\"items\":[" EVENT(4, "info", "object.created", "{}", "created") "]}",
			{ EVENT(4, "debug", "issue.progress", "{\"state\":\"solve\"}", "solve"),
				EVENT(4, "debug", "issue.progress", "{\"state\":\"solve\"}", "solve"),
				EVENT(4, "debug", "issue.progress", "{}", "validate: ns1 has it not yet"),
				EVENT(5, "notice", "issue.done", "{}", "certificate issued"),
				EVENT(6, "notice", "deploy.done", "{}", "files written") } },
		{ "autoCertificate.get", ISSUED, { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 3, ADD);

	cr_expect_eq(o.status, 0);
	cr_expect_str_eq(o.err, "solve\nvalidate: ns1 has it not yet\ncertificate issued\n");
	cr_expect_str_eq(
		o.out, "auto 'www' has a certificate until 2027-02-19T10:30:00Z (in 90d); files in /d/live/www\n");
	cr_expect_str_eq(o.requests, "autoCertificate.create "
				     "{\"properties\":{\"provider\":\"le\",\"commonName\":\"www.example.com\"}}\n"
				     "event.subscribe {\"object\":\"a1\",\"after\":0}\n"
				     "autoCertificate.get {\"ref\":\"a1\"}\n");
}

Test(wait, what_was_over_before_the_subscription_is_not_missed)
{
	static const struct exchange script[] = {
		{ "autoCertificate.create", CREATED, { NULL } },
		{ "event.subscribe",
			"{\"after\":6,\"items\":[" EVENT(5, "notice", "issue.done", "{}", "issued") "," EVENT(
				6, "notice", "deploy.done", "{}", "written") "]}",
			{ NULL } },
		{ "autoCertificate.get", ISSUED, { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 3, ADD);

	cr_expect_eq(o.status, 0, "%s", o.err);
}

#define SECOND_EVENT(seq, kind) \
	"{\"seq\":" #seq ",\"level\":\"notice\",\"kind\":\"" kind "\",\"object\":{\"type\":\"autocertificate\"," \
	"\"id\":\"a2\",\"name\":\"www-rsa\"},\"message\":\"" kind "\",\"data\":{\"code\":\"remote\"}}"
#define FIRST \
	"{\"id\":\"a1\",\"metadata\":{\"notAfter\":\"2027-02-19T10:30:00Z\",\"dropDirectory\":\"/d/live/www\"," \
	"\"variant\":\"a2\"},\"properties\":{\"name\":\"www\"}}"
#define SECOND "{\"id\":\"a2\",\"metadata\":{},\"properties\":{\"name\":\"www-rsa\"}}"

/* What it has done since the call, also before the first has ended. */
Test(wait, the_certificate_with_the_second_key_is_waited_for)
{
	static const struct exchange script[] = {
		{ "autoCertificate.get", FIRST, { NULL } },
		{ "event.subscribe", "{\"after\":9,\"items\":[]}", { NULL } },
		{ "autoCertificate.renew", FIRST,
			{ EVENT(12, "notice", "issue.done", "{}", "issued"),
				EVENT(14, "notice", "deploy.done", "{}", "written") } },
		{ "autoCertificate.get", FIRST, { NULL } },
		{ "autoCertificate.get", SECOND, { NULL } },
		{ "event.subscribe", "{\"after\":14,\"items\":[" SECOND_EVENT(13, "issue.done") "]}",
			{ SECOND_EVENT(15, "deploy.done") } },
		{ "autoCertificate.get", SECOND, { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 7, WORDS("renew", "www"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.err, "issued\nissue.done\n");
	cr_expect_not_null(strstr(o.requests, "event.subscribe {\"object\":\"a2\",\"after\":9}\n"), "%s", o.requests);
	cr_expect_eq(strncmp(o.out, "auto 'www' has", 14), 0, "%s", o.out);
}

Test(wait, the_failure_of_the_second_key_is_one_of_the_command)
{
	static const struct exchange script[] = {
		{ "autoCertificate.create", CREATED, { NULL } },
		{ "event.subscribe", "{\"after\":4,\"items\":[]}",
			{ EVENT(5, "notice", "issue.done", "{}", "issued"),
				EVENT(6, "notice", "deploy.done", "{}", "written") } },
		{ "autoCertificate.get", FIRST, { NULL } },
		{ "autoCertificate.get", SECOND, { NULL } },
		{ "event.subscribe", "{\"after\":7,\"items\":[" SECOND_EVENT(7, "issue.failed") "]}", { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 5, ADD);

	cr_expect_neq(o.status, 0);
	cr_expect_not_null(strstr(o.err, "www-rsa"), "%s", o.err);
	cr_expect_not_null(strstr(o.err, "'www-rsa' stays declared"), "%s", o.err);
	cr_expect_not_null(strstr(o.requests, "event.subscribe {\"object\":\"a2\",\"after\":0}\n"), "%s", o.requests);
}

Test(wait, an_older_rollout_does_not_end_a_renewal)
{
	static const struct exchange script[] = {
		{ "autoCertificate.get", ISSUED, { NULL } },
		{ "event.subscribe", "{\"after\":9,\"items\":[]}",
			{ EVENT(10, "notice", "deploy.done", "{}", "an older one"),
				EVENT(11, "error", "deploy.failed", "{\"code\":\"io\"}", "an older one") } },
		{ "autoCertificate.renew", ISSUED,
			{ EVENT(12, "notice", "issue.done", "{}", "issued"),
				EVENT(13, "notice", "deploy.done", "{}", "written") } },
		{ "autoCertificate.get", ISSUED, { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 4, WORDS("renew", "www"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.err, "issued\n");
}

#define PROVIDER(more) "{\"id\":\"a1\",\"metadata\":{" more "},\"properties\":{\"name\":\"le\"}}"
#define REGISTERED PROVIDER("\"accountUrl\":\"https://ca/acct/2\"")

/* An earlier attempt fails between the subscription and the call, or it succeeds then. */
Test(wait, what_was_stored_before_the_call_does_not_end_it)
{
	static const struct {
		const char *before; /* stored before the call */
		const char *code;   /* of what the call leads to; NULL: success */
	} cases[] = {
		{ EVENT(10, "error", "account.failed", "{\"code\":\"ca\"}", "an earlier attempt"), NULL },
		{ EVENT(10, "notice", "account.done", "{}", "an earlier attempt"), "no-space" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct exchange script[] = {
			{ "provider.get", PROVIDER(""), { NULL } },
			{ "event.subscribe", "{\"after\":9,\"items\":[]}", { cases[i].before } },
			{ "provider.newAccount", PROVIDER(""),
				{ cases[i].code ? EVENT(12, "error", "account.failed", "{\"code\":\"no-space\"}",
							  "full")
						: EVENT(12, "notice", "account.done", "{}", "registered") } },
			{ "provider.get", REGISTERED, { NULL } },
		};
		_cleanup_outcome_ struct outcome o = run_certctl(script, 4, WORDS("new-account", "le"));

		cr_expect_eq(o.status, cases[i].code ? error_exit_status(ERROR_NO_SPACE) : 0, "%zu: %s", i, o.err);
		cr_expect_null(strstr(o.err, "an earlier attempt"), "%s", o.err);
	}
}

Test(wait, a_failed_probe_of_before_is_not_the_answer)
{
	static const struct exchange script[] = {
		{ "consumer.get", "{\"id\":\"c1\",\"properties\":{\"name\":\"web\"}}", { NULL } },
		{ "event.subscribe", "{\"after\":4,\"items\":[]}",
			{ PROBED(5, "probe.stale", "web", "h:1 is stale") } },
		{ "consumer.probe", "{\"autoCertificates\":[{\"id\":\"a1\",\"name\":\"www\"}],\"endpoints\":1}",
			{ PROBED(6, "probe.served", "web", "h:1 is served") } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 3, WORDS("probe", "web"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, "www: h:1 is served\n");
}

#define AUTHORIZATION(status) \
	"{\"id\":\"z1\",\"metadata\":{\"status\":\"" status "\",\"recordContent\":\"x\"}," \
	"\"properties\":{\"name\":\"www.example.com\"}}"

/* The answer shows that an earlier attempt has succeeded: no event will follow. */
Test(wait, what_is_there_already_is_not_waited_for)
{
	static const struct exchange registers[] = {
		{ "provider.list",
			"{\"items\":[{\"id\":\"a1\",\"metadata\":{\"directoryUrl\":\"https://ca/dir\"},"
			"\"properties\":{\"name\":\"le\",\"email\":\"a@b.c\"}}]}",
			{ NULL } },
		{ "event.subscribe", "{\"after\":9,\"items\":[]}",
			{ EVENT(10, "notice", "account.done", "{}", "registered") } },
		{ "provider.update", REGISTERED, { NULL } },
		{ "provider.get", REGISTERED, { NULL } },
	};
	static const struct exchange gets[] = {
		{ "authorization.get", AUTHORIZATION("pending"), { NULL } },
		{ "event.subscribe", "{\"after\":9,\"items\":[]}",
			{ EVENT(10, "notice", "authorization.done", "{}", "validated") } },
		{ "authorization.validate", AUTHORIZATION("valid"), { NULL } },
		{ "authorization.get", AUTHORIZATION("valid"), { NULL } },
		{ "autoCertificate.get", "!{\"code\":-32000,\"message\":\"stop here\",\"data\":{\"code\":\"ca\"}}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome registered = run_certctl(registers, 4,
		WORDS("register", "a@b.c", "--server", "https://ca/dir", "--agree-tos", "--timeout", "1s"));
	_cleanup_outcome_ struct outcome got = run_certctl(gets, 5, WORDS("get", "www.example.com", "--timeout", "1s"));

	cr_expect_eq(registered.status, 0, "%s", registered.err);
	cr_expect_not_null(strstr(got.err, "stop here"), "%s\n%s", got.err, got.requests);
}

Test(wait, a_failure_ends_it_with_the_class_of_the_error_and_says_that_certd_goes_on)
{
	static const struct {
		const char *events[3];
		enum error_code code;
		const char *says;
	} cases[] = {
		{ { EVENT(5, "error", "issue.failed",
			  "{\"code\":\"validation\",\"problem\":\"dns\",\"message\":\"no TXT\",\"retryAt\":"
			  "\"2026-11-21T10:31:00Z\"}",
			  "no TXT; next attempt 2026-11-21T10:31:00Z") },
			ERROR_VALIDATION,
			"certctl: www: no TXT; next attempt 2026-11-21T10:31:00Z (dns)\n"
			"certctl: 'www' stays declared and certd keeps retrying; see: certctl explain auto "
			"www\n" },
		{ { EVENT(5, "notice", "issue.done", "{}", "issued"),
			  EVENT(6, "error", "deploy.failed", "{\"code\":\"no-space\",\"message\":\"full\"}",
				  "disk is full") },
			ERROR_NO_SPACE,
			"issued\ncertctl: www: disk is full\n"
			"certctl: 'www' stays declared and certd keeps retrying; see: certctl explain auto "
			"www\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exchange script[] = {
			{ "autoCertificate.create", CREATED, { NULL } },
			{ "event.subscribe", "{\"after\":4,\"items\":[]}",
				{ cases[i].events[0], cases[i].events[1], cases[i].events[2] } },
		};
		_cleanup_outcome_ struct outcome o = run_certctl(script, 2, ADD);

		cr_expect_eq(o.status, error_exit_status(cases[i].code), "%d", o.status);
		cr_expect_str_eq(o.err, cases[i].says);
		cr_expect_str_empty(o.out);
	}
}

Test(wait, the_time_limit_says_what_it_waited_for)
{
	static const struct exchange script[] = {
		{ "autoCertificate.create", CREATED, { NULL } },
		{ "event.subscribe", "{\"after\":4,\"items\":[]}",
			{ EVENT(4, "debug", "issue.progress", "{}", "validate: the CA is slow") } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(
		script, 2, WORDS("add-auto", "--provider", "le", "--cn", "www.example.com", "--timeout", "1s"));

	cr_expect_eq(o.status, error_exit_status(ERROR_TIMEOUT));
	cr_expect_not_null(strstr(o.err, "timed out (validate: the CA is slow); certd continues"), "%s", o.err);
}

Test(wait, a_daemon_that_goes_away_is_told)
{
	static const struct exchange script[] = {
		{ "autoCertificate.create", CREATED, { NULL } },
		{ "event.subscribe", NULL, { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 2, ADD);

	cr_expect_eq(o.status, error_exit_status(ERROR_UNAVAILABLE));
	cr_expect_not_null(strstr(o.err, "certd closed the connection"), "%s", o.err);
}

Test(wait, a_provider_is_there_when_its_account_is)
{
	static const struct exchange script[] = {
		{ "provider.create", "{\"id\":\"a1\",\"metadata\":{},\"properties\":{\"name\":\"le\"}}", { NULL } },
		{ "event.subscribe", "{\"after\":4,\"items\":[]}",
			{ EVENT(5, "notice", "account.done", "{}", "registered") } },
		{ "provider.get",
			"{\"id\":\"a1\",\"metadata\":{\"accountUrl\":\"https://ca/acct/"
			"1\"},\"properties\":{\"name\":\"le\"}}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(
		script, 3, WORDS("add-provider", "--name", "le", "--server", "letsencrypt", "--email", "a@b.c"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, "provider 'le' is registered: https://ca/acct/1\n");
}

Test(wait, a_probe_shows_every_endpoint_and_fails_when_one_is_stale)
{
	static const struct exchange script[] = {
		{ "consumer.get", "{\"id\":\"c1\",\"properties\":{\"name\":\"web\"}}", { NULL } },
		{ "event.subscribe", "{\"after\":4,\"items\":[]}", { NULL } },
		{ "consumer.probe", "{\"autoCertificates\":[{\"id\":\"a1\",\"name\":\"www\"}],\"endpoints\":2}",
			{ PROBED(5, "probe.stale", "other", "not ours"),
				PROBED(6, "probe.stale", "web", "h:1 is stale"),
				PROBED(7, "probe.served", "web", "h:2 is served") } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 3, WORDS("probe", "web"));

	cr_expect_eq(o.status, error_exit_status(ERROR_STATE));
	cr_expect_str_eq(o.out, "www: h:1 is stale\nwww: h:2 is served\n");
}

Test(wait, nothing_to_probe_is_said_and_not_waited_for)
{
	static const struct exchange script[] = {
		{ "consumer.get", "{\"id\":\"c1\",\"properties\":{\"name\":\"web\"}}", { NULL } },
		{ "event.subscribe", "{\"after\":4,\"items\":[]}", { NULL } },
		{ "consumer.probe", "{\"autoCertificates\":[],\"endpoints\":0}", { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 3, WORDS("probe", "web"));

	cr_expect_eq(o.status, 0);
	cr_expect_not_null(strstr(o.err, "nothing to do"), "%s", o.err);
}

Test(wait, followed_events_repeat_nothing_and_end_with_the_daemon)
{
	static const struct exchange script[] = {
		{ "autoCertificate.get", ISSUED, { NULL } },
		{ "event.subscribe", "{\"after\":5,\"items\":[]}",
			{ EVENT(6, "notice", "issue.done", "{}", "issued") } },
		{ "event.list",
			"{\"items\":[" EVENT(5, "info", "object.created", "{}", "created") "," EVENT(
				6, "notice", "issue.done", "{}", "issued") "]}",
			{ EVENT(7, "notice", "deploy.done", "{}", "written"), "" } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(
		script, 3, WORDS("events", "auto", "www", "-o", "keyvalue", "--follow", "--limit", "2"));
	const char *at = o.out;

	cr_expect_eq(o.status, error_exit_status(ERROR_UNAVAILABLE), "%d %s", o.status, o.err);
	for (int seq = 5; seq <= 7; seq++) {
		_cleanup_free_ char *line = xasprintf("seq=%d\n", seq);

		at = strstr(at, line);
		cr_assert_not_null(at, "%s in %s", line, o.out);
		cr_expect_null(strstr(at + 1, line), "%s", o.out);
	}
}

Test(wait, when_nothing_is_heard_the_reason_is_asked_for)
{
	static const struct exchange script[] = {
		{ "autoCertificate.create", CREATED, { NULL } },
		{ "event.subscribe", "{\"after\":4,\"items\":[]}", { NULL } },
		{ "autoCertificate.explain", "{\"reasons\":[\"no certificate yet\",\"provider 'le' has no account\"]}",
			{ EVENT(5, "notice", "issue.done", "{}", "issued"),
				EVENT(6, "notice", "deploy.done", "{}", "written") } },
		{ "autoCertificate.get", ISSUED, { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 4, ADD);

	cr_expect_eq(o.status, 0);
	cr_expect_str_eq(o.err, "no certificate yet; provider 'le' has no account\nissued\n");
}
