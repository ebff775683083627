/* Anything a stranger may send to the http-01 listener. */
#include "daemon/challenge/http01_request.h"

#include <stdint.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t len = size < HTTP01_HEADER_MAX ? size : HTTP01_HEADER_MAX;
	struct http01_request r;

	if (!http01_request_parse(text, len, &r))
		return 0;
	if ((r.status == 200) != (r.token != NULL))
		abort();
	if (r.token && (r.token < text || r.token + r.token_len > text + len ||
			       !http01_is_token(r.token, r.token_len)))
		abort();
	return 0;
}
