/*
 * common/crypto/ocsp.h: OCSP (RFC 6960), in the form that responders can answer from a cache (RFC 5019): a question
 * about one certificate by GET, without a nonce.
 */
#ifndef COMMON_CRYPTO_OCSP_H
#define COMMON_CRYPTO_OCSP_H

#include "common/crypto/crl.h"

enum { OCSP_ANSWER_MAX = 64 * 1024 /* usual are 500 octets, or 2,000 with a certificate of the responder */ };

/*
 * ocsp_question() - the URL of a question (RFC 6960 appendix A.1)
 * @url: of the responder; @cert, @issuer: DER
 * Return: owned by the caller; NULL: one of the certificates is unreadable.
 */
char *
ocsp_question(const char *url, const struct buf *cert, const struct buf *issuer);

/*
 * ocsp_read() - verify an answer about asked->cert
 * It counts if the issuer has signed it, or a responder whose certificate the issuer has signed for that purpose (RFC
 * 6960 s4.2.2.2), it is from the past, and it has not expired; without an end it is good for a day.
 * @ret_entry: filled in after 1, without a serial number; @ret: filled in after 0 and 1
 * Return: 1 the certificate is revoked; 0 it is not; -1 the answer does not count: ERROR_UNAVAILABLE if the responder
 * asks to try later, ERROR_STATE for an expired one, otherwise ERROR_PROTOCOL. Any thread.
 */
int
ocsp_read(const void *der, size_t len, const struct crl_asked *asked, struct crl_entry *ret_entry,
	struct crl_facts *ret, struct error *err);

#endif
