/* status --check: one line, and the exit status of a monitoring plugin. */
#include "tests/unit/ctl/scripted.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

#define STATUS(failing, more) \
	"{\"conditionCount\": 0, \"autoCertificates\": {\"total\": 3, \"available\": 2, \"failed\": 1, " \
	"\"failing\": " #failing ", \"unserved\": 0, \"stale\": 0, \"paused\": 1}" more "}"
#define DATA(conditions, failing) \
	" | conditions=" #conditions \
	";0;;0 total=3;;;0 available=2;;;0 provisioning=0;;;0 failed=1;;;0 failing=" #failing \
	";;;0 unserved=0;;;0 stale=0;;;0 paused=1;;;0 expired=0;;;0\n"
#define CONDITION(severity, title, message, more) \
	"{\"severity\": \"" severity "\", \"title\": \"" title "\", \"message\": \"" message "\"" more "}"
#define WWW ", \"object\": {\"type\": \"autocertificate\", \"id\": \"7\", \"name\": \"www\"}"

Test(check, level_by_the_worst_condition)
{
	static const struct {
		const char *status;
		int exit_status;
		const char *line;
	} cases[] = {
		{ STATUS(0, ""), 0, "OK: 3 auto-certificates, none failing" DATA(0, 0) },
		{ STATUS(0, ", \"warnings\": [\"the key is next to the store\", \"b\"]"), 1,
			"WARNING: the key is next to the store" DATA(0, 0) },
		{ STATUS(2, ", \"failing\": [{\"message\": \"m\"}], \"warnings\": [\"b\"]"), 1,
			"WARNING: planned work failed and is retried; see: certctl status" DATA(0, 2) },
		{ STATUS(2, ", \"failing\": [{\"message\": \"m\"}], \"conditions\": [" CONDITION("warning",
				    "files were changed by others", "a | b", WWW) "], \"conditionCount\": 1"),
			1, "WARNING: auto www, files were changed by others: a / b" DATA(1, 2) },
		{ STATUS(0, ", \"conditions\": [" CONDITION("critical", "certificate has expired", "expired",
				    WWW) ", " CONDITION("warning", "t", "m", WWW) "], \"conditionCount\": 30"),
			2,
			"CRITICAL: auto www, certificate has expired: expired; and 29 more, see: certctl "
			"status" DATA(30, 0) },
		{ STATUS(0, ", \"message\": \"the disk is full\", \"conditions\": [" CONDITION("critical",
				    "certd cannot store its state", "the disk is full", "") "], \"conditionCount\": 1"),
			2, "CRITICAL: certd cannot store its state: the disk is full" DATA(1, 0) },
		{ "{\"scoped\": true}", 3, "UNKNOWN: your scope hides the state of certd\n" },
		{ "!{\"code\": -32000, \"message\": \"no role\"}", 3, "UNKNOWN: no role\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct exchange script[] = { { "server.status", cases[i].status, { NULL } } };
		_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("status", "--check"));

		cr_expect_eq(o.status, cases[i].exit_status, "%s: %d", cases[i].line, o.status);
		cr_expect_str_eq(o.out, cases[i].line);
		cr_expect_str_eq(o.err, "");
	}
}

Test(check, unknown_if_certd_does_not_answer)
{
	_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS("status", "--check"));

	cr_expect_eq(o.status, 3);
	cr_expect_eq(strncmp(o.out, "UNKNOWN: ", 9), 0, "%s", o.out);
	cr_expect_eq(strchr(o.out, '\n'), o.out + strlen(o.out) - 1, "one line");
}
