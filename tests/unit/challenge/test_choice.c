/* What "auto" remembers. */
#include "daemon/challenge/choice.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <string.h>

#define NAME "www.example.com"

Test(choice, failures_are_counted_until_it_works_and_only_the_last_that_worked_is_known)
{
	_cleanup_strlist_ struct strlist memory = STRLIST_INIT;

	cr_expect_not(choice_has_worked(&memory, "http-01", NAME));
	choice_note(&memory, "http-01", NAME, true);
	cr_expect(choice_has_worked(&memory, "http-01", NAME));
	choice_note(&memory, "http-01", NAME, false);
	choice_note(&memory, "http-01", NAME, false);
	cr_expect_eq(choice_failures(&memory, "http-01", NAME), 2);
	cr_expect_not(choice_has_worked(&memory, "http-01", NAME));
	choice_note(&memory, "dns-01", NAME, true);
	cr_expect_eq(choice_failures(&memory, "http-01", NAME), 2);
	cr_expect(choice_has_worked(&memory, "dns-01", NAME));
	choice_note(&memory, "tls-alpn-01", NAME, true);
	cr_expect_not(choice_has_worked(&memory, "dns-01", NAME));
	choice_note(&memory, "http-01", NAME, true);
	cr_expect_eq(memory.count, 1);
	cr_expect_str_eq(memory.items[0], "http-01 0 " NAME);
}

Test(choice, names_are_apart_and_those_that_are_gone_are_forgotten)
{
	_cleanup_strlist_ struct strlist memory = STRLIST_INIT, names = STRLIST_INIT;

	choice_note(&memory, "dns-01", "*." NAME, false);
	choice_note(&memory, "http-01", NAME, true);
	cr_expect_eq(choice_failures(&memory, "dns-01", NAME), 0);
	cr_expect_eq(choice_failures(&memory, "dns-0", "*." NAME), 0);
	cr_expect_eq(choice_failures(&memory, "dns-01", "*." NAME), 1);
	strlist_add(&names, NAME);
	choice_keep(&memory, &names);
	cr_expect_eq(memory.count, 1);
	cr_expect(choice_has_worked(&memory, "http-01", NAME));
}
