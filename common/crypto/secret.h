/*
 * common/crypto/secret.h: octets that must not leak: in the secure heap, cleansed on release, never printed, never in
 * JSON.
 */
#ifndef COMMON_CRYPTO_SECRET_H
#define COMMON_CRYPTO_SECRET_H

#include "common/alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct secret {
	unsigned char *data; /* owned, in the OpenSSL secure heap or in separate pages; NULL when empty */
	size_t len;
};

#define SECRET_INIT \
	{ \
		.data = NULL \
	}
#define _cleanup_secret_ _cleanup_(secret_clear)

/*
 * Call once per process, before any other use of OpenSSL (a second call is a no-op). Sets up the secure heap (1 MiB),
 * core limit 0 and PR_SET_DUMPABLE 0.
 * @may_debug: keep the process dumpable (only for tests under strace and gdb)
 * Return: 0; 1 the heap exists but is not locked in memory (report it once); -1 there is none: refuse to run.
 */
int
secret_process_init(bool may_debug, struct error *err);

/* Cleanses and releases; the secret can be used again. */
void
secret_clear(struct secret *s);

/* Replaces @s by a copy of @len octets. */
void
secret_set(struct secret *s, const void *data, size_t len);

/*
 * Whether at most a quarter of the secure heap is used. Ask before secrets whose size a peer chooses are kept for
 * longer than a turn: beyond half of it each secret costs separate pages, and OpenSSL's operations with keys fail when
 * it is full.
 */
bool
secret_has_room(void);

/*
 * Replaces @s by @len zero octets for the caller to fill (decryption). Always succeeds, also when the secure heap is
 * full; as with xmalloc(), the process ends only when memory runs out.
 */
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
 * Reads a file of at most @max octets. It must be a regular file, owned by root or by certd's user, and not accessible
 * to others (mode & 007 == 0); otherwise ERROR_DENIED with the mode to set.
 * @is_text: trailing white space is dropped, and the byte order mark that editors on Windows write. ERROR_INVALID:
 * UTF-16.
 * An empty file is ERROR_INVALID.
 */
int
secret_read_file(struct secret *s, const char *path, size_t max, bool is_text, struct error *err);

#endif
