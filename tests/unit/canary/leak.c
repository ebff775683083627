/*
 * tests/unit/canary/leak.c: leaks on purpose. A Criterion program that leaks ends with status 0 under AddressSanitizer,
 * so
 * the checks use report files; this program shows that such a file is written. It is built with the tests but is not
 * one
 * of them: tests/support/check runs it and expects a report.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(canary, leaks)
{
	char *volatile leaked = malloc(1234);

	cr_assert_not_null(leaked);
	leaked = NULL;
}
