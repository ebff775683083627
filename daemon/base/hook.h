/*
 * daemon/base/hook.h: runs a program, never a shell. It gets three descriptors (stdin: /dev/null, or its input), a
 * clean environment, default signals, "/" as directory, its own session and limits (CPU time, processes, file size, no
 * core). After its time limit, it and all its descendants get SIGTERM and 5 s later SIGKILL. Processes that it leaves
 * behind when it ends are killed, whatever their group or session.
 */
#ifndef DAEMON_BASE_HOOK_H
#define DAEMON_BASE_HOOK_H

#include "common/buf.h"
#include "common/strlist.h"

struct error;
struct hook;
struct loop;

struct hook_result {
	int exit_status; /* 0..255, or -signal */
	struct buf out;  /* stdout and stderr unchanged, at most 64 KiB */
};

/*
 * Called once, from the loop. @err is NULL when the program ran and ended with status 0; borrowed like @result.
 * ERROR_HOOK: could not be started (@result has status 127), status not 0, ended by a signal; the text names the
 * program and holds the last line of its output. ERROR_TIMEOUT.
 */
typedef void
hook_done_fn(const struct hook_result *result, const struct error *err, void *arg);

/* Can @program be run? ERROR_INVALID: it is missing or not executable; the caller sets the field. Return: 0 or -1. */
int
hook_check(const char *program, struct error *err);

/*
 * hook_start() - run @argv[0] (absolute path) with @env ("NAME=value", added to PATH and LANG=C.UTF-8)
 * @loop: borrowed; must outlive the hook, and not have a virtual clock (programs take real time)
 * @argv, @env: used before it returns; @env may be NULL
 * @timeout_ms: 0 is 60 s
 * Return: handle, valid until @done returns or hook_cancel(); never NULL: a failed start arrives in @done.
 */
struct hook *
hook_start(struct loop *loop, const struct strlist *argv, const struct strlist *env, int64_t timeout_ms,
	hook_done_fn *done, void *arg);

/* The same with @input on its standard input (a file at its begin), instead of /dev/null. */
struct hook *
hook_start_with_input(struct loop *loop, const struct strlist *argv, const struct strlist *env, const struct buf *input,
	int64_t timeout_ms, hook_done_fn *done, void *arg);

/* Kills all of it and waits for the program's end; @done is not called. NULL is a no-op. */
void
hook_cancel(struct hook *hook);

#endif
