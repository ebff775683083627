/* Imported private keys in PEM: an accepted one can be stored and deployed, and is still the same key. */
#include "common/crypto/key.h"
#include "common/error.h"
#include "tests/support/key_pem.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What it may cost to find out that a password is wrong is bounded. */
static void
open_locked(const struct secret *in)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_secret_ struct secret password = SECRET_INIT;
	_cleanup_key_ struct key *key = NULL;

	secret_set(&password, "secret", 6);
	if (key_from_pem(in, &password, &key, &err) < 0 && err.code != ERROR_INVALID)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_secret_ struct secret in = SECRET_INIT;
	_cleanup_secret_ struct secret out = SECRET_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_key_ struct key *again = NULL;
	unsigned char spki[32];
	unsigned char spki_again[32];

	secret_set(&in, data, size);
	open_locked(&in);
	if (key_from_pem(&in, NULL, &key, &err) < 0) {
		if (err.code != ERROR_INVALID)
			abort();
		return 0;
	}
	if (key_to_der(key, &out, &err) < 0 || key_from_der(&out, &again, &err) < 0 ||
		key_to_pem(again, &out, &err) < 0)
		abort();
	key_spki_sha256(key, spki, NULL);
	key_spki_sha256(again, spki_again, NULL);
	if (memcmp(spki, spki_again, sizeof(spki)) != 0)
		abort();
	return 0;
}
