#include "ctl/migrate/hooks.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
expect_fate(const char *text, enum hook_fate fate, const char *words)
{
	struct hook_reading reading;
	const char *said;

	hook_read(text, &reading);
	said = reading.service ? reading.service : reading.why ? reading.why : "";
	cr_expect(reading.fate == fate && strstr(said, words), "%s: %d %s", text, (int)reading.fate, said);
	hook_reading_clear(&reading);
}

Test(hooks, a_command_reloads_a_service_or_is_run_or_is_left_to_root)
{
	static const struct {
		const char *text;
		enum hook_fate fate;
		const char *words; /* part of the service, or of the reason */
	} cases[] = {
		{ "systemctl reload nginx", HOOK_RELOADS, "nginx" },
		{ "/bin/systemctl try-restart postfix.service", HOOK_RELOADS, "postfix" },
		{ "service haproxy reload", HOOK_RELOADS, "haproxy" },
		{ "nginx -s reload", HOOK_RELOADS, "nginx" },
		{ "\tsystemctl  reload nginx ;", HOOK_RELOADS, "nginx" },
		{ "systemctl stop nginx", HOOK_NEEDS_ROOT, "systemctl" },
		{ "systemctl reload nginx && systemctl reload postfix", HOOK_NEEDS_ROOT, "systemctl" },
		{ "systemctl reload $(reboot)", HOOK_NEEDS_ROOT, "systemctl" },
		{ "cp \"$RENEWED_LINEAGE/privkey.pem\" /srv", HOOK_NEEDS_ROOT, "cp" },
		{ "test -d /srv && /usr/bin/sudo x", HOOK_NEEDS_ROOT, "sudo" },
		{ "if true; then A=1 chown x y; fi", HOOK_NEEDS_ROOT, "chown" },
		{ "(kill -HUP 1)", HOOK_NEEDS_ROOT, "kill" },
		{ "cat a b >/etc/haproxy/site.pem", HOOK_NEEDS_ROOT, "/etc/haproxy/site.pem" },
		{ "cat a >> '/etc/b'", HOOK_NEEDS_ROOT, "/etc/b" },
		{ "curl -s http://127.0.0.1/reload >/dev/null 2>&1", HOOK_RUNS, "" },
		{ "echo nginx: cp install", HOOK_RUNS, "" },
		{ "logger /etc/nginx", HOOK_RUNS, "" },
		{ "rsync -a x y # cp", HOOK_RUNS, "" },
		{ "/nonexistent/hook", HOOK_NEEDS_ROOT, "only the owner may enter /nonexistent" },
		{ "/bin/true", HOOK_RUNS, "" },
		{ "/bin/nothing-of-that-name", HOOK_NEEDS_ROOT, "does not exist" },
		{ "/etc/passwd", HOOK_NEEDS_ROOT, "not every user may run" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_fate(cases[i].text, cases[i].fate, cases[i].words);
}

Test(hooks, a_script_is_what_its_lines_say)
{
	static const struct {
		const char *text;
		enum hook_fate fate;
		const char *words;
	} cases[] = {
		{ "#!/bin/sh\n# reloads\nset -e\n\n  systemctl reload nginx\nexit 0\n", HOOK_RELOADS, "nginx" },
		{ "#!/bin/sh\nsystemctl reload nginx\nsystemctl reload postfix\n", HOOK_NEEDS_ROOT, "systemctl" },
		{ "#!/bin/sh\ncurl http://127.0.0.1/\n", HOOK_RUNS, "" },
		{ "#!/bin/sh\n# cp a b\necho done\n", HOOK_RUNS, "" },
	};
	char path[] = "/tmp/certd-hook-XXXXXX";
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && fchmod(fd, 0755) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *with_words = xasprintf("%s deploy", path);

		cr_assert(ftruncate(fd, 0) == 0 &&
			  pwrite(fd, cases[i].text, strlen(cases[i].text), 0) == (ssize_t)strlen(cases[i].text));
		expect_fate(path, cases[i].fate, cases[i].words);
		/* With arguments it may do something else than its only line. */
		if (cases[i].fate != HOOK_RELOADS)
			expect_fate(with_words, cases[i].fate, cases[i].words);
	}
	cr_assert(fchmod(fd, 0700) == 0);
	expect_fate(path, HOOK_NEEDS_ROOT, "not every user may run");
	unlink(path);
	close(fd);
}

Test(hooks, is_run_as_the_client_would)
{
	struct found_certificate c = { .name = NULL };

	hook_add(&c, "/usr/bin/hook", NULL);
	hook_add(&c, "/usr/bin/hook", NULL);
	hook_add(&c, "/usr/bin/hook x", NULL);
	hook_add(&c, "/usr/bin/other", "exec \"$0\" deploy");
	cr_expect_str_eq(
		json_object_to_json_string_ext(c.hooks, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		"[{\"text\":\"/usr/bin/hook\",\"command\":[\"/usr/bin/hook\"]},"
		"{\"text\":\"/usr/bin/hook x\",\"command\":[\"/bin/sh\",\"-c\",\"/usr/bin/hook x\"]},"
		"{\"text\":\"/usr/bin/other\",\"command\":[\"/bin/sh\",\"-c\","
		"\"exec \\\"$0\\\" deploy\",\"/usr/bin/other\"]}]");
	json_object_put(c.hooks);
}
