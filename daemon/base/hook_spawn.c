/*
 * Starts a program by posix_spawn(3), which, unlike fork, is safe with threads and does not copy page tables. It cannot
 * set resource limits, so they are set from outside right after. The moment in between does not matter: the limits are
 * against runaway programs.
 */
#include "daemon/base/hook_private.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

enum {
	MAX_PROCESSES = 4096,      /* counted for the user, which may have other processes */
	MAX_FILE_SIZE = 256 << 20, /* octets */
	CPU_GRACE_SEC = 5          /* between SIGXCPU and SIGKILL */
};

static void
limit(pid_t pid, enum __rlimit_resource resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	/* Fails for a set-user-ID program, which is then not limited. */
	if (prlimit(pid, resource, NULL, &now) < 0)
		return;
	now.rlim_max = now.rlim_max < hard ? now.rlim_max : hard;
	now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
	prlimit(pid, resource, &now, NULL);
}

static void
hook_spawn_set_limits(pid_t pid, int64_t timeout_ms)
{
	rlim_t cpu_sec = (rlim_t)(timeout_ms / 1000 + 1);

	limit(pid, RLIMIT_CPU, cpu_sec, cpu_sec + CPU_GRACE_SEC);
	limit(pid, RLIMIT_NPROC, MAX_PROCESSES, MAX_PROCESSES);
	limit(pid, RLIMIT_FSIZE, MAX_FILE_SIZE, MAX_FILE_SIZE);
	limit(pid, RLIMIT_CORE, 0, 0);
}

/* The lists own the strings; the caller owns the array. */
static char **
environment_of(const struct strlist *env)
{
	size_t n = env ? env->count : 0;
	char **all = xcalloc(n + 3, sizeof(char *));

	all[0] = (char *)default_path;
	all[1] = (char *)"LANG=C.UTF-8";
	for (size_t i = 0; i < n; i++)
		all[i + 2] = env->items[i];
	return all;
}

/* Return: 0 or an error number, like posix_spawn(3). */
static int
spawn_with(const struct strlist *argv, char **env, int input_fd, int out_fd, posix_spawn_file_actions_t *actions,
	posix_spawnattr_t *attr, pid_t *ret_pid)
{
	sigset_t none;
	sigset_t all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = input_fd >= 0 ? posix_spawn_file_actions_adddup2(actions, input_fd, STDIN_FILENO)
			   : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (rc != 0 || (rc = posix_spawn_file_actions_adddup2(actions, out_fd, STDOUT_FILENO)) != 0 ||
		(rc = posix_spawn_file_actions_adddup2(actions, out_fd, STDERR_FILENO)) != 0 ||
		(rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1)) != 0 ||
		(rc = posix_spawn_file_actions_addchdir_np(actions, "/")) != 0)
		return rc;
	return posix_spawn(ret_pid, argv->items[0], actions, attr, argv->items, env);
}

static int
spawn(const struct strlist *argv, const struct strlist *env, int input_fd, int out_fd, pid_t *ret_pid)
{
	_cleanup_free_ char **all_env = environment_of(env);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		rc = spawn_with(argv, all_env, input_fd, out_fd, &actions, &attr, ret_pid);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* Adds what the error number of a failed start does not say. */
static const char *
hook_spawn_advice_for(const char *path, int errnum)
{
	if (errnum == ENOENT && access(path, F_OK) == 0)
		return " (the interpreter in its first line, or its loader)";
	if (errnum == ENOEXEC)
		return " (a script begins with a line such as #!/bin/sh)";
	if (errnum == EACCES && access(path, F_OK) == 0)
		return " (is it executable for the user that certd runs as?)";
	return "";
}

int
hook_spawn(const struct strlist *argv, const struct strlist *env, int input_fd, int64_t timeout_ms,
	struct hook_process *ret_process, struct error *err)
{
	const char *path = argv->count ? argv->items[0] : "";
	pid_t pid = -1;
	struct hook_scope scope;
	int pipe_fds[2];
	int pid_fd;
	int rc;

	if (path[0] != '/')
		return error_set(err, ERROR_HOOK, "cannot run '%s': not an absolute path", path);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set(err, ERROR_HOOK, "cannot run '%s': pipe: %s", path, strerror(errno));
	hook_scope_enter(&scope);
	rc = spawn(argv, env, input_fd, pipe_fds[1], &pid);
	hook_scope_leave(&scope);
	close(pipe_fds[1]);
	if (rc != 0) {
		close(pipe_fds[0]);
		return error_set(
			err, ERROR_HOOK, "cannot run '%s': %s%s", path, strerror(rc), hook_spawn_advice_for(path, rc));
	}
	hook_scope_started(&scope, pid);
	hook_spawn_set_limits(pid, timeout_ms);
	pid_fd = pidfd_open(pid, 0);
	if (pid_fd < 0) {
		rc = errno;
		kill(-pid, SIGKILL);
		hook_scope_signal(&scope, SIGKILL);
		waitpid(pid, NULL, 0);
		close(pipe_fds[0]);
		return error_set(err, ERROR_HOOK, "cannot watch '%s': %s", path, strerror(rc));
	}
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	*ret_process = (struct hook_process){ .pid = pid, .pid_fd = pid_fd, .out_fd = pipe_fds[0], .scope = scope };
	return 0;
}
