/*
 * Kind webhook: a POST of JSON, in the format that the receiver expects (webhook_body.c). The request has the id of the
 * message as Idempotency-Key: after a crash it may be sent again.
 */
#include "daemon/alert/alert_kind.h"

#include "common/strlist.h"
#include "daemon/base/http_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const webhook_settings[] = { "url", "template", "headers", "caFile", NULL };

/* Text of a secret; owned by the caller, who wipes it. */
static char *
webhook_text(const struct secret *secret)
{
	return xstrndup((const char *)secret->data, secret->len);
}

static void
webhook_wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
}

#define _cleanup_wipe_ _cleanup_(webhook_wipe)

/* --- declaration --- */

static int
check_url(const struct alert *a, struct error *err)
{
	_cleanup_wipe_ char *url = webhook_text(&a->url);
	_cleanup_http_url_ struct http_url parts = { .scheme = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;

	url[strcspn(url, "\r\n")] = '\0'; /* a file ends with a line end */
	if (http_url_parse(url, &parts, &why) < 0)
		return error_set_field(err, "url", "cannot be used: %s", why.message);
	if (parts.has_user)
		return error_set_field(err, "url", "contains a user name; use headers for credentials");
	if (strcmp(parts.scheme, "https") != 0 && !http_url_is_loopback(&parts))
		return error_set_field(err, "url", "must begin with https:// (http:// is accepted only for this host)");
	return 0;
}

/* Those that certd sets itself. */
static bool
is_own_header(const char *line, size_t len)
{
	static const char *const own[] = { "Host", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection",
		"Expect", "Idempotency-Key" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strlen(own[i]) == len && strncasecmp(own[i], line, len) == 0)
			return true;
	return false;
}

/* "Name: value" (RFC 9110 s5.1), without control characters. The line may be a credential: it is not quoted. */
static int
check_header(const char *line, size_t number, struct error *err)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strspn(line, token);

	if (len == 0 || line[len] != ':')
		return error_set_field(err, "headers", "line %zu is not 'Name: value'", number);
	if (is_own_header(line, len))
		return error_set_field(err, "headers", "line %zu: certd sets %.*s itself", number, (int)len, line);
	for (const char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c) && *c != '\t')
			return error_set_field(err, "headers", "line %zu has a control character", number);
	return 0;
}

/* The lines of @a's headers that are not empty; each with its line number for @fn's messages. */
static int
webhook_headers(const struct alert *a, struct strlist *ret, struct error *err)
{
	_cleanup_wipe_ char *text = webhook_text(&a->headers);
	char *rest = text, *line;
	size_t number = 0;

	while ((line = strsep(&rest, "\n"))) {
		size_t len = strlen(line);

		number++;
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (!*line)
			continue;
		if (check_header(line, number, err) < 0)
			return -1;
		strlist_add(ret, line);
	}
	return 0;
}

static void
webhook_clear_headers(struct strlist *headers)
{
	for (size_t i = 0; i < headers->count; i++)
		explicit_bzero(headers->items[i], strlen(headers->items[i]));
	strlist_clear(headers);
}

static int
alert_webhook_check(const struct alert *a, struct error *err)
{
	struct strlist headers = STRLIST_INIT;
	int rc;

	if (a->url.len == 0)
		return error_set_field(err, "url", "kind webhook requires a URL");
	rc = check_url(a, err) < 0 ? -1 : webhook_headers(a, &headers, err);
	webhook_clear_headers(&headers);
	return rc;
}

/* The host: the path of a webhook is its password. */
static char *
alert_webhook_endpoint(const struct alert *a)
{
	_cleanup_wipe_ char *url = webhook_text(&a->url);
	_cleanup_http_url_ struct http_url parts = { .scheme = NULL };

	url[strcspn(url, "\r\n")] = '\0';
	if (http_url_parse(url, &parts, NULL) < 0)
		return NULL;
	return xasprintf(
		"%s://%s%s%s", parts.scheme, parts.host, parts.has_port ? ":" : "", parts.has_port ? parts.port : "");
}

const struct alert_kind alert_kind_webhook = {
	.name = "webhook",
	.settings = webhook_settings,
	.check = alert_webhook_check,
	.endpoint = alert_webhook_endpoint,
};
