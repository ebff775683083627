#include "ctl/command/help.h"

#include "common/buf.h"
#include "common/ca.h"
#include "ctl/command/commands.h"
#include "ctl/command/options.h"
#include "tests/unit/ctl/scripted.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(help, every_command_has_help_that_names_its_options)
{
	for (const struct command *c = commands; c->name; c++) {
		_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS(c->name, "--help"));
		struct options options;

		cr_expect_eq(o.status, 0, "%s: %s", c->name, o.err);
		options_of(c, NULL, &options);
		for (size_t i = 0; i < options.count; i++) {
			_cleanup_free_ char *option = xasprintf("--%s", options.items[i].name);

			cr_expect_not_null(strstr(o.out, option), "%s: %s", c->name, option);
		}
		options_clear(&options);
	}
}

Test(help, the_list_of_commands_keeps_usage_and_meaning_apart)
{
	_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS("help"));

	for (const struct command *c = commands; c->name; c++) {
		_cleanup_free_ char *meaning = xasprintf("  %s\n", c->help);

		cr_expect_not_null(strstr(o.out, meaning), "%s: %s", c->name, o.out);
	}
}

Test(help, help_wins_over_what_is_wrong_or_missing)
{
	static const struct {
		const char *words[6];
	} cases[] = {
		{ { "add-auto", "--help" } },
		{ { "add-auto", "-h", "--nonsense" } },
		{ { "set", "auto", "--help" } },
		{ { "help", "set", "auto" } },
		{ { "--help" } },
		{ { "help" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, cases[i].words);

		cr_expect_eq(o.status, 0, "%zu: %s", i, o.err);
		cr_expect_str_not_empty(o.out);
	}
}

Test(help, no_option_of_a_command_means_two_things)
{
	for (const struct command *c = commands; c->name; c++) {
		for (size_t r = 0; r <= API_RESOURCE_COUNT; r++) {
			const struct api_resource *resource = r < API_RESOURCE_COUNT ? &api_resources[r] : NULL;
			struct options options;

			options_of(c, resource, &options);
			for (size_t i = 0; i < options.count; i++)
				for (size_t j = 0; j < i; j++)
					cr_expect_str_neq(options.items[i].name, options.items[j].name, "%s", c->name);
			options_clear(&options);
		}
	}
}

static char *
man_part(const char *part)
{
	_cleanup_outcome_ struct outcome o = run_certctl(NULL, 0, WORDS("help", "man", part));
	char *text = xstrdup(o.out);

	cr_expect_eq(o.status, 0, "%s", o.err);
	return text;
}

/* As man(7) has it; owned by the caller. */
static char *
escaped(const char *prefix, const char *text)
{
	struct buf b = BUF_INIT;

	buf_add_str(&b, prefix);
	for (; *text; text++) {
		if (*text == '-')
			buf_add_char(&b, '\\');
		buf_add_char(&b, *text);
	}
	return buf_steal(&b);
}

Test(help, the_man_page_has_every_command_server_and_exit_status)
{
	_cleanup_free_ char *all = man_part("commands");
	_cleanup_free_ char *servers = man_part("servers");
	_cleanup_free_ char *statuses = man_part("exit");

	for (const struct command *c = commands; c->name; c++) {
		_cleanup_free_ char *heading = escaped(".SS ", c->name);

		cr_expect_not_null(strstr(all, heading), "%s", c->name);
	}
	for (size_t i = 0; ca_at(i); i++) {
		_cleanup_free_ char *heading = escaped(".TP\n.B ", ca_at(i)->alias);

		cr_expect_not_null(strstr(servers, heading), "%s", ca_at(i)->alias);
	}
	for (int code = 1; code < ERROR_CODE_COUNT; code++) {
		_cleanup_free_ char *status = xasprintf(".TP\n.B %d\n", error_exit_status((enum error_code)code));
		_cleanup_free_ char *word = xasprintf("%s: ", error_code_name((enum error_code)code));
		_cleanup_free_ char *meaning = escaped(word, error_code_meaning((enum error_code)code));

		cr_expect_not_null(strstr(statuses, status), "%s", status);
		cr_expect_not_null(strstr(statuses, strchr(meaning, ':')), "%s", meaning);
	}
}

Test(help, the_man_page_fills_text_and_keeps_the_lines_of_examples)
{
	_cleanup_free_ char *all = man_part("commands");

	cr_expect_not_null(strstr(all, ".PP\n.nf\n  certctl dump > site.yaml\n"));
	cr_expect_not_null(strstr(all, ".PP\nShows the differences, then"), "text is not in .nf");
}

Test(complete, candidates_come_from_the_tables_and_names_from_certd)
{
	static const struct exchange names[] = {
		{ "autoCertificate.list",
			"{\"items\":[{\"properties\":{\"name\":\"www\"}},{\"properties\":{\"name\":\"*."
			"example.com\"}}]}",
			{ NULL } },
	};
	static const struct {
		const char *words[8];
		const char *has, *has_not;
	} cases[] = {
		{ { "complete", "--", "add-" }, "add-provider\t", "list\t" },
		{ { "complete", "--", "--so" }, "--socket\t", "--output\t" },
		{ { "complete", "--", "-o", "j" }, "json\t", "text\t" },
		{ { "complete", "--", "list", "" }, "consumer\t", "www" },
		{ { "complete", "--", "add-auto", "--ch" }, "--challenge\t", "--cn\t" },
		{ { "complete", "--", "add-auto", "--challenge", "" }, "dns-01\t", "--" },
		{ { "complete", "--", "add-auto", "--challenge", "=" }, "dns-01\t", "--" },
		{ { "complete", "--", "add-auto", "--challenge", "=", "d" }, "dns-01\t", "http" },
		{ { "complete", "--", "add-auto", "--key-algorithms", "secp256r1,rsa2" }, "rsa2048\t", "ed25519" },
		{ { "complete", "--", "add-provider", "--server", "goo" }, "google\t", "zerossl" },
		{ { "complete", "--", "list", "auto", "--columns", "name,lastE" }, "name,lastError.code\t", "\nlast" },
		{ { "complete", "--", "list", "--sort", "not" }, "notAfter\t", "name\t" },
		{ { "complete", "--", "set", "dns", "ns1", "--unset", "t" }, "tsig-name\t", "zone\t" },
		{ { "complete", "--", "apply", "-f", "" }, ":files\n", "--" },
		{ { "complete", "--", "add-provider", "--ca-file", "" }, ":files\n", "\t" },
		{ { "complete", "--", "set", "auto", "www", "--no-" }, "--no-reuse-key\t", "--name" },
		{ { "complete", "--", "renew", "" }, "*.example.com\t", "provider" },
		{ { "complete", "--", "show", "auto", "w" }, "www\t", "*.example.com" },
		{ { "complete", "--", "set", "auto", "www", "" }, "", "www" },
		{ { "complete", "--", "renew", "www", "" }, "www\t", "provider" },
		{ { "complete", "--", "call", "autoCertificate.re" }, "autoCertificate.renew\torder a new", "pause" },
		{ { "complete", "--", "help", "add-" }, "add-auto\t", "list" },
		{ { "complete", "--", "help", "set", "" }, "consumer\t", "www" },
		{ { "complete", "--", "help", "set", "auto", "" }, "", "www" },
		{ { "complete", "--", "explain", "" }, "consumer\t", "\nrenew" },
		{ { "complete", "--", "explain", "w" }, "www\t", "consumer" },
		{ { "complete", "--", "explain", "auto", "" }, "www\t", "consumer" },
		{ { "complete", "--", "list", "--auto", "w" }, "", "\t" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(names, 1, cases[i].words);

		cr_expect_eq(o.status, 0, "%zu: %s", i, o.err);
		cr_expect_not_null(strstr(o.out, cases[i].has), "%zu: %s", i, o.out);
		cr_expect_null(strstr(o.out, cases[i].has_not), "%zu: %s", i, o.out);
	}
}

Test(complete, candidates_can_be_told_apart_by_what_is_known_about_them)
{
	static const struct exchange names[] = {
		{ "provider.list",
			"{\"items\":[{\"properties\":{\"name\":\"le\",\"server\":\"letsencrypt\"},"
			"\"metadata\":{\"state\":\"AVAILABLE\"}},{\"properties\":{\"name\":\"test\",\"server\":"
			"\"google\"},\"metadata\":{\"state\":\"FAILED\"}}]}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(names, 1, WORDS("complete", "--", "show", "provider", ""));
	_cleanup_outcome_ struct outcome list = run_certctl(
		names, 1, WORDS("complete", "--", "add-token", "--provider", "le,t"));

	cr_expect_str_eq(o.out, "le\tAVAILABLE, letsencrypt\ntest\tFAILED, google\n");
	cr_expect_str_eq(list.out, "le,test\tFAILED, google\n");
}
