/*
 * Parsing a request head. Strict wherever two parsers could see two messages: one Content-Length, no Transfer-Encoding,
 * no folded lines, no blank before a colon (RFC 9112 s5.1, s6.3, s11.2). A refused head gets a status, and ends the
 * connection.
 */
#include "daemon/base/httpd_head.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
httpd_text_is(struct httpd_text text, const char *word)
{
	return text.data && text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

bool
httpd_text_has(struct httpd_text text, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= text.len; i++)
		if (strncasecmp(text.data + i, word, len) == 0)
			return true;
	return false;
}

static bool
is_name(struct httpd_text text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static bool
head_refuse(struct httpd_head *ret, int status, const char *why)
{
	ret->status = status;
	ret->why = why;
	return false;
}

/* The octets before the next @stop; moves @line past it. */
static struct httpd_text
cut(struct httpd_text *line, char stop)
{
	const char *end = line->len ? memchr(line->data, stop, line->len) : NULL;
	size_t len = end ? (size_t)(end - line->data) : line->len;
	size_t used = end ? len + 1 : len;
	struct httpd_text piece = { line->data, len };

	line->data += used;
	line->len -= used;
	return piece;
}

static struct httpd_text
head_trim(struct httpd_text text)
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
is_token(struct httpd_text text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.data[i]) && !memchr(marks, text.data[i], sizeof(marks) - 1))
			return false;
	return text.len > 0;
}

/* "http://host/path" (RFC 9112 s3.2.2) is read as its path, and its host replaces that of the Host field. */
static struct httpd_text
head_cut_origin(struct httpd_text target, struct httpd_text *ret_host)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t len = strlen(schemes[i]);
		size_t host_len = 0;

		if (target.len <= len || strncasecmp(target.data, schemes[i], len) != 0)
			continue;
		target.data += len;
		target.len -= len;
		while (host_len < target.len && target.data[host_len] != '/' && target.data[host_len] != '?')
			host_len++;
		*ret_host = (struct httpd_text){ target.data, host_len };
		if (host_len == target.len)
			return (struct httpd_text){ "/", 1 };
		return (struct httpd_text){ target.data + host_len, target.len - host_len };
	}
	return target;
}

static bool
parse_request_line(struct httpd_text line, struct httpd_head *ret)
{
	struct httpd_text target, version;

	ret->method = cut(&line, ' ');
	target = head_cut_origin(cut(&line, ' '), &ret->host);
	version = line;
	if (!is_token(ret->method) || target.len == 0 || target.data[0] != '/')
		return head_refuse(ret, 400, "the request line is not METHOD /PATH HTTP/1.1");
	if (version.len != 8 || memcmp(version.data, "HTTP/", 5) != 0)
		return head_refuse(ret, 400, "the request line does not end in HTTP/1.1");
	if (memcmp(version.data, "HTTP/1.", 7) != 0)
		return head_refuse(ret, 505, "only HTTP/1.1 is supported");
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.data[i] <= 0x20 || (unsigned char)target.data[i] >= 0x7f)
			return head_refuse(ret, 400, "the path contains octets that must be percent-encoded");
	ret->keeps_alive = version.data[7] != '0';
	ret->path = cut(&target, '?');
	ret->query = target;
	return true;
}

static bool
parse_length(struct httpd_text value, size_t max_body, struct httpd_head *ret)
{
	size_t n = 0;

	if (value.len == 0)
		return head_refuse(ret, 400, "Content-Length is not a number");
	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit((unsigned char)value.data[i]))
			return head_refuse(ret, 400, "Content-Length is not a number");
		n = n * 10 + (size_t)(value.data[i] - '0');
		if (n > max_body)
			return head_refuse(ret, 413, "the body is too large");
	}
	ret->body_len = n;
	return true;
}

static void
parse_connection(struct httpd_text value, struct httpd_head *ret)
{
	while (value.len) {
		struct httpd_text option = head_trim(cut(&value, ','));

		if (is_name(option, "close"))
			ret->keeps_alive = false;
		else if (is_name(option, "keep-alive"))
			ret->keeps_alive = true;
	}
}

/* Fields that may occur only once. */
struct head_seen {
	bool has_length;
	bool has_host;
};

/* With two of them, two parsers could choose different hosts (RFC 9112 s3.2). */
static bool
parse_host(struct httpd_text value, bool *seen, struct httpd_head *ret)
{
	if (*seen)
		return head_refuse(ret, 400, "there are two Host fields");
	*seen = true;
	if (!ret->host.data)
		ret->host = value;
	return true;
}

static bool
parse_field(struct httpd_text line, size_t max_body, struct head_seen *seen, struct httpd_head *ret)
{
	struct httpd_text name = cut(&line, ':');
	struct httpd_text value = head_trim(line);

	if (!is_token(name) || line.data == name.data + name.len)
		return head_refuse(ret, 400, "a header line is not NAME: VALUE");
	if (memchr(value.len ? value.data : "", '\0', value.len))
		return head_refuse(ret, 400, "a header line contains a NUL");
	/* Intermediaries may take it for the end of the line (RFC 9112 s2.2). */
	if (memchr(value.len ? value.data : "", '\r', value.len))
		return head_refuse(ret, 400, "a header line contains a carriage return that does not end the line");
	if (is_name(name, "Content-Length")) {
		if (seen->has_length)
			return head_refuse(ret, 400, "there are two Content-Length fields");
		seen->has_length = true;
		return parse_length(value, max_body, ret);
	}
	if (is_name(name, "Transfer-Encoding"))
		return head_refuse(ret, 411, "send Content-Length instead of Transfer-Encoding");
	if (is_name(name, "Host"))
		return parse_host(value, &seen->has_host, ret);
	if (is_name(name, "Connection"))
		parse_connection(value, ret);
	else if (is_name(name, "Expect"))
		ret->expects_continue = is_name(value, "100-continue");
	else if (is_name(name, "Content-Type"))
		ret->content_type = head_trim(cut(&value, ';'));
	else if (is_name(name, "Authorization"))
		ret->authorization = value;
	else if (is_name(name, "Accept"))
		ret->accept = value;
	return true;
}

/* The next line without its end (a bare line feed is accepted too, RFC 9112 s2.2). */
static struct httpd_text
next_line(struct httpd_text *rest)
{
	struct httpd_text line = cut(rest, '\n');

	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void
head_parse_lines(struct httpd_text head, size_t max_body, struct httpd_head *ret)
{
	struct httpd_text line = next_line(&head);
	struct head_seen seen = { .has_length = false };
	bool needs_host;

	if (!parse_request_line(line, ret))
		return;
	needs_host = ret->keeps_alive; /* HTTP/1.0 has none (RFC 9112 s3.2) */
	for (size_t n = 0; head.len; n++) {
		line = next_line(&head);
		if (line.len == 0) {
			if (needs_host && !seen.has_host)
				head_refuse(ret, 400, "the Host field is missing");
			return;
		}
		if (n == HTTPD_HEAD_FIELDS) {
			head_refuse(ret, 431, "there are too many header lines");
			return;
		}
		if (!parse_field(line, max_body, &seen, ret))
			return;
	}
}

/* The position after the empty line, or 0. */
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
httpd_head_parse(const char *data, size_t len, size_t max_body, struct httpd_head *ret)
{
	size_t head_len = len ? head_length(data, len < HTTPD_HEAD_MAX ? len : HTTPD_HEAD_MAX) : 0;

	*ret = (struct httpd_head){ .status = 200, .len = head_len };
	if (!head_len) {
		if (len < HTTPD_HEAD_MAX)
			return false;
		head_refuse(ret, 431, "the header is too large");
		return true;
	}
	head_parse_lines((struct httpd_text){ data, head_len }, max_body, ret);
	return true;
}

/* --- the target --- */

void
httpd_query_clear(struct httpd_query *query)
{
	strlist_clear(&query->names);
	strlist_clear(&query->values);
}

const char *
httpd_query_get(const struct httpd_query *query, const char *name)
{
	for (size_t i = query->names.count; i > 0; i--)
		if (strcmp(query->names.items[i - 1], name) == 0)
			return query->values.items[i - 1];
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

/* The octet of the "%41" at @text; -1: not valid, or NUL. */
static int
unescape(const char *text, size_t len)
{
	int high = len > 2 ? hex(text[1]) : -1, low = len > 2 ? hex(text[2]) : -1;

	return high < 0 || low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

/* Owned by the caller; NULL when it is refused. */
static char *
head_decode(struct httpd_text text, bool plus_is_blank, struct error *err)
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
			error_set(err, ERROR_INVALID, "the URL contains an invalid percent-escape");
			return NULL;
		}
		buf_add_char(&out, (char)c);
	}
	if (!utf8_is_valid(buf_str(&out), out.len)) {
		error_set(err, ERROR_INVALID, "the URL is not UTF-8");
		return NULL;
	}
	return buf_steal(&out);
}

int
httpd_path_split(struct httpd_text path, struct strlist *ret, struct error *err)
{
	if (path.len > 1 && path.data[path.len - 1] == '/')
		return error_set(err, ERROR_INVALID, "unknown path");
	cut(&path, '/'); /* the part before the first */
	do {
		struct httpd_text segment = cut(&path, '/');
		char *text;

		if (segment.len == 0 || ret->count == HTTPD_SEGMENTS)
			return error_set(err, ERROR_INVALID, "unknown path");
		text = head_decode(segment, false, err);
		if (!text)
			return -1;
		strlist_take(ret, text);
	} while (path.len);
	return 0;
}

int
httpd_query_split(struct httpd_text query, struct httpd_query *ret, struct error *err)
{
	while (query.len) {
		struct httpd_text value = cut(&query, '&');
		struct httpd_text name = cut(&value, '=');
		char *name_text, *value_text;

		if (name.len == 0)
			continue;
		if (ret->names.count == HTTPD_QUERIES)
			return error_set(err, ERROR_INVALID, "the query has too many parameters");
		name_text = head_decode(name, true, err);
		value_text = name_text ? head_decode(value, true, err) : NULL;
		if (!value_text) {
			free(name_text);
			return -1;
		}
		strlist_take(&ret->names, name_text);
		strlist_take(&ret->values, value_text);
	}
	return 0;
}
