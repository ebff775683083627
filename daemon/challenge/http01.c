/*
 * Anyone may connect, so all peers are anonymous, with one short request each. When all slots are taken, the oldest
 * connection is closed at once: a CA's request arrives with its first packet, so only idle connections are ever old. No
 * answer contains text of the request.
 *
 * A Unix socket has mode 0666, so that a proxy of any user can connect: everything it serves is public. The directory
 * that contains it decides which users may reach it.
 */
#include "daemon/challenge/http01.h"

#include "common/crypto/base64url.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/httpd.h"
#include "daemon/base/listen.h"
#include "daemon/base/loop.h"
#include "daemon/base/port_owner.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { TOKEN_MAX = 128, SOCKET_MODE = 0666, HTTP_PORT = 80, ADVICE_MS = 1000 };

struct answer {
	struct answer *prev, *next;
	char *token;
	char *key_authorization;
};

struct http01 {
	struct loop *loop;
	char *advice; /* of http01_advise(): many names ask at a time */
	int64_t advised_ms;
	struct httpd *httpd;
	struct strlist listen; /* addresses that are not bound yet */
	bool is_configured;
	struct error error; /* of the first address that could not be bound */
	struct answer *answers;
};

/* --- requests --- */

bool
http01_is_token(const char *token, size_t len)
{
	return len <= TOKEN_MAX && base64url_is_text(token, len);
}

/* The path is compared octet by octet, without decoding or normalization that could be abused. */
static const struct answer *
http01_find(const struct http01 *http, struct httpd_text path)
{
	const size_t prefix_len = strlen(HTTP01_PATH);
	const struct answer *a;

	if (path.len <= prefix_len || memcmp(path.data, HTTP01_PATH, prefix_len) != 0)
		return NULL;
	DL_FOREACH(http->answers, a)
		if (strlen(a->token) == path.len - prefix_len &&
			memcmp(a->token, path.data + prefix_len, path.len - prefix_len) == 0)
			return a;
	return NULL;
}

static void
http01_requested(struct httpd_conn *conn, const struct httpd_head *head, const char *body _unused_, void *arg)
{
	static const char fields[] = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
	const struct answer *answer;
	struct buf text = BUF_INIT;

	if ((head->status == 200 || head->status == 413) && !httpd_text_is(head->method, "GET") &&
		!httpd_text_is(head->method, "HEAD")) {
		httpd_conn_answer(conn, 405, "Allow: GET, HEAD\r\n", &text);
		return;
	}
	answer = head->status == 200 ? http01_find(arg, head->path) : NULL;
	if (!answer) {
		httpd_conn_answer(conn, head->status == 200 ? 404 : head->status, fields, &text);
		return;
	}
	buf_add_str(&text, answer->key_authorization);
	httpd_conn_answer(conn, 200,
		"Content-Type: application/octet-stream\r\nCache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n",
		&text);
}

/* --- listeners --- */

/* What a program on port 80 is to do, by its name. */
static const struct {
	const char *program;
	const char *example;
} http01_servers[] = {
	{ "nginx", EXAMPLESDIR "/nginx-acme-challenge.conf" },
	{ "haproxy", EXAMPLESDIR "/haproxy-acme-challenge.cfg" },
	{ "apache2", EXAMPLESDIR "/apache-acme-challenge.conf" },
	{ "httpd", EXAMPLESDIR "/apache-acme-challenge.conf" },
	{ "caddy", EXAMPLESDIR "/caddy-acme-challenge.conf" },
};

/* How the program on @port can forward challenges to certd. Owned by the caller. */
static char *
http01_advise_forward(const struct port_owner *owner)
{
	for (size_t i = 0; i < ARRAY_SIZE(http01_servers); i++)
		if (strcmp(owner->name, http01_servers[i].program) == 0)
			return xasprintf("have it forward /.well-known/acme-challenge/ to certd as in %s",
				http01_servers[i].example);
	return xstrdup("have it forward /.well-known/acme-challenge/ to certd as in the examples for nginx, HAProxy, "
		       "Apache and Caddy in " EXAMPLESDIR);
}

static char *
http01_owner_text(const struct port_owner *owner, unsigned port)
{
	_cleanup_free_ char *text = port_owner_text(owner);

	if (owner->pid)
		return xstrdup(text);
	return xasprintf("%s (to find it: ss -ltnp 'sport = :%u')", text, port);
}

static char *
http01_find_advice(void)
{
	_cleanup_free_ char *who = NULL, *forward = NULL;
	struct port_owner owner;

	if (!port_owner_find(HTTP_PORT, &owner))
		return xstrdup(
			"certd has no HTTP listener and no webroot: give it port 80, which is free (systemctl enable "
			"--now certd-http.service, or without systemd http-listen in certd.conf)");
	who = http01_owner_text(&owner, HTTP_PORT);
	forward = http01_advise_forward(&owner);
	return xasprintf("certd has no HTTP listener and no webroot, and %s has port 80: %s, with http-listen = "
			 "127.0.0.1:5080 in certd.conf, or set webroot to the directory that it serves",
		who, forward);
}

const char *
http01_advise(struct http01 *http)
{
	int64_t now_ms = clock_boot_ms(loop_clock(http->loop));

	if (!http->advice || now_ms - http->advised_ms >= ADVICE_MS) {
		free(http->advice);
		http->advice = http01_find_advice();
		http->advised_ms = now_ms;
	}
	return http->advice;
}

static void
http01_explain_taken(struct error *err, const char *address)
{
	unsigned port = (unsigned)strtoul(strrchr(address, ':') + 1, NULL, 10);
	_cleanup_free_ char *who = NULL, *forward = NULL;
	struct port_owner owner;

	if (!port_owner_find(port, &owner)) {
		error_set(err, ERROR_UNAVAILABLE, "http-listen %s: another program had that port: certd tries again",
			address);
		return;
	}
	who = http01_owner_text(&owner, port);
	forward = http01_advise_forward(&owner);
	if (strcmp(owner.name, "systemd") == 0)
		error_set(err, ERROR_UNAVAILABLE,
			"http-listen %s: a socket unit of systemd has that port: if it is certd-http.socket, remove "
			"http-listen from certd.conf and restart certd",
			address);
	else
		error_set(err, ERROR_UNAVAILABLE,
			"http-listen %s: %s has that port: set http-listen to another port and %s, or set webroot, or "
			"stop that program",
			address, who, forward);
}

/* Usually a web server has the port already, or certd may not bind it: the error says what to do. */
static void
http01_explain(struct error *err, const char *address)
{
	static const char other[] = "set http-listen to another port and have the web server on this one forward "
				    "/.well-known/acme-challenge/ to it (examples in " EXAMPLESDIR "), or set webroot";
	enum error_code code = err->code;

	if (code == ERROR_IN_USE && listen_is_unix(address)) {
		error_set(err, ERROR_UNAVAILABLE,
			"http-listen %s: another program listens on that socket: stop it or set another path", address);
	} else if (code == ERROR_IN_USE) {
		http01_explain_taken(err, address);
	} else if (code == ERROR_DENIED && !listen_is_unix(address)) {
		error_set(err, ERROR_UNAVAILABLE,
			"http-listen %s: certd may not bind a port below 1024: let systemd bind it (systemctl enable "
			"--now certd-http.service), or %s",
			address, other);
	} else {
		error_wrap(err, "http-listen");
	}
	if (code == ERROR_CONFIG)
		err->code = ERROR_INVALID;
	else if (code != ERROR_STATE)
		err->code = ERROR_UNAVAILABLE;
	err->may_retry = code != ERROR_CONFIG;
}

bool
http01_is_configured(const struct http01 *http)
{
	return http->is_configured;
}

bool
http01_is_open(const struct http01 *http)
{
	return acceptor_listeners(httpd_acceptor(http->httpd)) > 0;
}

int
http01_open(struct http01 *http, struct error *err)
{
	size_t first = 0;

	error_clear(&http->error);
	if (acceptor_listen_all(httpd_acceptor(http->httpd), &http->listen, SOCKET_MODE, &first, &http->error) < 0)
		http01_explain(&http->error, http->listen.items[first]);
	if (http01_is_open(http)) {
		if (http->error.code == ERROR_STATE)
			error_clear(&http->error);
		return 0;
	}
	if (!http->is_configured)
		return error_set(err, ERROR_STATE, "no http-listen is configured");
	if (err)
		error_copy(err, &http->error);
	return -1;
}

const struct error *
http01_error(const struct http01 *http)
{
	return error_is_set(&http->error) ? &http->error : NULL;
}

/* --- answers --- */

void
http01_put(struct http01 *http, const char *token, const char *key_authorization)
{
	struct answer *a = xcalloc(1, sizeof(*a));

	a->token = xstrdup(token);
	a->key_authorization = xstrdup(key_authorization);
	DL_PREPEND(http->answers, a);
}

void
http01_remove(struct http01 *http, const char *token, const char *key_authorization)
{
	struct answer *a;

	DL_FOREACH(http->answers, a) {
		if (strcmp(a->token, token) != 0 || strcmp(a->key_authorization, key_authorization) != 0)
			continue;
		DL_DELETE(http->answers, a);
		free(a->token);
		free(a->key_authorization);
		free(a);
		return;
	}
}

/* --- life --- */

struct http01 *
http01_new(struct loop *loop, const struct http01_config *config)
{
	struct http01 *http = xcalloc(1, sizeof(*http));
	int64_t deadline_ms = config->deadline_ms ? config->deadline_ms : HTTP01_DEADLINE_MS;

	http->loop = loop;
	if (config->listen)
		strlist_copy(&http->listen, config->listen);
	http->is_configured = http->listen.count || config->n_fds;
	http->httpd = httpd_new(&(struct httpd_config){
		.loop = loop,
		.places = { .max_connections = HTTP01_CONNECTIONS_MAX, .max_per_user = HTTP01_CONNECTIONS_MAX },
		.limits = { .request_ms = deadline_ms, .answer_ms = deadline_ms },
		.is_single = true,
		.is_anonymous = true,
		.request = http01_requested,
		.arg = http,
	});
	for (size_t i = 0; i < config->n_fds; i++)
		acceptor_add(httpd_acceptor(http->httpd), config->fds[i]);
	http01_open(http, NULL);
	return http;
}

void
http01_free(struct http01 *http)
{
	struct answer *a;

	if (!http)
		return;
	httpd_free(http->httpd);
	while ((a = http->answers))
		http01_remove(http, a->token, a->key_authorization);
	strlist_clear(&http->listen);
	error_clear(&http->error);
	free(http->advice);
	free(http);
}
