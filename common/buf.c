/*
 * Growing octet buffer. The capacity doubles, so that appending takes linear time in total; the NUL after the data is
 * not counted.
 */
#include "common/buf.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUF_FIRST_CAP = 64 };

static void
buf_reserve(struct buf *b, size_t more)
{
	size_t need = b->len + more + 1;
	size_t cap = b->cap ? b->cap : BUF_FIRST_CAP;

	if (need < more)
		abort(); /* overflow: callers bound sizes far below this */
	if (need <= b->cap)
		return;
	while (cap < need)
		cap *= 2;
	b->data = xreallocarray(b->data, cap, 1);
	b->cap = cap;
}

void
buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	buf_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	buf_add_str(b, s);
}

void
buf_drop(struct buf *b, size_t len)
{
	if (len >= b->len) {
		buf_reset(b);
		return;
	}
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

const char *
buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *
buf_steal(struct buf *b)
{
	char *data = b->data ? b->data : xstrdup("");

	*b = (struct buf)BUF_INIT;
	return data;
}

static int
buf_read_all(struct buf *b, int fd, size_t max, const char *path, struct error *err)
{
	char block[16384];
	size_t start = b->len;

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "cannot read '%s'", path);
		if (n == 0)
			return 0;
		if ((size_t)n > max - (b->len - start))
			return error_set(err, ERROR_LIMIT, "'%s' is larger than %zu octets", path, max);
		buf_add(b, block, (size_t)n);
	}
}

int
buf_read_file(struct buf *b, int dirfd, const char *path, size_t max, struct error *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	rc = buf_read_all(b, fd, max, path, err);
	close(fd);
	return rc;
}

int
write_all(int fd, const void *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			data = (const char *)data + n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int
buf_write_fd(const struct buf *b, int fd, struct error *err)
{
	return write_all(fd, b->data, b->len) < 0 ? error_set_errno(err, errno, "write") : 0;
}
