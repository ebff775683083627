/*
 * The throwaway CA: some roots, one intermediate key that each of them has certified, leaves for what a CSR asks.
 * Times come from the caller, so that a certificate of the simulation is of the simulation's day.
 */
#include "tests/support/fake_ca_private.h"

#include "common/name.h"
#include "tests/support/crl_maker.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { CA_LIFE_SEC = 20 * 365 * 86400 };

struct fake_root {
	EVP_PKEY *key;
	X509 *cert;
	char *pem;
	char *intermediate_pem;
};

struct fake_issuer {
	struct fake_root *roots;
	size_t n_roots;
	EVP_PKEY *key; /* of the intermediate */
	X509 *cert;    /* the one of the first root */
};

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext)
		abort();
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
}

/* Half of a certificate: all but subject, extensions and signature. */
static X509 *
cert_new(EVP_PKEY *key, int64_t not_before_at, int64_t not_after_at)
{
	X509 *cert = X509_new();
	unsigned char serial[16];
	BIGNUM *bn;

	RAND_bytes(serial, sizeof(serial));
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	X509_set_version(cert, X509_VERSION_3);
	BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert));
	BN_free(bn);
	ASN1_TIME_set(X509_getm_notBefore(cert), not_before_at);
	ASN1_TIME_set(X509_getm_notAfter(cert), not_after_at);
	X509_set_pubkey(cert, key);
	return cert;
}

static void
set_cn(X509_NAME *name, const char *cn)
{
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
}

/* @prefix: what the extension has before it. */
static void
add_url(X509 *cert, int nid, const char *prefix, const char *url)
{
	_cleanup_free_ char *value = url ? xasprintf("%sURI:%s", prefix, url) : NULL;

	if (value)
		add_extension(cert, NULL, nid, value);
}

static X509 *
ca_cert(EVP_PKEY *key, const char *cn, X509 *issuer, EVP_PKEY *issuer_key, const char *crl_url, int64_t now)
{
	X509 *cert = cert_new(key, now - 86400, now + CA_LIFE_SEC);
	X509 *signer = issuer ? issuer : cert;

	set_cn(X509_get_subject_name(cert), cn);
	X509_set_issuer_name(cert, X509_get_subject_name(signer));
	add_extension(cert, signer, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(cert, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
	add_extension(cert, signer, NID_subject_key_identifier, "hash");
	add_extension(cert, signer, NID_authority_key_identifier, "keyid:always");
	add_url(cert, NID_crl_distribution_points, "", crl_url);
	X509_sign(cert, issuer_key, EVP_sha256());
	return cert;
}

static void
add_pem(X509 *cert, struct buf *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len;

	PEM_write_bio_X509(bio, cert);
	len = BIO_get_mem_data(bio, &data);
	buf_add(ret, data, (size_t)len);
	BIO_free(bio);
}

static char *
pem_of(X509 *cert)
{
	struct buf b = BUF_INIT;

	add_pem(cert, &b);
	return buf_steal(&b);
}

struct fake_issuer *
fake_issuer_new(unsigned alternates, const char *crl_url, int64_t now)
{
	struct fake_issuer *issuer = xcalloc(1, sizeof(*issuer));

	issuer->n_roots = alternates + 1;
	issuer->roots = xcalloc(issuer->n_roots, sizeof(*issuer->roots));
	issuer->key = EVP_EC_gen("P-256");
	for (size_t i = 0; i < issuer->n_roots; i++) {
		struct fake_root *root = &issuer->roots[i];
		_cleanup_free_ char *cn = xasprintf("Fake Root %zu", i);
		X509 *cert, *intermediate;

		root->key = EVP_EC_gen("P-256");
		cert = ca_cert(root->key, cn, NULL, root->key, NULL, now);
		intermediate = ca_cert(issuer->key, "Fake Intermediate", cert, root->key, crl_url, now);
		root->pem = pem_of(cert);
		root->intermediate_pem = pem_of(intermediate);
		if (i == 0) {
			X509_up_ref(intermediate);
			issuer->cert = intermediate;
		}
		root->cert = cert;
		X509_free(intermediate);
	}
	return issuer;
}

void
fake_issuer_free(struct fake_issuer *issuer)
{
	if (!issuer)
		return;
	for (size_t i = 0; i < issuer->n_roots; i++) {
		EVP_PKEY_free(issuer->roots[i].key);
		X509_free(issuer->roots[i].cert);
		free(issuer->roots[i].pem);
		free(issuer->roots[i].intermediate_pem);
	}
	free(issuer->roots);
	EVP_PKEY_free(issuer->key);
	X509_free(issuer->cert);
	free(issuer);
}

const char *
fake_issuer_root_pem(const struct fake_issuer *issuer, unsigned index)
{
	return index < issuer->n_roots ? issuer->roots[index].pem : NULL;
}

void
fake_issuer_chain(const struct fake_issuer *issuer, unsigned index, bool with_root, struct buf *ret)
{
	const struct fake_root *root = &issuer->roots[index < issuer->n_roots ? index : 0];

	buf_add_str(ret, root->intermediate_pem);
	if (with_root)
		buf_add_str(ret, root->pem);
}

void
fake_issuer_crl(const struct fake_issuer *issuer, const struct crl_spec *spec, bool is_of_root, struct buf *ret)
{
	crl_make(is_of_root ? issuer->roots[0].cert : issuer->cert, is_of_root ? issuer->roots[0].key : issuer->key,
		spec, ret);
}

void
fake_issuer_ocsp(
	const struct fake_issuer *issuer, const struct buf *leaf, const struct ocsp_spec *spec, struct buf *ret)
{
	BIO *bio = BIO_new_mem_buf(leaf->data, (int)leaf->len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	ocsp_make(cert, issuer->cert, issuer->key, spec, ret);
	X509_free(cert);
	BIO_free(bio);
}

char *
fake_issuer_serial(const struct fake_issuer *issuer)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(issuer->cert), NULL);
	char *hex = BN_bn2hex(bn);
	char *serial = xstrdup(hex);

	OPENSSL_free(hex);
	BN_free(bn);
	return serial;
}

/* The SAN of a request as our canonical names. */
static void
request_names(X509_REQ *req, struct strlist *ret)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	GENERAL_NAMES *sans = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
		const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);

		if (san->type == GEN_DNS) {
			strlist_take(ret, xstrndup((const char *)ASN1_STRING_get0_data(san->d.dNSName),
						  (size_t)ASN1_STRING_length(san->d.dNSName)));
		} else if (san->type == GEN_IPADD) {
			const unsigned char *ip = ASN1_STRING_get0_data(san->d.iPAddress);

			if (ASN1_STRING_length(san->d.iPAddress) == 4)
				strlist_take(ret, xasprintf("%d.%d.%d.%d", ip[0], ip[1], ip[2], ip[3]));
		}
	}
	GENERAL_NAMES_free(sans);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

static const char *
check_request(X509_REQ *req, const struct strlist *names)
{
	_cleanup_strlist_ struct strlist asked = STRLIST_INIT;

	if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
		return "the signature of the CSR is wrong";
	request_names(req, &asked);
	if (asked.count != names->count)
		return "the CSR has other names than the order";
	for (size_t i = 0; i < names->count; i++)
		if (!strlist_has(&asked, names->items[i]))
			return "the CSR has other names than the order";
	return NULL;
}

static void
copy_must_staple(X509_REQ *req, X509 *cert)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	int at = X509v3_get_ext_by_NID(exts, NID_tlsfeature, -1);

	if (at >= 0)
		X509_add_ext(cert, X509v3_get_ext(exts, at), -1);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

static char *
san_text(const struct strlist *names)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < names->count; i++)
		buf_printf(&b, "%s%s:%s", b.len ? "," : "", name_type_of(names->items[i]) == NAME_IP ? "IP" : "DNS",
			names->items[i]);
	return buf_steal(&b);
}

const char *
fake_issuer_sign(struct fake_issuer *issuer, const struct buf *csr, const struct strlist *names, int64_t now,
	int64_t lifetime_sec, const char *crl_url, const char *ocsp_url, struct buf *ret)
{
	const unsigned char *der = (const unsigned char *)csr->data;
	X509_REQ *req = d2i_X509_REQ(NULL, &der, (long)csr->len);
	_cleanup_free_ char *san = san_text(names);
	const char *wrong = req ? check_request(req, names) : "not a CSR";
	X509 *cert;

	if (!wrong) {
		cert = cert_new(X509_REQ_get0_pubkey(req), now, now + lifetime_sec - 1);
		X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert));
		add_extension(cert, issuer->cert, NID_basic_constraints, "critical,CA:FALSE");
		add_extension(cert, issuer->cert, NID_key_usage, "critical,digitalSignature");
		add_extension(cert, issuer->cert, NID_ext_key_usage, "serverAuth");
		add_extension(cert, issuer->cert, NID_authority_key_identifier, "keyid:always");
		add_extension(cert, issuer->cert, NID_subject_alt_name, san);
		add_url(cert, NID_crl_distribution_points, "", crl_url);
		add_url(cert, NID_info_access, "OCSP;", ocsp_url);
		copy_must_staple(req, cert);
		X509_sign(cert, issuer->key, EVP_sha256());
		add_pem(cert, ret);
		X509_free(cert);
	}
	X509_REQ_free(req);
	return wrong;
}
