/*
 * The only file that uses engines. OpenSSL 3 declares them deprecated, but Debian 12 has no PKCS#11 provider; a later
 * one replaces this file.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "common/crypto/key_engine.h"

#include "common/crypto/key.h"
#include "common/crypto/key_uri.h"
#include "common/crypto/ossl.h"

#include <openssl/engine.h>
#include <openssl/ui.h>
#include <stdlib.h>
#include <string.h>

/* The first text of OpenSSL's queue is the token's own; the later ones only say which call failed. */
static int
key_engine_open(const char *module, const struct secret *pin, ENGINE **ret, struct error *err)
{
	ENGINE *engine;

	ENGINE_load_dynamic();
	engine = ENGINE_by_id("pkcs11");
	if (!engine)
		return error_set(err, ERROR_STATE,
			"OpenSSL has no PKCS#11 engine; on Debian: apt install libengine-pkcs11-openssl");
	if ((!module || ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) == 1) &&
		(!pin->len || ENGINE_ctrl_cmd_string(engine, "PIN", (char *)pin->data, 0) == 1) &&
		ENGINE_init(engine) == 1) {
		*ret = engine;
		return 0;
	}
	ENGINE_free(engine);
	return ossl_error(err, ERROR_STATE, "cannot start the PKCS#11 engine");
}

static int
key_engine_read_pin(const char *path, struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret text = SECRET_INIT;

	if (!path)
		return 0;
	if (secret_read_file(&text, path, KEY_PIN_MAX, true, err) < 0)
		return -1;
	secret_alloc(ret, text.len + 1); /* ends with a NUL */
	memcpy(ret->data, text.data, text.len);
	return 0;
}

static int
key_engine_use(ENGINE *engine, const char *object, const void *data, size_t len, struct buf *ret_spki,
	struct buf *ret_signature, struct error *err)
{
	_cleanup_(ossl_pkey_freep) EVP_PKEY *pkey = NULL;
	_cleanup_(ossl_md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	_cleanup_key_ struct key *public = NULL;
	unsigned char signature[KEY_SIGNATURE_MAX];
	size_t signature_len = sizeof(signature);
	_cleanup_(ossl_freep) unsigned char *spki = NULL;
	int spki_len;

	/* never a prompt */
	pkey = ENGINE_load_private_key(engine, object, (UI_METHOD *)UI_null(), NULL);
	if (!pkey)
		return ossl_error(err, ERROR_STATE, "cannot load the key");
	spki_len = i2d_PUBKEY(pkey, &spki);
	if (spki_len <= 0)
		return ossl_error(err, ERROR_STATE, "the token does not show the public half of the key");
	if (key_new_held(KEY_PLACE_TOKEN, spki, (size_t)spki_len, &public, err) < 0)
		return -1;
	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, key_digest(public), NULL, NULL, pkey, NULL) != 1 ||
		EVP_DigestSign(ctx, signature, &signature_len, data, len) != 1)
		return ossl_error(err, ERROR_STATE, "the token does not sign");
	buf_add(ret_spki, spki, (size_t)spki_len);
	buf_add(ret_signature, signature, signature_len);
	return 0;
}

int
key_engine_sign(const char *uri, const char *module, const void *data, unsigned long len, struct buf *ret_spki,
	struct buf *ret_signature, struct error *err)
{
	_cleanup_free_ char *object = NULL, *pin_file = NULL;
	_cleanup_secret_ struct secret pin = SECRET_INIT;
	ENGINE *engine = NULL;
	int rc;

	ERR_clear_error();
	if (key_uri_check(uri, err) < 0)
		return -1;
	key_uri_split(uri, &object, &pin_file);
	if (key_engine_read_pin(pin_file, &pin, err) < 0 || key_engine_open(module, &pin, &engine, err) < 0)
		return -1;
	rc = key_engine_use(engine, object, data, len, ret_spki, ret_signature, err);
	ENGINE_finish(engine);
	ENGINE_free(engine);
	return rc;
}
