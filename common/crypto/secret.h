/* common/crypto/secret.h: octets that must not leak: secure heap, cleansed on release, no printer, no JSON, no %s. */
#ifndef COMMON_CRYPTO_SECRET_H
#define COMMON_CRYPTO_SECRET_H

#include "common/alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct secret {
	unsigned char *data; /* owned, in the OpenSSL secure heap; NULL when empty */
	size_t len;
};

#define SECRET_INIT \
	{ \
		.data = NULL \
	}
#define _cleanup_secret_ _cleanup_(secret_clear)

/*
 * Once per process, before any other use of OpenSSL (a second call is a no-op): sets up the secure heap (1 MiB), core limit 0 and PR_SET_DUMPABLE 0.
 * @allow_debugger: keep the process dumpable (tests under strace and gdb only).
 * Return: 0; 1 the heap is there but not locked in memory (say so once); -1 there is none: refuse to run.
 */
int
secret_process_init(bool allow_debugger, struct error *err);

/* Cleanses and releases; the secret can be used again. */
void
secret_clear(struct secret *s);

/* Replaces @s by a copy of @len octets. */
void
secret_set(struct secret *s, const void *data, size_t len);

/*
 * Whether the secure heap is used to no more than a quarter: to be asked before secrets of somebody else's size are kept
 * for longer than a turn, as secret_alloc() ends the process when there is no room.
 */
bool
secret_has_room(void);

/* Replaces @s by @len zero octets to be filled in by the caller (decryption). */
void
secret_alloc(struct secret *s, size_t len);

void
secret_copy(struct secret *dst, const struct secret *src);

/* Moves @src into @dst (cleansed first). */
void
secret_move(struct secret *dst, struct secret *src);

/* Constant-time comparison. */
bool
secret_equal(const struct secret *a, const struct secret *b);

/* Fills @s with @len random octets (RAND_priv_bytes). Return: 0 or -1. */
int
secret_random(struct secret *s, size_t len, struct error *err);

/*
 * Reads a file of at most @max octets. It must be a regular file, owned by root or by us, and not readable by
 * others (mode & 007 == 0), else ERROR_DENIED that says which mode to set. @strip: it is text: drop
 * trailing white space, and the byte order mark that editors on Windows write; UTF-16 is ERROR_INVALID. So is an empty file.
 */
int
secret_read_file(struct secret *s, const char *path, size_t max, bool strip, struct error *err);

#endif
