/* The table of consumer kinds. */
#include "daemon/rollout/consumer_kind.h"

#include "common/api/api.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ROW(kind, help) { #kind, &consumer_kind_##kind },
static const struct {
	const char *word;
	const struct consumer_kind *kind;
} rows[] = { CONSUMER_KINDS(ROW) };

Test(consumer_kind, each_row_is_found_by_the_word_that_the_api_takes)
{
	const struct api_field *activate = api_field_find(api_resources[API_CONSUMER].properties, "activate");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct consumer c = { .activate = (char *)rows[i].word };

		cr_expect_str_eq(rows[i].kind->name, rows[i].word);
		cr_expect_str_eq(activate->values[i], rows[i].word);
		cr_expect_eq(consumer_kind_of(&c), rows[i].kind, "%s", rows[i].word);
		cr_expect_not_null(strstr(activate->help, rows[i].word), "%s", activate->help);
	}
	cr_expect_null(activate->values[ARRAY_SIZE(rows)]);
}

Test(consumer_kind, what_is_not_given_or_not_known_is_the_default)
{
	cr_expect_eq(consumer_kind_of(&(struct consumer){ .activate = NULL }), rows[0].kind);
	cr_expect_eq(consumer_kind_of(&(struct consumer){ .activate = (char *)"of-a-later-certd" }), rows[0].kind);
}

Test(consumer_kind, only_programs_can_be_run_for_each_certificate_or_for_a_batch)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_program = strcmp(rows[i].word, "exec") == 0;
		_cleanup_consumer_ struct consumer c = { .activate = xstrdup(rows[i].word) };

		cr_expect_eq(consumer_is_batch(&c), rows[i].kind->is_batch, "%s", rows[i].word);
		setting_put_flag(&c.settings, "batch", true);
		cr_expect_eq(consumer_is_batch(&c), rows[i].kind->is_batch || is_program, "%s", rows[i].word);
	}
}

/* The setting @name, of @values, which are separated by blanks; with "[]" after its name it is a list. */
static void
put_words(struct consumer *c, const char *name, const char *values)
{
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_free_ char *text = xstrdup(values);
	char *rest = text;

	if (!strchr(name, '[')) {
		setting_put(&c->settings, name, values);
		return;
	}
	for (const char *word; (word = strsep(&rest, " "));)
		strlist_add(&list, word);
	rest = xstrndup(name, strcspn(name, "["));
	setting_put_list(&c->settings, rest, &list);
	free(rest);
}

Test(consumer_kind, settings_that_a_kind_needs_are_asked_for_by_it)
{
	static const struct {
		const char *kind, *name, *value; /* name NULL: without settings */
		const char *field;               /* NULL: it is good */
		const char *layout;
	} cases[] = {
		{ "none", NULL, NULL, NULL, NULL },
		{ "notify", "socket", "/run/app/notify", NULL, NULL },
		{ "notify", "socket", "@app", NULL, NULL },
		{ "notify", NULL, NULL, "socket", NULL },
		{ "notify", "socket", "run/app/notify", "socket", NULL },
		{ "exec", "command[]", "/bin/true", NULL, NULL },
		{ "exec", "command[]", "true", "command", NULL },
		{ "exec", NULL, NULL, "command", NULL },
		{ "signal", "pidFile", "/run/not-there-yet.pid", NULL, NULL },
		{ "unit", "unit", "certd-reload-app.service", NULL, NULL },
		{ "unit", "unit", "certd-reload@app.service", NULL, NULL },
		{ "unit", "unit", "certd-reload@.service", "unit", NULL },
		{ "unit", "unit", "app.socket", "unit", NULL },
		{ "unit", "unit", "../app.service", "unit", NULL },
		{ "unit", "unit", ".service", "unit", NULL },
		{ "unit", NULL, NULL, "unit", NULL },
		{ "signal", NULL, NULL, "pidFile", NULL },
		{ "signal", "signal", "HUP", "pidFile", NULL },
		{ "haproxy", "sockets[]", "/run/haproxy/admin.sock", NULL, NULL },
		{ "haproxy", "sockets[]", "/run/haproxy/admin.sock haproxy.sock", "sockets", NULL },
		{ "haproxy", NULL, NULL, "sockets", NULL },
		{ "haproxy", "sockets[]", "/run/haproxy/admin.sock", "layout", "lego" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_consumer_ struct consumer c = { .activate = xstrdup(cases[i].kind) };
		_cleanup_error_ struct error err = ERROR_INIT;

		c.layout = xstrdup_null(cases[i].layout);
		if (cases[i].name)
			put_words(&c, cases[i].name, cases[i].value);
		cr_expect_eq(consumer_check(&c, &err), cases[i].field ? -1 : 0, "%zu", i);
		if (cases[i].field)
			cr_expect_str_eq(err.field, cases[i].field, "%zu", i);
	}
}

Test(consumer_kind, each_setting_of_a_kind_is_a_property_that_a_record_can_hold)
{
	for (size_t i = 0; i < consumer_kinds.count; i++) {
		const struct api_kind *kind = &consumer_kinds.items[i];

		for (const struct api_field *s = kind->settings; s->name; s++) {
			const struct api_field *property = api_field_find(
				api_resources[API_CONSUMER].properties, s->name);

			cr_assert_not_null(property, "%s: %s", kind->name, s->name);
			cr_expect_eq(property->type, s->type, "%s: %s", kind->name, s->name);
			cr_expect(s->type != API_INT && s->type != API_SPAN && s->type != API_LIST, "%s", s->name);
			cr_expect_not_null(strstr(property->help, kind->name), "%s", property->help);
		}
	}
}
