/*
 * common/crypto/sealed_stream.h: octets of any number, sealed with a passphrase in chunks, so that a file may be larger
 * than memory:
 *
 *   "certd sealed 1\n" NUL | salt (16) | chunk | chunk ...
 *
 * Each chunk has SEALED_CHUNK octets of ciphertext, the last one 1 to SEALED_CHUNK, and SEALED_CHUNK_TAG of tag.
 * AES-256-GCM; scrypt derives the key from passphrase and salt as in sealed.h, so that it is used for one file only.
 * The nonce is the number of the chunk (8 octets, big endian) and 1 (4 octets) for the last one, 0 for the others: no
 * chunk can be moved, repeated or left out, and a file that was cut off is noticed.
 */
#ifndef COMMON_CRYPTO_SEALED_STREAM_H
#define COMMON_CRYPTO_SEALED_STREAM_H

#include "common/crypto/secret.h"

#include <stdbool.h>
#include <stddef.h>

enum { SEALED_STREAM_HEAD = 32, SEALED_CHUNK = 64 << 10, SEALED_CHUNK_TAG = 16 };

struct sealed_stream;

/*
 * sealed_stream_write() - a new file; slow by design, so call it on a worker
 * @ret_head: its first octets
 * Return: NULL: ERROR_INVALID with the field "passphrase": it is too short or too long.
 */
struct sealed_stream *
sealed_stream_write(
	const struct secret *passphrase, unsigned char ret_head[static SEALED_STREAM_HEAD], struct error *err);

/* As sealed_stream_write(), for a file that begins with @head; ERROR_INVALID: it is not one, or of a later certd. */
struct sealed_stream *
sealed_stream_read(
	const struct secret *passphrase, const unsigned char head[static SEALED_STREAM_HEAD], struct error *err);

/* NULL is a no-op. */
void
sealed_stream_free(struct sealed_stream *stream);

/* The next chunk of @len octets. @ret: @len and SEALED_CHUNK_TAG octets. */
int
sealed_stream_seal(struct sealed_stream *stream, const unsigned char *plain, size_t len, bool is_last,
	unsigned char *ret, struct error *err);

/*
 * sealed_stream_open() - the next chunk of @len octets with its tag
 * @ret: SEALED_CHUNK_TAG less than @len. Nothing of it is valid on failure.
 * ERROR_INVALID, with the field "passphrase": the passphrase is wrong, or the file was altered or cut off.
 */
int
sealed_stream_open(struct sealed_stream *stream, const unsigned char *sealed, size_t len, bool is_last,
	unsigned char *ret, struct error *err);

#endif
