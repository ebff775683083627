/*
 * tests/support/tsan/criterion/criterion.h: as much of Criterion as the unit tests use, for builds with ThreadSanitizer
 * (--enable-tsan). Criterion itself places its memory where ThreadSanitizer does not allow any.
 *
 * Each test runs in a process of its own, one after the other. Options of the programs: --filter SUITE/NAME, with
 * shell wildcards. All is weak, so that each source of a program may include this.
 */
#ifndef TESTS_SUPPORT_TSAN_CRITERION_H
#define TESTS_SUPPORT_TSAN_CRITERION_H

#pragma GCC system_header /* as Criterion's own: no warnings from here */

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Instrumented code takes its time. */
enum { CR_TSAN_SLOWER = 10, CR_TSAN_TIMEOUT = 30, CR_TSAN_SKIPPED = 77 };

struct cr_options {
	double timeout; /* seconds */
	void (*init)(void);
	void (*fini)(void);
};

struct cr_test {
	const char *suite, *name; /* name NULL: options of the suite */
	void (*run)(void);
	const struct cr_options *options;
	struct cr_test *next;
};

__attribute__((weak)) struct cr_test *cr_tests;
__attribute__((weak)) int cr_failures; /* of the present test */

#define CR_REGISTER(suite_, name_, run_, ident, ...) \
	static const struct cr_options ident##_options = { __VA_ARGS__ }; \
	static struct cr_test ident##_test = { suite_, name_, run_, &ident##_options, NULL }; \
	__attribute__((constructor)) static void ident##_register(void) \
	{ \
		ident##_test.next = cr_tests; \
		cr_tests = &ident##_test; \
	}

#define Test(suite, name, ...) \
	static void suite##_##name##_run(void); \
	CR_REGISTER(#suite, #name, suite##_##name##_run, suite##_##name, __VA_ARGS__) \
	static void suite##_##name##_run(void)

#define TestSuite(suite, ...) CR_REGISTER(#suite, NULL, NULL, suite##_suite, __VA_ARGS__)

__attribute__((weak, format(printf, 5, 6))) void
cr_failed(bool ends_test, const char *file, int line, const char *what, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: failed: %s: ", file, line, what);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	cr_failures++;
	if (ends_test)
		_exit(1);
}

#define CR_CHECK(ends, cond, ...) ((cond) ? (void)0 : cr_failed(ends, __FILE__, __LINE__, #cond, " " __VA_ARGS__))
#define cr_expect(cond, ...) CR_CHECK(false, (cond), __VA_ARGS__)
#define cr_assert(cond, ...) CR_CHECK(true, (cond), __VA_ARGS__)
#define cr_expect_not(cond, ...) CR_CHECK(false, !(cond), __VA_ARGS__)
#define cr_assert_not(cond, ...) CR_CHECK(true, !(cond), __VA_ARGS__)
#define cr_expect_null(p, ...) CR_CHECK(false, (p) == NULL, __VA_ARGS__)
#define cr_assert_null(p, ...) CR_CHECK(true, (p) == NULL, __VA_ARGS__)
#define cr_expect_not_null(p, ...) CR_CHECK(false, (p) != NULL, __VA_ARGS__)
#define cr_assert_not_null(p, ...) CR_CHECK(true, (p) != NULL, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) CR_CHECK(false, (a) == (b), __VA_ARGS__)
#define cr_assert_eq(a, b, ...) CR_CHECK(true, (a) == (b), __VA_ARGS__)
#define cr_expect_neq(a, b, ...) CR_CHECK(false, (a) != (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...) CR_CHECK(true, (a) != (b), __VA_ARGS__)
#define cr_expect_lt(a, b, ...) CR_CHECK(false, (a) < (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...) CR_CHECK(true, (a) < (b), __VA_ARGS__)
#define cr_expect_leq(a, b, ...) CR_CHECK(false, (a) <= (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...) CR_CHECK(true, (a) <= (b), __VA_ARGS__)
#define cr_expect_gt(a, b, ...) CR_CHECK(false, (a) > (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...) CR_CHECK(true, (a) > (b), __VA_ARGS__)
#define cr_expect_geq(a, b, ...) CR_CHECK(false, (a) >= (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...) CR_CHECK(true, (a) >= (b), __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) CR_CHECK(false, strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) CR_CHECK(true, strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) CR_CHECK(false, strcmp((a), (b)) != 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) CR_CHECK(true, strcmp((a), (b)) != 0, __VA_ARGS__)
#define cr_expect_str_empty(a, ...) CR_CHECK(false, *(a) == '\0', __VA_ARGS__)
#define cr_expect_str_not_empty(a, ...) CR_CHECK(false, *(a) != '\0', __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) CR_CHECK(false, memcmp((a), (b), (n)) == 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) CR_CHECK(true, memcmp((a), (b), (n)) == 0, __VA_ARGS__)
#define cr_assert_fail(...) cr_failed(true, __FILE__, __LINE__, "here", " " __VA_ARGS__)
#define cr_skip_test(...) _exit(CR_TSAN_SKIPPED)
#define cr_log_error(...) fprintf(stderr, __VA_ARGS__)
#define cr_log_info(...) fprintf(stderr, __VA_ARGS__)

__attribute__((weak)) const struct cr_options *
cr_suite_options(const char *suite)
{
	static const struct cr_options none;

	for (const struct cr_test *t = cr_tests; t; t = t->next)
		if (!t->name && strcmp(t->suite, suite) == 0)
			return t->options;
	return &none;
}

__attribute__((weak)) int
cr_run(const struct cr_test *test)
{
	const struct cr_options *suite = cr_suite_options(test->suite);
	double timeout = test->options->timeout ? test->options->timeout : suite->timeout;
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm((unsigned)(CR_TSAN_SLOWER * (timeout > 0 ? timeout : CR_TSAN_TIMEOUT)));
		if (suite->init)
			suite->init();
		if (test->options->init)
			test->options->init();
		test->run();
		if (test->options->fini)
			test->options->fini();
		if (suite->fini)
			suite->fini();
		exit(cr_failures ? 1 : 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == CR_TSAN_SKIPPED))
		return 0;
	fprintf(stderr, "FAILED %s/%s: %s %d\n", test->suite, test->name, WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 1;
}

__attribute__((weak)) int
main(int argc, char **argv)
{
	const char *filter = argc > 2 && strcmp(argv[1], "--filter") == 0 ? argv[2] : "*";
	int tested = 0, failed = 0;

	for (const struct cr_test *t = cr_tests; t; t = t->next) {
		char name[256];

		snprintf(name, sizeof(name), "%s/%s", t->suite, t->name ? t->name : "");
		if (!t->name || fnmatch(filter, name, 0) != 0)
			continue;
		tested++;
		failed += cr_run(t);
	}
	printf("%s: %d tests, %d failed\n", argv[0], tested, failed);
	return failed ? 1 : 0;
}

#endif
