/*
 * Does this chain match our order? Not whether a browser trusts it: the root may be missing (Pebble, caddy) or unknown
 * here. Only the key and the names decide. Any other fault, such as a certificate that is not signed by the next one,
 * is a doubt that is reported to the operator.
 */
#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/crypto/x509_chain.h"
#include "common/timefmt.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_BEFORE_SLACK_SEC = 3600 }; /* clocks differ */

static int
x509_verify_refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_PROTOCOL, "the certificate %s", why);
}

/* Compares the octets with those in our request: the leaf's public key may be undecoded. */
static int
x509_verify_check_key(X509 *leaf, const unsigned char *ours, struct error *err)
{
	_cleanup_(ossl_freep) unsigned char *spki = NULL;
	unsigned char theirs[SHA256_DIGEST_LENGTH];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki);

	if (len <= 0)
		return x509_verify_refuse(err, "has an unreadable public key");
	SHA256(spki, (size_t)len, theirs);
	return memcmp(ours, theirs, sizeof(theirs)) == 0
		       ? 0
		       : x509_verify_refuse(err, "is for another key than the one in the request");
}

static int
x509_verify_has_names(const struct strlist *have, const struct strlist *names, struct error *err)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strlist_has(have, names->items[i]))
			return error_set(
				err, ERROR_PROTOCOL, "the certificate does not contain the name '%s'", names->items[i]);
	return 0;
}

static int
x509_verify_no_more_names(const struct strlist *have, const struct strlist *names, struct error *err)
{
	for (size_t i = 0; i < have->count; i++)
		if (!strlist_has(names, have->items[i]))
			return error_set(err, ERROR_PROTOCOL,
				"the certificate contains the name '%s', which was not requested", have->items[i]);
	return 0;
}

static int
check_usage(X509 *leaf, struct error *err)
{
	uint32_t flags = X509_get_extension_flags(leaf);

	if (flags & EXFLAG_INVALID)
		return x509_verify_refuse(err, "has unreadable extensions");
	if (X509_check_ca(leaf) != 0)
		return x509_verify_refuse(err, "is a CA certificate");
	if ((flags & EXFLAG_XKUSAGE) && !(X509_get_extended_key_usage(leaf) & (XKU_SSL_SERVER | XKU_ANYEKU)))
		return x509_verify_refuse(err, "is not valid for TLS servers");
	if (x509_is_unstaplable(leaf))
		return x509_verify_refuse(err, X509_UNSTAPLABLE);
	return 0;
}

static int
x509_verify_check_dates(const X509 *leaf, int64_t now, struct error *err)
{
	int64_t not_before_at;
	int64_t not_after_at;

	if (x509_time(X509_get0_notBefore(leaf), &not_before_at) < 0 ||
		x509_time(X509_get0_notAfter(leaf), &not_after_at) < 0)
		return x509_verify_refuse(err, "has unreadable dates");
	if (not_before_at - NOT_BEFORE_SLACK_SEC > now)
		return x509_verify_refuse(err, "is not valid yet");
	if (not_after_at <= now)
		return x509_verify_refuse(err, "has expired");
	return 0;
}

/* X509_verify() for a certificate without a library context, which has no algorithms. */
static bool
verify_tbs(X509 *cert, EVP_PKEY *issuer, int md_nid)
{
	_cleanup_(ossl_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *alg;
	_cleanup_(ossl_freep) unsigned char *tbs = NULL;
	int len = i2d_re_X509_tbs(cert, &tbs);

	X509_get0_signature(&signature, &alg, cert);
	return ctx && len > 0 && X509_ALGOR_cmp(alg, X509_get0_tbs_sigalg(cert)) == 0 &&
	       EVP_DigestVerifyInit_ex(ctx, NULL, OBJ_nid2sn(md_nid), NULL, NULL, issuer, NULL) == 1 &&
	       EVP_DigestVerify(ctx, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature), tbs,
		       (size_t)len) == 1;
}

/* With the ordinary library context. Owned by the caller, or NULL. */
static X509 *
decode_whole(X509 *cert)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	const unsigned char *p;

	if (x509_add_der(cert, &der, NULL) < 0)
		return NULL;
	p = (const unsigned char *)der.data;
	return d2i_X509(NULL, &p, (long)der.len);
}

static bool
x509_verify_is_signed_by(X509 *cert, EVP_PKEY *issuer)
{
	_cleanup_(ossl_x509_freep) X509 *whole = NULL;
	int md_nid;
	int key_nid;

	if (ossl_key_is_costly(issuer))
		return false;
	if (X509_get0_pubkey(cert))
		return X509_verify(cert, issuer) == 1;
	if (OBJ_find_sigid_algs(X509_get_signature_nid(cert), &md_nid, &key_nid) == 1 && md_nid != NID_undef)
		return EVP_PKEY_is_a(issuer, OBJ_nid2sn(key_nid)) && verify_tbs(cert, issuer, md_nid);
	/* RSASSA-PSS and EdDSA have their digests elsewhere; they are rare. */
	whole = decode_whole(cert);
	return whole && X509_verify(whole, issuer) == 1;
}

/* @nth: the index of the signed certificate, from 1, for the message. */
static int
check_link(X509 *cert, X509 *issuer, size_t nth, struct error *err)
{
	EVP_PKEY *pubkey = X509_get0_pubkey(issuer);

	if (X509_check_ca(issuer) != 1)
		return error_set(err, ERROR_PROTOCOL, "certificate %zu of the chain is not a CA certificate", nth + 1);
	if (X509_check_issued(issuer, cert) != X509_V_OK || !pubkey || !x509_verify_is_signed_by(cert, pubkey))
		return ossl_error(
			err, ERROR_PROTOCOL, "certificate %zu of the chain is not signed by the next one", nth);
	return 0;
}

/* The certificate for our key comes first, wherever the CA put it. */
static void
x509_verify_leaf_first(struct x509_chain *chain, const unsigned char *spki)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	for (size_t i = 0; i < chain->count; i++) {
		X509 *cert = chain->certs[i];

		if (x509_verify_check_key(cert, spki, &err) < 0)
			continue;
		if (i > 0) {
			X509 *first = decode_whole(chain->certs[0]); /* it was parsed as a leaf, without its key */

			if (!first)
				return;
			X509_free(chain->certs[0]);
			chain->certs[0] = first;
		}
		memmove(&chain->certs[1], &chain->certs[0], i * sizeof(*chain->certs));
		chain->certs[0] = cert;
		return;
	}
}

/* The checks that matter: the key is ours, and the names are included. */
static int
x509_verify_is_ours(X509 *leaf, const struct x509_asked *asked, struct strlist *ret_names, struct error *err)
{
	return x509_verify_check_key(leaf, asked->spki, err) < 0 || x509_names(leaf, ret_names, err) < 0
		       ? -1
		       : x509_verify_has_names(ret_names, asked->names, err);
}

static int
x509_verify_check_links(const struct x509_chain *chain, struct error *err)
{
	for (size_t i = 0; i + 1 < chain->count; i++)
		if (check_link(chain->certs[i], chain->certs[i + 1], i + 1, err) < 0)
			return -1;
	return 0;
}

/* When an intermediate expires, clients refuse the certificate below it. */
static int
x509_verify_check_ends(const struct x509_chain *chain, struct error *err)
{
	int64_t leaf_ends_at, ends_at;
	char date[TIME_RFC3339_SIZE];

	if (x509_time(X509_get0_notAfter(chain->certs[0]), &leaf_ends_at) < 0)
		return 0; /* check_dates says so */
	for (size_t i = 1; i < chain->count; i++) {
		_cleanup_free_ char *subject = NULL;

		if (x509_time(X509_get0_notAfter(chain->certs[i]), &ends_at) < 0 || ends_at >= leaf_ends_at)
			continue;
		subject = x509_subject_text(chain->certs[i]);
		time_format_rfc3339(ends_at, date);
		return error_set(err, ERROR_PROTOCOL,
			"certificate %zu of the chain ('%s') expires before the certificate, at %s", i + 1, subject,
			date);
	}
	return 0;
}

static void
x509_verify_doubt(struct strlist *doubts, int r, struct error *why)
{
	if (r < 0)
		strlist_add(doubts, why->message);
	error_clear(why);
}

int
x509_chain_check_links(const char *pem, size_t len, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };

	return x509_chain_read(pem, len, NULL, &chain, err) < 0 ? -1 : x509_verify_check_links(&chain, err);
}

int
x509_chain_accept(const char *pem, size_t len, const struct x509_asked *asked, struct buf *ret_leaf,
	struct buf *ret_chain, struct cert_info *ret_info, struct strlist *ret_doubts, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	X509 *leaf;

	if (x509_chain_read(pem, len, asked->seen, &chain, err) < 0)
		return -1;
	x509_verify_leaf_first(&chain, asked->spki);
	leaf = chain.certs[0];
	if (x509_verify_is_ours(leaf, asked, &names, err) < 0)
		return -1;
	x509_verify_doubt(ret_doubts, x509_verify_no_more_names(&names, asked->names, &why), &why);
	x509_verify_doubt(ret_doubts, check_usage(leaf, &why), &why);
	x509_verify_doubt(ret_doubts, x509_verify_check_dates(leaf, asked->now, &why), &why);
	x509_verify_doubt(ret_doubts, x509_verify_check_links(&chain, &why), &why);
	x509_verify_doubt(ret_doubts, x509_verify_check_ends(&chain, &why), &why);
	return x509_chain_split(&chain, ret_leaf, ret_chain, ret_info, err);
}
