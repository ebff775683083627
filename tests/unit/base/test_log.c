#include "daemon/base/log.h"

#include "common/buf.h"
#include "daemon/base/clock.h"
#include "daemon/base/log_private.h"
#include "daemon/base/loop.h"
#include "tests/support/journal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Makes a pipe our stderr. Return: its reading end. */
static int
capture_stderr(void)
{
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	return fds[0];
}

static const char *
captured(int fd, char *buf, size_t size)
{
	ssize_t n = read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

Test(log, lines_go_to_stderr_without_a_journal)
{
	int fd = capture_stderr();
	struct log *log;
	char got[512];

	unsetenv("JOURNAL_STREAM");
	log = log_new(LOG_LEVEL_INFO);
	log_info(log, "ready after %d ms", 12);
	cr_expect_str_eq(captured(fd, got, sizeof(got)), "certd: ready after 12 ms\n");
	log_free(log);
}

Test(log, what_is_less_important_than_the_level_is_dropped)
{
	int fd = capture_stderr();
	struct log *log;
	char got[512];

	unsetenv("JOURNAL_STREAM");
	log = log_new(LOG_LEVEL_WARNING);
	log_info(log, "info");
	log_write(log, LOG_LEVEL_NOTICE, NULL, 0, "notice");
	log_warning(log, "warning");
	log_error(log, "error");
	cr_expect_str_eq(captured(fd, got, sizeof(got)), "certd: warning\ncertd: error\n");
	log_set_level(log, LOG_LEVEL_DEBUG);
	log_write(log, LOG_LEVEL_DEBUG, NULL, 0, "debug");
	cr_expect_str_eq(captured(fd, got, sizeof(got)), "certd: debug\n");
	log_free(log);
}

Test(log, foreign_text_cannot_forge_lines_or_move_the_cursor)
{
	int fd = capture_stderr();
	struct log *log;
	char got[512];

	unsetenv("JOURNAL_STREAM");
	log = log_new(LOG_LEVEL_INFO);
	log_info(log, "the CA said: %s", "no\ncertd: all is well\x1b[2J\x7f\xc2\x9b\xe2\x80\xae");
	cr_expect_str_eq(captured(fd, got, sizeof(got)), "certd: the CA said: no certd: all is well [2J ??\n");
	log_free(log);
}

Test(log, a_stderr_that_is_gone_ends_nothing)
{
	struct log *log = log_new(LOG_LEVEL_INFO);
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);

	close(STDERR_FILENO);
	log_info(log, "nobody hears");
	dup2(saved, STDERR_FILENO);
	cr_expect_geq(saved, 100);
	log_free(log);
}

Test(log, the_journal_is_used_only_if_stderr_is_its_stream)
{
	static const struct {
		const char *journal_stream;
		bool is_it;
	} cases[] = {
		{ "8:1234", true },
		{ NULL, false },
		{ "", false },
		{ "8:1235", false },
		{ "9:1234", false },
		{ "8:12345", false },
		{ "8:1234 ", false },
		{ "8", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(log_is_journal_stream(cases[i].journal_stream, 8, 1234), cases[i].is_it, "%s",
			cases[i].journal_stream);
}

Test(log, the_journal_gets_the_fields)
{
	const struct log_field fields[] = { { "CERTD_CERTIFICATE",
						    "www\nPRIORITY=0\xc2\x85\xe2\x80\xae\xe2\x81\xa9\xe2\x80\x8f" },
		{ "CERTD_PROVIDER", NULL } };
	struct log *log;
	char got[1024];
	int journal;

	journal = journal_listen();
	if (journal < 0)
		cr_skip_test("mount namespaces are not allowed here");
	journal_pretend_stream();
	log = log_new(LOG_LEVEL_INFO);
	log_write(log, LOG_LEVEL_NOTICE, fields, ARRAY_SIZE(fields), "renewed %s", "www\u202e");
	got[recv(journal, got, sizeof(got) - 1, MSG_DONTWAIT)] = '\0';
	cr_expect_str_eq(got, "MESSAGE=renewed www?\nPRIORITY=5\nSYSLOG_IDENTIFIER=certd\n"
			      "CERTD_CERTIFICATE=www PRIORITY=0????\n");
	log_free(log);
	close(journal);
}

/* A journal that reads again: counts lines until the one that counts those that were dropped. */
struct reader {
	struct loop *loop;
	unsigned lines;
	char last[1024];
};

static void
on_journal_readable(int fd, short what _unused_, void *arg)
{
	struct reader *reader = arg;
	ssize_t n = recv(fd, reader->last, sizeof(reader->last) - 1, MSG_DONTWAIT);

	if (n <= 0)
		return;
	reader->last[n] = '\0';
	reader->lines++;
	if (strstr(reader->last, "log lines were dropped"))
		loop_stop(reader->loop);
}

/* sd_journal_sendv() would wait for ever in the first of these lines that does not fit. */
Test(log, a_journal_that_does_not_read_blocks_nothing_and_lost_lines_are_counted, .timeout = 300)
{
	enum { LINES = 20000 };
	struct clock *clock = clock_new_real();
	struct loop *loop = loop_new(clock);
	_cleanup_free_ char *expected = NULL;
	struct log *log;
	struct reader reader = { .loop = loop };
	struct loop_fd *watch;
	int journal;

	journal = journal_listen();
	if (journal < 0)
		cr_skip_test("mount namespaces are not allowed here");
	journal_pretend_stream();
	log = log_new(LOG_LEVEL_INFO);
	log_attach(log, loop);
	for (int i = 0; i < LINES; i++)
		log_info(log, "line %d", i);
	watch = loop_fd_new(loop, journal, LOOP_READ, on_journal_readable, &reader);
	cr_assert_eq(loop_run_until(loop, clock_wall(clock) + 20, NULL), 0);
	cr_expect_gt(reader.lines, 1000, "the queue was delivered: %u lines", reader.lines);
	expected = xasprintf("MESSAGE=%u log lines were dropped", LINES - (reader.lines - 1));
	cr_expect_eq(strncmp(reader.last, expected, strlen(expected)), 0, "%s, not %s", expected, reader.last);
	loop_fd_free(watch);
	loop_free(loop);
	log_free(log);
	clock_free(clock);
	close(journal);
}

Test(log, a_full_pipe_on_stderr_blocks_nothing, .timeout = 300)
{
	struct log *log;
	char got[65536];
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0); /* blocking, as a shell's pipe */
	cr_assert_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	log = log_new(LOG_LEVEL_INFO);
	for (int i = 0; i < 20000; i++)
		log_info(log, "line %d", i);
	cr_assert_gt(read(fds[0], got, sizeof(got)), 1000);
	log_info(log, "one more"); /* sends what waits, and then the count */
	cr_assert_gt(read(fds[0], got, sizeof(got) - 1), 1000);
	cr_expect(memmem(got, sizeof(got), "log lines were dropped", 22));
	log_free(log);
	close(fds[0]);
	close(fds[1]);
}
