/*
 * daemon/base/http_url.h: parses URLs with libcurl's own parser, so that the URL that is checked is the one that is
 * requested. Pure.
 */
#ifndef DAEMON_BASE_HTTP_URL_H
#define DAEMON_BASE_HTTP_URL_H

#include <stdbool.h>

struct error;

/* Owned. What the URL lacks is NULL. */
struct http_url {
	char *scheme;  /* "https" or "http", in small letters */
	char *host;    /* as written; an IPv6 address in brackets */
	char *port;    /* decimal, 1 to 65535 */
	bool has_port; /* written; else it is that of the scheme */
	bool has_user; /* a user name or password is in it */
	char *query;
	char *fragment;
};

/*
 * http_url_parse() - takes "https://host[:port][/path][?query][#fragment]" apart
 * @text: printable ASCII without blanks.
 * @ret: cleared by the caller with http_url_clear(), after a failure too.
 * Return: 0, or -1 with ERROR_PROTOCOL that says what is wrong, without the URL.
 */
int
http_url_parse(const char *text, struct http_url *ret, struct error *err);

void
http_url_clear(struct http_url *url);

#define _cleanup_http_url_ _cleanup_(http_url_clear)

/* Do both name the same host and port? The scheme is not looked at. */
bool
http_url_is_same_host(const struct http_url *a, const struct http_url *b);

/* "localhost", or an address of the loopback network (RFC 6890)? */
bool
http_url_is_loopback(const struct http_url *url);

#endif
