/*
 * Certificates from outside: a strict reader of PEM chains, and the public facts about the leaf. RFC 8555 s9.1 allows
 * nothing around the blocks. Stored certificates are encoded anew, so a deployed file never contains an octet that was
 * not parsed. Verification is in x509_verify.c.
 */
#include "common/crypto/x509.h"

#include "common/crypto/base64url.h"
#include "common/crypto/crl_private.h"
#include "common/crypto/ossl.h"
#include "common/crypto/pem.h"
#include "common/crypto/san.h"
#include "common/crypto/x509_chain.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

void
x509_chain_clear(struct x509_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->certs[i]);
	*chain = (struct x509_chain){ 0 };
}

/* @into: taken; or NULL. */
static X509 *
decode_into(X509 *into, const unsigned char *der, long len)
{
	const unsigned char *p = der;
	X509 *cert = into;

	if (!d2i_X509(&cert, &p, len)) /* frees the previous content */
		return NULL;
	if (p != der + len) { /* data after the certificate */
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* Decoding a public key searches all decoders of all providers (0.2 ms), the most expensive part of a chain. */
static X509 *
x509_decode(const unsigned char *der, long len, struct x509_seen *seen, bool is_leaf)
{
	X509 *cert;

	if (is_leaf) /* each leaf is seen only once */
		return decode_into(x509_seen_new_leaf(seen), der, len);
	cert = x509_seen_find(seen, der, (size_t)len);
	if (cert)
		return cert;
	cert = decode_into(NULL, der, len);
	if (cert)
		x509_seen_add(seen, der, (size_t)len, cert);
	return cert;
}

/* Return: the certificate of one PEM block, or NULL. */
static X509 *
x509_read_block(const char *block, size_t len, struct x509_seen *seen, bool is_leaf)
{
	_cleanup_(ossl_bio_freep) BIO *bio = BIO_new_mem_buf(block, (int)len);
	char *name = NULL;
	char *header = NULL;
	unsigned char *der = NULL;
	long der_len = 0;
	X509 *cert = NULL;

	if (bio && PEM_read_bio(bio, &name, &header, &der, &der_len) == 1 && header[0] == '\0')
		cert = x509_decode(der, der_len, seen, is_leaf);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	return cert;
}

int
x509_chain_read(const char *pem, size_t len, struct x509_seen *seen, struct x509_chain *ret, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };
	const char *p = pem;
	const char *end = pem + len;
	struct pem_block block;
	int r;

	ERR_clear_error();
	if (len > X509_CHAIN_MAX_OCTETS)
		return error_set(
			err, ERROR_PROTOCOL, "the certificate chain is larger than %d octets", X509_CHAIN_MAX_OCTETS);
	while ((r = pem_next(&p, end, &block)) > 0) {
		if (!pem_is_certificate(&block))
			continue;
		if (chain.count == X509_CHAIN_MAX_CERTS)
			return error_set(
				err, ERROR_PROTOCOL, "the chain has more than %d certificates", X509_CHAIN_MAX_CERTS);
		chain.certs[chain.count] = x509_read_block(block.text, block.len, seen, chain.count == 0);
		if (!chain.certs[chain.count])
			return ossl_error(
				err, ERROR_PROTOCOL, "certificate %zu of the chain cannot be read", chain.count + 1);
		chain.count++;
	}
	if (r < 0)
		return error_set(err, ERROR_PROTOCOL,
			"the chain ends inside a PEM block, after %zu complete certificates", chain.count);
	if (chain.count == 0)
		return error_set(err, ERROR_PROTOCOL, "the chain does not contain a certificate");
	*ret = chain;
	chain = (struct x509_chain){ 0 };
	return 0;
}

/* Upper-case hex pairs with colons. Owned by the caller. */
static char *
hex_pairs(const unsigned char *data, size_t len)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < len; i++)
		buf_printf(&b, "%s%02X", i ? ":" : "", data[i]);
	return buf_steal(&b);
}

char *
x509_fingerprint_der(const void *der, size_t len)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256(der, len, digest);
	return hex_pairs(digest, sizeof(digest));
}

static char *
serial_text(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	_cleanup_free_ char *hex = hex_pairs(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));

	return xasprintf("%s%s", ASN1_STRING_type(serial) & V_ASN1_NEG ? "-" : "", *hex ? hex : "00");
}

/* The text of one part of a name, or NULL when it is absent or not printable. Owned by the caller. */
static char *
name_part(const X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	const X509_NAME_ENTRY *entry = at < 0 ? NULL : X509_NAME_get_entry(name, at);
	_cleanup_(ossl_freep) unsigned char *utf8 = NULL;
	int len = entry ? ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry)) : -1;

	return len > 0 && printable_is_line((const char *)utf8, (size_t)len) ? xstrndup((const char *)utf8, (size_t)len)
									     : NULL;
}

char *
x509_subject_text(const X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	char *text = name_part(name, NID_commonName);

	if (!text)
		text = name_part(name, NID_organizationName);
	return text ? text : xstrdup("(no name)");
}

int
x509_names(const X509 *cert, struct strlist *ret, struct error *err)
{
	int crit = 0;
	_cleanup_(ossl_general_names_freep)
		GENERAL_NAMES *gens = X509_get_ext_d2i(cert, NID_subject_alt_name, &crit, NULL);

	if (!gens && crit != -1) /* -1: there is none */
		return ossl_error(err, ERROR_PROTOCOL, "cannot read the names of the certificate");
	if (san_read(gens, ret) < 0)
		return error_set(err, ERROR_PROTOCOL, "the certificate contains a malformed name");
	return 0;
}

int
x509_time(const ASN1_TIME *time, int64_t *ret_at)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return -1;
	return time_from_utc(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ret_at);
}

/* RFC 9773 s4.1: base64url of the key identifier, ".", base64url of the serial's content octets. NULL: no ARI. */
static char *
ari_id(X509 *cert)
{
	const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(cert);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	struct buf id = BUF_INIT;
	_cleanup_(ossl_freep) unsigned char *der = NULL;
	const unsigned char *p;
	long content_len;
	int tag;
	int class;
	int der_len = aki && ASN1_STRING_length(aki) > 0 ? i2d_ASN1_INTEGER(serial, &der) : -1;

	if (der_len <= 0)
		return NULL;
	p = der;
	ASN1_get_object(&p, &content_len, &tag, &class, der_len);
	base64url_encode(ASN1_STRING_get0_data(aki), (size_t)ASN1_STRING_length(aki), &id);
	buf_add_char(&id, '.');
	base64url_encode(p, (size_t)content_len, &id);
	return buf_steal(&id);
}

static int
digests(X509 *cert, struct cert_info *info, struct error *err)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_(ossl_freep) unsigned char *spki = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);

	if (len <= 0)
		return ossl_error(err, ERROR_PROTOCOL, "cannot encode the public key of the certificate");
	SHA256(spki, (size_t)len, info->spki_sha256);
	if (x509_add_der(cert, &der, err) < 0)
		return -1;
	info->sha256 = x509_fingerprint_der(der.data, der.len);
	return 0;
}

/* A usage without a short name is a number. */
static void
x509_usages(X509 *cert, struct strlist *ret)
{
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	char number[80];

	for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
		const ASN1_OBJECT *usage = sk_ASN1_OBJECT_value(usages, i);
		int nid = OBJ_obj2nid(usage);

		if (nid == NID_undef)
			OBJ_obj2txt(number, sizeof(number), usage, 1);
		strlist_add(ret, nid == NID_undef ? number : OBJ_nid2sn(nid));
	}
	EXTENDED_KEY_USAGE_free(usages);
}

enum { TLS_STATUS_REQUEST = 5 }; /* the extension of a ClientHello, RFC 6066 s8 */

static bool
x509_must_staple(X509 *cert)
{
	TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, NULL, NULL);
	bool must_staple = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		must_staple = must_staple || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLS_STATUS_REQUEST;
	TLS_FEATURE_free(features);
	return must_staple;
}

static bool
x509_has_ocsp(X509 *cert)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
	bool has_ocsp = sk_OPENSSL_STRING_num(urls) > 0;

	X509_email_free(urls);
	return has_ocsp;
}

bool
x509_is_unstaplable(X509 *cert)
{
	return x509_must_staple(cert) && !x509_has_ocsp(cert);
}

static int
x509_describe(const struct x509_chain *chain, struct cert_info *info, struct error *err)
{
	X509 *leaf = chain->certs[0];

	if (x509_names(leaf, &info->names, err) < 0 || digests(leaf, info, err) < 0)
		return -1;
	if (x509_time(X509_get0_notBefore(leaf), &info->not_before_at) < 0 ||
		x509_time(X509_get0_notAfter(leaf), &info->not_after_at) < 0)
		return error_set(err, ERROR_PROTOCOL, "cannot read the dates of the certificate");
	info->serial = serial_text(leaf);
	info->subject_cn = name_part(X509_get_subject_name(leaf), NID_commonName);
	info->issuer_cn = name_part(X509_get_issuer_name(leaf), NID_commonName);
	info->issuer_org = name_part(X509_get_issuer_name(leaf), NID_organizationName);
	info->top_issuer_cn = name_part(X509_get_issuer_name(chain->certs[chain->count - 1]), NID_commonName);
	x509_usages(leaf, &info->usages);
	info->ari_id = ari_id(leaf);
	info->has_chain = chain->count > 1;
	info->must_staple = x509_must_staple(leaf);
	info->has_ocsp = x509_has_ocsp(leaf);
	info->is_watchable = crl_is_watchable(chain);
	return 0;
}

void
cert_info_clear(struct cert_info *info)
{
	free(info->serial);
	free(info->sha256);
	free(info->subject_cn);
	free(info->issuer_cn);
	free(info->issuer_org);
	free(info->ari_id);
	free(info->top_issuer_cn);
	strlist_clear(&info->names);
	strlist_clear(&info->usages);
	*info = (struct cert_info){ 0 };
}

int
x509_add_der(X509 *cert, struct buf *ret, struct error *err)
{
	_cleanup_(ossl_freep) unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	if (len <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the certificate");
	buf_add(ret, der, (size_t)len);
	return 0;
}

int
x509_leaf_der(const char *pem, size_t len, struct buf *ret, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };

	if (x509_chain_read(pem, len, NULL, &chain, err) < 0)
		return -1;
	return x509_add_der(chain.certs[0], ret, err);
}

int
x509_chain_split(const struct x509_chain *chain, struct buf *ret_leaf, struct buf *ret_chain,
	struct cert_info *ret_info, struct error *err)
{
	_cleanup_(cert_info_clear) struct cert_info info = { 0 };
	_cleanup_buf_ struct buf leaf = BUF_INIT;
	_cleanup_buf_ struct buf others = BUF_INIT;

	if (x509_describe(chain, &info, err) < 0)
		return -1;
	for (size_t i = 0; i < chain->count; i++)
		if (ossl_add_x509_pem(i ? &others : &leaf, chain->certs[i], err) < 0)
			return -1;
	if (ret_leaf)
		buf_add(ret_leaf, leaf.data, leaf.len);
	if (ret_chain)
		buf_add(ret_chain, others.data, others.len);
	if (ret_info) {
		cert_info_clear(ret_info);
		*ret_info = info;
		info = (struct cert_info){ 0 };
	}
	return 0;
}

int
x509_chain_describe(const char *pem, size_t len, struct x509_seen *seen, struct cert_info *ret_info, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };

	return x509_chain_read(pem, len, seen, &chain, err) < 0 ? -1
								: x509_chain_split(&chain, NULL, NULL, ret_info, err);
}

int
x509_chain_parse(const char *pem, size_t len, struct buf *ret_leaf, struct buf *ret_chain, struct cert_info *ret_info,
	struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };

	if (x509_chain_read(pem, len, NULL, &chain, err) < 0)
		return -1;
	return x509_chain_split(&chain, ret_leaf, ret_chain, ret_info, err);
}
