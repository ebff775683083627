/* common/buf.h: octets that grow, always followed by a NUL so that text can be read in place. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/alloc.h"

#include <stddef.h>
#include <stdint.h>

struct error;

struct buf {
	char *data; /* owned; NULL until something is added, then data[len] == 0 */
	size_t len;
	size_t cap;
};

#define BUF_INIT \
	{ \
		.data = NULL \
	}
#define _cleanup_buf_ _cleanup_(buf_clear)

/* Releases the octets; the buffer can be used again. Not for secrets: see common/crypto/secret.h. */
void
buf_clear(struct buf *b);

/* Forgets the octets, keeps the memory. */
void
buf_reset(struct buf *b);

void
buf_add(struct buf *b, const void *data, size_t len);

void
buf_add_str(struct buf *b, const char *s);

void
buf_add_char(struct buf *b, char c);

void
buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);

/* Removes the first @len octets. */
void
buf_drop(struct buf *b, size_t len);

/* Keeps the first @len octets, at most all. */
void
buf_truncate(struct buf *b, size_t len);

/* The octets as a NUL-terminated string; "" when empty. Borrowed until the next change. */
const char *
buf_str(const struct buf *b);

/* Moves the octets out, never NULL; owned by the caller. The buffer is empty afterwards. */
char *
buf_steal(struct buf *b);

/*
 * Appends a whole file of at most @max octets, opened relative to @dirfd (AT_FDCWD allowed), to @b.
 * Return: 0, or -1: ERROR_NOT_FOUND, ERROR_LIMIT (larger than @max), or by errno.
 */
int
buf_read_file(struct buf *b, int dirfd, const char *path, size_t max, struct error *err);

/* Writes all octets to @fd, continuing after short writes and EINTR. Return: 0, or -1 with errno. */
int
write_all(int fd, const void *data, size_t len);

/* The same. Return: 0 or -1. */
int
buf_write_fd(const struct buf *b, int fd, struct error *err);

#endif
