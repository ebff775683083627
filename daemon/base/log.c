/*
 * Log lines. systemd sets JOURNAL_STREAM to device and inode of the stderr it made; when ours still is that one, the
 * journal gets the fields, else lines of text go to stderr. Texts may hold what a CA or a program said, so control
 * characters never reach the reader's terminal and a message stays one line.
 */
#include "daemon/base/log.h"

#include "common/buf.h"
#include "common/printable.h"
#include "daemon/base/log_private.h"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

struct log {
	enum log_level level;
	bool to_journal;
};

bool
log_is_journal_stream(const char *journal_stream, uint64_t dev, uint64_t ino)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%" PRIu64 ":%" PRIu64, dev, ino);
	return journal_stream && strcmp(journal_stream, expected) == 0;
}

struct log *
log_new(enum log_level level)
{
	struct log *log = xcalloc(1, sizeof(*log));
	struct stat st;

	log->level = level;
	if (fstat(STDERR_FILENO, &st) == 0)
		log->to_journal = log_is_journal_stream(getenv("JOURNAL_STREAM"), st.st_dev, st.st_ino);
	return log;
}

void
log_free(struct log *log)
{
	free(log);
}

void
log_set_level(struct log *log, enum log_level level)
{
	log->level = level;
}

static void
write_journal(enum log_level level, const struct log_field *fields, size_t n_fields, const char *message)
{
	struct iovec *iov = xcalloc(n_fields + 3, sizeof(*iov));
	int n = 0;

#define ADD(...) \
	do { \
		iov[n].iov_base = xasprintf(__VA_ARGS__); \
		iov[n].iov_len = strlen(iov[n].iov_base); \
		n++; \
	} while (0)
	ADD("MESSAGE=%s", message);
	ADD("PRIORITY=%d", (int)level);
	ADD("SYSLOG_IDENTIFIER=certd");
	for (size_t i = 0; i < n_fields; i++)
		if (fields[i].value)
			ADD("%s=%s", fields[i].name, fields[i].value);
#undef ADD
	sd_journal_sendv(iov, n);
	while (n-- > 0)
		free(iov[n].iov_base);
	free(iov);
}

/* One write, so that lines of several processes do not mix; where stderr is gone nobody can be told. */
static void
write_stderr(const char *message)
{
	_cleanup_free_ char *line = xasprintf("certd: %s\n", message);
	ssize_t n;

	do
		n = write(STDERR_FILENO, line, strlen(line));
	while (n < 0 && errno == EINTR);
}

void
log_write(struct log *log, enum log_level level, const struct log_field *fields, size_t n_fields,
	const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	if (level > log->level)
		return;
	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	printable_make_line(&message);
	if (log->to_journal)
		write_journal(level, fields, n_fields, message);
	else
		write_stderr(message);
}
