#include "tests/unit/ctl/scripted.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
usage(void)
{
	return error_exit_status(ERROR_USAGE);
}

Test(args, what_is_wrong_is_said_before_anybody_is_asked)
{
	static const struct {
		const char *words[8];
		const char *says;
	} cases[] = {
		{ { NULL }, "no command was given" },
		{ { "stauts" }, "unknown command 'stauts'; did you mean 'status'?" },
		{ { "frobnicate" }, "unknown command 'frobnicate'\ncertctl: see: certctl help" },
		{ { "list", "autos", "x" }, "list: unexpected word 'x'" },
		{ { "list", "provder" }, "list: 'provder' is not one of provider, auto, cert, dns, consumer, token, "
					 "authorization; did you mean 'provider'?" },
		{ { "show" }, "show: the kind of object is missing; write: certctl show NOUN NAME" },
		{ { "register", "--agree-tos" },
			"register: an e-mail address is required; write: certctl register you@example.com" },
		{ { "authorize", "a.example", "b.example" },
			"authorize: exactly one name is required; write: certctl authorize DOMAIN" },
		{ { "authorize", "_.a.example" }, "'_.a.example' cannot be in a certificate; did the shell" },
		{ { "get" }, "get: a name is required; write: certctl get DOMAIN..." },
		{ { "show", "auto" }, "show: the name of the auto is missing; write: certctl show auto NAME" },
		{ { "set", "auto", "a", "b" }, "set: unexpected word 'b'" },
		{ { "renew" }, "renew: NAME is missing; write: certctl renew NAME" },
		{ { "set", "--san", "x" },
			"--san depends on the kind of object; write that first: certctl set NOUN NAME" },
		{ { "set", "auto", "www" }, "set: a property is required\ncertctl: see: certctl set auto --help\n" },
		{ { "set", "dns", "ns1", "--kind", "exec" }, "--kind cannot be changed later: declare another dns" },
		{ { "set", "cert", "www", "--x", "x" }, "unknown option --x\ncertctl: see: certctl set cert --help\n" },
		{ { "set", "token", "ci", "--x", "x" },
			"unknown option --x\ncertctl: see: certctl set token --help\n" },
		{ { "add-token", "--name", "ci" }, "add-token: --role VALUE is missing (role of its bearer)" },
		{ { "set", "authorization", "www" }, "set: certd creates and deletes each authorization itself" },
		{ { "add-auto", "--cn", "a.example" },
			"add-auto: --provider PROVIDER is missing (CA account that issues the certificate)" },
		{ { "add-auto", "--chalenge", "x" }, "unknown option --chalenge; did you mean --challenge?" },
		{ { "add-auto", "--cn" }, "--cn needs a value: DOMAIN" },
		{ { "add-auto", "--cn", "--san", "x" }, "--cn needs a value: DOMAIN" },
		{ { "add-auto", "--cn", "a", "--cn", "b" }, "--cn: is given twice" },
		{ { "add-auto", "--reuse-key=yes" }, "--reuse-key takes no value" },
		{ { "add-consumer", "--probe", "host" },
			"--probe: 'host' is not [PROTOCOL://]HOST:PORT[,SNI][@ADDRESS,...]" },
		{ { "add-consumer", "--probe", "host:x" }, "--probe: 'x' is not a whole number" },
		{ { "add-consumer", "--probe", "host:1,a,b" },
			"--probe: 'host:1,a,b': too many values after the last ','" },
		{ { "add-provider", "--max-orders", "3x" }, "--max-orders: '3x' is not a whole number" },
		{ { "-o", "xml", "status" }, "-o: 'xml' is not one of text, json, keyvalue" },
		{ { "-x" }, "unknown option -x" },
		{ { "call", "provider.lst" }, "unknown method 'provider.lst'; did you mean 'provider.list'?" },
		{ { "renew", "www", "--timeout", "soon", "--no-wait=1" }, "--no-wait takes no value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, cases[i].words);

		cr_expect_eq(o.status, usage(), "%s: %d", cases[i].says, o.status);
		cr_expect_not_null(strstr(o.err, cases[i].says), "%s: %s", cases[i].says, o.err);
		cr_expect_str_empty(o.out);
	}
}

Test(args, a_name_that_the_shell_made_of_a_star_is_refused_with_the_hint)
{
	static const struct {
		const char *words[8];
	} cases[] = {
		{ { "add-auto", "--provider", "le", "--cn", "_.example.com" } },
		{ { "add-auto", "--provider", "le", "--cn=_.example.com" } },
		{ { "add-auto", "--provider", "le", "--cn", "x.example", "--san", "_.example.com" } },
		{ { "set", "auto", "www", "--san", "_.example.com" } },
		{ { "add-auto", "--provider", "le", "--cn", "a.example.com", "b.example.com" } },
		{ { "add-auto", "b.example.com", "--provider", "le", "--cn", "a.example.com" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, cases[i].words);

		cr_expect_eq(o.status, usage());
		cr_expect_not_null(
			strstr(o.err, "did the shell expand *? Write '*.example.com' in quotes"), "%s", o.err);
	}
}

Test(args, a_wildcard_arrives_as_it_was_written)
{
	static const struct exchange script[] = {
		{ "autoCertificate.create", "{\"id\":\"1\",\"properties\":{\"name\":\"*.example.com\"}}", { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(
		script, 1, WORDS("add-auto", "--provider", "le", "--cn", "*.example.com", "--no-wait"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.requests, "autoCertificate.create "
				     "{\"properties\":{\"provider\":\"le\",\"commonName\":\"*.example.com\"}}\n");
}

Test(args, options_become_the_values_of_the_api)
{
	static const struct {
		struct exchange exchange;
		const char *words[24];
		const char *request;
	} cases[] = {
		{ { "consumer.create", "{}", { NULL } },
			{ "add-consumer", "--name", "web", "--probe", "[::1]:443", "--probe", "h:8443,www.example.com",
				"--activate", "exec", "--command", "/bin/x", "--command", "-f" },
			"consumer.create "
			"{\"properties\":{\"name\":\"web\",\"probes\":[{\"host\":\"::1\",\"port\":443},"
			"{\"host\":\"h\",\"port\":8443,\"sni\":\"www.example.com\"}],\"activate\":\"exec\","
			"\"command\":["
			"\"/bin/x\",\"-f\"]}}\n" },
		{ { "autoCertificate.update", "{}", { NULL } },
			{ "set", "auto", "www", "--dns", "", "--san=", "--no-reuse-key", "--renew-before", "20d" },
			"autoCertificate.update {\"ref\":\"www\",\"properties\":{\"dnsProvider\":null,"
			"\"subjectAlternativeNames\":[],\"reuseKey\":false,\"renewBefore\":\"20d\"}}\n" },
		{ { "autoCertificate.renew", "{}", { NULL } }, { "renew", "www", "--force", "--no-wait" },
			"autoCertificate.renew {\"ref\":\"www\",\"force\":true}\n" },
		{ { "autoCertificate.renew", "{}", { NULL } }, { "renew", "--no-wait", "--", "-www" },
			"autoCertificate.renew {\"ref\":\"-www\"}\n" },
		{ { "provider.create", "{}", { NULL } },
			{ "add-provider", "--name", "le", "--server", "letsencrypt", "--email", "a@b.c", "--agree-tos",
				"--ca-file", "/ca.pem", "--max-orders", "4", "--no-wait" },
			"provider.create "
			"{\"properties\":{\"name\":\"le\",\"server\":\"letsencrypt\",\"email\":\"a@b.c\","
			"\"termsOfServiceAgreed\":true,\"caFile\":\"/ca.pem\",\"maxOrders\":4}}\n" },
		{ { "event.list", "{\"items\":[]}", { NULL } }, { "events", "--limit", "5", "--after", "7" },
			"event.list {\"limit\":5,\"after\":7}\n" },
		{ { "rpc.discover", "{}", { NULL } }, { "call", "rpc.discover", "{\"a\":1}" },
			"rpc.discover {\"a\":1}\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(&cases[i].exchange, 1, cases[i].words);

		cr_expect_eq(o.status, 0, "%s", o.err);
		cr_expect_str_eq(o.requests, cases[i].request);
	}
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
	cr_assert_eq(chmod(path, mode), 0);
}

Test(args, secrets_come_from_files_that_others_cannot_read)
{
	static const struct exchange script[] = { { "provider.create", "{}", { NULL } } };
	char dir[] = "/tmp/certctl-test-XXXXXX";
	_cleanup_free_ char *path = NULL;

	cr_assert_not_null(mkdtemp(dir));
	path = xasprintf("%s/eab", dir);
	for (int open_to_all = 0; open_to_all < 2; open_to_all++) {
		write_file(path, "c2VjcmV0\n", open_to_all ? 0644 : 0600);
		_cleanup_outcome_ struct outcome o = run_certctl(script, 1,
			WORDS("add-provider", "--name", "z", "--server", "zerossl", "--email", "a@b.c", "--eab-key-id",
				"k", "--eab-key-file", path, "--no-wait"));

		if (open_to_all) {
			cr_expect_eq(o.status, error_exit_status(ERROR_DENIED), "%s", o.err);
			cr_expect_not_null(strstr(o.err, "--eab-key-file: "), "%s", o.err);
			cr_expect_str_empty(o.requests);
		} else {
			cr_expect_eq(o.status, 0, "%s", o.err);
			cr_expect_str_eq(o.requests,
				"provider.create "
				"{\"properties\":{\"name\":\"z\",\"server\":\"zerossl\",\"email\":\"a@b.c\","
				"\"externalAccountBinding\":{\"keyId\":\"k\",\"keySecret\":\"c2VjcmV0\"}}}"
				"\n");
		}
	}
	unlink(path);
	rmdir(dir);
}

Test(args, a_tsig_key_file_gives_name_and_algorithm)
{
	static const struct exchange script[] = { { "dnsProvider.create", "{}", { NULL } } };
	char dir[] = "/tmp/certctl-test-XXXXXX";
	_cleanup_free_ char *path = NULL;

	cr_assert_not_null(mkdtemp(dir));
	path = xasprintf("%s/key", dir);
	write_file(path, "key \"ddns\" {\n\talgorithm hmac-sha512;\n\tsecret \"c2VjcmV0\";\n};\n", 0600);
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1,
		WORDS("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", "127.0.0.1:5353", "--tsig-key-file",
			path, "--zone", "example.com"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.requests,
		"dnsProvider.create "
		"{\"properties\":{\"name\":\"ns1\",\"kind\":\"rfc2136\",\"server\":\"127.0.0.1:5353\","
		"\"tsigKey\":\"c2VjcmV0\",\"zones\":[\"example.com\"],\"tsigName\":\"ddns\","
		"\"tsigAlgorithm\":"
		"\"hmac-sha512\"}}\n");
	unlink(path);
	rmdir(dir);
}

/* Each is a word that operators typed, and how the message lets them go on. */
Test(args, what_was_probably_meant_is_said)
{
	static const struct {
		const char *words[8];
		const char *says;
	} cases[] = {
		{ { "add-auto", "www.example.com" },
			"add-auto: unexpected word 'www.example.com'; did you mean --cn www.example.com?" },
		{ { "add-auto", "it's" }, "did you mean --cn 'it'\\''s'?" },
		{ { "add-auto", "--cn", "a.example", "b.example" }, "did the shell expand *?" },
		{ { "add-provider", "letsencrypt" }, "did you mean --server letsencrypt?" },
		{ { "add-consumer", "nginx" }, "did you mean --name nginx?" },
		{ { "import", "shop.pem" }, "did you mean --cert shop.pem?" },
		{ { "export", "shop", "shop.pem" }, "did you mean --out shop.pem?" },
		{ { "apply", "site.yaml" }, "apply: unexpected word 'site.yaml'; did you mean -f site.yaml?" },
		{ { "add", "www.example.com" },
			"add: the kind of object is missing; write one of: add-provider, add-auto" },
		{ { "add" }, "add: the kind of object is missing" },
		{ { "show", "www.example.com" },
			"show: the kind of object is missing; did you mean: certctl show auto www.example.com" },
		{ { "list", "www.example.com" }, "did you mean: certctl show auto www.example.com" },
		{ { "delte", "auto", "x" }, "unknown command 'delte'; did you mean 'rm'?" },
		{ { "set", "auto", "x", "--renew-before", "90" },
			"--renew-before: '90' has no unit: write 90s, 90m, 90h or 90d" },
		{ { "list", "--expires-before", "30" }, "--expires-before: '30' has no unit" },
		{ { "renew", "x", "--timeout", "5" }, "--timeout: '5' has no unit" },
		{ { "add-auto", "--pro", "le" }, "--pro is ambiguous: --provider or --profile" },
		{ { "add-auto", "-cn", "x" }, "unknown option -cn; did you mean --cn?" },
		{ { "help", "frobnicate" }, "unknown command 'frobnicate'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, cases[i].words);

		cr_expect_eq(o.status, usage(), "%s: %d", cases[i].says, o.status);
		cr_expect_not_null(strstr(o.err, cases[i].says), "%s: %s", cases[i].says, o.err);
		cr_expect_null(strstr(strstr(o.err, "see: ") + 1, "see: "), "one help: %s", o.err);
	}
}

Test(args, an_error_comes_before_the_help)
{
	_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, (const char *const[]){ NULL });

	cr_expect_eq(strncmp(o.err, "certctl: no command was given\n", 30), 0, "%s", o.err);
	cr_expect_not_null(strstr(o.err, "Commands:"));
}

/* Words of other programs, prefixes of options, and lists with commas are understood. */
Test(args, what_is_meant_is_sent)
{
	static const struct {
		const char *words[10];
		const char *request;
	} cases[] = {
		{ { "delete", "auto", "x" }, "autoCertificate.delete {\"ref\":\"x\"}\n" },
		{ { "remove", "autos", "x" }, "autoCertificate.delete {\"ref\":\"x\"}\n" },
		{ { "add", "consumer", "--name", "x" }, "consumer.create {\"properties\":{\"name\":\"x\"}}\n" },
		{ { "create", "consumer", "--name", "x" }, "consumer.create {\"properties\":{\"name\":\"x\"}}\n" },
		{ { "issue", "--prov", "le", "--cn", "a.b", "--san", "c.d,e.f", "--no-w" },
			"autoCertificate.create {\"properties\":{\"provider\":\"le\",\"commonName\":\"a.b\","
			"\"subjectAlternativeNames\":[\"c.d\",\"e.f\"]}}\n" },
		{ { "add-consumer", "--name", "x", "--command", "/bin/a", "--command", "b,c" },
			"consumer.create {\"properties\":{\"name\":\"x\",\"command\":[\"/bin/a\",\"b,c\"]}}\n" },
		{ { "set", "auto", "x", "--label", "a,b", "--unset", "renew-before" },
			"autoCertificate.update {\"ref\":\"x\",\"properties\":{\"labels\":[\"a\",\"b\"],"
			"\"renewBefore\":null}}\n" },
		{ { "pause", "x" }, "autoCertificate.pause {\"ref\":\"x\"}\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const struct exchange script[] = { { NULL, "{\"properties\":{\"name\":\"x\"}}", { NULL } } };
		_cleanup_outcome_ struct outcome o = run_certctl(script, 1, cases[i].words);

		cr_expect_eq(o.status, 0, "%s", o.err);
		cr_expect_str_eq(o.requests, cases[i].request);
	}
}

Test(args, each_of_several_names_is_worked_on)
{
	static const struct exchange script[] = {
		{ "autoCertificate.pause", "{\"properties\":{\"name\":\"a\"}}", { NULL } },
		{ "autoCertificate.pause",
			"!{\"code\":-32000,\"message\":\"there is no autocertificate 'b'\","
			"\"data\":{\"code\":\"not-found\"}}",
			{ NULL } },
		{ "autoCertificate.pause", "{\"properties\":{\"name\":\"c\"}}", { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 3, WORDS("pause", "a", "b", "c"));

	cr_expect_eq(o.status, error_exit_status(ERROR_NOT_FOUND), "%d", o.status);
	cr_expect_str_eq(o.err, "certctl: there is no autocertificate 'b'\n");
	cr_expect_not_null(strstr(o.out, "auto 'a'"));
	cr_expect_not_null(strstr(o.out, "auto 'c'"));
}

Test(args, the_version_has_several_names)
{
	static const char *const names[] = { "version", "--version", "-v", "-V", "--vers" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS(names[i]));

		cr_expect_eq(o.status, 0, "%s", o.err);
		cr_expect_eq(strncmp(o.out, "certctl ", 8), 0);
	}
}
