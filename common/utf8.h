/* common/utf8.h: characters of UTF-8 (RFC 3629). */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of the character at @text, 1 to 4; 0: the octets are not UTF-8 (RFC 3629 s4), or @len is 0. */
size_t
utf8_length(const char *text, size_t len);

bool
utf8_is_valid(const char *text, size_t len);

/* The number of octets, at most @max, after which @text can be cut without splitting a character. */
size_t
utf8_cut(const char *text, size_t len, size_t max);

#endif
