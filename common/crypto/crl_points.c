/* Which certificates of a chain name a revocation list or an OCSP responder. Nothing is verified here. */
#include "common/crypto/crl_private.h"
#include "common/crypto/digest.h"
#include "common/printable.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
crl_points_clear(struct crl_points *points)
{
	for (size_t i = 0; i < points->count; i++) {
		free(points->items[i].url);
		buf_clear(&points->items[i].cert);
		buf_clear(&points->items[i].issuer);
	}
	points->count = 0;
}

/* Owned by the caller; NULL: it is not an http URL that certd would use. */
static char *
crl_http_url(const GENERAL_NAME *name)
{
	static const char scheme[] = "http://";
	const char *url;
	size_t len;

	if (name->type != GEN_URI)
		return NULL;
	url = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
	len = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
	if (len <= strlen(scheme) || len > CRL_URL_MAX || strncasecmp(url, scheme, strlen(scheme)) != 0 ||
		memchr(url, ' ', len) || !printable_is_line(url, len))
		return NULL;
	return xstrndup(url, len);
}

/* Owned by the caller; NULL: the certificate names no list that certd could fetch. */
static char *
crl_list_url(const X509 *cert)
{
	_cleanup_(ossl_dist_points_freep)
		CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	char *url = NULL;

	for (int i = 0; i < sk_DIST_POINT_num(points) && !url; i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);
		const GENERAL_NAMES *names;

		/* A list of some reasons, or signed by someone else, is not the whole truth. */
		if (!point->distpoint || point->distpoint->type != 0 || point->reasons || point->CRLissuer)
			continue;
		names = point->distpoint->name.fullname;
		for (int n = 0; n < sk_GENERAL_NAME_num(names) && !url; n++)
			url = crl_http_url(sk_GENERAL_NAME_value(names, n));
	}
	return url;
}

/* The same for a responder. */
static char *
crl_responder_url(const X509 *cert)
{
	_cleanup_(ossl_info_access_freep)
		AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
	char *url = NULL;

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access) && !url; i++) {
		const ACCESS_DESCRIPTION *a = sk_ACCESS_DESCRIPTION_value(access, i);

		if (OBJ_obj2nid(a->method) == NID_ad_OCSP)
			url = crl_http_url(a->location);
	}
	return url;
}

/* The SHA-256 of URL, issuer's name and issuer's key id, of an answer also the serial; cut to an object id's size. */
static void
crl_point_id(struct crl_point *point, const X509 *cert)
{
	const ASN1_OCTET_STRING *key_id = X509_get0_authority_key_id((X509 *)cert);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char digest[DIGEST_TEXT_SIZE];
	const unsigned char *name = NULL;
	size_t len = 0;

	buf_add(&text, point->url, strlen(point->url) + 1);
	if (X509_NAME_get0_der(X509_get_issuer_name(cert), &name, &len) == 1)
		buf_add(&text, name, len);
	if (key_id)
		buf_add(&text, ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id));
	if (point->is_ocsp)
		buf_add(&text, point->serial, point->serial_len);
	digest_sha256(text.data, text.len, digest);
	memcpy(point->id, digest, CRL_ID_SIZE - 1);
	point->id[CRL_ID_SIZE - 1] = '\0';
}

static bool
crl_serial_of(const X509 *cert, struct crl_point *point)
{
	_cleanup_(ossl_freep) unsigned char *der = NULL;
	const unsigned char *content;
	int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der), tag, class;
	long content_len = 0;
	bool is_good;

	content = der;
	is_good = len > 0 && !(ASN1_get_object(&content, &content_len, &tag, &class, len) & 0x80) &&
		  content_len <= CRL_SERIAL_MAX;
	if (is_good)
		memcpy(point->serial, content, point->serial_len = (size_t)content_len);
	return is_good;
}

/* @url: taken; NULL: there is none. @issuer: see crl_add_points(); not a stranger. */
static int
crl_add_point(
	char *url, bool is_ocsp, X509 *cert, X509 *issuer, bool is_leaf, struct crl_points *ret, struct error *err)
{
	struct crl_point *point = &ret->items[ret->count];

	if (!url)
		return 0;
	*point = (struct crl_point){ .url = url, .is_leaf = is_leaf, .is_ocsp = is_ocsp };
	ret->count++;
	if (!crl_serial_of(cert, point))
		return error_set(err, ERROR_PROTOCOL, "the certificate has an unusable serial number");
	crl_point_id(point, cert);
	if (x509_add_der(cert, &point->cert, err) < 0)
		return -1;
	return issuer ? x509_add_der(issuer, &point->issuer, err) : 0;
}

/* The next certificate of the chain, if it is the issuer; else NULL. */
static X509 *
crl_issuer_of(const struct x509_chain *chain, size_t i)
{
	X509 *next = i + 1 < chain->count ? chain->certs[i + 1] : NULL;

	return next && X509_NAME_cmp(X509_get_subject_name(next), X509_get_issuer_name(chain->certs[i])) == 0 ? next
													      : NULL;
}

/* A root vouches for itself; nothing that it signs could say otherwise. */
static bool
crl_is_judged(const struct x509_chain *chain, size_t i)
{
	return i == 0 || !x509_is_self_signed(chain->certs[i]);
}

bool
crl_is_watchable(const struct x509_chain *chain)
{
	_cleanup_free_ char *url = NULL;

	for (size_t i = 0; i < chain->count && !url; i++) {
		if (!crl_is_judged(chain, i))
			continue;
		url = crl_list_url(chain->certs[i]);
		if (!url && crl_issuer_of(chain, i))
			url = crl_responder_url(chain->certs[i]);
	}
	ERR_clear_error();
	return url != NULL;
}

/* @issuer: or NULL. */
static int
crl_add_points(X509 *cert, X509 *issuer, bool is_leaf, struct crl_points *ret, struct error *err)
{
	if (crl_add_point(crl_list_url(cert), false, cert, issuer, is_leaf, ret, err) < 0)
		return -1;
	/* The question contains a digest of the issuer's key. */
	return issuer ? crl_add_point(crl_responder_url(cert), true, cert, issuer, is_leaf, ret, err) : 0;
}

int
crl_points_of(const struct buf *leaf, const struct buf *chain, struct x509_seen *seen, struct crl_points *ret,
	struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain certs = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	int rc = 0;

	ERR_clear_error();
	buf_add(&pem, leaf->data, leaf->len);
	buf_add(&pem, chain->data, chain->len);
	if (x509_chain_read(buf_str(&pem), pem.len, seen, &certs, err) < 0)
		return -1;
	for (size_t i = 0; i < certs.count && rc == 0; i++)
		if (crl_is_judged(&certs, i))
			rc = crl_add_points(certs.certs[i], crl_issuer_of(&certs, i), i == 0, ret, err);
	ERR_clear_error();
	return rc;
}
