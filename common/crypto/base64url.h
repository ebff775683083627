/* common/crypto/base64url.h: base64url without padding (RFC 4648 s5), and tolerant decoding of pasted text. */
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
 * Standard or URL alphabet, with or without padding, over several lines, in quotes, with a byte order mark or white
 * space around it: EAB and TSIG secrets are distributed in all these forms.
 * Empty text is an error. Messages never contain a part of the text. Return: 0 or -1.
 */
int
base64_decode_any(const char *text, size_t len, struct secret *ret, struct error *err);

#endif
