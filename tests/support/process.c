/* tests/support/process.c: see process.h. */
#include "tests/support/process.h"

#include "common/strlist.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 120000, POLL_MS = 10 };

/* Blocks of ports, shared by all tests on a machine; as in tests/support/py/procs.py. */
enum { FIRST_PORT = 10240, PORT_BLOCKS = 704, PORT_BLOCK_SIZE = 32 };

char *
scratch_new(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/certd-test-XXXXXX", tmp ? tmp : "/tmp");

	cr_assert_not_null(mkdtemp(dir), "mkdtemp: %s", strerror(errno));
	return dir;
}

static int
remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *ftw _unused_)
{
	return remove(path);
}

void
scratch_remove(char **dir)
{
	if (*dir)
		nftw(*dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*dir);
	*dir = NULL;
}

void
scratch_write(const char *dir, const char *name, const char *fmt, ...)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "we");
	va_list ap;

	cr_assert_not_null(file, "%s: %s", path, strerror(errno));
	va_start(ap, fmt);
	vfprintf(file, fmt, ap);
	va_end(ap);
	cr_assert_eq(fclose(file), 0);
}

/* Takes the abstract socket "certd-test-ports-NUMBER", which the process holds for as long as it lives. */
static bool
process_owns_block(int number)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "certd-test-ports-%d", number);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0)
		return true;
	close(fd);
	return false;
}

static bool
process_port_is_free(int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_free = bind(tcp, (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
		       bind(udp, (struct sockaddr *)&sin, sizeof(sin)) == 0;

	close(tcp);
	close(udp);
	return is_free;
}

int
free_port(void)
{
	static int next, end; /* of the block that this process owns */
	static pid_t owner;

	if (owner != getpid())
		next = end = 0; /* the block is the parent's */
	for (int i = 0; i < PORT_BLOCKS; i++) {
		while (next < end)
			if (process_port_is_free(next++))
				return next - 1;
		int number = (getpid() + i) % PORT_BLOCKS;
		if (process_owns_block(number)) {
			owner = getpid();
			next = FIRST_PORT + number * PORT_BLOCK_SIZE;
			end = next + PORT_BLOCK_SIZE;
		}
	}
	cr_assert_fail("every block of ports is reserved");
	return 0;
}

static void
run_child(const char *log, const char *const *argv)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	unsetenv("LD_PRELOAD");
	dup2(null, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	execvp(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t
process_start(const char *dir, const char *const *argv)
{
	const char *slash = strrchr(argv[0], '/');
	_cleanup_free_ char *log = xasprintf("%s/%s.log", dir, slash ? slash + 1 : argv[0]);
	pid_t pid = fork();

	cr_assert_geq(pid, 0, "fork: %s", strerror(errno));
	if (pid == 0)
		run_child(log, argv);
	return pid;
}

static int
is_open(int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ok = connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0;

	close(fd);
	return ok;
}

void
process_wait_port(pid_t pid, int port)
{
	for (int ms = 0; ms < START_MS; ms += POLL_MS) {
		int status;

		if (is_open(port))
			return;
		cr_assert_eq(waitpid(pid, &status, WNOHANG), 0,
			"the server ended before it listened (is it installed?), wait status %x", status);
		nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000 }, NULL);
	}
	cr_assert_fail("nothing listens on port %d", port);
}

void
process_stop(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*pid = 0;
}
