/* daemon/control/rest_tls.h: the TLS of the REST API: a certificate that certd itself keeps valid. */
#ifndef DAEMON_CONTROL_REST_TLS_H
#define DAEMON_CONTROL_REST_TLS_H

#include "daemon/store/object.h"

struct ssl_ctx_st;

/*
 * rest_tls_load() - make a context with the newest certificate of an auto-certificate
 * @name: its name or id
 * @id: of the certificate in use; replaced by the new one's. Empty: none
 * @ret: owned by the caller (SSL_CTX_free()); existing connections keep their context
 * Return: 1 and the new context; 0 the one in use is the newest; -1 there is none yet, or it cannot be used.
 */
int
rest_tls_load(
	struct store *store, const char *name, char id[STORE_ID_SIZE], struct ssl_ctx_st **ret, struct error *err);

#endif
