/*
 * Reads a request header as far as http-01 needs: the whole header must be there (an answer sent earlier would be lost
 * when the peer is reset), of which the request line counts. The path is compared octet by octet: no decoding, no
 * "..", no query, nothing to normalise and so nothing to get around.
 */
#include "daemon/challenge/http01_request.h"

#include <string.h>

enum { TOKEN_MAX = 128 };

bool
http01_is_token(const char *token, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	if (len == 0 || len > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!memchr(alphabet, token[i], sizeof(alphabet) - 1))
			return false;
	return true;
}

/* Is an empty line among @data? Bare line feeds end lines too (RFC 9112 s2.2). */
static bool
header_is_complete(const char *data, size_t len)
{
	return memmem(data, len, "\r\n\r\n", 4) || memmem(data, len, "\n\n", 2);
}

/* The word up to the next blank; moves @pos behind that blank. Return: its length, or 0 there is none. */
static size_t
next_word(const char *line, size_t len, size_t *pos)
{
	const char *start = line + *pos;
	const char *blank = memchr(start, ' ', len - *pos);
	size_t n = blank ? (size_t)(blank - start) : len - *pos;

	*pos += blank ? n + 1 : n;
	return n;
}

static bool
is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

static int
parse_line(const char *line, size_t len, struct http01_request *ret)
{
	const size_t prefix_len = strlen(HTTP01_PATH);
	size_t pos = 0;
	size_t method_len = next_word(line, len, &pos);
	const char *path = line + pos;
	size_t path_len = next_word(line, len, &pos);

	if (!is_word(line + pos, len - pos, "HTTP/1.1") && !is_word(line + pos, len - pos, "HTTP/1.0"))
		return 400;
	ret->is_head = is_word(line, method_len, "HEAD");
	if (!ret->is_head && !is_word(line, method_len, "GET"))
		return 405;
	if (path_len <= prefix_len || memcmp(path, HTTP01_PATH, prefix_len) != 0)
		return 404;
	if (!http01_is_token(path + prefix_len, path_len - prefix_len))
		return 404;
	ret->token = path + prefix_len;
	ret->token_len = path_len - prefix_len;
	return 200;
}

bool
http01_request_parse(const char *data, size_t len, struct http01_request *ret)
{
	const char *eol;
	size_t line_len;

	if (!header_is_complete(data, len)) {
		if (len < HTTP01_HEADER_MAX)
			return false;
		*ret = (struct http01_request){ .status = 431 };
		return true;
	}
	*ret = (struct http01_request){ .status = 400 };
	eol = memchr(data, '\n', len);
	line_len = (size_t)(eol - data);
	if (line_len && data[line_len - 1] == '\r')
		line_len--;
	ret->status = parse_line(data, line_len, ret);
	return true;
}
