#include "daemon/base/notify.h"

#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A manager's end: a bound datagram socket in a directory of its own, or abstract. */
struct manager {
	char dir[32];
	char *path;
	int fd;
};

static void
manager_init(struct manager *m, bool is_abstract)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len;

	memcpy(m->dir, "/tmp/certd-notify-XXXXXX", sizeof("/tmp/certd-notify-XXXXXX"));
	cr_assert_not_null(mkdtemp(m->dir));
	m->path = xasprintf("%s%s/socket", is_abstract ? "@" : "", m->dir);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(m->path) + (is_abstract ? 0 : 1));
	memcpy(addr.sun_path, m->path, strlen(m->path));
	if (is_abstract)
		addr.sun_path[0] = '\0';
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(m->fd, (struct sockaddr *)&addr, len), 0);
	setenv("NOTIFY_SOCKET", m->path, 1);
}

static void
manager_clear(struct manager *m)
{
	close(m->fd);
	unlink(m->path);
	rmdir(m->dir);
	free(m->path);
}

/* The next datagram, or "" when there is none. */
static const char *
receive(struct manager *m, char *buf, size_t size)
{
	ssize_t n = recv(m->fd, buf, size - 1, MSG_DONTWAIT);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

Test(notify, states_reach_the_manager_one_line_each)
{
	struct manager m;
	char got[512];
	unsigned long long usec = 0;

	manager_init(&m, false);
	notify_ready();
	cr_expect_str_eq(receive(&m, got, sizeof(got)), "READY=1");
	notify_stopping();
	cr_expect_str_eq(receive(&m, got, sizeof(got)), "STOPPING=1");
	notify_status("%d certificates\nREADY=1", 3);
	cr_expect_str_eq(receive(&m, got, sizeof(got)), "STATUS=3 certificates READY=1");
	notify_field("GENERATION", "7\r\nMAINPID=1");
	cr_expect_str_eq(receive(&m, got, sizeof(got)), "X_CERTD_GENERATION=7  MAINPID=1");
	notify_extend_timeout(5000);
	cr_expect_str_eq(receive(&m, got, sizeof(got)), "EXTEND_TIMEOUT_USEC=5000000000");
	notify_reloading();
	receive(&m, got, sizeof(got));
	cr_expect_eq(strncmp(got, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	usec = strtoull(got + 27, NULL, 10);
	cr_expect_gt(usec, 0);
	manager_clear(&m);
}

Test(notify, without_a_manager_nothing_happens)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	notify_ready();
	notify_status("x");
	cr_expect_eq(notify_listen_fds("control", NULL, 0), 0);
}

Test(notify, sends_to_sockets_of_others)
{
	for (int is_abstract = 0; is_abstract <= 1; is_abstract++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct manager m;
		char got[512];

		manager_init(&m, is_abstract);
		cr_expect_eq(notify_send_to(m.path, "READY=1\nX_CERTD_NAME=www", &err), 0, "%s", err.message);
		cr_expect_str_eq(receive(&m, got, sizeof(got)), "READY=1\nX_CERTD_NAME=www");
		manager_clear(&m);
	}
}

Test(notify, a_socket_that_cannot_be_reached_is_named)
{
	char long_path[200];
	struct {
		const char *path;
		enum error_code code;
		const char *message;
	} cases[] = {
		{ "/nowhere/socket", ERROR_NOT_FOUND, "notify '/nowhere/socket': No such file or directory" },
		{ "@certd-test-nobody-listens", ERROR_NETWORK,
			"notify '@certd-test-nobody-listens': Connection refused" },
		{ "relative", ERROR_INVALID, "'relative' is neither an absolute path nor '@' and a name" },
		{ "", ERROR_INVALID, "'' is neither an absolute path nor '@' and a name" },
		{ "@", ERROR_INVALID, "'@': the path of a socket has 2 to 107 characters" },
		{ long_path, ERROR_INVALID, NULL },
	};

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(notify_send_to(cases[i].path, "READY=1", &err), -1);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].path, err.message);
		if (cases[i].message)
			cr_expect_str_eq(err.message, cases[i].message);
	}
}

Test(notify, a_reader_that_fell_behind_does_not_block, .timeout = 300)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct manager m;
	int sent = 0;

	manager_init(&m, false);
	while (sent < 100000 && notify_send_to(m.path, "READY=1", &err) == 0)
		sent++;
	cr_expect_eq(err.code, ERROR_UNAVAILABLE, "%s", err.message);
	manager_clear(&m);
}

Test(notify, the_watchdog_is_fed_at_half_its_time_from_the_loop)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *pid = xasprintf("%d", (int)getpid());
	struct clock *clock = clock_new_virtual(1000);
	struct loop *loop = loop_new(clock);
	struct manager m;
	char got[64];
	unsigned pings = 0;

	manager_init(&m, false);
	fcntl(m.fd, F_SETFL, O_NONBLOCK);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	notify_watchdog_start(loop);
	cr_assert_eq(loop_run_until(loop, 1000 + 61, &err), 0);
	while (*receive(&m, got, sizeof(got))) {
		cr_expect_str_eq(got, "WATCHDOG=1");
		pings++;
	}
	cr_expect_eq(pings, 5, "at 0, 15, 30, 45 and 60 s");
	manager_clear(&m);
	loop_free(loop);
	clock_free(clock);
}

Test(notify, no_watchdog_unless_the_manager_asks)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct clock *clock = clock_new_virtual(1000);
	struct loop *loop = loop_new(clock);

	unsetenv("WATCHDOG_USEC");
	notify_watchdog_start(loop);
	cr_assert_eq(loop_run(loop, &err), 0, "nothing to wait for");
	cr_expect_eq(clock_wall(clock), 1000);
	loop_free(loop);
	clock_free(clock);
}

/* In a process of its own, because 3, 4 and 5 are in use here. Return: number of the first check that failed, or 0. */
static int
check_listen_fds(void)
{
	_cleanup_free_ char *pid = xasprintf("%d", (int)getpid());
	int fds[2] = { -1, -1 };

	for (int fd = 3; fd <= 5; fd++)
		if (dup2(STDERR_FILENO, fd) < 0)
			return 1;
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "http:control:http", 1);
	if (notify_listen_fds("control", fds, 2) != 1 || fds[0] != 4)
		return 2;
	if (notify_listen_fds("http", fds, 2) != 2 || fds[0] != 3 || fds[1] != 5)
		return 3; /* asked twice: the environment is still there */
	if (notify_listen_fds("http", fds, 1) != 1)
		return 4; /* never more than there is room for */
	if (notify_listen_fds("other", fds, 2) != 0)
		return 5;
	for (int fd = 3; fd <= 5; fd++)
		if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			return 6;
	setenv("LISTEN_PID", "1", 1);
	if (notify_listen_fds("control", fds, 2) != 0)
		return 7; /* for another reader */
	return 0;
}

Test(notify, descriptors_are_told_apart_by_name_and_closed_on_exec)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(check_listen_fds());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status));
	cr_expect_eq(WEXITSTATUS(status), 0, "check %d failed", WEXITSTATUS(status));
}

Test(notify, a_credential_is_found_in_its_directory)
{
	char dir[] = "/tmp/certd-cred-XXXXXX";
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *found = NULL;

	unsetenv("CREDENTIALS_DIRECTORY");
	cr_expect_null(notify_credential_path("master-key"));
	cr_assert_not_null(mkdtemp(dir));
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	cr_expect_null(notify_credential_path("master-key"));
	cr_expect_null(notify_credential_path("../etc/passwd"));
	path = xasprintf("%s/master-key", dir);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400));
	found = notify_credential_path("master-key");
	cr_expect_str_eq(found, path);
	unlink(path);
	rmdir(dir);
}

/* In a process of its own, whose descriptors 3 to 5 are the manager's. Return: the exit status. */
static int
listen_in_child(const char *names, const char *pid)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		char own[16];
		int fds[2] = { -1, -1 };
		size_t n;

		for (int fd = 3; fd < 6; fd++)
			if (dup2(0, fd) < 0)
				_exit(9);
		snprintf(own, sizeof(own), "%d", (int)getpid());
		setenv("LISTEN_PID", pid ? pid : own, 1);
		setenv("LISTEN_FDS", "3", 1);
		setenv("LISTEN_FDNAMES", names, 1);
		n = notify_listen_fds("http", fds, 2);
		for (size_t i = 0; i < n; i++)
			if (!(fcntl(fds[i], F_GETFL) & O_NONBLOCK) || !(fcntl(fds[i], F_GETFD) & FD_CLOEXEC))
				_exit(8);
		_exit(10 * (fds[0] > 0 ? fds[0] : 0) + (fds[1] > 0 ? fds[1] : 0));
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(notify, the_sockets_of_a_name_are_taken_from_the_manager_and_do_not_block)
{
	cr_expect_eq(listen_in_child("http:control:other", NULL), 30);
	cr_expect_eq(listen_in_child("control:http:http", NULL), 45);
	cr_expect_eq(listen_in_child("http:http:http", NULL), 34, "no more than there is room for");
	cr_expect_eq(listen_in_child("https:control:htt", NULL), 0);
	cr_expect_eq(listen_in_child("http:http:http", "1"), 0, "they are another process's");
}
