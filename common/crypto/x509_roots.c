/* Does a chain lead to a root that the operator has named? OpenSSL finds the path, also by cross-signed roots. */
#include "common/crypto/ossl.h"
#include "common/crypto/x509_chain.h"

#include <openssl/pem.h>

/* Return: the number of certificates; -1: one of them is damaged. @ret: NULL: only counted. */
static int
x509_roots_read(const struct buf *pem, X509_STORE *ret)
{
	_cleanup_(ossl_bio_freep) BIO *bio = BIO_new_mem_buf(pem->len ? pem->data : "", (int)pem->len);
	int count = 0;
	bool is_end;

	for (;;) {
		_cleanup_(ossl_x509_freep) X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

		if (!cert)
			break;
		if (ret)
			X509_STORE_add_cert(ret, cert);
		count++;
	}
	is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	return is_end ? count : -1;
}

static int
x509_roots_refuse(int count, struct error *err)
{
	return error_set(err, ERROR_INVALID,
		count == 0 ? "it contains no PEM certificate" : "it contains a damaged certificate");
}

int
x509_roots_check(const struct buf *pem, struct error *err)
{
	int count;

	ERR_clear_error();
	count = x509_roots_read(pem, NULL);
	return count > 0 ? 0 : x509_roots_refuse(count, err);
}

/* Borrows the certificates. Owned by the caller; NULL: verifying would take long. */
static STACK_OF(X509) * x509_roots_untrusted(const struct x509_chain *chain)
{
	STACK_OF(X509) *certs = sk_X509_new_null();

	for (size_t i = 0; i < chain->count; i++) {
		EVP_PKEY *key = X509_get0_pubkey(chain->certs[i]);

		if (certs && key && !ossl_key_is_costly(key) && sk_X509_push(certs, chain->certs[i]) > 0)
			continue;
		sk_X509_free(certs);
		return NULL;
	}
	return certs;
}

int
x509_chain_check_roots(const char *pem, size_t len, const struct buf *roots, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };
	_cleanup_(ossl_x509_store_freep) X509_STORE *store = X509_STORE_new();
	_cleanup_(ossl_x509_store_ctx_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) * untrusted;
	int count, rc;

	if (x509_chain_read(pem, len, NULL, &chain, err) < 0)
		return -1;
	ERR_clear_error();
	count = store ? x509_roots_read(roots, store) : 0;
	if (count <= 0)
		return x509_roots_refuse(count, err);
	untrusted = x509_roots_untrusted(&chain);
	if (!untrusted || !ctx || X509_STORE_CTX_init(ctx, store, chain.certs[0], untrusted) != 1) {
		rc = error_set(err, ERROR_PROTOCOL, "its chain has a key that takes too long to verify with");
	} else {
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
		rc = X509_verify_cert(ctx) == 1 ? 0
						: error_set(err, ERROR_PROTOCOL, "%s",
							  X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}
	X509_STORE_CTX_cleanup(ctx);
	sk_X509_free(untrusted);
	ERR_clear_error();
	return rc;
}
