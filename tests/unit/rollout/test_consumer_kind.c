/* The table of consumer kinds. */
#include "daemon/rollout/consumer_kind.h"

#include "common/api/api.h"

#include <criterion/criterion.h>
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
		struct consumer c = { .activate = (char *)rows[i].word };

		cr_expect_eq(rows[i].kind->may_batch, is_program, "%s", rows[i].word);
		cr_expect_eq(consumer_is_batch(&c), rows[i].kind->is_batch, "%s", rows[i].word);
		c.is_batch = true;
		cr_expect_eq(consumer_is_batch(&c), rows[i].kind->is_batch || is_program, "%s", rows[i].word);
	}
}

Test(consumer_kind, settings_that_a_kind_needs_are_asked_for_by_it)
{
	static char *program[] = { (char *)"/bin/true" };
	static char *sockets[] = { (char *)"/run/haproxy/admin.sock", (char *)"haproxy.sock" };
	static const struct {
		struct consumer consumer;
		const struct consumer_kind *kind;
		const char *field; /* NULL: it is good */
	} cases[] = {
		{ { .socket = (char *)"/run/app/notify" }, &consumer_kind_notify, NULL },
		{ { .socket = (char *)"@app" }, &consumer_kind_notify, NULL },
		{ { .socket = NULL }, &consumer_kind_notify, "properties.socket" },
		{ { .socket = (char *)"run/app/notify" }, &consumer_kind_notify, "properties.socket" },
		{ { .command = { .items = program, .count = 1 } }, &consumer_kind_exec, NULL },
		{ { .command = { .count = 0 } }, &consumer_kind_exec, "properties.command" },
		{ { .pid_file = (char *)"/run/not-there-yet.pid" }, &consumer_kind_signal, NULL },
		{ { .unit = (char *)"certd-reload-app.service" }, &consumer_kind_unit, NULL },
		{ { .unit = (char *)"certd-reload@app.service" }, &consumer_kind_unit, NULL },
		{ { .unit = (char *)"certd-reload@.service" }, &consumer_kind_unit, "properties.unit" },
		{ { .unit = (char *)"app.socket" }, &consumer_kind_unit, "properties.unit" },
		{ { .unit = (char *)"../app.service" }, &consumer_kind_unit, "properties.unit" },
		{ { .unit = (char *)".service" }, &consumer_kind_unit, "properties.unit" },
		{ { .unit = NULL }, &consumer_kind_unit, "properties.unit" },
		{ { .pid_file = NULL }, &consumer_kind_signal, "properties.pidFile" },
		{ { .sockets = { .items = sockets, .count = 1 } }, &consumer_kind_haproxy, NULL },
		{ { .sockets = { .items = sockets, .count = 2 } }, &consumer_kind_haproxy, "properties.sockets" },
		{ { .sockets = { .count = 0 } }, &consumer_kind_haproxy, "properties.sockets" },
		{ { .sockets = { .items = sockets, .count = 1 }, .layout = (char *)"lego" }, &consumer_kind_haproxy,
			"properties.layout" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(cases[i].kind->check(&cases[i].consumer, &err), cases[i].field ? -1 : 0, "%zu", i);
		if (cases[i].field)
			cr_expect_str_eq(err.field, cases[i].field, "%zu", i);
	}
}
