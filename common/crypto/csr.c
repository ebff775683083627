/*
 * Certificate requests. Names are passed as values, never through OpenSSL's configuration syntax, where a comma in a
 * name would start another one.
 */
#include "common/crypto/csr.h"

#include "common/buf.h"
#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/crypto/san.h"
#include "common/name.h"
#include "common/strlist.h"

#include <openssl/x509.h>
#include <string.h>

enum { CN_MAX = 64 }; /* ub-common-name, RFC 5280 appendix A.1 */

static int
csr_add_names(X509_REQ *req, const struct strlist *names)
{
	_cleanup_(ossl_general_names_freep) GENERAL_NAMES *gens = san_make(names);
	STACK_OF(X509_EXTENSION) *exts = NULL;
	int ok = gens && X509V3_add1_i2d(&exts, NID_subject_alt_name, gens, 0, X509V3_ADD_DEFAULT) == 1 &&
		 X509_REQ_add_extensions(req, exts) == 1;

	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return ok;
}

/* CAs accept an empty subject; the common name is only for display. */
static int
set_subject(X509_REQ *req, const char *name)
{
	if (name_type_of(name) != NAME_DNS || strlen(name) > CN_MAX)
		return 1;
	return X509_NAME_add_entry_by_NID(
		X509_REQ_get_subject_name(req), NID_commonName, MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

int
csr_make(const struct key *key, const struct strlist *names, struct buf *ret_der, struct error *err)
{
	_cleanup_(ossl_x509_req_freep) X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int len;

	ERR_clear_error();
	if (names->count == 0)
		return error_set(err, ERROR_INVALID, "a certificate request needs at least one name");
	if (!req || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 || set_subject(req, names->items[0]) != 1 ||
		csr_add_names(req, names) != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot create a certificate request");
	if (key_put_public(key, X509_REQ_get_X509_PUBKEY(req), err) < 0)
		return -1;
	if (X509_REQ_sign(req, key_evp(key), EVP_sha256()) <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot create a certificate request");
	len = i2d_X509_REQ(req, &der);
	if (len <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode a certificate request");
	buf_add(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	return 0;
}
