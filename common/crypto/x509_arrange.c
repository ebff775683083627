/*
 * Files from CAs contain certificates in any order, twice, with a root or without intermediates. A server needs one
 * order, which follows from the signatures. Every certificate that does not belong is refused by name, so that a chain
 * which clients cannot verify never reaches a server.
 */
#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/crypto/x509_chain.h"

#include <stdlib.h>
#include <string.h>

/* Not X509_check_issued(): a server's own certificate is not for signing. */
bool
x509_is_self_signed(X509 *cert)
{
	return X509_get_extension_flags(cert) & EXFLAG_SS;
}

static X509 *
take(struct x509_chain *pile, size_t i)
{
	X509 *cert = pile->certs[i];

	pile->certs[i] = pile->certs[--pile->count];
	pile->certs[pile->count] = NULL;
	return cert;
}

static void
drop_doubles(struct x509_chain *pile)
{
	for (size_t i = 0; i < pile->count; i++)
		for (size_t k = i + 1; k < pile->count;)
			if (X509_cmp(pile->certs[i], pile->certs[k]) == 0)
				X509_free(take(pile, k));
			else
				k++;
}

/* Return: its index, or the pile's count. */
static size_t
find_leaf(const struct x509_chain *pile, const struct key *key)
{
	for (size_t i = 0; i < pile->count; i++) {
		EVP_PKEY *pubkey = X509_get0_pubkey(pile->certs[i]);

		if (pubkey && EVP_PKEY_eq(pubkey, key_evp(key)) == 1)
			return i;
	}
	return pile->count;
}

static bool
x509_arrange_is_signed_by(X509 *cert, X509 *issuer)
{
	EVP_PKEY *pubkey = X509_get0_pubkey(issuer);

	return X509_check_ca(issuer) != 0 && X509_check_issued(issuer, cert) == X509_V_OK && pubkey &&
	       !ossl_key_is_costly(pubkey) && X509_verify(cert, pubkey) == 1;
}

static void
append_issuers(struct x509_chain *pile, struct x509_chain *chain)
{
	size_t i = 0;

	while (i < pile->count && !x509_is_self_signed(chain->certs[chain->count - 1])) {
		if (x509_arrange_is_signed_by(chain->certs[chain->count - 1], pile->certs[i])) {
			chain->certs[chain->count] = take(pile, i);
			chain->count++;
			i = 0;
		} else {
			i++;
		}
	}
}

/* One authority with two certificates: a root that an older one has also signed, or that was issued again. */
static bool
x509_arrange_is_twin(const X509 *a, const X509 *b)
{
	EVP_PKEY *a_key = X509_get0_pubkey(a), *b_key = X509_get0_pubkey(b);

	return a_key && b_key && X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
	       EVP_PKEY_eq(a_key, b_key) == 1;
}

/* Whether @cert is another certificate of an issuer in @known, or the issuer of such a one. */
static bool
x509_arrange_is_known(X509 *cert, X509 *const *known, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((i > 0 && x509_arrange_is_twin(cert, known[i])) || x509_arrange_is_signed_by(known[i], cert))
			return true;
	return false;
}

/* The certificates of other paths to a root are not errors; a server needs only the path in @chain. */
static void
x509_arrange_drop_other_paths(struct x509_chain *pile, const struct x509_chain *chain)
{
	X509 *known[2 * X509_CHAIN_MAX_CERTS]; /* the chain, then what was dropped */
	size_t count = chain->count, i = 0;

	memcpy(known, chain->certs, count * sizeof(X509 *));
	while (i < pile->count) {
		if (x509_arrange_is_known(pile->certs[i], known, count)) {
			known[count++] = take(pile, i);
			i = 0;
		} else {
			i++;
		}
	}
	while (count > chain->count)
		X509_free(known[--count]);
}

/* The name of the last certificate's issuer, for messages. */
static char *
issuer_text(const X509 *cert)
{
	char *text = X509_NAME_oneline(X509_get_issuer_name(cert), NULL, 0);
	char *copy = xstrdup(text ? text : "(no name)");

	OPENSSL_free(text);
	return copy;
}

static int
refuse_missing(X509 *last, struct error *err)
{
	_cleanup_free_ char *who = x509_subject_text(last);
	_cleanup_free_ char *issuer = issuer_text(last);

	return error_set_field(err, "certificateChain",
		"the chain is incomplete: the issuer of '%s', %s, is missing; give the intermediate "
		"certificates, or the root if it signed the certificate directly",
		who, issuer);
}

static int
refuse_left_over(const struct x509_chain *chain, X509 *odd, struct error *err)
{
	X509 *last = chain->certs[chain->count - 1];
	_cleanup_free_ char *who = x509_subject_text(odd);
	_cleanup_free_ char *end = x509_subject_text(last);
	_cleanup_free_ char *issuer = issuer_text(last);

	if (!x509_is_self_signed(last) && X509_check_issued(odd, last) == X509_V_OK)
		return error_set_field(
			err, "certificateChain", "'%s' names '%s' as its issuer, but was not signed by it", end, who);
	if (!x509_is_self_signed(last))
		return error_set_field(err, "certificateChain",
			"'%s' is not part of the chain; the issuer of '%s', %s, is missing", who, end, issuer);
	return error_set_field(err, "certificateChain", "'%s' is not part of the chain; remove it", who);
}

int
x509_chain_arrange(struct x509_chain *pile, const struct key *key, struct x509_chain *ret, struct strlist *ret_doubts,
	struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };
	size_t leaf;

	ERR_clear_error();
	drop_doubles(pile);
	leaf = find_leaf(pile, key);
	if (leaf == pile->count)
		return error_set_field(err, "privateKey",
			pile->count == 1 ? "the private key does not belong to the certificate"
					 : "the private key does not belong to any of the certificates");
	chain.certs[0] = take(pile, leaf);
	chain.count = 1;
	append_issuers(pile, &chain);
	x509_arrange_drop_other_paths(pile, &chain);
	ERR_clear_error();
	if (pile->count)
		refuse_left_over(&chain, pile->certs[0], &why);
	else if (chain.count == 1 && !x509_is_self_signed(chain.certs[0]))
		refuse_missing(chain.certs[0], &why);
	if (error_is_set(&why) && !ret_doubts) {
		error_move(err, &why);
		return -1;
	}
	if (error_is_set(&why))
		strlist_add(ret_doubts, why.message);
	*ret = chain;
	chain = (struct x509_chain){ 0 };
	return 0;
}
