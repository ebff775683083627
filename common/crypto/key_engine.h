/*
 * common/crypto/key_engine.h: keys in PKCS#11 tokens, by OpenSSL's engine "pkcs11" (libengine-pkcs11-openssl). The
 * engine loads the module of the token's vendor, which may block, crash, and read all memory: only the program that
 * daemon/base/signer.c starts may call it.
 */
#ifndef COMMON_CRYPTO_KEY_ENGINE_H
#define COMMON_CRYPTO_KEY_ENGINE_H

struct buf;
struct error;

/*
 * key_engine_sign() - sign @len octets with the key that @uri names (key_uri.h)
 * @module: path of the PKCS#11 module; NULL: the engine's, which is that of p11-kit on Debian
 * @ret_spki: its public half, DER; @ret_signature: as key_sign() makes it. Both are appended to.
 * ERROR_STATE: the engine, the token or the key is missing, or the PIN is wrong.
 */
int
key_engine_sign(const char *uri, const char *module, const void *data, unsigned long len, struct buf *ret_spki,
	struct buf *ret_signature, struct error *err);

#endif
