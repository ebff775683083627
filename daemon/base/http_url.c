#include "daemon/base/http_url.h"

#include "common/alloc.h"
#include "common/error.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

FREEP(CURLU, http_url_free_handle, curl_url_cleanup);

static char *
http_url_part(CURLU *handle, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(handle, part, &text, flags) != CURLUE_OK)
		return NULL;
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

static int
http_url_fail(CURLUcode rc, struct error *err)
{
	switch (rc) {
	case CURLUE_BAD_PORT_NUMBER:
		return error_set(err, ERROR_PROTOCOL, "the port of the URL is not valid");
	case CURLUE_NO_HOST:
	case CURLUE_BAD_HOSTNAME:
		return error_set(err, ERROR_PROTOCOL, "the URL has no host");
	default:
		return error_set(err, ERROR_PROTOCOL, "not a URL: %s", curl_url_strerror(rc));
	}
}

/* curl forgives a slash too many and one too few. */
static bool
is_authority_marked(const char *text, const char *scheme)
{
	const char *mark = text + strlen(scheme);

	return strncmp(mark, "://", 3) == 0 && mark[3] != '/';
}

/* curl decodes %XX in a host. */
static bool
is_ascii(const char *host)
{
	for (; *host; host++)
		if (*host <= ' ' || *host >= 0x7f)
			return false;
	return true;
}

int
http_url_parse(const char *text, struct http_url *ret, struct error *err)
{
	_cleanup_(http_url_free_handle) CURLU *handle = curl_url();
	char *written = NULL, *user = NULL;
	CURLUcode rc;

	if (!handle)
		abort(); /* as common/alloc.h does */
	*ret = (struct http_url){ .scheme = NULL };
	for (const char *s = text; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || strchr("\"<>\\^`{|}", *s))
			return error_set(err, ERROR_PROTOCOL, "the URL contains characters that are not allowed");
	rc = curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
	if (rc != CURLUE_OK)
		return http_url_fail(rc, err);
	ret->scheme = http_url_part(handle, CURLUPART_SCHEME, 0);
	ret->host = http_url_part(handle, CURLUPART_HOST, 0);
	ret->port = http_url_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	ret->has_port = curl_url_get(handle, CURLUPART_PORT, &written, 0) == CURLUE_OK;
	curl_free(written);
	ret->has_user = strchr(text, '@') && curl_url_get(handle, CURLUPART_USER, &user, 0) == CURLUE_OK;
	curl_free(user);
	ret->query = http_url_part(handle, CURLUPART_QUERY, 0);
	ret->fragment = http_url_part(handle, CURLUPART_FRAGMENT, 0);
	if (!ret->scheme || (strcmp(ret->scheme, "https") != 0 && strcmp(ret->scheme, "http") != 0))
		return error_set(err, ERROR_PROTOCOL, "not an https URL");
	if (strcmp(ret->port, "0") == 0)
		return http_url_fail(CURLUE_BAD_PORT_NUMBER, err);
	if (!ret->host || !*ret->host || !is_authority_marked(text, ret->scheme))
		return http_url_fail(CURLUE_NO_HOST, err);
	if (!is_ascii(ret->host))
		return http_url_fail(CURLUE_BAD_HOSTNAME, err);
	return 0;
}

void
http_url_clear(struct http_url *url)
{
	free(url->scheme);
	free(url->host);
	free(url->port);
	free(url->query);
	free(url->fragment);
	*url = (struct http_url){ .scheme = NULL };
}

bool
http_url_is_same_host(const struct http_url *a, const struct http_url *b)
{
	return strcasecmp(a->host, b->host) == 0 && strcmp(a->port, b->port) == 0;
}

bool
http_url_is_loopback(const struct http_url *url)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, url->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcmp(url->host, "[::1]") == 0 || strcasecmp(url->host, "localhost") == 0;
}
