/*
 * daemon/base/hook.h: runs a program, never a shell (facts: three descriptors, a clean environment, limits, its own
 * session, 60 s, then SIGTERM, 5 s, SIGKILL to its group).
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
	struct buf out;  /* stdout and stderr as they came, at most 64 KiB */
};

/* Called once, from the loop. @err is NULL when the program ran and ended with status 0; borrowed like @result. */
typedef void
hook_done_fn(const struct hook_result *result, const struct error *err, void *arg);

/*
 * hook_start() - run @argv[0] (absolute path) with @env ("NAME=value", added to PATH, LANG=C.UTF-8) 
 * @argv, @env: copied
 * @timeout_ms: 0 is 60 s
 * Return: handle, valid until @done returns or hook_cancel(); never NULL: a failed start arrives in @done.
 */
struct hook *
hook_start(struct loop *loop, const struct strlist *argv, const struct strlist *env, int64_t timeout_ms,
	hook_done_fn *done, void *arg);

/* Kills the group; @done is not called. NULL is a no-op. */
void
hook_cancel(struct hook *hook);

#endif
