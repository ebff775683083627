/*
 * PKCS#12. OpenSSL's PKCS12_parse() opens any file at any cost, so certd walks the file itself: it checks sizes, counts
 * and iterations before each expensive step. OpenSSL releases decrypted data through our cleansing free() (secret.c).
 */
#include "common/crypto/pkcs12.h"

#include "common/buf.h"
#include "common/crypto/ossl.h"
#include "common/crypto/pbe_cost.h"
#include "common/crypto/x509_chain.h"
#include "common/error.h"

#include <openssl/pem.h>
#include <string.h>

enum { MAX_SAFES = 8, MAX_BAGS = 32, WRITE_ITERATIONS = 100 * 1000 };

struct reader {
	const char *password; /* NULL: none; not necessarily NUL-terminated */
	int password_len;
	int64_t budget;   /* iterations that are left */
	bool is_verified; /* the MAC matched: the password is right */
	EVP_PKEY *pkey;   /* owned */
	struct buf *pem;
	size_t n_certs;
	size_t n_bags;
};

static int
pkcs12_refuse(struct error *err, const char *why)
{
	ERR_clear_error();
	return error_set_field(err, "pkcs12", "the PKCS#12 file %s", why);
}

/* --- reading --- */

/* Reports failed decryption: without a matching MAC, a wrong password looks like a damaged file. */
static int
pkcs12_refuse_sealed(const struct reader *r, struct error *err, const char *why)
{
	if (r->is_verified)
		return pkcs12_refuse(err, why);
	ERR_clear_error();
	return error_set_field(err, "password",
		r->password_len ? "the PKCS#12 file cannot be decrypted; the password may be wrong"
				: "the PKCS#12 file is encrypted; give its password");
}

static int
add_cert(struct reader *r, const PKCS12_SAFEBAG *bag, struct error *err)
{
	_cleanup_(ossl_x509_freep) X509 *cert = PKCS12_SAFEBAG_get1_cert(bag);
	_cleanup_(ossl_bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	if (!cert)
		return pkcs12_refuse(err, "contains an unreadable certificate");
	if (r->n_certs++ == X509_CHAIN_MAX_CERTS)
		return pkcs12_refuse(err, "contains more than 10 certificates");
	if (!bio || PEM_write_bio_X509(bio, cert) != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the certificate");
	len = BIO_get_mem_data(bio, &data);
	buf_add(r->pem, data, (size_t)len);
	return 0;
}

static int
take_key(struct reader *r, const PKCS8_PRIV_KEY_INFO *p8, struct error *err)
{
	r->pkey = EVP_PKCS82PKEY(p8);
	return r->pkey ? 0 : pkcs12_refuse(err, "contains an unreadable private key");
}

static int
open_key(struct reader *r, const PKCS12_SAFEBAG *bag, struct error *err)
{
	_cleanup_(ossl_pkcs8_freep) PKCS8_PRIV_KEY_INFO *p8 = NULL;
	const X509_ALGOR *algor = NULL;

	if (r->pkey)
		return pkcs12_refuse(err, "contains more than one private key");
	if (PKCS12_SAFEBAG_get_nid(bag) == NID_keyBag)
		return take_key(r, PKCS12_SAFEBAG_get0_p8inf(bag), err);
	X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algor, NULL);
	if (pbe_cost_take(algor, &r->budget, err) < 0)
		return pkcs12_refuse(err, err ? err->message : "");
	p8 = PKCS12_decrypt_skey(bag, r->password, r->password_len);
	return p8 ? take_key(r, p8, err) : pkcs12_refuse_sealed(r, err, "contains an unreadable private key");
}

static int
read_bags(struct reader *r, const STACK_OF(PKCS12_SAFEBAG) * bags, struct error *err)
{
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
		int rc = 0;

		if (r->n_bags++ == MAX_BAGS)
			return pkcs12_refuse(err, "contains too many parts");
		switch (PKCS12_SAFEBAG_get_nid(bag)) {
		case NID_keyBag:
		case NID_pkcs8ShroudedKeyBag:
			rc = open_key(r, bag, err);
			break;
		case NID_certBag:
			if (PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
				rc = add_cert(r, bag, err);
			break;
		default: /* CRLs and secrets of other programs */
			break;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
read_safe(struct reader *r, PKCS7 *safe, struct error *err)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int rc;

	if (PKCS7_type_is_data(safe)) {
		bags = PKCS12_unpack_p7data(safe);
	} else if (PKCS7_type_is_encrypted(safe)) {
		if (pbe_cost_take(safe->d.encrypted->enc_data->algorithm, &r->budget, err) < 0)
			return pkcs12_refuse(err, err ? err->message : "");
		bags = PKCS12_unpack_p7encdata(safe, r->password, r->password_len);
	} else {
		return pkcs12_refuse(err, "is encrypted with a public key; a password is required");
	}
	if (!bags)
		return pkcs12_refuse_sealed(
			r, err, "uses unsupported encryption such as RC2; export it again with AES");
	rc = read_bags(r, bags, err);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return rc;
}

static int
pkcs12_read_all(struct reader *r, const PKCS12 *p12, struct error *err)
{
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
	int rc = 0;

	if (!safes)
		return pkcs12_refuse(err, "cannot be read");
	if (sk_PKCS7_num(safes) > MAX_SAFES)
		rc = pkcs12_refuse(err, "contains too many parts");
	for (int i = 0; rc == 0 && i < sk_PKCS7_num(safes); i++)
		rc = read_safe(r, sk_PKCS7_value(safes, i), err);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return rc;
}

/* Without a password, both the empty one and none at all are tried; if no MAC decides, decryption does. */
static int
pkcs12_read_safes(struct reader *r, const PKCS12 *p12, struct error *err)
{
	if (pkcs12_read_all(r, p12, err) == 0)
		return 0;
	if (r->is_verified || r->password || !err->field || strcmp(err->field, "password") != 0)
		return -1;
	error_clear(err);
	EVP_PKEY_free(r->pkey);
	buf_clear(r->pem);
	*r = (struct reader){ .password = "", .budget = r->budget, .pem = r->pem };
	return pkcs12_read_all(r, p12, err);
}

/* Only a trial decides. */
static bool
verify_mac(struct reader *r, PKCS12 *p12)
{
	if (PKCS12_verify_mac(p12, r->password, r->password_len))
		return true;
	if (r->password_len)
		return false;
	r->password = "";
	return PKCS12_verify_mac(p12, r->password, 0);
}

/* The MAC of RFC 9579, which OpenSSL before 3.4 does not know. */
static bool
pkcs12_has_pbmac1(const PKCS12 *p12)
{
	const X509_ALGOR *algor = NULL;
	char oid[32];

	PKCS12_get0_mac(NULL, &algor, NULL, NULL, p12);
	return algor && OBJ_obj2txt(oid, sizeof(oid), algor->algorithm, 1) > 0 &&
	       strcmp(oid, "1.2.840.113549.1.5.14") == 0;
}

static int
pkcs12_check_mac(struct reader *r, PKCS12 *p12, struct error *err)
{
	const ASN1_INTEGER *iterations = NULL;

	if (!PKCS12_mac_present(p12) || pkcs12_has_pbmac1(p12))
		return 0; /* decryption shows whether the password is right, and the certificates must match the key */
	PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p12);
	if (pbe_cost_take_iterations(iterations, &r->budget, err) < 0)
		return pkcs12_refuse(err, err ? err->message : "");
	r->is_verified = verify_mac(r, p12);
	if (r->is_verified)
		return 0;
	ERR_clear_error();
	return error_set_field(err, "password",
		r->password_len ? "the password of the PKCS#12 file is wrong"
				: "the PKCS#12 file is encrypted; give its password");
}

/* Return: the outermost structure, or NULL. Nothing may follow it. */
static PKCS12 *
pkcs12_decode(const struct secret *der)
{
	const unsigned char *p = der->data;
	PKCS12 *p12 = der->len ? d2i_PKCS12(NULL, &p, (long)der->len) : NULL;

	if (p12 && p != der->data + der->len) {
		PKCS12_free(p12);
		p12 = NULL;
	}
	return p12;
}

int
pkcs12_read(const struct secret *der, const struct secret *password, struct key **ret_key, struct buf *ret_pem,
	struct error *err)
{
	_cleanup_(ossl_pkcs12_freep) PKCS12 *p12 = NULL;
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_error_ struct error own = ERROR_INIT;
	struct reader r = { .budget = PBE_BUDGET, .pem = &pem };
	int rc;

	ERR_clear_error();
	err = err ? err : &own; /* the cost check's message is reported with our field */
	if (password && password->len) {
		r.password = (const char *)password->data;
		r.password_len = (int)password->len;
	}
	if (der->len > PKCS12_MAX_OCTETS)
		return pkcs12_refuse(err, "is larger than 64 KiB");
	p12 = pkcs12_decode(der);
	if (!p12)
		return pkcs12_refuse(err, "is not a PKCS#12 file");
	rc = pkcs12_check_mac(&r, p12, err);
	if (rc == 0)
		rc = pkcs12_read_safes(&r, p12, err);
	if (rc == 0 && !r.pkey)
		rc = pkcs12_refuse(err, "does not contain a private key");
	if (rc == 0 && !r.n_certs)
		rc = pkcs12_refuse(err, "does not contain a certificate");
	if (rc == 0)
		rc = key_from_evp(&r.pkey, ret_key, err);
	EVP_PKEY_free(r.pkey);
	if (rc == 0)
		buf_add(ret_pem, pem.data, pem.len);
	ERR_clear_error();
	return rc;
}

/* --- writing --- */

static int
encode(const PKCS12 *p12, struct secret *ret_der, struct error *err)
{
	_cleanup_secret_ struct secret der = SECRET_INIT;
	int len = i2d_PKCS12(p12, NULL);
	unsigned char *p;

	if (len <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the PKCS#12 file");
	secret_alloc(&der, (size_t)len);
	p = der.data;
	i2d_PKCS12(p12, &p);
	secret_move(ret_der, &der);
	return 0;
}

int
pkcs12_write(const struct key *key, const struct buf *pem, const char *name, const struct secret *password,
	struct secret *ret_der, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };
	_cleanup_secret_ struct secret text = SECRET_INIT; /* the password, NUL-terminated */
	_cleanup_(ossl_pkcs12_freep) PKCS12 *p12 = NULL;
	STACK_OF(X509) *others = NULL;

	if (x509_chain_read(pem->data, pem->len, NULL, &chain, err) < 0)
		return -1;
	secret_alloc(&text, password->len + 1);
	memcpy(text.data, password->data, password->len);
	others = sk_X509_new_null();
	for (size_t i = 1; others && i < chain.count; i++)
		if (!sk_X509_push(others, chain.certs[i])) /* borrowed */
			abort();
	ERR_clear_error();
	p12 = PKCS12_create((char *)text.data, name, key ? key_evp(key) : NULL, chain.certs[0], others, 0, 0,
		WRITE_ITERATIONS, WRITE_ITERATIONS, 0);
	sk_X509_free(others);
	if (!p12)
		return ossl_error(err, ERROR_INTERNAL, "cannot create the PKCS#12 file");
	return encode(p12, ret_der, err);
}
