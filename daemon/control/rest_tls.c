/*
 * From the store to an SSL_CTX. Each certificate gets a new one: existing connections keep theirs. The private key is
 * in the secure heap while the context exists, because a TLS server needs it.
 */
#include "daemon/control/rest_tls.h"

#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/shell.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

static X509 *
read_pem(BIO *bio)
{
	return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

static int
use_chain(SSL_CTX *ctx, const struct certificate *cert, struct error *err)
{
	_cleanup_(ossl_bio_freep) BIO *leaf = BIO_new_mem_buf(cert->leaf_pem.data, (int)cert->leaf_pem.len);
	_cleanup_(ossl_bio_freep) BIO *chain = BIO_new_mem_buf(buf_str(&cert->chain_pem), (int)cert->chain_pem.len);
	_cleanup_(ossl_x509_freep) X509 *x509 = read_pem(leaf);

	if (!x509 || SSL_CTX_use_certificate(ctx, x509) != 1)
		return ossl_error(err, ERROR_TLS, "use certificate '%s'", cert->o.name);
	for (X509 *issuer; (issuer = read_pem(chain));) {
		if (SSL_CTX_add0_chain_cert(ctx, issuer) != 1) {
			X509_free(issuer);
			return ossl_error(err, ERROR_TLS, "use the chain of '%s'", cert->o.name);
		}
	}
	ERR_clear_error(); /* the end of the chain is one */
	return 0;
}

static int
use_key(SSL_CTX *ctx, const struct certificate *cert, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;

	if (key_der_check_here(&cert->key, err) < 0 || key_from_der(&cert->key, &key, err) < 0)
		return error_wrap(err, "certificate '%s'", cert->o.name);
	if (SSL_CTX_use_PrivateKey(ctx, key_evp(key)) != 1)
		return ossl_error(err, ERROR_TLS, "use the key of '%s'", cert->o.name);
	return 0;
}

static SSL_CTX *
context_of(const struct certificate *cert, struct error *err)
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx) {
		ossl_error(err, ERROR_TLS, "TLS context");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Answers are sent in pieces from a buffer that may move. */
	SSL_CTX_set_mode(
		ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	if (use_chain(ctx, cert, err) < 0 || use_key(ctx, cert, err) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int
rest_tls_load(struct store *store, const char *name, char id[STORE_ID_SIZE], SSL_CTX **ret, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate cert = { 0 };
	int found = object_find_peek(store, &autocert_class, name, &a, err);
	SSL_CTX *ctx;

	if (found == 0)
		error_set(err, ERROR_CONFIG, "rest-certificate: there is no auto-certificate '%s'", name);
	if (found != 1)
		return -1;
	if (!a.last_certificate) {
		_cleanup_free_ char *explain = shell_certctl("explain", a.o.name, NULL);

		return error_set(err, ERROR_UNAVAILABLE,
			"rest-certificate: '%s' has no certificate yet; to see why: %s", name, explain);
	}
	if (strcmp(a.last_certificate, id) == 0)
		return 0;
	found = object_load(store, &certificate_class, a.last_certificate, &cert, err);
	if (found == 0)
		error_set(err, ERROR_CORRUPT, "rest-certificate: the certificate of '%s' was deleted", name);
	if (found != 1)
		return -1;
	ctx = context_of(&cert, err);
	if (!ctx)
		return error_wrap(err, "rest-certificate");
	memcpy(id, cert.o.id, STORE_ID_SIZE);
	*ret = ctx;
	return 1;
}
