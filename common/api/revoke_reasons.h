/*
 * common/api/revoke_reasons.h: why a certificate is revoked (RFC 5280 s5.3.1), one row each: the word, which is on disk
 * and in the API, the number in requests and CRLs, and what it means. The API's enumeration, certctl's help and the
 * requests are made from it.
 */
#ifndef COMMON_API_REVOKE_REASONS_H
#define COMMON_API_REVOKE_REASONS_H

/* clang-format off */
#define REVOKE_REASONS(REASON) \
	REASON(unspecified, 0, "no reason is given") \
	REASON(keyCompromise, 1, "the key is known to others; certd never uses it again") \
	REASON(affiliationChanged, 3, "the subject's name has changed") \
	REASON(superseded, 4, "it is replaced") \
	REASON(cessationOfOperation, 5, "its names are given up; it is not replaced") \
	REASON(privilegeWithdrawn, 9, "the right to it has ended")
/* clang-format on */

#define REVOKE_REASON_WORD(word, number, help) #word,
#define REVOKE_REASON_HELP(word, number, help) "; " #word ": " help

#define REVOKE_UNSPECIFIED "unspecified"
#define REVOKE_KEY_COMPROMISE "keyCompromise"
#define REVOKE_CESSATION "cessationOfOperation"

#endif
