/*
 * daemon/renew/drop_names.h: names of a certificate that keep failing (dropAfter). The first order of each renewal is
 * for all names. If it fails, the next one leaves out those that have failed for dropAfter, so that the others get a
 * certificate. The declaration is not changed: a name that validates is back with the next certificate. Pure.
 */
#ifndef DAEMON_RENEW_DROP_NAMES_H
#define DAEMON_RENEW_DROP_NAMES_H

#include "daemon/store/object.h"

/* The CA could not validate @names, in canonical form. Keeps since when. */
void
drop_names_note(struct autocert *a, const struct strlist *names, int64_t now);

/* Removes from @names those that the next order leaves out; never all of them. @ret_dropped: them. */
void
drop_names_apply(const struct autocert *a, int64_t now, struct strlist *names, struct strlist *ret_dropped);

/* A certificate was issued for @names: they do not fail any more, and what else failed and is declared is left out. */
void
drop_names_issued(struct autocert *a, const struct strlist *names);

/* What the certificate in use lacks: "a.test (since 2027-01-15T08:00:00Z), ..."; owned by the caller; NULL: nothing. */
char *
drop_names_text(const struct autocert *a);

#endif
