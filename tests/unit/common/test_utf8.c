#include "common/utf8.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <string.h>

Test(utf8, a_character_is_what_rfc_3629_says)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "a", 1 },
		{ "\xc3\xbc", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "", 0 },
		{ "\x80", 0 },             /* a continuation alone */
		{ "\xc0\x80", 0 },         /* overlong */
		{ "\xc1\xbf", 0 },         /* overlong */
		{ "\xe0\x9f\xbf", 0 },     /* overlong */
		{ "\xf0\x8f\xbf\xbf", 0 }, /* overlong */
		{ "\xed\xa0\x80", 0 },     /* a surrogate */
		{ "\xf4\x90\x80\x80", 0 }, /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xc3", 0 },
		{ "\xe2\x82", 0 },
		{ "\xe2(\xac", 0 },
		{ "\xf0\x9f\x98(", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(utf8_length(cases[i].text, strlen(cases[i].text)), cases[i].len, "case %zu", i);
	cr_expect_eq(utf8_length("\xc3\xbc", 1), 0, "reads no further than it may");
}

Test(utf8, text_is_valid_as_a_whole)
{
	cr_expect(utf8_is_valid("", 0));
	cr_expect(utf8_is_valid("M\xc3\xbcnchen", 8));
	cr_expect_not(utf8_is_valid("M\xc3\xbcnchen", 2));
	cr_expect_not(utf8_is_valid("M\xfcnchen", 7));
}

Test(utf8, a_cut_splits_no_character)
{
	static const char text[] = "ab\xc3\xbc\xe2\x82\xac";
	static const size_t cuts[] = { 0, 1, 2, 2, 4, 4, 4, 7, 7 };

	for (size_t max = 0; max < ARRAY_SIZE(cuts); max++)
		cr_expect_eq(utf8_cut(text, strlen(text), max), cuts[max], "at most %zu", max);
	cr_expect_eq(utf8_cut("\xc3\xbc", 2, 1), 0, "not even the first");
}
