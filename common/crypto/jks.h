/*
 * common/crypto/jks.h: keystores in Java's old format (JKS), which programs read that know no PKCS#12. keytool cannot
 * make them for certd: a JVM does not run in certd's sandbox, and the key would leave this module.
 */
#ifndef COMMON_CRYPTO_JKS_H
#define COMMON_CRYPTO_JKS_H

#include "common/crypto/secret.h"

struct buf;

/* keytool does not open a keystore with a shorter password. */
enum { JKS_PASSWORD_MIN = 6 };

/*
 * jks_write() - a keystore with one key and its certificates, both under @password
 * @key_der: PKCS#8
 * @pem: certificates, that of the key first
 * @alias: name of the entry; ASCII
 * @made_at: its time; UNIX seconds
 * @password: ASCII
 * The format's own encryption (SHA-1) is weak: the file's mode protects the key.
 * Return: 0 or -1.
 */
int
jks_write(const struct secret *key_der, const struct buf *pem, const char *alias, int64_t made_at,
	const struct secret *password, struct secret *ret, struct error *err);

#endif
