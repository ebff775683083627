/*
 * JKS, as sun.security.provider.JavaKeyStore and KeyProtector define it; all numbers are big endian:
 *
 *   FEEDFEED, version 2, number of entries 1
 *   tag 1, alias, time (ms), protected key, number of certificates, for each: "X.509", DER
 *   SHA-1(password, "Mighty Aphrodite", all of the above)
 *
 * The password is in UTF-16. The protected key is an EncryptedPrivateKeyInfo with Sun's algorithm: a salt, the key xor
 * SHA-1(password, salt), SHA-1(password, the previous digest), ..., then SHA-1(password, key).
 */
#include "common/crypto/jks.h"

#include "common/buf.h"
#include "common/crypto/ossl.h"
#include "common/crypto/x509_chain.h"
#include "common/error.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

enum { JKS_MAGIC = 0xfeedfeed, JKS_VERSION = 2, JKS_KEY = 1, SHA1_OCTETS = 20, DER_MAX = 0xffff };

/* SEQUENCE { OBJECT 1.3.6.1.4.1.42.2.17.1.1, NULL } */
static const unsigned char protector[] = { 0x30, 0x0e, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a, 0x02, 0x11, 0x01,
	0x01, 0x05, 0x00 };

/* The file grows in a secret of its final size. */
struct writer {
	struct secret out;
	size_t len;
};

static void
put(struct writer *w, const void *data, size_t len)
{
	memcpy(w->out.data + w->len, data, len);
	w->len += len;
}

static void
put_number(struct writer *w, uint64_t value, unsigned octets)
{
	for (unsigned i = octets; i-- > 0;)
		w->out.data[w->len++] = (unsigned char)(value >> (8 * i));
}

static void
put_text(struct writer *w, const char *text)
{
	put_number(w, strlen(text), 2);
	put(w, text, strlen(text));
}

/* The octets of a length in DER after the first one, which Java wants as short as possible. */
static unsigned
der_length_octets(size_t len)
{
	return len < 0x80 ? 0 : len < 0x100 ? 1 : 2;
}

static size_t
der_size(size_t len)
{
	return 2 + der_length_octets(len) + len;
}

static void
put_der_head(struct writer *w, unsigned char tag, size_t len)
{
	unsigned octets = der_length_octets(len);

	put_number(w, tag, 1);
	put_number(w, octets ? 0x80 | octets : len, 1);
	if (octets)
		put_number(w, len, octets);
}

/* SHA-1 of the password and @data. */
static int
jks_digest(const struct secret *password, const void *data, size_t len, unsigned char ret[SHA1_OCTETS])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, password->data, password->len) == 1 && EVP_DigestUpdate(ctx, data, len) == 1 &&
		  EVP_DigestFinal_ex(ctx, ret, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

static size_t
protected_len(const struct secret *key)
{
	return SHA1_OCTETS + key->len + SHA1_OCTETS;
}

static int
put_protected(struct writer *w, const struct secret *key, const struct secret *password)
{
	unsigned char pad[SHA1_OCTETS];
	size_t inner = sizeof(protector) + der_size(protected_len(key));

	put_number(w, der_size(inner), 4);
	put_der_head(w, 0x30, inner);
	put(w, protector, sizeof(protector));
	put_der_head(w, 0x04, protected_len(key));
	if (RAND_bytes(pad, sizeof(pad)) != 1)
		return -1;
	put(w, pad, sizeof(pad));
	for (size_t at = 0; at < key->len; at++) {
		if (at % SHA1_OCTETS == 0 && jks_digest(password, pad, sizeof(pad), pad) < 0)
			return -1;
		put_number(w, key->data[at] ^ pad[at % SHA1_OCTETS], 1);
	}
	explicit_bzero(pad, sizeof(pad));
	if (jks_digest(password, key->data, key->len, w->out.data + w->len) < 0)
		return -1;
	w->len += SHA1_OCTETS;
	return 0;
}

static void
put_certificate(struct writer *w, X509 *cert)
{
	int len = i2d_X509(cert, NULL);
	unsigned char *p;

	put_text(w, "X.509");
	put_number(w, (uint64_t)len, 4);
	p = w->out.data + w->len;
	i2d_X509(cert, &p);
	w->len += (size_t)len;
}

/* More than all of it. */
static size_t
jks_room(const struct secret *key, const struct buf *pem, const char *alias)
{
	return 1024 + protected_len(key) + pem->len + strlen(alias);
}

/* The whole content is also what the digest at the end is of, after the password and these words. */
static int
put_digest(struct writer *w, const struct secret *password)
{
	static const char words[] = "Mighty Aphrodite";
	_cleanup_secret_ struct secret text = SECRET_INIT;
	unsigned char digest[SHA1_OCTETS];

	secret_alloc(&text, strlen(words) + w->len);
	memcpy(text.data, words, strlen(words));
	memcpy(text.data + strlen(words), w->out.data, w->len);
	if (jks_digest(password, text.data, text.len, digest) < 0)
		return -1;
	put(w, digest, sizeof(digest));
	return 0;
}

static void
password_to_utf16(const struct secret *password, struct secret *ret)
{
	secret_alloc(ret, 2 * password->len);
	for (size_t i = 0; i < password->len; i++)
		ret->data[2 * i + 1] = password->data[i];
}

int
jks_write(const struct secret *key_der, const struct buf *pem, const char *alias, int64_t made_at,
	const struct secret *password, struct secret *ret, struct error *err)
{
	_cleanup_(x509_chain_clear) struct x509_chain chain = { 0 };
	_cleanup_secret_ struct secret utf16 = SECRET_INIT;
	struct writer w = { .out = SECRET_INIT };
	int rc;

	if (x509_chain_read(pem->data, pem->len, NULL, &chain, err) < 0)
		return -1;
	if (sizeof(protector) + der_size(protected_len(key_der)) > DER_MAX)
		return error_set(err, ERROR_INTERNAL, "the key is too long for a Java keystore");
	password_to_utf16(password, &utf16);
	secret_alloc(&w.out, jks_room(key_der, pem, alias));
	put_number(&w, JKS_MAGIC, 4);
	put_number(&w, JKS_VERSION, 4);
	put_number(&w, 1, 4);
	put_number(&w, JKS_KEY, 4);
	put_text(&w, alias);
	put_number(&w, (uint64_t)made_at * 1000, 8);
	rc = put_protected(&w, key_der, &utf16);
	put_number(&w, chain.count, 4);
	for (size_t i = 0; i < chain.count; i++)
		put_certificate(&w, chain.certs[i]);
	if (rc == 0)
		rc = put_digest(&w, &utf16);
	if (rc == 0)
		secret_set(ret, w.out.data, w.len);
	secret_clear(&w.out);
	return rc < 0 ? ossl_error(err, ERROR_INTERNAL, "cannot create the Java keystore") : 0;
}
