/* URLs that a CA or an API answers, and addresses of settings. */
#include "common/address.h"
#include "common/alloc.h"
#include "common/error.h"
#include "daemon/base/http_url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_url(const struct http_url *url)
{
	uint16_t port;

	if (!url->scheme || (strcmp(url->scheme, "https") != 0 && strcmp(url->scheme, "http") != 0))
		abort();
	if (!url->host || !*url->host || !url->port || !address_parse_port(url->port, &port))
		abort();
	for (const char *c = url->host; *c; c++)
		if (*c <= ' ' || *c >= 0x7f)
			abort();
	if (!http_url_is_same_host(url, url))
		abort();
	http_url_is_loopback(url);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };
	struct address address;
	char client[ADDRESS_CLIENT_SIZE];

	if (http_url_parse(text, &url, &err) == 0) {
		expect_url(&url);
		if (!strstr(text, "://") || strstr(text, "://") != text + strlen(url.scheme))
			abort();
	} else if (err.code != ERROR_PROTOCOL || !err.message)
		abort();
	if (address_parse(text, &address)) {
		address_client(&address, client);
		address_network(&address, client);
		address_is_loopback(&address);
	}
	return 0;
}
