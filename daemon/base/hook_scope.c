/*
 * All processes that a program leaves behind, wherever they went: setsid(2), a second fork, a cleaned environment. They
 * have one thing in common that nobody changes: resource limits are inherited. The soft limit of POSIX message queues,
 * which programs here do not use, is the mark of a hook; certd has it itself only while it starts the program, so that
 * no child can be faster. A cgroup would do the same, but certd cannot make one everywhere.
 */
#include "daemon/base/hook_private.h"

#include "common/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	PASSES_MAX = 16,       /* over all processes, while each finds more: some may be forking */
	STAT_START_FIELD = 22, /* of /proc/PID/stat, see proc(5) */
	STAT_FIRST_AFTER_NAME = 3
};

/* Return: 0 to @limit - 1, different for hooks that run at the same time. */
static rlim_t
hook_scope_next_mark(rlim_t hard)
{
	static rlim_t count;
	rlim_t range = hard == RLIM_INFINITY || hard > INT32_MAX ? INT32_MAX : hard;

	if (!count)
		count = (rlim_t)getpid() * 1009; /* an earlier certd's marks are elsewhere */
	return range ? ++count % range : 0;
}

void
hook_scope_enter(struct hook_scope *ret)
{
	struct rlimit own;

	*ret = (struct hook_scope){ .mark = RLIM_INFINITY };
	if (prlimit(0, RLIMIT_MSGQUEUE, NULL, &own) < 0)
		return;
	ret->before = own.rlim_cur;
	own.rlim_cur = hook_scope_next_mark(own.rlim_max);
	if (own.rlim_cur != ret->before && prlimit(0, RLIMIT_MSGQUEUE, &own, NULL) == 0)
		ret->mark = own.rlim_cur;
}

void
hook_scope_leave(const struct hook_scope *scope)
{
	struct rlimit own;

	if (scope->mark == RLIM_INFINITY || prlimit(0, RLIMIT_MSGQUEUE, NULL, &own) < 0)
		return;
	own.rlim_cur = scope->before;
	prlimit(0, RLIMIT_MSGQUEUE, &own, NULL);
}

/* Clock ticks since boot when @pid began; 0: it is not there or only waits to be reaped. */
static unsigned long long
started_at(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
	char text[1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *field;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	field = strrchr(text, ')'); /* the name before it may have anything in it */
	if (!field || strlen(field) < 3 || field[2] == 'Z')
		return 0;
	for (int i = STAT_FIRST_AFTER_NAME - 1; i < STAT_START_FIELD && field; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field, NULL, 10) : 0;
}

void
hook_scope_started(struct hook_scope *scope, pid_t leader)
{
	scope->started_at = started_at(leader);
}

static bool
is_in_scope(const struct hook_scope *scope, pid_t pid)
{
	struct rlimit limit;

	return pid != getpid() && prlimit(pid, RLIMIT_MSGQUEUE, NULL, &limit) == 0 && limit.rlim_cur == scope->mark &&
	       started_at(pid) >= scope->started_at && started_at(pid) > 0;
}

/* Return: whether a process was signalled. */
static bool
signal_all(const struct hook_scope *scope, int signum)
{
	DIR *proc = opendir("/proc");
	bool has_found = false;

	for (const struct dirent *entry; proc && (entry = readdir(proc));) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (pid <= 0 || *end || !is_in_scope(scope, (pid_t)pid))
			continue;
		has_found = kill((pid_t)pid, signum) == 0 || has_found;
	}
	if (proc)
		closedir(proc);
	return has_found;
}

void
hook_scope_signal(const struct hook_scope *scope, int signum)
{
	if (scope->mark == RLIM_INFINITY)
		return;
	for (int pass = 0; signal_all(scope, signum) && signum == SIGKILL && pass < PASSES_MAX; pass++)
		;
}
