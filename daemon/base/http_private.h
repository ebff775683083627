/* daemon/base/http_private.h: shared by the http_*.c files. */
#ifndef DAEMON_BASE_HTTP_PRIVATE_H
#define DAEMON_BASE_HTTP_PRIVATE_H

#include "common/error.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "daemon/base/tls_guard.h"

#include <curl/curl.h>

/* --- http_host.c: addresses of hosts, kept for a minute --- */

struct http_hosts;
struct http_host;

typedef void
http_host_fn(const struct strlist *addresses, const struct error *err, void *arg);

/* A request that waits for addresses; embedded in its owner. */
struct http_host_wait {
	struct http_host *host; /* NULL: not waiting */
	struct http_host_wait *next;
	http_host_fn *fn;
	void *arg;
};

struct http_hosts *
http_hosts_new(struct loop *loop, struct dns *dns);

void
http_hosts_free(struct http_hosts *hosts);

/* Return: the addresses, borrowed until the next call; NULL: wait->fn will be called once, from the loop. */
const struct strlist *
http_hosts_get(struct http_hosts *hosts, const char *name, struct http_host_wait *wait);

/* Cancels; wait->fn is not called. No-op when not waiting. */
void
http_hosts_cancel(struct http_host_wait *wait);

/* The addresses did not answer: look them up again the next time. */
void
http_hosts_forget(struct http_hosts *hosts, const char *name);

/* A connection to it was silent: the others that are open now may be as dead. */
void
http_hosts_distrust(struct http_hosts *hosts, const char *name);

/* Return: seconds, at least 1, since http_hosts_distrust(): older connections serve no more; 0: all may. */
long
http_hosts_trusted_sec(struct http_hosts *hosts, const char *name);

/* --- http_gate.c: how many requests run at once at one server --- */

struct http_gates;
struct http_gate;

/* What a request needs in order to run; embedded in its owner. */
struct http_pass {
	struct http_gate *gate; /* NULL: neither runs nor waits */
	struct http_pass *next;
	int64_t since_ms; /* boot time since when it waits */
	bool is_waiting;
	void (*fn)(void *arg);
	void *arg;
};

/* @loop: borrowed. @max_width: the most that run at once at one server, at least 1. */
struct http_gates *
http_gates_new(struct loop *loop, unsigned max_width);

/* No request may run or wait any more. */
void
http_gates_free(struct http_gates *gates);

/* Return: true: @pass may run now; false: pass->fn will be called once, when it may. */
bool
http_gates_enter(struct http_gates *gates, const char *host, const char *port, struct http_pass *pass);

/* It has ended, or waits no longer. Others may start meanwhile. No-op when it neither runs nor waits. */
void
http_gates_leave(struct http_pass *pass);

/* --- http_transfer.c: one request on one easy handle --- */

enum { HTTP_MAX_HEADERS = 64 * 1024 };

struct http_transfer {
	struct http_curl *curl;
	struct http_transfer *next, *prev;
	struct tls_guard *guard; /* of all connections; borrowed */
	http_done_fn *done;
	void *arg;

	/* The request; all owned. */
	char *method;
	char *url;
	struct curl_slist *headers;
	struct buf body;
	char *ca_file;
	char *userpwd;
	char *aws_sigv4;
	size_t max_body;
	int64_t timeout_ms;
	bool may_use_http;
	bool is_sent_once;

	char *host;         /* owned; of the URL */
	char *port;         /* owned */
	char *dialled_host; /* owned; the proxy's, or host; without brackets */
	char *dialled_port; /* owned */

	/* The answer. */
	struct http_response res;
	char *retry_after; /* owned; as sent */
	size_t header_octets;
	bool is_interim;      /* the header is that of a 1xx answer, which another follows */
	bool is_header_whole; /* the empty line after it was received */
	bool is_header_too_large;
	bool is_body_too_large;
	struct error err;
	char curl_text[CURL_ERROR_SIZE];

	/* State, of http.c. */
	struct loop_timer timer; /* deadline; at zero: delivery */
	struct http_host_wait wait;
	struct http_pass pass;
	CURL *easy; /* NULL until the request is running */
	struct curl_slist *resolve;
	int64_t deadline_ms; /* boot time */
	bool is_in_multi;
	bool is_finished;
	bool is_half_over; /* the check at half the time was made */
	bool is_repeated;  /* was sent a second time */
};

/* Copies the request and parses its URL. Errors are stored in the transfer (ERROR_PROTOCOL, ERROR_INVALID). */
void
http_transfer_init(struct http_transfer *t, const struct http_request *req);

void
http_transfer_clear(struct http_transfer *t);

/*
 * All options of @easy, which must be new or reset. @addresses: of dialled_host. @is_fresh: on a new connection.
 * @oldest_sec: age of the oldest connection that may serve, 0: any.
 */
void
http_transfer_set_up(struct http_transfer *t, CURL *easy, const struct http_curl_config *config,
	const struct strlist *addresses, bool is_fresh, long oldest_sec);

/* --- http_result.c: what became of it --- */

/* Sets t->err according to @code, if it is an error. @now: UNIX seconds */
void
http_transfer_result(struct http_transfer *t, CURL *easy, CURLcode code, int64_t now);

/* At half the time: did the answer begin and then become so slow that it is hardly meant to end? */
bool
http_transfer_is_dripping(const struct http_transfer *t);

/* Sets t->err for our own deadline: names the stage that was reached. */
void
http_transfer_timed_out(struct http_transfer *t);

#endif
