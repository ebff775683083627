/* Makes certificates for tests, right or wrong; whatever OpenSSL does not do ends the test. */
#include "tests/unit/common/crypto/mini_ca.h"

#include "common/crypto/x509.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	if (!value)
		return;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void
set_serial(X509 *cert, const char *hex)
{
	BIGNUM *bn = NULL;

	must(BN_hex2bn(&bn, hex ? hex : "1") > 0 && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)));
	BN_free(bn);
}

void
mini_make(struct mini_cert *ret, const struct mini_spec *spec, const struct mini_cert *issuer)
{
	X509 *cert = X509_new();
	const struct mini_cert *signer = issuer ? issuer : ret;
	X509_NAME *subject = X509_get_subject_name(cert);

	ret->cert = cert;
	must(key_generate(KEY_SECP256R1, &ret->key, NULL) == 0);
	X509_set_version(cert, X509_VERSION_3);
	set_serial(cert, spec->serial);
	ASN1_TIME_set(X509_getm_notBefore(cert), spec->not_before_at ? spec->not_before_at : MINI_NOW - MINI_DAY);
	ASN1_TIME_set(X509_getm_notAfter(cert), spec->not_after_at ? spec->not_after_at : MINI_NOW + 90 * MINI_DAY);
	if (spec->cn)
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)spec->cn, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(signer->cert));
	must(X509_set_pubkey(cert, key_evp(ret->key)) == 1);
	add_extension(cert, signer->cert, NID_subject_alt_name, spec->san);
	add_extension(cert, signer->cert, NID_basic_constraints, spec->basic_constraints);
	add_extension(cert, signer->cert, NID_key_usage, spec->key_usage);
	add_extension(cert, signer->cert, NID_ext_key_usage, spec->extended_key_usage);
	add_extension(cert, signer->cert, NID_subject_key_identifier, "hash");
	add_extension(cert, signer->cert, NID_authority_key_identifier, spec->authority_key_id);
	add_extension(cert, signer->cert, NID_crl_distribution_points, spec->crl_points);
	add_extension(cert, signer->cert, NID_tlsfeature, spec->tls_feature);
	add_extension(cert, signer->cert, NID_info_access, spec->info_access);
	must(X509_sign(cert, key_evp(signer->key), EVP_sha256()) > 0);
}

void
mini_make_ca(struct mini_cert *ret, const char *cn, const struct mini_cert *issuer)
{
	struct mini_spec spec = { .cn = cn,
		.basic_constraints = "critical,CA:TRUE",
		.key_usage = "critical,keyCertSign",
		.authority_key_id = issuer ? "keyid" : NULL };

	mini_make(ret, &spec, issuer);
}

void
mini_cross_sign(struct mini_cert *ret, const struct mini_cert *of, const struct mini_cert *issuer)
{
	*ret = (struct mini_cert){ .cert = X509_dup(of->cert) };
	must(ret->cert != NULL);
	must(X509_set_issuer_name(ret->cert, X509_get_subject_name(issuer->cert)) == 1);
	must(X509_sign(ret->cert, key_evp(issuer->key), EVP_sha256()) > 0);
}

void
mini_clear(struct mini_cert *c)
{
	X509_free(c->cert);
	key_free(c->key);
	*c = (struct mini_cert){ 0 };
}

void
mini_pem(const struct mini_cert *c, struct buf *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	must(PEM_write_bio_X509(bio, c->cert) == 1);
	len = BIO_get_mem_data(bio, &data);
	buf_add(ret, data, (size_t)len);
	BIO_free(bio);
}

bool
mini_is_watchable(const struct buf *leaf_pem, const struct buf *chain_pem)
{
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_buf_ struct buf pem = BUF_INIT;

	buf_add(&pem, leaf_pem->data, leaf_pem->len);
	buf_add(&pem, chain_pem->data, chain_pem->len);
	must(x509_chain_parse(pem.data, pem.len, NULL, NULL, &info, NULL) == 0);
	return info.is_watchable;
}
