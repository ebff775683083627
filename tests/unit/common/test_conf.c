#include "common/conf.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

static int
read_text(struct conf *conf, const char *text, struct error *err)
{
	conf_init(conf);
	return conf_read(conf, text, strlen(text), "certd.conf", err);
}

Test(conf, defaults_hold_when_nothing_is_said)
{
	struct conf conf;

	cr_assert_eq(read_text(&conf, "# nothing\n\n; nothing\n", NULL), 0);
	conf_finish(&conf);
	cr_expect_eq(conf.renew_before, 30 * 86400);
	cr_expect_eq(conf.purge_after, 30 * 86400);
	cr_expect_eq(conf.check_files_every, 3600);
	cr_expect_eq(conf.max_orders, 8);
	cr_expect_eq(conf.max_alternative_names, 100);
	cr_expect_eq(conf.max_auto_certificates, 0);
	cr_expect_eq(conf.log_level, 6);
	cr_expect_not(conf.may_use_other_hosts);
	cr_expect_eq(conf.http_listen.count, 0);
	cr_expect_str_eq(conf.drop_root, conf.state_dir);
	conf_clear(&conf);
}

Test(conf, limits_are_those_of_ionos_unless_they_are_set)
{
	static const struct {
		const char *text;
		int64_t autos, names; /* -1: refused */
	} cases[] = {
		{ "limits = ionos", 50, 10 },
		{ "max-auto-certificates = 0\nlimits = ionos", 0, 10 },
		{ "limits = ionos\nmax-alternative-names = 100", 50, 100 },
		{ "\nlimits = IONOS\n#", -1, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf conf;
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc = read_text(&conf, cases[i].text, &err);

		cr_expect_eq(rc, cases[i].autos < 0 ? -1 : 0, "%s", cases[i].text);
		if (rc == 0) {
			cr_expect_eq(conf.max_auto_certificates, cases[i].autos, "%s", cases[i].text);
			cr_expect_eq(conf.max_alternative_names, cases[i].names, "%s", cases[i].text);
		} else {
			cr_expect_str_eq(err.message, "certd.conf:2: limits: 'IONOS' is neither none nor ionos");
		}
		conf_clear(&conf);
	}
}

Test(conf, every_kind_is_read)
{
	struct conf conf;
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(read_text(&conf,
			     "state = /srv/certd\n"
			     "runtime=/run/c\r\n"
			     "  log-level = debug ; comment\n"
			     "http-listen = [::]:80, 127.0.0.1:5002\n"
			     "http-listen = unix:/run/c/http\n"
			     "renew-before = 20d\n"
			     "max-orders = 16\n"
			     "dns-servers = 127.0.0.1:5353\n"
			     "allow-other-hosts = yes",
			     &err),
		0, "%s", err.message);
	conf_finish(&conf);
	cr_expect_str_eq(conf.state_dir, "/srv/certd");
	cr_expect_str_eq(conf.drop_root, "/srv/certd");
	cr_expect_str_eq(conf.socket_path, "/run/c/control.sock");
	cr_expect_eq(conf.log_level, 7);
	cr_assert_eq(conf.http_listen.count, 3);
	cr_expect_str_eq(conf.http_listen.items[0], "[::]:80");
	cr_expect_str_eq(conf.http_listen.items[2], "unix:/run/c/http");
	cr_expect_eq(conf.renew_before, 20 * 86400);
	cr_expect_eq(conf.max_orders, 16);
	cr_expect_str_eq(conf.dns_servers, "127.0.0.1:5353");
	cr_expect(conf.may_use_other_hosts);
	conf_clear(&conf);
}

#define LONG_VALUE \
	"/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456" \
	"789" \
	"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"89"

Test(conf, errors_name_file_line_option_and_what_is_allowed)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "\nmax-oders = 3\n", "certd.conf:2: max-oders: unknown option; did you mean 'max-orders'?" },
		{ "scopes = ops\n", "certd.conf:1: scopes: 'ops' is not GROUP:domain=PATTERN, "
				    "GROUP:provider=NAME or GROUP:label=LABEL" },
		{ "frobnicate = 3\n", "certd.conf:1: frobnicate: unknown option" },
		{ "max-orders = 0\n", "certd.conf:1: max-orders: '0' is not a number from 1 to 100" },
		{ "max-orders = 3x\n", "certd.conf:1: max-orders: '3x' is not a number from 1 to 100" },
		{ "max-orders = 99999999999999999999\n",
			"certd.conf:1: max-orders: '99999999999999999999' is not a number from 1 to 100" },
		{ "renew-before = soon\n",
			"certd.conf:1: renew-before: 'soon' is not a time span from 1m to 4000d, such as 30d or "
			"12h" },
		{ "allow-other-hosts = true\n", "certd.conf:1: allow-other-hosts: 'true' is neither yes nor no" },
		{ "state = certd\n", "certd.conf:1: state: 'certd' is not an absolute path" },
		{ "webroot = /a\n\nhttp-stateless = yes\n",
			"certd.conf:3: http-stateless: certd does not answer http-01 itself then: remove http-listen "
			"and webroot, or http-stateless" },
		{ "http-stateless = yes\nhttp-listen = [::]:80\n",
			"certd.conf:1: http-stateless: certd does not answer http-01 itself then: remove http-listen "
			"and webroot, or http-stateless" },
		{ "webroot = www\n", "certd.conf:1: webroot: 'www' is not an absolute path, with "
				     "names behind it or without" },
		{ "webroot = /a, /b\twww.example.com\n",
			"certd.conf:1: webroot: '/b www.example.com' contains a tab: separate the path "
			"and the names by blanks" },
		{ "webroot = /a, /b www.example.com *.*.example.com\n",
			"certd.conf:1: webroot: /b: '*.*.example.com': only one '*' is allowed; "
			"it matches all names below" },
		{ "log-level = loud\n",
			"certd.conf:1: log-level: 'loud' is not one of error, warning, notice, info, debug" },
		{ "proxy =\n", "certd.conf:1: proxy: does not have a value" },
		{ "workers = 1\n\nworkers = 2\n", "certd.conf:3: workers: already set in line 1" },
		{ "# x\n[certd]\n", "certd.conf:2: sections are not allowed" },
		{ "workers = 1\nnonsense\nworkers = 2\n", "certd.conf:2: expected 'option = value' or a comment" },
		{ "nonsense\n", "certd.conf:1: expected 'option = value' or a comment" },
		{ "#\nstate = " LONG_VALUE "\n", "certd.conf:2: the line is longer than 197 octets" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct conf conf;

		cr_expect_eq(read_text(&conf, cases[i].text, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, ERROR_CONFIG, "%s", cases[i].text);
		cr_expect_str_eq(err.message, cases[i].message);
		conf_clear(&conf);
	}
}

Test(conf, the_longest_line_arrives_whole)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char text[CONF_MAX_LINE + 1] = "state = /";
	struct conf conf;

	memset(text + strlen(text), 'x', CONF_MAX_LINE - strlen(text));
	cr_assert_eq(read_text(&conf, text, &err), 0, "%s", err.message);
	cr_expect_str_eq(conf.state_dir, text + strlen("state = "));
	conf_clear(&conf);
}

Test(conf, nul_octets_are_no_configuration)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct conf conf;

	conf_init(&conf);
	cr_expect_eq(conf_read(&conf, "workers = 1\0", 12, "x", &err), -1);
	cr_expect_eq(err.code, ERROR_CONFIG);
	conf_clear(&conf);
}

Test(conf, a_missing_file_is_told_apart)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct conf conf;

	conf_init(&conf);
	cr_expect_eq(conf_read_file(&conf, "/nonexistent/certd.conf", &err), -1);
	cr_expect_eq(err.code, ERROR_NOT_FOUND);
	conf_clear(&conf);
}

Test(conf, help_has_a_line_for_each_option)
{
	_cleanup_buf_ struct buf help = BUF_INIT;

	conf_help(&help);
	cr_expect_not_null(strstr(buf_str(&help), "renew-before = SPAN\n"));
	cr_expect_not_null(strstr(buf_str(&help), "(default: 30d)"));
	for (const char *line = buf_str(&help); *line; line += strcspn(line, "\n") + 1) {
		size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789-");

		cr_expect(name && strncmp(line + name, " = ", 3) == 0, "%.40s", line);
		line += strcspn(line, "\n") + 1;
		cr_expect_eq(strspn(line, " "), 4, "%.40s", line);
	}
}

Test(conf, options_that_need_a_restart_keep_their_values_and_are_named)
{
	static const struct {
		const char *before, *after, *changed;
	} cases[] = {
		{ "", "", "" },
		{ "", "log-level = debug\nrenew-before = 1d\nscopes = a:domain=b.example\nadmin-groups = x\n", "" },
		{ "http-listen = [::]:80\n", "http-listen = [::]:80, 0.0.0.0:80\n", "http-listen" },
		{ "http-listen = [::]:80\n", "", "http-listen" },
		{ "webroot = /a, /b\n", "webroot = /a\nwebroot = /b\n", "" },
		{ "proxy = http://a\n", "", "proxy" },
		{ "", "workers = 3\nrest-plain = yes\nstate = /other\n", "state, rest-plain, workers" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist changed = STRLIST_INIT;
		_cleanup_free_ char *names = NULL;
		struct conf running, new, again;

		cr_assert_eq(read_text(&running, cases[i].before, NULL), 0);
		cr_assert_eq(read_text(&again, cases[i].before, NULL), 0);
		cr_assert_eq(read_text(&new, cases[i].after, NULL), 0);
		conf_keep_started(&new, &running, &changed);
		names = strlist_join(&changed, ", ");
		cr_expect_str_eq(names, cases[i].changed);
		strlist_clear(&changed);
		conf_keep_started(&new, &again, &changed);
		cr_expect_eq(changed.count, 0, "the values that were in effect still are: %s", cases[i].after);
		conf_clear(&running);
		conf_clear(&again);
		conf_clear(&new);
	}
}

Test(conf, only_a_file_that_was_not_asked_for_may_be_missing)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct conf conf;

	conf_init(&conf);
	cr_expect_eq(conf_read_file(&conf, "/nonexistent/certd.conf", &err), -1);
	conf.is_file_optional = true;
	cr_expect_eq(conf_read_file(&conf, "/nonexistent/certd.conf", NULL), 0);
	conf_clear(&conf);
}
