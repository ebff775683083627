/*
 * OpenSSL's error queue, converted to the project's error object. The first entry names the cause; later ones only add
 * context.
 */
#include "common/crypto/ossl.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <stdarg.h>

enum { RSA_BITS_MAX = 8192, RSA_EXPONENT_BITS_MAX = 64 };

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
			err->may_retry = true;
		return -1;
	}
	if (bottom && !reason)
		return error_set(err, code, "%s: OpenSSL error %lx", what, bottom);
	return reason ? error_set(err, code, "%s: %s", what, reason) : error_set(err, code, "%s", what);
}

bool
ossl_key_is_costly(EVP_PKEY *key)
{
	_cleanup_(ossl_bn_freep) BIGNUM *exponent = NULL;
	int is_explicit = 0;

	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		return EVP_PKEY_get_bits(key) > RSA_BITS_MAX ||
		       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1 ||
		       BN_num_bits(exponent) > RSA_EXPONENT_BITS_MAX;
	if (EVP_PKEY_is_a(key, "EC"))
		return EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) ==
			       1 &&
		       is_explicit;
	return !EVP_PKEY_is_a(key, "ED25519") && !EVP_PKEY_is_a(key, "ED448");
}

int
ossl_add_x509_pem(struct buf *ret, X509 *cert, struct error *err)
{
	_cleanup_(ossl_bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	if (!bio || PEM_write_bio_X509(bio, cert) != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the certificate");
	len = BIO_get_mem_data(bio, &data);
	buf_add(ret, data, (size_t)len);
	return 0;
}
