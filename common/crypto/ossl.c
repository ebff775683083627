/*
 * OpenSSL's error queue, converted to the project's error object. The first entry names the cause; later ones only add
 * context.
 */
#include "common/crypto/ossl.h"

#include <stdarg.h>

static bool
secure_heap_is_full(void)
{
	void *probe;

	if (!CRYPTO_secure_malloc_initialized())
		return false;
	probe = OPENSSL_secure_malloc(4096); /* what work with a large key needs at once */
	OPENSSL_secure_free(probe);
	return probe == NULL;
}

int
ossl_error(struct error *err, enum error_code code, const char *fmt, ...)
{
	unsigned long bottom = ERR_get_error();
	const char *reason = bottom ? ERR_reason_error_string(bottom) : NULL;
	_cleanup_free_ char *what = NULL;
	va_list ap;

	ERR_clear_error();
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	if (secure_heap_is_full()) {
		error_set(err, ERROR_LIMIT, "%s: the memory for secrets is full", what);
		if (err)
			err->retry = true;
		return -1;
	}
	if (bottom && !reason)
		return error_set(err, code, "%s: OpenSSL error %lx", what, bottom);
	return reason ? error_set(err, code, "%s: %s", what, reason) : error_set(err, code, "%s", what);
}
