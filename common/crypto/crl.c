/*
 * Only the frame of a list and its entries are walked by their DER headers; OpenSSL decodes everything else. Nothing
 * but the frame is looked at before the signature is verified.
 */
#include "common/crypto/crl_private.h"

#include "common/timefmt.h"

#include <limits.h>
#include <openssl/asn1t.h>
#include <stdlib.h>
#include <string.h>

enum { FUTURE_SLACK_SEC = 3600 }; /* clocks differ */

/* --- DER --- */

/* Octets inside a list; borrowed. */
struct octets {
	const unsigned char *data;
	size_t len;
};

/* Takes the element at the front of @from off, with its header (@ret_whole) and without (@ret_content). */
static bool
der_take(struct octets *from, int wanted_class, int wanted_tag, struct octets *ret_whole, struct octets *ret_content)
{
	const unsigned char *p = from->data;
	long len;
	int tag, class, flags;

	if (from->len == 0 || from->len > LONG_MAX)
		return false;
	flags = ASN1_get_object(&p, &len, &tag, &class, (long)from->len);
	if ((flags & 0x81) || tag != wanted_tag || class != wanted_class) { /* damaged, or of indefinite length */
		ERR_clear_error();
		return false;
	}
	if (ret_content)
		*ret_content = (struct octets){ p, (size_t)len };
	if (ret_whole)
		*ret_whole = (struct octets){ from->data, (size_t)(p - from->data) + (size_t)len };
	from->len -= (size_t)(p - from->data) + (size_t)len;
	from->data = p + len;
	return true;
}

static bool
der_take_sequence(struct octets *from, struct octets *ret_whole, struct octets *ret_content)
{
	return der_take(from, V_ASN1_UNIVERSAL, V_ASN1_SEQUENCE, ret_whole, ret_content);
}

static bool
der_take_time(struct octets *from, int64_t *ret_at)
{
	_cleanup_(ossl_time_freep) ASN1_TIME *time = NULL;
	struct octets whole;
	const unsigned char *p;

	if (!der_take(from, V_ASN1_UNIVERSAL, V_ASN1_UTCTIME, &whole, NULL) &&
		!der_take(from, V_ASN1_UNIVERSAL, V_ASN1_GENERALIZEDTIME, &whole, NULL))
		return false;
	p = whole.data;
	time = d2i_ASN1_TIME(NULL, &p, (long)whole.len);
	return time && x509_time(time, ret_at) == 0;
}

/* --- the list's frame --- */

struct crl_frame {
	struct octets tbs;          /* signed */
	struct octets issuer;       /* Name */
	struct octets revoked;      /* the entries, may be empty */
	struct octets extensions;   /* Extensions; empty: none */
	X509_ALGOR *algorithm;      /* owned */
	ASN1_BIT_STRING *signature; /* owned */
	struct crl_facts facts;
};

static void
crl_frame_clear(struct crl_frame *f)
{
	X509_ALGOR_free(f->algorithm);
	ASN1_BIT_STRING_free(f->signature);
}

static int
crl_damaged(struct error *err)
{
	return ossl_error(err, ERROR_PROTOCOL, "the answer is not a revocation list (DER), or it is damaged");
}

/* RFC 5280 s5.1. @at: the content of tbsCertList. */
static bool
crl_read_tbs(struct octets at, const struct octets *outer_algorithm, struct crl_frame *f)
{
	struct octets algorithm, explicit;

	der_take(&at, V_ASN1_UNIVERSAL, V_ASN1_INTEGER, NULL, NULL); /* version */
	if (!der_take_sequence(&at, &algorithm, NULL) || algorithm.len != outer_algorithm->len ||
		memcmp(algorithm.data, outer_algorithm->data, algorithm.len) != 0 ||
		!der_take_sequence(&at, &f->issuer, NULL) || !der_take_time(&at, &f->facts.this_update_at))
		return false;
	if (!der_take_time(&at, &f->facts.next_update_at))
		f->facts.next_update_at = 0;
	der_take_sequence(&at, NULL, &f->revoked);
	if (der_take(&at, V_ASN1_CONTEXT_SPECIFIC, 0, NULL, &explicit) &&
		(!der_take_sequence(&explicit, &f->extensions, NULL) || explicit.len))
		return false;
	return at.len == 0;
}

static int
crl_read_frame(const void *der, size_t len, struct crl_frame *f, struct error *err)
{
	struct octets at = { der, len }, list, algorithm, signature, tbs;
	const unsigned char *p;

	if (!der_take_sequence(&at, NULL, &list) || at.len || !der_take_sequence(&list, &f->tbs, &tbs) ||
		!der_take_sequence(&list, &algorithm, NULL) ||
		!der_take(&list, V_ASN1_UNIVERSAL, V_ASN1_BIT_STRING, &signature, NULL) || list.len ||
		!crl_read_tbs(tbs, &algorithm, f))
		return crl_damaged(err);
	p = algorithm.data;
	f->algorithm = d2i_X509_ALGOR(NULL, &p, (long)algorithm.len);
	p = signature.data;
	f->signature = d2i_ASN1_BIT_STRING(NULL, &p, (long)signature.len);
	return f->algorithm && f->signature ? 0 : crl_damaged(err);
}

/* --- who has signed it --- */

X509 *
crl_decode(const struct buf *der)
{
	const unsigned char *p = (const unsigned char *)der->data;

	return der->len ? d2i_X509(NULL, &p, (long)der->len) : NULL;
}

bool
crl_has_signed(X509 *issuer, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && !ossl_key_is_costly(key) && X509_check_issued(issuer, cert) == X509_V_OK &&
	       X509_verify(cert, key) == 1;
}

/* The root that has signed @cert, from the system's trust store: servers do not send it. Owned by the caller. */
static X509 *
crl_find_root(X509 *cert)
{
	_cleanup_(ossl_x509_store_freep) X509_STORE *store = X509_STORE_new();
	_cleanup_(ossl_x509_store_ctx_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	_cleanup_(ossl_x509_certs_freep) STACK_OF(X509) *found = NULL;

	if (!store || !ctx || X509_STORE_set_default_paths(store) != 1 ||
		X509_STORE_CTX_init(ctx, store, NULL, NULL) != 1)
		return NULL;
	found = X509_STORE_CTX_get1_certs(ctx, X509_get_issuer_name(cert));
	for (int i = 0; i < sk_X509_num(found); i++) {
		X509 *root = sk_X509_value(found, i);

		if (crl_has_signed(root, cert) && X509_up_ref(root) == 1)
			return root;
	}
	return NULL;
}

/*
 * The issuer of the certificates, owned by the caller. It must have signed the one that is asked about: otherwise a
 * chain with a stranger in it would let the stranger's list count.
 */
static X509 *
crl_issuer(const struct crl_asked *asked, struct error *err)
{
	_cleanup_(ossl_x509_freep) X509 *cert = crl_decode(asked->cert);
	X509 *issuer = crl_decode(asked->issuer);

	if (cert && issuer && !crl_has_signed(issuer, cert)) {
		X509_free(issuer);
		issuer = NULL;
	}
	if (cert && !issuer)
		issuer = crl_find_root(cert);
	ERR_clear_error();
	if (!issuer)
		error_set(err, ERROR_PROTOCOL,
			"the list cannot be verified: its issuer is neither in the certificate's chain nor in the "
			"system's trust store");
	return issuer;
}

/* An ASN1_STRING of that type is encoded as it is, so that every algorithm is verified without decoding the list. */
static bool
crl_verify_octets(const struct crl_frame *f, EVP_PKEY *key)
{
	ASN1_STRING tbs = { .type = V_ASN1_SEQUENCE, .data = (unsigned char *)f->tbs.data };

	if (f->tbs.len > INT_MAX)
		return false;
	tbs.length = (int)f->tbs.len;
	return ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE), f->algorithm, f->signature, &tbs, key) == 1;
}

static int
crl_verify(const struct crl_frame *f, const struct crl_asked *asked, struct error *err)
{
	_cleanup_(ossl_x509_freep) X509 *issuer = crl_issuer(asked, err);
	_cleanup_(ossl_x509_name_freep) X509_NAME *name = NULL;
	const unsigned char *p = f->issuer.data;

	if (!issuer)
		return -1;
	name = d2i_X509_NAME(NULL, &p, (long)f->issuer.len);
	if (!name)
		return crl_damaged(err);
	if (!(X509_get_key_usage(issuer) & KU_CRL_SIGN)) /* all bits are set if it does not say */
		return error_set(err, ERROR_PROTOCOL, "the issuer of the certificates may not sign lists (key usage)");
	if (X509_NAME_cmp(name, X509_get_subject_name(issuer)) != 0 || !crl_verify_octets(f, X509_get0_pubkey(issuer)))
		return ossl_error(err, ERROR_PROTOCOL, "the list is not signed by the issuer of the certificates");
	return 0;
}

/* --- what it is about --- */

static bool
crl_names_url(const GENERAL_NAMES *names, const char *url)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_STRING *text = name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;

		if (text && (size_t)ASN1_STRING_length(text) == strlen(url) &&
			memcmp(ASN1_STRING_get0_data(text), url, strlen(url)) == 0)
			return true;
	}
	return false;
}

/* RFC 5280 s5.2.5. A list for another point, signed by the same CA, could hide a revocation. */
static int
crl_check_scope(const X509_EXTENSIONS *extensions, const struct crl_asked *asked, struct error *err)
{
	int is_critical;
	_cleanup_(ossl_issuing_dist_point_freep) ISSUING_DIST_POINT *idp = X509V3_get_d2i(
		extensions, NID_issuing_distribution_point, &is_critical, NULL);

	if (!idp)
		return is_critical == -1 ? 0 : crl_damaged(err); /* -1: there is none */
	if (idp->indirectCRL > 0 || idp->onlyattr > 0 || idp->onlysomereasons)
		return error_set(err, ERROR_PROTOCOL, "the list is indirect, or only for some reasons");
	if (idp->distpoint && (idp->distpoint->type != 0 || !crl_names_url(idp->distpoint->name.fullname, asked->url)))
		return error_set(err, ERROR_PROTOCOL, "the list is for another distribution point");
	return 0;
}

static int
crl_check_extensions(const struct crl_frame *f, const struct crl_asked *asked, struct error *err)
{
	_cleanup_(ossl_x509_extensions_freep) X509_EXTENSIONS *extensions = NULL;
	const unsigned char *p = f->extensions.data;

	if (f->extensions.len == 0)
		return 0;
	extensions = d2i_X509_EXTENSIONS(NULL, &p, (long)f->extensions.len);
	if (!extensions)
		return crl_damaged(err);
	for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
		X509_EXTENSION *extension = sk_X509_EXTENSION_value(extensions, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

		if (nid == NID_delta_crl)
			return error_set(err, ERROR_PROTOCOL, "the list only has changes (a delta list)");
		if (X509_EXTENSION_get_critical(extension) && nid != NID_issuing_distribution_point)
			return error_set(
				err, ERROR_PROTOCOL, "the list has a critical extension that certd does not know");
	}
	return crl_check_scope(extensions, asked, err);
}

int
crl_check_dates(const char *what, const struct crl_facts *facts, int64_t now, struct error *err)
{
	char when[TIME_RFC3339_SIZE];

	if (facts->this_update_at > time_add(now, FUTURE_SLACK_SEC)) {
		time_format_rfc3339(facts->this_update_at, when);
		return error_set(err, ERROR_PROTOCOL, "the %s is from the future (%s); check the clock of this host",
			what, when);
	}
	if (facts->next_update_at && facts->next_update_at <= now) {
		time_format_rfc3339(facts->next_update_at, when);
		return error_set(err, ERROR_STATE, "the %s expired at %s, and the CA has not replaced it", what, when);
	}
	return 0;
}

/* --- its entries --- */

const char *
crl_reason_word(long reason)
{
	static const char *const words[] = { [0] = "unspecified",
		[1] = "keyCompromise",
		[2] = "cACompromise",
		[3] = "affiliationChanged",
		[4] = "superseded",
		[5] = "cessationOfOperation",
		[6] = "certificateHold",
		[8] = "removeFromCRL",
		[9] = "privilegeWithdrawn",
		[10] = "aACompromise" };

	return reason >= 0 && (size_t)reason < ARRAY_SIZE(words) && words[reason] ? words[reason] : words[0];
}

/* @at: what follows the date in an entry. */
static const char *
crl_entry_reason(struct octets at)
{
	_cleanup_(ossl_x509_extensions_freep) X509_EXTENSIONS *extensions = NULL;
	_cleanup_(ossl_enumerated_freep) ASN1_ENUMERATED *reason = NULL;
	const unsigned char *p = at.data;

	if (at.len)
		extensions = d2i_X509_EXTENSIONS(NULL, &p, (long)at.len);
	if (extensions)
		reason = X509V3_get_d2i(extensions, NID_crl_reason, NULL, NULL);
	ERR_clear_error();
	return crl_reason_word(reason ? ASN1_ENUMERATED_get(reason) : 0);
}

static bool
crl_walk(const struct crl_frame *f, crl_wants_fn *wants, crl_entry_fn *fn, void *arg, size_t *ret_entries)
{
	struct octets at = f->revoked, entry, serial;

	while (at.len) {
		struct crl_entry e = { .reason = NULL };

		if (!der_take_sequence(&at, NULL, &entry) ||
			!der_take(&entry, V_ASN1_UNIVERSAL, V_ASN1_INTEGER, NULL, &serial))
			return false;
		++*ret_entries;
		if (!wants(serial.data, serial.len, arg))
			continue;
		if (!der_take_time(&entry, &e.revoked_at))
			return false;
		e.serial = serial.data;
		e.serial_len = serial.len;
		e.reason = crl_entry_reason(entry);
		fn(&e, arg);
	}
	return true;
}

int
crl_read(const void *der, size_t len, const struct crl_asked *asked, crl_wants_fn *wants, crl_entry_fn *fn, void *arg,
	struct crl_facts *ret, struct error *err)
{
	_cleanup_(crl_frame_clear) struct crl_frame f = { .algorithm = NULL };

	ERR_clear_error();
	if (crl_read_frame(der, len, &f, err) < 0 || crl_verify(&f, asked, err) < 0)
		return -1;
	*ret = f.facts;
	if (crl_check_extensions(&f, asked, err) < 0 || crl_check_dates("list", &f.facts, asked->now, err) < 0)
		return -1;
	return crl_walk(&f, wants, fn, arg, &ret->entries) ? 0 : crl_damaged(err);
}
