/*
 * daemon/base/http.c: libcurl's multi interface on the loop.
 *
 * curl says which sockets and which time limit to watch; the loop calls it back. Nothing happens inside curl's
 * callbacks: finished transfers are collected after curl_multi_socket_action() and delivered by the transfer's own
 * timer, so that the callee may send, cancel and free.
 *
 * The total time limit and the minimum speed are our own timer, not curl's, because it also runs during the address
 * lookup. A connection whose request timed out is closed, and older connections to that host are not reused. A GET or
 * HEAD on a kept connection that receives no octet in half its time is repeated on a new one; other methods are not,
 * because the server may have acted.
 *
 * curl reads as long as octets arrive. tls_guard.h limits their number in one call, so that no peer occupies the loop.
 */
#include "daemon/base/http.h"

#include "common/alloc.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/http_private.h"
#include "daemon/base/http_url.h"
#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	DEFAULT_CONNECTIONS_PER_HOST = 8,
	KEPT_CONNECTIONS = 16,
	POOL_SIZE = 8 /* idle easy handles */
};

struct watch {
	struct watch *next, *prev;
	struct loop_fd *handle;
};

struct http_curl {
	struct http transport;
	struct loop *loop;
	struct http_curl_config config; /* strings owned */
	char *proxy_host;
	char *proxy_port;
	struct http_hosts *hosts;
	struct http_gates *gates;
	struct tls_guard guard;
	CURLM *multi;
	struct loop_timer timer;
	struct watch *watches;
	struct http_transfer *transfers;
	CURL *pool[POOL_SIZE];
	size_t pool_count;
};

/* --- easy handles --- */

static CURL *
pool_take(struct http_curl *curl)
{
	if (curl->pool_count > 0)
		return curl->pool[--curl->pool_count];
	CURL *easy = curl_easy_init();
	if (!easy)
		abort(); /* out of memory */
	return easy;
}

/* Also removes all data of the request. */
static void
pool_give(struct http_curl *curl, CURL *easy)
{
	curl_easy_reset(easy);
	if (curl->pool_count < POOL_SIZE)
		curl->pool[curl->pool_count++] = easy;
	else
		curl_easy_cleanup(easy);
}

/* --- transfers --- */

/* Removes @t from curl. @is_reusable: may its connection serve other requests? */
static void
transfer_detach(struct http_transfer *t, bool is_reusable)
{
	http_hosts_cancel(&t->wait);
	if (t->easy) {
		if (!is_reusable)
			curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
		if (t->is_in_multi)
			curl_multi_remove_handle(t->curl->multi, t->easy);
		t->is_in_multi = false;
		pool_give(t->curl, t->easy);
		t->easy = NULL;
	}
	http_gates_leave(&t->pass);
}

static void
transfer_free(struct http_transfer *t)
{
	transfer_detach(t, true);
	loop_timer_cancel(&t->timer);
	DL_DELETE(t->curl->transfers, t);
	http_transfer_clear(t);
	free(t);
}

static void
transfer_finish(struct http_transfer *t)
{
	t->is_finished = true;
	loop_timer_set(&t->timer, 0);
}

static void
transfer_deliver(struct http_transfer *t)
{
	_cleanup_(http_response_clear) struct http_response res = t->res;
	_cleanup_error_ struct error err = ERROR_INIT;

	http_done_fn *done = t->done;
	void *arg = t->arg;
	t->res = (struct http_response){ .status = 0 };
	error_move(&err, &t->err);
	transfer_free(t);
	bool has_failed = error_is_set(&err);
	done(has_failed ? NULL : &res, has_failed ? &err : NULL, arg);
}

static int64_t
boot_ms(const struct http_curl *curl)
{
	return clock_boot_ms(loop_clock(curl->loop));
}

static bool
may_repeat(const struct http_transfer *t)
{
	return !t->is_repeated && (strcmp(t->method, "GET") == 0 || strcmp(t->method, "HEAD") == 0);
}

/* Arms the deadline, or first half of it. */
static void
transfer_arm(struct http_transfer *t)
{
	int64_t left_ms = t->deadline_ms - boot_ms(t->curl);

	if (!t->is_half_over && left_ms > t->timeout_ms / 2)
		left_ms -= t->timeout_ms / 2;
	loop_timer_set(&t->timer, left_ms > 0 ? left_ms : 0);
}

static void
transfer_start(struct http_transfer *t, const struct strlist *addresses)
{
	struct http_curl *curl = t->curl;

	t->easy = pool_take(curl);
	http_transfer_set_up(t, t->easy, &curl->config, addresses, t->is_repeated,
		http_hosts_trusted_sec(curl->hosts, t->dialled_host));
	CURLMcode rc = curl_multi_add_handle(curl->multi, t->easy);
	if (rc == CURLM_OK) {
		t->is_in_multi = true;
		return;
	}
	error_set(&t->err, ERROR_INTERNAL, "curl refused the request: %s", curl_multi_strerror(rc));
	transfer_finish(t);
}

/* @addresses: of the host, just looked up. */
static void
transfer_enter(struct http_transfer *t, const struct strlist *addresses)
{
	bool may_run = t->pass.gate || http_gates_enter(t->curl->gates, t->dialled_host, t->dialled_port, &t->pass);

	if (may_run)
		transfer_start(t, addresses);
}

static void
http_on_addresses(const struct strlist *addresses, const struct error *err, void *arg)
{
	struct http_transfer *t = arg;

	if (!err) {
		transfer_enter(t, addresses);
		return;
	}
	error_copy(&t->err, err);
	transfer_finish(t);
}

static void
transfer_resolve(struct http_transfer *t)
{
	const struct strlist *addresses = http_hosts_get(t->curl->hosts, t->dialled_host, &t->wait);

	if (addresses)
		transfer_enter(t, addresses);
}

/* Its turn has come; the addresses may have expired since. */
static void
http_on_pass(void *arg)
{
	transfer_resolve(arg);
}

/* Sent on a kept connection, without any octet of an answer? */
static bool
is_stalled(const struct http_transfer *t)
{
	long connects = 0;

	curl_off_t ready_us = 0;
	if (!t->is_in_multi || t->header_octets)
		return false;
	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
	return connects == 0 && ready_us > 0;
}

/* The connection is abandoned, whatever was wrong with it. */
static void
transfer_give_up(struct http_transfer *t)
{
	http_transfer_timed_out(t);
	http_hosts_forget(t->curl->hosts, t->dialled_host);
	http_hosts_distrust(t->curl->hosts, t->dialled_host);
	transfer_detach(t, false);
	transfer_deliver(t);
}

static void
transfer_repeat(struct http_transfer *t)
{
	http_hosts_distrust(t->curl->hosts, t->dialled_host);
	transfer_detach(t, false);
	t->is_repeated = true;
	transfer_arm(t);
	transfer_resolve(t);
}

static void
on_transfer_timer(void *arg)
{
	struct http_transfer *t = arg;

	if (t->is_finished) {
		transfer_deliver(t);
		return;
	}
	bool is_over = boot_ms(t->curl) >= t->deadline_ms;
	t->is_half_over = true;
	if (is_over || http_transfer_is_dripping(t))
		transfer_give_up(t);
	else if (may_repeat(t) && is_stalled(t))
		transfer_repeat(t);
	else
		transfer_arm(t);
}

/* --- curl on the loop --- */

static void
collect_finished(struct http_curl *curl)
{
	int left;

	for (CURLMsg *msg; (msg = curl_multi_info_read(curl->multi, &left));) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		CURLcode code = msg->data.result; /* the removal below frees @msg */
		struct http_transfer *t = NULL;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		http_transfer_result(t, t->easy, code, clock_wall(loop_clock(curl->loop)));
		if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT)
			http_hosts_forget(curl->hosts, t->dialled_host);
		transfer_detach(t, true);
		transfer_finish(t);
	}
}

static void
drive(struct http_curl *curl, int fd, int flags)
{
	int running;

	tls_guard_renew(&curl->guard);
	curl_multi_socket_action(curl->multi, fd, flags, &running);
	collect_finished(curl);
}

static void
http_on_fd(int fd, short what, void *arg)
{
	drive(arg, fd, (what & LOOP_READ ? CURL_CSELECT_IN : 0) | (what & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
http_on_timer(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_curl_timer(CURLM *multi _unused_, long timeout_ms, void *arg)
{
	struct http_curl *curl = arg;

	if (timeout_ms < 0)
		loop_timer_cancel(&curl->timer);
	else
		loop_timer_set(&curl->timer, timeout_ms);
	return 0;
}

static void
watch_free(struct http_curl *curl, struct watch *watch)
{
	DL_DELETE(curl->watches, watch);
	loop_fd_free(watch->handle);
	free(watch);
}

static int
on_curl_socket(CURL *easy _unused_, curl_socket_t fd, int wanted, void *arg, void *socket_arg)
{
	struct http_curl *curl = arg;
	struct watch *watch = socket_arg;
	short what = (short)((wanted & CURL_POLL_IN ? LOOP_READ : 0) | (wanted & CURL_POLL_OUT ? LOOP_WRITE : 0));

	if (wanted == CURL_POLL_REMOVE) {
		if (watch)
			watch_free(curl, watch);
		curl_multi_assign(curl->multi, fd, NULL);
	} else if (watch) {
		loop_fd_set(watch->handle, what);
	} else {
		watch = xcalloc(1, sizeof(*watch));
		watch->handle = loop_fd_new(curl->loop, fd, what, http_on_fd, curl);
		DL_PREPEND(curl->watches, watch);
		curl_multi_assign(curl->multi, fd, watch);
	}
	return 0;
}

/* --- the transport --- */

/* curl wants IPv6 literals in brackets, DNS without. */
static char *
without_brackets(const char *host)
{
	size_t len = strlen(host);

	if (len > 2 && host[0] == '[' && host[len - 1] == ']')
		return xstrndup(host + 1, len - 2);
	return xstrdup(host);
}

static void *
transport_send(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct http_curl *curl = self;
	struct http_transfer *t = xcalloc(1, sizeof(*t));

	t->curl = curl;
	t->guard = &curl->guard;
	t->done = done;
	t->arg = arg;
	t->wait = (struct http_host_wait){ .fn = http_on_addresses, .arg = t };
	t->pass = (struct http_pass){ .fn = http_on_pass, .arg = t };
	DL_PREPEND(curl->transfers, t);
	loop_timer_init(&t->timer, curl->loop, on_transfer_timer, t);
	http_transfer_init(t, req);
	t->deadline_ms = boot_ms(curl) + t->timeout_ms;
	if (error_is_set(&t->err)) {
		transfer_finish(t);
		return t;
	}
	t->dialled_host = without_brackets(curl->proxy_host ? curl->proxy_host : t->host);
	t->dialled_port = xstrdup(curl->proxy_host ? curl->proxy_port : t->port);
	transfer_arm(t);
	transfer_resolve(t);
	return t;
}

static void
transport_cancel(void *self _unused_, void *handle)
{
	transfer_free(handle);
}

static const struct http_ops curl_ops = { .send = transport_send, .cancel = transport_cancel };

/* --- set-up --- */

/* curl connects to the proxy, so certd's DNS must resolve it as well. */
static int
parse_proxy(struct http_curl *curl, struct error *err)
{
	const char *proxy = curl->config.proxy;
	_cleanup_free_ char *full = strstr(proxy, "://") ? xstrdup(proxy) : xasprintf("http://%s", proxy);
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;

	if (http_url_parse(full, &url, &why) < 0 || !url.has_port)
		return error_set(err, ERROR_CONFIG, "proxy '%s' is not http://host:port%s%s", proxy,
			why.message ? ": " : "", why.message ? why.message : "");
	str_replace(&curl->proxy_host, url.host);
	str_replace(&curl->proxy_port, url.port);
	return 0;
}

static void
set_up_multi(struct http_curl *curl)
{
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
	curl_multi_setopt(curl->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
}

struct http_curl *
http_curl_new(struct loop *loop, struct dns *dns, const struct http_curl_config *config, struct error *err)
{
	CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (rc != CURLE_OK) {
		error_set(err, ERROR_INTERNAL, "cannot set up curl: %s", curl_easy_strerror(rc));
		return NULL;
	}
	struct http_curl *curl = xcalloc(1, sizeof(*curl));
	curl->transport = (struct http){ .ops = &curl_ops, .self = curl };
	curl->loop = loop;
	curl->config = (struct http_curl_config){
		.user_agent = xstrdup_null(config->user_agent),
		.proxy = xstrdup_null(config->proxy),
	};
	loop_timer_init(&curl->timer, loop, http_on_timer, curl);
	curl->hosts = http_hosts_new(loop, dns);
	curl->gates = http_gates_new(loop,
		config->max_connections_per_host ? config->max_connections_per_host : DEFAULT_CONNECTIONS_PER_HOST);
	curl->multi = curl_multi_init();
	if (!curl->multi)
		abort(); /* out of memory */
	set_up_multi(curl);
	if (config->proxy && parse_proxy(curl, err) < 0) {
		http_curl_free(curl);
		return NULL;
	}
	return curl;
}

void
http_curl_free(struct http_curl *curl)
{
	if (!curl)
		return;
	while (curl->transfers)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		transfer_free(curl->transfers);
	while (curl->pool_count > 0)
		curl_easy_cleanup(curl->pool[--curl->pool_count]);
	curl_multi_cleanup(curl->multi);
	while (curl->watches)
		watch_free(curl, curl->watches);
	loop_timer_cancel(&curl->timer);
	http_hosts_free(curl->hosts);
	http_gates_free(curl->gates);
	free((char *)curl->config.user_agent);
	free((char *)curl->config.proxy);
	free(curl->proxy_host);
	free(curl->proxy_port);
	free(curl);
	curl_global_cleanup();
}

const struct http *
http_curl_transport(struct http_curl *curl)
{
	return &curl->transport;
}
