/* The exec driver with a script that writes down how it was called. */
#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/dnsprovider/dnsprovider.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[32];
	char *script;
	char *calls; /* what it writes */
	struct clock *clock;
	struct dnsprovider_env env;
	int done;
	struct error error;
};

static void
setup(struct fixture *f, const char *rest)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int fd;

	*f = (struct fixture){ .dir = "/tmp/test-exec-XXXXXX" };
	cr_assert_not_null(mkdtemp(f->dir));
	f->script = xasprintf("%s/script", f->dir);
	f->calls = xasprintf("%s/calls", f->dir);
	buf_printf(&text, "#!/bin/sh\nprintf '<%%s>' \"$@\" >> %s\n%s\n", f->calls, rest);
	fd = open(f->script, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	cr_assert_eq(buf_write_fd(&text, fd, NULL), 0);
	cr_assert_eq(fchmod(fd, 0755), 0);
	close(fd);
	f->clock = clock_new_real();
	f->env.loop = loop_new(f->clock);
}

static void
teardown(struct fixture *f)
{
	unlink(f->script);
	unlink(f->calls);
	rmdir(f->dir);
	free(f->script);
	free(f->calls);
	error_clear(&f->error);
	loop_free(f->env.loop);
	clock_free(f->clock);
}

static void
on_done(const struct error *err, void *arg)
{
	struct fixture *f = arg;

	f->done++;
	if (err)
		error_copy(&f->error, err);
	loop_stop(f->env.loop);
}

static struct dnsprovider_op *
change(struct fixture *f, bool is_removal, int64_t timeout)
{
	const struct dnsprovider_driver *driver = dnsprovider_driver("exec");
	_cleanup_dnsprovider_ struct dnsprovider d = {
		.kind = xstrdup("exec"),
		.propagation_timeout = timeout,
	};
	struct dnsprovider_record record = { .name = "_acme-challenge.example.com", .value = "-value with; $(x)" };

	setting_put(&d.settings, "command", f->script);
	return driver->change(&f->env, &d, is_removal, &record, on_done, f);
}

static void
run(struct fixture *f)
{
	cr_expect_eq(f->done, 0, "done from inside the call");
	cr_assert_eq(loop_run(f->env.loop, NULL), 0);
	cr_expect_eq(f->done, 1);
	f->done = 0;
}

Test(exec, calls_as_lego_does_and_without_a_shell)
{
	struct fixture f;
	_cleanup_buf_ struct buf calls = BUF_INIT;

	setup(&f, "");
	change(&f, false, 0);
	run(&f);
	cr_expect_not(error_is_set(&f.error), "%s", f.error.message);
	change(&f, true, 0);
	run(&f);
	cr_expect_not(error_is_set(&f.error), "%s", f.error.message);
	cr_assert_eq(buf_read_file(&calls, AT_FDCWD, f.calls, 1000, NULL), 0);
	cr_expect_str_eq(buf_str(&calls), "<present><_acme-challenge.example.com.><-value with; $(x)>"
					  "<cleanup><_acme-challenge.example.com.><-value with; $(x)>");
	teardown(&f);
}

Test(exec, a_failure_shows_the_last_line_that_the_program_wrote)
{
	struct fixture f;
	const char *says;

	setup(&f, "echo first; printf 'the API\\033 says no\\n\\n' >&2; exit 3");
	change(&f, false, 0);
	run(&f);
	cr_expect_eq(f.error.code, ERROR_HOOK);
	cr_assert_not_null(f.error.message);
	says = strstr(f.error.message, "ended with status 3: the API  says no");
	cr_assert(says, "%s", f.error.message);
	cr_expect_null(strstr(strstr(says, "API") + 1, "API"), "the line is given once: %s", f.error.message);
	cr_expect_eq(f.error.message[0], '\'', "who asked for it says what for: %s", f.error.message);
	cr_expect_null(strstr(f.error.message, "first"));
	cr_expect_null(strchr(f.error.message, '\n'));
	teardown(&f);
}

Test(exec, a_program_that_hangs_is_ended_in_time)
{
	struct fixture f;

	setup(&f, "exec sleep 30");
	change(&f, false, 1);
	run(&f);
	cr_expect(error_is_set(&f.error));
	teardown(&f);
}

Test(exec, a_program_that_is_not_there_is_an_error_not_a_crash)
{
	struct fixture f;

	setup(&f, "");
	unlink(f.script);
	change(&f, false, 0);
	run(&f);
	cr_assert(error_is_set(&f.error));
	cr_expect(strstr(f.error.message, f.script), "%s", f.error.message);
	teardown(&f);
}

Test(exec, a_change_that_is_cancelled_ends_without_a_word)
{
	struct fixture f;
	struct dnsprovider_op *op;

	setup(&f, "exec sleep 30");
	op = change(&f, false, 0);
	dnsprovider_driver("exec")->cancel(op);
	cr_expect_eq(f.done, 0);
	teardown(&f);
}

/* One call by @convention; what the program saw. Owned by the caller. */
static char *
seen_by(const char *convention, bool is_removal, bool has_key_authorization)
{
	static const char
		*const uacme = "printf '<%s>' \"$UACME_METHOD|$UACME_TYPE|$UACME_IDENT|$UACME_TOKEN|$UACME_AUTH|"
			       "$UACME_VERBOSE\" >> ";
	static const char
		*const env = "printf '<%s>' \"$CERTBOT_DOMAIN|$CERTBOT_IDENTIFIER|$CERTBOT_ALL_DOMAINS|"
			     "$CERTBOT_VALIDATION|$CERTBOT_REMAINING_CHALLENGES|${CERTBOT_AUTH_OUTPUT-unset}\" >> ";
	struct dnsprovider_record record = {
		.name = "_acme-challenge.example.net",
		.value = "-v",
		.domain = has_key_authorization ? "www.example.com" : NULL,
		.key_authorization = has_key_authorization ? "tok.thumb" : NULL,
	};
	_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup("exec") };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf seen = BUF_INIT;
	_cleanup_(scratch_remove) char *dir = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/dnsapi/dns_made_up.sh", dir);
	_cleanup_free_ char *dnsapi = xasprintf("%s/dnsapi", dir);
	_cleanup_free_ char *calls = xasprintf("%s/calls", dir);
	struct fixture f = { .clock = clock_new_real() };

	cr_assert_eq(mkdir(dnsapi, 0700), 0);
	if (strcmp(convention, "acme.sh") == 0) {
		scratch_write(dir, "acme.sh", "_initpath() { initialized=yes; }\nmain() { \"$@\"; }\nmain \"$@\"\n");
		scratch_write(dir, "dnsapi/dns_made_up.sh",
			"dns_made_up_add() { printf '<add|%%s>' \"$initialized|$#|$1|$2|$HOME\" >> %s; }\n"
			"dns_made_up_rm() { printf '<rm|%%s>' \"$initialized|$#|$1|$2|$HOME\" >> %s; }\n",
			calls, calls);
	} else {
		scratch_write(dir, "dnsapi/dns_made_up.sh", "#!/bin/sh\nprintf '<%%s>' \"$@\" >> %s\n%s%s\n", calls,
			strcmp(convention, "certbot") == 0 ? env
			: strcmp(convention, "uacme") == 0 ? uacme
							   : ": ",
			calls);
		cr_assert_eq(chmod(path, 0700), 0);
	}
	f.env.loop = loop_new(f.clock);
	setting_put(&d.settings, "command", path);
	setting_put(&d.settings, "convention", convention);
	if (strcmp(convention, "certbot") == 0) {
		cr_assert_eq(dnsprovider_check(&d, &err), -1);
		cr_expect_str_eq(err.field, "cleanupCommand");
		setting_put(&d.settings, "cleanupCommand", path);
	}
	cr_assert_eq(dnsprovider_check(&d, &err), 0, "%s", err.message);
	dnsprovider_driver("exec")->change(&f.env, &d, is_removal, &record, on_done, &f);
	run(&f);
	cr_expect_not(error_is_set(&f.error), "%s", f.error.message);
	cr_assert_eq(buf_read_file(&seen, AT_FDCWD, calls, 1000, NULL), 0);
	error_clear(&f.error);
	loop_free(f.env.loop);
	clock_free(f.clock);
	return xstrdup(buf_str(&seen));
}

Test(exec, calls_by_the_conventions_of_other_clients)
{
	static const struct {
		const char *convention;
		bool is_removal;
		bool has_key_authorization;
		const char *seen; /* ends with it, from the last '<' of interest */
	} cases[] = {
		{ "lego", false, true, "<present><_acme-challenge.example.net.><-v>" },
		{ "lego-raw", false, true, "<present><--><www.example.com><tok><tok.thumb>" },
		{ "lego-raw", true, true, "<cleanup><--><www.example.com><tok><tok.thumb>" },
		{ "lego-raw", true, false, "<cleanup><--><example.net><><>" },
		{ "dehydrated", false, true, "<deploy_challenge><www.example.com><tok><-v>" },
		{ "dehydrated", true, true, "<clean_challenge><www.example.com><tok><-v>" },
		{ "certbot", false, true, "<><www.example.com|www.example.com|www.example.com|-v|0|unset>" },
		{ "certbot", true, true, "<><www.example.com|www.example.com|www.example.com|-v|0|>" },
		{ "uacme", false, true,
			"<begin><dns-01><www.example.com><tok><-v><begin|dns-01|www.example.com|tok|-v|0>" },
		{ "uacme", true, true,
			"<done><dns-01><www.example.com><tok><-v><done|dns-01|www.example.com|tok|-v|0>" },
		{ "acme.sh", false, true, "<add|yes|2|_acme-challenge.example.net|-v|/" },
		{ "acme.sh", true, true, "<rm|yes|2|_acme-challenge.example.net|-v|/" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *seen = seen_by(
			cases[i].convention, cases[i].is_removal, cases[i].has_key_authorization);

		cr_expect_eq(
			strncmp(seen, cases[i].seen, strlen(cases[i].seen)), 0, "%s: %s", cases[i].convention, seen);
	}
}

Test(exec, settings_fit_the_convention)
{
	static const struct {
		const char *convention;
		const char *command;
		const char *cleanup_command;
		const char *field; /* NULL: fine */
	} cases[] = {
		{ NULL, "/bin/true", NULL, NULL },
		{ "dehydrated", "/bin/true", "/bin/true", "cleanupCommand" },
		{ "certbot", "/bin/true", NULL, "cleanupCommand" },
		{ "certbot", "/bin/true", "y", "cleanupCommand" },
		{ "uacme", "/bin/true", NULL, NULL },
		{ "uacme", "/bin/true", "/bin/true", "cleanupCommand" },
		{ "acmetool", "/bin/true", NULL, "convention" },
		{ "acme.sh", "/opt/acme.sh/dnsapi/dns_pdns.sh", NULL, NULL },
		{ "acme.sh", "/opt/acme.sh/dns_pdns.sh", NULL, "command" },
		{ "acme.sh", "/dns_pdns.sh", NULL, "command" },
		{ "acme.sh", "/opt/dnsapi/dns_pdns", NULL, "command" },
		{ "acme.sh", "/opt/dnsapi/dns;x.sh", NULL, "command" },
		{ "acme.sh", "/opt/dnsapi/.sh", NULL, "command" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup("exec") };
		_cleanup_error_ struct error err = ERROR_INIT;

		setting_put(&d.settings, "command", cases[i].command);
		setting_put(&d.settings, "convention", cases[i].convention);
		setting_put(&d.settings, "cleanupCommand", cases[i].cleanup_command);
		cr_expect_eq(dnsprovider_check(&d, &err), cases[i].field ? -1 : 0, "%zu: %s", i, err.message);
		if (cases[i].field)
			cr_expect_str_eq(err.field ? err.field : "", cases[i].field, "%zu", i);
	}
}
