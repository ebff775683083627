#include "daemon/base/hook.h"

#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
	struct clock *clock;
	struct loop *loop;
	unsigned n_done;
	int exit_status;
	struct buf out;
	struct error err;
};

static void
run_init(struct run *r)
{
	*r = (struct run){ .clock = clock_new_real() };
	r->loop = loop_new(r->clock);
}

static void
run_clear(struct run *r)
{
	loop_free(r->loop);
	clock_free(r->clock);
	buf_clear(&r->out);
	error_clear(&r->err);
}

static void
on_done(const struct hook_result *result, const struct error *err, void *arg)
{
	struct run *r = arg;

	r->n_done++;
	r->exit_status = result->exit_status;
	buf_add(&r->out, result->out.data, result->out.len);
	if (err)
		error_copy(&r->err, err);
	loop_stop(r->loop);
}

static struct hook *
start(struct run *r, int64_t timeout_ms, const char *program, const char *option, const char *script)
{
	_cleanup_strlist_ struct strlist argv = STRLIST_INIT;
	_cleanup_strlist_ struct strlist env = STRLIST_INIT;
	struct hook *hook;

	strlist_add(&argv, program);
	if (option)
		strlist_add(&argv, option);
	if (script)
		strlist_add(&argv, script);
	strlist_add(&env, "CERTD_NAME=www");
	hook = hook_start(r->loop, &argv, &env, timeout_ms, on_done, r);
	cr_expect_eq(r->n_done, 0, "never from inside hook_start()");
	return hook;
}

static void
run(struct run *r, int64_t timeout_ms, const char *program, const char *option, const char *script)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	start(r, timeout_ms, program, option, script);
	cr_assert_eq(loop_run(r->loop, &err), 0, "%s", err.message);
	cr_assert_eq(r->n_done, 1);
}

static void
run_shell(struct run *r, const char *script)
{
	run_init(r);
	run(r, 20000, "/bin/sh", "-c", script);
}

Test(hook, tells_how_the_program_ended, .timeout = 300)
{
	static const struct {
		const char *script;
		int exit_status;
		enum error_code code;
		const char *message; /* or NULL */
		const char *out;
	} cases[] = {
		{ "echo fine; echo also >&2", 0, ERROR_NONE, NULL, "fine\nalso\n" },
		{ "exit 0", 0, ERROR_NONE, NULL, "" },
		{ "echo one; echo 'it broke\a' >&2; echo; exit 3", 3, ERROR_HOOK,
			"'/bin/sh' ended with status 3: it broke", "one\nit broke\a\n\n" },
		{ "exit 255", 255, ERROR_HOOK, "'/bin/sh' ended with status 255", "" },
		{ "kill -9 $$", -9, ERROR_HOOK, "'/bin/sh' was killed by signal 9 (Killed)", "" },
		{ "kill -PIPE $$", -13, ERROR_HOOK, "'/bin/sh' was killed by signal 13 (Broken pipe)", "" },
	};

	signal(SIGPIPE, SIG_IGN); /* as certd does; the program gets the default back */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run r;

		run_shell(&r, cases[i].script);
		cr_expect_eq(r.exit_status, cases[i].exit_status, "%s: %d", cases[i].script, r.exit_status);
		cr_expect_eq(r.err.code, cases[i].code, "%s", cases[i].script);
		cr_expect_str_eq(buf_str(&r.out), cases[i].out);
		if (cases[i].message)
			cr_expect_str_eq(r.err.message, cases[i].message);
		run_clear(&r);
	}
}

Test(hook, a_failed_start_says_why, .timeout = 300)
{
	static const struct {
		const char *content; /* NULL: no file */
		mode_t mode;
		const char *message; /* behind "cannot run '<path>': " */
	} cases[] = {
		{ NULL, 0, "No such file or directory" },
		{ "#!/nowhere/sh\n", 0700,
			"No such file or directory (the interpreter in its first line, or its loader)" },
		{ "echo\n", 0700, "Exec format error (a script begins with a line such as #!/bin/sh)" },
		{ "#!/bin/sh\n", 0600, "Permission denied (is it executable for the user that certd runs as?)" },
	};
	char dir[] = "/tmp/certd-hook-XXXXXX";
	_cleanup_free_ char *path = NULL;

	cr_assert_not_null(mkdtemp(dir));
	path = xasprintf("%s/program", dir);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *message = xasprintf("cannot run '%s': %s", path, cases[i].message);
		struct run r;

		if (cases[i].content) {
			int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

			cr_assert_gt(write(fd, cases[i].content, strlen(cases[i].content)), 0);
			cr_assert_eq(fchmod(fd, cases[i].mode), 0);
			close(fd);
		}
		run_init(&r);
		run(&r, 0, path, NULL, NULL);
		cr_expect_eq(r.exit_status, 127);
		cr_expect_eq(r.err.code, ERROR_HOOK);
		cr_expect_str_eq(r.err.message, message);
		run_clear(&r);
	}
	unlink(path);
	rmdir(dir);
}

Test(hook, only_absolute_paths_are_run)
{
	struct run r;

	run_init(&r);
	run(&r, 0, "sh", "-c", "exit 0");
	cr_expect_eq(r.err.code, ERROR_HOOK);
	cr_expect_str_eq(r.err.message, "cannot run 'sh': not an absolute path");
	run_clear(&r);
}

Test(hook, output_is_cut_at_64_KiB_and_the_program_not_held_up, .timeout = 300)
{
	struct run r;

	run_shell(&r, "i=0; while [ $i -lt 3000 ]; do echo 'a line of output that makes the pipe full in time, "
		      "more than once if nobody reads it any more'; i=$((i + 1)); done; exit 5");
	cr_expect_eq(r.out.len, 64 * 1024);
	cr_expect_eq(r.exit_status, 5);
	run_clear(&r);
}

Test(hook, there_is_no_fourth_descriptor, .timeout = 300)
{
	struct run r;
	int leaked[2];

	cr_assert_eq(pipe(leaked), 0); /* as a library might, without O_CLOEXEC */
	cr_assert_eq(dup2(leaked[0], 60), 60);
	run_shell(&r, "i=0; while [ $i -lt 100 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i + 1)); done; exit 0");
	cr_expect_str_eq(buf_str(&r.out), "0\n1\n2\n");
	run_clear(&r);
	close(leaked[0]);
	close(leaked[1]);
	close(60);
}

Test(hook, the_environment_is_clean, .timeout = 300)
{
	struct run r;

	setenv("SECRET_OF_CERTD", "x", 1);
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	run_init(&r);
	run(&r, 0, "/usr/bin/env", NULL, NULL);
	cr_expect_str_eq(buf_str(&r.out), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
					  "LANG=C.UTF-8\nCERTD_NAME=www\n");
	run_clear(&r);
}

Test(hook, the_process_starts_from_a_known_state, .timeout = 300)
{
	static const struct {
		const char *why;
		const char *script;
		const char *out;
	} cases[] = {
		{ "stdin is /dev/null", "readlink /proc/$$/fd/0; cat", "/dev/null\n" },
		{ "directory", "pwd", "/\n" },
		{ "no signal blocked", "exec grep SigBlk /proc/self/status", "SigBlk:\t0000000000000000\n" },
		/* The C library leaves its own two, 32 and 33, ignored. */
		{ "none ignored", "s=$(grep SigIgn /proc/self/status); echo ${s#${s%???????}}", "0000000\n" },
		{ "its own session and group", "set -- $(cat /proc/$$/stat); echo $(($5 - $1)) $(($6 - $1))", "0 0\n" },
		{ "no core dump", "ulimit -c", "0\n" },
		{ "CPU time", "ulimit -t", "21\n" },
	};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* The limits follow the start. */
		_cleanup_free_ char *script = xasprintf(
			"until [ $(ulimit -t) != unlimited ]; do sleep 0.01; done; %s", cases[i].script);
		struct run r;

		run_shell(&r, script);
		cr_expect_str_eq(buf_str(&r.out), cases[i].out, "%s: '%s'", cases[i].why, buf_str(&r.out));
		run_clear(&r);
	}
}

/* Does a process have this group? One that only waits to be reaped has not. */
static bool
group_exists(pid_t group)
{
	DIR *proc = opendir("/proc");
	bool is_there = false;
	struct dirent *entry;

	cr_assert_not_null(proc);
	while (!is_there && (entry = readdir(proc)) != NULL) {
		_cleanup_free_ char *path = xasprintf("/proc/%s/stat", entry->d_name);
		char text[256] = "";
		FILE *file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		const char *state = file && fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
		char *its_group = NULL; /* behind the state and the parent */

		if (file)
			fclose(file);
		if (state && state[1] && state[2] != 'Z')
			strtol(state + 3, &its_group, 10);
		is_there = its_group && strtol(its_group, NULL, 10) == (long)group;
	}
	closedir(proc);
	return is_there;
}

/* Until the test's own limit: a machine under load takes its time to end killed processes. */
static void
wait_group_vanishes(pid_t group)
{
	cr_assert_gt(group, 1);
	while (group_exists(group))
		usleep(20000);
}

/*
 * Starts a shell script and waits until it has written a number to "$f". No program is ready at a certain time, so time
 * limits are tested with a virtual clock, which stands still meanwhile.
 */
static struct hook *
start_until_ready(struct run *r, int64_t timeout_ms, const char *script, pid_t *ret)
{
	char path[] = "/tmp/test-hook-XXXXXX";
	int fd = mkstemp(path);
	_cleanup_free_ char *whole = xasprintf("f=%s; %s", path, script);
	char text[32] = "";
	struct hook *hook = start(r, timeout_ms, "/bin/sh", "-c", whole);

	while (pread(fd, text, sizeof(text) - 1, 0) <= 0 || !strchr(text, '\n'))
		usleep(1000);
	*ret = (pid_t)strtol(text, NULL, 10);
	close(fd);
	unlink(path);
	return hook;
}

static void
run_init_virtual(struct run *r)
{
	*r = (struct run){ .clock = clock_new_virtual(1800000000) };
	r->loop = loop_new(r->clock);
}

/* Of virtual time. */
static void
pass_seconds(struct run *r, int64_t seconds)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + seconds, &err), 0, "%s", err.message);
}

static void
wait_done(struct run *r)
{
	while (r->n_done == 0) {
		pass_seconds(r, 0);
		usleep(1000);
	}
}

Test(hook, a_timeout_kills_the_whole_group_even_if_it_ignores_SIGTERM, .timeout = 300)
{
	struct run r;
	pid_t group;

	run_init_virtual(&r);
	start_until_ready(
		&r, 300, "trap '' TERM; (trap '' TERM; echo $$ >$f; exec sleep 60) & sleep 60; sleep 60", &group);
	pass_seconds(&r, 5);
	cr_expect_eq(r.n_done, 0, "SIGTERM first, SIGKILL 5 s later");
	cr_expect(group_exists(group));
	pass_seconds(&r, 1);
	wait_done(&r);
	cr_expect_eq(r.exit_status, -SIGKILL);
	cr_expect_eq(r.err.code, ERROR_TIMEOUT);
	cr_expect_not_null(strstr(r.err.message, "'/bin/sh' did not end within 0.3 s"), "%s", r.err.message);
	wait_group_vanishes(group);
	run_clear(&r);
}

Test(hook, a_timeout_leaves_no_child_when_the_leader_obeys_SIGTERM, .timeout = 300)
{
	struct run r;
	pid_t group;

	run_init_virtual(&r);
	start_until_ready(&r, 300, "(trap '' TERM; echo $$ >$f; exec sleep 60) & wait", &group);
	pass_seconds(&r, 1);
	wait_done(&r);
	cr_expect_eq(r.exit_status, -SIGTERM);
	cr_expect_eq(r.err.code, ERROR_TIMEOUT);
	wait_group_vanishes(group);
	run_clear(&r);
}

/* --- what a program leaves behind --- */

/* Each starts something that writes its number and then sleeps for long, and is not waited for. */
static const struct {
	const char *name, *script;
} leavings[] = {
	{ "background job", "sh -c 'echo $$; exec sleep 300' &" },
	{ "own session", "setsid sh -c 'echo $$; exec sleep 300' &" },
	{ "second fork", "(setsid sh -c '(trap \"\" TERM HUP; sh -c \"echo \\$\\$; exec sleep 300\" &) ' &)" },
	{ "clean environment", "setsid env -i /bin/sh -c 'echo $$; exec /bin/sleep 300' &" },
	{ "own group", "bash -c \"set -m; sh -c 'echo \\$\\$; exec sleep 300' &\" 2>/dev/null" },
	{ "lower limits", "setsid sh -c 'ulimit -n 20; ulimit -f 1000; echo $$; exec sleep 300' &" },
};

/* Not if it only waits to be reaped. */
static bool
process_is_there(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
	char text[256] = "";
	FILE *file = fopen(path, "re");
	bool is_there = file && fgets(text, sizeof(text), file) && !strstr(text, ") Z ");

	if (file)
		fclose(file);
	return is_there;
}

static void
wait_process_vanishes(pid_t pid)
{
	while (process_is_there(pid))
		usleep(20000);
}

Test(hook, whatever_a_program_leaves_behind_is_killed, .timeout = 300)
{
	for (size_t i = 0; i < ARRAY_SIZE(leavings); i++) {
		/* It ends when what it left has begun: its number is there. */
		_cleanup_free_ char *script = xasprintf(
			"f=$(mktemp); { %s\n} >$f; while ! [ -s $f ]; do sleep 0.01; done; cat $f; rm $f",
			leavings[i].script);
		struct run r;
		pid_t pid;

		run_shell(&r, script);
		cr_expect_eq(r.err.code, ERROR_NONE, "%s: %s", leavings[i].name, r.err.message);
		pid = (pid_t)strtol(buf_str(&r.out), NULL, 10);
		cr_assert_gt(pid, 1, "%s: %s", leavings[i].name, buf_str(&r.out));
		wait_process_vanishes(pid);
		run_clear(&r);
	}
}

Test(hook, a_background_child_does_not_delay_the_end, .timeout = 300)
{
	struct run r;

	run_shell(&r, "echo $$; sleep 60 & exit 0");
	cr_expect_eq(r.err.code, ERROR_NONE);
	wait_group_vanishes((pid_t)strtol(buf_str(&r.out), NULL, 10));
	run_clear(&r);
}

Test(hook, cancel_kills_what_left_the_group_and_an_end_only_its_own, .timeout = 300)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct run first, other;
	struct hook *hook;
	pid_t child;

	run_init(&other);
	start(&other, 20000, "/bin/sh", "-c", "sleep 0.5; setsid sleep 300 & true");
	run_init(&first);
	hook = start_until_ready(&first, 0, "export f; setsid sh -c 'echo $$ >$f; exec sleep 300' & wait", &child);
	cr_assert_eq(loop_run(other.loop, &err), 0, "%s", err.message);
	cr_expect_eq(other.n_done, 1);
	usleep(50000); /* for a signal to arrive */
	cr_expect(process_is_there(child), "it belongs to the program that still runs");
	hook_cancel(hook);
	wait_process_vanishes(child);
	run_clear(&other);
	run_clear(&first);
}

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

Test(hook, cancel_kills_the_group_and_reaps_the_program, .timeout = 300)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct loop_timer stop;
	struct hook *hook;
	struct run r;

	run_init(&r);
	hook = start(&r, 0, "/bin/sh", "-c", "trap '' TERM; sleep 60 & sleep 60; sleep 60");
	loop_timer_init(&stop, r.loop, on_stop, r.loop);
	loop_timer_set(&stop, 100);
	cr_assert_eq(loop_run(r.loop, &err), 0);
	hook_cancel(hook);
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_expect_eq(errno, ECHILD, "no child is left, not even a zombie");
	hook_cancel(start(&r, 0, "/nowhere", NULL, NULL));
	hook_cancel(NULL);
	loop_timer_set(&stop, 50);
	cr_assert_eq(loop_run(r.loop, &err), 0);
	cr_expect_eq(r.n_done, 0);
	run_clear(&r);
}

struct self_cancel {
	struct run run;
	struct hook *hook;
};

static void
on_done_cancel(const struct hook_result *result, const struct error *err _unused_, void *arg)
{
	struct self_cancel *s = arg;

	hook_cancel(s->hook);
	s->run.n_done++;
	s->run.exit_status = result->exit_status;
	loop_stop(s->run.loop);
}

Test(hook, cancel_from_its_own_done_function_is_harmless, .timeout = 300)
{
	_cleanup_strlist_ struct strlist argv = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct self_cancel s;

	run_init(&s.run);
	strlist_add(&argv, "/bin/true");
	s.hook = hook_start(s.run.loop, &argv, NULL, 0, on_done_cancel, &s);
	cr_assert_eq(loop_run(s.run.loop, &err), 0);
	cr_expect_eq(s.run.n_done, 1);
	cr_expect_eq(s.run.exit_status, 0);
	run_clear(&s.run);
}

Test(hook, a_program_may_have_an_input_and_read_it_or_not, .timeout = 300)
{
	static const char *const programs[] = { "/bin/cat", "/bin/true" };

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_strlist_ struct strlist argv = STRLIST_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_buf_ struct buf input = BUF_INIT;
		struct run r;

		run_init(&r);
		strlist_add(&argv, programs[i]);
		for (int line = 0; line < 5000; line++)
			buf_printf(&input, "%09d\n", line);
		hook_start_with_input(r.loop, &argv, NULL, &input, 0, on_done, &r);
		buf_reset(&input);
		cr_assert_eq(loop_run(r.loop, &err), 0);
		cr_expect_eq(r.exit_status, 0, "%s", r.err.message);
		cr_expect_eq(r.out.len, i ? 0 : 50000);
		cr_expect(i || memcmp(r.out.data + 49990, "000004999\n", 10) == 0);
		run_clear(&r);
	}
}

enum { FD_MAX = 256 };

static void
list_descriptors(bool is_open[FD_MAX])
{
	for (int fd = 0; fd < FD_MAX; fd++)
		is_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

Test(hook, no_descriptor_is_lost_and_none_inheritable, .timeout = 300)
{
	struct run r;
	struct hook *hook;
	bool before[FD_MAX];
	bool after[FD_MAX];

	list_descriptors(before);
	run_init(&r);
	hook = start(&r, 0, "/bin/sleep", "60", NULL);
	for (int fd = 0; fd < FD_MAX; fd++)
		if (!before[fd] && fcntl(fd, F_GETFD) >= 0)
			cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d", fd);
	hook_cancel(hook);
	run(&r, 0, "/nowhere", NULL, NULL);
	r.n_done = 0;
	run(&r, 0, "/bin/true", NULL, NULL);
	run_clear(&r);
	list_descriptors(after);
	cr_expect_arr_eq(before, after, sizeof(before));
}
