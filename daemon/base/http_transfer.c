/*
 * daemon/base/http_transfer.c: one request as curl options, and its answer with all limits.
 *
 * Servers are not trusted, least of all CAs. http_transfer_set_up() is the only place that decides about protocols,
 * redirects, connections and sizes. The environment (proxies, netrc) has no effect.
 */
#include "daemon/base/http_private.h"

#include "common/alloc.h"
#include "common/printable.h"
#include "daemon/base/http_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	DEFAULT_MAX_BODY = 256 * 1024,
	DEFAULT_TIMEOUT_MS = 30 * 1000,
	MAX_URL = 2048,
	URL_SHOWN = 200, /* of it in messages */
	CONNECT_MS = 10 * 1000,
	CA_CACHE_SEC = 60, /* the delay until a replaced CA file is noticed */
	MAX_ADDRESSES = 8
};

void
http_response_clear(struct http_response *res)
{
	buf_clear(&res->body);
	free(res->location);
	free(res->replay_nonce);
	free(res->content_type);
	free(res->etag);
	free(res->last_modified);
	strlist_clear(&res->links);
	strlist_clear(&res->cookies);
	*res = (struct http_response){ .status = 0 };
}

/* --- the request --- */

static void
add_header(struct http_transfer *t, const char *line)
{
	if (strpbrk(line, "\r\n"))
		error_set(&t->err, ERROR_INVALID, "a request header contains a line break");
	else
		t->headers = curl_slist_append(t->headers, line);
}

static void
copy_headers(struct http_transfer *t, const struct http_request *req)
{
	_cleanup_free_ char *type = xasprintf("Content-Type: %s", req->content_type ? req->content_type : "");
	_cleanup_free_ char *accept = xasprintf("Accept: %s", req->accept ? req->accept : "");

	if (req->content_type || req->body_len) /* otherwise curl would add a type for a body */
		add_header(t, req->content_type ? type : "Content-Type:");
	if (req->accept)
		add_header(t, accept);
	if (!req->aws_sigv4) /* curl would sign this header and not send it */
		add_header(t, "Expect:");
	for (size_t i = 0; i < req->headers.count; i++)
		add_header(t, req->headers.items[i]);
}

static int
take_url_apart(struct http_transfer *t, struct error *err)
{
	_cleanup_free_ char *shown = printable_line(t->url, strlen(t->url), URL_SHOWN);
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };

	if (strlen(t->url) > MAX_URL)
		return error_set(err, ERROR_LIMIT, "a URL of more than %d octets: '%s...'", MAX_URL, shown);
	if (http_url_parse(t->url, &url, err) < 0)
		return error_wrap(err, "'%s'", shown);
	if (url.has_user)
		return error_set(err, ERROR_PROTOCOL, "'%s': the URL contains a user name", shown);
	if (strcmp(url.scheme, "https") != 0 && !t->may_use_http)
		return error_set(err, ERROR_PROTOCOL, "'%s': not an https URL", shown);
	str_replace(&t->host, url.host);
	str_replace(&t->port, url.port);
	return 0;
}

void
http_transfer_init(struct http_transfer *t, const struct http_request *req)
{
	t->method = xstrdup(req->method);
	t->url = xstrdup(req->url);
	buf_add(&t->body, req->body, req->body_len);
	t->ca_file = xstrdup_null(req->ca_file);
	t->userpwd = xstrdup_null(req->userpwd);
	t->aws_sigv4 = xstrdup_null(req->aws_sigv4);
	t->max_body = req->max_body ? req->max_body : DEFAULT_MAX_BODY;
	t->timeout_ms = req->timeout_ms ? req->timeout_ms : DEFAULT_TIMEOUT_MS;
	t->may_use_http = req->may_use_http;
	t->is_sent_once = req->is_sent_once;
	copy_headers(t, req);
	if (!error_is_set(&t->err))
		take_url_apart(t, &t->err);
}

void
http_transfer_clear(struct http_transfer *t)
{
	free(t->retry_after);
	free(t->method);
	free(t->url);
	curl_slist_free_all(t->headers);
	buf_clear(&t->body);
	free(t->ca_file);
	free(t->userpwd);
	free(t->aws_sigv4);
	free(t->host);
	free(t->port);
	free(t->dialled_host);
	free(t->dialled_port);
	http_response_clear(&t->res);
	error_clear(&t->err);
	curl_slist_free_all(t->resolve);
}

/* --- the answer, in curl's callbacks --- */

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * count;

	tls_guard_progress(t->guard);
	if (len > t->max_body - t->res.body.len) {
		t->is_body_too_large = true;
		return 0;
	}
	buf_add(&t->res.body, data, len);
	return len;
}

/* The value if @line is a header with @name (lower case); NULL otherwise. Owned by the caller. */
static char *
header_value(const char *line, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
		return NULL;
	const char *start = line + name_len + 1, *end = line + len;
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && strchr(" \t\r\n", end[-1]))
		end--;
	return xstrndup(start, (size_t)(end - start));
}

static void
take_header(struct http_transfer *t, const char *line, size_t len)
{
	const struct {
		const char *name;

		char **where;
	} kept[] = {
		{ "location", &t->res.location },
		{ "replay-nonce", &t->res.replay_nonce },
		{ "content-type", &t->res.content_type },
		{ "etag", &t->res.etag },
		{ "last-modified", &t->res.last_modified },
		{ "retry-after", &t->retry_after },
	};
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		char *value = header_value(line, len, kept[i].name);

		if (!value)
			continue;
		free(*kept[i].where);
		*kept[i].where = value;
		return;
	}
	char *link = header_value(line, len, "link");
	_cleanup_free_ char *cookie = header_value(line, len, "set-cookie");

	if (link)
		strlist_take(&t->res.links, link);
	if (cookie)
		strlist_take(&t->res.cookies, xstrndup(cookie, strcspn(cookie, "; ")));
}

/* "HTTP/1.1 103 Early Hints" */
static bool
is_interim_status(const char *line, size_t len)
{
	const char *status = memchr(line, ' ', len);

	return status && status + 1 < line + len && status[1] == '1';
}

static size_t
on_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * count;
	bool is_trailer = t->is_header_whole && !t->is_interim; /* counts, but says nothing that we need */

	tls_guard_progress(t->guard);
	t->header_octets += len;
	if (t->header_octets > HTTP_MAX_HEADERS) {
		t->is_header_too_large = true;
		return 0;
	}
	if (is_trailer)
		return len;
	t->is_header_whole = len == 2 && memcmp(line, "\r\n", 2) == 0;
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		http_response_clear(&t->res); /* the one before was interim */
		t->is_interim = is_interim_status(line, len);
	} else {
		take_header(t, line, len);
	}
	return len;
}

static CURLcode
on_tls_context(CURL *easy _unused_, void *ctx, void *arg)
{
	return tls_guard_apply(arg, ctx, true) < 0 ? CURLE_SSL_ENGINE_INITFAILED : CURLE_OK;
}

static curl_socket_t
on_open_socket(void *arg _unused_, curlsocktype purpose _unused_, struct curl_sockaddr *address)
{
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- options --- */

static void
set_method(struct http_transfer *t, CURL *easy)
{
	if (strcmp(t->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (t->body.len || strcmp(t->method, "GET") != 0) {
		bool has_body = t->body.len || strcmp(t->method, "DELETE") != 0;

		if (has_body) {
			curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_str(&t->body));
		}
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method);
	}
	if (strcmp(t->method, "HEAD") != 0) /* a HEAD answer has the length of a body that is not sent */
		curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max_body);
}

static void
set_trust(struct http_transfer *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t->guard);
	/* With a CAPATH, which Debian presets, curl reads the trust store again for each connection. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_SEC);
	if (t->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
}

static void
http_transfer_set_limits(struct http_transfer *t, CURL *easy)
{
	long timeout_ms = (long)t->timeout_ms;

	/* Our own timer comes before that of @timeout_ms in libcurl, and says which stage was reached. */
	curl_easy_setopt(
		easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MS ? timeout_ms + 1000 : (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms + 1000);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, t->may_use_http ? "https,http" : "https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

/* "host:port:address,address": curl then resolves nothing and starts no thread. Not needed for a literal address. */
static void
set_addresses(struct http_transfer *t, CURL *easy, const struct strlist *addresses)
{
	_cleanup_buf_ struct buf entry = BUF_INIT;

	curl_slist_free_all(t->resolve);
	t->resolve = NULL;
	if (addresses->count == 1 && strcasecmp(addresses->items[0], t->dialled_host) == 0)
		return;
	buf_printf(&entry, "%s:%s:", t->dialled_host, t->dialled_port);
	for (size_t i = 0; i < addresses->count && i < MAX_ADDRESSES; i++) {
		const char *address = addresses->items[i];

		buf_printf(&entry, strchr(address, ':') ? "%s[%s]" : "%s%s", i ? "," : "", address);
	}
	t->resolve = curl_slist_append(NULL, entry.data);
	curl_easy_setopt(easy, CURLOPT_RESOLVE, t->resolve);
}

void
http_transfer_set_up(struct http_transfer *t, CURL *easy, const struct http_curl_config *config,
	const struct strlist *addresses, bool is_fresh, long oldest_sec)
{
	*t->curl_text = '\0';
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->curl_text);
	curl_easy_setopt(easy, CURLOPT_URL, t->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, config->user_agent);
	/* "" and not NULL: otherwise curl reads http_proxy, all_proxy and no_proxy from the environment. */
	curl_easy_setopt(easy, CURLOPT_PROXY, config->proxy ? config->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_USERPWD, t->userpwd);
	if (t->aws_sigv4)
		curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, t->aws_sigv4);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	/*
	 * A CA's answers are small and few at a time: HTTP/2 would not be faster, and gives a hostile peer more
	 * means of attack.
	 */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, is_fresh || t->is_sent_once ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, oldest_sec);
	set_method(t, easy);
	set_trust(t, easy);
	http_transfer_set_limits(t, easy);
	set_addresses(t, easy, addresses);
}
