/* base64url: whatever is accepted is the only text for its octets; the tolerant reader never reads more out of it. */
#include "common/crypto/base64url.h"
#include "common/crypto/secret.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_secret_ struct secret tolerant = SECRET_INIT;
	_cleanup_buf_ struct buf octets = BUF_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int rc = base64_decode_any((const char *)data, size, &tolerant, &err);

	if (rc == 0 && tolerant.len > size / 4 * 3 + 2)
		abort();
	if (base64url_decode((const char *)data, size, &octets, &err) < 0)
		return 0;
	base64url_encode(octets.data, octets.len, &text);
	if (text.len != size || (size && memcmp(text.data, data, size) != 0))
		abort();
	if (size && (rc < 0 || tolerant.len != octets.len || memcmp(tolerant.data, octets.data, octets.len) != 0))
		abort();
	return 0;
}
