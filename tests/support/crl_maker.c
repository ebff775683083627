/* Makes revocation lists and OCSP answers for tests; whatever OpenSSL does not do ends the test. */
#include "tests/support/crl_maker.h"

#include "common/alloc.h"

#include <openssl/bn.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
add_extension(X509_CRL *crl, X509 *issuer, const char *name, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	if (!value)
		return;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	ext = X509V3_EXT_conf(NULL, &ctx, name, value);
	must(ext && X509_CRL_add_ext(crl, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void
add_entry(X509_CRL *crl, BIGNUM *serial, const struct crl_spec *spec)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *number = BN_to_ASN1_INTEGER(serial, NULL);
	ASN1_TIME *date = ASN1_TIME_set(NULL, spec->revoked_at);
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

	must(X509_REVOKED_set_serialNumber(entry, number) == 1 && X509_REVOKED_set_revocationDate(entry, date) == 1);
	if (spec->reason >= 0)
		must(ASN1_ENUMERATED_set(reason, spec->reason) == 1 &&
			X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1);
	must(X509_CRL_add0_revoked(crl, entry) == 1);
	ASN1_ENUMERATED_free(reason);
	ASN1_TIME_free(date);
	ASN1_INTEGER_free(number);
}

/* "33:00:04" */
static void
add_named(X509_CRL *crl, const char *text, const struct crl_spec *spec)
{
	_cleanup_buf_ struct buf hex = BUF_INIT;
	BIGNUM *serial = NULL;

	for (const char *p = text; *p; p++)
		if (*p != ':')
			buf_add_char(&hex, *p);
	must(BN_hex2bn(&serial, buf_str(&hex)) > 0);
	add_entry(crl, serial, spec);
	BN_free(serial);
}

static void
add_others(X509_CRL *crl, const struct crl_spec *spec)
{
	BIGNUM *serial = NULL;

	must(BN_hex2bn(&serial, "7F000000000000000000000000000001") > 0);
	for (size_t i = 0; i < spec->others; i++) {
		add_entry(crl, serial, spec);
		BN_add_word(serial, 1);
	}
	BN_free(serial);
}

static void
set_dates(X509_CRL *crl, const struct crl_spec *spec)
{
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, spec->this_at);
	ASN1_TIME *next_update = spec->next_at ? ASN1_TIME_set(NULL, spec->next_at) : NULL;

	must(X509_CRL_set1_lastUpdate(crl, this_update) == 1);
	must(!next_update || X509_CRL_set1_nextUpdate(crl, next_update) == 1);
	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
}

void
crl_make(X509 *issuer, EVP_PKEY *key, const struct crl_spec *spec, struct buf *ret)
{
	X509_CRL *crl = X509_CRL_new();
	unsigned char *der = NULL;
	int len;

	must(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
	must(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1);
	set_dates(crl, spec);
	add_others(crl, spec);
	for (size_t i = 0; spec->revoked && i < spec->revoked->count; i++)
		add_named(crl, spec->revoked->items[i], spec);
	add_extension(crl, issuer, "issuingDistributionPoint", spec->scope);
	add_extension(crl, issuer, "deltaCRL", spec->delta);
	add_extension(crl, issuer, "1.2.3.4.5", spec->unknown);
	must(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(crl, &der);
	must(len > 0);
	buf_add(ret, der, (size_t)len);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

static void
ocsp_add(OCSP_BASICRESP *basic, X509 *cert, X509 *issuer, const struct ocsp_spec *spec)
{
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
	ASN1_TIME *revoked = ASN1_TIME_set(NULL, spec->revoked_at);
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, spec->this_at);
	ASN1_TIME *next_update = spec->next_at ? ASN1_TIME_set(NULL, spec->next_at) : NULL;

	must(OCSP_basic_add1_status(basic, id, spec->status, spec->reason,
		     spec->status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL, this_update, next_update) != NULL);
	ASN1_TIME_free(revoked);
	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
	OCSP_CERTID_free(id);
}

static void
ocsp_add_unknown(OCSP_BASICRESP *basic, const char *value)
{
	X509_EXTENSION *ext = value ? X509V3_EXT_conf(NULL, NULL, "1.2.3.4.5", value) : NULL;

	must(!value || (ext && OCSP_BASICRESP_add_ext(basic, ext, -1) == 1));
	X509_EXTENSION_free(ext);
}

void
ocsp_make(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key, const struct ocsp_spec *spec, struct buf *ret)
{
	unsigned long flags = OCSP_NOTIME | (spec->is_by_key ? OCSP_RESPID_KEY : 0) |
			      (spec->has_no_signer ? OCSP_NOCERTS : 0);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	int len;

	ocsp_add(basic, cert, issuer, spec);
	ocsp_add_unknown(basic, spec->unknown);
	must(OCSP_basic_sign(basic, spec->signer ? spec->signer : issuer, spec->signer ? spec->key : issuer_key,
		     EVP_sha256(), NULL, flags) == 1);
	response = OCSP_response_create(spec->refusal, spec->refusal ? NULL : basic);
	len = i2d_OCSP_RESPONSE(response, &der);
	must(len > 0);
	buf_add(ret, der, (size_t)len);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
}
