/* tests/support/crl_maker.h: revocation lists and OCSP answers with exactly the faults that a test wants. */
#ifndef TESTS_SUPPORT_CRL_MAKER_H
#define TESTS_SUPPORT_CRL_MAKER_H

#include "common/buf.h"
#include "common/strlist.h"

#include <openssl/x509.h>

struct crl_spec {
	int64_t this_at;
	int64_t next_at;               /* 0: not in the list */
	const struct strlist *revoked; /* serial numbers, hexadecimal, colons are ignored; NULL: none */
	int64_t revoked_at;
	int reason;    /* of RFC 5280 s5.3.1; -1: not in the entries */
	size_t others; /* so many other certificates are revoked, too */
	/* Extensions, in the syntax of OpenSSL's configuration; NULL: not there. */
	const char *scope;   /* issuingDistributionPoint */
	const char *delta;   /* deltaCRL */
	const char *unknown; /* of an OID that nobody knows */
};

/* Appends the DER to @ret. */
void
crl_make(X509 *issuer, EVP_PKEY *key, const struct crl_spec *spec, struct buf *ret);

struct ocsp_spec {
	int64_t this_at;
	int64_t next_at; /* 0: not in the answer */
	int status;      /* V_OCSP_CERTSTATUS_... */
	int64_t revoked_at;
	int reason;          /* as above */
	int refusal;         /* not 0: the answer has only this status (RFC 6960 s4.2.1) */
	X509 *signer;        /* NULL: the issuer */
	EVP_PKEY *key;       /* of the signer */
	bool is_by_key;      /* it names the signer by a digest of the key */
	bool has_no_signer;  /* the certificate of the signer is not in the answer */
	const char *unknown; /* as above, of the answer */
};

/* Appends the DER of a responder's answer about @cert to @ret. */
void
ocsp_make(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key, const struct ocsp_spec *spec, struct buf *ret);

#endif
