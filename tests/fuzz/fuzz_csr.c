/* Certificate requests of other programs: an accepted one has names, and a key that can be stored. */
#include "common/crypto/csr.h"
#include "common/crypto/key.h"
#include "common/error.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_csr_ struct csr csr = { .key = NULL };
	_cleanup_secret_ struct secret stored = SECRET_INIT;
	_cleanup_key_ struct key *again = NULL;

	if (csr_read((const char *)data, size, &csr, &err) < 0) {
		if (err.code != ERROR_INVALID || csr.key || csr.names.count || csr.der.len)
			abort();
		return 0;
	}
	if (csr.names.count == 0 || csr.der.len == 0 || key_to_der(csr.key, &stored, &err) < 0 ||
		key_from_der(&stored, &again, &err) < 0)
		abort();
	return 0;
}
