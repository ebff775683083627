#include "ctl/present/terminal.h"

#include "ctl/present/progress.h"
#include "ctl/present/table.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400)
enum { NOW = 1795257000 }; /* 2026-11-21T10:30:00Z */

static void
expect_clip(const char *text, size_t width, const char *expected)
{
	_cleanup_buf_ struct buf got = BUF_INIT;

	terminal_clip(&got, text, width);
	cr_expect_str_eq(buf_str(&got), expected);
	cr_expect_leq(terminal_width(buf_str(&got)), width);
}

Test(terminal, text_is_cut_with_an_ellipsis_that_the_locale_has)
{
	setlocale(LC_CTYPE, "C");
	expect_clip("www.example.com", 15, "www.example.com");
	expect_clip("www.example.com", 10, "www.exa...");
	expect_clip("www.example.com", 2, "ww");
	expect_clip("b\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4, "b...");
	cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
	expect_clip("www.example.com", 10, "www.examp\xe2\x80\xa6");
	expect_clip("\xe8\xa8\xbc\xe6\x98\x8e\xe6\x9b\xb8", 6, "\xe8\xa8\xbc\xe6\x98\x8e\xe6\x9b\xb8"); /* wide */
	expect_clip("\xe8\xa8\xbc\xe6\x98\x8e\xe6\x9b\xb8", 5, "\xe8\xa8\xbc\xe6\x98\x8e\xe2\x80\xa6");
	expect_clip("\xe8\xa8\xbc\xe6\x98\x8e\xe6\x9b\xb8", 4, "\xe8\xa8\xbc\xe2\x80\xa6");
	expect_clip("\xff\xfe", 2, "\xff\xfe");
}

/* --- colours --- */

static enum tone
tone_at(const char *path, const char *text)
{
	struct ctl ctl = { .fixed_now = NOW };
	_cleanup_json_ struct json_object *object = json_parse(text, strlen(text), NULL);

	return tone_of_member(&ctl, path, object);
}

Test(terminal, colours_say_what_needs_the_operator)
{
	static const struct {
		const char *path, *object;
		enum tone tone;
	} cases[] = {
		{ "metadata.state", "{\"metadata\":{\"state\":\"FAILED\"}}", TONE_BAD },
		{ "metadata.state", "{\"metadata\":{\"state\":\"PROVISIONING\"}}", TONE_SOON },
		{ "metadata.state", "{\"metadata\":{\"state\":\"AVAILABLE\"}}", TONE_GOOD },
		{ "metadata.served", "{\"metadata\":{\"served\":\"stale\"}}", TONE_BAD },
		{ "metadata.status", "{\"metadata\":{\"status\":\"expired\"}}", TONE_BAD },
		{ "properties.name", "{\"properties\":{\"name\":\"stale\"}}", TONE_NONE },
		{ "metadata.notAfter", "{\"metadata\":{}}", TONE_NONE },
		{ "metadata.notAfter", "{\"metadata\":{\"notAfter\":\"2026-11-21T10:29:59Z\"}}", TONE_BAD },
		{ "metadata.notAfter", "{\"metadata\":{\"notAfter\":\"2026-12-01T00:00:00Z\"}}", TONE_SOON },
		{ "metadata.notAfter", "{\"metadata\":{\"notAfter\":\"2027-02-01T00:00:00Z\"}}", TONE_GOOD },
		/* six days of life, four of them left */
		{ "metadata.notAfter",
			"{\"metadata\":{\"notBefore\":\"2026-11-19T10:30:00Z\",\"notAfter\":\"2026-11-25T10:30:00Z\"}}",
			TONE_GOOD },
		{ "notAfter", "{\"notBefore\":\"2026-11-01T10:30:00Z\",\"notAfter\":\"2026-11-25T10:30:00Z\"}",
			TONE_SOON },
		{ "metadata.nextDate", "{\"metadata\":{\"nextDate\":\"2026-11-21T10:29:59Z\"}}", TONE_NONE },
	};
	_cleanup_buf_ struct buf painted = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(tone_at(cases[i].path, cases[i].object), cases[i].tone, "%s", cases[i].object);
	terminal_paint(&painted, true, TONE_BAD, "stale");
	terminal_paint(&painted, true, TONE_NONE, " x ");
	terminal_paint(&painted, false, TONE_BAD, "stale");
	cr_expect_str_eq(buf_str(&painted), "\033[31mstale\033[0m x stale");
}

Test(terminal, colours_are_for_terminals_that_have_them_and_users_that_want_them)
{
	struct ctl ctl;

	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	ctl_init(&ctl); /* standard output of a test is not a terminal */
	cr_expect_not(ctl.has_colour);
	ctl_clear(&ctl);
}

/* --- tables --- */

static char *
print(size_t width, bool has_colour)
{
	struct table *table = table_new();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	table_column(table, "NAME", 0);
	table_column(table, "COMMON NAME", 2);
	table_column(table, "STATE", 0);
	table_column(table, "WHEN", 1);
	table_row(table, "www");
	table_cell(table, "www.shop.example.com", TONE_NONE);
	table_cell(table, "www.shop.example.com", TONE_NONE);
	table_cell(table, "FAILED", TONE_BAD);
	table_cell(table, "in 3d", TONE_NONE);
	table_row(table, "Api");
	table_cell(table, "api", TONE_NONE);
	table_cell(table, "api", TONE_NONE);
	table_cell(table, "", TONE_NONE);
	table_cell(table, "-", TONE_NONE);
	table_print(table, out, width, has_colour);
	table_free(table);
	fclose(out);
	return text;
}

Test(table, a_narrow_terminal_keeps_name_and_state)
{
	static const struct {
		size_t width;
		const char *text;
	} cases[] = {
		{ 0, "NAME                  COMMON NAME           STATE   WHEN\n"
		     "api                   api                   -       -\n"
		     "www.shop.example.com  www.shop.example.com  FAILED  in 3d\n" },
		{ 53, "NAME                COMMON NAME         STATE   WHEN\n"
		      "api                 api                 -       -\n"
		      "www.shop.exampl...  www.shop.exampl...  FAILED  in 3d\n" },
		{ 40, "NAME                  STATE   WHEN\n"
		      "api                   -       -\n"
		      "www.shop.example.com  FAILED  in 3d\n" },
		{ 25, "NAME               STATE\n"
		      "api                -\n"
		      "www.shop.examp...  FAILED\n" },
	};

	setlocale(LC_CTYPE, "C");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = print(cases[i].width, false);

		cr_expect_str_eq(text, cases[i].text);
	}
	for (size_t width = 1; width < 60; width++) {
		_cleanup_free_ char *text = print(width, false);

		for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
			cr_expect_leq(strcspn(line, "\n"), width);
	}
}

Test(table, colours_do_not_move_columns)
{
	_cleanup_free_ char *text = print(40, true);

	cr_expect_str_eq(text, "NAME                  STATE   WHEN\n"
			       "api                   -       -\n"
			       "www.shop.example.com  \033[31mFAILED\033[0m  in 3d\n");
}

/* --- wrapping, the live line --- */

Test(terminal, lines_are_broken_between_words_and_never_in_a_command)
{
	char *text = NULL;
	size_t len;
	struct ctl ctl = { .out = open_memstream(&text, &len), .out_columns = 30 };

	terminal_wrap(&ctl, 2, 4, "the files are old (to write them again: certctl deploy nginx); see the log");
	ctl.out_columns = 0;
	terminal_wrap(&ctl, 2, 4, "a line for programs is never broken, however long it may be");
	fclose(ctl.out);
	cr_expect_str_eq(text, "the files are old (to write\n"
			       "    them again:\n"
			       "    certctl deploy nginx); see\n"
			       "    the log\n"
			       "a line for programs is never broken, however long it may be\n");
	free(text);
}

Test(progress, the_live_line_shows_the_time_left_and_is_cut_with_an_ellipsis)
{
	char *text = NULL;
	size_t len;
	struct ctl ctl = { .err = open_memstream(&text, &len), .is_terminal = true, .columns = 40, .fixed_now = NOW };
	struct progress progress;

	setlocale(LC_CTYPE, "C");
	progress_init(&progress, &ctl);
	progress_step(&progress, "solve: ns1.example.com does not have the record yet", NOW + 110);
	progress_step(&progress, "validate", 0);
	progress_clear(&progress);
	fclose(ctl.err);
	cr_expect_str_eq(text, "\r\033[K[0s, 1m 50s left] solve: ns1.example..."
			       "\r\033[K[0s] validate\r\033[K");
	free(text);
}
