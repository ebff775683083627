/*
 * Base64. OpenSSL's decoder skips white space, stops at '-' and hides padding, and different JSON texts must not decode
 * alike, so the strict reader is our own: one table, one loop, exact lengths.
 */
#include "common/crypto/base64url.h"

#include "common/crypto/secret.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
base64url_encode(const void *data, size_t len, struct buf *ret)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16;
		char out[4];

		if (have > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (have > 2)
			v |= p[i + 2];
		for (unsigned c = 0; c < 4; c++)
			out[c] = alphabet[v >> (18 - 6 * c) & 63];
		buf_add(ret, out, have + 1);
	}
}

/*
 * Six bits, or -1. It need not run in constant time: a timing leak would reveal the text only to the operator who typed
 * it.
 */
static int
sextet(char c, bool is_standard)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-' || (is_standard && c == '+'))
		return 62;
	if (c == '_' || (is_standard && c == '/'))
		return 63;
	return -1;
}

bool
base64url_is_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (sextet(text[i], false) < 0)
			return false;
	return len > 0;
}

/* The number of octets that @len digits encode. */
static size_t
decoded_len(size_t len)
{
	return len / 4 * 3 + len % 4 * 3 / 4;
}

/* Fills @out with decoded_len(@len) octets. Return: NULL, or the fault (never with a part of the text). */
static const char *
base64url_decode_with(const char *text, size_t len, bool is_standard, unsigned char *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	if (len % 4 == 1)
		return "has an invalid length";
	for (size_t i = 0; i < len; i++) {
		int six = sextet(text[i], is_standard);

		if (six < 0)
			return "has an invalid character";
		bits = bits << 6 | (uint32_t)six;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*out++ = (unsigned char)(bits >> have & 0xff);
		}
	}
	if (!is_standard && (bits & ((1U << have) - 1)) != 0)
		return "has nonzero unused bits";
	return NULL;
}

int
base64url_decode(const char *text, size_t len, struct buf *ret, struct error *err)
{
	size_t out_len = decoded_len(len);
	_cleanup_free_ unsigned char *out = xmalloc(out_len);
	const char *wrong = base64url_decode_with(text, len, false, out);

	if (wrong)
		return error_set(err, ERROR_INVALID, "the base64url text %s", wrong);
	buf_add(ret, out, out_len);
	return 0;
}

static bool
base64url_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Drops a byte order mark, surrounding white space, and one pair of quotes. */
static void
base64url_trim(const char **text, size_t *len)
{
	const char *p = *text;
	size_t n = *len;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	for (; n && base64url_is_blank(*p); n--)
		p++;
	while (n && base64url_is_blank(p[n - 1]))
		n--;
	if (n >= 2 && (*p == '"' || *p == '\'') && p[n - 1] == *p) {
		p++;
		n -= 2;
	}
	*text = p;
	*len = n;
}

/* Keys arrive by mail: lines are joined, and blanks at their ends removed. Return: the octets in @ret. */
static size_t
base64url_join_lines(const char *text, size_t len, struct secret *ret)
{
	size_t n = 0;

	secret_alloc(ret, len);
	for (size_t i = 0; i < len; i++) {
		size_t blanks = 0;
		bool is_line_end = false;

		for (; i + blanks < len && base64url_is_blank(text[i + blanks]); blanks++)
			is_line_end = is_line_end || text[i + blanks] == '\n' || text[i + blanks] == '\r';
		if (is_line_end)
			i += blanks;
		if (i < len)
			ret->data[n++] = (unsigned char)text[i];
	}
	return n;
}

int
base64_decode_any(const char *text, size_t len, struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret joined = SECRET_INIT;
	_cleanup_secret_ struct secret out = SECRET_INIT;
	const char *wrong;
	size_t padding = 0;

	base64url_trim(&text, &len);
	if (len == 0)
		return error_set(err, ERROR_INVALID, "the base64 text is empty");
	len = base64url_join_lines(text, len, &joined);
	text = (const char *)joined.data;
	for (; len && padding < 2 && text[len - 1] == '='; padding++)
		len--;
	if (len == 0)
		return error_set(err, ERROR_INVALID, "the base64 text is empty");
	if (padding && (len + padding) % 4 != 0)
		return error_set(err, ERROR_INVALID, "the base64 text has wrong padding");
	secret_alloc(&out, decoded_len(len));
	wrong = base64url_decode_with(text, len, true, out.data);
	if (wrong)
		return error_set(err, ERROR_INVALID, "the base64 text %s", wrong);
	secret_move(ret, &out);
	return 0;
}
