/* status --check: one line, and the exit status of a monitoring plugin. */
#include "tests/unit/ctl/scripted.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNTS(failed, failing) \
	"\"autoCertificates\": {\"total\": 3, \"failed\": " #failed ", \"failing\": " #failing "}"

Test(check, level_by_what_needs_attention_first)
{
	static const struct {
		const char *status, *expired;
		int exit_status;
		const char *line;
	} cases[] = {
		{ "{" COUNTS(0, 0) "}", "{\"items\": []}", 0, "OK: 3 auto-certificates, none failing\n" },
		{ "{" COUNTS(0, 0) ", \"warnings\": [\"the key is next to the store\", \"b\"]}", "{\"items\": []}", 1,
			"WARNING: the key is next to the store\n" },
		{ "{" COUNTS(0, 0) ", \"failing\": [{\"message\": \"m\"}]}", "{\"items\": []}", 1,
			"WARNING: planned work failed and is retried; see: certctl status\n" },
		{ "{" COUNTS(0, 2) "}", "{\"items\": []}", 1,
			"WARNING: 2 of 3 auto-certificates could not be renewed yet; see: certctl status\n" },
		{ "{" COUNTS(1, 2) "}", "{\"items\": []}", 2,
			"CRITICAL: 1 of 3 auto-certificates could not be issued; see: certctl status\n" },
		{ "{" COUNTS(0, 1) "}", "{\"items\": [{}]}", 2,
			"CRITICAL: a certificate has expired; see: certctl list auto --expires-before 0s\n" },
		{ "{" COUNTS(0, 0) ", \"message\": \"the disk is full\"}", "{\"items\": []}", 2,
			"CRITICAL: the disk is full\n" },
		{ "{\"scoped\": true}", "{\"items\": []}", 3, "UNKNOWN: your scope hides the state of certd\n" },
		{ "!{\"code\": -32000, \"message\": \"no role\"}", NULL, 3, "UNKNOWN: no role\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct exchange script[] = {
			{ "server.status", cases[i].status, { NULL } },
			{ "autoCertificate.list", cases[i].expired, { NULL } },
		};
		_cleanup_outcome_ struct outcome o = run_certctl(
			script, cases[i].expired ? 2 : 1, WORDS("status", "--check"));

		cr_expect_eq(o.status, cases[i].exit_status, "%s: %d", cases[i].line, o.status);
		cr_expect_str_eq(o.out, cases[i].line);
		cr_expect_str_eq(o.err, "");
		cr_expect(!cases[i].expired || strstr(o.requests, "\"expiresBefore\":\"2026-11-21T10:30:00Z\""), "%s",
			o.requests);
	}
}

Test(check, unknown_if_certd_does_not_answer)
{
	_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS("status", "--check"));

	cr_expect_eq(o.status, 3);
	cr_expect_eq(strncmp(o.out, "UNKNOWN: ", 9), 0, "%s", o.out);
	cr_expect_eq(strchr(o.out, '\n'), o.out + strlen(o.out) - 1, "one line");
}
