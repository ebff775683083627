/*
 * Certificate requests, made here or elsewhere. Names are passed as values, never through OpenSSL's configuration
 * syntax, where a comma in a name would start another one.
 */
#include "common/crypto/csr.h"

#include "common/buf.h"
#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/crypto/pem.h"
#include "common/crypto/san.h"
#include "common/name.h"
#include "common/strlist.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

enum { CN_MAX = 64 }; /* ub-common-name, RFC 5280 appendix A.1 */

static bool
csr_add_must_staple(STACK_OF(X509_EXTENSION) * *exts)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_tlsfeature, "status_request");
	bool ok = ext && X509v3_add_ext(exts, ext, -1);

	X509_EXTENSION_free(ext);
	return ok;
}

static int
csr_add_extensions(X509_REQ *req, const struct csr_content *content)
{
	_cleanup_(ossl_general_names_freep) GENERAL_NAMES *gens = san_make(content->names);
	STACK_OF(X509_EXTENSION) *exts = NULL;
	int ok = gens && X509V3_add1_i2d(&exts, NID_subject_alt_name, gens, 0, X509V3_ADD_DEFAULT) == 1 &&
		 (!content->must_staple || csr_add_must_staple(&exts)) && X509_REQ_add_extensions(req, exts) == 1;

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

/* The request without its signature. Return: NULL on failure. */
static X509_REQ *
csr_build(const struct key *key, const struct csr_content *content, struct error *err)
{
	X509_REQ *req = X509_REQ_new();

	ERR_clear_error();
	if (content->names->count == 0)
		error_set(err, ERROR_INVALID, "a certificate request needs at least one name");
	else if (!req || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
		 set_subject(req, content->names->items[0]) != 1 || csr_add_extensions(req, content) != 1)
		ossl_error(err, ERROR_INTERNAL, "cannot create a certificate request");
	else if (key_put_public(key, X509_REQ_get_X509_PUBKEY(req), err) == 0)
		return req;
	X509_REQ_free(req);
	return NULL;
}

static int
csr_encode(X509_REQ *req, struct buf *ret_der, struct error *err)
{
	_cleanup_(ossl_freep) unsigned char *der = NULL;
	int len = i2d_X509_REQ(req, &der);

	if (len <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode a certificate request");
	buf_add(ret_der, der, (size_t)len);
	return 0;
}

int
csr_make(const struct key *key, const struct csr_content *content, struct buf *ret_der, struct error *err)
{
	_cleanup_(ossl_x509_req_freep) X509_REQ *req = csr_build(key, content, err);

	if (!req)
		return -1;
	if (X509_REQ_sign(req, key_evp(key), key_digest(key) ? EVP_sha256() : NULL) <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot create a certificate request");
	return csr_encode(req, ret_der, err);
}

int
csr_to_sign(const struct key *key, const struct csr_content *content, struct buf *ret, struct error *err)
{
	_cleanup_(ossl_x509_req_freep) X509_REQ *req = csr_build(key, content, err);
	_cleanup_(ossl_freep) unsigned char *der = NULL;
	int len = req ? i2d_re_X509_REQ_tbs(req, &der) : -1;

	if (!req)
		return -1;
	if (len <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode a certificate request");
	buf_add(ret, der, (size_t)len);
	return 0;
}

/* The name of key_digest() with the type of the key; Ed25519 is a name of its own. Return: 1, 0 */
static int
csr_set_algorithm(X509_REQ *req, const struct key *key)
{
	bool is_rsa = EVP_PKEY_is_a(key_evp(key), "RSA");
	int type = is_rsa ? NID_rsaEncryption : NID_X9_62_id_ecPublicKey, nid = NID_ED25519;
	X509_ALGOR *algor = X509_ALGOR_new();
	int ok = algor && (!key_digest(key) || OBJ_find_sigid_by_algs(&nid, OBJ_txt2nid(key_digest(key)), type)) &&
		 X509_ALGOR_set0(algor, OBJ_nid2obj(nid), is_rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL) &&
		 X509_REQ_set1_signature_algo(req, algor);

	X509_ALGOR_free(algor);
	return ok;
}

int
csr_finish(const struct key *key, const struct csr_content *content, const struct buf *signature, struct buf *ret_der,
	struct error *err)
{
	_cleanup_(ossl_x509_req_freep) X509_REQ *req = csr_build(key, content, err);
	ASN1_BIT_STRING *bits;

	if (!req)
		return -1;
	bits = ASN1_BIT_STRING_new();
	if (!bits || ASN1_BIT_STRING_set(bits, (unsigned char *)signature->data, (int)signature->len) != 1 ||
		csr_set_algorithm(req, key) != 1) {
		ASN1_BIT_STRING_free(bits);
		return ossl_error(err, ERROR_INTERNAL, "cannot sign a certificate request");
	}
	bits->flags &= ~(long)(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits, whatever the last octet is */
	X509_REQ_set0_signature(req, bits);
	return csr_encode(req, ret_der, err);
}

/* --- requests from elsewhere --- */

void
csr_clear(struct csr *csr)
{
	buf_clear(&csr->der);
	strlist_clear(&csr->names);
	key_free(csr->key);
	*csr = (struct csr){ .key = NULL };
}

static bool
csr_has_label(const struct pem_block *block, const char *label)
{
	return block->label_len == strlen(label) && memcmp(block->label, label, block->label_len) == 0;
}

/* One block, and nothing after it that is one. */
static int
csr_decode(const char *pem, size_t len, X509_REQ **ret, struct error *err)
{
	const char *p = pem, *end = pem + len;
	struct pem_block block, more;
	_cleanup_(ossl_bio_freep) BIO *bio = NULL;

	if (len > CSR_PEM_MAX_OCTETS)
		return error_set(err, ERROR_INVALID, "has more than %d octets", CSR_PEM_MAX_OCTETS);
	if (pem_next(&p, end, &block) != 1 ||
		!(csr_has_label(&block, PEM_STRING_X509_REQ) || csr_has_label(&block, PEM_STRING_X509_REQ_OLD)))
		return error_set(err, ERROR_INVALID, "is not a certificate request in PEM (BEGIN CERTIFICATE REQUEST)");
	if (pem_next(&p, end, &more) != 0)
		return error_set(err, ERROR_INVALID, "has another PEM block after the certificate request");
	bio = BIO_new_mem_buf(block.text, (int)block.len);
	*ret = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	return *ret ? 0 : ossl_error(err, ERROR_INVALID, "is a damaged certificate request");
}

static int
csr_read_names(const X509_REQ *req, struct strlist *ret, struct error *err)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions((X509_REQ *)req);
	int critical = 0;
	_cleanup_(ossl_general_names_freep)
		GENERAL_NAMES *gens = X509V3_get_d2i(exts, NID_subject_alt_name, &critical, NULL);
	int others = san_read(gens, ret);

	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	if (!gens && critical != -1)
		return error_set(err, ERROR_INVALID, "has several or malformed lists of alternative names");
	if (ret->count == 0 || others)
		return error_set(err, ERROR_INVALID,
			others < 0 ? "has a malformed name"
			: others   ? "has alternative names that are neither DNS names nor IP addresses"
				   : "has no subject alternative names, which CAs require");
	return 0;
}

/* Another name than those in the SAN is refused by CAs. */
static int
csr_check_subject(const X509_REQ *req, const struct strlist *names, struct error *err)
{
	const X509_NAME *subject = X509_REQ_get_subject_name(req);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *value = at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	_cleanup_(ossl_freep) unsigned char *text = NULL;
	_cleanup_free_ char *name = NULL;
	int len;

	if (!value)
		return 0;
	len = ASN1_STRING_to_UTF8(&text, value);
	if (len > 0 && strlen((char *)text) == (size_t)len)
		name_canonical((char *)text, true, &name, NULL);
	if (name && strlist_has(names, name))
		return 0;
	return error_set(err, ERROR_INVALID, "has a common name that is not among its alternative names");
}

/* The kind of the key is checked before anything is computed with it. */
static int
csr_read_key(X509_REQ *req, struct key **ret, struct error *err)
{
	_cleanup_(ossl_freep) unsigned char *spki = NULL;
	int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki);

	if (len <= 0)
		return ossl_error(err, ERROR_INVALID, "has an unreadable public key");
	if (key_new_held(KEY_PLACE_REQUEST, spki, (size_t)len, ret, err) < 0)
		return -1;
	return X509_REQ_verify(req, key_evp(*ret)) == 1 ? 0 : ossl_error(err, ERROR_INVALID, "has a wrong signature");
}

int
csr_read(const char *pem, size_t len, struct csr *ret, struct error *err)
{
	_cleanup_(ossl_x509_req_freep) X509_REQ *req = NULL;

	ERR_clear_error();
	if (csr_decode(pem, len, &req, err) == 0 && csr_read_key(req, &ret->key, err) == 0 &&
		csr_read_names(req, &ret->names, err) == 0 && csr_check_subject(req, &ret->names, err) == 0 &&
		csr_encode(req, &ret->der, err) == 0)
		return 0;
	csr_clear(ret);
	return -1;
}
