/*
 * daemon/renew/guard.h: compares a renewed certificate with the one in use, before it reaches consumers. Pure.
 *
 * A difference may surprise those who use the certificate: a declared name, an extended key usage or the common name is
 * missing, the key is of another kind, another organization issued it, its chain ends at another root or is missing,
 * or it lives for less than half as long. clientAuth disappears from the certificates of public CAs, and an
 * organization has many intermediates: these are only noted, and so is all that follows from a changed declaration.
 */
#ifndef DAEMON_RENEW_GUARD_H
#define DAEMON_RENEW_GUARD_H

#include "common/crypto/x509.h"

struct guard_in {
	const struct cert_info *old, *new;
	const char *old_key, *new_key; /* names of their algorithms */
	const struct strlist *names;   /* declared ones */
	bool is_redeclared;            /* the declaration was changed since the old certificate was issued */
};

/* One line each, about the new certificate. Appended. */
void
guard_compare(const struct guard_in *in, struct strlist *ret_differences, struct strlist *ret_notes);

/*
 * guard_hold_until() - until when a certificate with differences waits for approval
 * Until a twentieth of the lifetime of the certificate in use is left, because an expired certificate is worse than
 * one that differs.
 * @policy: "warn", "pass", "hold"; NULL: "warn"
 * Return: UNIX seconds; 0: it is deployed at once.
 */
int64_t
guard_hold_until(const char *policy, int64_t old_not_before_at, int64_t old_not_after_at, int64_t now);

#endif
