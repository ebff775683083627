/*
 * Converts the certificates and keys that portals, mails and Windows produce to PEM according to RFC 7468. Text around
 * blocks is ignored.
 */
#include "common/crypto/cert_file.h"

#include "common/crypto/ossl.h"
#include "common/crypto/pem.h"
#include "common/error.h"

#include <openssl/pem.h>
#include <string.h>

FREEP(PKCS7, p7_freep, PKCS7_free);
FREEP(X509_SIG, sig_freep, X509_SIG_free);

void
cert_file_clear(struct cert_file *file)
{
	buf_clear(&file->certificates);
	secret_clear(&file->keys);
	*file = (struct cert_file){ 0 };
}

static void
cert_file_append_key(struct cert_file *file, const void *pem, size_t len)
{
	struct secret longer = SECRET_INIT;

	secret_alloc(&longer, file->keys.len + len);
	if (file->keys.len)
		memcpy(longer.data, file->keys.data, file->keys.len);
	memcpy(longer.data + file->keys.len, pem, len);
	secret_move(&file->keys, &longer);
	file->n_keys++;
}

static void
cert_file_append_certificate(struct cert_file *file, const void *pem, size_t len)
{
	buf_add(&file->certificates, pem, len);
	file->n_certificates++;
}

/* --- objects of OpenSSL --- */

static int
cert_file_add_x509(struct cert_file *file, X509 *cert, struct error *err)
{
	if (ossl_add_x509_pem(&file->certificates, cert, err) < 0)
		return -1;
	file->n_certificates++;
	return 0;
}

static int
cert_file_add_pkcs7(struct cert_file *file, PKCS7 *p7, struct error *err)
{
	const STACK_OF(X509) *certs = PKCS7_type_is_signed(p7) && p7->d.sign ? p7->d.sign->cert : NULL;

	for (int i = 0; i < sk_X509_num(certs); i++)
		if (cert_file_add_x509(file, sk_X509_value(certs, i), err) < 0)
			return -1;
	return 0;
}

static int
cert_file_add_key(struct cert_file *file, EVP_PKEY *pkey, X509_SIG *encrypted, struct error *err)
{
	_cleanup_(ossl_bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char *data;
	long len;
	int rc = 0;

	if (bio && pkey)
		rc = PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
	else if (bio)
		rc = PEM_write_bio_PKCS8(bio, encrypted);
	if (rc != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the private key");
	len = BIO_get_mem_data(bio, &data);
	cert_file_append_key(file, data, (size_t)len);
	file->is_key_encrypted = file->is_key_encrypted || encrypted;
	return 0;
}

/* --- PEM --- */

static bool
cert_file_is_encrypted(const struct pem_block *block)
{
	return memmem(block->label, block->label_len, "ENCRYPTED", strlen("ENCRYPTED")) ||
	       memmem(block->text, block->len, "4,ENCRYPTED", strlen("4,ENCRYPTED"));
}

/* @text: the output of pem_write(). */
static int
cert_file_add_block(
	struct cert_file *file, const struct pem_block *block, const char *text, size_t len, struct error *err)
{
	if (pem_is_certificate(block)) {
		cert_file_append_certificate(file, text, len);
	} else if (pem_is_private_key(block)) {
		cert_file_append_key(file, text, len);
		file->is_key_encrypted = file->is_key_encrypted || cert_file_is_encrypted(block);
	} else if (pem_is_pkcs7(block)) {
		_cleanup_(ossl_bio_freep) BIO *bio = BIO_new_mem_buf(text, (int)len);
		_cleanup_(p7_freep) PKCS7 *p7 = bio ? PEM_read_bio_PKCS7(bio, NULL, NULL, NULL) : NULL;

		if (!p7)
			return ossl_error(err, ERROR_INVALID, "contains unreadable PKCS#7");
		return cert_file_add_pkcs7(file, p7, err);
	}
	return 0;
}

static int
cert_file_read_pem(const char *p, size_t text_len, struct cert_file *file, struct error *err)
{
	const char *end = p + text_len;
	struct pem_block block;
	int found;

	while ((found = pem_next(&p, end, &block)) == 1) {
		_cleanup_free_ char *clean = xmalloc(pem_room(block.len));
		size_t len = pem_write(&block, clean);
		int rc;

		if (!len)
			return error_set(err, ERROR_INVALID, "contains a PEM block that is not base64");
		rc = cert_file_add_block(file, &block, clean, len, err);
		explicit_bzero(clean, len);
		if (rc < 0)
			return -1;
	}
	if (found < 0)
		return error_set(err, ERROR_INVALID, "contains a PEM block without an END line");
	return 0;
}

/* --- DER --- */

static int
cert_file_read_der(const unsigned char *octets, long len, struct cert_file *file, struct error *err)
{
	const unsigned char *p = octets;
	_cleanup_(ossl_x509_freep) X509 *cert = d2i_X509(NULL, &p, len);
	_cleanup_(p7_freep) PKCS7 *p7 = NULL;
	_cleanup_(ossl_pkcs12_freep) PKCS12 *p12 = NULL;
	_cleanup_(sig_freep) X509_SIG *encrypted = NULL;
	_cleanup_(ossl_pkey_freep) EVP_PKEY *pkey = NULL;

	if (cert)
		return cert_file_add_x509(file, cert, err);
	p = octets;
	p7 = d2i_PKCS7(NULL, &p, len);
	if (p7)
		return cert_file_add_pkcs7(file, p7, err);
	p = octets;
	p12 = d2i_PKCS12(NULL, &p, len);
	if (p12)
		return error_set(err, ERROR_INVALID, "is a PKCS#12 file: use --pkcs12 FILE");
	p = octets;
	encrypted = d2i_X509_SIG(NULL, &p, len);
	if (encrypted)
		return cert_file_add_key(file, NULL, encrypted, err);
	p = octets;
	pkey = d2i_AutoPrivateKey(NULL, &p, len);
	return pkey ? cert_file_add_key(file, pkey, NULL, err)
		    : error_set(err, ERROR_INVALID, "is DER, but neither a certificate, PKCS#7 nor a private key");
}

/* --- the file --- */

/* Notepad's "Unicode": every second octet of ASCII text is 0; any other character cannot be in PEM and becomes '?'. */
static void
cert_file_narrow(const unsigned char *octets, size_t len, bool is_little, struct secret *ret)
{
	secret_alloc(ret, len / 2);
	for (size_t i = 0; i < ret->len; i++) {
		unsigned char low = octets[2 * i + !is_little];
		unsigned char high = octets[2 * i + is_little];

		ret->data[i] = high || low >= 0x80 ? '?' : low;
	}
}

int
cert_file_read(const void *octets, size_t len, struct cert_file *ret, struct error *err)
{
	_cleanup_cert_file_ struct cert_file file = { 0 };
	_cleanup_secret_ struct secret narrow = SECRET_INIT;
	bool is_little = len > 3 && memcmp(octets, "\xff\xfe", 2) == 0;
	int rc;

	ERR_clear_error();
	if (is_little || (len > 3 && memcmp(octets, "\xfe\xff", 2) == 0)) {
		cert_file_narrow(octets, len, is_little, &narrow);
		octets = narrow.data;
		len = narrow.len;
	}
	if (len && memmem(octets, len, "-----BEGIN ", strlen("-----BEGIN ")))
		rc = cert_file_read_pem(octets, len, &file, err);
	else if (len && *(const unsigned char *)octets == 0x30)
		rc = cert_file_read_der(octets, (long)len, &file, err);
	else
		rc = error_set(err, ERROR_INVALID, "is neither PEM (-----BEGIN ...), PKCS#7 nor DER");
	ERR_clear_error();
	if (rc < 0)
		return -1;
	*ret = file;
	file = (struct cert_file){ 0 };
	return 0;
}
