/*
 * daemon/control/rest_head.h: the head of an HTTP/1.1 request (RFC 9112 s2 to s6) and its target, as far as the REST
 * face needs them. Pure: octets in, places in them out.
 */
#ifndef DAEMON_CONTROL_REST_HEAD_H
#define DAEMON_CONTROL_REST_HEAD_H

#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

enum { REST_HEAD_MAX = 16 * 1024, REST_HEAD_FIELDS = 100, REST_SEGMENTS = 8, REST_QUERIES = 64 };

/* Octets of somebody else's; not terminated. */
struct rest_text {
	const char *data; /* NULL: not there */
	size_t len;
};

bool
rest_text_is(struct rest_text text, const char *word);

struct rest_head {
	int status;      /* 200; else what is wrong: 400, 411, 413, 431, 501, 505 */
	const char *why; /* for people, when the status is not 200 */
	size_t len;      /* octets of the head, its empty line included */
	size_t body_len; /* Content-Length */
	struct rest_text method;
	struct rest_text path;  /* percent-encoded, begins with '/' */
	struct rest_text query; /* without '?' */
	struct rest_text host;
	struct rest_text content_type; /* without its parameters */
	struct rest_text authorization;
	bool keeps_alive;
	bool expects_continue;
};

/*
 * rest_head_parse() - what is at the beginning of @data
 * @max_body: a Content-Length above it is 413. Chunked bodies are 411: who sends objects of this size knows how long they
 * are, and one way to frame a message leaves nothing to smuggle.
 * Return: true and the head or what is wrong with it; false: more octets are needed.
 */
bool
rest_head_parse(const char *data, size_t len, size_t max_body, struct rest_head *ret);

/* A pair of a query, decoded. */
struct rest_query {
	struct strlist names;
	struct strlist values; /* as many */
};

void
rest_query_clear(struct rest_query *query);

/* The last value with that name, as IONOS's SDKs set each once; NULL: none, or an empty one. Borrowed. */
const char *
rest_query_get(const struct rest_query *query, const char *name);

/*
 * The segments of @path and the pairs of @query, percent-decoded ('+' is a blank in the query alone).
 * Return: 0, or -1: a bad escape, a NUL, no UTF-8, an empty segment, or too many (ERROR_INVALID).
 */
int
rest_path_split(struct rest_text path, struct strlist *ret, struct error *err);

int
rest_query_split(struct rest_text query, struct rest_query *ret, struct error *err);

#endif
