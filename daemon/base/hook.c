/*
 * Watches a program started by hook_spawn(): collects its output, limits its time, reports how it ended. The end is
 * the end of the process; processes that it leaves behind are killed. The group is signalled only before its leader is
 * reaped, while its number cannot be reused.
 */
#include "daemon/base/hook.h"

#include "common/error.h"
#include "common/printable.h"
#include "daemon/base/hook_private.h"
#include "daemon/base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DEFAULT_TIMEOUT_MS = 60000,
	KILL_AFTER_MS = 5000,      /* from SIGTERM to SIGKILL */
	CANCEL_WAIT_MS = 1000,     /* for the end of a process after SIGKILL */
	OUTPUT_MAX = 64 * 1024,    /* the rest is read and discarded, so that the program does not block */
	START_FAILED_STATUS = 127, /* as in shells */
	LAST_LINE_MAX = 200
};

struct hook {
	struct hook_process process; /* pid -1: not started, or reaped */
	struct loop_fd *end_watch;
	struct loop_fd *output_watch;
	struct loop_timer timer; /* time limit; without a process: reports the failed start */
	char *program;
	int64_t timeout_ms;
	bool is_timed_out;
	bool is_finishing; /* inside @done */
	struct hook_result result;
	struct error error;
	hook_done_fn *done;
	void *arg;
};

static void
hook_free(struct hook *hook)
{
	loop_timer_cancel(&hook->timer);
	loop_fd_free(hook->end_watch);
	loop_fd_free(hook->output_watch);
	if (hook->process.pid_fd >= 0)
		close(hook->process.pid_fd);
	if (hook->process.out_fd >= 0)
		close(hook->process.out_fd);
	buf_clear(&hook->result.out);
	error_clear(&hook->error);
	free(hook->program);
	free(hook);
}

static void
hook_finish(struct hook *hook)
{
	hook->is_finishing = true;
	hook->done(&hook->result, error_is_set(&hook->error) ? &hook->error : NULL, hook->arg);
	hook_free(hook);
}

/* Return: false at the end of the output, or when there is none at present. */
static bool
read_output(struct hook *hook)
{
	char block[16384];
	size_t room = OUTPUT_MAX - hook->result.out.len;
	ssize_t n;

	do
		n = read(hook->process.out_fd, block, sizeof(block));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_add(&hook->result.out, block, (size_t)n < room ? (size_t)n : room);
	else if (n == 0)
		loop_fd_set(hook->output_watch, 0); /* otherwise it would stay readable for ever */
	return n > 0;
}

static void
on_output(int fd _unused_, short what _unused_, void *arg)
{
	read_output(arg);
}

static void
set_error(struct hook *hook)
{
	_cleanup_free_ char *line = printable_last_line(
		buf_str(&hook->result.out), hook->result.out.len, LAST_LINE_MAX);
	const char *sep = *line ? ": " : "";
	int status = hook->result.exit_status;

	if (hook->is_timed_out)
		error_set(&hook->error, ERROR_TIMEOUT, "'%s' did not end within %" PRId64 ".%" PRId64 " s%s%s",
			hook->program, hook->timeout_ms / 1000, hook->timeout_ms % 1000 / 100, sep, line);
	else if (status < 0)
		error_set(&hook->error, ERROR_HOOK, "'%s' was killed by signal %d (%s)%s%s", hook->program, -status,
			sigdescr_np(-status) ? sigdescr_np(-status) : "unknown", sep, line);
	else if (status > 0)
		error_set(&hook->error, ERROR_HOOK, "'%s' ended with status %d%s%s", hook->program, status, sep, line);
}

static void
hook_signal(const struct hook *hook, int signum)
{
	kill(-hook->process.pid, signum);
	hook_scope_signal(&hook->process.scope, signum);
}

/* Return: false if the process has not ended. */
static bool
reap(struct hook *hook)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)hook->process.pid, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return false;
	hook->process.pid = -1;
	hook->result.exit_status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
	return true;
}

static void
on_end(int fd _unused_, short what _unused_, void *arg)
{
	struct hook *hook = arg;

	hook_signal(hook, SIGKILL); /* what it left behind */
	if (!reap(hook))
		return;
	/* What it wrote is in the pipe by now; the bound is for one that could not be killed. */
	for (int blocks = 0; blocks < 64 && hook->result.out.len < OUTPUT_MAX && read_output(hook);)
		blocks++;
	set_error(hook);
	hook_finish(hook);
}

static void
hook_on_timer(void *arg)
{
	struct hook *hook = arg;

	if (hook->process.pid < 0) {
		hook_finish(hook); /* it was not started */
	} else if (!hook->is_timed_out) {
		hook->is_timed_out = true;
		hook_signal(hook, SIGTERM);
		loop_timer_set(&hook->timer, KILL_AFTER_MS);
	} else {
		hook_signal(hook, SIGKILL);
	}
}

int
hook_check(const char *program, struct error *err)
{
	struct stat st;

	if (stat(program, &st) < 0)
		return error_set(err, ERROR_INVALID, "%s cannot be run: %s", program, strerror(errno));
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) < 0)
		return error_set(err, ERROR_INVALID, "%s is not a program that certd may run (chmod +x?)", program);
	return 0;
}

/* A file in memory: it needs no feeding, and the program may read it or not. */
static int
hook_input_fd(const struct buf *input, struct error *err)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0)
		return error_set(err, ERROR_HOOK, "the program's input: %s", strerror(errno));
	if (buf_write_fd(input, fd, err) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
hook_spawn_with_input(struct hook *hook, const struct strlist *argv, const struct strlist *env, const struct buf *input)
{
	int fd = input ? hook_input_fd(input, &hook->error) : -1;
	int rc;

	if (input && fd < 0)
		return -1;
	rc = hook_spawn(argv, env, fd, hook->timeout_ms, &hook->process, &hook->error);
	if (fd >= 0)
		close(fd);
	return rc;
}

struct hook *
hook_start(struct loop *loop, const struct strlist *argv, const struct strlist *env, int64_t timeout_ms,
	hook_done_fn *done, void *arg)
{
	return hook_start_with_input(loop, argv, env, NULL, timeout_ms, done, arg);
}

struct hook *
hook_start_with_input(struct loop *loop, const struct strlist *argv, const struct strlist *env, const struct buf *input,
	int64_t timeout_ms, hook_done_fn *done, void *arg)
{
	struct hook *hook = xcalloc(1, sizeof(*hook));

	hook->process = (struct hook_process){ .pid = -1, .pid_fd = -1, .out_fd = -1 };
	hook->program = xstrdup(argv->count ? argv->items[0] : "");
	hook->timeout_ms = timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS;
	hook->done = done;
	hook->arg = arg;
	loop_timer_init(&hook->timer, loop, hook_on_timer, hook);
	if (hook_spawn_with_input(hook, argv, env, input) < 0) {
		hook->result.exit_status = START_FAILED_STATUS;
		loop_timer_set(&hook->timer, 0);
		return hook;
	}
	hook->output_watch = loop_fd_new(loop, hook->process.out_fd, LOOP_READ, on_output, hook);
	hook->end_watch = loop_fd_new(loop, hook->process.pid_fd, LOOP_READ, on_end, hook);
	loop_timer_set(&hook->timer, hook->timeout_ms);
	return hook;
}

void
hook_cancel(struct hook *hook)
{
	struct pollfd ended;

	if (!hook || hook->is_finishing)
		return;
	if (hook->process.pid > 0) {
		/* SIGKILL ends it at once; a process stuck in the kernel is left as a zombie. */
		hook_signal(hook, SIGKILL);
		ended = (struct pollfd){ .fd = hook->process.pid_fd, .events = POLLIN };
		poll(&ended, 1, CANCEL_WAIT_MS);
		reap(hook);
	}
	hook_free(hook);
}
