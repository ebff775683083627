/* What a presented chain says about a server. */
#include "daemon/rollout/probe_private.h"

#include "common/crypto/x509_chain.h"
#include "common/name.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 200, /* octets of a name from a presented certificate */
	NAMES_SHOWN = 3 /* in a message */
};

static const char *const state_names[] = {
	[PROBE_SERVED] = "served",
	[PROBE_INCOMPLETE] = "incomplete chain",
	[PROBE_STALE] = "stale",
	[PROBE_NOT_VALID] = "not valid",
	[PROBE_MISMATCH] = "mismatch",
	[PROBE_UNREACHABLE] = "unreachable",
};

const char *
probe_state_name(enum probe_state state)
{
	return state_names[state];
}

bool
probe_state_find(const char *name, enum probe_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (strcmp(state_names[i], name) == 0) {
			*ret = (enum probe_state)i;
			return true;
		}
	return false;
}

/* --- what is expected --- */

/*
 * Subject and key: a certificate of the same CA by another issuer (cross-signed) or with other dates is as good.
 * Return: false: not encodable.
 */
static bool
judge_link_digest(X509 *cert, unsigned char ret[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *name = NULL, *key = NULL;
	int name_len = i2d_X509_NAME(X509_get_subject_name(cert), &name);
	int key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key);
	bool is_done = md && name_len > 0 && key_len > 0 && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		       EVP_DigestUpdate(md, name, (size_t)name_len) == 1 &&
		       EVP_DigestUpdate(md, key, (size_t)key_len) == 1 && EVP_DigestFinal_ex(md, ret, NULL) == 1;

	OPENSSL_free(name);
	OPENSSL_free(key);
	EVP_MD_CTX_free(md);
	return is_done;
}

/*
 * A server may have a certificate for each type of key, and it chooses by what the client can verify: so only the
 * signatures of the expected one are offered.
 */
static const char *
judge_sigalgs(const char *key_algorithm)
{
	if (!key_algorithm)
		return NULL;
	if (strncmp(key_algorithm, "rsa", 3) == 0)
		return "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
	if (strcmp(key_algorithm, "ed25519") == 0)
		return "ed25519";
	return "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512";
}

/* Clients have the roots: one that the CA gave need not be sent. */
void
probe_expect(struct probe_expected *ret, const struct certificate *cert, struct x509_seen *seen)
{
	struct x509_chain chain = { .count = 0 };

	*ret = (struct probe_expected){ .sha256 = xstrdup_null(cert->sha256),
		.not_before_at = cert->not_before_at,
		.not_after_at = cert->not_after_at,
		.sigalgs = judge_sigalgs(cert->key_algorithm) };
	if (cert->names.count)
		ret->name = xstrdup(cert->names.items[0]);
	if (!cert->chain_pem.len || x509_chain_read(cert->chain_pem.data, cert->chain_pem.len, seen, &chain, NULL) < 0)
		return;
	for (size_t i = 0; i < chain.count; i++)
		if (!x509_is_self_signed(chain.certs[i]) &&
			judge_link_digest(chain.certs[i], ret->links[ret->link_count]))
			ret->link_names[ret->link_count++] = x509_subject_text(chain.certs[i]);
	x509_chain_clear(&chain);
}

void
probe_expected_clear(struct probe_expected *expected)
{
	free(expected->sha256);
	free(expected->name);
	for (size_t i = 0; i < expected->link_count; i++)
		free(expected->link_names[i]);
	*expected = (struct probe_expected){ .sha256 = NULL };
}

/* Is @host one of @names, or below one that is a wildcard? */
static bool
judge_covers(const struct strlist *names, const char *host)
{
	const char *dot = strchr(host, '.');

	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];

		if (strcasecmp(name, host) == 0 ||
			(name_is_wildcard(name) && dot && strcasecmp(name_base(name), dot + 1) == 0))
			return true;
	}
	return false;
}

char *
probe_sni(const struct probe *p, const struct certificate *cert)
{
	if (p->sni)
		return xstrdup(p->sni);
	if (name_is_plain(p->host) && name_type_of(p->host) == NAME_DNS && judge_covers(&cert->names, p->host))
		return xstrdup(p->host);
	for (size_t i = 0; i < cert->names.count; i++)
		if (!name_is_wildcard(cert->names.items[i]) && name_type_of(cert->names.items[i]) == NAME_DNS)
			return xstrdup(cert->names.items[i]);
	if (cert->names.count && name_is_wildcard(cert->names.items[0]))
		return xasprintf("probe.%s", name_base(cert->names.items[0]));
	return NULL;
}

/* --- what is presented --- */

static char *
judge_text(const char *text)
{
	return text && *text ? printable_line(text, strlen(text), TEXT_MAX) : NULL;
}

/* The facts of the leaf, as far as they can be read. */
static void
judge_describe(X509 *leaf, struct probe_answer *ret)
{
	struct x509_chain chain = { .certs = { leaf }, .count = 1 };
	struct cert_info info = { .serial = NULL };
	_cleanup_buf_ struct buf der = BUF_INIT;

	if (x509_add_der(leaf, &der, NULL) == 0)
		ret->sha256 = x509_fingerprint_der(der.data, der.len);
	if (x509_chain_split(&chain, NULL, NULL, &info, NULL) == 0) {
		ret->serial = judge_text(info.serial);
		ret->issuer = judge_text(info.issuer_cn ? info.issuer_cn : info.issuer_org);
		for (size_t i = 0; i < info.names.count; i++)
			strlist_take(&ret->names,
				printable_line(info.names.items[i], strlen(info.names.items[i]), TEXT_MAX));
		ret->not_after_at = info.not_after_at;
	}
	cert_info_clear(&info);
}

static bool
judge_is_for(X509 *leaf, const char *name)
{
	if (!name)
		return true;
	if (name_type_of(name) == NAME_IP)
		return X509_check_ip_asc(leaf, name, 0) == 1;
	return X509_check_host(leaf, name, strlen(name), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* The index of the first intermediate that is missing; link_count: none. */
static size_t
judge_missing_link(const struct probe_expected *expected, STACK_OF(X509) * chain)
{
	bool has[X509_CHAIN_MAX_CERTS] = { false };
	unsigned char digest[32];
	size_t missing = 0;

	for (int i = 0; i < sk_X509_num(chain); i++)
		for (size_t k = 0; judge_link_digest(sk_X509_value(chain, i), digest) && k < expected->link_count; k++)
			has[k] = has[k] || memcmp(digest, expected->links[k], sizeof(digest)) == 0;
	while (missing < expected->link_count && has[missing])
		missing++;
	return missing;
}

/* ": serial 0A:0B, issued by R10 for a.example, b.example and 3 more, valid until ..." */
static void
judge_add_facts(const struct probe_answer *answer, struct buf *ret)
{
	char until[TIME_RFC3339_SIZE];

	if (!answer->serial)
		return;
	buf_printf(ret, ": serial %s", answer->serial);
	if (answer->issuer)
		buf_printf(ret, ", issued by %s", answer->issuer);
	for (size_t i = 0; i < answer->names.count && i < NAMES_SHOWN; i++)
		buf_printf(ret, "%s%s", i ? ", " : " for ", answer->names.items[i]);
	if (answer->names.count > NAMES_SHOWN)
		buf_printf(ret, " and %zu more", answer->names.count - NAMES_SHOWN);
	time_format_rfc3339(answer->not_after_at, until);
	buf_printf(ret, ", valid until %s", until);
}

/* It presents the expected certificate. Is that of use to clients? */
static void
judge_expected(const struct probe_expected *expected, STACK_OF(X509) * chain, int64_t now, struct probe_answer *ret)
{
	size_t missing = judge_missing_link(expected, chain);
	bool is_early = now < expected->not_before_at, is_late = now >= expected->not_after_at;
	char when[TIME_RFC3339_SIZE];

	time_format_rfc3339(is_early ? expected->not_before_at : expected->not_after_at, when);
	ret->state = is_early || is_late              ? PROBE_NOT_VALID
		     : missing < expected->link_count ? PROBE_INCOMPLETE
						      : PROBE_SERVED;
	if (ret->state == PROBE_NOT_VALID)
		error_set(&ret->error, ERROR_STATE, "serves the newest certificate, which %s %s",
			is_early ? "is not valid before" : "expired at", when);
	else if (ret->state == PROBE_INCOMPLETE)
		error_set(&ret->error, ERROR_STATE,
			"serves the newest certificate without the intermediate certificate '%s'",
			expected->link_names[missing]);
}

void
probe_judge(const struct probe_expected *expected, X509 *leaf, STACK_OF(X509) * chain, const char *sni, int64_t now,
	struct probe_answer *ret)
{
	_cleanup_buf_ struct buf facts = BUF_INIT;
	const char *name = sni ? sni : expected->name;

	judge_describe(leaf, ret);
	if (!ret->sha256) {
		ret->state = PROBE_UNREACHABLE;
		error_set(&ret->error, ERROR_TLS, "the presented certificate cannot be read");
		return;
	}
	judge_add_facts(ret, &facts);
	if (expected->sha256 && strcmp(ret->sha256, expected->sha256) == 0) {
		judge_expected(expected, chain, now, ret);
	} else if (judge_is_for(leaf, name)) {
		ret->state = PROBE_STALE;
		error_set(&ret->error, ERROR_STATE, "serves another certificate than the newest%s", buf_str(&facts));
	} else {
		ret->state = PROBE_MISMATCH;
		error_set(
			&ret->error, ERROR_STATE, "serves a certificate that is not for '%s'%s", name, buf_str(&facts));
	}
}
