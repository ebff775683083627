/*
 * common/crypto/cert_import.h: a certificate that somebody brings: from what was given (PEM in pieces, or PKCS#12) to what is
 * stored. Pure; slow when a password is involved: on a worker.
 */
#ifndef COMMON_CRYPTO_CERT_IMPORT_H
#define COMMON_CRYPTO_CERT_IMPORT_H

#include "common/crypto/key.h"
#include "common/crypto/x509.h"

/* All borrowed. Either pkcs12, or certificate and private_key. */
struct cert_import_in {
	const char *certificate;          /* PEM; its issuers may be in it; NULL: not given */
	const char *chain;                /* PEM; NULL: not given */
	const struct secret *private_key; /* PEM; empty: not given */
	const struct secret *pkcs12;      /* DER; empty: not given */
	const struct secret *password;    /* of the key or the PKCS#12 file; empty: none */
	int64_t now;                      /* UNIX seconds */
	bool allow_expired;               /* take it although it is not valid now */
};

struct cert_import {
	struct buf leaf_pem;
	struct buf chain_pem; /* in order, leaf's issuer first; may be empty */
	struct secret key;    /* PKCS#8 DER */
	enum key_algorithm algorithm;
	char *common_name; /* owned; the subject's if it is among the names, else the first name */
	struct cert_info info;
	unsigned char pair[32]; /* key_pair_digest() */
};

void
cert_import_clear(struct cert_import *c);

/*
 * cert_import() - check and put in order
 * What is checked: the key is the leaf's; who signed whom (x509_chain_arrange(): a wrong order is put right, strangers
 * and gaps are refused); it has names; it is for servers; no CA, unless self-signed as `openssl req -x509` makes them;
 * valid now. Errors: ERROR_INVALID; the field is certificate, certificateChain, privateKey, pkcs12 or password.
 */
int
cert_import(const struct cert_import_in *in, struct cert_import *ret, struct error *err);

#endif
