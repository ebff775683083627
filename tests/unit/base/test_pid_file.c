/* A signal reaches the process of a pid file, and never another one. */
#include "daemon/base/pid_file.h"

#include "common/alloc.h"
#include "common/error.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct bed {
	char *dir;
	char *path;
	pid_t child;
};

/* With a process that ends by any signal, and nothing in the file yet. */
static void
bed_init(struct bed *b)
{
	b->dir = scratch_new();
	b->path = xasprintf("%s/pid", b->dir);
	b->child = fork();
	if (b->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
}

static void
bed_clear(struct bed *b)
{
	kill(b->child, SIGKILL);
	waitpid(b->child, NULL, 0);
	free(b->path);
	scratch_remove(&b->dir);
}

/* The signal that ended the child; 0: it still runs. */
static int
ended_by(const struct bed *b)
{
	int status = 0;

	for (int i = 0; i < 12000; i++) {
		if (waitpid(b->child, &status, WNOHANG) == b->child)
			return WTERMSIG(status);
		usleep(10000);
	}
	return 0;
}

static void
set_written(const char *path, time_t at)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = at } };

	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

Test(pid_file, its_process_gets_the_signal)
{
	static const char *const forms[] = { "%d\n", "%d", "%d\n/var/lib/server\n5432\n" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *text = NULL;
		struct bed b;

		bed_init(&b);
		text = i == 0   ? xasprintf("%d\n", b.child)
		       : i == 1 ? xasprintf("%d", b.child)
				: xasprintf("%d\n/var/lib/server\n5432\n", b.child);
		scratch_write(b.dir, "pid", "%s", text);
		cr_assert_eq(pid_file_signal(b.path, 0, &err), 0, "%s: %s", forms[i], err.message);
		cr_assert_eq(pid_file_signal(b.path, SIGUSR2, &err), 0, "%s: %s", forms[i], err.message);
		cr_expect_eq(ended_by(&b), SIGUSR2);
		bed_clear(&b);
	}
}

/* The clocks are read in whole seconds, so a second is not a proof. */
Test(pid_file, a_file_that_is_older_than_the_process_is_stale)
{
	const time_t before = time(NULL);
	struct bed b;
	time_t after;

	bed_init(&b);
	after = time(NULL);
	scratch_write(b.dir, "pid", "%d\n", b.child);
	for (int i = 0; i < 2; i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		set_written(b.path, before - (i ? 3600 : 5));
		cr_assert_eq(pid_file_signal(b.path, SIGUSR2, &err), -1);
		cr_expect_eq(err.code, ERROR_STATE);
		cr_expect_not_null(strstr(err.message, "stale"), "%s", err.message);
		cr_expect_eq(waitpid(b.child, NULL, WNOHANG), 0, "the process got the signal");
	}
	set_written(b.path, after - 1);
	cr_expect_eq(pid_file_signal(b.path, SIGUSR2, NULL), 0);
	cr_expect_eq(ended_by(&b), SIGUSR2);
	bed_clear(&b);
}

Test(pid_file, what_names_no_process_is_refused)
{
	static const struct {
		const char *text;
		enum error_code code;
	} cases[] = { { "", ERROR_INVALID }, { "-1\n", ERROR_INVALID }, { "0\n", ERROR_INVALID },
		{ "1\n", ERROR_INVALID }, { "12x\n", ERROR_INVALID }, { "99999999999999999999\n", ERROR_INVALID },
		{ " 12\n", ERROR_INVALID }, { "2147483646\n", ERROR_STATE }, { "2147483647\n", ERROR_STATE },
		{ "2147483648\n", ERROR_INVALID }, { "02147483646\n", ERROR_STATE }, { "999999999\n", ERROR_STATE },
		{ "2147483646 it\n", ERROR_STATE }, { ":2147483646\n", ERROR_INVALID },
		{ "2147483646 a first line that is longer than what is read of it\n", ERROR_STATE } };
	struct bed b;

	bed_init(&b);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		scratch_write(b.dir, "pid", "%s", cases[i].text);
		cr_expect_eq(pid_file_signal(b.path, SIGUSR2, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].text, err.message);
		cr_expect_not_null(strstr(err.message, cases[i].code == ERROR_STATE ? "which does not run"
										    : "does not begin with the number"),
			"%s: %s", cases[i].text, err.message);
	}
	bed_clear(&b);
}

Test(pid_file, this_process_is_never_signalled)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bed b;

	bed_init(&b);
	scratch_write(b.dir, "pid", "%d\n", getpid());
	cr_expect_eq(pid_file_signal(b.path, SIGKILL, &err), -1);
	cr_expect_eq(err.code, ERROR_INVALID);
	bed_clear(&b);
}

Test(pid_file, a_file_that_is_missing_or_of_another_user_is_refused)
{
	struct bed b;
	_cleanup_free_ char *missing = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;

	bed_init(&b);
	missing = xasprintf("%s/missing", b.dir);
	cr_expect_eq(pid_file_signal(missing, SIGUSR2, &err), -1);
	cr_expect_not_null(strstr(err.message, "cannot open the pid file"), "%s", err.message);
	scratch_write(b.dir, "pid", "%d\n", b.child);
	cr_assert(geteuid() != 0 || chown(b.path, 12345, 12345) == 0);
	if (geteuid() == 0) {
		cr_expect_eq(pid_file_signal(b.path, SIGUSR2, &err), -1);
		cr_expect_eq(err.code, ERROR_INVALID, "%s", err.message);
		cr_expect_not_null(strstr(err.message, "can be written by other users"), "%s", err.message);
		cr_expect_eq(waitpid(b.child, NULL, WNOHANG), 0, "the process got the signal");
	}
	bed_clear(&b);
}

Test(pid_file, a_file_that_others_can_write_or_that_is_none_is_refused)
{
	struct bed b;
	_cleanup_free_ char *link = NULL;
	_cleanup_free_ char *fifo = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;

	bed_init(&b);
	link = xasprintf("%s/link", b.dir);
	fifo = xasprintf("%s/fifo", b.dir);
	scratch_write(b.dir, "pid", "%d\n", b.child);
	cr_assert_eq(symlink(b.path, link), 0);
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	cr_expect_eq(pid_file_signal(link, SIGUSR2, &err), -1);
	cr_expect_eq(pid_file_signal(fifo, SIGUSR2, &err), -1);
	cr_expect_eq(err.code, ERROR_INVALID, "%s", err.message);
	cr_assert_eq(chmod(b.path, 0666), 0);
	cr_expect_eq(pid_file_signal(b.path, SIGUSR2, &err), -1);
	cr_expect_eq(err.code, ERROR_INVALID, "%s", err.message);
	cr_expect_eq(waitpid(b.child, NULL, WNOHANG), 0, "the process got the signal");
	bed_clear(&b);
}

/* As root the test gives its rights away; another user has none over processes of root. */
Test(pid_file, a_process_of_another_user_is_refused_in_words)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bed b;

	bed_init(&b);
	cr_assert_eq(chmod(b.dir, 0755), 0);
	scratch_write(b.dir, "pid", "%d\n", geteuid() == 0 ? b.child : 2);
	cr_assert_eq(chmod(b.path, 0644), 0);
	cr_assert(geteuid() != 0 || setresuid(65534, 65534, 0) == 0);
	cr_expect_eq(pid_file_signal(b.path, 0, &err), -1);
	cr_expect_eq(err.code, ERROR_DENIED, "%s", err.message);
	cr_expect_not_null(strstr(err.message, "another user"), "%s", err.message);
	cr_assert(geteuid() != 65534 || setresuid(0, 0, 0) == 0);
	bed_clear(&b);
}

/* The memory of a process is a regular file that cannot be read at its beginning. */
Test(pid_file, a_file_that_cannot_be_read_is_refused_with_the_reason)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(pid_file_signal("/proc/self/mem", 0, &err), -1);
	cr_expect_eq(err.code, ERROR_IO, "%s", err.message);
	cr_expect_str_eq(err.message, "cannot read the pid file /proc/self/mem: Input/output error");
}
