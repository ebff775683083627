/*
 * common/crypto/acme_txt.h: names and contents of the TXT records by which CAs validate names: dns-account-01
 * (draft-ietf-acme-dns-account-label) and dns-persist-01 (draft-ietf-acme-dns-persist). That of dns-01 is in jws.h.
 * Pure.
 */
#ifndef COMMON_CRYPTO_ACME_TXT_H
#define COMMON_CRYPTO_ACME_TXT_H

#include "common/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;

/*
 * The owner name for dns-account-01: "_", the label of the account, "._acme-challenge." and the name without "*.". Each
 * account has its own, so that several clients need not share one record set. Owned by the caller.
 */
char *
acme_txt_account_owner(const char *account_url, const char *canonical);

/* The owner name for dns-persist-01: "_validation-persist." and the name without "*.". Owned by the caller. */
char *
acme_txt_persist_owner(const char *canonical);

/*
 * The accounturi of draft -02: @prefix, which the CA's directory has, and a hash of everything else.
 * @domain: the name of the record without "_validation-persist.", or "*" for a record that is valid anywhere
 * Owned by the caller.
 */
char *
acme_txt_account_hash(const char *prefix, const char *domain, const char *thumbprint, const char *account_url);

/* A record of dns-persist-01, or what one must say. */
struct acme_persist {
	struct strlist issuers;  /* names of the CA, lower case; a record has one, and any of them will do */
	struct strlist accounts; /* likewise: values of accounturi; the first one is recommended */
	bool is_wildcard;        /* policy=wildcard: also for the names below the owner's */
	int64_t until_at;        /* UNIX seconds: the CA does not accept it from then on; 0: no end */
};

void
acme_persist_clear(struct acme_persist *p);

#define _cleanup_acme_persist_ _cleanup_(acme_persist_clear)

/*
 * acme_persist_parse() - the content of a record, in the syntax of RFC 8659 s4.2
 * Parameters that are not known are ignored. ERROR_INVALID: what CAs refuse (a parameter twice, no accounturi, a
 * persistUntil that is not a number of seconds).
 */
int
acme_persist_parse(const char *text, struct acme_persist *ret, struct error *err);

/* The content of a record with the first issuer and account of @want. Owned by the caller. */
char *
acme_persist_text(const struct acme_persist *want);

/*
 * acme_persist_find() - which of the TXT values at the owner name allows what @want asks for, at the time @now?
 * Return: 1 and its index: the one that does so for the longest time; or 0 and @why (owned by the caller), which says
 * what is wrong with the record that comes closest.
 */
int
acme_persist_find(const struct acme_persist *want, const struct strlist *values, int64_t now, size_t *ret, char **why);

/* The content as in a zone file: in quotes, in strings of at most 255 octets. Owned by the caller. */
char *
acme_txt_quoted(const char *text);

#endif
