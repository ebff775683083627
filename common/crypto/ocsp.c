/*
 * Only the parts of OpenSSL that decode are used: OCSP_basic_verify() takes the time from the system, and does not
 * limit what a signature costs.
 */
#include "common/crypto/ocsp.h"

#include "common/crypto/crl_private.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

enum { ENDLESS_SEC = 86400 }; /* how long an answer without nextUpdate is good */

/* The asked certificate and its issuer; owned. */
struct ocsp_pair {
	X509 *cert, *issuer;
	OCSP_CERTID *id;
};

static void
ocsp_pair_clear(struct ocsp_pair *pair)
{
	X509_free(pair->cert);
	X509_free(pair->issuer);
	OCSP_CERTID_free(pair->id);
}

/* RFC 5019 s2.1.1 wants SHA-1, which does not protect anything here. */
static bool
ocsp_pair_read(const struct buf *cert, const struct buf *issuer, struct ocsp_pair *ret)
{
	ret->cert = crl_decode(cert);
	ret->issuer = crl_decode(issuer);
	if (ret->cert && ret->issuer)
		ret->id = OCSP_cert_to_id(EVP_sha1(), ret->cert, ret->issuer);
	ERR_clear_error();
	return ret->id;
}

/* --- the question --- */

/* Base64, with the three characters that have a meaning in a path escaped. */
static void
ocsp_add_base64(const unsigned char *der, int len, struct buf *ret)
{
	unsigned char *text = xmalloc((size_t)len * 4 / 3 + 8);
	int text_len = EVP_EncodeBlock(text, der, len);

	for (int i = 0; i < text_len; i++)
		if (strchr("+/=", text[i]))
			buf_printf(ret, "%%%02X", text[i]);
		else
			buf_add_char(ret, (char)text[i]);
	free(text);
}

char *
ocsp_question(const char *url, const struct buf *cert, const struct buf *issuer)
{
	_cleanup_(ocsp_pair_clear) struct ocsp_pair pair = { NULL, NULL, NULL };
	_cleanup_(ossl_ocsp_request_freep) OCSP_REQUEST *request = OCSP_REQUEST_new();
	_cleanup_buf_ struct buf ret = BUF_INIT;
	_cleanup_(ossl_freep) unsigned char *der = NULL;
	int len;

	if (!request || !ocsp_pair_read(cert, issuer, &pair) || !OCSP_request_add0_id(request, pair.id))
		return NULL;
	pair.id = NULL; /* the request owns it */
	len = i2d_OCSP_REQUEST(request, &der);
	if (len <= 0)
		return NULL;
	buf_add_str(&ret, url);
	if (ret.data[ret.len - 1] != '/')
		buf_add_char(&ret, '/');
	ocsp_add_base64(der, len, &ret);
	return buf_steal(&ret);
}

/* --- the answer --- */

static int
ocsp_damaged(struct error *err)
{
	return ossl_error(err, ERROR_PROTOCOL, "the answer is not an OCSP response (DER), or it is damaged");
}

/* RFC 6960 s4.2.1: what a responder says without a signature. */
static int
ocsp_refusal(int status, struct error *err)
{
	static const char *const words[] = { [1] = "malformedRequest",
		[2] = "internalError",
		[3] = "tryLater",
		[5] = "sigRequired",
		[6] = "unauthorized" };
	bool is_busy = status == 2 || status == 3;

	if (status < 0 || (size_t)status >= ARRAY_SIZE(words) || !words[status])
		return error_set(err, ERROR_PROTOCOL, "the responder answers with the unknown status %d", status);
	return error_set(
		err, is_busy ? ERROR_UNAVAILABLE : ERROR_PROTOCOL, "the responder answers '%s'", words[status]);
}

static bool
ocsp_is_valid_at(const X509 *cert, int64_t now)
{
	int64_t begins_at, ends_at;

	return x509_time(X509_get0_notBefore(cert), &begins_at) == 0 &&
	       x509_time(X509_get0_notAfter(cert), &ends_at) == 0 && begins_at <= now && now < ends_at;
}

/* May it speak for the issuer? A certificate without that extended key usage may not, whatever else it is for. */
static bool
ocsp_is_delegate(X509 *signer, X509 *issuer, int64_t now)
{
	return (X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) &&
	       (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) &&
	       (X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) && ocsp_is_valid_at(signer, now) &&
	       crl_has_signed(issuer, signer);
}

static int
ocsp_verify(OCSP_BASICRESP *basic, const struct ocsp_pair *pair, int64_t now, struct error *err)
{
	STACK_OF(X509) *known = sk_X509_new_null();
	X509 *signer = NULL; /* borrowed */
	EVP_PKEY *key;
	bool is_found = known && sk_X509_push(known, pair->issuer) > 0 &&
			OCSP_resp_get0_signer(basic, &signer, known) == 1;

	sk_X509_free(known);
	if (!crl_has_signed(pair->issuer, pair->cert))
		return ossl_error(err, ERROR_PROTOCOL,
			"the answer cannot be verified: the chain does not have the issuer of the certificate");
	if (!is_found)
		return ossl_error(err, ERROR_PROTOCOL, "the answer does not have the certificate that signed it");
	if (X509_cmp(signer, pair->issuer) != 0 && !ocsp_is_delegate(signer, pair->issuer, now))
		return ossl_error(err, ERROR_PROTOCOL,
			"the answer is signed by a certificate that the issuer has not made for OCSP, or that is not "
			"valid now");
	key = X509_get0_pubkey(signer);
	if (!key || ossl_key_is_costly(key) ||
		ASN1_item_verify(ASN1_ITEM_rptr(OCSP_RESPDATA), OCSP_resp_get0_tbs_sigalg(basic),
			OCSP_resp_get0_signature(basic), OCSP_resp_get0_respdata(basic), key) != 1)
		return ossl_error(err, ERROR_PROTOCOL, "the signature of the answer is wrong");
	return 0;
}

static int
ocsp_check_extensions(OCSP_BASICRESP *basic, const OCSP_CERTID *id, struct error *err)
{
	OCSP_SINGLERESP *single = OCSP_resp_get0(basic, OCSP_resp_find(basic, (OCSP_CERTID *)id, -1));

	if (OCSP_BASICRESP_get_ext_by_critical(basic, 1, -1) >= 0 ||
		(single && OCSP_SINGLERESP_get_ext_by_critical(single, 1, -1) >= 0))
		return error_set(err, ERROR_PROTOCOL, "the answer has a critical extension that certd does not know");
	return 0;
}

/* The entry of a revoked one may not have a date: then it is now. */
static int
ocsp_read_status(OCSP_BASICRESP *basic, const struct ocsp_pair *pair, int64_t now, struct crl_entry *ret_entry,
	struct crl_facts *ret, struct error *err)
{
	ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL; /* borrowed */
	int status, reason = -1;

	if (OCSP_resp_find_status(basic, pair->id, &status, &reason, &revoked, &this_update, &next_update) != 1)
		return ossl_error(err, ERROR_PROTOCOL, "the answer is about other certificates");
	*ret = (struct crl_facts){ .entries = 1 };
	if (!this_update || x509_time(this_update, &ret->this_update_at) < 0 ||
		(next_update && x509_time(next_update, &ret->next_update_at) < 0))
		return ocsp_damaged(err);
	if (!next_update)
		ret->next_update_at = time_add(ret->this_update_at, ENDLESS_SEC);
	if (crl_check_dates("answer", ret, now, err) < 0)
		return -1;
	if (status == V_OCSP_CERTSTATUS_UNKNOWN)
		return error_set(err, ERROR_PROTOCOL, "the responder does not know the certificate");
	if (status == V_OCSP_CERTSTATUS_GOOD)
		return 0;
	*ret_entry = (struct crl_entry){ .revoked_at = now, .reason = crl_reason_word(reason) };
	if (revoked)
		x509_time(revoked, &ret_entry->revoked_at);
	return 1;
}

int
ocsp_read(const void *der, size_t len, const struct crl_asked *asked, struct crl_entry *ret_entry,
	struct crl_facts *ret, struct error *err)
{
	_cleanup_(ocsp_pair_clear) struct ocsp_pair pair = { NULL, NULL, NULL };
	_cleanup_(ossl_ocsp_response_freep) OCSP_RESPONSE *response = NULL;
	_cleanup_(ossl_ocsp_basic_freep) OCSP_BASICRESP *basic = NULL;
	const unsigned char *p = der;
	int status;

	ERR_clear_error();
	if (len > OCSP_ANSWER_MAX)
		return error_set(err, ERROR_PROTOCOL, "the answer is larger than %d octets", OCSP_ANSWER_MAX);
	response = d2i_OCSP_RESPONSE(NULL, &p, (long)len);
	if (!response || p != (const unsigned char *)der + len)
		return ocsp_damaged(err);
	status = OCSP_response_status(response);
	if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return ocsp_refusal(status, err);
	basic = OCSP_response_get1_basic(response);
	if (!basic)
		return ocsp_damaged(err);
	if (!ocsp_pair_read(asked->cert, asked->issuer, &pair))
		return error_set(err, ERROR_PROTOCOL, "the certificate or its issuer cannot be read");
	if (ocsp_verify(basic, &pair, asked->now, err) < 0 || ocsp_check_extensions(basic, pair.id, err) < 0)
		return -1;
	return ocsp_read_status(basic, &pair, asked->now, ret_entry, ret, err);
}
