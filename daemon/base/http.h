/*
 * daemon/base/http.h: HTTPS requests; the door to libcurl (multi on the loop, HTTP/1.1 on connections that are
 * kept). The transport is a table of functions, so that a test or the simulation plays the server.
 *
 * Every cap and deadline of facts "parsers and network input" holds: https only, no redirects, TLS >= 1.2, bounded
 * headers and body, connect and total time, no proxy but the configured one. The host is resolved by daemon/base/dns
 * first, so that curl starts no thread.
 */
#ifndef DAEMON_BASE_HTTP_H
#define DAEMON_BASE_HTTP_H

#include "common/buf.h"
#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct dns;
struct error;
struct loop;

struct http_request {
	const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
	const char *url;
	const char *content_type; /* of the body; or NULL */
	const char *accept;       /* or NULL */
	struct strlist headers;   /* further "Name: value" lines */
	const void *body;
	size_t body_len;
	size_t max_body;       /* maximum size of the answer; 0: 256 KiB */
	int64_t timeout_ms;    /* of the whole request; 0: 30 s */
	const char *ca_file;   /* PEM trust roots; NULL: the system's */
	const char *userpwd;   /* "user:password" for basic auth or SigV4; or NULL */
	const char *aws_sigv4; /* e.g. "aws:amz:us-east-1:route53"; or NULL */
	bool may_use_http;     /* plain http (a DNS API on loopback); never for a CA */
	bool is_sent_once;     /* curl itself repeats even a POST when a kept connection breaks: not this one */
};

struct http_response {
	int status;
	struct buf body;
	char *location;          /* owned; each header NULL if absent; of a redirect it is absolute */
	char *replay_nonce;      /* owned */
	int64_t retry_after_sec; /* Retry-After, however it was written: at least 1; 0: none */
	char *content_type;      /* owned */
	char *etag;              /* owned; as sent, with its quotes */
	char *last_modified;     /* owned; as sent */
	struct strlist links;    /* Link header values, unparsed */
	struct strlist cookies;  /* "NAME=VALUE" of each Set-Cookie header */
};

/*
 * Called exactly once from the loop (never from inside http_send()). Any HTTP status is an answer: @err is set only
 * without an answer (ERROR_NETWORK, ERROR_TIMEOUT, ERROR_TLS, ERROR_DNS, ERROR_LIMIT, ERROR_PROTOCOL), and @res is NULL
 * then. Both are borrowed for the call; the callee may steal from @res.
 */
typedef void
http_done_fn(struct http_response *res, const struct error *err, void *arg);

/* The transport. @send copies the request; the handle it returns is valid until @done was called. */
struct http_ops {
	void *(*send)(void *self, const struct http_request *req, http_done_fn *done, void *arg);
	void (*cancel)(void *self, void *handle);
};

struct http {
	const struct http_ops *ops;
	void *self;
};

static inline void *
http_send(const struct http *http, const struct http_request *req, http_done_fn *done, void *arg)
{
	return http->ops->send(http->self, req, done, arg);
}

/* Cancels; @done is not called. */
static inline void
http_cancel(const struct http *http, void *handle)
{
	if (handle)
		http->ops->cancel(http->self, handle);
}

struct http_curl;

struct http_curl_config {
	const char *user_agent;
	const char *proxy;                 /* or NULL */
	unsigned max_connections_per_host; /* 0: 8 */
};

/* @loop, @dns: borrowed; must outlive it. */
struct http_curl *
http_curl_new(struct loop *loop, struct dns *dns, const struct http_curl_config *config, struct error *err);

void
http_curl_free(struct http_curl *curl);

/* The real transport; borrowed. */
const struct http *
http_curl_transport(struct http_curl *curl);

void
http_response_clear(struct http_response *res);

#endif
