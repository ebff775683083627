/* common/crypto/san.h: names as the subject alternative name of a certificate or request (RFC 5280 s4.2.1.6). */
#ifndef COMMON_CRYPTO_SAN_H
#define COMMON_CRYPTO_SAN_H

#include <openssl/x509v3.h>

struct strlist;

/* @names: canonical; DNS or IP. Return: owned by the caller, or NULL and an entry in OpenSSL's error queue. */
GENERAL_NAMES *
san_make(const struct strlist *names);

/*
 * Appends the DNS and IP names, canonical if possible, without duplicates. @gens: or NULL.
 * Return: the number of other names (mail addresses and the like), or -1: one is malformed.
 */
int
san_read(const GENERAL_NAMES *gens, struct strlist *ret);

#endif
