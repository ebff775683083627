#include "ctl/migrate/settings.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(settings, shell_assignments_are_read_and_nothing_is_evaluated)
{
	static const struct {
		const char *text, *value; /* of A; NULL: none */
	} cases[] = {
		{ "A='one two'", "one two" },
		{ "A=\"one two\"  # comment", "one two" },
		{ "  export A=word; B=x", "word" },
		{ "A=word # comment", "word" },
		{ "A='$(reboot) `reboot`'", "$(reboot) `reboot`" }, /* literal, as for the shell */
		{ "A='first'\nA='last'", "last" },
		{ "A='first'\nA=$(reboot)", NULL }, /* not the value that the shell would have */
		{ "A=\"`reboot`\"", NULL },
		{ "A=\"a\\\"b\"", NULL },
		{ "A='one'two", NULL },
		{ "A='open", NULL },
		{ "#A=1", NULL },
		{ "if [ A=1 ]; then", NULL },
		{ "A=", NULL },
		{ "A=\r\n", NULL },
		{ "A='x'\r\n", "x" },
		{ "=x", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *settings = settings_of_shell(cases[i].text);
		const char *value = settings_get(settings, "A");

		cr_expect(
			(!value && !cases[i].value) || (value && cases[i].value && strcmp(value, cases[i].value) == 0),
			"%s: %s", cases[i].text, value ? value : "none");
	}
}

Test(settings, ini_has_sections_within_a_section)
{
	_cleanup_json_ struct json_object *settings = settings_of_ini(
		"# renew_before_expiry = 30 days\n"
		"version = 2.1.0\n\n[renewalparams]\n"
		"server = https://ca.example/?a=b\n empty =\nbroken\n"
		"[[webroot_map]]\nwww.example.com = /var/www\n"
		"[more]\nlast = 1\n[[\n");
	struct json_object *map = NULL;

	cr_expect_str_eq(settings_get(settings, "version"), "2.1.0");
	cr_expect_str_eq(settings_get(settings, "server"), "https://ca.example/?a=b");
	cr_expect_str_eq(settings_get(settings, "last"), "1");
	cr_expect_null(settings_get(settings, "empty"));
	cr_expect_null(settings_get(settings, "renew_before_expiry"));
	cr_expect_null(settings_get(settings, "broken"));
	cr_assert(json_object_object_get_ex(settings, "webroot_map", &map));
	cr_expect_str_eq(settings_get(map, "www.example.com"), "/var/www");
}
