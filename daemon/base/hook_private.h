/* daemon/base/hook_private.h: the start of a program and what belongs to it, apart from watching it. */
#ifndef DAEMON_BASE_HOOK_PRIVATE_H
#define DAEMON_BASE_HOOK_PRIVATE_H

#include "common/strlist.h"

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct error;

/* --- hook_scope.c: a program and all that comes of it --- */

struct hook_scope {
	rlim_t mark;                   /* RLIM_INFINITY: none could be set, only the group is known */
	rlim_t before;                 /* what certd has there itself */
	unsigned long long started_at; /* clock ticks since boot */
};

/* What is started from now on, and only that, belongs to @ret. */
void
hook_scope_enter(struct hook_scope *ret);

void
hook_scope_leave(const struct hook_scope *scope);

/* Nothing older than @leader belongs to it. */
void
hook_scope_started(struct hook_scope *scope, pid_t leader);

/* To every process of it that certd may signal; with SIGKILL until none is left. */
void
hook_scope_signal(const struct hook_scope *scope, int signum);

/* --- hook_spawn.c --- */

/* A started program: its descriptors are owned by the caller. The process leads its own session and group. */
struct hook_process {
	pid_t pid;
	int pid_fd; /* readable when the process has ended */
	int out_fd; /* its stdout and stderr; does not block */
	struct hook_scope scope;
};

/* @input_fd: its standard input, borrowed; -1: /dev/null. Return: 0, or -1 and ERROR_HOOK. */
int
hook_spawn(const struct strlist *argv, const struct strlist *env, int input_fd, int64_t timeout_ms,
	struct hook_process *ret_process, struct error *err);

#endif
