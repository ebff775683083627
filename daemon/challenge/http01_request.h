/* daemon/challenge/http01_request.h: the one HTTP request that http-01 knows (RFC 8555 s8.3). Pure. */
#ifndef DAEMON_CHALLENGE_HTTP01_REQUEST_H
#define DAEMON_CHALLENGE_HTTP01_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP01_PATH "/.well-known/acme-challenge/"

enum { HTTP01_HEADER_MAX = 8 * 1024 };

struct http01_request {
	int status;        /* 200 a well-formed question for @token, else the refusal: 400, 404, 405, 431 */
	bool is_head;      /* answer without a body */
	const char *token; /* borrowed from the input; [A-Za-z0-9_-]{1,128}; NULL unless status is 200 */
	size_t token_len;
};

/*
 * http01_request_parse() - what do the first @len octets of a connection ask for?
 * Header fields are not looked at: the token alone decides (CAs come by any name and through any proxy).
 * Return: true and @ret, or false: the header is not complete and below HTTP01_HEADER_MAX: read more.
 */
bool
http01_request_parse(const char *data, size_t len, struct http01_request *ret);

/* [A-Za-z0-9_-]{1,128}: fit for a path, whoever checked it before. */
bool
http01_is_token(const char *token, size_t len);

#endif
