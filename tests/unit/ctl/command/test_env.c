/* What a daemon that was taken over answers must not become words of a shell, nor variables that were not meant. */
#include "tests/unit/ctl/scripted.h"

#include <criterion/criterion.h>
#include <string.h>

#define BEGIN(label) "-----BEGIN " label "-----\n"
#define END(label) "-----END " label "-----\n"
#define CERT BEGIN("CERTIFICATE") "QUFB\n" END("CERTIFICATE")
#define KEY BEGIN("PRIVATE KEY") "QkJC\n" END("PRIVATE KEY")
#define OBJECT(cn) "{\"id\":\"c1\",\"metadata\":{\"commonName\":\"" cn "\"},\"properties\":{\"name\":\"shop\"}}"
#define VARIABLE(name, value) "export LE_CERTIFICATE_" name "='" value "'\n"

static struct outcome
env(const char *object, const char *key, const char *certificate)
{
	_cleanup_free_ char *key_passed = xasprintf(">%s", key);
	_cleanup_free_ char *certificate_passed = xasprintf(">%s", certificate);
	const struct exchange script[] = {
		{ "certificate.get", object, { NULL } },
		{ "certificate.export", "{}", { key_passed } },
		{ "certificate.export", "{}", { certificate_passed } },
	};

	return run_certctl(script, ARRAY_SIZE(script), WORDS("env", "shop"));
}

Test(env, prints_three_quoted_variables)
{
	_cleanup_outcome_ struct outcome o = env(OBJECT("a.example"), KEY, CERT CERT);

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, VARIABLE("a_example_PRIVATE_KEY", KEY) VARIABLE("a_example_CERTIFICATE", CERT CERT)
					VARIABLE("a_example_BUNDLE", CERT CERT KEY));
}

Test(env, prints_nothing_of_an_answer_that_is_not_pem)
{
	static const struct {
		const char *key, *certificate;
	} attacks[] = {
		{ "'; touch /tmp/x; '", CERT },
		{ KEY, "'; touch /tmp/x; '" },
		{ KEY, "" },
		{ BEGIN("PRIVATE KEY") "QkJC'; id; '\n" END("PRIVATE KEY"), CERT },
		{ BEGIN("PRIVATE KEY") "A: 1'; id; '\n\nQkJC\n" END("PRIVATE KEY"), CERT },
		{ BEGIN("X'$(id)' PRIVATE KEY") "QkJC\n" END("X'$(id)' PRIVATE KEY"), CERT },
		{ KEY, BEGIN("CERTIFICATE") "QUFB'`id`'\n" END("CERTIFICATE") },
		{ KEY, BEGIN("CERTIFICATE") "QUFB\n" },
		{ KEY KEY, CERT },
		{ CERT, CERT },
		{ KEY, KEY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		_cleanup_outcome_ struct outcome o = env(OBJECT("a.example"), attacks[i].key, attacks[i].certificate);

		cr_expect_neq(o.status, 0, "%zu", i);
		cr_expect_str_empty(o.out, "%zu: %s", i, o.out);
		cr_expect(strstr(o.err, "certd's answer"), "%zu: %s", i, o.err);
	}
}

Test(env, prints_nothing_of_what_is_around_the_blocks)
{
	static const char evil[] = "'; touch /tmp/x; '\n\033[2J";
	_cleanup_free_ char *key = xasprintf("%s%s%s", evil, KEY, evil);
	_cleanup_free_ char *certificate = xasprintf("%s%s%s", evil, CERT, evil);
	_cleanup_outcome_ struct outcome o = env(OBJECT("a.example"), key, certificate);

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, VARIABLE("a_example_PRIVATE_KEY", KEY) VARIABLE("a_example_CERTIFICATE", CERT)
					VARIABLE("a_example_BUNDLE", CERT KEY));
}

Test(env, makes_a_word_of_any_common_name)
{
	static const struct {
		const char *object, *word;
	} names[] = {
		{ OBJECT("*.a-b.example"), "__a_b_example" },
		{ OBJECT("x=$(id);'`id`' y\\nz"), "x___id____id___y_z" },
		{ OBJECT("\xc3\xa9.example"), "___example" },
		{ "{\"id\":\"c1\"}", "" },
		{ "{\"id\":\"c1\",\"metadata\":{\"commonName\":[1]}}", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_outcome_ struct outcome o = env(names[i].object, KEY, CERT);
		_cleanup_free_ char *want = xasprintf(
			"export LE_CERTIFICATE_%s_PRIVATE_KEY='" BEGIN("PRIVATE KEY"), names[i].word);

		cr_expect_eq(strncmp(o.out, want, strlen(want)), 0, "%zu: %s", i, o.out);
	}
}

Test(env, suggested_commands_and_candidates_are_harmless_words)
{
	static const struct exchange no_certificate[] = {
		{ "certificate.get", "!{\"code\":-32000,\"message\":\"none\",\"data\":{\"code\":\"not-found\"}}",
			{ NULL } },
		{ "autoCertificate.get", "{\"id\":\"a1\"}", { NULL } },
	};
	static const struct exchange names[] = {
		{ "autoCertificate.list",
			"{\"items\":[{\"properties\":{\"name\":\"good.example\"}},"
			"{\"properties\":{\"name\":\"$(id)\"}},"
			"{\"properties\":{\"name\":\"*.good.example\"}},{\"properties\":{\"name\":\"*.a;id\"}},"
			"{\"properties\":{\"name\":\"a\\nb\"}},{\"properties\":{\"name\":\"-rf\"}}]}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome suggested = run_certctl(no_certificate, 2, WORDS("env", "x'; id"));
	_cleanup_outcome_ struct outcome offered = run_certctl(names, 1, WORDS("complete", "renew", ""));

	cr_expect(strstr(suggested.err, "certctl explain 'x'\\''; id'"), "%s", suggested.err);
	cr_expect(strstr(offered.out, "good.example\t"), "%s", offered.out);
	cr_expect(strstr(offered.out, "*.good.example\t"), "%s", offered.out);
	cr_expect_eq(strspn(offered.out, "abcdefghijklmnopqrstuvwxyz.*-\t\n "), strlen(offered.out), "%s", offered.out);
	cr_expect_null(strstr(offered.out, "-rf"), "%s", offered.out);
	cr_expect_null(strstr(offered.out, ";"), "%s", offered.out);
}
