/*
 * Reading a request head. Strict where two readers could see two messages: one Content-Length, no Transfer-Encoding, no
 * folded lines, no blank before a colon (RFC 9112 s5.1, s6.3, s11.2). What is refused is refused with a status, and the
 * connection with it.
 */
#include "daemon/control/rest_head.h"

#include "common/buf.h"
#include "common/error.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool
rest_text_is(struct rest_text text, const char *word)
{
	return text.data && text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool
is_name(struct rest_text text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static bool
rest_head_refuse(struct rest_head *ret, int status, const char *why)
{
	ret->status = status;
	ret->why = why;
	return false;
}

/* The octets before the next @stop; moves @line behind it. */
static struct rest_text
cut(struct rest_text *line, char stop)
{
	const char *end = line->len ? memchr(line->data, stop, line->len) : NULL;
	size_t len = end ? (size_t)(end - line->data) : line->len;
	size_t used = end ? len + 1 : len;
	struct rest_text piece = { line->data, len };

	line->data += used;
	line->len -= used;
	return piece;
}

static struct rest_text
rest_head_trim(struct rest_text text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\t')) {
		text.data++;
		text.len--;
	}
	while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static bool
is_token(struct rest_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.data[i]) && !memchr("!#$%&'*+-.^_`|~", text.data[i], 15))
			return false;
	return text.len > 0;
}

/* "http://host/path" (RFC 9112 s3.2.2) is read as its path. */
static struct rest_text
without_origin(struct rest_text target)
{
	const char *slash;

	if (target.len < 8 || strncasecmp(target.data, "http", 4) != 0)
		return target;
	slash = memmem(target.data, target.len, "://", 3);
	if (!slash)
		return target;
	slash += 3;
	slash = memchr(slash, '/', target.len - (size_t)(slash - target.data));
	if (!slash)
		return (struct rest_text){ "/", 1 };
	return (struct rest_text){ slash, target.len - (size_t)(slash - target.data) };
}

static bool
parse_request_line(struct rest_text line, struct rest_head *ret)
{
	struct rest_text target, version;

	ret->method = cut(&line, ' ');
	target = without_origin(cut(&line, ' '));
	version = line;
	if (!is_token(ret->method) || target.len == 0 || target.data[0] != '/')
		return rest_head_refuse(ret, 400, "the request line is not METHOD /PATH HTTP/1.1");
	if (version.len != 8 || memcmp(version.data, "HTTP/", 5) != 0)
		return rest_head_refuse(ret, 400, "the request line does not end in HTTP/1.1");
	if (memcmp(version.data, "HTTP/1.", 7) != 0)
		return rest_head_refuse(ret, 505, "this is HTTP/1.1");
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.data[i] <= 0x20 || (unsigned char)target.data[i] >= 0x7f)
			return rest_head_refuse(ret, 400, "the path has octets that must be percent-encoded");
	ret->keeps_alive = version.data[7] != '0';
	ret->path = cut(&target, '?');
	ret->query = target;
	return true;
}

static bool
parse_length(struct rest_text value, size_t max_body, struct rest_head *ret)
{
	size_t n = 0;

	if (value.len == 0)
		return rest_head_refuse(ret, 400, "Content-Length is no number");
	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit((unsigned char)value.data[i]))
			return rest_head_refuse(ret, 400, "Content-Length is no number");
		n = n * 10 + (size_t)(value.data[i] - '0');
		if (n > max_body)
			return rest_head_refuse(ret, 413, "the body is too large");
	}
	ret->body_len = n;
	return true;
}

static void
parse_connection(struct rest_text value, struct rest_head *ret)
{
	while (value.len) {
		struct rest_text option = rest_head_trim(cut(&value, ','));

		if (is_name(option, "close"))
			ret->keeps_alive = false;
		else if (is_name(option, "keep-alive"))
			ret->keeps_alive = true;
	}
}

static bool
parse_field(struct rest_text line, size_t max_body, bool *seen_length, struct rest_head *ret)
{
	struct rest_text name = cut(&line, ':');
	struct rest_text value = rest_head_trim(line);

	if (!is_token(name) || line.data == name.data + name.len)
		return rest_head_refuse(ret, 400, "a header line is not NAME: VALUE");
	if (memchr(value.len ? value.data : "", '\0', value.len))
		return rest_head_refuse(ret, 400, "a header line has a NUL");
	/* Others on the way may take it for the end of the line (RFC 9112 s2.2). */
	if (memchr(value.len ? value.data : "", '\r', value.len))
		return rest_head_refuse(ret, 400, "a header line has a carriage return that ends no line");
	if (is_name(name, "Content-Length")) {
		if (*seen_length)
			return rest_head_refuse(ret, 400, "Content-Length stands there twice");
		*seen_length = true;
		return parse_length(value, max_body, ret);
	}
	if (is_name(name, "Transfer-Encoding"))
		return rest_head_refuse(ret, 411, "send Content-Length instead of Transfer-Encoding");
	if (is_name(name, "Connection"))
		parse_connection(value, ret);
	else if (is_name(name, "Expect"))
		ret->expects_continue = is_name(value, "100-continue");
	else if (is_name(name, "Host"))
		ret->host = value;
	else if (is_name(name, "Content-Type"))
		ret->content_type = rest_head_trim(cut(&value, ';'));
	else if (is_name(name, "Authorization"))
		ret->authorization = value;
	return true;
}

/* The next line without its end (a bare line feed ends one too, RFC 9112 s2.2). */
static struct rest_text
next_line(struct rest_text *rest)
{
	struct rest_text line = cut(rest, '\n');

	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void
rest_head_parse_lines(struct rest_text head, size_t max_body, struct rest_head *ret)
{
	struct rest_text line = next_line(&head);
	bool seen_length = false;

	if (!parse_request_line(line, ret))
		return;
	for (size_t n = 0; head.len; n++) {
		line = next_line(&head);
		if (line.len == 0)
			return;
		if (n == REST_HEAD_FIELDS) {
			rest_head_refuse(ret, 431, "there are too many header lines");
			return;
		}
		if (!parse_field(line, max_body, &seen_length, ret))
			return;
	}
}

/* Where the empty line ends, or 0. */
static size_t
head_length(const char *data, size_t len)
{
	for (const char *p = data; (p = memchr(p, '\n', len - (size_t)(p - data))); p++) {
		size_t after = (size_t)(p - data) + 1;

		if (after < len && data[after] == '\n')
			return after + 1;
		if (after + 1 < len && data[after] == '\r' && data[after + 1] == '\n')
			return after + 2;
	}
	return 0;
}

bool
rest_head_parse(const char *data, size_t len, size_t max_body, struct rest_head *ret)
{
	size_t head_len = len ? head_length(data, len < REST_HEAD_MAX ? len : REST_HEAD_MAX) : 0;

	*ret = (struct rest_head){ .status = 200, .len = head_len };
	if (!head_len) {
		if (len < REST_HEAD_MAX)
			return false;
		rest_head_refuse(ret, 431, "the header is too large");
		return true;
	}
	rest_head_parse_lines((struct rest_text){ data, head_len }, max_body, ret);
	return true;
}

/* --- the target --- */

void
rest_query_clear(struct rest_query *query)
{
	strlist_clear(&query->names);
	strlist_clear(&query->values);
}

const char *
rest_query_get(const struct rest_query *query, const char *name)
{
	for (size_t i = query->names.count; i > 0; i--)
		if (strcmp(query->names.items[i - 1], name) == 0)
			return query->values.items[i - 1][0] ? query->values.items[i - 1] : NULL;
	return NULL;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		int more = *s < 0x80 ? 0 : *s >= 0xc2 && *s < 0xe0 ? 1 : *s >= 0xe0 && *s < 0xf0 ? 2 : 3;

		if (*s >= 0x80 && (*s < 0xc2 || *s > 0xf4))
			return false;
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
			(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
			return false;
		for (s++; more > 0; more--, s++)
			if ((*s & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* The octet of the "%41" at @text; -1: there is none, or it is NUL. */
static int
unescape(const char *text, size_t len)
{
	int high = len > 2 ? hex(text[1]) : -1, low = len > 2 ? hex(text[2]) : -1;

	return high < 0 || low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

/* Owned by the caller; NULL when it is refused. */
static char *
rest_head_decode(struct rest_text text, bool plus_is_blank, struct error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < text.len; i++) {
		int c = (unsigned char)text.data[i];

		if (c == '%') {
			c = unescape(text.data + i, text.len - i);
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		if (c <= 0) {
			error_set(err, ERROR_INVALID, "the URL has a bad percent-escape");
			return NULL;
		}
		buf_add_char(&out, (char)c);
	}
	if (!is_utf8(buf_str(&out))) {
		error_set(err, ERROR_INVALID, "the URL is no UTF-8");
		return NULL;
	}
	return buf_steal(&out);
}

int
rest_path_split(struct rest_text path, struct strlist *ret, struct error *err)
{
	if (path.len > 1 && path.data[path.len - 1] == '/')
		return error_set(err, ERROR_INVALID, "there is no such path");
	cut(&path, '/'); /* what is before the first */
	do {
		struct rest_text segment = cut(&path, '/');
		char *text;

		if (segment.len == 0 || ret->count == REST_SEGMENTS)
			return error_set(err, ERROR_INVALID, "there is no such path");
		text = rest_head_decode(segment, false, err);
		if (!text)
			return -1;
		strlist_take(ret, text);
	} while (path.len);
	return 0;
}

int
rest_query_split(struct rest_text query, struct rest_query *ret, struct error *err)
{
	while (query.len) {
		struct rest_text value = cut(&query, '&');
		struct rest_text name = cut(&value, '=');
		char *text;

		if (name.len == 0)
			continue;
		if (ret->names.count == REST_QUERIES)
			return error_set(err, ERROR_INVALID, "the query has too many parameters");
		text = rest_head_decode(name, true, err);
		if (!text)
			return -1;
		strlist_take(&ret->names, text);
		text = rest_head_decode(value, true, err);
		if (!text)
			return -1;
		strlist_take(&ret->values, text);
	}
	return 0;
}
