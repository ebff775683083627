/* daemon/store/certificate.h: the facts of a certificate in the stored struct, and what follows from them. */
#ifndef DAEMON_STORE_CERTIFICATE_H
#define DAEMON_STORE_CERTIFICATE_H

#include "daemon/store/object.h"

struct cert_info;

/* Sets the fields of @c that come from the leaf. @key_algorithm: its name. */
void
certificate_fill(struct certificate *c, const struct cert_info *info, const char *key_algorithm);

/* "revoked", "pending" (before its validity), "expired" or "active". @now: UNIX seconds. */
const char *
certificate_status(const struct certificate *c, int64_t now);

bool
certificate_has_wildcard(const struct certificate *c);

#endif
