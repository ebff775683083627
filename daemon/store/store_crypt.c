/*
 * Sealing and tags. A sealed secret is
 *
 *   01 | nonce (12) data key wrapped (32) tag (16) | nonce (12) secret (n) tag (16)
 *
 * Both parts are AES-256-GCM with the same additional data: "certd-seal-1" NUL database NUL record id; the first under
 * the wrapping key, the second under the fresh data key. Changing the master key needs the first part only.
 */
#include "daemon/store/store_crypt.h"

#include "common/api/api.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/random.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

enum {
	SEAL_VERSION = 1,
	NONCE_LEN = 12,
	GCM_TAG_LEN = 16,
	BOX_OVERHEAD = NONCE_LEN + GCM_TAG_LEN,
	WRAPPED_LEN = BOX_OVERHEAD + STORE_KEY_LEN,
	SEAL_OVERHEAD = 1 + WRAPPED_LEN + BOX_OVERHEAD
};

struct store_crypt {
	struct secret wrap_key;
	EVP_CIPHER *gcm;
	EVP_MAC_CTX *tag_mac; /* keyed; started again for each value */
};

static int
crypt_error(struct error *err, const char *what)
{
	return error_set(err, ERROR_INTERNAL, "OpenSSL refused to %s", what);
}

static EVP_MAC_CTX *
hmac_new(const struct secret *key)
{
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 6),
		OSSL_PARAM_END };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (ctx && EVP_MAC_init(ctx, key->data, key->len, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

/* HMAC-SHA-256 of a label: one block of output is all that is needed of a key derivation function. */
static int
derive_key(EVP_MAC_CTX *master, const char *label, struct secret *ret)
{
	size_t len = 0;

	secret_alloc(ret, STORE_KEY_LEN);
	return EVP_MAC_init(master, NULL, 0, NULL) == 1 &&
			       EVP_MAC_update(master, (const unsigned char *)label, strlen(label)) == 1 &&
			       EVP_MAC_final(master, ret->data, &len, ret->len) == 1 && len == STORE_KEY_LEN
		       ? 0
		       : -1;
}

struct store_crypt *
store_crypt_new(const struct secret *master_key, struct error *err)
{
	_cleanup_secret_ struct secret tag_key = SECRET_INIT;
	struct store_crypt *c;
	EVP_MAC_CTX *master;

	if (master_key->len != STORE_KEY_LEN) {
		error_set(err, ERROR_CONFIG, "the master key has %zu octets, not %d", master_key->len, STORE_KEY_LEN);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	master = hmac_new(master_key);
	c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (master && derive_key(master, "certd store: wrapping key", &c->wrap_key) == 0 &&
		derive_key(master, "certd store: value tags", &tag_key) == 0)
		c->tag_mac = hmac_new(&tag_key);
	EVP_MAC_CTX_free(master);
	if (c->gcm && c->tag_mac)
		return c;
	store_crypt_free(c);
	crypt_error(err, "derive the store's keys");
	return NULL;
}

void
store_crypt_free(struct store_crypt *c)
{
	if (!c)
		return;
	EVP_MAC_CTX_free(c->tag_mac);
	EVP_CIPHER_free(c->gcm);
	secret_clear(&c->wrap_key);
	free(c);
}

static void
make_aad(enum store_db db, const char *id, struct buf *ret)
{
	buf_add_str(ret, "certd-seal-1");
	buf_add_char(ret, '\0');
	buf_add_str(ret, store_db_name(db));
	buf_add_char(ret, '\0');
	buf_add_str(ret, id);
}

/* Appends nonce, ciphertext and tag. */
static int
box_add(const EVP_CIPHER *gcm, const struct secret *key, const struct buf *aad, const struct secret *plain,
	struct buf *ret)
{
	unsigned char nonce[NONCE_LEN];
	unsigned char tag[GCM_TAG_LEN];
	size_t start = ret->len;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *out;
	int n = 0;
	bool is_ok;

	random_octets(nonce, sizeof(nonce));
	buf_add(ret, nonce, sizeof(nonce));
	for (size_t i = 0; i < plain->len; i++)
		buf_add_char(ret, '\0');
	out = (unsigned char *)ret->data + start + NONCE_LEN;
	is_ok = ctx && EVP_EncryptInit_ex2(ctx, gcm, key->data, nonce, NULL) == 1 &&
		EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)aad->data, (int)aad->len) == 1 &&
		EVP_EncryptUpdate(ctx, out, &n, plain->data, (int)plain->len) == 1 &&
		EVP_EncryptFinal_ex(ctx, out + n, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, tag) == 1;
	buf_add(ret, tag, sizeof(tag));
	EVP_CIPHER_CTX_free(ctx);
	return is_ok ? 0 : -1;
}

/* @box: nonce, ciphertext, tag. Nothing is handed out unless the tag is right. */
static int
box_open(const EVP_CIPHER *gcm, const struct secret *key, const struct buf *aad, const unsigned char *box, size_t len,
	struct secret *ret)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	unsigned char tag[GCM_TAG_LEN];
	size_t n_plain = len - BOX_OVERHEAD;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool is_ok;

	memcpy(tag, box + len - GCM_TAG_LEN, sizeof(tag));
	secret_alloc(&plain, n_plain);
	is_ok = ctx && EVP_DecryptInit_ex2(ctx, gcm, key->data, box, NULL) == 1 &&
		EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)aad->data, (int)aad->len) == 1 &&
		EVP_DecryptUpdate(ctx, plain.data, &n, box + NONCE_LEN, (int)n_plain) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) == 1 &&
		EVP_DecryptFinal_ex(ctx, plain.data + n, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!is_ok)
		return -1;
	secret_move(ret, &plain);
	return 0;
}

int
store_crypt_seal(struct store_crypt *c, enum store_db db, const char *id, const struct secret *secret, struct buf *ret,
	struct error *err)
{
	_cleanup_secret_ struct secret data_key = SECRET_INIT;
	_cleanup_buf_ struct buf aad = BUF_INIT;

	if (secret->len == 0 || secret->len > STORE_SECRET_MAX)
		return error_set(err, ERROR_LIMIT, "a secret of %zu octets", secret->len);
	if (secret_random(&data_key, STORE_KEY_LEN, err) < 0)
		return -1;
	make_aad(db, id, &aad);
	buf_add_char(ret, SEAL_VERSION);
	if (box_add(c->gcm, &c->wrap_key, &aad, &data_key, ret) < 0 ||
		box_add(c->gcm, &data_key, &aad, secret, ret) < 0)
		return crypt_error(err, "seal a secret");
	return 0;
}

int
store_crypt_unseal(struct store_crypt *c, enum store_db db, const char *id, const void *sealed, size_t len,
	struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret data_key = SECRET_INIT;
	_cleanup_buf_ struct buf aad = BUF_INIT;
	const unsigned char *p = sealed;

	make_aad(db, id, &aad);
	if (len > SEAL_OVERHEAD && len <= SEAL_OVERHEAD + STORE_SECRET_MAX && p[0] == SEAL_VERSION &&
		box_open(c->gcm, &c->wrap_key, &aad, p + 1, WRAPPED_LEN, &data_key) == 0 &&
		box_open(c->gcm, &data_key, &aad, p + 1 + WRAPPED_LEN, len - 1 - WRAPPED_LEN, ret) == 0)
		return 0;
	return error_set(
		err, ERROR_CORRUPT, "%s '%s': the sealed secret does not verify", api_title(store_db_name(db)), id);
}

int
store_crypt_tag(struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *value,
	size_t value_len, unsigned char ret[STORE_TAG_LEN], struct error *err)
{
	unsigned char full[EVP_MAX_MD_SIZE];
	unsigned char head[2] = { (unsigned char)(key_len >> 8), (unsigned char)(key_len & 0xff) };
	const char *name = store_db_name(db);
	size_t len = 0;

	/* Unambiguous: the name ends with NUL, and the length of the key (below 512) precedes it. */
	if (EVP_MAC_init(c->tag_mac, NULL, 0, NULL) != 1 ||
		EVP_MAC_update(c->tag_mac, (const unsigned char *)name, strlen(name) + 1) != 1 ||
		EVP_MAC_update(c->tag_mac, head, sizeof(head)) != 1 || EVP_MAC_update(c->tag_mac, key, key_len) != 1 ||
		EVP_MAC_update(c->tag_mac, value, value_len) != 1 ||
		EVP_MAC_final(c->tag_mac, full, &len, sizeof(full)) != 1)
		return crypt_error(err, "tag a value");
	memcpy(ret, full, STORE_TAG_LEN);
	return 0;
}

/* Ids as they are, other keys (time stamps and the like) in hexadecimal. */
static char *
key_text(const void *key, size_t key_len)
{
	struct buf text = BUF_INIT;
	const unsigned char *p = key;

	for (size_t i = 0; i < key_len; i++) {
		if (p[i] > ' ' && p[i] < 0x7f && p[i] != '\\')
			buf_add_char(&text, (char)p[i]);
		else
			buf_printf(&text, "\\x%02x", p[i]);
	}
	return buf_steal(&text);
}

int
store_crypt_check(struct store_crypt *c, enum store_db db, const void *key, size_t key_len, struct buf *stored,
	size_t from, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	unsigned char tag[STORE_TAG_LEN];

	if (stored->len - from >= STORE_TAG_LEN) {
		size_t end = stored->len - STORE_TAG_LEN;

		if (store_crypt_tag(c, db, key, key_len, stored->data + from, end - from, tag, err) < 0)
			return -1;
		if (CRYPTO_memcmp(tag, stored->data + end, STORE_TAG_LEN) == 0) {
			stored->len = end;
			stored->data[end] = '\0';
			return 0;
		}
	}
	text = key_text(key, key_len);
	return error_set(
		err, ERROR_CORRUPT, "record '%s' of '%s' is damaged in the store", text, api_title(store_db_name(db)));
}
