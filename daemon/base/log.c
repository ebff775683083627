/*
 * Log lines. systemd sets JOURNAL_STREAM to device and inode of the stderr that it created. If our stderr is still that
 * one, fields go to the journal (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), otherwise lines of text to stderr.
 *
 * Logging never blocks: sd_journal_sendv() waits for a journald that does not read, and so does a write to a full pipe.
 * A line that cannot be written at once waits in a bounded queue; further lines are counted and dropped.
 */
#include "daemon/base/log.h"

#include "common/buf.h"
#include "common/printable.h"
#include "daemon/base/log_private.h"
#include "daemon/base/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

enum { QUEUE_MAX = 1000 }; /* lines, nearly all of at most 2 KiB */

static const char journal_path[] = "/run/systemd/journal/socket";

/* One datagram for the journal, or one line for stderr. */
struct log_line {
	struct buf text;
	struct log_line *prev, *next;
};

struct log {
	enum log_level level;
	int fd; /* the journal's socket, owned; or stderr, borrowed */
	bool is_journal;
	struct log_line *waiting;
	unsigned n_waiting;
	uint64_t n_dropped; /* since the last time it was logged */
	struct loop *loop;  /* NULL: no loop yet; waiting lines are written with the next one */
	struct loop_fd *watch;
};

bool
log_is_journal_stream(const char *journal_stream, uint64_t dev, uint64_t ino)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%" PRIu64 ":%" PRIu64, dev, ino);
	return journal_stream && strcmp(journal_stream, expected) == 0;
}

/* Return: a socket, or -1: use stderr. */
static int
log_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, journal_path, sizeof(journal_path));
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct log *
log_new(enum log_level level)
{
	struct log *log = xcalloc(1, sizeof(*log));
	struct stat st;

	log->level = level;
	log->fd = STDERR_FILENO;
	if (fstat(STDERR_FILENO, &st) == 0 && log_is_journal_stream(getenv("JOURNAL_STREAM"), st.st_dev, st.st_ino)) {
		int fd = log_connect();

		log->is_journal = fd >= 0;
		log->fd = fd >= 0 ? fd : STDERR_FILENO;
	}
	return log;
}

/* --- the queue --- */

/*
 * Return: whether the line is finished: written, or lost for a reason that waiting does not fix. A socket accepts a
 * line at once or not at all; a pipe that poll() reports writable has room for PIPE_BUF octets.
 */
static bool
log_put(const struct log *log, const struct buf *text)
{
	struct pollfd writable = { .fd = log->fd, .events = POLLOUT };
	ssize_t n;

	do
		n = send(log->fd, text->data, text->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0 || (errno != ENOTSOCK && errno != EAGAIN))
		return true;
	if (errno == EAGAIN || poll(&writable, 1, 0) != 1)
		return false;
	do
		n = write(log->fd, text->data, text->len < PIPE_BUF ? text->len : PIPE_BUF);
	while (n < 0 && errno == EINTR);
	return n >= 0 || errno != EAGAIN;
}

static void
log_drop_first(struct log *log)
{
	struct log_line *line = log->waiting;

	DL_DELETE(log->waiting, line);
	log->n_waiting--;
	buf_clear(&line->text);
	free(line);
}

static void
log_flush(struct log *log)
{
	while (log->waiting && log_put(log, &log->waiting->text))
		log_drop_first(log);
	if (log->waiting || !log->n_dropped)
		return;
	uint64_t n = log->n_dropped;

	log->n_dropped = 0;
	log_warning(log, "%" PRIu64 " log lines were dropped: the journal or the reader of stderr is too slow", n);
}

static void
log_on_writable(int fd _unused_, short what _unused_, void *arg)
{
	struct log *log = arg;

	log_flush(log);
	if (!log->waiting)
		loop_fd_set(log->watch, 0);
}

/* @text is taken. */
static void
log_send(struct log *log, struct buf *text)
{
	struct log_line *line;

	if (log->waiting)
		log_flush(log);
	if (!log->waiting && log_put(log, text)) {
		buf_clear(text);
		return;
	}
	if (log->n_waiting == QUEUE_MAX) {
		log->n_dropped++;
		buf_clear(text);
		return;
	}
	line = xcalloc(1, sizeof(*line));
	line->text = *text;
	DL_APPEND(log->waiting, line);
	log->n_waiting++;
	if (!log->loop)
		return;
	if (!log->watch)
		log->watch = loop_fd_new(log->loop, log->fd, 0, log_on_writable, log);
	loop_fd_set(log->watch, LOOP_WRITE);
}

static void
log_detach(void *arg)
{
	struct log *log = arg;

	loop_fd_free(log->watch);
	log->watch = NULL;
	log->loop = NULL;
}

void
log_attach(struct log *log, struct loop *loop)
{
	log->loop = loop;
	loop_at_free(loop, log_detach, log);
}

void
log_free(struct log *log)
{
	if (!log)
		return;
	log_flush(log);
	while (log->waiting)
		log_drop_first(log);
	if (log->is_journal)
		close(log->fd);
	free(log);
}

void
log_set_level(struct log *log, enum log_level level)
{
	log->level = level;
}

/* --- lines --- */

static void
add_field(struct buf *ret, const char *name, const char *value)
{
	_cleanup_free_ char *line = printable_line(value, strlen(value), SIZE_MAX);

	buf_printf(ret, "%s=%s\n", name, line);
}

void
log_write(struct log *log, enum log_level level, const struct log_field *fields, size_t n_fields, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	struct buf text = BUF_INIT;
	va_list ap;

	if (level > log->level)
		return;
	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	printable_make_line(&message);
	if (!log->is_journal) {
		buf_printf(&text, "certd: %s\n", message);
		log_send(log, &text);
		return;
	}
	add_field(&text, "MESSAGE", message);
	buf_printf(&text, "PRIORITY=%d\nSYSLOG_IDENTIFIER=certd\n", (int)level);
	for (size_t i = 0; i < n_fields; i++)
		if (fields[i].value)
			add_field(&text, fields[i].name, fields[i].value);
	log_send(log, &text);
}
