/* common/crypto/key_uri.h: the URIs of keys in PKCS#11 tokens (RFC 7512), as certd accepts them. */
#ifndef COMMON_CRYPTO_KEY_URI_H
#define COMMON_CRYPTO_KEY_URI_H

#include "common/crypto/secret.h"

struct error;

enum { KEY_URI_MAX = 1024, KEY_PIN_MAX = 256 };

/*
 * key_uri_check() - is it the URI of one private key?
 * It names the token (token, serial, slot-id) and the object (object, id). Of the query, only pin-source=file:/PATH is
 * accepted: a PIN is never a part of a declaration, and a module is code, which certd.conf names. The text has neither
 * quotes nor '$', so that it may be put in the configuration of a server.
 * Errors: ERROR_INVALID.
 */
int
key_uri_check(const char *uri, struct error *err);

/*
 * key_uri_split() - the parts of a URI that key_uri_check() accepts
 * @ret_object: the URI without a query; @ret_pin_file: path, or NULL: the token needs no PIN. Owned by the caller.
 */
void
key_uri_split(const char *uri, char **ret_object, char **ret_pin_file);

#endif
