/*
 * tests/unit/canary/leak.c: leaks on purpose. A Criterion program that leaks ends with status 0 under
 * AddressSanitizer, so the checks go by report files; this one proves that such a file does appear. It is built
 * with the tests but is none of them: tests/support/check runs it and wants a report.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(canary, leaks)
{
	char *volatile leaked = malloc(1234);

	cr_assert_not_null(leaked);
	leaked = NULL;
}
