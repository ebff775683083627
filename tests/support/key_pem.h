/* tests/support/key_pem.h: a key as PKCS#8 PEM, as it is deployed: from its stored form, like certd's own files. */
#ifndef TESTS_SUPPORT_KEY_PEM_H
#define TESTS_SUPPORT_KEY_PEM_H

#include "common/crypto/key.h"
#include "common/crypto/secret.h"

/* Return: 0 or -1. */
static inline int
key_to_pem(const struct key *key, struct secret *ret_pem, struct error *err)
{
	_cleanup_secret_ struct secret der = SECRET_INIT;

	return key_to_der(key, &der, err) < 0 ? -1 : key_der_to_pem(&der, ret_pem, err);
}

#endif
