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
	struct secret master;
	struct secret wrap_key;
	EVP_CIPHER *gcm;
	EVP_MAC_CTX *tag_mac;       /* keyed; started again for each value */
	struct store_crypt *former; /* owned; or NULL */
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
	secret_copy(&c->master, master_key);
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
	store_crypt_free(c->former);
	EVP_MAC_CTX_free(c->tag_mac);
	EVP_CIPHER_free(c->gcm);
	secret_clear(&c->wrap_key);
	secret_clear(&c->master);
	free(c);
}

const struct secret *
store_crypt_master(const struct store_crypt *c)
{
	return &c->master;
}

void
store_crypt_set_former(struct store_crypt *c, struct store_crypt *former)
{
	store_crypt_free(c->former);
	c->former = former;
}

bool
store_crypt_has_former(const struct store_crypt *c)
{
	return c->former;
}

struct store_crypt *
store_crypt_dup(const struct store_crypt *c, struct error *err)
{
	struct store_crypt *copy = store_crypt_new(&c->master, err);

	if (copy && c->former) {
		copy->former = store_crypt_dup(c->former, err);
		if (!copy->former) {
			store_crypt_free(copy);
			return NULL;
		}
	}
	return copy;
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

static bool
is_sealed(const unsigned char *p, size_t len)
{
	return len > SEAL_OVERHEAD && len <= SEAL_OVERHEAD + STORE_SECRET_MAX && p[0] == SEAL_VERSION;
}

static int
open_data_key(struct store_crypt *c, const struct buf *aad, const unsigned char *sealed, struct secret *ret)
{
	if (box_open(c->gcm, &c->wrap_key, aad, sealed + 1, WRAPPED_LEN, ret) == 0)
		return 0;
	return c->former ? open_data_key(c->former, aad, sealed, ret) : -1;
}

int
store_crypt_unseal(struct store_crypt *c, enum store_db db, const char *id, const void *sealed, size_t len,
	struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret data_key = SECRET_INIT;
	_cleanup_buf_ struct buf aad = BUF_INIT;
	const unsigned char *p = sealed;

	make_aad(db, id, &aad);
	if (is_sealed(p, len) && open_data_key(c, &aad, p, &data_key) == 0 &&
		box_open(c->gcm, &data_key, &aad, p + 1 + WRAPPED_LEN, len - 1 - WRAPPED_LEN, ret) == 0)
		return 0;
	return error_set(
		err, ERROR_CORRUPT, "%s '%s': the sealed secret does not verify", api_title(store_db_name(db)), id);
}

bool
store_crypt_rewrap(struct store_crypt *c, enum store_db db, const char *id, unsigned char *sealed, size_t len)
{
	_cleanup_secret_ struct secret data_key = SECRET_INIT;
	_cleanup_buf_ struct buf aad = BUF_INIT;
	_cleanup_buf_ struct buf wrapped = BUF_INIT;

	if (!c->former || !is_sealed(sealed, len))
		return false;
	make_aad(db, id, &aad);
	if (open_data_key(c->former, &aad, sealed, &data_key) < 0 ||
		box_add(c->gcm, &c->wrap_key, &aad, &data_key, &wrapped) < 0)
		return false;
	memcpy(sealed + 1, wrapped.data, WRAPPED_LEN);
	return true;
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

bool
store_crypt_is_own(
	struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *stored, size_t len)
{
	const unsigned char *p = stored;
	unsigned char tag[STORE_TAG_LEN];

	return len >= STORE_TAG_LEN && store_crypt_tag(c, db, key, key_len, p, len - STORE_TAG_LEN, tag, NULL) == 0 &&
	       CRYPTO_memcmp(tag, p + len - STORE_TAG_LEN, STORE_TAG_LEN) == 0;
}

bool
store_crypt_verifies(
	struct store_crypt *c, enum store_db db, const void *key, size_t key_len, const void *stored, size_t len)
{
	return store_crypt_is_own(c, db, key, key_len, stored, len) ||
	       (c->former && store_crypt_verifies(c->former, db, key, key_len, stored, len));
}

int
store_crypt_check(struct store_crypt *c, enum store_db db, const void *key, size_t key_len, struct buf *stored,
	size_t from, struct error *err)
{
	_cleanup_free_ char *text = NULL;

	if (store_crypt_verifies(c, db, key, key_len, stored->data + from, stored->len - from)) {
		stored->len -= STORE_TAG_LEN;
		stored->data[stored->len] = '\0';
		return 0;
	}
	text = key_text(key, key_len);
	return error_set(
		err, ERROR_CORRUPT, "record '%s' of '%s' is damaged in the store", text, api_title(store_db_name(db)));
}
