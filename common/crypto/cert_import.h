/*
 * common/crypto/cert_import.h: importing a certificate: from the given input (PEM in pieces, or PKCS#12) to the stored
 * form.
 * Pure; slow when a password is involved, so call it on a worker.
 */
#ifndef COMMON_CRYPTO_CERT_IMPORT_H
#define COMMON_CRYPTO_CERT_IMPORT_H

#include "common/crypto/key.h"
#include "common/crypto/x509.h"

/* All borrowed. Either pkcs12, or certificate and private_key. */
struct cert_import_in {
	const char *certificate;          /* PEM; may include its issuers; NULL: not given */
	const char *chain;                /* PEM; NULL: not given */
	const struct secret *private_key; /* PEM; empty: not given */
	const struct secret *pkcs12;      /* DER; empty: not given */
	const struct secret *password;    /* of the key or the PKCS#12 file; empty: none */
	int64_t now;                      /* UNIX seconds */
	bool may_be_expired;              /* accept it even if it is not valid now */
	bool may_be_unfit;                /* accept what servers or clients would refuse; .doubts says what */
};

struct cert_import {
	struct buf leaf_pem;
	struct buf chain_pem; /* in order, leaf's issuer first; may be empty */
	struct secret key;    /* PKCS#8 DER */
	enum key_algorithm algorithm;
	char *common_name; /* owned; the subject's if it is among the names, else the first name; "": none */
	struct cert_info info;
	struct strlist doubts;  /* why it is unfit, one line each; empty: it is not, or must not be */
	unsigned char pair[32]; /* key_pair_digest() */
};

void
cert_import_clear(struct cert_import *c);

/*
 * cert_import() - check a certificate and put its chain in order
 * The key must belong to the leaf. x509_chain_arrange() orders the chain, and refuses an incomplete one or unrelated
 * certificates. The certificate must have names, be for servers, not be a CA (except self-signed as from `openssl req
 * -x509`), and be valid now.
 * With may_be_unfit only the key is a reason to refuse; a self-signed certificate then is a doubt as well.
 * ERROR_INVALID; the field is certificate, certificateChain, privateKey, pkcs12 or password.
 */
int
cert_import(const struct cert_import_in *in, struct cert_import *ret, struct error *err);

#endif
