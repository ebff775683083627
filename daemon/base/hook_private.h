/* daemon/base/hook_private.h: the start of a program, apart from watching it. */
#ifndef DAEMON_BASE_HOOK_PRIVATE_H
#define DAEMON_BASE_HOOK_PRIVATE_H

#include "common/strlist.h"

#include <stdint.h>
#include <sys/types.h>

struct error;

/* A started program: all three are owned by the caller. The process leads a session and group of its own. */
struct hook_process {
	pid_t pid;
	int pid_fd; /* readable when the process has ended */
	int out_fd; /* its stdout and stderr; does not block */
};

/* Return: 0, or -1 and ERROR_HOOK. */
int
hook_spawn(const struct strlist *argv, const struct strlist *env, int64_t timeout_ms, struct hook_process *ret_process,
	struct error *err);

#endif
