/* tests/support/fake_ca_private.h: the parts of the fake CA: requests (fake_ca.c), signatures, certificates. */
#ifndef TESTS_SUPPORT_FAKE_CA_PRIVATE_H
#define TESTS_SUPPORT_FAKE_CA_PRIVATE_H

#include "common/buf.h"
#include "common/strlist.h"

#include <json-c/json.h>
#include <openssl/evp.h>

/* A request's signature, taken apart and verified. */
struct fake_jws {
	char *kid; /* or NULL; all owned */
	char *jwk; /* as RFC 7638 wants it; or NULL */
	char *url;
	char *nonce;
	struct buf payload;
};

void
fake_jws_clear(struct fake_jws *jws);

/*
 * Takes @text apart. @find_key: the key of an account URL, or NULL. Return: NULL, or what is wrong with it.
 */
const char *
fake_jws_open(const char *text, size_t len, EVP_PKEY *(*find_key)(const char *kid, void *arg), void *arg,
	struct fake_jws *ret);

/* The key of a JWK in RFC 7638 form; owned by the caller; NULL: not one that we know. */
EVP_PKEY *
fake_jwk_key(const char *jwk);

/* base64url(SHA-256(@jwk)); owned by the caller. */
char *
fake_jwk_thumbprint(const char *jwk);

/* Is @binding what @key_id and @key (base64url) make of @jwk? Return: NULL, or what is wrong. */
const char *
fake_jws_check_binding(
	struct json_object *binding, const char *key_id, const char *key, const char *jwk, const char *url);

/* The throwaway CA. */
struct fake_issuer;

struct fake_issuer *
fake_issuer_new(unsigned alternates, const char *crl_url, int64_t now);

struct crl_spec;

void
fake_issuer_crl(const struct fake_issuer *issuer, const struct crl_spec *spec, bool is_of_root, struct buf *ret);

struct ocsp_spec;

void
fake_issuer_ocsp(
	const struct fake_issuer *issuer, const struct buf *leaf, const struct ocsp_spec *spec, struct buf *ret);

char *
fake_issuer_serial(const struct fake_issuer *issuer);

void
fake_issuer_free(struct fake_issuer *issuer);

const char *
fake_issuer_root_pem(const struct fake_issuer *issuer, unsigned index);

/*
 * Appends the PEM of a leaf for the request @csr (DER) to @ret. Return: NULL, or why the request is refused.
 * @names: what the SAN must be. @crl_url, @ocsp_url: or NULL.
 */
const char *
fake_issuer_sign(struct fake_issuer *issuer, const struct buf *csr, const struct strlist *names, int64_t now,
	int64_t lifetime_sec, const char *crl_url, const char *ocsp_url, struct buf *ret);

/* Appends the PEM of the intermediate below root @index, and of the root if @with_root. */
void
fake_issuer_chain(const struct fake_issuer *issuer, unsigned index, bool with_root, struct buf *ret);

#endif
