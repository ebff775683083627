/* What a server may say before TLS. The first octet chooses the protocol, the second how the rest is cut. */
#include "common/api/endpoint.h"
#include "common/error.h"
#include "common/printable.h"
#include "daemon/rollout/starttls.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = 4096 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Return: the last result; how the octets are cut makes no difference. */
static enum starttls_result
converse(const char *protocol, const uint8_t *data, size_t size, size_t step)
{
	struct starttls *s = starttls_new(protocol, "mail.example.com");
	enum starttls_result result = STARTTLS_WAITS;
	_cleanup_buf_ struct buf said = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t at = 0;

	if (!s)
		return STARTTLS_READY;
	starttls_begin(s, &said);
	while (at < size && result == STARTTLS_WAITS) {
		size_t n = step < size - at ? step : size - at;

		result = starttls_feed(s, data + at, n, &said, &err);
		at += n;
	}
	if ((result == STARTTLS_FAILED) != error_is_set(&err) || said.len > SAID_MAX)
		abort();
	if (error_is_set(&err) && !printable_is_line(err.message, strlen(err.message)))
		abort();
	starttls_free(s);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const protocols[] = { ENDPOINT_PROTOCOLS(ENDPOINT_PROTOCOL_NAME) };

	if (size < 2)
		return 0;
	converse(protocols[data[0] % ARRAY_SIZE(protocols)], data + 2, size - 2, 1 + data[1]);
	return 0;
}
