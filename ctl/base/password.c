/*
 * Reads a line without echo. No signal may leave the terminal without echo: while the line is read, signals that would
 * end or stop the program only interrupt read(). The terminal is then restored and the command ends as interrupted.
 */
#include "ctl/base/password.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MAX = 1024 };

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

static void
password_interrupt(int number)
{
	(void)number; /* makes read() end with EINTR */
}

static int
password_read_line(int tty, struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret line = SECRET_INIT;
	ssize_t n;

	secret_alloc(&line, PASSWORD_MAX);
	n = read(tty, line.data, line.len); /* the terminal provides line editing */
	if (n < 0 && errno == EINTR)
		return error_set(err, ERROR_CANCELLED, "interrupted");
	if (n < 0)
		return error_set_errno(err, errno, "read from the terminal");
	if (n > 0 && line.data[n - 1] == '\n')
		n--;
	secret_set(ret, line.data, (size_t)n);
	return 1;
}

static int
password_ask_silently(int tty, const char *prompt, struct secret *ret, struct error *err)
{
	struct sigaction action = { .sa_handler = password_interrupt };
	struct sigaction before[ARRAY_SIZE(signals)];
	struct termios shown, hidden;
	int rc;

	if (tcgetattr(tty, &shown) < 0)
		return 0;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, &before[i]);
	tcsetattr(tty, TCSAFLUSH, &hidden);
	rc = write(tty, prompt, strlen(prompt)) < 0 ? error_set_errno(err, errno, "write to the terminal")
						    : password_read_line(tty, ret, err);
	tcsetattr(tty, TCSAFLUSH, &shown);
	if (write(tty, "\n", 1) < 0)
		rc = rc < 0 ? rc : error_set_errno(err, errno, "write to the terminal");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &before[i], NULL);
	return rc;
}

int
password_ask(const char *prompt, struct secret *ret, struct error *err)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (tty < 0)
		return 0;
	rc = password_ask_silently(tty, prompt, ret, err);
	close(tty);
	return rc;
}
