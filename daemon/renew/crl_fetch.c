/*
 * One list or answer by HTTP. The URL comes from a certificate and is plain http, because what is fetched is signed;
 * redirects lead to http or https. Size, time and the number of redirects are limited.
 */
#include "daemon/renew/crl_private.h"

#include "common/crypto/ocsp.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_OCTETS = 32 * 1024 * 1024,
	TIMEOUT_MS = 120 * 1000, /* of each request */
	OCSP_TIMEOUT_MS = 30 * 1000,
	MAX_REDIRECTS = 5
};

struct crl_fetch {
	const struct http *http;
	void *handle;
	struct strlist headers;
	bool is_ocsp;
	unsigned redirects;
	crl_fetched_fn *done;
	void *arg;
};

static void
crl_fetch_send(struct crl_fetch *f, const char *url);

static void
crl_fetch_free(struct crl_fetch *f)
{
	strlist_clear(&f->headers);
	free(f);
}

void
crl_fetch_cancel(struct crl_fetch *f)
{
	if (!f)
		return;
	http_cancel(f->http, f->handle);
	crl_fetch_free(f);
}

static void
crl_fetch_end(struct crl_fetch *f, struct http_response *res, const struct error *err)
{
	crl_fetched_fn *done = f->done;
	void *arg = f->arg;

	crl_fetch_free(f);
	done(res, err, arg);
}

static bool
crl_is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void
crl_fetch_answered(struct http_response *res, const struct error *err, void *arg)
{
	struct crl_fetch *f = arg;
	_cleanup_error_ struct error why = ERROR_INIT;

	f->handle = NULL;
	if (res && crl_is_redirect(res->status) && res->location && f->redirects < MAX_REDIRECTS) {
		f->redirects++;
		crl_fetch_send(f, res->location);
		return;
	}
	if (!res)
		error_copy(&why, err);
	else if (crl_is_redirect(res->status))
		error_set(&why, ERROR_PROTOCOL,
			"the server answers with more than %d redirects, or one without a target", MAX_REDIRECTS);
	else if (res->status != 200 && !(res->status == 304 && f->headers.count))
		error_set(&why, res->status == 429 || res->status >= 500 ? ERROR_UNAVAILABLE : ERROR_PROTOCOL,
			"the server answers with status %d", res->status);
	crl_fetch_end(f, error_is_set(&why) ? NULL : res, error_is_set(&why) ? &why : NULL);
}

static void
crl_fetch_send(struct crl_fetch *f, const char *url)
{
	const struct http_request request = { .method = "GET",
		.url = url,
		.accept = f->is_ocsp ? "application/ocsp-response" : "application/pkix-crl",
		.headers = f->headers,
		.max_body = f->is_ocsp ? OCSP_ANSWER_MAX : MAX_OCTETS,
		.timeout_ms = f->is_ocsp ? OCSP_TIMEOUT_MS : TIMEOUT_MS,
		.may_use_http = true };

	f->handle = http_send(f->http, &request, crl_fetch_answered, f);
}

struct crl_fetch *
crl_fetch(const struct http *http, const char *url, bool is_ocsp, const struct crl_record *record, crl_fetched_fn *done,
	void *arg)
{
	struct crl_fetch *f = xcalloc(1, sizeof(*f));

	f->http = http;
	f->is_ocsp = is_ocsp;
	f->done = done;
	f->arg = arg;
	if (record && record->etag)
		strlist_take(&f->headers, xasprintf("If-None-Match: %s", record->etag));
	if (record && record->last_modified)
		strlist_take(&f->headers, xasprintf("If-Modified-Since: %s", record->last_modified));
	crl_fetch_send(f, url);
	return f;
}
