#include "ctl/declare/tsig_file.h"

#include "common/error.h"

#include <criterion/criterion.h>

#define SECRET "8GbeAN1a2FbIpDVJwm1nTmj0dyLx1jT8y4mkSbAbHF0="

Test(tsig_file, every_tool_s_form_is_understood)
{
	static const struct {
		const char *text, *name, *algorithm;
	} cases[] = {
		{ "key \"certd-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n", "certd-key",
			"hmac-sha256" },
		{ "# comment\n/* key x */ key certd-key { // secret y\n  algorithm HMAC-SHA512; "
		  "secret " SECRET "; };",
			"certd-key", "hmac-sha512" },
		{ "# hmac-sha256:certd-key:" SECRET
		  "\nkey:\n  - id: certd-key\n    algorithm: hmac-sha256\n    secret: " SECRET "\n",
			"certd-key", "hmac-sha256" },
		{ "hmac-sha384:certd-key:" SECRET "\n", "certd-key", "hmac-sha384" },
		{ "certd-key:" SECRET, "certd-key", NULL },
		{ SECRET "\n", NULL, NULL },
		{ "key \"certd-key\" {\r\n\talgorithm hmac-sha256;\r\n\tsecret \"" SECRET "\";\r\n};\r\n", "certd-key",
			"hmac-sha256" },
		{ "Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: " SECRET "\nBits: AAA=\n", NULL,
			"hmac-sha256" },
		{ "Private-key-format: v1.2\r\nAlgorithm: 165 (HMAC_SHA512)\r\nKey: " SECRET "\r\n", NULL,
			"hmac-sha512" },
		{ "Private-key-format: v1.3\nKey: " SECRET "\n", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tsig_file file;

		cr_assert_eq(tsig_file_read(cases[i].text, &file, NULL), 0, "%s", cases[i].text);
		cr_expect_str_eq(file.secret, SECRET, "%s", cases[i].text);
		cr_expect_str_eq(file.name ? file.name : "-", cases[i].name ? cases[i].name : "-", "%s", cases[i].text);
		cr_expect_str_eq(file.algorithm ? file.algorithm : "-", cases[i].algorithm ? cases[i].algorithm : "-",
			"%s", cases[i].text);
		tsig_file_clear(&file);
	}
}

Test(tsig_file, a_file_without_a_key_is_refused)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment", "key \"x\" { algorithm y; };", "a b c",
		"a:b:c:d", "secret", "::" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct tsig_file file;
		int rc = tsig_file_read(texts[i], &file, &err);

		/* one bare word is taken for the secret: whether it is base64, certd says */
		cr_expect_eq(rc, i == 6 ? 0 : -1, "%s", texts[i]);
		if (rc == 0)
			tsig_file_clear(&file);
	}
}
