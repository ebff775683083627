/* common/crypto/base64url.h: base64url without padding (RFC 4648 s5), and the tolerant reading of what people paste. */
#ifndef COMMON_CRYPTO_BASE64URL_H
#define COMMON_CRYPTO_BASE64URL_H

#include "common/buf.h"

#include <stdbool.h>

struct error;
struct secret;

/* Appends the encoding of @len octets to @ret. */
void
base64url_encode(const void *data, size_t len, struct buf *ret);

/* Whether @text is not empty and has only characters of the alphabet. */
bool
base64url_is_text(const char *text, size_t len);

/* Strict: alphabet of RFC 4648 s5, no padding, no white space, unused bits zero. Appends. Return: 0 or -1. */
int
base64url_decode(const char *text, size_t len, struct buf *ret, struct error *err);

/*
 * Standard or URL alphabet, padding or none, over several lines, in quotes, with a byte order mark or white space
 * around: EAB and TSIG secrets come in every form.
 * Empty text is an error. Messages never hold a piece of the text. Return: 0 or -1.
 */
int
base64_decode_any(const char *text, size_t len, struct secret *ret, struct error *err);

#endif
