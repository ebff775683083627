/* PEM chains from a CA: what is accepted comes out in one form, which is accepted again. */
#include "common/crypto/crl.h"
#include "common/crypto/key.h"
#include "common/crypto/x509.h"
#include "common/error.h"
#include "tests/unit/common/crypto/vectors.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Return: whether it is accepted without a doubt, as an order does it; what was asked for is all of its names, or not,
 * and its time has come, or not.
 */
static bool
accept_one(const char *pem, size_t len, struct x509_asked *asked)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_buf_ struct buf leaf = BUF_INIT;
	_cleanup_buf_ struct buf chain = BUF_INIT;
	_cleanup_strlist_ struct strlist doubts = STRLIST_INIT;

	if (x509_chain_accept(pem, len, asked, &leaf, &chain, &info, &doubts, &err) == 0)
		return doubts.count == 0;
	if (!error_is_set(&err))
		abort();
	return false;
}

static void
accept(const char *pem, size_t len, const struct key *key, const struct cert_info *info)
{
	_cleanup_strlist_ struct strlist others = STRLIST_INIT;
	struct x509_seen *seen = x509_seen_new();
	struct x509_asked asked = { .names = &info->names, .now = info->not_after_at - 1 };

	if (key_spki_sha256(key, asked.spki, NULL) < 0)
		abort();
	accept_one(pem, len, &asked);
	asked.seen = seen;
	accept_one(pem, len, &asked);
	accept_one(pem, len, &asked);
	asked.now = info->not_before_at - 7200;
	accept_one(pem, len, &asked);
	asked.now = info->not_after_at - 1;
	asked.names = &others;
	accept_one(pem, len, &asked);
	strlist_add(&others, "other.example");
	accept_one(pem, len, &asked);
	x509_seen_free(seen);
}

/* By the key of RFC 7517 appendix A.2, which some certificates of the corpus have. */
static void
verify(const char *pem, size_t len, const struct cert_info *info)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_secret_ struct secret key_pem = SECRET_INIT;
	_cleanup_key_ struct key *key = NULL;
	struct x509_asked asked = { .names = &info->names, .now = info->not_after_at - 1 };

	secret_set(&key_pem, VECTOR_EC_PKCS8, sizeof(VECTOR_EC_PKCS8) - 1);
	if (key_from_pem(&key_pem, NULL, &key, &err) < 0)
		abort();
	key_spki_sha256(key, asked.spki, NULL);
	accept(pem, len, key, info);
	if (!accept_one(pem, len, &asked))
		return;
	asked.now = info->not_after_at;
	if (accept_one(pem, len, &asked))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_(cert_info_clear) struct cert_info info_again = { .serial = NULL };
	_cleanup_buf_ struct buf leaf = BUF_INIT;
	_cleanup_buf_ struct buf chain = BUF_INIT;
	_cleanup_buf_ struct buf leaf_again = BUF_INIT;
	_cleanup_buf_ struct buf chain_again = BUF_INIT;
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct crl_points points = { .count = 0 };

	if (x509_chain_parse((const char *)data, size, &leaf, &chain, &info, NULL) < 0)
		return 0;
	buf_add(&all, leaf.data, leaf.len);
	buf_add(&all, chain.data, chain.len);
	if (all.len > X509_CHAIN_MAX_OCTETS)
		return 0; /* lines without a length limit were shorter */
	if (x509_chain_parse(all.data, all.len, &leaf_again, &chain_again, &info_again, NULL) < 0)
		abort();
	if (strcmp(buf_str(&leaf), buf_str(&leaf_again)) != 0 || strcmp(buf_str(&chain), buf_str(&chain_again)) != 0 ||
		strcmp(info.sha256, info_again.sha256) != 0 || strstr(buf_str(&all), "\n\n"))
		abort();
	verify(all.data, all.len, &info);
	crl_points_of(&leaf, &chain, NULL, &points, NULL);
	crl_points_clear(&points);
	return 0;
}
