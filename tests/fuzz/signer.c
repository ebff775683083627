/* One key, so that what a target finds can be repeated. */
#include "tests/fuzz/signer.h"

#include "common/crypto/key.h"
#include "tests/unit/common/crypto/vectors.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* ecdsa-with-SHA256 */
static const unsigned char algorithm[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };

static struct key *key;
static struct buf issuer;

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || X509_add_ext(cert, ext, -1) != 1)
		abort();
	X509_EXTENSION_free(ext);
}

/* CN=Fuzz CA, with the key of RFC 7517 appendix A.2, once. */
static void
make_issuer(void)
{
	struct secret pem = SECRET_INIT;
	X509 *cert = X509_new();
	unsigned char *der = NULL;
	int len;

	secret_set(&pem, VECTOR_EC_PKCS8, sizeof(VECTOR_EC_PKCS8) - 1);
	if (key_from_pem(&pem, NULL, &key, NULL) < 0)
		abort();
	secret_clear(&pem);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	ASN1_TIME_set(X509_getm_notBefore(cert), SIGNER_NOW - 86400);
	ASN1_TIME_set(X509_getm_notAfter(cert), SIGNER_NOW + 86400);
	X509_NAME_add_entry_by_txt(
		X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)"Fuzz CA", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key_evp(key));
	add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	X509_sign(cert, key_evp(key), EVP_sha256());
	len = i2d_X509(cert, &der);
	buf_add(&issuer, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(cert);
}

const struct buf *
signer_cert(void)
{
	if (!key)
		make_issuer();
	return &issuer;
}

static void
add_header(struct buf *b, int tag, size_t len)
{
	unsigned char header[16], *p = header;

	ASN1_put_object(&p, tag == V_ASN1_SEQUENCE, (int)len, tag, V_ASN1_UNIVERSAL);
	buf_add(b, header, (size_t)(p - header));
}

void
signer_sign(const void *tbs, size_t len, struct buf *ret)
{
	_cleanup_buf_ struct buf content = BUF_INIT;
	EVP_MD_CTX *ctx;
	unsigned char signature[128];
	size_t signature_len = sizeof(signature);

	signer_cert();
	ctx = EVP_MD_CTX_new();
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key_evp(key)) != 1 ||
		EVP_DigestSign(ctx, signature, &signature_len, tbs, len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	buf_add(&content, tbs, len);
	buf_add(&content, algorithm, sizeof(algorithm));
	add_header(&content, V_ASN1_BIT_STRING, signature_len + 1);
	buf_add_char(&content, '\0');
	buf_add(&content, signature, signature_len);
	add_header(ret, V_ASN1_SEQUENCE, content.len);
	buf_add(ret, content.data, content.len);
}
