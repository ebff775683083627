/* What the other tests rely on: ports that are theirs alone. */
#include "common/error.h"
#include "daemon/base/fatal.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child takes ports, writes their numbers, and keeps them until it is killed. */
static pid_t
take_ports(int fd, int n)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid > 0)
		return pid;
	for (int i = 0; i < n; i++) {
		int port = free_port();

		if (write(fd, &port, sizeof(port)) != sizeof(port))
			_exit(1);
	}
	pause();
	_exit(0);
}

Test(process, a_port_belongs_to_one_process, .timeout = 300)
{
	enum { CHILDREN = 40, PORTS = 40, PORT_MAX = 65536 };
	static bool is_taken[PORT_MAX];
	pid_t pids[CHILDREN];
	int pipe_fds[2];

	cr_assert_eq(pipe(pipe_fds), 0);
	is_taken[free_port()] = true;
	for (int i = 0; i < CHILDREN; i++)
		pids[i] = take_ports(pipe_fds[1], PORTS);
	for (int i = 0; i < CHILDREN * PORTS; i++) {
		int port = 0;

		cr_assert_eq(read(pipe_fds[0], &port, sizeof(port)), (ssize_t)sizeof(port));
		cr_assert(port > 0 && port < PORT_MAX);
		cr_expect_not(is_taken[port], "%d was taken twice", port);
		is_taken[port] = true;
	}
	for (int i = 0; i < CHILDREN; i++)
		process_stop(&pids[i]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

#define FILES "raise the limit of open files (LimitNOFILE=)\n"

Test(process, what_the_system_refuses_ends_it_with_advice)
{
	static const struct {
		int errnum;
		const char *says;
	} cases[] = {
		{ EMFILE, "certd: cannot create a timer: Too many open files; " FILES },
		{ ENFILE, "certd: cannot create a timer: Too many open files in system; " FILES },
		{ EAGAIN, "certd: cannot create a timer: Resource temporarily unavailable; raise the limit of tasks "
			  "(TasksMax=)\n" },
		{ ENOMEM, "certd: cannot create a timer: Cannot allocate memory\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256] = "";
		int fds[2], status;
		pid_t pid;

		cr_assert_eq(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			dup2(fds[1], STDERR_FILENO);
			fatal_errno(cases[i].errnum, "create a timer");
		}
		close(fds[1]);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert_gt(read(fds[0], text, sizeof(text) - 1), 0);
		close(fds[0]);
		cr_expect_str_eq(text, cases[i].says);
		cr_expect(WIFEXITED(status));
		cr_expect_eq(WEXITSTATUS(status), error_exit_status(ERROR_STATE));
	}
}
