/*
 * daemon/base/httpd_head.h: the head of an HTTP/1.1 request (RFC 9112 s2 to s6) and its target. Pure: the results point
 * into the given octets.
 */
#ifndef DAEMON_BASE_HTTPD_HEAD_H
#define DAEMON_BASE_HTTPD_HEAD_H

#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

enum { HTTPD_HEAD_MAX = 16 * 1024, HTTPD_HEAD_FIELDS = 100, HTTPD_SEGMENTS = 8, HTTPD_QUERIES = 64 };

/* Borrowed octets, not terminated. */
struct httpd_text {
	const char *data; /* NULL: absent */
	size_t len;
};

bool
httpd_text_is(struct httpd_text text, const char *word);

/* Does it contain @word, in any case? */
bool
httpd_text_has(struct httpd_text text, const char *word);

struct httpd_head {
	int status;      /* 200; otherwise the error: 400, 411, 413, 431, 505 */
	const char *why; /* for people, when the status is not 200 */
	size_t len;      /* octets of the head, its empty line included */
	size_t body_len; /* Content-Length */
	struct httpd_text method;
	struct httpd_text path;         /* percent-encoded, begins with '/' */
	struct httpd_text query;        /* without '?' */
	struct httpd_text host;         /* of the target, or else of the Host field */
	struct httpd_text content_type; /* without its parameters */
	struct httpd_text authorization;
	struct httpd_text accept;
	bool keeps_alive;
	bool expects_continue;
};

/*
 * httpd_head_parse() - parse the head at the beginning of @data
 * @max_body: a larger Content-Length is 413. Chunked bodies are 411: clients of this API know the length of their small
 * objects, and a single kind of framing excludes request smuggling.
 * Return: true and the head or its error; false: more octets are needed.
 */
bool
httpd_head_parse(const char *data, size_t len, size_t max_body, struct httpd_head *ret);

/* Decoded names and values of a query. */
struct httpd_query {
	struct strlist names;
	struct strlist values; /* as many */
};

void
httpd_query_clear(struct httpd_query *query);

/* The last value with that name, which may be empty; NULL: absent. Borrowed. */
const char *
httpd_query_get(const struct httpd_query *query, const char *name);

/*
 * Splits @path into segments and @query into pairs, percent-decoded ('+' is a blank only in the query).
 * Return: 0, or -1: a bad escape, a NUL, not UTF-8, an empty segment, or too many (ERROR_INVALID).
 */
int
httpd_path_split(struct httpd_text path, struct strlist *ret, struct error *err);

int
httpd_query_split(struct httpd_text query, struct httpd_query *ret, struct error *err);

#endif
