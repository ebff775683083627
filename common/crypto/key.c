/*
 * Private keys: one EVP_PKEY, checked and described when it is created and immutable afterwards, so that threads may
 * share it. Encodings of the private half are only in the secure heap. Of a key that is held elsewhere, the EVP_PKEY is
 * the public half.
 */
#include "common/crypto/key.h"

#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/ossl.h"
#include "common/crypto/pbe_cost.h"
#include "common/error.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

FREEP(X509_PUBKEY, x509_pubkey_freep, X509_PUBKEY_free);
FREEP(ECDSA_SIG, ecdsa_sig_freep, ECDSA_SIG_free);

enum { ED25519_OCTETS = 32 };

struct key {
	EVP_PKEY *pkey; /* owned */
	enum key_algorithm alg;
	char *place; /* where it is held; NULL: here */
};

/*
 * One row per algorithm. @field_octets: width of a coordinate and of half a signature; 0 for RSA and Ed25519. The first
 * two have a stored form of our own making (ec_der).
 */
static const struct {
	const char *name;
	const char *jws_alg;
	const char *digest;
	const char *group;   /* OpenSSL's name of the curve; NULL for RSA and Ed25519 */
	const char *jwk_crv; /* JOSE's name of the curve */
	int field_octets;
	size_t rsa_bits;
} algs[] = {
	[KEY_SECP256R1] = { "secp256r1", "ES256", "SHA256", "prime256v1", "P-256", 32, 0 },
	[KEY_SECP384R1] = { "secp384r1", "ES384", "SHA384", "secp384r1", "P-384", 48, 0 },
	[KEY_RSA2048] = { "rsa2048", "RS256", "SHA256", NULL, NULL, 0, 2048 },
	[KEY_RSA3072] = { "rsa3072", "RS256", "SHA256", NULL, NULL, 0, 3072 },
	[KEY_RSA4096] = { "rsa4096", "RS256", "SHA256", NULL, NULL, 0, 4096 },
	[KEY_SECP521R1] = { "secp521r1", "ES512", "SHA512", "secp521r1", "P-521", 66, 0 },
	[KEY_RSA8192] = { "rsa8192", "RS256", "SHA256", NULL, NULL, 0, 8192 },
	[KEY_ED25519] = { "ed25519", "EdDSA", NULL, NULL, "Ed25519", 0, 0 },
};
_Static_assert(ARRAY_SIZE(algs) == KEY_ALGORITHM_COUNT, "one row per algorithm");

const char *
key_algorithm_name(enum key_algorithm alg)
{
	return algs[alg].name;
}

int
key_algorithm_from_name(const char *name, enum key_algorithm *ret_alg)
{
	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		if (strcmp(algs[i].name, name) == 0) {
			*ret_alg = (enum key_algorithm)i;
			return 1;
		}
	}
	return 0;
}

static int
find_rsa(const EVP_PKEY *pkey, enum key_algorithm *ret_alg, struct error *err)
{
	int bits = EVP_PKEY_get_bits(pkey);

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		if (algs[i].rsa_bits && bits > 0 && algs[i].rsa_bits == (size_t)bits) {
			*ret_alg = (enum key_algorithm)i;
			return 0;
		}
	}
	return error_set(
		err, ERROR_INVALID, "RSA keys of %d bits are not supported; use 2048, 3072, 4096 or 8192 bits", bits);
}

static int
find_ec(EVP_PKEY *pkey, enum key_algorithm *ret_alg, struct error *err)
{
	char group[64];
	int is_explicit = 0;

	/* A curve with explicit parameters may equal P-256, but no CA accepts its public key. */
	EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
	if (is_explicit || EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1)
		return error_set(err, ERROR_INVALID, "the elliptic curve of the key is not a named curve");
	for (size_t i = 0; i < ARRAY_SIZE(algs); i++) {
		if (algs[i].group && strcmp(algs[i].group, group) == 0) {
			*ret_alg = (enum key_algorithm)i;
			/* No CA accepts a public key with a compressed point. */
			if (EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
				    OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) != 1)
				return ossl_error(err, ERROR_INTERNAL, "cannot set the point format of the key");
			return 0;
		}
	}
	return error_set(
		err, ERROR_INVALID, "keys on the curve %s are not supported; use P-256, P-384 or P-521", group);
}

static int
find_algorithm(EVP_PKEY *pkey, enum key_algorithm *ret_alg, struct error *err)
{
	if (EVP_PKEY_is_a(pkey, "RSA"))
		return find_rsa(pkey, ret_alg, err);
	if (EVP_PKEY_is_a(pkey, "EC"))
		return find_ec(pkey, ret_alg, err);
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		*ret_alg = KEY_ED25519;
		return 0;
	}
	return error_set(err, ERROR_INVALID, "keys of type %s are not supported; use RSA, ECDSA or Ed25519",
		EVP_PKEY_get0_type_name(pkey) ? EVP_PKEY_get0_type_name(pkey) : "unknown");
}

/* Makes a key of *@pkey, which is taken (and then NULL) on success. */
static int
key_new(EVP_PKEY **pkey, struct key **ret_key, struct error *err)
{
	_cleanup_key_ struct key *key = xcalloc(1, sizeof(*key));

	if (find_algorithm(*pkey, &key->alg, err) < 0)
		return -1;
	key->pkey = *pkey;
	*pkey = NULL;
	*ret_key = key;
	key = NULL;
	return 0;
}

int
key_generate(enum key_algorithm alg, struct key **ret_key, struct error *err)
{
	_cleanup_(ossl_pkey_freep) EVP_PKEY *pkey = NULL;

	ERR_clear_error();
	if (algs[alg].group)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", algs[alg].group);
	else if (algs[alg].rsa_bits)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", algs[alg].rsa_bits);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!pkey)
		return ossl_error(err, ERROR_INTERNAL, "cannot generate a %s key", algs[alg].name);
	return key_new(&pkey, ret_key, err);
}

void
key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key->place);
	free(key);
}

/* --- held elsewhere --- */

const char *
key_place(const struct key *key)
{
	return key->place;
}

static bool
is_token_place(const char *place)
{
	return place && strncmp(place, KEY_PLACE_TOKEN, strlen(KEY_PLACE_TOKEN)) == 0;
}

bool
key_is_in_token(const struct key *key)
{
	return is_token_place(key->place);
}

const char *
key_der_place(const struct secret *der)
{
	bool is_held = der->len && der->data[0] >= 'a' && der->data[0] <= 'z'; /* DER begins with 0x30 */

	return is_held && memchr(der->data, '\0', der->len) ? (const char *)der->data : NULL;
}

int
key_new_held(const char *place, const void *spki, size_t len, struct key **ret_key, struct error *err)
{
	_cleanup_(ossl_pkey_freep) EVP_PKEY *pkey = NULL;
	const unsigned char *p = spki;

	ERR_clear_error();
	if (len <= KEY_PEM_MAX_OCTETS)
		pkey = d2i_PUBKEY(NULL, &p, (long)len);
	if (!pkey || p != (const unsigned char *)spki + len)
		return ossl_error(err, ERROR_INVALID, "the public key is not readable");
	if (key_new(&pkey, ret_key, err) < 0)
		return -1;
	(*ret_key)->place = xstrdup(place);
	return 0;
}

static int
held_from_der(const struct secret *der, const char *place, struct key **ret_key, struct error *err)
{
	size_t head = strlen(place) + 1;

	return key_new_held(place, der->data + head, der->len - head, ret_key, err);
}

/* The stored form: the place, a NUL, the SubjectPublicKeyInfo. */
static int
held_to_der(const struct key *key, struct secret *ret_der, struct error *err)
{
	_cleanup_buf_ struct buf spki = BUF_INIT;
	size_t head = strlen(key->place) + 1;

	if (key_spki(key, &spki, err) < 0)
		return -1;
	secret_alloc(ret_der, head + spki.len);
	memcpy(ret_der->data, key->place, head);
	memcpy(ret_der->data + head, spki.data, spki.len);
	return 0;
}

static int
key_refuse_held(const char *place, struct error *err)
{
	if (is_token_place(place))
		return error_set(err, ERROR_STATE, "the private key never leaves its token: %s", place);
	return error_set(err, ERROR_STATE, "certd does not have the private key: it belongs to a declared request");
}

int
key_der_check_here(const struct secret *der, struct error *err)
{
	return key_der_place(der) ? key_refuse_held(key_der_place(der), err) : 0;
}

enum key_algorithm
key_algorithm_of(const struct key *key)
{
	return key->alg;
}

/*
 * Builds it from its parts: OpenSSL's general way encodes and decodes the key again, each time searching all encoders
 * and decoders of all providers (0.3 ms).
 */
static int
put_ed25519(const struct key *key, X509_PUBKEY *ret)
{
	size_t len = ED25519_OCTETS;
	unsigned char *octets = OPENSSL_malloc(len);

	if (octets && EVP_PKEY_get_raw_public_key(key->pkey, octets, &len) == 1 &&
		X509_PUBKEY_set0_param(ret, OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL, octets, (int)len) == 1)
		return 0;
	OPENSSL_free(octets);
	return -1;
}

int
key_put_public(const struct key *key, X509_PUBKEY *ret, struct error *err)
{
	const char *group = algs[key->alg].group;
	unsigned char *octets = NULL;
	int len;

	if (key->alg == KEY_ED25519)
		return put_ed25519(key, ret) < 0 ? ossl_error(err, ERROR_INTERNAL, "cannot encode the public key") : 0;
	len = group ? (int)EVP_PKEY_get1_encoded_public_key(key->pkey, &octets) : i2d_PublicKey(key->pkey, &octets);
	if (len > 0 &&
		X509_PUBKEY_set0_param(ret, OBJ_nid2obj(group ? NID_X9_62_id_ecPublicKey : NID_rsaEncryption),
			group ? V_ASN1_OBJECT : V_ASN1_NULL, group ? OBJ_txt2obj(group, 0) : NULL, octets, len) == 1)
		return 0;
	OPENSSL_free(octets);
	return ossl_error(err, ERROR_INTERNAL, "cannot encode the public key");
}

int
key_spki(const struct key *key, struct buf *ret, struct error *err)
{
	_cleanup_(x509_pubkey_freep) X509_PUBKEY *pub = X509_PUBKEY_new();
	_cleanup_(ossl_freep) unsigned char *spki = NULL;
	int len;

	ERR_clear_error();
	if (!pub || key_put_public(key, pub, err) < 0)
		return -1;
	len = i2d_X509_PUBKEY(pub, &spki);
	if (len <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the public key");
	buf_add(ret, spki, (size_t)len);
	return 0;
}

int
key_spki_sha256(const struct key *key, unsigned char ret[32], struct error *err)
{
	_cleanup_buf_ struct buf spki = BUF_INIT;

	if (key_spki(key, &spki, err) < 0)
		return -1;
	SHA256((const unsigned char *)spki.data, spki.len, ret);
	return 0;
}

struct evp_pkey_st *
key_evp(const struct key *key)
{
	return key->pkey;
}

/*
 * PKCS#8 of a named curve (RFC 5958 s2, RFC 5915 s3): everything but the numbers is the same for each key. OpenSSL's
 * encoder gives the same octets (a unit test compares them), but searches all encoders of all providers first (0.2 ms),
 * and each certificate has its own key.
 */
static const struct {
	unsigned char head[37]; /* up to the private number */
	unsigned char head_len;
	unsigned char middle[5]; /* between it and the public point */
} ec_der[] = {
	[KEY_SECP256R1] = { { 0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
				    0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d,
				    0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20 },
		36, { 0xa1, 0x44, 0x03, 0x42, 0x00 } },
	[KEY_SECP384R1] = { { 0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
				    0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x04, 0x81, 0x9e, 0x30, 0x81,
				    0x9b, 0x02, 0x01, 0x01, 0x04, 0x30 },
		35, { 0xa1, 0x64, 0x03, 0x62, 0x00 } },
};

static int
ec_to_der(const struct key *key, struct secret *ret_der, struct error *err)
{
	size_t field = (size_t)algs[key->alg].field_octets;
	size_t point_len = 1 + 2 * field;
	size_t head_len = ec_der[key->alg].head_len;
	_cleanup_secret_ struct secret der = SECRET_INIT;
	_cleanup_(ossl_bn_freep) BIGNUM *number = BN_secure_new();
	_cleanup_(ossl_freep) unsigned char *point = NULL;
	unsigned char *p;

	secret_alloc(&der, head_len + field + sizeof(ec_der->middle) + point_len);
	p = der.data;
	memcpy(p, ec_der[key->alg].head, head_len);
	p += head_len;
	if (!number || EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1 ||
		BN_bn2binpad(number, p, (int)field) != (int)field ||
		EVP_PKEY_get1_encoded_public_key(key->pkey, &point) != point_len)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the private key");
	memcpy(p + field, ec_der[key->alg].middle, sizeof(ec_der->middle));
	memcpy(p + field + sizeof(ec_der->middle), point, point_len);
	secret_move(ret_der, &der);
	return 0;
}

/* Not i2d_PKCS8PrivateKey_bio(), which first builds the octets in ordinary memory. */
int
key_to_der(const struct key *key, struct secret *ret_der, struct error *err)
{
	_cleanup_(ossl_pkcs8_freep) PKCS8_PRIV_KEY_INFO *p8 = NULL;
	_cleanup_secret_ struct secret der = SECRET_INIT;
	unsigned char *p;
	int len;

	ERR_clear_error();
	if (key->place)
		return held_to_der(key, ret_der, err);
	if (key->alg < ARRAY_SIZE(ec_der))
		return ec_to_der(key, ret_der, err);
	p8 = EVP_PKEY2PKCS8(key->pkey);
	len = p8 ? i2d_PKCS8_PRIV_KEY_INFO(p8, NULL) : -1;
	if (len <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the private key");
	secret_alloc(&der, (size_t)len);
	p = der.data;
	i2d_PKCS8_PRIV_KEY_INFO(p8, &p);
	secret_move(ret_der, &der);
	return 0;
}

/* Decodes the output of ec_to_der() without OpenSSL's search for a decoder (0.4 ms). Return: NULL: another encoding. */
static EVP_PKEY *
ec_from_der(const struct secret *der, enum key_algorithm alg)
{
	size_t field = (size_t)algs[alg].field_octets;
	size_t head_len = ec_der[alg].head_len, middle_len = sizeof(ec_der->middle);
	size_t point_len = 1 + 2 * field;
	const unsigned char *number = der->data + head_len, *point = number + field + middle_len;
	_cleanup_(ossl_pkey_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	_cleanup_(ossl_bn_freep) BIGNUM *bn = NULL;
	OSSL_PARAM_BLD *bld;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (der->len != head_len + field + middle_len + point_len ||
		memcmp(der->data, ec_der[alg].head, head_len) != 0 ||
		memcmp(number + field, ec_der[alg].middle, middle_len) != 0)
		return NULL;
	bld = OSSL_PARAM_BLD_new();
	bn = BN_secure_new();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (bld && bn && ctx && BN_bin2bn(number, (int)field, bn) &&
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, algs[alg].group, 0) == 1 &&
		OSSL_PARAM_BLD_push_BN_pad(bld, OSSL_PKEY_PARAM_PRIV_KEY, bn, field) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, point_len) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

int
key_from_der(const struct secret *der, struct key **ret_key, struct error *err)
{
	_cleanup_(ossl_pkcs8_freep) PKCS8_PRIV_KEY_INFO *p8 = NULL;
	_cleanup_(ossl_pkey_freep) EVP_PKEY *pkey = NULL;
	const unsigned char *p = der->data;

	ERR_clear_error();
	if (key_der_place(der))
		return held_from_der(der, key_der_place(der), ret_key, err);
	for (size_t alg = 0; alg < ARRAY_SIZE(ec_der) && !pkey; alg++)
		pkey = ec_from_der(der, (enum key_algorithm)alg);
	if (pkey)
		return key_new(&pkey, ret_key, err);
	if (der->len && der->len <= INT32_MAX)
		p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der->len);
	if (p8 && p != der->data + der->len)
		return error_set(err, ERROR_INVALID, "there is data after the private key");
	if (p8)
		pkey = EVP_PKCS82PKEY(p8);
	if (!pkey)
		return ossl_error(err, ERROR_INVALID, "the key is not a private key in PKCS#8 DER");
	return key_new(&pkey, ret_key, err);
}

int
key_der_to_pem(const struct secret *der, struct secret *ret_pem, struct error *err)
{
	_cleanup_(ossl_bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char *data;
	long len;

	ERR_clear_error();
	if (key_der_check_here(der, err) < 0)
		return -1;
	if (!bio || PEM_write_bio(bio, PEM_STRING_PKCS8INF, "", der->data, (long)der->len) <= 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot encode the private key");
	len = BIO_get_mem_data(bio, &data);
	secret_set(ret_pem, data, (size_t)len);
	return 0;
}

void
key_pair_digest(const struct secret *der, const void *leaf_pem, size_t len, unsigned char ret[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
		EVP_DigestUpdate(ctx, der->data, der->len) != 1 || EVP_DigestUpdate(ctx, leaf_pem, len) != 1 ||
		EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		abort(); /* SHA-256 only fails when memory is exhausted */
	EVP_MD_CTX_free(ctx);
}

struct password_ask {
	const struct secret *password; /* borrowed; may be NULL */
	bool was_asked;
};

/* pem_password_cb; without it OpenSSL would prompt on the terminal. */
static int
password_cb(char *buf, int size, _unused_ int is_write, void *arg)
{
	struct password_ask *ask = arg;

	ask->was_asked = true;
	if (!ask->password || ask->password->len == 0 || ask->password->len > (size_t)size)
		return -1;
	memcpy(buf, ask->password->data, ask->password->len);
	return (int)ask->password->len;
}

static int
pem_error(const struct password_ask *ask, struct error *err)
{
	if (!ask->was_asked)
		return ossl_error(err, ERROR_INVALID, "the key is not a private key in PEM");
	if (!ask->password)
		return ossl_error(err, ERROR_INVALID, "the private key is encrypted; give its password");
	return ossl_error(err, ERROR_INVALID, "the password of the private key is wrong");
}

/* For keys from outside, whose halves may not match. Call after key_new(), which bounds the size of the numbers. */
int
key_from_evp(EVP_PKEY **pkey, struct key **ret_key, struct error *err)
{
	_cleanup_(ossl_pkey_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	_cleanup_key_ struct key *key = NULL;
	EVP_PKEY *own = *pkey;

	if (key_new(&own, &key, err) < 0)
		return -1;
	*pkey = NULL;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	if (!ctx || EVP_PKEY_pairwise_check(ctx) != 1)
		return ossl_error(err, ERROR_INVALID, "the private key is damaged");
	*ret_key = key;
	key = NULL;
	return 0;
}

static int
take_cost(const unsigned char *der, long len, struct error *err)
{
	X509_SIG *sealed = d2i_X509_SIG(NULL, &der, len);
	int64_t budget = PBE_BUDGET;
	const X509_ALGOR *algor;
	int rc;

	if (!sealed)
		return error_set(err, ERROR_INVALID, "is damaged");
	X509_SIG_get0(sealed, &algor, NULL);
	rc = pbe_cost_take(algor, &budget, err);
	X509_SIG_free(sealed);
	return rc;
}

/*
 * Bounds the cost of an encrypted PKCS#8 block before it is decrypted. OpenSSL skips blocks that it cannot read and
 * tries the next, so all of them are checked with the same reader, and there must be exactly one.
 */
static int
check_cost(const struct secret *pem, struct error *err)
{
	_cleanup_(ossl_bio_freep) BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	_cleanup_error_ struct error why = ERROR_INIT;
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	unsigned found = 0;
	int rc = 0;
	long len;

	while (rc == 0 && bio && PEM_read_bio(bio, &label, &header, &der, &len)) {
		if (strcmp(label, PEM_STRING_PKCS8) == 0)
			rc = found++ ? error_set(&why, ERROR_INVALID, "is one of several; give only one")
				     : take_cost(der, len, &why);
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (rc == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		rc = error_set(&why, ERROR_INVALID, "is followed by an unreadable PEM block");
	ERR_clear_error();
	return rc < 0 ? error_set(err, ERROR_INVALID, "the private key %s", why.message) : 0;
}

int
key_from_pem(const struct secret *pem, const struct secret *password, struct key **ret_key, struct error *err)
{
	struct password_ask ask = { .password = password };
	_cleanup_(ossl_bio_freep) BIO *bio = NULL;
	_cleanup_(ossl_pkey_freep) EVP_PKEY *pkey = NULL;

	ERR_clear_error();
	if (pem->len == 0 || pem->len > KEY_PEM_MAX_OCTETS)
		return error_set(
			err, ERROR_INVALID, "the key is not a private key in PEM: its length is %zu octets", pem->len);
	if (password && check_cost(pem, err) < 0)
		return -1;
	bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	if (bio)
		pkey = PEM_read_bio_PrivateKey(bio, NULL, password_cb, &ask);
	return pkey ? key_from_evp(&pkey, ret_key, err) : pem_error(&ask, err);
}

const char *
key_jws_alg(const struct key *key)
{
	return algs[key->alg].jws_alg;
}

/* DER ECDSA-Sig-Value to R||S. */
static int
add_raw_signature(const unsigned char *der, size_t len, int field_octets, struct buf *ret, struct error *err)
{
	_cleanup_(ecdsa_sig_freep) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	unsigned char raw[2 * 66]; /* P-521 */

	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, field_octets) != field_octets ||
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + field_octets, field_octets) != field_octets)
		return ossl_error(err, ERROR_INTERNAL, "cannot decode the signature");
	buf_add(ret, raw, 2 * (size_t)field_octets);
	return 0;
}

const char *
key_digest(const struct key *key)
{
	return algs[key->alg].digest;
}

int
key_sign(const struct key *key, const void *data, size_t len, struct buf *ret, struct error *err)
{
	_cleanup_(ossl_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[KEY_SIGNATURE_MAX];
	size_t sig_len = sizeof(sig);

	ERR_clear_error();
	if (key->place)
		return key_refuse_held(key->place, err);
	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, algs[key->alg].digest, NULL, NULL, key->pkey, NULL) != 1 ||
		EVP_DigestSign(ctx, sig, &sig_len, data, len) != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot sign");
	buf_add(ret, sig, sig_len);
	return 0;
}

int
key_verify(const struct key *key, const void *data, size_t len, const struct buf *signature, struct error *err)
{
	_cleanup_(ossl_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	ERR_clear_error();
	if (!ctx || EVP_DigestVerifyInit_ex(ctx, NULL, algs[key->alg].digest, NULL, NULL, key->pkey, NULL) != 1 ||
		EVP_DigestVerify(ctx, (const unsigned char *)signature->data, signature->len, data, len) != 1)
		return ossl_error(err, ERROR_INVALID, "the signature is not of the public key");
	return 0;
}

int
key_jws_signature(const struct key *key, const struct buf *signature, struct buf *ret, struct error *err)
{
	if (algs[key->alg].field_octets)
		return add_raw_signature(
			(const unsigned char *)signature->data, signature->len, algs[key->alg].field_octets, ret, err);
	buf_add(ret, signature->data, signature->len);
	return 0;
}

int
key_jws_sign(const struct key *key, const void *data, size_t len, struct buf *ret, struct error *err)
{
	_cleanup_buf_ struct buf signature = BUF_INIT;

	return key_sign(key, data, len, &signature, err) < 0 ? -1 : key_jws_signature(key, &signature, ret, err);
}

/* Appends base64url of a public number; @width 0: without leading zeros. */
static int
add_number(const struct key *key, const char *param, int width, struct buf *ret, struct error *err)
{
	_cleanup_(ossl_bn_freep) BIGNUM *bn = NULL;
	unsigned char raw[KEY_SIGNATURE_MAX];
	int len;

	if (EVP_PKEY_get_bn_param(key->pkey, param, &bn) != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot read the parameter %s of the key", param);
	len = width ? width : BN_num_bytes(bn);
	if (len > (int)sizeof(raw) || BN_bn2binpad(bn, raw, len) != len)
		return ossl_error(err, ERROR_INTERNAL, "the parameter %s of the key is too large", param);
	base64url_encode(raw, (size_t)len, ret);
	return 0;
}

static int
add_ec_jwk(const struct key *key, struct buf *ret, struct error *err)
{
	buf_printf(ret, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"", algs[key->alg].jwk_crv);
	if (add_number(key, OSSL_PKEY_PARAM_EC_PUB_X, algs[key->alg].field_octets, ret, err) < 0)
		return -1;
	buf_add_str(ret, "\",\"y\":\"");
	if (add_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, algs[key->alg].field_octets, ret, err) < 0)
		return -1;
	buf_add_str(ret, "\"}");
	return 0;
}

static int
add_rsa_jwk(const struct key *key, struct buf *ret, struct error *err)
{
	buf_add_str(ret, "{\"e\":\"");
	if (add_number(key, OSSL_PKEY_PARAM_RSA_E, 0, ret, err) < 0)
		return -1;
	buf_add_str(ret, "\",\"kty\":\"RSA\",\"n\":\"");
	if (add_number(key, OSSL_PKEY_PARAM_RSA_N, 0, ret, err) < 0)
		return -1;
	buf_add_str(ret, "\"}");
	return 0;
}

/* RFC 8037 s2. */
static int
add_okp_jwk(const struct key *key, struct buf *ret, struct error *err)
{
	unsigned char raw[ED25519_OCTETS];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &len) != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot read the public key");
	buf_printf(ret, "{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"", algs[key->alg].jwk_crv);
	base64url_encode(raw, len, ret);
	buf_add_str(ret, "\"}");
	return 0;
}

int
key_jwk(const struct key *key, struct buf *ret, struct error *err)
{
	_cleanup_buf_ struct buf jwk = BUF_INIT;
	int rc = algs[key->alg].group      ? add_ec_jwk(key, &jwk, err)
		 : algs[key->alg].rsa_bits ? add_rsa_jwk(key, &jwk, err)
					   : add_okp_jwk(key, &jwk, err);

	if (rc == 0)
		buf_add(ret, jwk.data, jwk.len);
	return rc;
}

char *
key_thumbprint(const struct key *key, struct error *err)
{
	_cleanup_buf_ struct buf jwk = BUF_INIT;
	struct buf text = BUF_INIT;
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (key_jwk(key, &jwk, err) < 0)
		return NULL;
	SHA256((const unsigned char *)jwk.data, jwk.len, digest);
	base64url_encode(digest, sizeof(digest), &text);
	return buf_steal(&text);
}
