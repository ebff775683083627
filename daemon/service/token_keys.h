/* daemon/service/token_keys.h: finds a key in its PKCS#11 token before it is declared. */
#ifndef DAEMON_SERVICE_TOKEN_KEYS_H
#define DAEMON_SERVICE_TOKEN_KEYS_H

#include "daemon/service/call.h"

/*
 * token_keys_wait() - find the key of @uri and make it sign
 * Afterwards call->token_key is its stored form (common/crypto/key.h). What is wrong with the URI, or the token's own
 * words, are a refusal of @field.
 * @uri: NULL asks nothing
 * @handler: runs again afterwards, from its beginning
 * Return: 0 continue; 1 the call waits; -1 failed.
 */
int
token_keys_wait(struct call *call, const char *uri, const char *field, service_fn *handler, struct error *err);

#endif
