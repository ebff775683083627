/* The plain octets and the derived key stay in the secure heap. */
#include "common/crypto/sealed.h"

#include "common/crypto/base64url.h"
#include "common/crypto/ossl.h"
#include "common/crypto/pem.h"
#include "common/error.h"
#include "common/random.h"

#include <openssl/evp.h>
#include <string.h>

enum {
	SEALED_VERSION = 1,
	SALT_LEN = SEALED_SALT_LEN,
	NONCE_LEN = 12,
	TAG_LEN = 16,
	KEY_LEN = 32,
	HEAD_LEN = 1 + SALT_LEN + NONCE_LEN,
	SCRYPT_N = 1 << 15,
	SCRYPT_R = 8,
	SCRYPT_P = 1,
	SCRYPT_MEMORY = 64 * 1024 * 1024,
	LINE_LEN = 64
};

int
sealed_derive(const struct secret *passphrase, const unsigned char *salt, struct secret *ret, struct error *err)
{
	if (passphrase->len < SEALED_PASSPHRASE_MIN || passphrase->len > SEALED_PASSPHRASE_MAX)
		return error_set_field(err, "passphrase", "the passphrase has %zu octets, not %d to %d",
			passphrase->len, SEALED_PASSPHRASE_MIN, SEALED_PASSPHRASE_MAX);
	secret_alloc(ret, KEY_LEN);
	if (EVP_PBE_scrypt((const char *)passphrase->data, passphrase->len, salt, SALT_LEN, SCRYPT_N, SCRYPT_R,
		    SCRYPT_P, SCRYPT_MEMORY, ret->data, ret->len) != 1)
		return ossl_error(err, ERROR_INTERNAL, "derive a key from the passphrase");
	return 0;
}

/* Label, version and salt. @head: of the file. */
static void
sealed_aad(const char *label, const unsigned char *head, struct buf *ret)
{
	buf_add(ret, label, strlen(label) + 1);
	buf_add(ret, head, 1 + SALT_LEN);
}

/* @out: room for @plain and the tag. */
static int
sealed_encrypt(const struct secret *key, const unsigned char *nonce, const struct buf *aad, const struct secret *plain,
	unsigned char *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool is_ok = ctx && EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key->data, nonce, NULL) == 1 &&
		     EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)aad->data, (int)aad->len) == 1 &&
		     EVP_EncryptUpdate(ctx, out, &n, plain->data, (int)plain->len) == 1 &&
		     EVP_EncryptFinal_ex(ctx, out + n, &n) == 1 &&
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, out + plain->len) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return is_ok ? 0 : -1;
}

/* @in: ciphertext and tag; @ret: as long as the ciphertext. */
static int
sealed_decrypt(const struct secret *key, const unsigned char *nonce, const struct buf *aad, unsigned char *in,
	struct secret *ret)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool is_ok = ctx && EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key->data, nonce, NULL) == 1 &&
		     EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)aad->data, (int)aad->len) == 1 &&
		     EVP_DecryptUpdate(ctx, ret->data, &n, in, (int)ret->len) == 1 &&
		     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, in + ret->len) == 1 &&
		     EVP_DecryptFinal_ex(ctx, ret->data + n, &n) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return is_ok ? 0 : -1;
}

static void
sealed_add_pem(const char *label, const struct buf *octets, struct buf *ret)
{
	_cleanup_free_ char *text = xmalloc(octets->len / 3 * 4 + 8);
	size_t len = (size_t)EVP_EncodeBlock(
		(unsigned char *)text, (const unsigned char *)octets->data, (int)octets->len);

	buf_printf(ret, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < len; i += LINE_LEN) {
		buf_add(ret, text + i, len - i < LINE_LEN ? len - i : LINE_LEN);
		buf_add_char(ret, '\n');
	}
	buf_printf(ret, "-----END %s-----\n", label);
}

int
sealed_write(const char *label, const struct secret *plain, const struct secret *passphrase, struct buf *ret,
	struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_buf_ struct buf octets = BUF_INIT;
	_cleanup_buf_ struct buf aad = BUF_INIT;
	unsigned char head[HEAD_LEN] = { SEALED_VERSION };

	if (plain->len == 0 || plain->len > SEALED_MAX / 2)
		return error_set(err, ERROR_LIMIT, "%zu octets cannot be sealed", plain->len);
	random_octets(head + 1, sizeof(head) - 1);
	if (sealed_derive(passphrase, head + 1, &key, err) < 0)
		return -1;
	sealed_aad(label, head, &aad);
	buf_add(&octets, head, sizeof(head));
	for (size_t i = 0; i < plain->len + TAG_LEN; i++)
		buf_add_char(&octets, '\0');
	if (sealed_encrypt(&key, head + 1 + SALT_LEN, &aad, plain, (unsigned char *)octets.data + HEAD_LEN) < 0)
		return ossl_error(err, ERROR_INTERNAL, "seal");
	sealed_add_pem(label, &octets, ret);
	return 0;
}

/* The octets of the block. */
static int
sealed_find(const char *label, const struct secret *text, struct secret *ret, struct error *err)
{
	const char *p = (const char *)text->data;
	const char *body, *end;
	struct pem_block block;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (text->len > SEALED_MAX)
		return error_set(err, ERROR_INVALID, "has more than %d octets", SEALED_MAX);
	if (!text->len || pem_next(&p, p + text->len, &block) != 1 || block.label_len != strlen(label) ||
		memcmp(block.label, label, block.label_len) != 0)
		return error_set(err, ERROR_INVALID, "does not begin with -----BEGIN %s-----", label);
	body = block.label + block.label_len + strlen("-----");
	end = block.text + block.len - strlen("-----END -----") - block.label_len;
	if (body >= end || base64_decode_any(body, (size_t)(end - body), ret, &why) < 0 ||
		ret->len <= HEAD_LEN + TAG_LEN)
		return error_set(err, ERROR_INVALID, "is not complete");
	if (ret->data[0] != SEALED_VERSION)
		return error_set(err, ERROR_INVALID, "was written by a later certd");
	return 0;
}

int
sealed_read(const char *label, const struct secret *text, const struct secret *passphrase, struct secret *ret,
	struct error *err)
{
	_cleanup_secret_ struct secret octets = SECRET_INIT;
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_buf_ struct buf aad = BUF_INIT;

	if (sealed_find(label, text, &octets, err) < 0 || sealed_derive(passphrase, octets.data + 1, &key, err) < 0)
		return -1;
	sealed_aad(label, octets.data, &aad);
	secret_alloc(ret, octets.len - HEAD_LEN - TAG_LEN);
	if (sealed_decrypt(&key, octets.data + 1 + SALT_LEN, &aad, octets.data + HEAD_LEN, ret) == 0)
		return 0;
	secret_clear(ret);
	ossl_error(NULL, ERROR_INVALID, "unseal"); /* empties the queue */
	return error_set_field(err, "passphrase", "the passphrase is wrong, or the file was altered");
}
