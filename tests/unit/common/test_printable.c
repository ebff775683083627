#include "common/printable.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <string.h>

Test(printable, what_a_terminal_obeys_becomes_a_blank_or_a_question_mark)
{
	static const struct {
		const char *in, *line;
	} cases[] = {
		{ "M\xc3\xbcnchen \xe2\x82\xac \xf0\x9f\x98\x80", "M\xc3\xbcnchen \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "", "" },
		{ "a\x1b[31mb", "a [31mb" },
		{ "\x1b\x07x", " x" },
		{ "one\r\ntwo\tthree\x7f", "one two three " },
		{ "x\xc2\x9b"
		  "31my",
			"x?31my" },                                 /* C1: CSI */
		{ "x\xc2\x80y\xc2\x9fz\xc2\xa0", "x?y?z\xc2\xa0" }, /* the ends of C1 */
		{ "a\xe2\x80\xae"
		  "b\xe2\x80\xaa"
		  "c",
			"a?b?c" }, /* U+202E, U+202A */
		{ "a\xe2\x81\xa6"
		  "b\xe2\x81\xa9"
		  "c",
			"a?b?c" }, /* U+2066, U+2069 */
		{ "a\xe2\x80\x8e"
		  "b\xe2\x80\x8f"
		  "c\xd8\x9c",
			"a?b?c?" }, /* U+200E, U+200F, U+061C */
		{ "a\xe2\x80\xa8"
		  "b\xe2\x80\xa9"
		  "c",
			"a?b?c" }, /* U+2028, U+2029 */
		{ "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
			"\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa" },
		{ "\x9b"
		  "31m\xff\xc3",
			"?31m??" }, /* not UTF-8 */
		{ "%s%n", "%s%n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = printable_line(cases[i].in, strlen(cases[i].in), 100);

		cr_expect_str_eq(line, cases[i].line, "case %zu: %s", i, line);
		cr_expect_eq(printable_is_line(cases[i].in, strlen(cases[i].in)),
			strcmp(cases[i].in, cases[i].line) == 0, "case %zu", i);
	}
}

Test(printable, every_control_character_is_refused_and_nothing_else_of_latin_1)
{
	for (unsigned c = 0; c < 0x100; c++) {
		char text[2];
		size_t len = 1;

		text[0] = (char)c;
		if (c >= 0x80) {
			text[0] = (char)(0xc0 | c >> 6);
			text[1] = (char)(0x80 | (c & 0x3f));
			len = 2;
		}
		cr_expect_eq(printable_is_line(text, len), (c >= 0x20 && c < 0x7f) || c >= 0xa0, "U+%04X", c);
	}
}

Test(printable, a_nul_inside_ends_nothing)
{
	_cleanup_free_ char *line = printable_line("a\0b", 3, 100);

	cr_expect_str_eq(line, "a b");
	cr_expect_not(printable_is_line("a\0b", 3));
}

Test(printable, long_text_is_cut_between_characters)
{
	_cleanup_free_ char *line = printable_line("ab\xc3\xbc\xc3\xbc", 6, 5);

	cr_expect_str_eq(line, "ab\xc3\xbc");
}

Test(printable, lines_keep_their_ends)
{
	static const char text[] = "one\r\ntwo\n\x1b[2Jthree\rfour";
	_cleanup_free_ char *lines = printable_lines(text, strlen(text));

	cr_expect_str_eq(lines, "one\r\ntwo\n [2Jthree four");
}

Test(printable, the_last_line_is_the_last_with_something_in_it)
{
	static const struct {
		const char *in, *line;
	} cases[] = {
		{ "first\nthe API\x1b[0m says no\n \r\n", "the API [0m says no" },
		{ "only", "only" },
		{ "only\n", "only" },
		{ "\n\t\n ", "" },
		{ "", "" },
		{ "a\n0123456789abcdefghij", "0123456789" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = printable_last_line(
			cases[i].in, strlen(cases[i].in), i == ARRAY_SIZE(cases) - 1 ? 10 : 100);

		cr_expect_str_eq(line, cases[i].line, "case %zu: %s", i, line);
	}
}

Test(printable, a_message_that_is_fit_stays_where_it_is)
{
	char *message = xstrdup("fit");
	char *before = message;

	printable_make_line(&message);
	cr_expect_eq(message, before);
	free_ptr(&message);
	message = xstrdup("un\nfit");
	printable_make_line(&message);
	cr_expect_str_eq(message, "un fit");
	free_ptr(&message);
}

Test(printable, a_line_end_hides_nothing_behind_it)
{
	static const char text[] = "a\r\n\x1b"
				   "b\n\x07"
				   "c\r";
	_cleanup_free_ char *lines = printable_lines(text, strlen(text));

	cr_expect_str_eq(lines, "a\r\n b\n c ");
}
