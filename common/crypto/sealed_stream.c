/* The key stays in the secure heap; what is sealed is the caller's. */
#include "common/crypto/sealed_stream.h"

#include "common/crypto/ossl.h"
#include "common/crypto/sealed.h"
#include "common/error.h"
#include "common/random.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* With its NUL. */
static const char sealed_magic[] = "certd sealed 1\n";

enum { MAGIC_LEN = sizeof(sealed_magic), NONCE_LEN = 12 };

_Static_assert(MAGIC_LEN + SEALED_SALT_LEN == SEALED_STREAM_HEAD, "a head is the magic and the salt");

struct sealed_stream {
	struct secret key;
	EVP_CIPHER_CTX *ctx;
	uint64_t chunk; /* number of the next one */
};

static struct sealed_stream *
sealed_stream_new(const struct secret *passphrase, const unsigned char *salt, struct error *err)
{
	struct sealed_stream *s = xcalloc(1, sizeof(*s));

	s->ctx = EVP_CIPHER_CTX_new();
	if (s->ctx && sealed_derive(passphrase, salt, &s->key, err) == 0)
		return s;
	if (!s->ctx)
		ossl_error(err, ERROR_INTERNAL, "start a cipher");
	sealed_stream_free(s);
	return NULL;
}

struct sealed_stream *
sealed_stream_write(
	const struct secret *passphrase, unsigned char ret_head[static SEALED_STREAM_HEAD], struct error *err)
{
	memcpy(ret_head, sealed_magic, MAGIC_LEN);
	random_octets(ret_head + MAGIC_LEN, SEALED_SALT_LEN);
	return sealed_stream_new(passphrase, ret_head + MAGIC_LEN, err);
}

struct sealed_stream *
sealed_stream_read(
	const struct secret *passphrase, const unsigned char head[static SEALED_STREAM_HEAD], struct error *err)
{
	if (memcmp(head, sealed_magic, MAGIC_LEN) == 0)
		return sealed_stream_new(passphrase, head + MAGIC_LEN, err);
	error_set(err, ERROR_INVALID, "is not a backup that this certd can read");
	return NULL;
}

void
sealed_stream_free(struct sealed_stream *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->ctx);
	secret_clear(&s->key);
	free(s);
}

static void
sealed_stream_nonce(struct sealed_stream *s, bool is_last, unsigned char ret[NONCE_LEN])
{
	uint64_t number = htobe64(s->chunk++);
	uint32_t last = htobe32(is_last);

	memcpy(ret, &number, sizeof(number));
	memcpy(ret + sizeof(number), &last, sizeof(last));
}

int
sealed_stream_seal(struct sealed_stream *s, const unsigned char *plain, size_t len, bool is_last, unsigned char *ret,
	struct error *err)
{
	unsigned char nonce[NONCE_LEN];
	int n = 0;

	sealed_stream_nonce(s, is_last, nonce);
	if (EVP_EncryptInit_ex2(s->ctx, EVP_aes_256_gcm(), s->key.data, nonce, NULL) == 1 &&
		EVP_EncryptUpdate(s->ctx, ret, &n, plain, (int)len) == 1 &&
		EVP_EncryptFinal_ex(s->ctx, ret + n, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, SEALED_CHUNK_TAG, ret + len) == 1)
		return 0;
	return ossl_error(err, ERROR_INTERNAL, "seal");
}

int
sealed_stream_open(struct sealed_stream *s, const unsigned char *sealed, size_t len, bool is_last, unsigned char *ret,
	struct error *err)
{
	unsigned char nonce[NONCE_LEN];
	unsigned char tag[SEALED_CHUNK_TAG];
	size_t n_plain = len < SEALED_CHUNK_TAG ? 0 : len - SEALED_CHUNK_TAG;
	int n = 0;

	sealed_stream_nonce(s, is_last, nonce);
	if (n_plain)
		memcpy(tag, sealed + n_plain, sizeof(tag));
	if (n_plain && EVP_DecryptInit_ex2(s->ctx, EVP_aes_256_gcm(), s->key.data, nonce, NULL) == 1 &&
		EVP_DecryptUpdate(s->ctx, ret, &n, sealed, (int)n_plain) == 1 &&
		EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, SEALED_CHUNK_TAG, tag) == 1 &&
		EVP_DecryptFinal_ex(s->ctx, ret + n, &n) == 1)
		return 0;
	ossl_error(NULL, ERROR_INVALID, "unseal"); /* empties the queue */
	return error_set_field(err, "passphrase", "the passphrase is wrong, or the file was altered or cut off");
}
