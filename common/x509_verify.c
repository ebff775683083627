/*
 * Is this chain what we ordered? Not whether a browser trusts it: the root may be missing (Pebble, caddy) or
 * unknown here, but each certificate must be signed by the one behind it, so that whatever server loads the file
 * sends a chain that holds together.
 */
#include "common/key.h"
#include "common/ossl.h"
#include "common/x509_chain.h"

enum { NOT_BEFORE_SLACK_SEC = 3600 }; /* clocks differ */

static int
refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_PROTOCOL, "the certificate %s", why);
}

static int
check_key(X509 *leaf, const struct key *key, struct error *err)
{
	EVP_PKEY *pubkey = X509_get0_pubkey(leaf);

	if (!pubkey || EVP_PKEY_eq(pubkey, key_evp(key)) != 1)
		return refuse(err, "is for another key");
	return 0;
}

static int
check_names(X509 *leaf, const struct strlist *names, struct error *err)
{
	_cleanup_strlist_ struct strlist have = STRLIST_INIT;

	if (x509_names(leaf, &have, err) < 0)
		return -1;
	for (size_t i = 0; i < names->count; i++)
		if (!strlist_has(&have, names->items[i]))
			return error_set(
				err, ERROR_PROTOCOL, "the certificate lacks the name '%s'", names->items[i]);
	for (size_t i = 0; i < have.count; i++)
		if (!strlist_has(names, have.items[i]))
			return error_set(err, ERROR_PROTOCOL,
				"the certificate has the name '%s', which was not asked for", have.items[i]);
	return 0;
}

static int
check_usage(X509 *leaf, struct error *err)
{
	uint32_t flags = X509_get_extension_flags(leaf);

	if (flags & EXFLAG_INVALID)
		return refuse(err, "has extensions that cannot be read");
	if (X509_check_ca(leaf) != 0)
		return refuse(err, "is that of a CA");
	if ((flags & EXFLAG_XKUSAGE) && !(X509_get_extended_key_usage(leaf) & (XKU_SSL_SERVER | XKU_ANYEKU)))
		return refuse(err, "is not for servers");
	return 0;
}

static int
check_dates(const X509 *leaf, int64_t now, struct error *err)
{
	int64_t not_before_at;
	int64_t not_after_at;

	if (x509_time(X509_get0_notBefore(leaf), &not_before_at) < 0 ||
		x509_time(X509_get0_notAfter(leaf), &not_after_at) < 0)
		return refuse(err, "has dates that cannot be read");
	if (not_before_at - NOT_BEFORE_SLACK_SEC > now)
		return refuse(err, "is not valid yet");
	if (not_after_at <= now)
		return refuse(err, "has expired");
	return 0;
}

/* @nth: of the signed one, from 1, for the message. */
static int
check_link(X509 *cert, X509 *issuer, size_t nth, struct error *err)
{
	EVP_PKEY *pubkey = X509_get0_pubkey(issuer);

	if (X509_check_ca(issuer) != 1)
		return error_set(
			err, ERROR_PROTOCOL, "certificate %zu of the chain is not that of a CA", nth + 1);
	if (X509_check_issued(issuer, cert) != X509_V_OK || !pubkey || X509_verify(cert, pubkey) != 1)
		return ossl_error(err, ERROR_PROTOCOL,
			"certificate %zu of the chain is not signed by the next one", nth);
	return 0;
}

static int
check_chain(const struct x509_chain *chain, const struct x509_asked *asked, struct error *err)
{
	X509 *leaf = chain->certs[0];

	if (check_key(leaf, asked->key, err) < 0 || check_names(leaf, asked->names, err) < 0 ||
		check_usage(leaf, err) < 0 || check_dates(leaf, asked->now, err) < 0)
		return -1;
	for (size_t i = 0; i + 1 < chain->count; i++)
		if (check_link(chain->certs[i], chain->certs[i + 1], i + 1, err) < 0)
			return -1;
	return 0;
}

int
x509_chain_accept(const char *pem, size_t len, const struct x509_asked *asked, struct buf *ret_leaf,
	struct buf *ret_chain, struct cert_info *ret_info, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };

	if (x509_chain_read(pem, len, asked->seen, &chain, err) < 0 || check_chain(&chain, asked, err) < 0)
		return -1;
	return x509_chain_split(&chain, ret_leaf, ret_chain, ret_info, err);
}

int
x509_chain_verify(const char *pem, size_t len, const struct key *key, const struct strlist *names,
	int64_t now, struct error *err)
{
	const struct x509_asked asked = { .key = key, .names = names, .now = now };
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };

	return x509_chain_read(pem, len, NULL, &chain, err) < 0 ? -1 : check_chain(&chain, &asked, err);
}
